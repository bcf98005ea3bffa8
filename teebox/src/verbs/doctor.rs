//! `teebox doctor`: what this machine offers.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use host_supplicant::TaSource;
use platform_linux::Status;
use serde::Serialize;

use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};
use crate::trust::trust;
use crate::world::ta_path;

/// The arguments of `teebox doctor`.
#[derive(Args)]
#[command(
    after_help = "Exit code 1 when a layer is missing that --sandbox strict would demand.\n\n\
Examples:\n  teebox doctor\n  teebox doctor --ta-dir out/ta --json"
)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    world: WorldOptions,
}

#[derive(Serialize)]
struct Findings {
    sandbox: Vec<LayerFinding>,
    ta_path: Vec<PathFinding>,
    trusted_keys: Vec<KeyFinding>,
}

#[derive(Serialize)]
struct LayerFinding {
    layer: &'static str,
    gives: &'static str,
    mandatory: bool,
    available: bool,
    why_not: Option<String>,
    remedy: Option<&'static str>,
}

#[derive(Serialize)]
struct PathFinding {
    folder: PathBuf,
    exists: bool,
    tas: usize,
}

#[derive(Serialize)]
struct KeyFinding {
    name: String,
    fingerprint: String,
}

/// Prints what was found.
pub fn run(args: &DoctorArgs) -> Result<Exit, CliError> {
    let findings = Findings {
        sandbox: layers()?,
        ta_path: folders(&args.world),
        trusted_keys: trust(&args.world)?
            .keys
            .iter()
            .map(|k| KeyFinding {
                name: k.name.clone(),
                fingerprint: k.key.fingerprint().to_string(),
            })
            .collect(),
    };
    if args.json {
        println!("{}", super::json(&findings)?);
    } else {
        print!("{}", text(&findings));
    }
    let whole = findings.sandbox.iter().all(|layer| layer.available);
    Ok(if whole { Exit::Ok } else { Exit::Refused })
}

fn layers() -> Result<Vec<LayerFinding>, CliError> {
    let report = platform_linux::probe_all()
        .map_err(|error| CliError::host(format!("cannot try the sandbox: {error}"), ""))?;
    let finding = |(layer, status): (platform_linux::Layer, Status)| {
        let why_not = match status {
            Status::Available => None,
            Status::Missing(missing) => Some(missing.to_string()),
        };
        LayerFinding {
            layer: layer.name(),
            gives: layer.gives(),
            mandatory: layer.is_mandatory(),
            available: why_not.is_none(),
            remedy: why_not.is_some().then(|| layer.remedy()),
            why_not,
        }
    };
    Ok(report.iter().map(finding).collect())
}

fn folders(options: &WorldOptions) -> Vec<PathFinding> {
    ta_path(options)
        .into_iter()
        .filter_map(|source| match source {
            TaSource::Directory(folder) => Some(folder),
            TaSource::File(..) => None,
        })
        .map(|folder| {
            let entries = std::fs::read_dir(&folder);
            let exists = entries.is_ok();
            let is_ta = |path: PathBuf| path.extension().is_some_and(|ext| ext == "ta");
            let tas = entries
                .into_iter()
                .flatten()
                .flatten()
                .filter(|e| is_ta(e.path()))
                .count();
            PathFinding {
                folder,
                exists,
                tas,
            }
        })
        .collect()
}

fn text(findings: &Findings) -> String {
    let mut out = String::from("Sandbox of a TA instance\n");
    for layer in &findings.sandbox {
        let mark = if layer.available { "yes" } else { "NO " };
        let _ = writeln!(out, "  {mark}  {:<21} {}", layer.layer, layer.gives);
        if let (Some(why), Some(remedy)) = (&layer.why_not, layer.remedy) {
            let _ = writeln!(out, "       missing: {why}\n       remedy: {remedy}");
        }
    }
    out.push_str("TA search path\n");
    for folder in &findings.ta_path {
        let what = match (folder.exists, folder.tas) {
            (false, _) => "not there".to_owned(),
            (true, 1) => "1 TA".to_owned(),
            (true, n) => format!("{n} TAs"),
        };
        let _ = writeln!(out, "  {}: {what}", folder.folder.display());
    }
    out.push_str("Keys whose TAs are trusted\n");
    for key in &findings.trusted_keys {
        let _ = writeln!(out, "  {} {}", key.name, key.fingerprint);
    }
    out
}
