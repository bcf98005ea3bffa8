//! `teebox run`: a client program in a world of its own.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::cli::WorldOptions;
use crate::error::CliError;

/// The arguments of `teebox run`.
#[derive(Args)]
#[command(after_help = "\
The client finds the world by the environment: TEEBOX_SOCKET, and LD_LIBRARY_PATH for libteec.so.2.\n\
Exit codes: the client's own; 128 + N when signal N killed it; 125 no world could be started,\n\
126 the client cannot be executed, 127 there is no such client.\n\n\
Examples:\n  \
  teebox run --ta-dir out/ta -- optee_example_hello_world\n  \
  teebox run --ta 8aaaf200-2450-11e4-abe2-0002a5d5c51b.ta --log ta.log -- ./client --fast")]
pub struct RunArgs {
    #[command(flatten)]
    world: WorldOptions,
    /// The client program
    #[arg(value_name = "CA", last = true, required = true, num_args = 1..)]
    client: Vec<OsString>,
}

/// Runs it.
pub fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let (program, arguments) = args
        .client
        .split_first()
        .ok_or_else(|| CliError::usage("there is no client program", "give it behind `--`"))?;
    crate::world::announce();
    crate::daemon::run(&args.world, program, arguments).map(ExitCode::from)
}
