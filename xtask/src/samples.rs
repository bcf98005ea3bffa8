//! The samples' client programs, compiled by the host's C compiler against our header and library,
//! and the demonstration that the README promises.

use std::fs;
use std::path::PathBuf;

use crate::run::{Done, root, run};
use crate::tas;

/// Compiles every `samples/NAME/host/main.c` into `target/samples/NAME`.
pub fn clients() -> Done {
    run(
        "cargo",
        &["build", "--quiet", "--release", "--package", "teec"],
    )?;
    let out = root().join("target/samples");
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    for name in names()? {
        let source = format!("samples/{name}/host/main.c");
        let program = format!("target/samples/{name}");
        let flags = ["-Wall", "-Wextra", "-Werror", "-O1", "-Itee-client/include"];
        let link = ["-Ltarget/release", "-lteec", "-lpthread"];
        run(
            "cc",
            &[&flags[..], &[&source, "-o", &program], &link].concat(),
        )?;
    }
    Ok(())
}

fn names() -> Result<Vec<String>, String> {
    let folder = root().join("samples");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let has_client = |path: &PathBuf| path.join("host/main.c").is_file();
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| has_client(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Builds everything and runs a client against a signed AArch64 TA.
pub fn demo() -> Done {
    tas::targets()?;
    tas::tas()?;
    run("cargo", &["build", "--release", "--package", "teebox"])?;
    clients()?;
    run(
        "target/release/teebox",
        &[
            "run",
            "--ta-dir",
            "target/ta",
            "--",
            "target/samples/hello_world",
        ],
    )
}
