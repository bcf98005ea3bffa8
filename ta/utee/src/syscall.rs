//! One stub per row of `tee-abi`'s syscall table, with upstream's argument order.
//!
//! These are the raw calls; the other modules wrap them. A stub is unsafe because the TEE reads
//! and writes through the pointers it is given.
#![expect(
    clippy::too_many_arguments,
    reason = "a syscall has up to eight argument words"
)]

use core::ffi::c_void;

use tee_abi::TeeResult;

use crate::layout::{ObjectInfo, RawAttribute, RawParams, RawUuid, Time};

/// A word that a syscall takes in a register.
trait Word {
    fn word(self) -> usize;
}

impl Word for usize {
    #[inline(always)]
    fn word(self) -> usize {
        self
    }
}

impl Word for i32 {
    #[inline(always)]
    fn word(self) -> usize {
        self as isize as usize
    }
}

impl<T> Word for *const T {
    #[inline(always)]
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Word for *mut T {
    #[inline(always)]
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

/// The address of a buffer that the TEE reads. An empty one is NULL, as C passes it: its address in
/// Rust is that of no page, and OP-TEE versions differ in whether they examine it.
pub fn source(bytes: &[u8]) -> *const u8 {
    if bytes.is_empty() {
        return core::ptr::null();
    }
    bytes.as_ptr()
}

/// The address of a buffer that the TEE writes, by the same rule as [`source`].
pub fn target(bytes: &mut [u8]) -> *mut u8 {
    if bytes.is_empty() {
        return core::ptr::null_mut();
    }
    bytes.as_mut_ptr()
}

macro_rules! kind {
    (Ulong) => { usize };
    (Size) => { usize };
    (I32) => { i32 };
    (Addr) => { *const c_void };
    (BufIn) => { *const u8 };
    (BufOut) => { *mut u8 };
    (U32Out) => { *mut u32 };
    (U32InOut) => { *mut u32 };
    (U64Out) => { *mut u64 };
    (U64InOut) => { *mut u64 };
    (TimeIn) => { *const Time };
    (TimeOut) => { *mut Time };
    (UuidIn) => { *const RawUuid };
    (ParamsInOut) => { *mut RawParams };
    (AttrsIn) => { *const RawAttribute };
    (InfoOut) => { *mut ObjectInfo };
}

macro_rules! stubs {
    ($( $number:literal $name:ident $scn:ident $stub:literal ( $($arg:ident : $kind:ident),* ) $support:tt; )*) => {
        $(
            #[doc = concat!("`", $stub, "`, syscall ", stringify!($number), ".")]
            ///
            /// # Safety
            /// Every pointer must be valid for what the TEE does with it.
            #[inline]
            pub unsafe fn $name($($arg: kind!($kind)),*) -> TeeResult {
                // SAFETY: passed on to the caller.
                TeeResult(unsafe { crate::arch::syscall($number, [$(Word::word($arg)),*]) })
            }
        )*
    };
}
tee_abi::for_each_syscall!(stubs);
