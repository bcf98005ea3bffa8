//! The normal world's files, with its answers checked: the one place that speaks [`Ree`].

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::ree::{Ree, ReeFile, Reply, Request};

use crate::crypto::StorageCrypto;
use crate::error::FsError;
use crate::keys::Keys;

/// What storage works with.
pub(crate) struct Env<'a, R, C> {
    pub(crate) ree: &'a mut R,
    pub(crate) crypto: &'a mut C,
    pub(crate) keys: &'a Keys,
}

/// A write: where, what.
pub(crate) type Extent = (u64, Vec<u8>);

/// Most extents, none larger than a block, in one request.
const WRITE_MAX: usize = 1024;

/// The normal world answered something else than was asked.
const NONSENSE: FsError = FsError::Ree(TeeResult::ERROR_COMMUNICATION);

impl<R: Ree, C: StorageCrypto> Env<'_, R, C> {
    fn ask(&mut self, request: Request) -> Result<Reply, FsError> {
        self.ree.call(request).map_err(FsError::Ree)
    }

    fn order(&mut self, request: Request) -> Result<(), FsError> {
        match self.ask(request)? {
            Reply::Done => Ok(()),
            _ => Err(NONSENSE),
        }
    }

    fn ask_file(&mut self, request: Request) -> Result<ReeFile, FsError> {
        match self.ask(request)? {
            Reply::File(file) => Ok(file),
            _ => Err(NONSENSE),
        }
    }

    pub(crate) fn open(&mut self, name: &str) -> Result<ReeFile, FsError> {
        let request = Request::FileOpen {
            name: name.to_owned(),
        };
        self.ask_file(request).map_err(|error| match error {
            FsError::Ree(TeeResult::ERROR_ITEM_NOT_FOUND) => FsError::NotFound,
            other => other,
        })
    }

    pub(crate) fn create(&mut self, name: &str) -> Result<ReeFile, FsError> {
        self.ask_file(Request::FileCreate {
            name: name.to_owned(),
        })
    }

    /// Gives the descriptor back; there is nothing to be done about a refusal.
    pub(crate) fn close(&mut self, file: ReeFile) {
        let _ = self.order(Request::FileClose { file });
    }

    /// Reads several places; each is answered with what the file has there, at most what was
    /// asked for.
    pub(crate) fn read(
        &mut self,
        file: ReeFile,
        extents: &[(u64, usize)],
    ) -> Result<Vec<Vec<u8>>, FsError> {
        let wanted = |&(at, len): &(u64, usize)| (at, u32::try_from(len).unwrap_or(u32::MAX));
        let request = Request::FileRead {
            file,
            extents: extents.iter().map(wanted).collect(),
        };
        let Reply::Extents(data) = self.ask(request)? else {
            return Err(NONSENSE);
        };
        let fits = data.len() == extents.len()
            && data
                .iter()
                .zip(extents)
                .all(|(got, asked)| got.len() <= asked.1);
        if fits { Ok(data) } else { Err(NONSENSE) }
    }

    /// Reads one place.
    pub(crate) fn read_one(
        &mut self,
        file: ReeFile,
        at: u64,
        len: usize,
    ) -> Result<Vec<u8>, FsError> {
        let mut data = self.read(file, &[(at, len)])?;
        data.pop().ok_or(NONSENSE)
    }

    /// Writes in the order given, in as many requests as it takes to keep each one small.
    pub(crate) fn write(
        &mut self,
        file: ReeFile,
        mut extents: Vec<Extent>,
        sync: bool,
    ) -> Result<(), FsError> {
        while extents.len() > WRITE_MAX {
            let rest = extents.split_off(WRITE_MAX);
            let request = Request::FileWrite {
                file,
                extents,
                sync: false,
            };
            self.order(request)?;
            extents = rest;
        }
        self.order(Request::FileWrite {
            file,
            extents,
            sync,
        })
    }

    pub(crate) fn truncate(&mut self, file: ReeFile, len: u64) -> Result<(), FsError> {
        self.order(Request::FileTruncate { file, len })
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), FsError> {
        self.order(Request::FileRemove {
            name: name.to_owned(),
        })
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), FsError> {
        self.order(Request::FileRename {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    /// The names of all files.
    pub(crate) fn list(&mut self) -> Result<Vec<String>, FsError> {
        match self.ask(Request::DirList)? {
            Reply::Names(names) => Ok(names),
            _ => Err(NONSENSE),
        }
    }

    pub(crate) fn sync_directory(&mut self) -> Result<(), FsError> {
        self.order(Request::DirSync)
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.crypto.random(&mut out);
        out
    }
}

/// A block of zeros.
pub(crate) fn zero_block() -> Vec<u8> {
    vec![0; super::layout::BLOCK]
}
