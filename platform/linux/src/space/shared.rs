//! Shared memory: sealed memory files that can be mapped in several address spaces at once.
//!
//! A file that could shrink would turn an access to a mapped page into SIGBUS, so only memory
//! files sealed against shrinking are taken, and those on huge pages (whose pages may be lacking
//! when they are touched) are not. What is refused here can still be copied.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use litebox::mm::page_up;
use thiserror::Error;

use crate::{Errno, sys};

/// Why a descriptor is not taken as shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SharedError {
    /// It is not a memory file of ordinary pages.
    #[error("the descriptor is not a memory file")]
    NotMemory,
    /// Its owner could shrink it. Its content can be copied.
    #[error("the memory file is not sealed against shrinking")]
    NotSealed,
    /// It is smaller than it was said to be.
    #[error("the memory file has {len} bytes, not {expected}")]
    TooSmall {
        /// Bytes that it has.
        len: u64,
        /// Bytes that were expected.
        expected: u64,
    },
    /// The kernel refused.
    #[error("the kernel refused: {0}")]
    Host(Errno),
}

impl From<Errno> for SharedError {
    fn from(errno: Errno) -> Self {
        Self::Host(errno)
    }
}

/// A memory file that cannot shrink.
#[derive(Clone, Debug)]
pub struct LinuxShared(Arc<Sealed>);

impl PartialEq for LinuxShared {
    /// Whether both are the same memory, taken once.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LinuxShared {}

#[derive(Debug)]
struct Sealed {
    fd: OwnedFd,
    /// Bytes that the file has at least, for as long as it exists.
    len: u64,
}

impl LinuxShared {
    /// New zeroed memory of `len` bytes, rounded up to pages.
    ///
    /// # Errors
    /// [`SharedError::Host`].
    pub fn new(len: u64) -> Result<Self, SharedError> {
        let len = page_up(len).ok_or(Errno(libc::EFBIG))?;
        let fd = sys::memfd(len)?;
        sys::add_seals(fd.as_fd(), libc::F_SEAL_SHRINK)?;
        Ok(Self(Arc::new(Sealed { fd, len })))
    }

    /// Takes a memory file that another process made and sealed, of at least `expected` bytes.
    ///
    /// # Errors
    /// [`SharedError`]; the descriptor is closed then.
    pub fn from_fd(fd: OwnedFd, expected: u64) -> Result<Self, SharedError> {
        let facts = sys::file_facts(fd.as_fd())?;
        if !facts.in_tmpfs {
            return Err(SharedError::NotMemory);
        }
        let seals = sys::seals(fd.as_fd()).map_err(|_| SharedError::NotMemory)?;
        if seals & libc::F_SEAL_SHRINK == 0 {
            return Err(SharedError::NotSealed);
        }
        // Asked again behind the seal: before it, the size could still have changed.
        let len = sys::file_facts(fd.as_fd())?.len;
        if len < expected {
            return Err(SharedError::TooSmall { len, expected });
        }
        Ok(Self(Arc::new(Sealed { fd, len })))
    }

    /// New memory with the first `len` bytes of any readable file that has them.
    ///
    /// # Errors
    /// [`SharedError::TooSmall`] or [`SharedError::Host`].
    pub fn copy_of(fd: BorrowedFd<'_>, len: u64) -> Result<Self, SharedError> {
        let copy = Self::new(len)?;
        let mut chunk = [0; 4096];
        let mut done = 0;
        while done < len {
            let want = usize::try_from(len - done).map_or(chunk.len(), |n| n.min(chunk.len()));
            let Some(part) = chunk.get_mut(..want) else {
                break;
            };
            let got = sys::read_at(fd, part, done)?;
            if got < want {
                let len_now = done + got as u64;
                return Err(SharedError::TooSmall {
                    len: len_now,
                    expected: len,
                });
            }
            copy.write(done, part)?;
            done += want as u64;
        }
        Ok(copy)
    }

    /// Bytes that can be mapped.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether there is nothing to map.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Copies out from an offset until the buffer is full or the memory ends; tells how much.
    ///
    /// # Errors
    /// [`SharedError::Host`].
    pub fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize, SharedError> {
        Ok(sys::read_at(self.as_fd(), out, offset)?)
    }

    /// Copies in at an offset; the range lies inside.
    ///
    /// # Errors
    /// [`SharedError::TooSmall`], or [`SharedError::Host`].
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), SharedError> {
        let expected = offset
            .checked_add(data.len() as u64)
            .ok_or(Errno(libc::EFBIG))?;
        if expected > self.len() {
            return Err(SharedError::TooSmall {
                len: self.len(),
                expected,
            });
        }
        Ok(sys::write_at(self.as_fd(), data, offset)?)
    }
}

impl AsFd for LinuxShared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}
