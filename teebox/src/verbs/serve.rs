//! `teebox serve`: a world that stays.

use std::path::PathBuf;

use clap::Args;

use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};

/// The arguments of `teebox serve`.
#[derive(Args)]
#[command(after_help = "\
Prints, as shell commands, the environment that a client needs, and serves until SIGINT or SIGTERM.\n\n\
Example:\n  \
  teebox serve --ta-dir out/ta >world.env & sleep 1; . ./world.env; optee_example_hello_world")]
pub struct ServeArgs {
    #[command(flatten)]
    world: WorldOptions,
    /// Where the control socket shall be; default is a private directory
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Serves.
pub fn run(args: &ServeArgs) -> Result<Exit, CliError> {
    crate::world::announce();
    crate::daemon::serve(&args.world, args.socket.clone()).map(|()| Exit::Ok)
}
