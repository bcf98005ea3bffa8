//! What CI runs, in one order: the cheap checks first.

use std::process::{Command, Stdio};

use crate::run::{Done, has, run};
use crate::{generate, rooms, samples, tas};

/// Programs that tests need, with the Debian package of each.
const TOOLS: &[(&str, &str)] = &[("cc", "gcc"), ("qemu-aarch64-static", "qemu-user-static")];

/// Python modules that tests need, with the Debian package of each.
const MODULES: &[(&str, &str)] = &[("cryptography", "python3-cryptography")];

/// Everything.
pub fn ci() -> Done {
    tools()?;
    run("cargo", &["fmt", "--all", "--check"])?;
    rooms::check()?;
    generate::check()?;
    licences()?;
    run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    tas::lint()?;
    test()
}

/// The tests, with what they need.
pub fn test() -> Done {
    tools()?;
    tas::tas()?;
    samples::clients()?;
    run("cargo", &["test", "--workspace"])
}

/// What is linked, against `deny.toml`. The tool is built once for a machine.
fn licences() -> Done {
    if !has("cargo-deny") {
        run(
            "cargo",
            &["install", "--quiet", "--locked", "cargo-deny@0.20.2"],
        )?;
    }
    let what = ["check", "licenses", "bans", "sources"];
    run(
        "cargo",
        &[&["deny", "--log-level", "error"], &what[..]].concat(),
    )
}

/// Installs what is missing; fails when that is not possible.
fn tools() -> Done {
    tas::targets()?;
    let programs = TOOLS.iter().filter(|(program, _)| !has(program));
    let modules = MODULES.iter().filter(|(module, _)| !has_module(module));
    let missing: Vec<&str> = programs
        .chain(modules)
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !has("apt-get") {
        return Err(format!(
            "install the packages {} and try again",
            missing.join(", ")
        ));
    }
    let sudo = !is_root() && has("sudo");
    let apt = |args: &[&str]| {
        if sudo {
            run("sudo", &[&["apt-get"], args].concat())
        } else {
            run("apt-get", args)
        }
    };
    apt(&["update", "-qq"])?;
    apt(&[
        &["install", "-y", "-qq", "--no-install-recommends"],
        missing.as_slice(),
    ]
    .concat())
}

/// Whether the first Python on the path, or Debian's, has a module.
fn has_module(module: &str) -> bool {
    let has = |python: &str| {
        Command::new(python)
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().any(has)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}
