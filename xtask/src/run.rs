//! Running commands, with what they do and how long it took on the screen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a chore ends in: a message when it failed.
pub type Done = Result<(), String>;

/// The workspace's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Runs a command in the workspace's folder.
pub fn run(program: &str, args: &[&str]) -> Done {
    run_in(&root(), program, args)
}

/// Runs a command in a folder.
pub fn run_in(folder: &Path, program: &str, args: &[&str]) -> Done {
    eprintln!("── {program} {}", args.join(" "));
    let start = Instant::now();
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    eprintln!("── {:.1} s", start.elapsed().as_secs_f32());
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} {} failed: {status}", args.join(" ")))
    }
}

/// Whether a program is there.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
