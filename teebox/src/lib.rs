//! The composition root: the only crate that names a North and a South, the command line, the
//! daemon and the TA-instance process.
//!
//! It speaks to users. It decides nothing that a TA is told, and touches no register.
#![deny(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

pub mod cli;
pub mod daemon;
pub mod error;
pub mod instance;
pub mod local;
pub mod param;
pub mod scenario;
pub mod secure;
pub mod symbols;
pub mod trust;
pub mod verbs;
pub mod world;

/// Runs this process as what it was started to be: an instance, a supplicant, or the program that
/// users start.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if name == instance::NAME {
        return instance::main(
            arguments.filter_map(|argument| OsString::into_string(argument).ok()),
        );
    }
    if name == daemon::supplicant::NAME {
        return daemon::supplicant::main(arguments);
    }
    cli::main()
}
