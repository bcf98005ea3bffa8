//! `teebox invoke`.

use std::fs;

use crate::support::{stderr, stdout, ta, teebox, told};

#[test]
fn a_value_comes_back_changed() {
    let text = stdout(
        teebox()
            .arg("invoke")
            .arg(ta("hello_world"))
            .args(["--cmd", "0", "value:inout:42"]),
        0,
    );
    assert_eq!(
        text,
        "invoke 0x0: 0x00000000 TEE_SUCCESS origin 4\n  [0] value 43 (0x2b), 0 (0x0)\n"
    );
}

#[test]
fn the_log_goes_to_a_file_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("ta.log");
    let mut command = teebox();
    command
        .arg("invoke")
        .arg(ta("hello_world"))
        .args(["--cmd", "0", "value:inout:1", "--log"]);
    let text = stderr(command.arg(&log), 0);
    assert_eq!(told(&text), "");
    assert!(!text.contains("Hello World!"), "{text}");
    assert!(
        fs::read_to_string(&log)
            .unwrap()
            .contains("I/TA: Hello World!")
    );
}

#[test]
fn a_refusal_of_the_ta_has_exit_code_1() {
    let mut command = teebox();
    command
        .arg("invoke")
        .arg(ta("hello_world"))
        .args(["--cmd", "99"]);
    assert_eq!(
        stdout(&mut command, 1),
        "invoke 0x63: 0xffff0006 TEE_ERROR_BAD_PARAMETERS origin 4   <- not as expected\n"
    );
}

#[test]
fn a_scenario_runs_its_steps_and_checks_results() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("steps");
    fs::write(
        &file,
        "invoke 0 value:inout:1\ninvoke 1 value:inout:1\n\
         invoke 9 -> TEE_ERROR_BAD_PARAMETERS\nclose\ninvoke 0 value:inout:1 -> TEE_ERROR_BAD_STATE\n",
    )
    .unwrap();
    let mut command = teebox();
    command
        .arg("invoke")
        .arg(ta("hello_world"))
        .arg("--scenario")
        .arg(&file);
    let text = stdout(&mut command, 0);
    assert_eq!(
        text,
        "line 0: open: 0x00000000 TEE_SUCCESS origin 4\n\
         line 1: invoke 0x0: 0x00000000 TEE_SUCCESS origin 4\n  [0] value 2 (0x2), 0 (0x0)\n\
         line 2: invoke 0x1: 0x00000000 TEE_SUCCESS origin 4\n  [0] value 0 (0x0), 0 (0x0)\n\
         line 3: invoke 0x9: 0xffff0006 TEE_ERROR_BAD_PARAMETERS origin 4\n\
         line 4: close: 0x00000000 TEE_SUCCESS origin 3\n\
         line 5: invoke 0x0: 0xffff0007 TEE_ERROR_BAD_STATE origin 1\n  [0] value 1 (0x1), 0 (0x0)\n"
    );
}

#[test]
fn buffers_go_in_and_out() {
    let mut command = teebox();
    command.arg("invoke").arg(ta("conformance")).args([
        "--json",
        "--cmd",
        "101",
        "mem:in:text:hello",
        "mem:out:8",
    ]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&mut command, 0)).unwrap();
    assert_eq!(json[1]["params"][0]["size"], 5);
    assert_eq!(json[1]["params"][0]["hex"], "68656c6c6f");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let text = stderr(
        teebox().args(["invoke", "/nonexistent/x.ta", "--cmd", "0"]),
        3,
    );
    assert_eq!(
        told(&text),
        "teebox: cannot load /nonexistent/x.ta: No such file or directory (os error 2)\n\
         hint: give the path of a signed TA, UUID.ta"
    );
}
