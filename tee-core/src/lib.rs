//! What the secure world has once, however many Trusted Applications run: the hardware unique key
//! and all that is derived from it, trusted storage with its hash trees and object locks, and the
//! TAs' persistent time.
//!
//! It speaks [`tee_abi::core`] to the instances above it and [`tee_abi::ree`] to the normal world
//! below. It never touches a host path, a descriptor, a clock or TA memory.
//!
//! Rules: a request is hostile (the caller's identity comes from the channel, never from a
//! message), and so is every answer of the normal world. One request is served at a time, so there
//! is no lock order to keep. Nothing is acknowledged before it is durable.
//!
//! ```text
//!  TeeCore::call(instance, request)
//!     objects   who holds which object open, for what         (locks, handles, enumerators)
//!     ree_fs    objects as files: dirf.db and its hash trees  (what is written when)
//!     keys      HUK ─▶ SSK ─▶ TSK ─▶ FEK
//!     Ree       the normal world's files and clock
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod crypto;
mod error;
mod in_process;
mod inspect;
mod keys;
mod objects;
mod ree_fs;
mod rpmb;
mod stores;
mod versions;
mod world;

pub use crypto::StorageCrypto;
pub use error::{Damage, FsError, RpmbFault};
pub use in_process::InProcess;
pub use inspect::{CheckReport, ObjectContent, ObjectName};
pub use keys::{Config, HUK_LEN, STUB_CHIP_ID, STUB_HUK};
pub use versions::{VersionDb, VersionError};
pub use world::{InstanceId, TeeCore};
