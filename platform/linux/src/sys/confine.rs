//! The calls by which a process gives up rights: privileges, limits, descriptors, namespaces,
//! the file tree, system calls.
//!
//! None of them allocates, so that they can be used between `clone` and `execve` too.
//!
//! # Safety
//! Each call is handed numbers, literals, or pointers to values that live on this side of it and
//! are as large as it is told.
#![expect(
    unsafe_code,
    reason = "the kernel is reached by libc's foreign functions"
)]

use core::ffi::CStr;
use core::ptr::null;

use super::check;
use crate::Errno;

fn prctl(option: i32, a: u64, b: u64) -> Result<i64, Errno> {
    // SAFETY: the options used in this file take numbers only.
    check(unsafe { libc::prctl(option, a, b, 0u64, 0u64) }.into())
}

/// Nothing that is executed from now on gains privileges.
pub(crate) fn no_new_privs() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(|_| ())
}

/// The process is killed when the thread that made it ends.
pub(crate) fn die_with_parent() -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).map(|_| ())
}

/// Lowers a limit, soft and hard; a lower hard limit stays.
pub(crate) fn limit(resource: u32, value: u64) -> Result<(), Errno> {
    let mut now = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the struct, and reads it.
    unsafe {
        check(libc::getrlimit(resource, &raw mut now).into())?;
        let value = value.min(now.rlim_max);
        now = libc::rlimit {
            rlim_cur: value,
            rlim_max: value,
        };
        check(libc::setrlimit(resource, &raw const now).into()).map(|_| ())
    }
}

/// The most descriptors that the process may have.
fn descriptor_limit() -> u64 {
    let mut now = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the struct.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut now) };
    now.rlim_max
}

/// Closes every descriptor of a range, whoever in this process believes to own it.
pub(crate) fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: numbers only. What the closed descriptors mean to the rest of the process is the
    // subject of `lock_down`'s documentation.
    match check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }) {
        // Kernels before 5.9, and filters that do not know the call.
        Err(Errno(libc::ENOSYS | libc::EPERM)) => {
            let limit = u32::try_from(descriptor_limit()).unwrap_or(u32::MAX);
            for fd in first..=last.min(limit.min(1 << 20)) {
                // SAFETY: as above.
                unsafe { libc::close(fd as i32) };
            }
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Moves the process into new namespaces.
pub(crate) fn unshare(flags: i32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    check(unsafe { libc::unshare(flags) }.into()).map(|_| ())
}

/// Stops mounts from spreading to or from other namespaces.
pub(crate) fn mounts_private() -> Result<(), Errno> {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: literals and null pointers, which this kind of call does not read.
    check(unsafe { libc::mount(null(), c"/".as_ptr(), null(), flags, null()) }.into()).map(|_| ())
}

/// Mounts an empty read-only file system over a directory.
pub(crate) fn mount_empty(over: &CStr) -> Result<(), Errno> {
    let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let options = c"size=4k,nr_inodes=1,mode=555";
    let name = c"tmpfs".as_ptr();
    // SAFETY: NUL-terminated strings.
    let done = unsafe { libc::mount(name, over.as_ptr(), name, flags, options.as_ptr().cast()) };
    check(done.into()).map(|_| ())
}

pub(crate) fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: a NUL-terminated string.
    check(unsafe { libc::chdir(path.as_ptr()) }.into()).map(|_| ())
}

/// Makes the working directory, a mount point, the root; the old root is stacked upon it.
pub(crate) fn pivot_here() -> Result<(), Errno> {
    let here = c".".as_ptr();
    // SAFETY: NUL-terminated strings.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, here, here) }).map(|_| ())
}

/// Takes away what is mounted upon the working directory.
pub(crate) fn unmount_here() -> Result<(), Errno> {
    // SAFETY: a NUL-terminated string.
    check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }.into()).map(|_| ())
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// `CAP_SYS_ADMIN`: what namespaces and mounts need.
const CAP_SYS_ADMIN: u32 = 21;

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn set_capabilities(low: CapData) -> Result<(), Errno> {
    let none = CapData {
        effective: 0,
        permitted: 0,
        inheritable: 0,
    };
    let header = CapHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let data = [low, none];
    // SAFETY: this version of the header is followed by two elements of data.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) }).map(|_| ())
}

/// Keeps the right to make namespaces across the next `execve`, and gives up the others.
pub(crate) fn keep_namespace_rights() -> Result<(), Errno> {
    let bit = 1 << CAP_SYS_ADMIN;
    set_capabilities(CapData {
        effective: bit,
        permitted: bit,
        inheritable: bit,
    })?;
    let raise = libc::PR_CAP_AMBIENT_RAISE as u64;
    prctl(libc::PR_CAP_AMBIENT, raise, CAP_SYS_ADMIN.into()).map(|_| ())
}

/// Gives up every capability, those of future programs included.
pub(crate) fn drop_capabilities() -> Result<(), Errno> {
    prctl(
        libc::PR_CAP_AMBIENT,
        libc::PR_CAP_AMBIENT_CLEAR_ALL as u64,
        0,
    )?;
    set_capabilities(CapData {
        effective: 0,
        permitted: 0,
        inheritable: 0,
    })
}

/// The version of Landlock that the kernel has.
pub(crate) fn landlock_version() -> Result<u32, Errno> {
    let no_rules: *const LandlockRules = null();
    // SAFETY: with this flag the kernel reads no attributes.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, no_rules, 0usize, 1u32) };
    check(version).map(|version| version as u32)
}

#[repr(C)]
struct LandlockRules {
    files: u64,
    net: u64,
    scoped: u64,
}

/// Denies everything that this version of Landlock knows: files, TCP ports, signals and abstract
/// sockets to the outside.
pub(crate) fn landlock_deny_all(version: u32) -> Result<(), Errno> {
    let bits = |n: u32| (1u64 << n) - 1;
    let rules = LandlockRules {
        files: bits(match version {
            0 | 1 => 13,
            2 => 14,
            3 | 4 => 15,
            _ => 16,
        }),
        net: if version >= 4 { bits(2) } else { 0 },
        scoped: if version >= 6 { bits(2) } else { 0 },
    };
    let size = match version {
        0..=3 => 8usize,
        4 | 5 => 16,
        _ => 24,
    };
    // SAFETY: `size` is at most the struct's size; the new descriptor is closed here.
    unsafe {
        let rules = &raw const rules;
        let fd = check(libc::syscall(
            libc::SYS_landlock_create_ruleset,
            rules,
            size,
            0u32,
        ))?;
        let done = check(libc::syscall(libc::SYS_landlock_restrict_self, fd, 0u32));
        libc::close(fd as i32);
        done.map(|_| ())
    }
}

/// Installs a filter of system calls for the calling thread.
pub(crate) fn install_filter(program: &[libc::sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno(libc::E2BIG))?,
        filter: program.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the kernel reads `len` instructions and copies them.
    check(unsafe { libc::syscall(libc::SYS_seccomp, mode, 0u32, &raw const program) }).map(|_| ())
}
