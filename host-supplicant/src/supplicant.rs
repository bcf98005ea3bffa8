//! All services of one world, behind the [`Ree`] seam.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use tee_abi::TeeResult;
use tee_abi::ree::{Ree, Reply, Request};

use crate::directory::{DirectoryFiles, OpenError};
use crate::memory::MemoryFiles;
use crate::rpmb::RpmbDevice;
use crate::ta_path::{self, TaSource};

/// Whether what was acknowledged survives a power failure, or only the end of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Files are synced when the secure world asks for it.
    #[default]
    Synced,
    /// They never are.
    Unsynced,
}

/// Where storage files are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoragePlace {
    /// In memory, until the world ends.
    #[default]
    Temporary,
    /// In this directory.
    Directory(PathBuf, Durability),
}

/// What a supplicant serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where TA files are looked for, in this order.
    pub ta_path: Vec<TaSource>,
    /// Where storage files are kept.
    pub storage: StoragePlace,
}

/// The normal world's services.
#[derive(Debug)]
pub struct Supplicant {
    ta_path: Vec<TaSource>,
    files: Files,
    rpmb: Option<RpmbDevice>,
}

#[derive(Debug)]
enum Files {
    Memory(MemoryFiles),
    Directory(DirectoryFiles),
}

impl Supplicant {
    /// Opens and locks the storage directory, if there is one.
    ///
    /// # Errors
    /// When another world uses the directory, or the host refuses it.
    pub fn new(config: Config) -> Result<Self, OpenError> {
        let files = match config.storage {
            StoragePlace::Temporary => Files::Memory(MemoryFiles::default()),
            StoragePlace::Directory(path, durability) => {
                Files::Directory(DirectoryFiles::open(&path, durability)?)
            }
        };
        Ok(Self {
            ta_path: config.ta_path,
            files,
            rpmb: None,
        })
    }

    /// With this RPMB device.
    #[must_use]
    pub fn with_rpmb(mut self, device: RpmbDevice) -> Self {
        self.rpmb = Some(device);
        self
    }
}

impl Ree for Supplicant {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        match request {
            Request::LoadTa { uuid } => ta_path::load(&self.ta_path, uuid).map(Reply::Data),
            Request::Time => time(),
            Request::RpmbInfo => Ok(self.rpmb()?.info()),
            Request::RpmbFrames { frames, answer } => self.rpmb()?.exchange(&frames, answer),
            request => {
                let served = match &mut self.files {
                    Files::Memory(files) => files.call(&request),
                    Files::Directory(files) => files.call(&request),
                };
                served.unwrap_or(Err(TeeResult::ERROR_NOT_SUPPORTED))
            }
        }
    }
}

impl Supplicant {
    fn rpmb(&mut self) -> Result<&mut RpmbDevice, TeeResult> {
        self.rpmb.as_mut().ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)
    }
}

/// A clock before 1970 is no clock.
fn time() -> Result<Reply, TeeResult> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| TeeResult::ERROR_GENERIC)?;
    Ok(Reply::Time {
        seconds: since.as_secs(),
        millis: since.subsec_millis(),
    })
}
