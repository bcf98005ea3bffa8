//! Each syscall does what OP-TEE's does, and the samples give the answers they are known for:
//! our own TAs, called without a client program.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use support::{ta, ta_dir, teebox, told};
use tee_abi::syscalls::{SYSCALLS, Support, Syscall};

/// What a call of the TA `name` ends with: exit code, and standard output and error.
fn invoke(name: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let out = teebox()
        .arg("invoke")
        .arg(ta(name))
        .arg("--ta-dir")
        .arg(ta_dir())
        .args(args)
        .timeout(Duration::from_secs(300))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

/// The lines that a scenario of the TA `name` prints.
fn play(name: &str, scenario: &str, storage: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scenario");
    fs::write(&file, scenario).unwrap();
    let (code, out, err) = invoke(
        name,
        &[
            "--scenario",
            file.to_str().unwrap(),
            "--storage",
            storage.to_str().unwrap(),
        ],
    );
    assert_eq!(code, Some(0), "{out}\n{err}");
    told(&out)
}

/// The table says "full" of this row, and the call comes back.
fn is_to_be_checked(row: &&Syscall) -> bool {
    row.support == Support::Full && row.name != "panic"
}

#[test]
fn every_full_syscall_passes_its_case() {
    let mut failed = String::new();
    for row in SYSCALLS.iter().filter(is_to_be_checked) {
        let (code, out, err) = invoke("conformance", &["--cmd", &row.number.to_string()]);
        if code != Some(0) {
            failed += &format!("{} {}:\n{out}{err}\n", row.number, row.name);
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn panic_ends_the_ta_with_its_code() {
    let (code, out, err) = invoke("conformance", &["--cmd", "2"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("TEE_ERROR_TARGET_DEAD origin 3"), "{out}");
    assert!(err.contains("TA panicked with code 0xc0de"), "{err}");
}

#[test]
fn parameters_come_back_changed_by_direction() {
    let (code, out, err) = invoke(
        "conformance",
        &[
            "--cmd",
            "100",
            "value:inout:41,0",
            "value:in:7,7",
            "mem:inout:hex:00ff00ff",
            "mem:out:8",
        ],
    );
    assert_eq!(code, Some(0), "{err}");
    for line in [
        "[0] value 42 (0x2a), 4294967295 (0xffffffff)",
        "[2] memref of 2 bytes",
        "0000  ff00",
        "[3] memref of 4 bytes",
        "0000  ffffffff",
    ] {
        assert!(out.contains(line), "{line:?} is not in\n{out}");
    }
}

#[test]
fn a_buffer_is_copied_and_a_short_one_tells_its_size() {
    let (code, out, _) = invoke(
        "conformance",
        &["--cmd", "101", "mem:in:text:to and fro", "mem:out:16"],
    );
    assert_eq!(code, Some(0));
    assert!(out.contains("[1] memref of 10 bytes"), "{out}");
    let (code, out, _) = invoke(
        "conformance",
        &["--cmd", "101", "mem:in:text:to and fro", "mem:out:4"],
    );
    assert_eq!(code, Some(1));
    assert!(out.contains("TEE_ERROR_SHORT_BUFFER origin 4"), "{out}");
}

#[test]
fn hello_world_counts_up_and_down() {
    let dir = tempfile::tempdir().unwrap();
    let out = play(
        "hello_world",
        "open\ninvoke 0 value:inout:42\ninvoke 1 value:inout:42\nclose\n",
        dir.path(),
    );
    assert!(out.contains("[0] value 43 (0x2b)"), "{out}");
    assert!(out.contains("[0] value 41 (0x29)"), "{out}");
}

#[test]
fn hotp_gives_the_passwords_of_rfc_4226() {
    let dir = tempfile::tempdir().unwrap();
    let passwords = [
        755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489,
    ];
    let mut scenario = "open\ninvoke 0 mem:in:text:12345678901234567890\n".to_owned();
    scenario += &"invoke 1 value:out\n".repeat(passwords.len());
    let out = play("hotp", &(scenario + "close\n"), dir.path());
    let mut rest = out.as_str();
    for password in passwords {
        let value = format!("[0] value {password} ");
        let at = rest.find(&value);
        let at = at.unwrap_or_else(|| panic!("{password} is not next in\n{out}"));
        rest = &rest[at + value.len()..];
    }
}

#[test]
fn random_fills_the_buffer_differently_each_time() {
    let call = || invoke("random", &["--cmd", "0", "mem:out:32"]).1;
    let (one, other) = (call(), call());
    assert!(one.contains("[0] memref of 32 bytes"), "{one}");
    assert_ne!(one, other);
}

#[test]
fn secure_storage_keeps_an_object_until_it_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let write = "open\ninvoke 1 mem:in:text:note mem:in:text:secret\nclose\n";
    play("secure_storage", write, dir.path());
    let out = play(
        "secure_storage",
        "open\n\
         invoke 0 mem:in:text:note mem:out:2 -> 0xffff0010\n\
         invoke 0 mem:in:text:note mem:out:16\n\
         invoke 2 mem:in:text:note\n\
         invoke 0 mem:in:text:note mem:out:16 -> 0xffff0008\n\
         close\n",
        dir.path(),
    );
    assert!(out.contains("[1] memref of 6 bytes"), "{out}");
    assert!(out.contains("736563726574"), "{out}");
}

#[test]
fn increment_adds_one_and_logs_nothing() {
    let (code, out, err) = invoke("increment", &["--cmd", "0", "value:inout:4294967295,9"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("[0] value 0 (0x0), 9 (0x9)"), "{out}");
    assert!(!err.contains("/TA:"), "{err}");
}
