//! `teebox algorithms`: the cryptographic support table.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use tee_abi::algorithms::{Algorithm, TABLE};
use tee_abi::objects::ObjectType;
use tee_abi::syscalls::Support;

use crate::error::{CliError, Exit};

/// The arguments of `teebox algorithms`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  teebox algorithms\n  teebox algorithms --json | jq '.[] | select(.class == \"Mac\")'"
)]
pub struct AlgorithmsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A key type with its sizes in bits.
#[derive(Serialize)]
struct Key {
    name: &'static str,
    min: u32,
    max: u32,
    step: u32,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: &'static str,
    class: String,
    modes: Vec<String>,
    keys: Vec<Key>,
    support: &'static str,
    note: &'static str,
}

fn key(id: u32) -> Option<Key> {
    let ty = ObjectType::find(id)?;
    Some(Key {
        name: ty.name,
        min: ty.min,
        max: ty.max,
        step: ty.quantum,
    })
}

fn row(algorithm: &Algorithm) -> Row {
    let (support, note) = match algorithm.support {
        Support::Full => ("full", ""),
        Support::Partial(lacks) => ("partial", lacks),
        Support::Missing(why) => ("missing", why),
    };
    Row {
        id: format!("{:#010x}", algorithm.id),
        name: algorithm.name,
        class: format!("{:?}", algorithm.class),
        modes: algorithm.modes.iter().map(|m| format!("{m:?}")).collect(),
        keys: algorithm.keys.iter().filter_map(|id| key(*id)).collect(),
        support,
        note,
    }
}

/// Prints the table.
pub fn run(args: &AlgorithmsArgs) -> Result<Exit, CliError> {
    let rows: Vec<Row> = TABLE.iter().map(row).collect();
    if args.json {
        println!("{}", super::json(&rows)?);
    } else {
        print!("{}", text(&rows));
    }
    Ok(Exit::Ok)
}

fn text(rows: &[Row]) -> String {
    let mut out =
        String::from("id          algorithm                                key bits   support\n");
    for r in rows {
        let bits = r.keys.first().map_or(String::new(), |key| match key.max {
            max if max == key.min => max.to_string(),
            max => format!("{}-{max}", key.min),
        });
        let note = if r.note.is_empty() {
            String::new()
        } else {
            format!(": {}", r.note)
        };
        let _ = writeln!(
            out,
            "{}  {:<40} {bits:<10} {}{note}",
            r.id, r.name, r.support
        );
    }
    let full = rows.iter().filter(|r| r.support == "full").count();
    let _ = writeln!(
        out,
        "{full} full, {} missing of {}",
        rows.len() - full,
        rows.len()
    );
    out
}
