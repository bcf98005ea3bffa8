//! What is generated from tables, and the check that it is current.

use std::fmt::Write as _;
use std::fs;

use tee_abi::objects::ObjectType;
use tee_abi::syscalls::{SYSCALLS, Support};

use crate::run::{Done, root};

/// A generated file: its path and what makes it.
type Generated = (&'static str, fn() -> String);

const FILES: &[Generated] = &[
    ("docs/syscalls.md", syscalls),
    ("docs/algorithms.md", algorithms),
];

/// Writes all of them.
pub fn write() -> Done {
    for (path, make) in FILES {
        let path = root().join(path);
        fs::write(&path, make()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Compares all of them.
pub fn check() -> Done {
    for (path, make) in FILES {
        let now = fs::read_to_string(root().join(path)).unwrap_or_default();
        if now != make() {
            return Err(format!("{path} is not current: run `cargo xtask gen`"));
        }
    }
    eprintln!("── gen: {} files are current", FILES.len());
    Ok(())
}

fn syscalls() -> String {
    let mut out = String::from(
        "# OP-TEE's syscalls in teebox\n\n\
         Made by `cargo xtask gen` from `tee-abi/src/syscalls.rs`; `teebox syscalls` prints the same.\n\n\
         | no | syscall | arguments | support |\n|---:|---|---|---|\n",
    );
    for s in SYSCALLS {
        let args: Vec<&str> = s.args.iter().map(|(name, _)| *name).collect();
        let support = match s.support {
            Support::Full => "full".to_owned(),
            Support::Partial(lacks) => format!("partial: {lacks}"),
            Support::Missing(why) => format!("missing: {why}"),
        };
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {support} |",
            s.number,
            s.name,
            args.join(", ")
        );
    }
    out
}

fn algorithms() -> String {
    let mut out = String::from(
        "# The TEE's cryptographic algorithms in teebox\n\n\
         Made by `cargo xtask gen` from `tee-abi/src/{algorithms,objects}.rs`; `teebox algorithms` prints the same.\n\n\
         | identifier | algorithm | modes | keys (bits) | support |\n|---|---|---|---|---|\n",
    );
    for a in tee_abi::algorithms::TABLE {
        let modes: Vec<String> = a.modes.iter().map(|mode| format!("{mode:?}")).collect();
        let keys: Vec<String> = a.keys.iter().filter_map(|id| key_type(*id)).collect();
        let support = match a.support {
            Support::Full => "full".to_owned(),
            Support::Partial(lacks) => format!("partial: {lacks}"),
            Support::Missing(why) => format!("missing: {why}"),
        };
        let _ = writeln!(
            out,
            "| `{:#010x}` | `{}` | {} | {} | {support} |",
            a.id,
            a.name,
            modes.join(", "),
            keys.join("; ")
        );
    }
    out
}

/// A key type and its sizes.
fn key_type(id: u32) -> Option<String> {
    let ty = ObjectType::find(id)?;
    let name = ty.name.trim_start_matches("TEE_TYPE_");
    Some(match ty.max {
        max if max == ty.min => format!("{name} {max}"),
        max if ty.quantum == 1 => format!("{name} {}-{max}", ty.min),
        max => format!("{name} {}-{max} by {}", ty.min, ty.quantum),
    })
}
