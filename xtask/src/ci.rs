//! What CI runs, in one order: the cheap checks first.

use std::process::{Command, Stdio};

use crate::run::{Done, has, run};
use crate::{generate, rooms, tas};

/// Programs that tests need, with the Debian package of each.
const TOOLS: &[(&str, &str)] = &[("cc", "gcc"), ("qemu-aarch64-static", "qemu-user-static")];

/// Python modules that tests need, with the Debian package of each.
const MODULES: &[(&str, &str)] = &[("cryptography", "python3-cryptography")];

/// Rust targets that our own TAs are built for.
const TARGETS: &[&str] = &["aarch64-unknown-none"];

/// Everything.
pub fn ci() -> Done {
    tools()?;
    run("cargo", &["fmt", "--all", "--check"])?;
    rooms::check()?;
    generate::check()?;
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
    run("cargo", &["test", "--workspace"])
}

/// Installs what is missing; fails when that is not possible.
fn tools() -> Done {
    run("rustup", &[&["target", "add"], TARGETS].concat())?;
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

fn has_module(module: &str) -> bool {
    Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}
