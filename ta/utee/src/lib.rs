//! The library of a Trusted Application in Rust.
//!
//! A TA implements [`TrustedApp`] and says what it is with [`ta!`]:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! use utee::{Params, Result, TeeResult, TrustedApp};
//!
//! struct Echo;
//! impl TrustedApp for Echo {
//!     type Session = ();
//!     fn create() -> Result<Self> { Ok(Self) }
//!     fn open_session(&mut self, _: &mut Params<'_>) -> Result<()> { Ok(()) }
//!     fn invoke_command(&mut self, _: &mut (), _: u32, _: &mut Params<'_>) -> Result<()> {
//!         Err(TeeResult::ERROR_NOT_SUPPORTED)
//!     }
//! }
//! utee::ta! { app: Echo, uuid: "24c1f9a2-8b1e-4f6f-8a3e-3f6ad1c0a9a7" }
//! ```
//!
//! It speaks the TEE's syscalls and the names of the TEE Internal Core API. It never touches a
//! host. [`syscall`] has the raw stubs, made from `tee-abi`'s table; every other module wraps some
//! of them in safe functions.
//!
//! # Safety
//! Unsafe code makes the syscalls and keeps what lives once per TA: instance, heap, the current
//! parameters. All of it rests on one fact: a TA has one thread, and the TEE does not enter it
//! again before it returned.
#![no_std]

extern crate alloc;

pub mod arch;
pub mod cancellation;
pub mod entry;
pub mod head;
mod heap;
pub mod layout;
pub mod memory;
pub mod object;
pub mod operation;
pub mod panic;
pub mod param;
pub mod property;
pub mod session;
pub mod storage;
pub mod syscall;
pub mod time;
pub mod trace;

pub use entry::TrustedApp;
pub use object::{Attribute, Object};
pub use param::{Params, Value};
pub use tee_abi::param::ParamType;
pub use tee_abi::{self, TeeResult, Uuid, algorithms, attributes, objects};

/// A value, or the `TEE_Result` why there is none.
pub type Result<T> = core::result::Result<T, TeeResult>;
