//! The C structures of the client API, as programs compiled against OP-TEE's header hold them.
//!
//! Every size and offset is asserted: client programs embed these structures.

use std::ffi::{c_int, c_void};

use tee_abi::client::PARAM_COUNT;

/// `TEEC_Context`.
#[repr(C)]
#[derive(Debug)]
pub struct TeecContext {
    pub(crate) imp: ContextImp,
}

/// Its implementation-defined part.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct ContextImp {
    /// Descriptor of the control socket, or -1.
    pub(crate) fd: c_int,
    pub(crate) reg_mem: bool,
    pub(crate) memref_null: bool,
}

/// `TEEC_UUID`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TeecUuid {
    pub(crate) time_low: u32,
    pub(crate) time_mid: u16,
    pub(crate) time_hi_and_version: u16,
    pub(crate) clock_seq_and_node: [u8; 8],
}

/// `TEEC_SharedMemory`.
#[repr(C)]
#[derive(Debug)]
pub struct TeecSharedMemory {
    pub(crate) buffer: *mut c_void,
    pub(crate) size: usize,
    pub(crate) flags: u32,
    pub(crate) imp: SharedMemoryImp,
}

/// Its implementation-defined part.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct SharedMemoryImp {
    /// Its number in the registry, or -1.
    pub(crate) id: c_int,
    pub(crate) alloced_size: usize,
    pub(crate) shadow_buffer: *mut c_void,
    pub(crate) registered_fd: c_int,
    pub(crate) flags: u32,
}

/// `TEEC_TempMemoryReference`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TeecTempMemoryReference {
    pub(crate) buffer: *mut c_void,
    pub(crate) size: usize,
}

/// `TEEC_RegisteredMemoryReference`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TeecRegisteredMemoryReference {
    pub(crate) parent: *mut TeecSharedMemory,
    pub(crate) size: usize,
    pub(crate) offset: usize,
}

/// `TEEC_Value`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TeecValue {
    pub(crate) a: u32,
    pub(crate) b: u32,
}

/// `TEEC_Parameter`.
#[repr(C)]
#[derive(Clone, Copy)]
pub union TeecParameter {
    pub(crate) tmpref: TeecTempMemoryReference,
    pub(crate) memref: TeecRegisteredMemoryReference,
    pub(crate) value: TeecValue,
}

/// `TEEC_Session`.
#[repr(C)]
#[derive(Debug)]
pub struct TeecSession {
    pub(crate) imp: SessionImp,
}

/// Its implementation-defined part.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct SessionImp {
    pub(crate) ctx: *mut TeecContext,
    pub(crate) session_id: u32,
}

/// `TEEC_Operation`.
#[repr(C)]
pub struct TeecOperation {
    pub(crate) started: u32,
    pub(crate) param_types: u32,
    pub(crate) params: [TeecParameter; PARAM_COUNT],
    pub(crate) imp: OperationImp,
}

/// Its implementation-defined part.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct OperationImp {
    pub(crate) session: *mut TeecSession,
}

const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<TeecContext>() == 8 && align_of::<TeecContext>() == 4);
    assert!(offset_of!(ContextImp, reg_mem) == 4);
    assert!(offset_of!(ContextImp, memref_null) == 5);
    assert!(size_of::<TeecUuid>() == 16 && align_of::<TeecUuid>() == 4);
    assert!(offset_of!(TeecUuid, time_mid) == 4);
    assert!(offset_of!(TeecUuid, time_hi_and_version) == 6);
    assert!(offset_of!(TeecUuid, clock_seq_and_node) == 8);
    assert!(size_of::<TeecSharedMemory>() == 56 && align_of::<TeecSharedMemory>() == 8);
    assert!(offset_of!(TeecSharedMemory, size) == 8);
    assert!(offset_of!(TeecSharedMemory, flags) == 16);
    assert!(offset_of!(TeecSharedMemory, imp) == 24);
    assert!(offset_of!(SharedMemoryImp, alloced_size) == 8);
    assert!(offset_of!(SharedMemoryImp, shadow_buffer) == 16);
    assert!(offset_of!(SharedMemoryImp, registered_fd) == 24);
    assert!(offset_of!(SharedMemoryImp, flags) == 28);
    assert!(size_of::<TeecTempMemoryReference>() == 16);
    assert!(offset_of!(TeecTempMemoryReference, size) == 8);
    assert!(size_of::<TeecRegisteredMemoryReference>() == 24);
    assert!(offset_of!(TeecRegisteredMemoryReference, size) == 8);
    assert!(offset_of!(TeecRegisteredMemoryReference, offset) == 16);
    assert!(size_of::<TeecValue>() == 8 && offset_of!(TeecValue, b) == 4);
    assert!(size_of::<TeecParameter>() == 24 && align_of::<TeecParameter>() == 8);
    assert!(size_of::<TeecSession>() == 16 && offset_of!(SessionImp, session_id) == 8);
    assert!(size_of::<TeecOperation>() == 112);
    assert!(offset_of!(TeecOperation, param_types) == 4);
    assert!(offset_of!(TeecOperation, params) == 8);
    assert!(offset_of!(TeecOperation, imp) == 104);
};
