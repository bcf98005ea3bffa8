//! The core of the library OS: the seams that a North (an operating-system personality) and a
//! South (a host platform) meet at, guest memory, and the run loop.
//!
//! It speaks addresses, protections, registers by role and exits. It knows no TEE and no host: no
//! UUID, no file, no descriptor, no Linux number appears here.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

pub mod cpu;
pub mod guest;
pub mod mem;
pub mod mm;
pub mod platform;

pub use cpu::{Cpu, Exit, Registers, SyscallFrame, Width};
pub use guest::UserPtr;
pub use mem::{Access, AddressSpace, Fault, FaultKind, MapError, PAGE_SIZE, Prot, Window};
pub use mm::{Label, Mm, Placement, Region};
pub use platform::Platform;
