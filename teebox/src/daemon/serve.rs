//! `teebox serve`: a world that stays until it is told to end.

use std::io::{self, Write};
use std::path::PathBuf;

use tee_abi::client::SOCKET_VARIABLE;
use tee_channel::Socket;
use tokio::signal::unix::{SignalKind, signal};

use super::home::Home;
use super::with_world;
use crate::cli::WorldOptions;
use crate::error::CliError;

/// Serves a world until SIGINT or SIGTERM. Prints, as shell commands, the environment that a client
/// needs.
///
/// # Errors
/// When there is no world, or the socket's place is taken.
pub fn serve(options: &WorldOptions, socket: Option<PathBuf>) -> Result<(), CliError> {
    let home = Home::make()?;
    let place = Place(socket.unwrap_or_else(|| home.socket()));
    let listener = Socket::listen(&place.0).map_err(|error| {
        let what = format!("cannot listen at {}: {error}", place.0.display());
        CliError::input(what, "give --socket a path that does not exist yet")
    })?;
    with_world(options, listener, async || {
        let failed = |error: io::Error| CliError::host(format!("cannot serve: {error}"), "");
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        announce(&home, &place).map_err(failed)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

fn announce(home: &Home, place: &Place) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "export {SOCKET_VARIABLE}='{}'", place.0.display())?;
    let library = home.library_path().display();
    writeln!(
        out,
        "export LD_LIBRARY_PATH='{library}'${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    )?;
    out.flush()
}

/// The socket's place in the file system; it goes with the world.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        // A place that somebody else has cleared is clear.
        let _ = std::fs::remove_file(&self.0);
    }
}
