//! The South on Linux: guest memory in one host window, time and entropy, and the sandbox around
//! a process that runs guest code.
//!
//! It speaks addresses, protections, descriptors and errno. It knows no TEE, no registers of any
//! guest but the host's own, and no file name that a guest could have given.
//!
//! `unsafe` stands in the files named here and nowhere else: `sys/*.rs` (system calls),
//! `space/window.rs` (guest memory), `native/gate.rs` and `native/mod.rs` (code that runs natively).
#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("platform-linux is written for Linux on x86-64");

pub mod errno;
pub mod native;
pub mod platform;
pub mod sandbox;
pub mod space;
pub mod spawn;
mod sys;

pub use errno::Errno;
pub use native::{NativeCpu, NativeError, X86Regs};
pub use platform::LinuxPlatform;
pub use sandbox::{
    Layer, LockDownError, Missing, Policy, Report, Status, lock_down, lock_down_native, probe_all,
};
pub use space::{LinuxShared, LinuxSpace, SharedError, SpaceError};
pub use spawn::{Ended, Instance, Launch, Program, SpawnError, Spawner};
