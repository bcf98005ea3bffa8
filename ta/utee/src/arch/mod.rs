//! What differs between instruction sets: how a syscall is made, and the frame that a panic
//! reports. One file per set, each with the same two functions.
//!
//! # Safety
//! Only these files contain assembly.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::{panic, syscall};

#[cfg(target_arch = "arm")]
mod arm;
#[cfg(target_arch = "arm")]
pub use arm::{panic, syscall};

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{panic, syscall};
