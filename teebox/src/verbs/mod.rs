//! The verbs of the command line, a file each.

pub mod algorithms;
pub mod doctor;
pub mod explain;
pub mod inspect;
pub mod invoke;
pub mod run;
pub mod serve;
pub mod sign;
pub mod syscalls;
pub mod verify;

use serde::Serialize;

use crate::error::{CliError, Exit};

/// A value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value).map_err(|error| CliError {
        exit: Exit::Bug,
        what: format!("cannot write JSON: {error}"),
        hint: String::new(),
    })
}
