//! The supplicant's process: this program again, under another name, with a socket as its standard
//! input. It ends when the socket does.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};

use host_supplicant::{Config, Durability, ReeChannel, StoragePlace, Supplicant, TaSource, serve};
use tee_abi::ree::{Ree, Request};

use crate::error::CliError;

/// The name that this program is started under to be a supplicant.
pub const NAME: &str = "teebox-supplicant";

/// A running supplicant. Its process is waited for when it is dropped; the channel goes first.
#[derive(Debug)]
pub struct SupplicantProcess(Child);

impl SupplicantProcess {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// What it says, for instance that another world uses the storage directory.
    pub fn start(config: &Config) -> Result<(Self, ReeChannel), CliError> {
        let failed = |error: std::io::Error| {
            CliError::host(format!("cannot start the supplicant: {error}"), "")
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .args(arguments(config))
            .env_clear()
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut process = Self(child);
        let mut channel = ReeChannel::new(ours);
        if channel.call(Request::Time).is_err() {
            return Err(process.complaint());
        }
        Ok((process, channel))
    }

    fn complaint(&mut self) -> CliError {
        let mut text = String::new();
        if let Some(mut stdout) = self.0.stdout.take() {
            // Without a complaint the message is short, and still true.
            let _ = stdout.read_to_string(&mut text);
        }
        CliError::host(format!("cannot start the supplicant: {}", text.trim()), "")
    }
}

impl Drop for SupplicantProcess {
    fn drop(&mut self) {
        // It ends by itself once its channel is closed; a request under way is finished first.
        let _ = self.0.wait();
    }
}

fn arguments(config: &Config) -> Vec<OsString> {
    let mut arguments = Vec::new();
    for source in &config.ta_path {
        match source {
            TaSource::Directory(path) => {
                arguments.extend(["dir".into(), path.clone().into_os_string()]);
            }
            TaSource::File(uuid, path) => {
                let path = path.clone().into_os_string();
                arguments.extend(["file".into(), uuid.to_string().into(), path]);
            }
        }
    }
    if let StoragePlace::Directory(path, durability) = &config.storage {
        let word = match durability {
            Durability::Synced => "synced",
            Durability::Unsynced => "unsynced",
        };
        arguments.extend([word.into(), path.clone().into_os_string()]);
    }
    arguments
}

/// The inverse of [`arguments`].
fn config(mut arguments: impl Iterator<Item = OsString>) -> Option<Config> {
    let mut config = Config::default();
    while let Some(word) = arguments.next() {
        match word.to_str()? {
            "dir" => config
                .ta_path
                .push(TaSource::Directory(arguments.next()?.into())),
            "file" => {
                let uuid = arguments.next()?.to_str()?.parse().ok()?;
                config
                    .ta_path
                    .push(TaSource::File(uuid, arguments.next()?.into()));
            }
            word @ ("synced" | "unsynced") => {
                let durability = match word {
                    "synced" => Durability::Synced,
                    _ => Durability::Unsynced,
                };
                let path = arguments.next()?.into();
                config.storage = StoragePlace::Directory(path, durability);
            }
            _ => return None,
        }
    }
    Some(config)
}

/// Runs the supplicant of this process. Its standard output is for a complaint, should it fail.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            println!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let config = config(arguments).ok_or("it was started in an unknown way")?;
    let supplicant = Supplicant::new(config).map_err(|error| error.to_string())?;
    let mut supplicant = supplicant.with_rpmb(crate::secure::rpmb_mac);
    let socket = tee_channel::duplicate(0).map_err(|error| error.to_string())?;
    serve(socket.into(), &mut supplicant).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_the_command_line() {
        let uuid = "8aaaf200-2450-11e4-abe2-0002a5d5c51b".parse().unwrap();
        let config_in = Config {
            ta_path: vec![
                TaSource::File(uuid, "synced".into()),
                TaSource::Directory("/lib/optee_armtz".into()),
            ],
            storage: StoragePlace::Directory("/tmp/dir".into(), Durability::Unsynced),
        };
        assert_eq!(config(arguments(&config_in).into_iter()), Some(config_in));
        assert_eq!(config(["dir".into()].into_iter()), None);
        assert_eq!(config(std::iter::empty()), Some(Config::default()));
    }
}
