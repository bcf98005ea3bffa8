//! The North: what a Trusted Application is told by the OP-TEE it believes to run on, one
//! [`Instance`] for each TA instance.
//!
//! It speaks GlobalPlatform's TEE Internal Core API at the level of OP-TEE's syscalls. It never
//! sees a register (the processor's calling convention is turned into arguments by
//! [`litebox::Registers`]), a host path, a descriptor or a key: what the secure world has once lies
//! behind [`tee_abi::core::SecureCore`].
//!
//! Rules: everything a TA hands over is an allegation; copy in, check, use, copy out. No panic on
//! anything a TA, a client or the secure world's answers control.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod cancel;
mod cryp;
mod dispatch;
mod dump;
mod instance;
mod load;
mod log;
mod memory;
mod params;
mod properties;
mod sessions;
mod storage;
mod time;
mod world;

#[cfg(test)]
mod tests;

pub use cryp::{Attrs, CrypState, Object, ObjectInfo, attrs_from_bytes, attrs_to_bytes};
pub use dispatch::{SysResult, Trap};
pub use dump::{Cause, Dump, DumpRegion};
pub use instance::{Config, Host, Instance, InstanceSnapshot, Outcome, SharedOf};
pub use load::LoadError;
pub use params::{MemRef, Param, Params};
pub use world::{Opened, World};
