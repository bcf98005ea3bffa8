//! Host code: where it is kept, how it is entered, and what it calls.
//!
//! The arena is one memory file mapped twice, so that no page is ever both writable and
//! executable:
//!
//! ```text
//! memory file  | code ................ |
//!   mapped RW  | written here          |
//!   mapped RX  | executed here         |
//! ```
//!
//! # Safety
//! Code in the arena was made by Cranelift from what [`super::emit`] builds. It keeps these rules,
//! and everything here relies on them: it accesses guest memory only after the check of the page
//! table, at `base + address` with the address below 4 GiB; it accesses the register file through
//! its first argument, at offsets of [`Regs`]; it calls only the functions below, with an
//! operation that the translator owns and a function pointer of the type that each expects.
#![expect(unsafe_code, reason = "host code is made and executed here")]

use std::ptr::NonNull;

use crate::op::Op;
use crate::state::Regs;
use crate::vector::Vfp;

/// A memory file mapped twice.
#[derive(Debug)]
pub struct Arena {
    writable: NonNull<u8>,
    executable: NonNull<u8>,
    len: usize,
    used: usize,
}

// SAFETY: both mappings belong to the arena alone.
unsafe impl Send for Arena {}

impl Arena {
    /// Reserves room for `len` bytes of code; `None` where the host forbids it.
    pub fn new(len: usize) -> Option<Self> {
        // SAFETY: the name is a C string; the descriptor is closed below, after the mappings that
        // keep the file alive were made; the kernel picks their addresses.
        unsafe {
            let file = libc::memfd_create(c"code".as_ptr(), libc::MFD_CLOEXEC);
            if file < 0 {
                return None;
            }
            let map = |prot| {
                let at = libc::mmap(std::ptr::null_mut(), len, prot, libc::MAP_SHARED, file, 0);
                if at == libc::MAP_FAILED {
                    None
                } else {
                    NonNull::new(at.cast::<u8>())
                }
            };
            let sized = libc::ftruncate(file, len as libc::off_t) == 0;
            let writable = if sized {
                map(libc::PROT_READ | libc::PROT_WRITE)
            } else {
                None
            };
            let executable = if sized {
                map(libc::PROT_READ | libc::PROT_EXEC)
            } else {
                None
            };
            libc::close(file);
            match (writable, executable) {
                (Some(writable), Some(executable)) => Some(Self {
                    writable,
                    executable,
                    len,
                    used: 0,
                }),
                (one, other) => {
                    for at in [one, other].into_iter().flatten() {
                        libc::munmap(at.as_ptr().cast(), len);
                    }
                    None
                }
            }
        }
    }

    /// Copies code in; gives the address at which it is executed, or `None` when it is full.
    pub fn add(&mut self, code: &[u8]) -> Option<u64> {
        let end = self.used.checked_add(code.len())?;
        if end > self.len {
            return None;
        }
        // SAFETY: the range was just found to lie in the mapping.
        let at = unsafe {
            let to = self.writable.as_ptr().add(self.used);
            std::ptr::copy_nonoverlapping(code.as_ptr(), to, code.len());
            self.executable.as_ptr().add(self.used) as u64
        };
        self.used = end.next_multiple_of(16).min(self.len);
        Some(at)
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Forgets what was added after `used` bytes were in use.
    pub fn truncate(&mut self, used: usize) {
        self.used = self.used.min(used);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mappings are the arena's own, and no code in them is being executed: that
        // takes a mutable borrow of the translator that owns the arena.
        unsafe {
            libc::munmap(self.writable.as_ptr().cast(), self.len);
            libc::munmap(self.executable.as_ptr().cast(), self.len);
        }
    }
}

/// Enters code by way of the stub `enter`, which both were made by the translator.
///
/// # Safety
/// `enter` and `code` are addresses of live code in an arena, `base` is that of the window that
/// the code was translated for, and nobody else uses the window during the call.
pub unsafe fn enter(enter: u64, regs: &mut Regs, base: usize, code: u64) -> u64 {
    // SAFETY: the caller says that this is the stub, which has this type.
    let stub: extern "sysv64" fn(*mut Regs, usize, u64) -> u64 =
        unsafe { std::mem::transmute(enter as usize) };
    stub(regs, base, code)
}

/// Calls a function on the vector registers.
///
/// # Safety
/// See the file's rules.
pub unsafe extern "sysv64" fn call_vfp(vfp: *mut Vfp, op: *const Op, f: usize) {
    // SAFETY: translated code passes its register file, an operation that the translator owns,
    // and a pointer that was of this type.
    unsafe {
        let f: fn(&mut Vfp, &Op) = std::mem::transmute(f);
        f(&mut *vfp, &*op);
    }
}

/// Calls a function on the vector registers and a value.
///
/// # Safety
/// See the file's rules.
pub unsafe extern "sysv64" fn call_vfp_x(vfp: *mut Vfp, op: *const Op, x: u64, f: usize) -> u64 {
    // SAFETY: as in `call_vfp`.
    unsafe {
        let f: fn(&mut Vfp, &Op, u64) -> u64 = std::mem::transmute(f);
        f(&mut *vfp, &*op, x)
    }
}

/// Calls a function on two values.
///
/// # Safety
/// See the file's rules.
pub unsafe extern "sysv64" fn call_pure2(a: u64, b: u64, f: usize) -> u64 {
    // SAFETY: translated code passes a pointer that was of this type.
    let f: fn(u64, u64) -> u64 = unsafe { std::mem::transmute(f) };
    f(a, b)
}
