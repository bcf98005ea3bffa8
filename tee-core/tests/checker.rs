//! The independent checker (`tests/storage/check.py`, which shares nothing with this crate) accepts
//! what we write, wherever a world ends, and finds in it what we find.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::scenario::{Contents, run, steps};
use common::{ALL, Session, TA, TestCrypto, fixture, killed, pattern, world, world_on};
use host_supplicant::MemoryFiles;
use host_supplicant::faults::Fault;
use serde_json::Value;
use tee_core::StorageCrypto;
use tempfile::TempDir;

/// The first Python on the path that has the module the checker needs, else Debian's.
fn python() -> &'static str {
    let has = |python: &&str| {
        let mut command = Command::new(python);
        command.args(["-c", "import cryptography"]);
        command.output().is_ok_and(|out| out.status.success())
    };
    ["python3"]
        .into_iter()
        .find(has)
        .unwrap_or("/usr/bin/python3")
}

/// The checker's reports, one for each disk.
fn reports(disks: &[MemoryFiles]) -> Vec<Value> {
    let temp = TempDir::new().unwrap();
    let dirs: Vec<PathBuf> = disks
        .iter()
        .enumerate()
        .map(|(number, disk)| write_out(temp.path().join(number.to_string()), disk))
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/storage/check.py");
    let out = Command::new(python()).arg(script).args(dirs).output();
    let out = out.unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(errors.is_empty(), "{errors}");
    let reports: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports.len(), disks.len());
    reports
}

fn write_out(dir: PathBuf, disk: &MemoryFiles) -> PathBuf {
    fs::create_dir(&dir).unwrap();
    for (name, content) in disk.files() {
        fs::write(dir.join(name), content).unwrap();
    }
    dir
}

type Summary = BTreeMap<String, (u64, String)>;

fn found(report: &Value) -> Summary {
    let objects = report["objects"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    objects
        .iter()
        .map(|object| {
            let size = object["size"].as_u64().unwrap();
            (text(&object["id"]), (size, text(&object["sha256"])))
        })
        .collect()
}

fn expected(contents: &Contents) -> Summary {
    let crypto = TestCrypto::default();
    contents
        .iter()
        .map(|(id, content)| {
            let hash = hex(&crypto.sha256(&[content]));
            (hex(id), (content.len() as u64, hash))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_whole(report: &Value, context: &str) {
    assert_eq!(report["damage"], Value::Array(Vec::new()), "{context}");
}

#[test]
fn every_end_of_a_world_leaves_a_whole_directory() {
    let mut disks = Vec::new();
    let mut states = Vec::new();
    for step in 0..steps() {
        for fault in [Fault::Crash, Fault::Torn] {
            let mut world = world_on(MemoryFiles::default(), Some((step, fault)));
            states.push(run(&mut world));
            disks.push(world.ree_mut().after_kill());
        }
    }
    for (step, (report, (before, after))) in reports(&disks).iter().zip(states).enumerate() {
        assert_whole(report, &format!("disk {step}"));
        let found = found(report);
        let right = found == expected(&before) || found == expected(&after);
        assert!(right, "disk {step}: {report}");
    }
}

#[test]
fn large_and_cut_objects_are_whole() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let mut contents = Contents::new();
    for (id, from, to) in [
        (b"grown", 0, 700_000),
        (b"empty", 4096, 0),
        (b"exact", 500_000, 126_976),
        (b"lower", 500_000, 9000),
    ] {
        let object = session.create(id, ALL, &pattern(from, 5)).unwrap();
        session.truncate(object, to as u64).unwrap();
        let mut content = pattern(from, 5);
        content.resize(to, 0);
        contents.insert(id.to_vec(), content);
    }
    let disk = session.world.ree_mut().after_kill();
    let report = &reports(&[disk])[0];
    assert_whole(report, "sizes");
    assert_eq!(found(report), expected(&contents));
}

#[test]
fn optees_directory_is_whole_before_and_after_we_wrote_to_it() {
    let ta = "f4e750bb-1437-4fbf-8785-8d3580c34994".parse().unwrap();
    let original = fixture("storage-min");
    let mut world = world_on(original.clone(), None);
    let mut session = Session::new(&mut world, ta);
    let alpha = session.open(b"alpha", ALL).unwrap();
    session.write(alpha, 0, &pattern(70_000, 2)).unwrap();
    session.create(b"beta", ALL, b"second").unwrap();
    let written = killed(&mut world).ree_mut().after_kill();
    for report in reports(&[original, written]) {
        assert_whole(&report, "OP-TEE's directory");
        assert_eq!(report["core"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_checker_is_not_blind() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", ALL, &pattern(9000, 1)).unwrap();
    let disk = world.ree_mut().after_kill();
    let missed = (0..disk.files().map(|(_, content)| content.len()).sum())
        .step_by(997)
        .map(|at| flipped(&disk, at))
        .collect::<Vec<_>>();
    let damaged = reports(&missed)
        .iter()
        .filter(|report| report["damage"].as_array().is_some_and(|d| !d.is_empty()))
        .count();
    // The rest are bits of versions that are not live, and of padding.
    assert!(damaged * 4 > missed.len(), "{damaged} of {}", missed.len());
}

/// The disk with one bit inverted.
fn flipped(disk: &MemoryFiles, at: usize) -> MemoryFiles {
    let mut rest = at;
    MemoryFiles::from_files(disk.files().map(|(name, content)| {
        let mut content = content.to_vec();
        if let Some(byte) = content.get_mut(rest) {
            *byte ^= 1;
            rest = usize::MAX;
        } else {
            rest = rest.saturating_sub(content.len());
        }
        (name.to_owned(), content)
    }))
}
