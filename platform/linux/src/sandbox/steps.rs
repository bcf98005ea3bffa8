//! Putting the layers on. Everything that allocates is done in [`Plan::new`]; the steps make
//! system calls only, so that [`super::probe_all`] can take them in a bare copy of a process.

use super::filter::{Code, Filter};
use super::layer::{Layer, Missing, Report, Status, Step};
use super::{FilterError, failed};
use crate::{Errno, sys};

/// The environment variable by which a spawner tells its process what `clone` gave it.
pub(crate) const NAMESPACES_VARIABLE: &str = "TEEBOX_NAMESPACES";

/// What `clone` gave a process: for each namespace the error, or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Namespaces {
    pub(crate) user: Errno,
    pub(crate) pid: Errno,
}

impl Namespaces {
    /// As text for the environment.
    pub(crate) fn to_text(self) -> String {
        format!("{},{}", self.user.0, self.pid.0)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (user, pid) = text.split_once(',')?;
        Some(Self {
            user: Errno(user.parse().ok()?),
            pid: Errno(pid.parse().ok()?),
        })
    }

    /// What the spawner of this process told; `None` when no spawner made it.
    pub(super) fn from_environment() -> Option<Self> {
        Self::from_text(&std::env::var(NAMESPACES_VARIABLE).ok()?)
    }
}

/// Guest memory's window, the largest code arena, the program and its heap.
const ADDRESS_SPACE: u64 = 64 << 30;
/// Private writable memory.
const DATA: u64 = 8 << 30;
/// The largest piece of shared memory.
const FILE_SIZE: u64 = 1 << 30;
/// Channels, and shared memory that a client passes.
const DESCRIPTORS: u64 = 256;

const LIMITS: [(u32, u64); 9] = [
    (libc::RLIMIT_AS, ADDRESS_SPACE),
    (libc::RLIMIT_DATA, DATA),
    (libc::RLIMIT_FSIZE, FILE_SIZE),
    (libc::RLIMIT_NOFILE, DESCRIPTORS),
    (libc::RLIMIT_CORE, 0),
    (libc::RLIMIT_NPROC, 0),
    (libc::RLIMIT_MEMLOCK, 0),
    (libc::RLIMIT_MSGQUEUE, 0),
    (libc::RLIMIT_RTPRIO, 0),
];

/// Directories to put the empty file system on: the first one that is there.
const MOUNT_POINTS: [&core::ffi::CStr; 4] = [c"/proc", c"/tmp", c"/dev", c"/usr"];

/// Everything that locking a process down needs.
pub(super) struct Plan {
    /// Ascending descriptors that stay open.
    keep: Vec<u32>,
    spawned: Option<Namespaces>,
    filter: Filter,
}

impl Plan {
    pub(super) fn new(
        keep: &[i32],
        spawned: Option<Namespaces>,
        code: Code,
    ) -> Result<Self, FilterError> {
        let standard = [0, 1, 2];
        let mut keep: Vec<u32> = keep
            .iter()
            .filter_map(|fd| u32::try_from(*fd).ok())
            .chain(standard)
            .collect();
        keep.sort_unstable();
        keep.dedup();
        let filter = Filter::new(code)?;
        Ok(Self {
            keep,
            spawned,
            filter,
        })
    }

    /// Puts every layer on, and stops where the judge of what became of one says so.
    pub(super) fn run<E>(
        &self,
        mut judge: impl FnMut(Layer, Status) -> Result<(), E>,
    ) -> Result<Report, E> {
        let mut report = Vec::with_capacity(Layer::COUNT);
        for layer in Layer::all() {
            let status = self.status(layer);
            judge(layer, status)?;
            report.push((layer, status));
        }
        Ok(Report(report))
    }

    /// Puts a layer on and tells what became of it.
    pub(super) fn status(&self, layer: Layer) -> Status {
        match self.put_on(layer) {
            Ok(()) => Status::Available,
            Err(missing) => Status::Missing(missing),
        }
    }

    fn put_on(&self, layer: Layer) -> Result<(), Missing> {
        let unshare = |flag| sys::unshare(flag).map_err(failed(Step::Unshare));
        match layer {
            Layer::NoNewPrivs => sys::no_new_privs().map_err(failed(Step::Prctl)),
            Layer::Fds => self.close_others().map_err(failed(Step::CloseRange)),
            Layer::UserNs => match self.spawned {
                Some(spawned) => cloned(spawned.user),
                None => unshare(libc::CLONE_NEWUSER),
            },
            Layer::PidNs => match self.spawned {
                Some(spawned) => cloned(spawned.pid),
                None => Err(failed(Step::Spawn)(Errno(libc::ECHILD))),
            },
            Layer::IpcNs => unshare(libc::CLONE_NEWIPC),
            Layer::UtsNs => unshare(libc::CLONE_NEWUTS),
            Layer::NetNs => unshare(libc::CLONE_NEWNET),
            Layer::MountNs => unshare(libc::CLONE_NEWNS).and_then(|()| empty_root()),
            Layer::Rlimits => limit().map_err(failed(Step::Setrlimit)),
            Layer::Capabilities => give_up().map_err(failed(Step::Capset)),
            Layer::Landlock => landlock().map_err(failed(Step::Landlock)),
            Layer::Seccomp => self.filter.install().map_err(failed(Step::Seccomp)),
        }
    }

    fn close_others(&self) -> Result<(), Errno> {
        let mut first = 0;
        for kept in &self.keep {
            if first < *kept {
                sys::close_range(first, kept - 1)?;
            }
            first = kept.saturating_add(1);
        }
        sys::close_range(first, u32::MAX)
    }
}

fn cloned(errno: Errno) -> Result<(), Missing> {
    if errno == Errno(0) {
        Ok(())
    } else {
        Err(failed(Step::Clone)(errno))
    }
}

/// Makes one empty read-only directory the whole file tree.
fn empty_root() -> Result<(), Missing> {
    sys::mounts_private().map_err(failed(Step::MountPrivate))?;
    let point = mount_somewhere().map_err(failed(Step::MountEmpty))?;
    sys::change_directory(point).map_err(failed(Step::Chdir))?;
    sys::pivot_here().map_err(failed(Step::PivotRoot))?;
    sys::unmount_here().map_err(failed(Step::Umount))?;
    sys::change_directory(c"/").map_err(failed(Step::Chdir))
}

fn mount_somewhere() -> Result<&'static core::ffi::CStr, Errno> {
    let mut last = Errno(libc::ENOENT);
    for point in MOUNT_POINTS {
        match sys::mount_empty(point) {
            Ok(()) => return Ok(point),
            Err(errno) => last = errno,
        }
    }
    Err(last)
}

fn limit() -> Result<(), Errno> {
    LIMITS
        .into_iter()
        .try_for_each(|(resource, value)| sys::limit(resource, value))
}

/// Gives up every capability. The change of rights makes the kernel forget whose death this
/// process follows, so that is said again.
fn give_up() -> Result<(), Errno> {
    sys::drop_capabilities()?;
    sys::die_with_parent()
}

fn landlock() -> Result<(), Errno> {
    sys::landlock_deny_all(sys::landlock_version()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ended;
    use crate::spawn::plan_namespaces;

    #[test]
    fn what_the_spawner_says_arrives() {
        let told = Namespaces {
            user: Errno(0),
            pid: Errno(libc::EPERM),
        };
        assert_eq!(Namespaces::from_text(&told.to_text()), Some(told));
        assert_eq!(Namespaces::from_text("1"), None);
        assert_eq!(Namespaces::from_text("a,b"), None);
    }

    /// Puts some layers on a copy of this process and tells what it answers then: `None` where
    /// the host lacks one of them.
    fn with(layers: &[Layer], answer: impl FnOnce() -> i32) -> Option<Ended> {
        let (flags, namespaces) = plan_namespaces();
        let plan = Plan::new(&[], Some(namespaces), Code::Foreign).unwrap();
        let lacks = 255;
        let child = sys::fork(flags, || {
            let there = |layer: &Layer| plan.status(*layer) == Status::Available;
            if layers.iter().all(there) {
                answer()
            } else {
                lacks
            }
        });
        let ended = sys::wait(&child.unwrap(), true).unwrap();
        ended.filter(|ended| *ended != Ended::Exited(lacks))
    }

    /// The error of a call, or 0.
    fn errno(result: Result<(), Errno>) -> i32 {
        result.err().map_or(0, |errno| errno.0)
    }

    fn is_or_lacks(ended: Option<Ended>, code: i32) {
        assert!(
            ended.is_none_or(|ended| ended == Ended::Exited(code)),
            "{ended:?}"
        );
    }

    #[test]
    fn in_the_mount_namespace_there_are_no_files() {
        let root = || errno(sys::change_directory(c"/etc"));
        is_or_lacks(with(&[Layer::UserNs, Layer::MountNs], root), libc::ENOENT);
        let parent = || errno(sys::change_directory(c"../../proc"));
        is_or_lacks(with(&[Layer::UserNs, Layer::MountNs], parent), libc::ENOENT);
        let new = || errno(sys::make_directory(c"/new"));
        let ended = with(&[Layer::UserNs, Layer::MountNs, Layer::Capabilities], new);
        is_or_lacks(ended, libc::EROFS);
    }

    #[test]
    fn in_the_process_namespace_it_is_alone() {
        let number = || i32::try_from(sys::raw_process_id()).unwrap_or(0);
        is_or_lacks(with(&[Layer::UserNs, Layer::PidNs], number), 1);
    }

    #[test]
    fn in_the_network_namespace_there_is_no_way_out() {
        let connect = || errno(sys::connect_to_loopback());
        is_or_lacks(
            with(&[Layer::UserNs, Layer::NetNs], connect),
            libc::ENETUNREACH,
        );
    }

    #[test]
    fn landlock_denies_what_the_file_tree_would_allow() {
        let open = || errno(sys::open_for_reading(c"/etc/passwd"));
        is_or_lacks(
            with(&[Layer::NoNewPrivs, Layer::Landlock], open),
            libc::EACCES,
        );
    }

    #[test]
    fn without_capabilities_root_is_nobody() {
        let mount = || errno(sys::mount_empty(c"/proc"));
        let ended = with(&[Layer::UserNs, Layer::Capabilities], mount);
        is_or_lacks(ended, libc::EPERM);
    }
}
