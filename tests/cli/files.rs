//! TA files that must be refused, and what is said of them.

use std::fs;
use std::path::PathBuf;

use crate::support::{stderr, stdout, ta, teebox, told, uuid};

/// A copy of the hello_world TA, changed, under its own name or another.
fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, PathBuf) {
    let mut bytes = fs::read(ta("hello_world")).unwrap();
    change(&mut bytes);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("{name}.ta"));
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn refusal(path: &PathBuf) -> String {
    told(&stderr(
        teebox().arg("invoke").arg(path).args(["--cmd", "0"]),
        3,
    ))
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let len = fs::metadata(ta("hello_world")).unwrap().len() as usize;
    for at in [
        0,
        5,
        9,
        13,
        17,
        19,
        25,
        60,
        300,
        560,
        570,
        600,
        len / 2,
        len - 1,
    ] {
        let (_dir, path) = changed(&uuid("hello_world"), |bytes| bytes[at] ^= 1);
        let text = refusal(&path);
        assert!(
            text.contains("cannot load") && text.contains("\nhint: "),
            "byte {at}: {text}"
        );
    }
}

#[test]
fn an_altered_image_is_said_to_be_altered() {
    let (_dir, path) = changed(&uuid("hello_world"), |bytes| {
        *bytes.last_mut().unwrap() ^= 1
    });
    assert!(refusal(&path).contains("altered after signing"));
}

#[test]
fn a_wrong_file_name_is_named() {
    let (_dir, path) = changed("00000000-1111-2222-3333-444444444444", |_| {});
    let text = refusal(&path);
    assert!(
        text.contains("hint: name the file UUID.ta after the UUID in its header"),
        "{text}"
    );
}

#[test]
fn truncations_are_refused() {
    for keep in [0, 1, 19, 20, 51, 52, 563, 564, 583, 584, 600, 4096] {
        let (_dir, path) = changed(&uuid("hello_world"), |bytes| bytes.truncate(keep));
        assert!(refusal(&path).contains("cannot load"), "{keep} bytes");
    }
}

#[test]
fn a_bare_elf_is_loaded_only_when_allowed() {
    let elf = ta("hello_world").with_extension("elf");
    let text = told(&stderr(
        teebox().arg("invoke").arg(&elf).args(["--cmd", "9"]),
        3,
    ));
    assert!(text.contains("--allow-unsigned"), "{text}");
    let mut command = teebox();
    command
        .arg("invoke")
        .arg(&elf)
        .args(["--cmd", "0", "value:inout:1", "--allow-unsigned"]);
    assert!(stdout(&mut command, 0).contains("value 2"));
}

#[test]
fn verify_tells_good_from_bad() {
    stdout(teebox().arg("verify").arg(ta("hello_world")), 0);
    let (_dir, path) = changed(&uuid("hello_world"), |bytes| bytes[700] ^= 1);
    let out = teebox().arg("verify").arg(&path).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn inspect_shows_what_the_ta_is() {
    let json = stdout(
        teebox().args(["inspect", "--json"]).arg(ta("hello_world")),
        0,
    );
    assert!(json.contains(&uuid("hello_world")), "{json}");
    assert!(
        json.contains("org.teebox.samples.hello_world.greeting"),
        "{json}"
    );
}
