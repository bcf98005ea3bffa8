//! Making the processes that run guest code.
//!
//! A process dies with the *thread* that made it, so a [`Spawner`] has a thread of its own that
//! lives as long as it does. That thread stands still from `clone` to `execve` (as in `vfork`):
//! copying this process's page tables would cost more than running a small program.

use std::ffi::{CStr, CString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use thiserror::Error;

use crate::Errno;
use crate::sandbox::{Layer, Missing, NAMESPACES_VARIABLE, Namespaces, Policy, Step};
use crate::sys::{self, Exec, LaunchError};

/// Why a process was not made.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// A layer of the sandbox that the policy demands is missing.
    #[error("the sandbox lacks {layer}: {missing}")]
    Missing {
        /// The layer.
        layer: Layer,
        /// Which step failed, and how.
        missing: Missing,
    },
    /// No process could be made.
    #[error("cannot make a process: {0}")]
    Process(Errno),
    /// The program could not be started in its process.
    #[error("cannot start the program: {0}")]
    Program(Errno),
    /// The spawner's thread could not be started, or is gone.
    #[error("the thread that makes processes is gone")]
    Thread,
}

/// A program that is started many times.
#[derive(Debug)]
pub struct Program {
    exe: OwnedFd,
    args: Vec<CString>,
    env: Vec<CString>,
}

impl Program {
    /// The program in an open file, with the arguments that every start begins with (its name is
    /// the first) and its whole environment as `NAME=value`.
    #[must_use]
    pub fn new(exe: OwnedFd, args: Vec<CString>, env: Vec<CString>) -> Self {
        Self { exe, args, env }
    }

    /// The program that is running now, also when its file was replaced since.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn current(args: Vec<CString>, env: Vec<CString>) -> io::Result<Self> {
        Ok(Self::new(File::open("/proc/self/exe")?.into(), args, env))
    }
}

/// One start of a program.
#[derive(Debug)]
pub struct Launch {
    /// The program.
    pub program: Arc<Program>,
    /// Arguments behind the program's own.
    pub args: Vec<CString>,
    /// Descriptors, which the program finds from number 3 on.
    pub fds: Vec<OwnedFd>,
    /// Its standard error. Standard input and output are empty.
    pub stderr: OwnedFd,
}

/// A process that runs guest code. Dropping it kills the process.
#[derive(Debug)]
pub struct Instance {
    pid: i32,
    pidfd: OwnedFd,
    ended: Option<Ended>,
}

impl Instance {
    /// Its process number, for people to read.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// A descriptor that becomes readable when the process ends.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The kernel's.
    pub fn try_wait(&mut self) -> Result<Option<Ended>, Errno> {
        if self.ended.is_none() {
            self.ended = sys::wait(&self.pidfd, false)?;
        }
        Ok(self.ended)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait(&mut self) -> Result<Ended, Errno> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        let ended = sys::wait(&self.pidfd, true)?.ok_or(Errno(libc::ECHILD))?;
        self.ended = Some(ended);
        Ok(ended)
    }

    /// Kills it. Its end is still to be waited for.
    ///
    /// # Errors
    /// The kernel's.
    pub fn kill(&self) -> Result<(), Errno> {
        match self.ended {
            Some(_) => Ok(()),
            None => sys::kill(&self.pidfd),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.ended.is_none() && sys::kill(&self.pidfd).is_ok() {
            let _ = sys::wait(&self.pidfd, true);
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

impl Ended {
    /// Whether the system-call filter ended it.
    #[must_use]
    pub fn is_forbidden_call(self) -> bool {
        self == Self::Killed(libc::SIGSYS)
    }
}

/// The signals that end processes of guests, by name.
const SIGNALS: [(i32, &str); 9] = [
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSYS, "SIGSYS: a forbidden system call"),
];

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = match self {
            Self::Exited(code) => return write!(f, "exited with code {code}"),
            Self::Killed(signal) => signal,
        };
        match SIGNALS.iter().find(|(number, _)| number == signal) {
            Some((_, name)) => write!(f, "killed by {name}"),
            None => write!(f, "killed by signal {signal}"),
        }
    }
}

struct Request {
    launch: Launch,
    reply: mpsc::SyncSender<Result<Instance, SpawnError>>,
}

/// Makes processes. Those that still run when it is dropped are killed.
#[derive(Debug)]
pub struct Spawner {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Spawner {
    /// Finds out what this host offers, and starts the thread.
    ///
    /// # Errors
    /// [`SpawnError::Missing`] when the policy demands what the host lacks.
    pub fn start(policy: Policy) -> Result<Self, SpawnError> {
        let (flags, namespaces) = plan_namespaces();
        for (layer, errno) in [
            (Layer::UserNs, namespaces.user),
            (Layer::PidNs, namespaces.pid),
        ] {
            if errno != Errno(0) && policy.demands(layer) {
                let step = Step::Clone;
                let missing = Missing { step, errno };
                return Err(SpawnError::Missing { layer, missing });
            }
        }
        let null = File::options().read(true).write(true).open("/dev/null");
        let worker = Worker {
            policy,
            flags,
            namespaces,
            null: null
                .map_err(|error| SpawnError::Process(Errno::of(&error)))?
                .into(),
        };
        let (requests, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || worker.serve(&queue))
            .map_err(|_| SpawnError::Thread)?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Starts a program in a process of its own. Blocks for about a millisecond.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub fn spawn(&self, launch: Launch) -> Result<Instance, SpawnError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let requests = self.requests.as_ref().ok_or(SpawnError::Thread)?;
        let sent = requests.send(Request { launch, reply });
        sent.map_err(|_| SpawnError::Thread)?;
        answer.recv().map_err(|_| SpawnError::Thread)?
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Worker {
    policy: Policy,
    flags: i32,
    namespaces: Namespaces,
    null: OwnedFd,
}

impl Worker {
    fn serve(&self, queue: &mpsc::Receiver<Request>) {
        while let Ok(request) = queue.recv() {
            // Whoever asked may have given up: then the process ends with its answer.
            let _ = request.reply.send(self.spawn(&request.launch));
        }
    }

    fn spawn(&self, launch: &Launch) -> Result<Instance, SpawnError> {
        match self.start(launch, self.flags, self.namespaces) {
            // Limits on namespaces count at this moment, not at the start of the spawner.
            Err(LaunchError::Clone(errno)) if self.may_do_without(errno) => {
                let none = Namespaces {
                    user: errno,
                    pid: errno,
                };
                self.start(launch, 0, none)
            }
            other => other,
        }
        .map_err(|error| match error {
            LaunchError::Clone(errno) => SpawnError::Process(errno),
            LaunchError::Exec(errno) => SpawnError::Program(errno),
        })
    }

    fn may_do_without(&self, errno: Errno) -> bool {
        let refused = matches!(errno.0, libc::EPERM | libc::ENOSPC | libc::EUSERS);
        refused && self.flags != 0 && self.policy == Policy::Auto
    }

    fn start(
        &self,
        launch: &Launch,
        flags: i32,
        namespaces: Namespaces,
    ) -> Result<Instance, LaunchError> {
        let told = format!("{NAMESPACES_VARIABLE}={}", namespaces.to_text());
        let told = CString::new(told).unwrap_or_default();
        let program = &launch.program;
        let argv = pointers(
            program
                .args
                .iter()
                .chain(&launch.args)
                .map(CString::as_c_str),
        );
        let envp = pointers(
            program
                .env
                .iter()
                .map(CString::as_c_str)
                .chain([told.as_c_str()]),
        );
        let standard = [self.null.as_fd(), self.null.as_fd(), launch.stderr.as_fd()];
        let given = launch.fds.iter().map(AsFd::as_fd);
        let fds: Vec<BorrowedFd<'_>> = standard.into_iter().chain(given).collect();
        let (pid, pidfd) = sys::launch(
            flags,
            &Exec {
                exe: program.exe.as_fd(),
                argv: &argv,
                envp: &envp,
                fds: &fds,
            },
        )?;
        Ok(Instance {
            pid,
            pidfd,
            ended: None,
        })
    }
}

/// A list as `execve` takes it.
fn pointers<'a>(strings: impl Iterator<Item = &'a CStr>) -> Vec<*const core::ffi::c_char> {
    strings.map(CStr::as_ptr).chain([null()]).collect()
}

/// Which namespaces `clone` can give to a child of this process: the flags, and what is known of
/// each.
pub(crate) fn plan_namespaces() -> (i32, Namespaces) {
    let (user, pid) = (libc::CLONE_NEWUSER, libc::CLONE_NEWPID);
    let attempt = |flags| match sys::fork(flags, || 0).and_then(|child| sys::wait(&child, true)) {
        Ok(_) => Errno(0),
        Err(errno) => errno,
    };
    let ok = Errno(0);
    let both = attempt(user | pid);
    if both == ok {
        return (user | pid, Namespaces { user: ok, pid: ok });
    }
    let without_pid = attempt(user);
    if without_pid == ok {
        return (
            user,
            Namespaces {
                user: ok,
                pid: both,
            },
        );
    }
    // Root needs no user namespace to make others.
    let without_user = attempt(pid);
    let flags = if without_user == ok { pid } else { 0 };
    let namespaces = Namespaces {
        user: without_pid,
        pid: without_user,
    };
    (flags, namespaces)
}
