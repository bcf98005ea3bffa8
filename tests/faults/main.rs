//! TAs that go wrong: what the caller sees, what the log says, and that the world goes on.

#[path = "../support/mod.rs"]
mod support;

use support::{ta, teebox};

/// Result, standard output and standard error of one command of the misbehaving TA.
fn misbehave(command: &str, params: &[&str]) -> (Option<i32>, String, String) {
    let mut teebox = teebox();
    teebox
        .arg("invoke")
        .arg(ta("misbehave"))
        .args(["--cmd", command, "--budget", "200000000"]);
    let out = teebox
        .args(params)
        .timeout(std::time::Duration::from_secs(300))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

/// Every command that ends the TA, with what the log must say of it.
const DEADLY: &[(&str, &[&str], &str)] = &[
    ("0", &["value:in:0x77"], "TA panicked with code 0x77"),
    ("1", &[], "TA panicked with code"),
    (
        "2",
        &[],
        "User mode data-abort at address 0x0 (translation fault)",
    ),
    (
        "3",
        &[],
        "User mode data-abort at address 0x0 (translation fault)",
    ),
    (
        "4",
        &["value:in:0x1234,0x5678"],
        "User mode data-abort at address 0x123400005678 (translation fault)",
    ),
    (
        "5",
        &["value:in:0xffffffff,0xfffffff8"],
        "User mode data-abort at address 0xfffffffffffffff8",
    ),
    (
        "6",
        &["value:in:0,0x10000"],
        "User mode prefetch-abort at address 0x10000 (translation fault)",
    ),
    ("7", &[], "User mode prefetch-abort at address"),
    ("8", &[], "(write permission fault)"),
    ("9", &[], "(write permission fault)"),
    ("10", &[], "User mode data-abort at address"),
    ("11", &[], "the instruction budget is used up"),
    ("12", &[], "the instruction budget is used up"),
    ("13", &[], "User mode undef-abort at address"),
    ("14", &[], "User mode breakpoint at address"),
    ("15", &[], "User mode undef-abort at address"),
    ("16", &[], "User mode undef-abort at address"),
    ("17", &[], "(alignment fault)"),
    ("18", &[], "(alignment fault)"),
    ("19", &[], "(alignment fault)"),
    ("20", &[], "TA panicked with code"),
];

#[test]
fn every_way_to_die_is_target_dead_with_a_dump() {
    for (command, params, said) in DEADLY {
        let (code, out, err) = misbehave(command, params);
        assert_eq!(code, Some(1), "command {command}: {err}");
        assert!(
            out.contains("0xffff3024 TEE_ERROR_TARGET_DEAD origin 3"),
            "command {command}: {out}"
        );
        assert!(
            err.contains(said),
            "command {command}: {said:?} is not in\n{err}"
        );
        assert!(
            err.contains("E/LD:  Call stack:"),
            "command {command}: {err}"
        );
    }
}

#[test]
fn a_call_stack_is_decoded_to_function_and_line() {
    let (_, _, err) = misbehave("2", &[]);
    assert!(err.contains("teebox: call stack, decoded"), "{err}");
    assert!(err.contains("ta/misbehave/src/faults.rs:"), "{err}");
}

#[test]
fn bad_manners_are_survived() {
    for (command, params, code) in [
        ("64", &["value:in:0xffff0001"][..], 1),
        ("65", &["value:in:1,0", "mem:out:16"], 0),
        ("66", &["value:inout:1,2", "mem:inout:text:abc"], 0),
        ("67", &["value:in:65536"], 0),
        ("67", &["value:in:10000000"], 0),
        ("68", &["value:in:1000"], 0),
        ("69", &[], 0),
        ("70", &[], 0),
        ("71", &[], 0),
        ("72", &[], 0),
        ("73", &["value:in:10"], 0),
        ("74", &[], 0),
        ("75", &["value:inout:1,2"], 0),
        ("76", &[], 0),
    ] {
        let (got, out, err) = misbehave(command, params);
        assert!(!err.contains("panicked at"), "command {command}: {err}");
        assert_eq!(got, Some(code), "command {command}: {out}\n{err}");
    }
}
