//! Where TA files are found: directories and single files, in the order given.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use tee_abi::{TeeResult, Uuid};

use crate::directory::result_of;

/// Largest TA file that is handed over.
const TA_MAX: u64 = 48 << 20;

/// One place on the TA search path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaSource {
    /// A directory of files named `UUID.ta`.
    Directory(PathBuf),
    /// One TA file, under whatever name.
    File(Uuid, PathBuf),
}

impl TaSource {
    fn candidate(&self, uuid: Uuid) -> Option<PathBuf> {
        match self {
            Self::Directory(dir) => Some(dir.join(format!("{uuid}.ta"))),
            Self::File(of, path) => (*of == uuid).then(|| path.clone()),
        }
    }
}

/// The bytes of the first file found.
pub(crate) fn load(path: &[TaSource], uuid: Uuid) -> Result<Vec<u8>, TeeResult> {
    for candidate in path.iter().filter_map(|source| source.candidate(uuid)) {
        match read(&candidate) {
            Err(TeeResult::ERROR_ITEM_NOT_FOUND) => {}
            found => return found,
        }
    }
    Err(TeeResult::ERROR_ITEM_NOT_FOUND)
}

fn read(path: &Path) -> Result<Vec<u8>, TeeResult> {
    let file = File::open(path).map_err(host)?;
    let metadata = file.metadata().map_err(host)?;
    if !metadata.is_file() {
        return Err(TeeResult::ERROR_ACCESS_DENIED);
    }
    if metadata.len() > TA_MAX {
        return Err(TeeResult::ERROR_OUT_OF_MEMORY);
    }
    let mut bytes = Vec::new();
    file.take(TA_MAX).read_to_end(&mut bytes).map_err(host)?;
    Ok(bytes)
}

fn host(error: io::Error) -> TeeResult {
    let errno = error.raw_os_error().map(Errno::from_raw);
    match errno {
        // A place that is not a directory holds no TA.
        Some(Errno::ENOTDIR) => TeeResult::ERROR_ITEM_NOT_FOUND,
        Some(errno) => result_of(errno),
        None => TeeResult::ERROR_GENERIC,
    }
}
