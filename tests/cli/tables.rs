//! Verbs that print tables and explanations.

use crate::support::{stderr, stdout, teebox};

#[test]
fn every_syscall_is_listed() {
    let json = stdout(teebox().args(["syscalls", "--json"]), 0);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 56);
    let text = stdout(teebox().arg("syscalls"), 0);
    assert!(
        text.contains("  0  sys_return                   full\n"),
        "{text}"
    );
}

#[test]
fn a_result_is_explained_by_number_and_name() {
    let by_number = stdout(teebox().args(["explain", "0xffff3024", "--origin", "3"]), 0);
    let by_name = stdout(
        teebox().args(["explain", "TEEC_ERROR_TARGET_DEAD", "--origin", "3"]),
        0,
    );
    assert_eq!(by_number, by_name);
    assert!(
        by_number.starts_with("0xffff3024 TEE_ERROR_TARGET_DEAD\n"),
        "{by_number}"
    );
    assert!(by_number.contains("panicked or aborted"), "{by_number}");
}

#[test]
fn what_is_no_result_is_said_so() {
    let text = stderr(teebox().args(["explain", "TEE_EROR"]), 2);
    assert_eq!(
        text,
        "teebox: `TEE_EROR` is no result\n\
         hint: give a number such as 0xffff0008, or a name such as TEE_ERROR_ITEM_NOT_FOUND\n"
    );
}

#[test]
fn doctor_lists_every_layer_with_a_remedy_where_missing() {
    let out = teebox().args(["doctor", "--json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let layers = found["sandbox"].as_array().unwrap();
    assert_eq!(layers.len(), 12);
    for layer in layers {
        assert_eq!(
            layer["available"].as_bool().unwrap(),
            layer["remedy"].is_null(),
            "{layer}"
        );
    }
    let whole = layers.iter().all(|layer| layer["available"] == true);
    assert_eq!(out.status.code(), Some(if whole { 0 } else { 1 }));
}

#[test]
fn an_unknown_verb_and_an_unknown_flag_are_usage_errors() {
    assert!(stderr(teebox().arg("invok"), 2).contains("a similar subcommand exists: 'invoke'"));
    assert!(stderr(teebox().args(["syscalls", "--jsn"]), 2).contains("'--json'"));
}
