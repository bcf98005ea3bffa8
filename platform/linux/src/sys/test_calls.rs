//! Calls that only tests make, to see that they fail.
//!
//! # Safety
//! Each call is handed numbers, literals, or a pointer to a value that lives on this side of it.
#![expect(
    unsafe_code,
    reason = "the kernel is reached by libc's foreign functions"
)]

use core::ffi::CStr;

use super::check;
use crate::Errno;

pub(crate) fn make_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: a NUL-terminated string.
    check(unsafe { libc::mkdir(path.as_ptr(), 0o700) }.into()).map(|_| ())
}

pub(crate) fn open_for_reading(path: &CStr) -> Result<(), Errno> {
    // SAFETY: a NUL-terminated string.
    check(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY) }.into()).map(|_| ())
}

/// The number that the kernel tells, also in a copy of this process.
pub(crate) fn raw_process_id() -> i64 {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_getpid) }
}

pub(crate) fn connect_to_loopback() -> Result<(), Errno> {
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 9,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the size is the struct's.
    unsafe {
        let socket = check(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0).into())?;
        let len = size_of::<libc::sockaddr_in>() as u32;
        check(libc::connect(socket as i32, (&raw const to).cast(), len).into()).map(|_| ())
    }
}
