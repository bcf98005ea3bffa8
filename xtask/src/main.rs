//! The project's own chores.
//!
//! ```text
//! cargo xtask demo          builds everything and runs a client against a signed A64 TA
//! cargo xtask ci            what CI runs: installs what it needs, checks, builds, tests
//! cargo xtask test          the tests alone, with what they need
//! cargo xtask rooms         dependencies point one way, unsafe stays in its files
//! cargo xtask gen [--check] writes (or compares) what is generated from tables
//! cargo xtask tas           builds and signs our own TAs into target/ta
//! cargo xtask clients       compiles the samples' client programs into target/samples
//! ```
#![forbid(unsafe_code)]

mod ci;
mod generate;
mod rooms;
mod run;
mod samples;
mod shape;
mod tas;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ci"] => ci::ci(),
        ["test"] => ci::test(),
        ["rooms"] => rooms::check(),
        ["gen"] => generate::write(),
        ["gen", "--check"] => generate::check(),
        ["tas"] => tas::tas(),
        ["clients"] => samples::clients(),
        ["demo"] => samples::demo(),
        _ => Err(
            "usage: cargo xtask demo | ci | test | rooms | gen [--check] | tas | clients"
                .to_owned(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
