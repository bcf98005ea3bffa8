//! Runs guest code: the processor half of a South.
//!
//! It speaks registers, memory and exits ([`litebox::Cpu`]), and knows no TEE and no operating
//! system. Guest code runs until a system call, a fault, an unknown instruction, the end of the
//! budget, or another thread's wish to stop.
//!
//! ```text
//!  word ──decode table──▶ Op ──meaning, over an emitter──▶ interpreter
//!                                                      └──▶ translator ──▶ host code
//! ```
//! Code is interpreted until it is hot, then translated. Unsafe code is in `translate` alone.
#![deny(unsafe_code)]

pub mod a32;
pub mod a64;
mod counter;
mod crypto;
mod emit;
mod engine;
mod float;
mod interp;
mod op;
mod state;
mod t32;
mod translate;
mod vector;

pub use counter::{COUNTER_HZ, Counter};
pub use engine::{Engine, Options, StopHandle};
pub use state::Regs;
