//! The gate between host and guest: the context page, the assembly that enters, and the ways out:
//! the signal handler, and for system calls that were rewritten a jump.
//!
//! ```text
//! 0x1_0000    context: registers on their way in and out, the host's stack pointer and FS
//! 0x1_4000    the thread's pages: FS points at their middle unless the guest says otherwise
//! 0x1_8000    stubs of rewritten calls in the lower 2 GiB, each with a jump to `arrive`
//! 0xffff_0000 stubs of rewritten calls in the upper 2 GiB
//! ```
//!
//! # Safety
//! - The context lies at a fixed address, so that the assembly and the handler find it with no
//!   register to spare. [`Gate::open`] maps it, refusing to share it with another gate, and only
//!   `drop` unmaps it. Between them the handler is installed; outside it is not.
//! - A gate stays on the thread that made it (it is not `Send`): dispatch, signal stack, timer and
//!   the host's FS are that thread's.
//! - The handler runs on its own stack, perhaps with the guest's FS: it calls nothing, allocates
//!   nothing, touches no thread-local value and cannot panic. It only copies, and either resumes
//!   what it interrupted or sends the thread to [`leave`].
//! - `in_guest` is set by the last instruction but one of the way in, and cleared on the way out. A
//!   signal is the guest's when it is set and arrives on the gate's stack: other threads have other
//!   stacks.
#![expect(unsafe_code, reason = "it enters foreign code and handles its signals")]

use core::arch::{asm, naked_asm};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::{offset_of, zeroed};
use core::ptr::{null_mut, with_exposed_provenance_mut};

use litebox::Access;

use super::NativeError;
use super::regs::X86Regs;
use crate::{Errno, sys};

/// Where the context lies.
const CONTEXT: usize = 0x1_0000;
/// Bytes for the context and, behind [`CONTEXT_ROOM`], the thread's pages.
const AREA: usize = 0x6000;
const CONTEXT_ROOM: usize = 0x4000;
/// Where FS points by default: a page of room on both sides.
const THREAD: u64 = 0x1_5000;
/// Where stubs lie, for either half of the guest's addresses.
const STUBS: [usize; 2] = [0x1_8000, 0xffff_0000];
/// Bytes of stubs for either half, and of one stub.
const STUBS_LEN: usize = 0x8000;
const STUB: usize = 32;
/// Where compilers keep the stack protector's canary, from FS.
const CANARY: usize = 0x28;
/// Bytes for the vector registers: more than any processor's so far.
const VECTOR: usize = 12 << 10;
/// Bytes of the signal stack.
const STACK: usize = 128 << 10;
/// System calls from here on are the host's own.
const HOST: usize = 1 << 32;
/// Bytes of [`enter`]'s code and of [`arrive`]'s, at most.
const GATE_BYTES: u64 = 512;
/// A tick of the budget, in processor time.
const TICK_NANOSECONDS: i64 = 10_000_000;

/// `PR_SET_SYSCALL_USER_DISPATCH` and its modes.
const PR_DISPATCH: c_int = 59;
const DISPATCH_OFF: usize = 0;
const DISPATCH_ON: usize = 1;
/// `SIGSYS`'s code for a dispatched call.
const SYS_USER_DISPATCH: i32 = 2;
/// The kernel's mark in a signal frame that more than the first 512 bytes were saved.
const FP_XSTATE_MAGIC: u32 = 0x4650_5853;
/// The bit of `AT_HWCAP2` for FSGSBASE.
const HWCAP2_FSGSBASE: u64 = 2;
/// EFLAGS: trap, alignment check.
const TRAP_FLAG: i64 = 1 << 8;
const ALIGNMENT_FLAG: i64 = 1 << 18;

const SIGNALS: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGFPE,
    libc::SIGSYS,
    libc::SIGVTALRM,
];

/// In the place of a signal's number: the guest came by [`arrive`].
const CALL: i32 = 0;

/// What the assembly, the handler and the rest share.
#[repr(C)]
struct Context {
    /// Where stubs jump to.
    arrive: u64,
    host_rsp: u64,
    host_fs: u64,
    guest_fs: u64,
    rip: u64,
    rflags: u64,
    mxcsr_host: u32,
    mxcsr_guest: u32,
    /// Whether `vector` is to be loaded, and then flags as well.
    exact: u64,
    in_guest: u64,
    /// Where the signal stack begins.
    stack: u64,
    gpr: [u64; 16],
    signo: i32,
    code: i32,
    addr: u64,
    error: u64,
    trap: u64,
    /// Bytes of `vector` that the last signal filled.
    saved: u64,
    before: [libc::sigaction; SIGNALS.len()],
    vector: Vector,
}

#[repr(C, align(64))]
struct Vector([u8; VECTOR]);

const _: () = assert!(size_of::<Context>() <= CONTEXT_ROOM && CONTEXT.is_multiple_of(64));

fn context() -> *mut Context {
    with_exposed_provenance_mut(CONTEXT)
}

/// What ended a stay in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// A system call by a rewritten instruction.
    Call,
    /// A system call instruction, or another way into the kernel.
    Dispatch,
    /// A tick of processor time.
    Tick,
    /// `int3`.
    Breakpoint,
    /// The trap flag.
    Step,
    /// No instruction, or one that ends in an arithmetic trap.
    Undefined,
    /// An access that the page forbids.
    Page {
        /// The address.
        addr: u64,
        /// What was attempted.
        access: Access,
    },
    /// An address that no pointer can have, or a privileged instruction.
    Protection,
    /// An address that is not aligned, with the guest's wish to be told.
    Alignment {
        /// The address.
        addr: u64,
    },
}

/// The open gate. It stays on its thread.
#[derive(Debug)]
pub(super) struct Gate {
    stack: Vec<u8>,
    stack_before: libc::stack_t,
    timer: libc::timer_t,
    ticking: bool,
    /// Stubs in use, for either half of the guest's addresses.
    used: [usize; 2],
    on_this_thread: PhantomData<*mut ()>,
}

/// A result that is negative on error.
fn check(result: c_int) -> Result<(), Errno> {
    if result < 0 {
        Err(Errno::last())
    } else {
        Ok(())
    }
}

impl Gate {
    /// Opens the gate.
    pub(super) fn open() -> Result<Self, NativeError> {
        // SAFETY: reads the auxiliary vector.
        if unsafe { libc::getauxval(libc::AT_HWCAP2) } & HWCAP2_FSGSBASE == 0 {
            return Err(NativeError::FsBase);
        }
        map_areas().map_err(NativeError::Map)?;
        // From here on `drop` undoes what was done.
        let mut gate = Self {
            stack: vec![0; STACK],
            // SAFETY: a struct of numbers and a pointer, for which zero is a value.
            stack_before: unsafe { zeroed() },
            timer: null_mut(),
            ticking: false,
            used: [0; 2],
            on_this_thread: PhantomData,
        };
        gate.take_signals().map_err(NativeError::Signals)?;
        dispatch(DISPATCH_ON).map_err(NativeError::Dispatch)?;
        Ok(gate)
    }

    fn take_signals(&mut self) -> Result<(), Errno> {
        // SAFETY: the stack lives as long as the gate; the handler's properties are those of the
        // module's head; structs of numbers start as zero.
        unsafe {
            let stack = libc::stack_t {
                ss_sp: self.stack.as_mut_ptr().cast(),
                ss_flags: 0,
                ss_size: STACK,
            };
            (*context()).stack = stack.ss_sp as u64;
            check(libc::sigaltstack(
                &raw const stack,
                &raw mut self.stack_before,
            ))?;
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigfillset(&raw mut action.sa_mask);
            for (at, signal) in SIGNALS.into_iter().enumerate() {
                let before = (&raw mut (*context()).before)
                    .cast::<libc::sigaction>()
                    .add(at);
                check(libc::sigaction(signal, &raw const action, before))?;
            }
            let mut event: libc::sigevent = zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGVTALRM;
            event.sigev_notify_thread_id = libc::gettid();
            let clock = libc::CLOCK_THREAD_CPUTIME_ID;
            check(libc::timer_create(
                clock,
                &raw mut event,
                &raw mut self.timer,
            ))
        }
    }

    /// Starts or stops the ticks.
    pub(super) fn tick(&mut self, on: bool) {
        if self.ticking == on {
            return;
        }
        let every = libc::timespec {
            tv_sec: 0,
            tv_nsec: if on { TICK_NANOSECONDS } else { 0 },
        };
        let times = libc::itimerspec {
            it_interval: every,
            it_value: every,
        };
        // SAFETY: the timer is the gate's; the call can only fail for bad numbers.
        unsafe { libc::timer_settime(self.timer, 0, &raw const times, null_mut()) };
        self.ticking = on;
    }

    /// Places a stub for a call in the half of the address, whose instructions go on into
    /// [`arrive`]; tells where it lies. `None` when there is no room.
    pub(super) fn place_stub(&mut self, site: u64, code: &[u8]) -> Option<u64> {
        let half = usize::from(site >= 1 << 31);
        let (start, used) = (*STUBS.get(half)?, self.used.get_mut(half)?);
        // jmp [arrive]
        let arrive = (CONTEXT + offset_of!(Context, arrive)) as u32;
        let mut stub = code.to_vec();
        stub.extend([0xff, 0x24, 0x25]);
        stub.extend(arrive.to_le_bytes());
        let at = start + *used * STUB;
        if stub.len() > STUB || *used >= STUBS_LEN / STUB {
            return None;
        }
        protect(start, libc::PROT_READ | libc::PROT_WRITE).ok()?;
        let to: *mut u8 = with_exposed_provenance_mut(at);
        // SAFETY: the stub lies in the gate's own pages, which are writable now and are not run
        // meanwhile.
        unsafe { to.copy_from_nonoverlapping(stub.as_ptr(), stub.len()) };
        protect(start, libc::PROT_READ | libc::PROT_EXEC).ok()?;
        *used += 1;
        Some(at as u64)
    }

    /// Runs the guest from where its registers say until a signal ends its stay; tells which.
    pub(super) fn enter(&mut self, regs: &mut X86Regs) -> Signal {
        // SAFETY: the context is mapped while the gate is open, and the handler does not touch it
        // while the host runs. The guest's code is the subject of `NativeCpu::new`'s contract.
        unsafe {
            let context = context();
            (*context).gpr = regs.gpr;
            (*context).rip = regs.rip;
            (*context).rflags = regs.rflags;
            (*context).guest_fs = if regs.fs == 0 { THREAD } else { regs.fs };
            (*context).mxcsr_guest = regs.mxcsr;
            (*context).exact = u64::from(regs.vector.is_some());
            if let Some(vector) = &regs.vector {
                let into = (&raw mut (*context).vector).cast::<u8>();
                into.copy_from_nonoverlapping(vector.as_ptr(), vector.len().min(VECTOR));
            }
            enter();
            regs.gpr = (*context).gpr;
            regs.rip = (*context).rip;
            regs.rflags = (*context).rflags;
            regs.fs = (*context).guest_fs;
            regs.mxcsr = (*context).mxcsr_guest;
            let signal = classify(&*context);
            regs.vector = None;
            if !matches!(signal, Signal::Call | Signal::Dispatch) {
                let bytes = (&raw const (*context).vector).cast::<u8>();
                let saved = ((*context).saved as usize).min(VECTOR);
                let saved = core::slice::from_raw_parts(bytes, saved);
                regs.vector = (!saved.is_empty()).then(|| saved.into());
            }
            signal
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = dispatch(DISPATCH_OFF);
        // SAFETY: undoes what `open` did, as far as it came: actions that were not replaced are
        // all zero, which is the default action; a stack that was not replaced is too.
        unsafe {
            if !self.timer.is_null() {
                libc::timer_delete(self.timer);
            }
            for (at, signal) in SIGNALS.into_iter().enumerate() {
                let before = (&raw const (*context()).before)
                    .cast::<libc::sigaction>()
                    .add(at);
                libc::sigaction(signal, before, null_mut());
            }
            if self.stack_before.ss_sp.is_null() {
                self.stack_before.ss_flags = libc::SS_DISABLE;
            }
            libc::sigaltstack(&raw const self.stack_before, null_mut());
        }
        unmap_areas();
    }
}

/// Maps the context, the thread's pages with a random canary, and the pages for stubs.
fn map_areas() -> Result<(), Errno> {
    map(CONTEXT, AREA)?;
    for stubs in STUBS {
        map(stubs, STUBS_LEN)?;
    }
    let arrive = arrive as *const () as u64;
    let mut canary = [0; 8];
    sys::random(&mut canary)?;
    let at: *mut [u8; 8] = with_exposed_provenance_mut(THREAD as usize + CANARY);
    let host_fs: u64;
    let mut mxcsr_host = 0u32;
    // SAFETY: the context and the thread's pages were mapped just now; the instructions read two
    // registers of this thread that stay as they are.
    unsafe {
        asm!("rdfsbase {}", out(reg) host_fs, options(nomem, nostack, preserves_flags));
        asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr_host, options(nostack, preserves_flags));
        (*context()).arrive = arrive;
        (*context()).host_fs = host_fs;
        (*context()).mxcsr_host = mxcsr_host;
        at.write(canary);
    }
    Ok(())
}

/// Maps zeroed pages at unused addresses.
fn map(at: usize, len: usize) -> Result<(), Errno> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: MAP_FIXED_NOREPLACE refuses addresses that are in use.
    let got = unsafe { libc::mmap(with_exposed_provenance_mut(at), len, prot, flags, -1, 0) };
    if got == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    Ok(())
}

/// Changes the protection of the stubs of one half.
fn protect(stubs: usize, prot: c_int) -> Result<(), Errno> {
    // SAFETY: the pages are the gate's own.
    check(unsafe { libc::mprotect(with_exposed_provenance_mut(stubs), STUBS_LEN, prot) })
}

/// Unmaps whatever [`map_areas`] mapped.
fn unmap_areas() {
    for (at, len) in [
        (CONTEXT, AREA),
        (STUBS[0], STUBS_LEN),
        (STUBS[1], STUBS_LEN),
    ] {
        // SAFETY: these addresses are the gate's own, if anything is mapped there.
        unsafe { libc::munmap(with_exposed_provenance_mut(at), len) };
    }
}

/// Switches the dispatch of this thread's system calls. With no selector, calls from below
/// [`HOST`] are always dispatched: there is nothing that the guest could overwrite.
fn dispatch(mode: usize) -> Result<(), Errno> {
    let (from, len) = match mode {
        DISPATCH_ON => (HOST, isize::MAX as usize - HOST),
        _ => (0, 0),
    };
    // SAFETY: numbers, and a null pointer that stands for "no selector".
    check(unsafe { libc::prctl(PR_DISPATCH, mode, from, len, null_mut::<c_void>()) })
}

/// What the written-down signal was.
fn classify(context: &Context) -> Signal {
    let addr = context.addr;
    // The page fault's error code: bit 1 write, bit 4 fetch.
    let access = match context.error {
        error if error & 16 != 0 => Access::Execute,
        error if error & 2 != 0 => Access::Write,
        _ => Access::Read,
    };
    const PAGE_FAULT: u64 = 14;
    match context.signo {
        CALL => Signal::Call,
        libc::SIGSYS if context.code == SYS_USER_DISPATCH => Signal::Dispatch,
        libc::SIGVTALRM => Signal::Tick,
        libc::SIGTRAP if context.trap == 1 => Signal::Step,
        libc::SIGTRAP => Signal::Breakpoint,
        libc::SIGBUS => Signal::Alignment { addr },
        libc::SIGSEGV if context.trap == PAGE_FAULT => Signal::Page { addr, access },
        libc::SIGSEGV => Signal::Protection,
        _ => Signal::Undefined,
    }
}

/// Loads the general registers that are not yet needed for the way in itself: all but rsp.
macro_rules! load_registers {
    () => {
        "mov rcx, [{gpr} + 8]
         mov rdx, [{gpr} + 16]
         mov rbx, [{gpr} + 24]
         mov rbp, [{gpr} + 40]
         mov rsi, [{gpr} + 48]
         mov rdi, [{gpr} + 56]
         mov r8, [{gpr} + 64]
         mov r9, [{gpr} + 72]
         mov r10, [{gpr} + 80]
         mov r11, [{gpr} + 88]
         mov r12, [{gpr} + 96]
         mov r13, [{gpr} + 104]
         mov r14, [{gpr} + 112]
         mov r15, [{gpr} + 120]
         mov rax, [{gpr}]"
    };
}

/// Enters the guest; returns when [`leave`] does. The last instruction of either way runs with
/// `in_guest` set, and with nothing of the context used up.
#[unsafe(naked)]
unsafe extern "C" fn enter() {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [{host_rsp}], rsp",
        "mov rcx, [{guest_fs}]",
        "cmp qword ptr [{exact}], 0",
        "jne 2f",
        // Called, or back from a system call: vectors and flags carry nothing.
        "mov eax, [{mxcsr_guest}]",
        "cmp eax, [{mxcsr_host}]",
        "je 3f",
        "ldmxcsr [{mxcsr_guest}]",
        "3:",
        "wrfsbase rcx",
        load_registers!(),
        "mov rsp, [{gpr} + 32]",
        "mov qword ptr [{in_guest}], 1",
        "jmp qword ptr [{rip}]",
        // Interrupted: everything is as it was, the trap flag included.
        "2:",
        "mov eax, -1",
        "mov edx, -1",
        "xrstor64 [{vector}]",
        "wrfsbase rcx",
        "mov eax, ss",
        "push rax",
        "push qword ptr [{gpr} + 32]",
        "push qword ptr [{rflags}]",
        "mov eax, cs",
        "push rax",
        "push qword ptr [{rip}]",
        load_registers!(),
        "mov qword ptr [{in_guest}], 1",
        "iretq",
        host_rsp = const CONTEXT + offset_of!(Context, host_rsp),
        mxcsr_host = const CONTEXT + offset_of!(Context, mxcsr_host),
        mxcsr_guest = const CONTEXT + offset_of!(Context, mxcsr_guest),
        exact = const CONTEXT + offset_of!(Context, exact),
        vector = const CONTEXT + offset_of!(Context, vector),
        rflags = const CONTEXT + offset_of!(Context, rflags),
        guest_fs = const CONTEXT + offset_of!(Context, guest_fs),
        gpr = const CONTEXT + offset_of!(Context, gpr),
        in_guest = const CONTEXT + offset_of!(Context, in_guest),
        rip = const CONTEXT + offset_of!(Context, rip),
    )
}

/// Where the handler sends the thread: the guest's registers are written down, the host's stack is
/// in place, and everything else is still the guest's.
#[unsafe(naked)]
unsafe extern "C" fn leave() {
    naked_asm!(
        "rdfsbase rax",
        "mov [{guest_fs}], rax",
        "mov rax, [{host_fs}]",
        "wrfsbase rax",
        "stmxcsr [{mxcsr_guest}]",
        "ldmxcsr [{mxcsr_host}]",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx",
        "ret",
        guest_fs = const CONTEXT + offset_of!(Context, guest_fs),
        host_fs = const CONTEXT + offset_of!(Context, host_fs),
        mxcsr_guest = const CONTEXT + offset_of!(Context, mxcsr_guest),
        mxcsr_host = const CONTEXT + offset_of!(Context, mxcsr_host),
    )
}

/// Where stubs jump to: a system call's registers, with the address behind it in rcx. Nothing of the
/// guest's is changed before all of it is written down and `in_guest` is cleared.
#[unsafe(naked)]
unsafe extern "C" fn arrive() {
    naked_asm!(
        "mov [{gpr}], rax",
        "mov [{gpr} + 8], rcx",
        "mov [{gpr} + 16], rdx",
        "mov [{gpr} + 24], rbx",
        "mov [{gpr} + 32], rsp",
        "mov [{gpr} + 40], rbp",
        "mov [{gpr} + 48], rsi",
        "mov [{gpr} + 56], rdi",
        "mov [{gpr} + 64], r8",
        "mov [{gpr} + 72], r9",
        "mov [{gpr} + 80], r10",
        "mov [{gpr} + 88], r11",
        "mov [{gpr} + 96], r12",
        "mov [{gpr} + 104], r13",
        "mov [{gpr} + 112], r14",
        "mov [{gpr} + 120], r15",
        "mov [{rip}], rcx",
        "mov dword ptr [{signo}], {call}",
        "mov qword ptr [{in_guest}], 0",
        "cld",
        "rdfsbase rax",
        "mov [{guest_fs}], rax",
        "mov rax, [{host_fs}]",
        "wrfsbase rax",
        "stmxcsr [{mxcsr_guest}]",
        "mov eax, [{mxcsr_guest}]",
        "cmp eax, [{mxcsr_host}]",
        "je 2f",
        "ldmxcsr [{mxcsr_host}]",
        "2:",
        "mov rsp, [{host_rsp}]",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
        gpr = const CONTEXT + offset_of!(Context, gpr),
        rip = const CONTEXT + offset_of!(Context, rip),
        signo = const CONTEXT + offset_of!(Context, signo),
        call = const CALL,
        in_guest = const CONTEXT + offset_of!(Context, in_guest),
        guest_fs = const CONTEXT + offset_of!(Context, guest_fs),
        host_fs = const CONTEXT + offset_of!(Context, host_fs),
        mxcsr_guest = const CONTEXT + offset_of!(Context, mxcsr_guest),
        mxcsr_host = const CONTEXT + offset_of!(Context, mxcsr_host),
        host_rsp = const CONTEXT + offset_of!(Context, host_rsp),
    )
}

/// The general registers in the instruction set's order, as a signal frame numbers them.
const FRAME: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// The one handler. See the module's head for what it may do.
unsafe extern "C" fn on_signal(signo: c_int, info: *const libc::siginfo_t, frame: *mut c_void) {
    let frame: *mut libc::ucontext_t = frame.cast();
    // SAFETY: the kernel passes a siginfo and a frame that are the handler's to use; the context
    // is mapped while the handler is installed.
    unsafe {
        let machine = &raw mut (*frame).uc_mcontext;
        let registers = (&raw mut (*machine).gregs).cast::<i64>();
        let register = |number: c_int| registers.add(number as usize);
        let context = context();
        let rip = *register(libc::REG_RIP) as u64;
        let on_this_thread = (frame as u64).wrapping_sub((*context).stack) < STACK as u64;
        if !on_this_thread || is_on_the_way(rip) || (*context).in_guest == 0 {
            return of_the_host(signo, register(libc::REG_EFL));
        }
        (*context).in_guest = 0;
        let mut to = (&raw mut (*context).gpr).cast::<u64>();
        for number in FRAME {
            to.write(*register(number) as u64);
            to = to.add(1);
        }
        (*context).rip = rip;
        (*context).rflags = *register(libc::REG_EFL) as u64;
        (*context).error = *register(libc::REG_ERR) as u64;
        (*context).trap = *register(libc::REG_TRAPNO) as u64;
        (*context).signo = signo;
        (*context).code = (*info).si_code;
        (*context).addr = (*info).si_addr() as u64;
        (*context).saved = save_vector(
            (*machine).fpregs.cast(),
            (&raw mut (*context).vector).cast(),
        );
        *register(libc::REG_RIP) = leave as *const () as i64;
        *register(libc::REG_RSP) = (*context).host_rsp as i64;
        *register(libc::REG_EFL) = 0x202;
    }
}

/// Whether an address is the gate's own code: a few instructions without loops. A tick that comes
/// there is left to the next one.
fn is_on_the_way(rip: u64) -> bool {
    let within = |start: u64, len: u64| rip.wrapping_sub(start) < len;
    within(enter as *const () as u64, GATE_BYTES)
        || within(arrive as *const () as u64, GATE_BYTES)
        || within(STUBS[0] as u64, STUBS_LEN as u64)
        || within(STUBS[1] as u64, STUBS_LEN as u64)
}

/// A signal that arrived while the host ran, or the gate.
///
/// # Safety
/// Called by the handler, with a pointer to the interrupted flags.
unsafe fn of_the_host(signo: c_int, flags: *mut i64) {
    // SAFETY: the flags are the frame's; the context is mapped.
    unsafe {
        // Flags that the guest left behind are not the host's.
        if *flags & (TRAP_FLAG | ALIGNMENT_FLAG) != 0
            && matches!(signo, libc::SIGTRAP | libc::SIGBUS)
        {
            *flags &= !(TRAP_FLAG | ALIGNMENT_FLAG);
            return;
        }
        if signo == libc::SIGVTALRM {
            return;
        }
        // A fault of the host's own: it happens again, with the action that was there before.
        for (at, signal) in SIGNALS.into_iter().enumerate() {
            if signal == signo {
                let before = (&raw const (*context()).before)
                    .cast::<libc::sigaction>()
                    .add(at);
                libc::sigaction(signo, before, null_mut());
            }
        }
    }
}

/// Copies the vector registers out of a signal frame; tells how many bytes.
///
/// # Safety
/// `from` is the frame's floating-point state or null, and `to` has room for [`VECTOR`] bytes.
unsafe fn save_vector(from: *const u8, to: *mut u8) -> u64 {
    const LEGACY: usize = 512;
    const HEADER: usize = 64;
    const MAGIC: usize = 464;
    const SIZE: usize = 480;
    if from.is_null() {
        return 0;
    }
    // SAFETY: the frame holds 512 bytes, and where its mark says so as many as it tells.
    unsafe {
        let marked = from.add(MAGIC).cast::<u32>().read_unaligned() == FP_XSTATE_MAGIC;
        let told = from.add(SIZE).cast::<u32>().read_unaligned() as usize;
        let size = if marked { told } else { LEGACY };
        if size > VECTOR {
            return 0;
        }
        // By one instruction: the compiler's own choice could be a call.
        asm!(
            "rep movsb",
            inout("rcx") size => _, inout("rsi") from => _, inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
        if !marked {
            // `xrstor` wants a header: x87 and SSE are there.
            asm!(
                "rep stosb",
                inout("rcx") HEADER => _, inout("rdi") to.add(LEGACY) => _, in("al") 0u8,
                options(nostack, preserves_flags),
            );
            to.add(LEGACY).write(3);
            return (LEGACY + HEADER) as u64;
        }
        size as u64
    }
}
