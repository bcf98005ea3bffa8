//! `teebox run`: a world around one client program.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tee_abi::client::SOCKET_VARIABLE;
use tee_channel::Socket;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::home::Home;
use super::with_world;
use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};

/// The variable that tells the loader where to look first.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Runs a client program in a world of its own and gives the code to exit with: the program's, or
/// 128 and the number of the signal that killed it.
///
/// # Errors
/// When there is no world (125), or the program cannot be executed (126) or found (127).
pub fn run(
    options: &WorldOptions,
    program: &OsStr,
    arguments: &[OsString],
) -> Result<u8, CliError> {
    let home = Home::make().map_err(no_world)?;
    let socket = home.socket();
    let listener = Socket::listen(&socket)
        .map_err(|error| no_world(CliError::host(format!("cannot listen: {error}"), "")))?;
    let client = async || {
        let command = command(&home, &socket, program, arguments);
        let mut child = start(command, program)?;
        let status = attend(&mut child).await;
        let status = status.map_err(|error| {
            no_world(CliError::host(
                format!("cannot wait for the client: {error}"),
                "",
            ))
        })?;
        Ok(code(status))
    };
    with_world(options, listener, client).map_err(|error| match error.exit {
        Exit::RunNotExecutable | Exit::RunNotFound => error,
        _ => no_world(error),
    })
}

const fn no_world(mut error: CliError) -> CliError {
    error.exit = Exit::RunFailed;
    error
}

fn command(home: &Home, socket: &Path, program: &OsStr, arguments: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(SOCKET_VARIABLE, socket)
        .env(LIBRARY_PATH, library_path(home))
        .kill_on_drop(true);
    command
}

/// Our library first, then where the user looks.
pub(super) fn library_path(home: &Home) -> OsString {
    let mut path = home.library_path().as_os_str().to_owned();
    if let Some(rest) = std::env::var_os(LIBRARY_PATH).filter(|rest| !rest.is_empty()) {
        path.push(":");
        path.push(rest);
    }
    path
}

fn start(mut command: Command, program: &OsStr) -> Result<Child, CliError> {
    command.spawn().map_err(|error| {
        let shown = program.display();
        if error.kind() == io::ErrorKind::NotFound {
            return CliError {
                exit: Exit::RunNotFound,
                what: format!("there is no program {shown}"),
                hint: "give the client program behind `--`, by path or by a name in PATH"
                    .to_owned(),
            };
        }
        CliError {
            exit: Exit::RunNotExecutable,
            what: format!("cannot execute {shown}: {error}"),
            hint: "it must be a program for this machine, with execute permission".to_owned(),
        }
    })
}

/// Waits for the client. Signals from the terminal reach it by themselves; those that were sent to
/// us are passed on.
async fn attend(child: &mut Child) -> io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pass_on = |signal| {
        if let Some(pid) = pid {
            // A client that is gone needs no signal.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    };
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = terminate.recv() => pass_on(Signal::SIGTERM),
            _ = hangup.recv() => pass_on(Signal::SIGHUP),
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Exit::RunFailed as u8)
}
