//! All services of one world, behind the [`Ree`] seam.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use tee_abi::TeeResult;
use tee_abi::ree::{Ree, Reply, Request};

use crate::directory::{DirectoryFiles, OpenError};
use crate::memory::MemoryFiles;
use crate::rpmb::{Mac, RpmbDevice};
use crate::ta_path::{self, TaSource};

/// Name of the RPMB image in the storage directory; hidden, so that it is none of the storage files.
const RPMB_IMAGE: &str = ".rpmb";

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
    place: StoragePlace,
    rpmb: Rpmb,
}

#[derive(Debug)]
enum Rpmb {
    Absent,
    /// To be opened when it is first asked for.
    Closed(Mac),
    Open(RpmbDevice),
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
        let files = match &config.storage {
            StoragePlace::Temporary => Files::Memory(MemoryFiles::default()),
            StoragePlace::Directory(path, durability) => {
                Files::Directory(DirectoryFiles::open(path, *durability)?)
            }
        };
        Ok(Self {
            ta_path: config.ta_path,
            files,
            place: config.storage,
            rpmb: Rpmb::Absent,
        })
    }

    /// With an emulated RPMB device beside the storage files: an image file in their directory, or
    /// memory. This function computes its authentication codes.
    #[must_use]
    pub fn with_rpmb(mut self, mac: Mac) -> Self {
        self.rpmb = Rpmb::Closed(mac);
        self
    }

    fn rpmb(&mut self) -> Result<&mut RpmbDevice, TeeResult> {
        if let Rpmb::Closed(mac) = self.rpmb {
            let device = match &self.place {
                StoragePlace::Temporary => RpmbDevice::in_memory(mac),
                StoragePlace::Directory(path, durability) => {
                    RpmbDevice::open(&path.join(RPMB_IMAGE), *durability, mac)
                        .map_err(|_| TeeResult::ERROR_STORAGE_NOT_AVAILABLE)?
                }
            };
            self.rpmb = Rpmb::Open(device);
        }
        match &mut self.rpmb {
            Rpmb::Open(device) => Ok(device),
            Rpmb::Absent | Rpmb::Closed(_) => Err(TeeResult::ERROR_ITEM_NOT_FOUND),
        }
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
