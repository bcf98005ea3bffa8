//! The layers of the sandbox, and what became of them.

use core::fmt;

use serde::Serialize;

use crate::Errno;

/// A layer of the sandbox, in the order in which they are put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// `no_new_privs`.
    NoNewPrivs,
    /// Descriptors.
    Fds,
    /// User namespace.
    UserNs,
    /// Process namespace.
    PidNs,
    /// IPC namespace.
    IpcNs,
    /// Host-name namespace.
    UtsNs,
    /// Network namespace.
    NetNs,
    /// Mount namespace with an empty root.
    MountNs,
    /// Limits.
    Rlimits,
    /// Capabilities.
    Capabilities,
    /// Landlock.
    Landlock,
    /// Filter of system calls.
    Seccomp,
}

/// What is known of a layer: name, what it gives, whether every policy demands it, and what helps
/// where the host does not have it.
struct Row {
    layer: Layer,
    name: &'static str,
    gives: &'static str,
    mandatory: bool,
    remedy: &'static str,
}

const USER_REMEDY: &str = "the host forbids user namespaces to this user or container: see \
     /proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone, \
     kernel.apparmor_restrict_unprivileged_userns, and the container's seccomp profile";
const NAMESPACE_REMEDY: &str = "it needs a user namespace";

const ROWS: [Row; Layer::COUNT] = [
    Row {
        layer: Layer::NoNewPrivs,
        name: "no new privileges",
        gives: "no program that it could execute gains rights",
        mandatory: true,
        remedy: "every Linux since 3.5 has it",
    },
    Row {
        layer: Layer::Fds,
        name: "closed descriptors",
        gives: "it holds its channels and nothing else",
        mandatory: true,
        remedy: "every Linux has it",
    },
    Row {
        layer: Layer::UserNs,
        name: "user namespace",
        gives: "it has no rights over anything of the host, and the other namespaces need no root",
        mandatory: false,
        remedy: USER_REMEDY,
    },
    Row {
        layer: Layer::PidNs,
        name: "process namespace",
        gives: "it sees no other process",
        mandatory: false,
        remedy: NAMESPACE_REMEDY,
    },
    Row {
        layer: Layer::IpcNs,
        name: "IPC namespace",
        gives: "it sees no System V memory, semaphores and queues",
        mandatory: false,
        remedy: NAMESPACE_REMEDY,
    },
    Row {
        layer: Layer::UtsNs,
        name: "host-name namespace",
        gives: "it cannot change the host's name",
        mandatory: false,
        remedy: NAMESPACE_REMEDY,
    },
    Row {
        layer: Layer::NetNs,
        name: "network namespace",
        gives: "it sees no network interface and no abstract socket",
        mandatory: false,
        remedy: NAMESPACE_REMEDY,
    },
    Row {
        layer: Layer::MountNs,
        name: "mount namespace",
        gives: "its file tree is one empty read-only directory",
        mandatory: false,
        remedy: NAMESPACE_REMEDY,
    },
    Row {
        layer: Layer::Rlimits,
        name: "resource limits",
        gives: "no core dumps, no processes, few descriptors, bounded memory",
        mandatory: true,
        remedy: "every Linux has it",
    },
    Row {
        layer: Layer::Capabilities,
        name: "no capabilities",
        gives: "it has no privilege of root, also where it was started by root",
        mandatory: true,
        remedy: "every Linux has it",
    },
    Row {
        layer: Layer::Landlock,
        name: "Landlock",
        gives: "opening files and connecting are denied a second time, by another mechanism",
        mandatory: false,
        remedy: "it needs Linux 5.13 with `landlock` in the kernel's lsm= list, and a container \
             that does not filter it",
    },
    Row {
        layer: Layer::Seccomp,
        name: "system-call filter",
        gives: "it can make a few system calls; any other ends it at once",
        mandatory: true,
        remedy: "it needs a kernel with CONFIG_SECCOMP_FILTER",
    },
];

impl Layer {
    /// How many there are.
    pub const COUNT: usize = 12;

    /// All of them, in the order in which they are put on.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.layer)
    }

    fn row(self) -> &'static Row {
        // The rows stand in the order of the variants: `rows_stand_in_order` checks it.
        &ROWS[self as usize]
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What it gives.
    #[must_use]
    pub fn gives(self) -> &'static str {
        self.row().gives
    }

    /// Whether every policy demands it.
    #[must_use]
    pub fn is_mandatory(self) -> bool {
        self.row().mandatory
    }

    /// What helps where it is missing.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens where the host lacks a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// What the host has is used; layers that every host has are demanded.
    #[default]
    Auto,
    /// Every layer is demanded.
    Strict,
}

impl Policy {
    /// Whether a process without this layer must not run guest code.
    #[must_use]
    pub fn demands(self, layer: Layer) -> bool {
        self == Self::Strict || layer.is_mandatory()
    }
}

/// The call by which a layer is put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is named as in the kernel's manual")]
#[repr(u8)]
pub enum Step {
    Prctl = 1,
    CloseRange,
    Clone,
    Unshare,
    MountPrivate,
    MountEmpty,
    Chdir,
    PivotRoot,
    Umount,
    Setrlimit,
    Capset,
    Landlock,
    Seccomp,
    /// The process was not made by a `Spawner`, and this cannot be had later.
    Spawn,
}

impl Step {
    const ALL: [(Self, &'static str); 14] = [
        (Self::Prctl, "prctl"),
        (Self::CloseRange, "close_range"),
        (Self::Clone, "clone"),
        (Self::Unshare, "unshare"),
        (Self::MountPrivate, "making mounts private"),
        (Self::MountEmpty, "mounting an empty file system"),
        (Self::Chdir, "chdir"),
        (Self::PivotRoot, "pivot_root"),
        (Self::Umount, "umount"),
        (Self::Setrlimit, "setrlimit"),
        (Self::Capset, "capset"),
        (Self::Landlock, "landlock"),
        (Self::Seccomp, "seccomp"),
        (Self::Spawn, "spawning into it"),
    ];

    /// The step with a number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(step, _)| *step)
            .find(|step| *step as u8 == number)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Self::ALL.iter().find(|(step, _)| step == self);
        f.write_str(text.map_or("", |(_, text)| text))
    }
}

/// Why a layer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The call that failed.
    pub step: Step,
    /// How it failed.
    pub errno: Errno,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.errno)
    }
}

/// Whether a layer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    Available,
    /// It is not.
    Missing(Missing),
}

/// What became of each layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report(pub(super) Vec<(Layer, Status)>);

impl Report {
    /// Each layer and what became of it.
    pub fn iter(&self) -> impl Iterator<Item = (Layer, Status)> {
        self.0.iter().copied()
    }

    /// The layers that are missing, and why.
    pub fn missing(&self) -> impl Iterator<Item = (Layer, Missing)> {
        self.iter().filter_map(|(layer, status)| match status {
            Status::Available => None,
            Status::Missing(missing) => Some((layer, missing)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_order() {
        for (at, layer) in Layer::all().enumerate() {
            assert_eq!(layer as usize, at);
            assert_eq!(layer.row().layer, layer);
        }
    }

    #[test]
    fn steps_have_their_numbers() {
        for (at, (step, _)) in Step::ALL.iter().enumerate() {
            assert_eq!(*step as usize, at + 1);
            assert_eq!(Step::from_number(*step as u8), Some(*step));
        }
        assert_eq!(Step::from_number(0), None);
    }
}
