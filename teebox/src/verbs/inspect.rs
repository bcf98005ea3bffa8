//! `teebox inspect`: what a TA file is, down to properties and syscalls.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use ta_loader::inspect::Report;

use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};
use crate::trust::{read_ta, trust, uuid_of_name};

/// The arguments of `teebox inspect`.
#[derive(Args)]
#[command(
    after_help = "It shows signed headers with their keys, flags, properties, segments, relocations and the\n\
syscalls that a TA links and calls; also of a file that would not be loaded, with the reason.\n\n\
Examples:\n  \
  teebox inspect 8aaaf200-2450-11e4-abe2-0002a5d5c51b.ta\n  \
  teebox inspect --json *.ta | jq '.[] | {file, flags: .elf.head.flag_names}'"
)]
pub struct InspectArgs {
    /// TA files, or bare ELF files of TAs
    #[arg(value_name = "FILE.ta", required = true)]
    files: Vec<PathBuf>,
    /// A key to know besides the default ones (repeatable)
    #[arg(long, value_name = "PEM")]
    ta_key: Vec<PathBuf>,
    /// Take files without a signature for accepted
    #[arg(long)]
    allow_unsigned: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    file: String,
    #[serde(flatten)]
    report: Report,
}

/// Runs it.
///
/// # Errors
/// [`CliError`] for a file or key that cannot be read.
pub fn run(args: &InspectArgs) -> Result<Exit, CliError> {
    let trust = trust(&WorldOptions {
        ta_key: args.ta_key.clone(),
        allow_unsigned: args.allow_unsigned,
        ..WorldOptions::default()
    })?;
    let mut entries = Vec::new();
    for path in &args.files {
        entries.push(Entry {
            file: path.display().to_string(),
            report: Report::new(&read_ta(path)?, uuid_of_name(path), &trust),
        });
    }
    if args.json {
        println!("{}", super::json(&entries)?);
        return Ok(Exit::Ok);
    }
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            println!();
        }
        print!("{}", entry.report.to_text(&entry.file));
    }
    Ok(Exit::Ok)
}
