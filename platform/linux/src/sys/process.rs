//! The calls by which processes are made, waited for and ended.
//!
//! # Safety
//! Each call is handed numbers, or pointers to values that live on this side of it until it
//! returns. Two functions make a process that runs on in this program: [`launch`]'s child shares
//! the parent's memory while the parent's thread stands still, and [`fork`]'s child has a
//! copy of it; both run only code that makes system calls, and neither returns.
#![expect(
    unsafe_code,
    reason = "the kernel is reached by libc's foreign functions"
)]

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::{check, die_with_parent, keep_namespace_rights, no_new_privs};
use crate::{Ended, Errno};

/// A process that runs a program: what [`launch`] needs to know.
#[derive(Debug)]
pub(crate) struct Exec<'a> {
    /// The program.
    pub(crate) exe: BorrowedFd<'a>,
    /// Its arguments, and a null pointer.
    pub(crate) argv: &'a [*const c_char],
    /// Its environment, and a null pointer.
    pub(crate) envp: &'a [*const c_char],
    /// Its descriptors: the first becomes number 0, and so on.
    pub(crate) fds: &'a [BorrowedFd<'a>],
}

/// What the child and its parent share while the parent stands still.
struct Shared<'a> {
    exec: &'a Exec<'a>,
    /// As many numbers as the program gets descriptors.
    copies: Vec<RawFd>,
    error: Errno,
}

/// Where starting a program failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaunchError {
    /// There is no new process.
    Clone(Errno),
    /// The new process could not become the program, and has ended.
    Exec(Errno),
}

/// Bytes of stack for what the child does before its program runs.
const STACK: usize = 64 * 1024;

/// Starts a program in a new process, in new namespaces by `flags`. The process dies with the
/// calling thread. Returns its number and a descriptor of it.
pub(crate) fn launch(flags: c_int, exec: &Exec<'_>) -> Result<(i32, OwnedFd), LaunchError> {
    let mut shared = Shared {
        exec,
        copies: vec![-1; exec.fds.len()],
        error: Errno(0),
    };
    let mut stack = vec![0u8; STACK];
    let mut pidfd: c_int = -1;
    let flags = flags | libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = block_signals();
    // SAFETY: CLONE_VFORK lets the child use this memory while this thread stands still, so the
    // stack and `shared` outlive its use of them; `child` returns or executes a program. Signals
    // are blocked, so no handler of this program runs in the child.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(STACK).cast();
        let arg: *mut Shared<'_> = &raw mut shared;
        check(libc::clone(child, top, flags, arg.cast(), &raw mut pidfd).into())
    };
    restore_signals(&blocked);
    let pid = pid.map_err(LaunchError::Clone)? as i32;
    // SAFETY: CLONE_PIDFD stored a new descriptor that nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    if shared.error != Errno(0) {
        wait(&pidfd, true).map_err(LaunchError::Clone)?;
        return Err(LaunchError::Exec(shared.error));
    }
    Ok((pid, pidfd))
}

extern "C" fn child(shared: *mut c_void) -> c_int {
    let shared: *mut Shared<'_> = shared.cast();
    // SAFETY: `launch` passes a pointer to a value that outlives this call and which nobody else
    // touches meanwhile.
    let shared = unsafe { &mut *shared };
    shared.error = execute(shared.exec, &mut shared.copies)
        .err()
        .unwrap_or(Errno(0));
    127
}

/// Turns the calling process into the program; returns only on error.
fn execute(exec: &Exec<'_>, copies: &mut [RawFd]) -> Result<(), Errno> {
    default_signals();
    let exe = place_descriptors(exec, copies)?;
    // SAFETY: numbers only. It fails when the process leads a session already.
    unsafe { libc::setsid() };
    // A process without that right learns so when it wants to use it.
    let _ = keep_namespace_rights();
    no_new_privs()?;
    die_with_parent()?;
    let (argv, envp) = (exec.argv.as_ptr(), exec.envp.as_ptr());
    let (none, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: both lists end with a null pointer and hold NUL-terminated strings, as `Exec` says.
    check(unsafe { libc::syscall(libc::SYS_execveat, exe, none, argv, envp, flags) }).map(|_| ())
}

/// Makes each descriptor's number its index in the list, and every other one close on `execve`.
/// Returns the number that the program has now. The descriptor table is this process's own.
fn place_descriptors(exec: &Exec<'_>, copies: &mut [RawFd]) -> Result<RawFd, Errno> {
    let above = i32::try_from(exec.fds.len()).map_err(|_| Errno(libc::EMFILE))?;
    // First out of the way of all targets, so that no target overwrites a source.
    let aside = |fd: &BorrowedFd<'_>| {
        // SAFETY: numbers only.
        let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, above) };
        check(copy.into()).map(|copy| copy as i32)
    };
    let exe = aside(&exec.exe)?;
    for (copy, source) in copies.iter_mut().zip(exec.fds) {
        *copy = aside(source)?;
    }
    for (target, copy) in (0..above).zip(copies) {
        // SAFETY: numbers only.
        check(unsafe { libc::dup2(*copy, target) }.into())?;
    }
    let (first, last) = (above as u32, u32::MAX);
    // SAFETY: numbers only. Kernels that cannot do it leave the descriptors to `lock_down`.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            last,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    Ok(exe)
}

/// Gives every signal its default meaning, for there are handlers that belong to the parent, and
/// lets all of them through.
fn default_signals() {
    // SAFETY: zero is the default action; sets are filled before use. Numbers that the C library
    // keeps for itself are refused, which is as good.
    unsafe {
        let action: libc::sigaction = core::mem::zeroed();
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const action, null_mut());
        }
        let mut none: libc::sigset_t = core::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
    }
}

/// Blocks every signal of the calling thread; returns those that were blocked before.
fn block_signals() -> libc::sigset_t {
    // SAFETY: the set is filled before use.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = core::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    }
}

fn restore_signals(set: &libc::sigset_t) {
    // SAFETY: the set was filled by `block_signals`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set, null_mut()) };
}

/// Runs a function in a copy of this process, in new namespaces by `flags`, and ends the copy with
/// its answer. The function makes system calls only: locks that other threads hold stay held in
/// the copy. Returns a descriptor of the process.
pub(crate) fn fork(flags: c_int, run: impl FnOnce() -> c_int) -> Result<OwnedFd, Errno> {
    let mut pidfd: c_int = -1;
    let flags = i64::from(flags | libc::CLONE_PIDFD | libc::SIGCHLD);
    // SAFETY: a null stack means a copy of this one; the copy runs `run` and ends.
    unsafe {
        let stack: *mut c_void = null_mut();
        let pid = libc::syscall(
            libc::SYS_clone,
            flags,
            stack,
            &raw mut pidfd,
            0usize,
            0usize,
        );
        if check(pid)? == 0 {
            libc::_exit(run());
        }
        Ok(OwnedFd::from_raw_fd(pidfd))
    }
}

/// Takes notice of a process's end; `None` when it runs on and shall not be waited for.
pub(crate) fn wait(pidfd: &OwnedFd, block: bool) -> Result<Option<Ended>, Errno> {
    let flags = libc::WEXITED | if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: zero is a value of the struct; the kernel fills it.
        let answer = unsafe {
            let mut info: libc::siginfo_t = core::mem::zeroed();
            let id = pidfd.as_raw_fd() as libc::id_t;
            check(libc::waitid(libc::P_PIDFD, id, &raw mut info, flags).into())
                .map(|_| (info.si_pid(), info.si_code, info.si_status()))
        };
        match answer {
            Err(Errno(libc::EINTR)) => {}
            Err(errno) => return Err(errno),
            Ok((0, _, _)) => return Ok(None),
            Ok((_, libc::CLD_EXITED, code)) => return Ok(Some(Ended::Exited(code))),
            Ok((_, _, signal)) => return Ok(Some(Ended::Killed(signal))),
        }
    }
}

/// Kills a process.
pub(crate) fn kill(pidfd: &OwnedFd) -> Result<(), Errno> {
    let (fd, info) = (pidfd.as_raw_fd(), null_mut::<c_void>());
    // SAFETY: a null pointer stands for no further information.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, info, 0u32) })
        .map(|_| ())
}

/// The calling process's number.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}
