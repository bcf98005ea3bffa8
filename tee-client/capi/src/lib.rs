//! `libteec.so.2`: the TEE Client API for C programs, against a teebox world.
//!
//! Programs that were compiled against OP-TEE's `tee_client_api.h` run with it unchanged: the same
//! ten functions, structures, results and origins. It puts C structures and raw pointers on top of
//! [`tee_client`] and knows nothing else: no TA, no file, no thread of its own.
//!
//! # Safety
//! Every exported function trusts the program to pass what the client API demands: pointers that
//! are null or live, structures of the right type, buffers as long as they say. Nothing unwinds
//! into C: each function catches panics and answers `TEEC_ERROR_GENERIC`.

mod buffer;
mod operation;
mod registry;
mod trace;
mod types;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use tee_abi::client::{MEM_INPUT, MEM_OUTPUT, TEE_NAME};
use tee_client::{Context, Login, Origin, Outcome, SharedMemory, TeeResult, Uuid};

pub use trace::{_dprintf, dump_buffer};
pub use types::{
    TeecContext, TeecOperation, TeecParameter, TeecRegisteredMemoryReference, TeecSession,
    TeecSharedMemory, TeecTempMemoryReference, TeecUuid, TeecValue,
};

use buffer::RawBuffer;
use operation::TakenOperation;

/// `TEEC_Result`.
type TeecResult = u32;

const SUCCESS: TeecResult = TeeResult::SUCCESS.0;
const BAD_PARAMETERS: TeecResult = TeeResult::ERROR_BAD_PARAMETERS.0;
const OUT_OF_MEMORY: TeecResult = TeeResult::ERROR_OUT_OF_MEMORY.0;

/// Runs the body of an exported function; our own bug is an answer, not an abort of the program.
fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Connects to the world that `TEEBOX_SOCKET` names. `name` is NULL or `optee-tz`.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_InitializeContext(
    name: *const c_char,
    context: *mut TeecContext,
) -> TeecResult {
    guarded(TeeResult::ERROR_GENERIC.0, || {
        if context.is_null() {
            return BAD_PARAMETERS;
        }
        // SAFETY: not null, hence a C string.
        if !name.is_null() && unsafe { CStr::from_ptr(name) }.to_bytes() != TEE_NAME.as_bytes() {
            return TeeResult::ERROR_ITEM_NOT_FOUND.0;
        }
        match Context::from_environment() {
            Ok(new) => {
                let imp = types::ContextImp {
                    fd: registry::add_context(new),
                    reg_mem: true,
                    memref_null: true,
                };
                // SAFETY: not null, hence room for a context.
                unsafe { context.write(TeecContext { imp }) };
                SUCCESS
            }
            Err(error) => {
                eprintln!("libteec: {error}");
                eprintln!(
                    "hint: start the program with `teebox run -- PROGRAM`, or see `teebox serve`"
                );
                TeeResult::ERROR_ITEM_NOT_FOUND.0
            }
        }
    })
}

/// Ends a context, and closes the sessions that are still open in it.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_FinalizeContext(context: *mut TeecContext) {
    guarded((), || {
        // SAFETY: null or a live context.
        let Some(context) = (unsafe { context.as_ref() }) else {
            return;
        };
        if let Some((_context, sessions)) = registry::remove_context(context.imp.fd) {
            for session in sessions {
                session.close();
            }
        }
    });
}

/// Opens a session to a TA.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_OpenSession(
    context: *mut TeecContext,
    session: *mut TeecSession,
    destination: *const TeecUuid,
    connection_method: u32,
    connection_data: *const c_void,
    operation: *mut TeecOperation,
    return_origin: *mut u32,
) -> TeecResult {
    let answer = guarded((TeeResult::ERROR_GENERIC, Origin::Api), || {
        if context.is_null() || session.is_null() || destination.is_null() {
            return (TeeResult::ERROR_BAD_PARAMETERS, Origin::Api);
        }
        let login = Login(connection_method);
        let group = match login {
            // SAFETY: these methods come with a pointer to a group number, or NULL.
            Login::GROUP | Login::APPLICATION_GROUP => unsafe { read_group(connection_data) },
            _ => Some(0),
        };
        let Some(group) = group else {
            return (TeeResult::ERROR_BAD_PARAMETERS, Origin::Api);
        };
        // SAFETY: not null, hence a UUID and a context.
        let (uuid, fd) = unsafe { (uuid(&*destination), (*context).imp.fd) };
        // SAFETY: null or an operation.
        let taken = match unsafe { TakenOperation::read(operation) } {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let Some(known) = registry::context(fd) else {
            return (TeeResult::ERROR_GENERIC, Origin::Comms);
        };
        let (outcome, opened) = known.open_session(uuid, login, group, &taken.params());
        if let Some(id) = opened.and_then(|opened| registry::add_session(fd, opened)) {
            let imp = types::SessionImp {
                ctx: context,
                session_id: id,
            };
            // SAFETY: not null, hence room for a session.
            unsafe { session.write(TeecSession { imp }) };
        }
        // SAFETY: the operation that was read above.
        unsafe { finish(&taken, operation, &outcome) }
    });
    // SAFETY: null or room for an origin.
    unsafe { conclude(answer, return_origin) }
}

/// Closes a session.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_CloseSession(session: *mut TeecSession) {
    guarded((), || {
        // SAFETY: null or a live session.
        let Some((fd, id)) = (unsafe { session_key(session) }) else {
            return;
        };
        if let Some(session) = registry::remove_session(fd, id) {
            session.close();
        }
    });
}

/// Invokes a command of a TA.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_InvokeCommand(
    session: *mut TeecSession,
    command: u32,
    operation: *mut TeecOperation,
    return_origin: *mut u32,
) -> TeecResult {
    let answer = guarded((TeeResult::ERROR_GENERIC, Origin::Api), || {
        // SAFETY: null or a live session.
        let Some((fd, id)) = (unsafe { session_key(session) }) else {
            return (TeeResult::ERROR_BAD_PARAMETERS, Origin::Api);
        };
        if !operation.is_null() {
            // SAFETY: not null, hence an operation.
            unsafe { session_of(operation) }.store(session, Ordering::Release);
        }
        // SAFETY: null or an operation.
        let taken = match unsafe { TakenOperation::read(operation) } {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let Some(session) = registry::session(fd, id) else {
            return (TeeResult::ERROR_BAD_PARAMETERS, Origin::Comms);
        };
        let outcome = session.invoke(command, &taken.params());
        // SAFETY: the operation that was read above.
        unsafe { finish(&taken, operation, &outcome) }
    });
    // SAFETY: null or room for an origin.
    unsafe { conclude(answer, return_origin) }
}

/// Asks to cancel the command that an operation was last invoked with.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_RequestCancellation(operation: *mut TeecOperation) {
    guarded((), || {
        if operation.is_null() {
            return;
        }
        // SAFETY: not null, hence an operation.
        let session = unsafe { session_of(operation) }.load(Ordering::Acquire);
        // SAFETY: null, or the session that the operation was last invoked with.
        let Some((fd, id)) = (unsafe { session_key(session) }) else {
            return;
        };
        if let Some(session) = registry::session(fd, id) {
            session.request_cancellation();
        }
    });
}

/// Makes memory of the program known to a context.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_RegisterSharedMemory(
    context: *mut TeecContext,
    memory: *mut TeecSharedMemory,
) -> TeecResult {
    guarded(TeeResult::ERROR_GENERIC.0, || {
        // SAFETY: null or live.
        let (context, memory) = match unsafe { shared_memory_arguments(context, memory) } {
            Ok(both) => both,
            Err(result) => return result,
        };
        if memory.buffer.is_null() {
            return BAD_PARAMETERS;
        }
        // SAFETY: the program promises the buffer until it releases the memory.
        let buffer = unsafe { RawBuffer::new(memory.buffer, memory.size) };
        let known = context.register(Box::new(buffer));
        keep(memory, known);
        SUCCESS
    })
}

/// Makes the memory behind a descriptor known to a context.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_RegisterSharedMemoryFileDescriptor(
    context: *mut TeecContext,
    memory: *mut TeecSharedMemory,
    fd: c_int,
) -> TeecResult {
    guarded(TeeResult::ERROR_GENERIC.0, || {
        // SAFETY: null or live.
        let (context, memory) = match unsafe { shared_memory_arguments(context, memory) } {
            Ok(both) => both,
            Err(result) => return result,
        };
        let Ok(fd) = tee_channel::duplicate(fd) else {
            return BAD_PARAMETERS;
        };
        let Ok(known) = context.import(fd) else {
            return BAD_PARAMETERS;
        };
        memory.buffer = ptr::null_mut();
        memory.size = usize::try_from(known.size()).unwrap_or(usize::MAX);
        keep(memory, known);
        SUCCESS
    })
}

/// Allocates memory that program and TA share.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_AllocateSharedMemory(
    context: *mut TeecContext,
    memory: *mut TeecSharedMemory,
) -> TeecResult {
    guarded(TeeResult::ERROR_GENERIC.0, || {
        // SAFETY: null or live.
        let (context, memory) = match unsafe { shared_memory_arguments(context, memory) } {
            Ok(both) => both,
            Err(result) => return result,
        };
        let Ok(known) = context.allocate(memory.size as u64) else {
            memory.buffer = ptr::null_mut();
            return OUT_OF_MEMORY;
        };
        let buffer = known.mapping().map(tee_channel::Mapping::as_ptr);
        memory.buffer = buffer.unwrap_or(ptr::null_mut()).cast();
        keep(memory, known);
        SUCCESS
    })
}

/// Frees memory that was allocated, or forgets memory that was registered.
///
/// # Safety
/// See the crate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TEEC_ReleaseSharedMemory(memory: *mut TeecSharedMemory) {
    guarded((), || {
        // SAFETY: null or a live structure.
        let Some(memory) = (unsafe { memory.as_mut() }) else {
            return;
        };
        if memory.imp.id == -1 {
            return;
        }
        drop(registry::remove_memory(memory.imp.id));
        memory.imp.id = -1;
        memory.imp.shadow_buffer = ptr::null_mut();
        memory.buffer = ptr::null_mut();
        memory.imp.registered_fd = -1;
        memory.imp.flags = 0;
    });
}

/// # Safety
/// Null or a pointer to a group number.
unsafe fn read_group(data: *const c_void) -> Option<u32> {
    // SAFETY: not null, hence four bytes of any alignment.
    (!data.is_null()).then(|| unsafe { data.cast::<u32>().read_unaligned() })
}

const fn uuid(given: &TeecUuid) -> Uuid {
    Uuid::from_fields(
        given.time_low,
        given.time_mid,
        given.time_hi_and_version,
        given.clock_seq_and_node,
    )
}

/// # Safety
/// Null, or a live session whose context is live too.
unsafe fn session_key(session: *const TeecSession) -> Option<(i32, u32)> {
    // SAFETY: see above.
    let session = unsafe { session.as_ref() }?;
    // SAFETY: see above.
    let context = unsafe { session.imp.ctx.as_ref() }?;
    Some((context.imp.fd, session.imp.session_id))
}

/// The session field of an operation, which one thread writes while another cancels.
///
/// # Safety
/// A live operation, for as long as the result is used.
unsafe fn session_of<'a>(operation: *mut TeecOperation) -> &'a AtomicPtr<TeecSession> {
    // SAFETY: a live, aligned pointer field that this library alone accesses, always atomically.
    unsafe { AtomicPtr::from_ptr(&raw mut (*operation).imp.session) }
}

/// # Safety
/// The operation that was read.
unsafe fn finish(
    taken: &TakenOperation,
    operation: *mut TeecOperation,
    outcome: &Outcome,
) -> (TeeResult, Origin) {
    // SAFETY: see above.
    unsafe { taken.write_back(operation, outcome) };
    (outcome.result, outcome.origin)
}

/// # Safety
/// Null or room for an origin.
unsafe fn conclude((result, origin): (TeeResult, Origin), out: *mut u32) -> TeecResult {
    if !out.is_null() {
        // SAFETY: see above.
        unsafe { out.write(origin as u32) };
    }
    result.0
}

/// # Safety
/// Both are null or live.
unsafe fn shared_memory_arguments<'a>(
    context: *mut TeecContext,
    memory: *mut TeecSharedMemory,
) -> Result<(std::sync::Arc<Context>, &'a mut TeecSharedMemory), TeecResult> {
    // SAFETY: see above.
    let (Some(context), Some(memory)) = (unsafe { (context.as_ref(), memory.as_mut()) }) else {
        return Err(BAD_PARAMETERS);
    };
    if memory.flags == 0 || memory.flags & !(MEM_INPUT | MEM_OUTPUT) != 0 {
        return Err(BAD_PARAMETERS);
    }
    let context = registry::context(context.imp.fd).ok_or(TeeResult::ERROR_GENERIC.0)?;
    Ok((context, memory))
}

fn keep(memory: &mut TeecSharedMemory, known: SharedMemory) {
    memory.imp = types::SharedMemoryImp {
        alloced_size: memory.size,
        shadow_buffer: ptr::null_mut(),
        registered_fd: -1,
        flags: 0,
        id: registry::add_memory(known),
    };
}
