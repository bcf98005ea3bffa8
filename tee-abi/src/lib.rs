//! The ABI room: the numbers and layouts that OP-TEE, its Trusted Applications and its clients
//! rely on, and the messages that teebox's own processes exchange.
//!
//! It speaks GlobalPlatform's and OP-TEE's words. It has no behaviour, never touches a host
//! resource, and never allocates except to hold a message.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod algorithms;
pub mod attributes;
pub mod channel;
pub mod client;
pub mod core;
pub mod layout;
pub mod objects;
pub mod param;
pub mod property;
pub mod ree;
pub mod result;
pub mod shdr;
pub mod syscalls;
pub mod ta;
pub mod uuid;
pub mod wire;

pub use result::{Origin, TeeResult};
pub use uuid::Uuid;
