//! A world's private directory: its socket and the client library. It goes when the world goes.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The client library that came with this program.
const LIBTEEC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libteec.so"));

/// Names tried for the directory.
const ATTEMPTS: u32 = 100;

/// The directory.
#[derive(Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// Makes it, for this user alone, with the client library in it.
    ///
    /// # Errors
    /// The host's.
    pub(super) fn make() -> Result<Self, CliError> {
        let base = std::env::temp_dir();
        let failed = |error: io::Error| {
            let what = format!("cannot make a directory in {}: {error}", base.display());
            CliError::host(what, "set TMPDIR to a directory that can be written")
        };
        let home = (0..ATTEMPTS)
            .find_map(|attempt| {
                let path = base.join(format!("teebox-{}-{attempt}", std::process::id()));
                match DirBuilder::new().mode(0o700).create(&path) {
                    Ok(()) => Some(Ok(Self(path))),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    Err(error) => Some(Err(error)),
                }
            })
            .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
            .map_err(failed)?;
        fs::write(home.0.join("libteec.so.2"), LIBTEEC).map_err(failed)?;
        Ok(home)
    }

    /// Where the library lies.
    pub(super) fn library_path(&self) -> &Path {
        &self.0
    }

    /// Where the control socket belongs.
    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What cannot be removed stays; there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}
