//! The sandbox around a process that runs guest code: what holds even when the guest has taken
//! over the process.
//!
//! ```text
//! daemon: Spawner ── clone: user and pid namespace, pidfd, dies with the daemon ──▶ new process
//!   new process, before its program: descriptors in place, no new privileges
//!   its program's early main: lock_down
//!     descriptors ▸ ipc, uts, net, mount namespaces ▸ empty root ▸ limits ▸ capabilities ▸
//!     Landlock ▸ system-call filter ▸ (first byte of a TA)
//! ```
//! Each step is a [`Layer`]. Some always work; others depend on the host, and [`Policy`] says what
//! happens where they do not. [`probe_all`] takes every step in a throw-away process and tells
//! what this host offers.

mod filter;
mod layer;
mod probe;
mod steps;

use std::os::fd::{AsRawFd, BorrowedFd};

use thiserror::Error;

use crate::Errno;
use filter::Code;
pub use filter::{ALLOWED, Allowed, FilterError, When};
pub use layer::{Layer, Missing, Policy, Report, Status, Step};
pub use probe::{ProbeError, probe_all};
use steps::Plan;
pub(crate) use steps::{NAMESPACES_VARIABLE, Namespaces};

/// Why a process could not be locked down. It must end: it may be half locked down.
#[derive(Debug, Error)]
pub enum LockDownError {
    /// A layer that this policy demands is missing.
    #[error("the sandbox lacks {layer}: {missing}")]
    Missing {
        /// The layer.
        layer: Layer,
        /// Which step failed, and how.
        missing: Missing,
    },
    /// The filter of system calls could not be made.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Locks the calling process down, for good.
///
/// It is called early in `main`, on the only thread, before anything of a guest is touched. Every
/// descriptor but the standard ones and those in `keep` is closed, also those that some value in
/// this process believes to own: the caller has opened nothing else.
///
/// # Errors
/// [`LockDownError`]; the process must end then.
pub fn lock_down(policy: Policy, keep: &[BorrowedFd<'_>]) -> Result<Report, LockDownError> {
    lock_down_for(Code::Foreign, policy, keep)
}

/// [`lock_down`] for a process that runs guest code natively: pages below 4 GiB may become
/// executable. The native processor is made before.
///
/// # Errors
/// [`LockDownError`]; the process must end then.
pub fn lock_down_native(policy: Policy, keep: &[BorrowedFd<'_>]) -> Result<Report, LockDownError> {
    lock_down_for(Code::Native, policy, keep)
}

fn lock_down_for(
    code: Code,
    policy: Policy,
    keep: &[BorrowedFd<'_>],
) -> Result<Report, LockDownError> {
    let keep: Vec<i32> = keep.iter().map(AsRawFd::as_raw_fd).collect();
    let plan = Plan::new(&keep, Namespaces::from_environment(), code)?;
    plan.run(|layer, status| match status {
        Status::Missing(missing) if policy.demands(layer) => {
            Err(LockDownError::Missing { layer, missing })
        }
        _ => Ok(()),
    })
}

/// The last error of the calling thread, as a failed step.
fn failed(step: Step) -> impl Fn(Errno) -> Missing {
    move |errno| Missing { step, errno }
}
