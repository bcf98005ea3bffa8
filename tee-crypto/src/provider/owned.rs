//! Objects of AWS-LC that this side owns.
//!
//! # Safety
//! An [`Owned`] is made of a pointer that the library just handed over, together with the function
//! that gives it back, and is the only owner. Nothing else calls that function.
#![expect(unsafe_code, reason = "objects of a C library")]

use alloc::alloc::{Layout, handle_alloc_error};
use core::ptr::NonNull;

use crate::Error;

/// An object of the library, given back when dropped.
pub(super) struct Owned<T> {
    at: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

// SAFETY: AWS-LC's objects are not bound to the thread that made them; `Owned` is not `Sync`.
unsafe impl<T> Send for Owned<T> {}

impl<T> Owned<T> {
    /// Takes over what a constructor of the library answered, which is NULL for want of memory or
    /// because the constructor refused.
    ///
    /// # Safety
    /// `at` is NULL, or valid, owned by nobody, and `free` gives it back.
    pub(super) unsafe fn new(
        at: *mut T,
        free: unsafe extern "C" fn(*mut T),
    ) -> Result<Self, Error> {
        let at = NonNull::new(at).ok_or(Error::OutOfMemory)?;
        Ok(Self { at, free })
    }

    /// As [`Owned::new`], where only want of memory can be the cause; that ends the process, as
    /// everywhere in Rust.
    ///
    /// # Safety
    /// As [`Owned::new`].
    pub(super) unsafe fn allocated(at: *mut T, free: unsafe extern "C" fn(*mut T)) -> Self {
        match NonNull::new(at) {
            Some(at) => Self { at, free },
            None => handle_alloc_error(Layout::new::<usize>()),
        }
    }

    /// For the library to read.
    pub(super) const fn get(&self) -> *const T {
        self.at.as_ptr()
    }

    /// For the library to change.
    pub(super) const fn get_mut(&mut self) -> *mut T {
        self.at.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: by the contract of `new`, this is the one call that gives the object back.
        unsafe { (self.free)(self.at.as_ptr()) }
    }
}

/// A call that answers 1 when it succeeded; what it left in the library's error queue is dropped.
pub(super) fn done(answer: core::ffi::c_int, error: Error) -> Result<(), Error> {
    if answer == 1 {
        return Ok(());
    }
    // SAFETY: takes no argument and touches the thread's error queue alone.
    unsafe { aws_lc_sys::ERR_clear_error() };
    Err(error)
}

/// A call that must succeed for every input this side gives it, unless memory is wanting.
pub(super) fn must(answer: core::ffi::c_int) {
    if answer != 1 {
        handle_alloc_error(Layout::new::<usize>());
    }
}
