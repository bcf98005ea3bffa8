//! The command line by outcome: what is printed, and the exit code.

#[path = "../support/mod.rs"]
mod support;

mod files;
mod invoke;
mod tables;
