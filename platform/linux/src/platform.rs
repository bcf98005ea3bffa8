//! Time, entropy and the log of this host.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use litebox::Platform;

use crate::{Errno, LinuxSpace, sys};

/// A host that is Linux.
#[derive(Debug)]
pub struct LinuxPlatform {
    log: OwnedFd,
    line: Vec<u8>,
}

impl LinuxPlatform {
    /// A host whose log goes to a descriptor.
    #[must_use]
    pub fn new(log: OwnedFd) -> Self {
        Self {
            log,
            line: Vec::new(),
        }
    }

    /// A host whose log goes to standard error.
    ///
    /// # Errors
    /// The kernel's, when standard error is closed or descriptors are used up.
    pub fn with_stderr() -> Result<Self, Errno> {
        let stderr = std::io::stderr().as_fd().try_clone_to_owned();
        stderr.map(Self::new).map_err(|error| Errno::of(&error))
    }
}

impl Platform for LinuxPlatform {
    type Space = LinuxSpace;

    /// The kernel's generator. A kernel that has no entropy to give ends the process: there is no
    /// answer that would be safe.
    fn random(&mut self, out: &mut [u8]) {
        if sys::random(out).is_err() {
            std::process::abort();
        }
    }

    fn monotonic(&self) -> Duration {
        sys::monotonic()
    }

    /// Writes the line and its newline in one call, so that lines of several processes do not mix
    /// (on a pipe: up to 4096 bytes). A log that cannot be written loses the line.
    fn log(&mut self, line: &str) {
        self.line.clear();
        self.line.extend_from_slice(line.as_bytes());
        self.line.push(b'\n');
        let _ = sys::write_all(self.log.as_fd(), &self.line);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let (mut read, write) = std::io::pipe().unwrap();
        let mut platform = LinuxPlatform::new(write.into());
        platform.log("D/TA:  one");
        platform.log("");
        platform.log("E/TC:? three");
        drop(platform);
        let mut got = String::new();
        read.read_to_string(&mut got).unwrap();
        assert_eq!(got, "D/TA:  one\n\nE/TC:? three\n");
    }

    #[test]
    fn a_log_nobody_reads_stops_nothing() {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        LinuxPlatform::new(write.into()).log("lost");
    }

    #[test]
    fn random_bytes_fill_the_buffer_and_time_does_not_go_back() {
        let mut platform = LinuxPlatform::with_stderr().unwrap();
        let (mut a, mut b) = ([0; 1000], [0; 1000]);
        platform.random(&mut a);
        platform.random(&mut b);
        assert_ne!(a, b);
        assert!(a.iter().any(|byte| *byte != 0) && a[900..].iter().any(|byte| *byte != 0));
        let before = platform.monotonic();
        assert!(platform.monotonic() >= before);
    }
}
