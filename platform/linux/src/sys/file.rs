//! Descriptors, memory files, entropy and the clock.
//!
//! # Safety
//! Each call is handed either numbers, or pointers to values that live on this side of it and are
//! as large as it is told. Calls that change what memory is mapped are not here.
#![expect(
    unsafe_code,
    reason = "the kernel is reached by libc's foreign functions"
)]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;
use crate::Errno;

/// What `fstat` and `fstatfs` tell of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// Bytes.
    pub(crate) len: u64,
    /// Whether it lies in the kernel's page-sized shared memory (not huge pages, not a disk).
    pub(crate) in_tmpfs: bool,
}

pub(crate) fn file_facts(fd: BorrowedFd<'_>) -> Result<FileFacts, Errno> {
    // SAFETY: `stat` and `statfs` are plain numbers, for which zero is a value; the kernel fills
    // them within their size.
    let (stat, statfs) = unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        // The raw call: libc's `fstat` may use a call that also takes paths, which the sandbox
        // does not allow.
        check(libc::syscall(
            libc::SYS_fstat,
            fd.as_raw_fd(),
            &raw mut stat,
        ))?;
        let mut statfs: libc::statfs = core::mem::zeroed();
        check(libc::fstatfs(fd.as_raw_fd(), &raw mut statfs).into())?;
        (stat, statfs)
    };
    Ok(FileFacts {
        len: u64::try_from(stat.st_size).unwrap_or(0),
        in_tmpfs: statfs.f_type == libc::TMPFS_MAGIC,
    })
}

/// New shared memory of `len` zero bytes, still unsealed.
pub(crate) fn memfd(len: u64) -> Result<OwnedFd, Errno> {
    let create = |flags| {
        // SAFETY: the name is a NUL-terminated literal; the result is a new descriptor that
        // nobody else owns.
        unsafe {
            let fd = check(libc::memfd_create(c"teebox".as_ptr(), flags).into())?;
            Ok::<_, Errno>(OwnedFd::from_raw_fd(fd as i32))
        }
    };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag.
    let fd = match create(flags | libc::MFD_NOEXEC_SEAL) {
        Err(Errno(libc::EINVAL)) => create(flags)?,
        other => other?,
    };
    let len = i64::try_from(len).map_err(|_| Errno(libc::EFBIG))?;
    // SAFETY: numbers only.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), len) }.into())?;
    Ok(fd)
}

pub(crate) fn add_seals(fd: BorrowedFd<'_>, seals: i32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }.into()).map(|_| ())
}

pub(crate) fn seals(fd: BorrowedFd<'_>) -> Result<i32, Errno> {
    // SAFETY: numbers only.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) }.into()).map(|n| n as i32)
}

/// Reads at an offset until the buffer is full or the file ends; tells how much was read.
pub(crate) fn read_at(fd: BorrowedFd<'_>, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut done = 0;
    while done < out.len() {
        let rest = &mut out[done..];
        let at = file_offset(offset, done)?;
        // SAFETY: the pointer and the length are those of `rest`.
        let n = unsafe { libc::pread(fd.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len(), at) };
        match check(n as i64) {
            Ok(0) => break,
            Ok(n) => done += n as usize,
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all bytes at an offset.
pub(crate) fn write_at(fd: BorrowedFd<'_>, data: &[u8], offset: u64) -> Result<(), Errno> {
    let mut done = 0;
    while done < data.len() {
        let rest = &data[done..];
        let at = file_offset(offset, done)?;
        // SAFETY: the pointer and the length are those of `rest`.
        let n = unsafe { libc::pwrite(fd.as_raw_fd(), rest.as_ptr().cast(), rest.len(), at) };
        match check(n as i64) {
            Ok(0) => return Err(Errno(libc::EIO)),
            Ok(n) => done += n as usize,
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn file_offset(offset: u64, done: usize) -> Result<i64, Errno> {
    offset
        .checked_add(done as u64)
        .and_then(|at| i64::try_from(at).ok())
        .ok_or(Errno(libc::EFBIG))
}

/// Writes all bytes, in one call where the kernel takes them at once.
pub(crate) fn write_all(fd: BorrowedFd<'_>, data: &[u8]) -> Result<(), Errno> {
    let mut rest = data;
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of `rest`.
        let n = unsafe { libc::write(fd.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
        match check(n as i64) {
            Ok(n) => rest = rest.get(n as usize..).unwrap_or_default(),
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills a buffer from the kernel's generator.
pub(crate) fn random(out: &mut [u8]) -> Result<(), Errno> {
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the pointer and the length are those of `rest`.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match check(n as i64) {
            Ok(n) => done += n as usize,
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Time since boot, without the time asleep.
pub(crate) fn monotonic() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the struct. The call fails for unknown clocks only.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}
