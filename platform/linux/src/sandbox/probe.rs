//! What this host offers: every layer is put on a throw-away process, which tells how it went.

use std::io::{PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use thiserror::Error;

use super::FilterError;
use super::filter::Code;
use super::layer::{Layer, Missing, Report, Status, Step};
use super::steps::Plan;
use crate::spawn::plan_namespaces;
use crate::{Errno, sys};

/// Why the host could not be asked.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// No process could be made for it.
    #[error("cannot make a process to try the sandbox in: {0}")]
    Process(Errno),
    /// The filter of system calls could not be made.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Tells of each layer whether this host offers it to this process's children.
///
/// # Errors
/// [`ProbeError`].
pub fn probe_all() -> Result<Report, ProbeError> {
    let (flags, namespaces) = plan_namespaces();
    let (read, write) = std::io::pipe().map_err(|error| ProbeError::Process(Errno::of(&error)))?;
    let write = OwnedFd::from(write);
    let plan = Plan::new(&[write.as_raw_fd()], Some(namespaces), Code::Foreign)?;
    let process = sys::fork(flags, || tell_all(&plan, &write)).map_err(ProbeError::Process)?;
    drop(write);
    let report = listen(read);
    sys::wait(&process, true).map_err(ProbeError::Process)?;
    Ok(report)
}

/// In the throw-away process: tries each layer and writes what became of it, in 5 bytes.
fn tell_all(plan: &Plan, to: &OwnedFd) -> i32 {
    for layer in Layer::all() {
        let (step, errno) = match plan.status(layer) {
            Status::Available => (0, Errno(0)),
            Status::Missing(missing) => (missing.step as u8, missing.errno),
        };
        let [a, b, c, d] = errno.0.to_le_bytes();
        if sys::write_all(to.as_fd(), &[step, a, b, c, d]).is_err() {
            return 1;
        }
    }
    0
}

/// Reads what the process tells. A process that fell silent was ended by the layer it was about to
/// tell of.
fn listen(mut from: PipeReader) -> Report {
    let silent = Missing {
        step: Step::Spawn,
        errno: Errno(libc::ECHILD),
    };
    let mut next = || {
        let mut record = [0; 5];
        from.read_exact(&mut record).ok()?;
        let [step, a, b, c, d] = record;
        let errno = Errno(i32::from_le_bytes([a, b, c, d]));
        Some(match Step::from_number(step) {
            None => Status::Available,
            Some(step) => Status::Missing(Missing { step, errno }),
        })
    };
    let statuses = Layer::all().map(|layer| (layer, next().unwrap_or(Status::Missing(silent))));
    Report(statuses.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_is_told_of_and_the_mandatory_ones_are_there() {
        let report = probe_all().unwrap();
        let layers: Vec<Layer> = report.iter().map(|(layer, _)| layer).collect();
        assert_eq!(layers, Layer::all().collect::<Vec<_>>());
        for (layer, missing) in report.missing() {
            assert!(!layer.is_mandatory(), "{layer}: {missing}");
            assert_ne!(missing.step, Step::Spawn, "{layer}");
        }
    }

    #[test]
    fn silence_is_not_taken_for_consent() {
        let (read, write) = std::io::pipe().unwrap();
        drop(write);
        assert_eq!(listen(read).missing().count(), Layer::COUNT);
    }
}
