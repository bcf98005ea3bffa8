//! What tests through the front door share: the program, our own TAs, texts without what varies.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The `teebox` program, with nothing of the surroundings that it reads.
pub fn teebox() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teebox"));
    command
        .env_remove("TEEBOX_TA_DIR")
        .env_remove("TEEBOX_SOCKET");
    command
}

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("teebox lies in the workspace")
}

/// The folder of our own signed TAs.
pub fn ta_dir() -> PathBuf {
    root().join("target/ta")
}

/// The UUID of one of our own TAs.
pub fn uuid(name: &str) -> String {
    let index = ta_dir().join("index");
    let text = fs::read_to_string(&index).unwrap_or_else(|error| {
        panic!("{}: {error}: run `cargo xtask tas` first", index.display())
    });
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(n, _)| *n == name)
        .unwrap_or_else(|| panic!("no TA {name} in {}: run `cargo xtask tas`", index.display()))
        .1
        .to_owned()
}

/// The signed file of one of our own TAs.
pub fn ta(name: &str) -> PathBuf {
    ta_dir().join(format!("{}.ta", uuid(name)))
}

/// Standard output of a command that ends with this code.
pub fn stdout(command: &mut Command, code: i32) -> String {
    let out = command.assert().code(code).get_output().stdout.clone();
    String::from_utf8(out).expect("text")
}

/// Standard error of a command that ends with this code.
pub fn stderr(command: &mut Command, code: i32) -> String {
    let out = command.assert().code(code).get_output().stderr.clone();
    String::from_utf8(out).expect("text")
}

/// The lines of a text but for those of the TA's log and the line that says what teebox is.
pub fn told(text: &str) -> String {
    let log = |line: &str| matches!(line.as_bytes(), [_, b'/', ..]);
    let lines = text
        .lines()
        .filter(|l| !log(l) && !l.starts_with("teebox: a development host"));
    lines.collect::<Vec<_>>().join("\n")
}
