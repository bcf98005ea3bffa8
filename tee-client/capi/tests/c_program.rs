//! A C program compiled against our header runs with the library that this package builds.

#[path = "../../tests/support/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the Rust client's tests, which use all of it"
)]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::World;

/// The library as `cargo xtask clients` has built it.
fn library() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/libteec.so");
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is not there: run `cargo xtask clients` first"
    );
    path
}

fn compile(directory: &Path) -> PathBuf {
    let program = directory.join("client");
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("cc")
        .args([
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pthread",
            "-o",
        ])
        .arg(&program)
        .arg(room.join("tests/client.c"))
        .arg("-I")
        .arg(room.join("../include"))
        .arg(directory.join("libteec.so.2"))
        .status()
        .unwrap();
    assert!(status.success());
    program
}

#[test]
fn a_c_program_gets_the_results_and_origins_it_would_get_on_a_board() {
    let world = World::start();
    std::fs::copy(library(), world.directory().join("libteec.so.2")).unwrap();
    let output = Command::new(compile(world.directory()))
        .env("LD_LIBRARY_PATH", world.directory())
        .env("TEEBOX_SOCKET", world.socket())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout),
        String::from_utf8(output.stderr),
    );
    assert!(output.status.success(), "{}", err.unwrap());
    let out = out.unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "1 two 3.0 4 5 6");
    assert!(lines[1].starts_with("ERR [") && lines[1].ends_with("] TEEC:main:7: done"));
}

#[test]
fn without_a_world_the_program_is_told_what_to_do() {
    let world = World::start();
    std::fs::copy(library(), world.directory().join("libteec.so.2")).unwrap();
    let output = Command::new(compile(world.directory()))
        .env("LD_LIBRARY_PATH", world.directory())
        .env_remove("TEEBOX_SOCKET")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("no teebox world is set"), "{err}");
    assert!(err.contains("hint: "), "{err}");
}
