//! The loader room: the bytes of a `.ta` file become [`Signed`], then [`Verified`], then a
//! [`LoadPlan`] of what to map where and which words to patch.
//!
//! ```text
//! file ──Signed::parse──▶ Signed ──Trust::verify──▶ Verified ──LoadPlan::main──▶ LoadPlan
//!        (lengths only)           (digest, signature,           (segments, ta_head, symbols)
//!                                  UUID)                             │ Program: libraries, bases
//!                                                                    ▼
//!                                                        bytes to map, words to patch
//! ```
//! It speaks `signed_hdr.h` and ELF. It maps nothing, opens nothing, and trusts no byte: every
//! malformed file is an error value, and each error knows the `TEE_Result` that a client of a board
//! sees for the same file.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod elf;
pub mod header;
#[cfg(feature = "inspect")]
pub mod inspect;
#[cfg(feature = "verify")]
pub mod key;
#[cfg(feature = "verify")]
pub mod known;
pub mod memory;
#[cfg(feature = "verify")]
mod pem;
pub mod plan;
pub mod program;
pub mod reloc;
#[cfg(feature = "verify")]
pub mod sign;
#[cfg(feature = "symbolize")]
pub mod symbolize;
pub mod symbols;
#[cfg(feature = "verify")]
pub mod verify;

pub use elf::{Elf, ElfError, Machine};
pub use header::{HeaderError, Signed, SubHeader};
#[cfg(feature = "verify")]
pub use key::{KeyError, PublicKey};
pub use plan::{LoadPlan, PlanError, Segment, Tls};
pub use program::{AreaPart, Link, Module, Program, ProgramError};
pub use reloc::{Patch, Place, RelocError, Resolved, Resolver};
#[cfg(feature = "verify")]
pub use verify::{Provenance, Trust, TrustedKey, Verified, VerifyError};
