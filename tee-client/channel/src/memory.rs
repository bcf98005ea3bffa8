//! Shared memory: sealed memory files, and mappings of them.
//!
//! # Safety
//! This file may use `unsafe`: it maps, unmaps and copies. A [`Mapping`] covers `len` bytes that
//! stay mapped, readable and writable while it lives: the files behind them are sealed against
//! shrinking, so no access within it can fault. The bytes may change under our hands at any time,
//! therefore no reference into a mapping is ever made, only copies.
#![expect(
    unsafe_code,
    reason = "mappings are made, copied to and from, and removed here"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use crate::sys;

/// Bytes in a page.
pub const PAGE_SIZE: u64 = 4096;

/// Rounds up to a page.
#[must_use]
pub const fn page_up(len: u64) -> Option<u64> {
    match len.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(sum & !(PAGE_SIZE - 1)),
        None => None,
    }
}

/// Memory that several processes can map and none can shrink.
#[derive(Debug)]
pub struct Memory {
    fd: OwnedFd,
    len: u64,
}

/// A received descriptor is not memory that can be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// It could shrink while it is mapped, or cannot be written.
    #[error("the descriptor is not memory sealed against shrinking")]
    Unsealed,
    /// It is empty.
    #[error("the memory is empty")]
    Empty,
    /// The host refused.
    #[error(transparent)]
    Host(#[from] io::Error),
}

impl Memory {
    /// New zeroed memory of `len` bytes, rounded up to pages and at least one.
    ///
    /// # Errors
    /// The host's; [`io::ErrorKind::OutOfMemory`] for a length that no file can have.
    pub fn new(len: u64) -> io::Result<Self> {
        let len = page_up(len.max(1)).ok_or(io::ErrorKind::OutOfMemory)?;
        let fd = sys::memory_file(c"teebox-shm", len)?;
        Ok(Self { fd, len })
    }

    /// Memory of a descriptor that someone else made.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn from_fd(fd: OwnedFd) -> Result<Self, MemoryError> {
        if !sys::is_sealed(fd.as_fd()) {
            return Err(MemoryError::Unsealed);
        }
        match sys::length(fd.as_fd())? {
            0 => Err(MemoryError::Empty),
            len => Ok(Self { fd, len }),
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Never: memory has at least one byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Maps all of it for reading and writing.
    ///
    /// # Errors
    /// The host's.
    pub fn map(&self) -> io::Result<Mapping> {
        let len = usize::try_from(self.len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        Mapping::shared(self.fd.as_fd(), len)
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Memory> for OwnedFd {
    fn from(memory: Memory) -> Self {
        memory.fd
    }
}

/// A mapping of shared memory.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to no thread; every access is a copy through raw pointers.
unsafe impl Send for Mapping {}
// SAFETY: as above; copies that race yield some mix of bytes, which callers must expect of memory
// that other processes write too.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of a memory file. The caller has checked that it is sealed.
    fn shared(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let none = ptr::null_mut();
        // SAFETY: a new mapping at an address of the kernel's choice; it overlaps nothing.
        let base = unsafe { libc::mmap(none, len, prot, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// Its bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its first byte, for code that copies by raw pointers. Valid for [`Mapping::len`] bytes while
    /// the mapping lives.
    #[must_use]
    pub const fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The address of `len` bytes at `at`, when they lie within the mapping.
    #[must_use]
    pub fn span(&self, at: usize, len: usize) -> Option<*mut u8> {
        let end = at.checked_add(len)?;
        // SAFETY: `at <= end <= self.len`: within the mapping or one past it.
        (end <= self.len).then(|| unsafe { self.base.as_ptr().add(at) })
    }

    /// Copies in; tells whether the bytes lie within the mapping. Copies nothing when not.
    #[must_use]
    pub fn write(&self, at: usize, bytes: &[u8]) -> bool {
        let Some(to) = self.span(at, bytes.len()) else {
            return false;
        };
        // SAFETY: `to` is valid for that many bytes; no Rust object lies in a mapping.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// Copies out; tells whether the bytes lie within the mapping. Copies nothing when not.
    #[must_use]
    pub fn read(&self, at: usize, bytes: &mut [u8]) -> bool {
        let Some(from) = self.span(at, bytes.len()) else {
            return false;
        };
        // SAFETY: `from` is valid for that many bytes; no Rust object lies in a mapping.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        true
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the span was mapped by `shared` and is unmapped once.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_show_the_same_bytes() {
        let memory = Memory::new(5000).unwrap();
        assert_eq!(memory.len(), 8192);
        let (a, b) = (memory.map().unwrap(), memory.map().unwrap());
        assert!(a.write(8188, &[1, 2, 3, 4]));
        let mut out = [0; 4];
        assert!(b.read(8188, &mut out));
        assert_eq!(out, [1, 2, 3, 4]);
    }

    #[test]
    fn nothing_is_copied_outside() {
        let mapping = Memory::new(1).unwrap().map().unwrap();
        assert!(!mapping.write(4095, &[0; 2]));
        assert!(!mapping.read(usize::MAX, &mut [0; 2]));
        assert!(mapping.write(4096, &[]));
    }

    #[test]
    fn memory_that_could_shrink_is_refused() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert!(matches!(
            Memory::from_fd(file.into()),
            Err(MemoryError::Unsealed)
        ));
        let sealed = OwnedFd::from(Memory::new(1).unwrap());
        assert_eq!(Memory::from_fd(sealed).unwrap().len(), 4096);
    }

    #[test]
    fn a_length_that_no_file_has_is_refused() {
        assert!(Memory::new(u64::MAX).is_err());
        assert!(Memory::new(u64::MAX / 2 + 1).is_err());
    }
}
