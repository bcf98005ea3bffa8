//! The South of tests: guest memory in vectors, time that moves when told, entropy by seed, a log
//! that can be read. It touches no host resource.
#![forbid(unsafe_code)]

mod cpu;
pub mod memory;
mod platform;

pub use cpu::{Act, MockCpu, MockRegs};
pub use memory::{MockShared, MockSpace};
pub use platform::MockPlatform;
