//! The client's own memory, by address.
//!
//! # Safety
//! This file copies to and from addresses that the client program gave. [`RawBuffer`] says what it
//! relies on.

use std::ffi::c_void;
use std::ptr;

use tee_channel::Mapping;
use tee_client::Buffer;

/// `len` bytes of the client program.
///
/// # Safety
/// Whoever makes one promises what the client API demands of the program: the bytes are mapped and
/// readable while the value lives, and writable when they are an output. They may change at any
/// time, so they are copied by raw pointers and no reference to them is ever made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawBuffer {
    base: *mut u8,
    len: usize,
}

// SAFETY: the memory belongs to the process, not to a thread; the client API lets any thread use it.
unsafe impl Send for RawBuffer {}
// SAFETY: as above; copies that race yield some mix of bytes and nothing worse.
unsafe impl Sync for RawBuffer {}

impl RawBuffer {
    /// # Safety
    /// See [`RawBuffer`].
    pub(crate) const unsafe fn new(base: *mut c_void, len: usize) -> Self {
        Self {
            base: base.cast(),
            len,
        }
    }

    fn span(&self, start: usize, len: usize) -> Option<*mut u8> {
        let end = start.checked_add(len)?;
        (end <= self.len).then(|| self.base.wrapping_add(start))
    }
}

impl Buffer for RawBuffer {
    fn address(&self) -> usize {
        self.base.addr()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn load(&self, start: usize, len: usize, to: &Mapping, at: usize) {
        if let (Some(from), Some(to)) = (self.span(start, len), to.span(at, len)) {
            // SAFETY: `from` is the client's readable memory (see the type), `to` lies in the
            // mapping; the two may be the same memory, hence `copy`.
            unsafe { ptr::copy(from, to, len) };
        }
    }

    fn store(&self, start: usize, len: usize, from: &Mapping, at: usize) {
        if let (Some(to), Some(from)) = (self.span(start, len), from.span(at, len)) {
            // SAFETY: `to` is an output of the client and so writable (see the type), `from` lies
            // in the mapping; the two may be the same memory, hence `copy`.
            unsafe { ptr::copy(from, to, len) };
        }
    }
}
