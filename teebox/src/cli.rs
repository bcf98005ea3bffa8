//! The command line: verbs, world options, exit codes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use platform_linux::Policy;

use crate::error::{CliError, Exit};
use crate::verbs;

#[derive(Parser)]
#[command(
    name = "teebox",
    version,
    about = "Runs, tests and debugs OP-TEE Trusted Applications on any x86-64 Linux machine.\n\
             A development host: it makes no claim of confidentiality.",
    after_help = "Exit codes: 0 it worked; 1 the TA or the check said no; 2 the command line is wrong;\n\
                  3 a file or value is unusable; 4 this machine cannot do it; 5 a defect of teebox.\n\
                  `run` ends with the client's own code, or 125 (no world), 126 (client not executable),\n\
                  127 (no such client), 128 + N (client killed by signal N)."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a client program in a world of its own
    Run(verbs::run::RunArgs),
    /// Keep a world for clients to come
    Serve(verbs::serve::ServeArgs),
    /// Call a TA's command without a client program
    Invoke(verbs::invoke::InvokeArgs),
    /// Show what a TA file is: headers, key, flags, properties, segments, syscalls
    Inspect(verbs::inspect::InspectArgs),
    /// Sign a TA: the command line of OP-TEE's sign_encrypt.py
    Sign(verbs::sign::SignArgs),
    /// Tell whether TA files would be accepted, and why not
    Verify(verbs::verify::VerifyArgs),
    /// List OP-TEE's syscalls and how far each is supported
    Syscalls(verbs::syscalls::SyscallsArgs),
    /// List the cryptographic algorithms and how far each is supported
    Algorithms(verbs::algorithms::AlgorithmsArgs),
    /// Tell what this machine offers: sandbox layers, TA folders, keys
    Doctor(verbs::doctor::DoctorArgs),
    /// Tell what a TEE_Result means and what usually causes it
    Explain(verbs::explain::ExplainArgs),
}

/// What becomes of a TA instance on a machine that lacks a layer of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sandbox {
    /// It runs in the layers that are there.
    #[default]
    Auto,
    /// It does not run.
    Strict,
}

impl From<Sandbox> for Policy {
    fn from(sandbox: Sandbox) -> Self {
        match sandbox {
            Sandbox::Auto => Self::Auto,
            Sandbox::Strict => Self::Strict,
        }
    }
}

/// The options of a world, the same for every verb that starts one.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "World options")]
pub struct WorldOptions {
    /// A TA file to have in the world, besides those on the search path (repeatable)
    #[arg(long = "ta", value_name = "FILE.ta")]
    pub ta: Vec<PathBuf>,
    /// A folder of TAs, searched before $TEEBOX_TA_DIR and /lib/optee_armtz (repeatable)
    #[arg(long, value_name = "DIR")]
    pub ta_dir: Vec<PathBuf>,
    /// A public or private RSA key whose TAs are trusted, besides the default keys (repeatable)
    #[arg(long, value_name = "PEM")]
    pub ta_key: Vec<PathBuf>,
    /// Load TAs without a signature too
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Keep persistent objects in this folder; without it they are gone at the end
    #[arg(long, value_name = "DIR")]
    pub storage: Option<PathBuf>,
    /// The hardware unique key: a file of 16 bytes or 32 hex digits, or `random`; default is
    /// upstream's stub of zero bytes
    #[arg(long, value_name = "FILE|random")]
    pub huk: Option<String>,
    /// How TA instances are locked up: with every layer this machine has, or not at all unless it
    /// has them all (`teebox doctor` lists them)
    #[arg(long, value_name = "POLICY", value_enum, default_value_t)]
    pub sandbox: Sandbox,
    /// Most verbose level of TA logs that is printed: 1 error, 2 info, 3 debug, 4 flow
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub ta_log_level: u8,
    /// Most instructions an entry into a TA may run for
    #[arg(long, value_name = "N")]
    pub budget: Option<u64>,
    /// Append TA logs to this file instead of standard error
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// A folder of unstripped ELFs (UUID.elf), to decode call stacks with
    #[arg(long, value_name = "DIR")]
    pub symbols: Option<PathBuf>,
}

/// Parses the command line and runs its verb.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
            // A closed standard error leaves nobody to tell.
            let _ = error.print();
            return code.into();
        }
    };
    match run(cli.verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            error.exit.into()
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode, CliError> {
    let exit = match verb {
        Verb::Run(args) => return verbs::run::run(&args),
        Verb::Serve(args) => verbs::serve::run(&args),
        Verb::Invoke(args) => verbs::invoke::run(&args),
        Verb::Inspect(args) => verbs::inspect::run(&args),
        Verb::Sign(args) => verbs::sign::run(&args),
        Verb::Verify(args) => verbs::verify::run(&args),
        Verb::Syscalls(args) => verbs::syscalls::run(&args),
        Verb::Algorithms(args) => verbs::algorithms::run(&args),
        Verb::Doctor(args) => verbs::doctor::run(&args),
        Verb::Explain(args) => verbs::explain::run(&args),
    }?;
    Ok(exit.into())
}
