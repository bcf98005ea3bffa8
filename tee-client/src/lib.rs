//! The TEE Client API for Rust programs: contexts, sessions, shared memory, operations.
//!
//! It speaks GlobalPlatform's client API in Rust's terms and reaches a teebox world through its
//! sockets alone. It knows no TA and no file, creates no thread, and has no unsafe code; `capi/`
//! puts the C API on top of it.
//!
//! ```text
//! Context ── control socket ── daemon      one connection a context
//!    └─ Session ── channel ── TA instance  one channel a session, calls go here
//! ```
#![forbid(unsafe_code)]

mod context;
mod memory;
mod operation;
mod session;
mod stage;

pub use context::{ConnectError, Context};
pub use memory::SharedMemory;
pub use operation::{Buffer, NO_PARAMS, Outcome, Param, Params};
pub use session::Session;
pub use tee_abi::client::Direction;
pub use tee_abi::param::Login;
pub use tee_abi::{Origin, TeeResult, Uuid};
