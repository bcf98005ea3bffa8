//! `teebox verify`: would a world with these keys accept these files, and if not, why?
//!
//! With `--in` it takes the options of the `verify` command of upstream's `sign_encrypt.py` and
//! prints what that prints.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use ta_loader::{LoadPlan, Provenance, Trust};
use tee_abi::{TeeResult, Uuid};

use super::sign::{parse_enc_key, parse_uuid, public_key, read};
use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};
use crate::trust::{read_ta, trust, uuid_of_name};

/// The arguments of `teebox verify`.
#[derive(Args)]
#[command(
    after_help = "Each file is checked as a world checks it before loading: signature, hash, UUID against the\n\
file's name, and whether its ELF can be loaded. Upstream's default key and teebox's development\n\
key are trusted; --key replaces them, --ta-key adds to them.\n\n\
Examples:\n  \
  teebox verify /lib/optee_armtz/*.ta\n  \
  teebox verify --ta-key vendor.pem UUID.ta\n  \
  teebox verify --uuid UUID --in UUID.ta --key public.pem"
)]
pub struct VerifyArgs {
    /// TA files, named UUID.ta
    #[arg(
        value_name = "FILE.ta",
        required_unless_present = "input",
        conflicts_with = "input"
    )]
    files: Vec<PathBuf>,
    /// A key to trust besides the default ones (repeatable)
    #[arg(long, value_name = "PEM")]
    ta_key: Vec<PathBuf>,
    /// Accept files without a signature too
    #[arg(long)]
    allow_unsigned: bool,
    /// The only key to trust
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
    /// The UUID that the file must carry [default: its name]
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    uuid: Option<Uuid>,
    /// The TA file, as upstream's script takes it (with --uuid and --key)
    #[arg(long = "in", id = "input", value_name = "FILE", requires_all = ["uuid", "key"])]
    input: Option<PathBuf>,
    /// AES key of an encrypted TA, in hexadecimal digits (with --in)
    #[arg(long, value_name = "HEX", requires = "input")]
    enc_key: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "input")]
    json: bool,
}

/// The options of upstream's `verify`.
#[derive(Args)]
pub(super) struct Upstream {
    /// UUID of the TA
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    uuid: Uuid,
    /// The TA file [default: UUID.stripped.elf, as upstream has it]
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// RSA key in PEM form, public or private
    #[arg(long, value_name = "PEM")]
    key: PathBuf,
    /// AES key of an encrypted TA, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    enc_key: Option<String>,
}

/// What came of a file.
#[derive(Serialize)]
struct Report {
    file: String,
    accepted: bool,
    uuid: Option<Uuid>,
    version: Option<u32>,
    key: Option<String>,
    fingerprint: Option<String>,
    reason: Option<String>,
    hint: Option<String>,
    result: Option<String>,
}

/// Runs it.
///
/// # Errors
/// [`CliError`] for a file or key that cannot be read.
pub fn run(args: &VerifyArgs) -> Result<Exit, CliError> {
    if let (Some(input), Some(uuid), Some(key)) = (&args.input, args.uuid, &args.key) {
        return upstream(&Upstream {
            uuid,
            input: Some(input.clone()),
            key: key.clone(),
            enc_key: args.enc_key.clone(),
        });
    }
    let trust = trusted(args)?;
    let mut reports = Vec::new();
    for path in &args.files {
        let expected = args.uuid.or_else(|| uuid_of_name(path));
        reports.push(check(path, &read_ta(path)?, expected, &trust));
    }
    if args.json {
        println!("{}", super::json(&reports)?);
    } else {
        reports.iter().for_each(print);
    }
    let all = reports.iter().all(|report| report.accepted);
    Ok(if all { Exit::Ok } else { Exit::Refused })
}

fn trusted(args: &VerifyArgs) -> Result<Trust, CliError> {
    let Some(path) = &args.key else {
        return trust(&WorldOptions {
            ta_key: args.ta_key.clone(),
            allow_unsigned: args.allow_unsigned,
            ..WorldOptions::default()
        });
    };
    let mut trust = Trust {
        keys: Vec::new(),
        allow_unsigned: args.allow_unsigned,
    };
    for path in [path].into_iter().chain(&args.ta_key) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        trust.add(name.to_string_lossy(), public_key(path)?);
    }
    Ok(trust)
}

fn check(path: &Path, file: &[u8], expected: Option<Uuid>, trust: &Trust) -> Report {
    let mut report = Report {
        file: path.display().to_string(),
        accepted: false,
        uuid: None,
        version: None,
        key: None,
        fingerprint: None,
        reason: None,
        hint: None,
        result: None,
    };
    match trust.verify(file, expected) {
        Ok(verified) => {
            report.uuid = verified.uuid;
            report.version = verified.version;
            if let Provenance::Signed {
                key, fingerprint, ..
            } = &verified.provenance
            {
                report.key = Some(key.clone());
                report.fingerprint = Some(format!("{fingerprint:#}"));
            }
            match loadable(&verified.image, expected.or(verified.uuid)) {
                Ok(()) => report.accepted = true,
                Err((reason, result)) => report.refuse(reason, "", result),
            }
        }
        Err(error) => report.refuse(error.to_string(), error.hint(), error.result()),
    }
    report
}

/// Whether the image of an accepted file can be loaded as the TA that it is asked for as.
fn loadable(image: &[u8], expected: Option<Uuid>) -> Result<(), (String, TeeResult)> {
    let plan = LoadPlan::detect(image).map_err(|error| (error.to_string(), error.result()))?;
    if let Some(expected) = expected {
        plan.check_uuid(expected)
            .map_err(|error| (error.to_string(), error.result()))?;
    }
    plan.relocations()
        .map(|_| ())
        .map_err(|error| (error.to_string(), error.result()))
}

impl Report {
    fn refuse(&mut self, reason: String, hint: &str, result: TeeResult) {
        self.reason = Some(reason);
        self.hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.result = Some(result.to_string());
    }
}

fn print(report: &Report) {
    let file = &report.file;
    if let Some(reason) = &report.reason {
        println!("{file}: REFUSED: {reason}");
        if let Some(result) = &report.result {
            println!("  a client sees {result}, origin 3 (TEE)");
        }
        if let Some(hint) = &report.hint {
            println!("  hint: {hint}");
        }
        return;
    }
    match (&report.key, &report.fingerprint) {
        (Some(key), Some(fingerprint)) => println!("{file}: good, signed by {key} {fingerprint}"),
        _ => println!("{file}: good, unsigned"),
    }
}

/// The `verify` command of upstream's script.
pub(super) fn upstream(args: &Upstream) -> Result<Exit, CliError> {
    let default = || PathBuf::from(format!("{}.stripped.elf", args.uuid));
    let path = args.input.clone().unwrap_or_else(default);
    let file = read(&path, "TA")?;
    let mut trust = Trust::default();
    trust.add(args.key.display().to_string(), public_key(&args.key)?);
    let enc_key = args.enc_key.as_deref().map(parse_enc_key).transpose()?;
    let outcome = trust
        .verify_with_key(&file, Some(args.uuid), enc_key.as_deref())
        .map(|verified| verified.uuid);
    match outcome {
        Ok(uuid) => {
            println!("TA UUID: {}", uuid.unwrap_or(args.uuid));
            Ok(Exit::Ok)
        }
        Err(error) => Err(CliError {
            exit: Exit::Refused,
            what: format!("{} is refused: {error}", path.display()),
            hint: error.hint().to_owned(),
        }),
    }
}
