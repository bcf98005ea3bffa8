//! Client programs in a world: what they print, what they end with, and that nothing is left.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{root, stderr, stdout, ta_dir, teebox, told};

/// A sample's client program.
fn client(name: &str) -> PathBuf {
    let path = root().join("target/samples").join(name);
    assert!(
        path.exists(),
        "{}: run `cargo xtask clients` first",
        path.display()
    );
    path
}

/// `teebox run` of a sample's client, with its TAs.
fn run(name: &str) -> assert_cmd::Command {
    let mut command = teebox();
    command
        .arg("run")
        .arg("--ta-dir")
        .arg(ta_dir())
        .arg("--")
        .arg(client(name));
    command
}

#[test]
fn hello_world_counts() {
    assert_eq!(
        stdout(&mut run("hello_world"), 0),
        "The TA gets 42\nThe TA counted up to 43\nThe TA counted down to 42\n"
    );
}

#[test]
fn random_hotp_and_secure_storage_end_well() {
    for name in ["random", "hotp", "secure_storage"] {
        assert!(!stdout(&mut run(name), 0).is_empty(), "{name}");
    }
}

#[test]
fn hotp_prints_the_values_of_its_standard() {
    // RFC 4226, appendix D.
    let text = stdout(&mut run("hotp"), 0);
    for value in ["755224", "287082", "359152", "969429", "338314"] {
        assert!(text.contains(value), "{value} is not in\n{text}");
    }
}

#[test]
fn stored_objects_stay_where_they_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = teebox();
    command
        .arg("run")
        .arg("--storage")
        .arg(dir.path())
        .arg("--ta-dir")
        .arg(ta_dir());
    stdout(command.arg("--").arg(client("secure_storage")), 0);
    assert!(dir.path().join("dirf.db").exists());
}

#[test]
fn the_log_is_not_on_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("ta.log");
    let mut command = teebox();
    command
        .arg("run")
        .arg("--log")
        .arg(&log)
        .arg("--ta-dir")
        .arg(ta_dir());
    let err = stderr(command.arg("--").arg(client("hello_world")), 0);
    assert_eq!(told(&err), "");
    assert!(
        fs::read_to_string(log)
            .unwrap()
            .contains("I/TA: Hello World!")
    );
}

#[test]
fn the_client_s_code_is_the_code() {
    let mut command = teebox();
    assert_eq!(
        stdout(
            command.args(["run", "--", "sh", "-c", "echo out; exit 42"]),
            42
        ),
        "out\n"
    );
    let mut command = teebox();
    stdout(
        command.args(["run", "--", "sh", "-c", "kill -TERM $$"]),
        143,
    );
}

#[test]
fn a_client_that_is_not_there_or_not_executable_is_named() {
    let text = told(&stderr(
        teebox().args(["run", "--", "/nonexistent/client"]),
        127,
    ));
    assert!(
        text.contains("/nonexistent/client") && text.contains("hint: "),
        "{text}"
    );
    let text = told(&stderr(teebox().args(["run", "--", "/etc/passwd"]), 126));
    assert!(
        text.contains("/etc/passwd") && text.contains("hint: "),
        "{text}"
    );
}

#[test]
fn a_missing_ta_is_item_not_found_from_the_tee() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = teebox();
    command
        .arg("run")
        .arg("--ta-dir")
        .arg(empty.path())
        .arg("--")
        .arg(client("hello_world"));
    let text = stderr(&mut command, 1);
    assert!(text.contains("0xffff0008, origin 3"), "{text}");
}

#[test]
fn an_altered_ta_is_a_security_error_from_the_tee() {
    let dir = tempfile::tempdir().unwrap();
    let file = support::ta("hello_world");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(dir.path().join(file.file_name().unwrap()), bytes).unwrap();
    let mut command = teebox();
    command
        .arg("run")
        .arg("--ta-dir")
        .arg(dir.path())
        .arg("--")
        .arg(client("hello_world"));
    let text = stderr(&mut command, 1);
    assert!(text.contains("0xffff000f, origin 3"), "{text}");
    assert!(text.contains("altered after signing"), "{text}");
}

/// Names in a folder for temporary files.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[test]
fn nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = run("secure_storage");
    command
        .env("TMPDIR", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path());
    stdout(&mut command, 0);
    assert_eq!(names(dir.path()), Vec::<String>::new());
}
