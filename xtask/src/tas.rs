//! Our own TAs, the kit's and the samples': built for A64 with what rustup brings, signed with the
//! development key, and put into `target/ta`.
//!
//! ```text
//! target/ta/UUID.ta     signed, stripped: what a world loads
//! target/ta/UUID.elf    with symbols and line numbers: what a dump is decoded with
//! target/ta/index       one line "name UUID" for each
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ring::rand::SystemRandom;
use serde_json::Value;
use ta_loader::LoadPlan;
use ta_loader::sign::{SigningKey, TaIdentity, TaImage};
use tee_abi::Uuid;
use tee_abi::shdr::ALG_RSA_PSS_SHA256;

use crate::run::{Done, root, run, run_in};
use crate::shape;

/// Workspaces with TAs. They share a target directory by their `.cargo/config.toml`.
const WORKSPACES: &[&str] = &["ta", "samples"];

/// The key that every teebox world trusts.
const KEY: &str = "ta/keys/default_dev.pem";

/// Rust targets that our own TAs are built for.
const TARGETS: &[&str] = &["aarch64-unknown-none"];

/// Has rustup bring the targets.
pub fn targets() -> Done {
    run("rustup", &[&["target", "add"], TARGETS].concat())
}

/// Builds and signs them all.
pub fn tas() -> Done {
    let start = Instant::now();
    let out = root().join("target/ta");
    fs::create_dir_all(&out).map_err(|error| at(&out, error))?;
    let key = signing_key()?;
    let mut index = Vec::new();
    for workspace in WORKSPACES {
        for (name, elf) in build(&root().join(workspace))? {
            let uuid = pack(&elf, &out, &key).map_err(|error| format!("{name}: {error}"))?;
            index.push(format!("{name} {uuid}\n"));
        }
    }
    index.sort();
    let path = out.join("index");
    fs::write(&path, index.concat()).map_err(|error| at(&path, error))?;
    eprintln!(
        "── {} TAs in {}, {:.1} s",
        index.len(),
        out.display(),
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

/// Formatting and lints of both workspaces.
pub fn lint() -> Done {
    for workspace in WORKSPACES {
        let folder = root().join(workspace);
        run_in(&folder, "cargo", &["fmt", "--check"])?;
        let clippy = [
            "clippy",
            "--release",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ];
        run_in(&folder, "cargo", &clippy)?;
    }
    Ok(())
}

fn at(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

fn signing_key() -> Result<SigningKey, String> {
    let path = root().join(KEY);
    let pem = fs::read_to_string(&path).map_err(|error| at(&path, error))?;
    SigningKey::from_pem(&pem).map_err(|error| at(&path, error))
}

/// Builds a workspace; tells the name and path of each TA.
fn build(workspace: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    eprintln!("── cargo build --release in {}", workspace.display());
    let out = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(workspace)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !out.status.success() {
        return Err(format!("{} does not build", workspace.display()));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    Ok(messages
        .filter_map(|message: Value| executable(&message))
        .collect())
}

/// The program that one of cargo's messages tells of.
fn executable(message: &Value) -> Option<(String, PathBuf)> {
    let path = message["executable"].as_str()?;
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}

/// Puts an ELF file and its signed, stripped image into `out`.
fn pack(elf: &Path, out: &Path, key: &SigningKey) -> Result<Uuid, String> {
    let bytes = fs::read(elf).map_err(|error| at(elf, error))?;
    let plan = LoadPlan::main(&bytes).map_err(|error| error.to_string())?;
    shape::check(&plan)?;
    let uuid = plan.head().ok_or("it has no ta_head")?.uuid;
    let symbols = out.join(format!("{uuid}.elf"));
    fs::write(&symbols, &bytes).map_err(|error| at(&symbols, error))?;
    let ta = out.join(format!("{uuid}.ta"));
    strip(&symbols, &ta)?;
    let stripped = fs::read(&ta).map_err(|error| at(&ta, error))?;
    let identity = TaIdentity {
        uuid,
        ta_version: 0,
        algo: ALG_RSA_PSS_SHA256,
    };
    let signed = TaImage::plain(identity, &stripped, key.public())
        .and_then(|image| image.sign(key, &SystemRandom::new()))
        .map_err(|error| error.to_string())?;
    fs::write(&ta, signed).map_err(|error| at(&ta, error))?;
    Ok(uuid)
}

/// Removes symbols and debug information with the objcopy that comes with rustc.
fn strip(from: &Path, to: &Path) -> Done {
    let tool = rustlib()?.join("bin/rust-objcopy");
    let status = Command::new(&tool)
        .arg("--strip-all")
        .args([from, to])
        .status()
        .map_err(|error| at(&tool, error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", tool.display()))
    }
}

/// Where the toolchain keeps its own programs.
fn rustlib() -> Result<PathBuf, String> {
    let out = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    libdir
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| "rustc does not tell its library folder".to_owned())
}
