//! Builds the client library that comes with the program: `libteec.so.2`, for `teebox run` and
//! `teebox serve` to hand out.
//!
//! The library is a package of this workspace, built by a cargo of its own into this package's
//! output directory: always optimised, whatever the profile of the program. It needs no crate that
//! the program does not need as well, so nothing is downloaded that was not before.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders of the workspace that the library is made of.
const SOURCES: [&str; 2] = ["tee-client", "tee-abi"];

/// What cargo tells a build script about the outer build and an inner one must not inherit.
const OUTER: [&str; 6] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for source in SOURCES {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(source).display()
        );
    }
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(what) = build(&workspace) {
        println!("cargo::error=cannot build libteec.so.2: {what}");
    }
}

fn build(workspace: &Path) -> Result<(), String> {
    let variable = |name: &str| std::env::var_os(name).ok_or(format!("{name} is not set"));
    let out = PathBuf::from(variable("OUT_DIR")?);
    let target = out.join("client");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "teec",
            "--manifest-path",
        ])
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    if workspace.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    for name in OUTER {
        cargo.env_remove(name);
    }
    let status = cargo.status().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("cargo ended with {status}"));
    }
    let library = target.join("release/libteec.so");
    std::fs::copy(&library, out.join("libteec.so"))
        .map_err(|error| format!("{}: {error}", library.display()))?;
    Ok(())
}
