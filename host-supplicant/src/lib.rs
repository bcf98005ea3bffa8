//! The normal world's services: finding TA files, keeping storage files, telling the time.
//!
//! It speaks [`tee_abi::ree`] to the secure world and the host's own language to the host. It holds no key
//! and never interprets what it keeps; it never trusts a name that it is given to stay within the
//! storage directory.
//!
//! A world runs it in a process of its own ([`serve`], reached through [`ReeChannel`]); tests and
//! `teebox invoke` may use a [`Supplicant`] directly.
#![forbid(unsafe_code)]

mod channel;
mod directory;
pub mod faults;
mod memory;
mod rpmb;
mod supplicant;
mod ta_path;

pub use channel::{ReeChannel, ServeError, serve};
pub use directory::OpenError;
pub use memory::MemoryFiles;
pub use rpmb::{Mac, RpmbDevice};
pub use supplicant::{Config, Durability, StoragePlace, Supplicant};
pub use ta_path::TaSource;
