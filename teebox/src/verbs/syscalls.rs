//! `teebox syscalls`: the support table.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use tee_abi::syscalls::{SYSCALLS, Support, Syscall};

use crate::error::{CliError, Exit};

/// The arguments of `teebox syscalls`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  teebox syscalls\n  teebox syscalls --json | jq '.[] | select(.support != \"full\")'"
)]
pub struct SyscallsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    number: u64,
    name: &'static str,
    stub: &'static str,
    arguments: Vec<(&'static str, String)>,
    support: &'static str,
    note: &'static str,
}

fn row(syscall: &Syscall) -> Row {
    let (support, note) = match syscall.support {
        Support::Full => ("full", ""),
        Support::Partial(lacks) => ("partial", lacks),
        Support::Missing(why) => ("missing", why),
    };
    let arguments = syscall
        .args
        .iter()
        .map(|(name, kind)| (*name, format!("{kind:?}")));
    Row {
        number: syscall.number,
        name: syscall.name,
        stub: syscall.stub,
        arguments: arguments.collect(),
        support,
        note,
    }
}

/// Prints the table.
pub fn run(args: &SyscallsArgs) -> Result<Exit, CliError> {
    let rows: Vec<Row> = SYSCALLS.iter().map(row).collect();
    if args.json {
        println!("{}", super::json(&rows)?);
    } else {
        print!("{}", text(&rows));
    }
    Ok(Exit::Ok)
}

fn text(rows: &[Row]) -> String {
    let mut out = String::from(" no  syscall                      support  note\n");
    for r in rows {
        let line = format!("{:3}  {:<28} {:<8} {}", r.number, r.name, r.support, r.note);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let count = |level| rows.iter().filter(|r| r.support == level).count();
    let _ = writeln!(
        out,
        "{} full, {} partial, {} missing of {}",
        count("full"),
        count("partial"),
        count("missing"),
        rows.len()
    );
    out
}
