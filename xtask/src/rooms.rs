//! The rooms: which may know which, and where unsafe code may stand.
//!
//! An edge that is not listed is an error, and so is a listed file that no longer needs unsafe.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{Done, root};

/// Each room with the rooms it may name (development dependencies are free to name more).
const ROOMS: &[(&str, &[&str])] = &[
    ("tee-abi", &[]),
    ("litebox", &[]),
    ("platform-linux", &["litebox"]),
    ("platform-mock", &["litebox"]),
    ("cpu-engine", &["litebox"]),
    ("tee-crypto", &["tee-abi"]),
    ("ta-loader", &["tee-abi"]),
    ("tee-core", &["tee-abi", "tee-crypto"]),
    (
        "tee-shim",
        &["litebox", "ta-loader", "tee-abi", "tee-crypto"],
    ),
    ("host-supplicant", &["tee-abi"]),
    ("tee-channel", &["tee-abi"]),
    ("tee-client", &["tee-abi", "tee-channel"]),
    ("teec", &["tee-abi", "tee-channel", "tee-client"]),
    (
        "teebox",
        &[
            "cpu-engine",
            "host-supplicant",
            "litebox",
            "platform-linux",
            "ta-loader",
            "tee-abi",
            "tee-channel",
            "tee-client",
            "tee-core",
            "tee-crypto",
            "tee-shim",
        ],
    ),
    ("xtask", &["ta-loader", "tee-abi"]),
];

/// Rooms that forbid unsafe code at their root.
const FORBID: &[&str] = &["tee-abi", "tee-shim", "tee-core", "ta-loader", "xtask"];

/// Checks both.
pub fn check() -> Done {
    let metadata = metadata()?;
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or("");
        match ROOMS.iter().find(|(room, _)| *room == name) {
            None => faults.push(format!("{name} is no room: add it to xtask/src/rooms.rs")),
            Some((_, may)) => edges(package, name, may, &mut faults),
        }
        let folder = package["manifest_path"]
            .as_str()
            .map(Path::new)
            .and_then(Path::parent);
        if let Some(folder) = folder {
            unsafe_files(folder, name, &mut faults);
        }
    }
    if faults.is_empty() {
        eprintln!("── rooms: every door leads one way");
        return Ok(());
    }
    Err(format!("rooms:\n  {}", faults.join("\n  ")))
}

fn metadata() -> Result<Value, String> {
    let out = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    serde_json::from_slice(&out.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn edges(package: &Value, name: &str, may: &[&str], faults: &mut Vec<String>) {
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let is_room = dependency["path"].is_string();
        let to = dependency["name"].as_str().unwrap_or("");
        if is_room && dependency["kind"].is_null() && !may.contains(&to) {
            faults.push(format!("{name} must not know {to}"));
        }
    }
}

/// Unsafe code stands only in files that open with a `# Safety` section.
fn unsafe_files(folder: &Path, name: &str, faults: &mut Vec<String>) {
    let mut files = BTreeSet::new();
    collect(&folder.join("src"), &mut files);
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let shown = file
            .strip_prefix(root())
            .unwrap_or(&file)
            .display()
            .to_string();
        if !text.starts_with("//!") {
            faults.push(format!("{shown} does not open with `//!`"));
        }
        let has_unsafe = text.lines().any(is_unsafe);
        if has_unsafe && !header(&text).contains("# Safety") {
            faults.push(format!(
                "{shown} has unsafe code and no `# Safety` section at its top"
            ));
        }
        let is_root = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
        if is_root && FORBID.contains(&name) && !text.contains("#![forbid(unsafe_code)]") {
            faults.push(format!("{shown} does not forbid unsafe code"));
        }
    }
}

fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe extern",
        "unsafe(no_mangle)",
    ]
    .iter()
    .any(|word| code.contains(word) && !code.contains('"'))
}

fn header(text: &str) -> String {
    text.lines()
        .take_while(|line| line.starts_with("//!"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.insert(path);
        }
    }
}
