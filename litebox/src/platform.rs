//! The platform seam: what a guest's world needs of its host besides a processor and memory.

use core::time::Duration;

use crate::mem::AddressSpace;

/// Time and entropy, and the guest memory of this host.
pub trait Platform {
    /// Guest memory.
    type Space: AddressSpace;

    /// Fills the buffer with random bytes.
    fn random(&mut self, out: &mut [u8]);

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;

    /// Takes a line of the log, without its newline.
    fn log(&mut self, line: &str);
}
