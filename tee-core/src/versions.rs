//! The databases of versions seen: a TA or a subkey is never again accepted with a lower one.
//!
//! Each is a file of the core's own: u32 0, u32 n, and n entries of a UUID in octets and its
//! version. Source: `core/kernel/ree_fs_ta.c`.

use alloc::vec::Vec;

use tee_abi::ree::Ree;
use tee_abi::{TeeResult, Uuid};
use thiserror::Error;

use crate::crypto::StorageCrypto;
use crate::error::FsError;
use crate::ree_fs::{Env, ReeFile, ReeFs};
use crate::world::TeeCore;

const HEADER: usize = 8;
const ENTRY: usize = 20;

/// Which versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionDb {
    /// Those of TAs.
    Ta,
    /// Those of the subkeys that sign TAs.
    Subkey,
}

/// Why a version is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VersionError {
    /// A higher one was seen.
    #[error(
        "version {offered} is older than {seen}, which this storage has seen\n\
         hint: raise the version, or use a fresh storage directory"
    )]
    Rollback {
        /// The version in question.
        offered: u32,
        /// The highest one so far.
        seen: u32,
    },
    /// The database does not hold what its header says.
    #[error("the version database is malformed")]
    Malformed,
    /// The storage fails.
    #[error(transparent)]
    Storage(#[from] FsError),
}

impl From<VersionError> for TeeResult {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::Rollback { .. } => Self::ERROR_ACCESS_CONFLICT,
            VersionError::Malformed => Self::ERROR_BAD_STATE,
            VersionError::Storage(error) => error.into(),
        }
    }
}

impl VersionDb {
    const fn id(self) -> &'static [u8] {
        match self {
            Self::Ta => b"ta_ver.db\0",
            Self::Subkey => b"subkey_ver.db\0",
        }
    }
}

impl<R: Ree, C: StorageCrypto> TeeCore<R, C> {
    /// Accepts a version that is no lower than any seen before, and remembers it.
    ///
    /// # Errors
    /// [`VersionError::Rollback`] for a lower one.
    pub fn check_version(
        &mut self,
        db: VersionDb,
        uuid: Uuid,
        version: u32,
    ) -> Result<(), VersionError> {
        self.with_fs(|fs, env| {
            let mut file = fs.in_ree(env, |ree, env| open(ree, env, db))?;
            let mut done = Ok(());
            let settled = fs.in_ree(env, |ree, env| {
                done = check(ree, env, &mut file, uuid, version);
                Ok(())
            });
            file.close(env);
            settled?;
            done
        })
    }
}

fn open<R: Ree, C: StorageCrypto>(
    fs: &mut ReeFs,
    env: &mut Env<'_, R, C>,
    db: VersionDb,
) -> Result<ReeFile, FsError> {
    match fs.open(env, Uuid::NIL, db.id()) {
        Err(FsError::NotFound) => {
            let empty: &[&[u8]] = &[&[0; HEADER]];
            fs.create(env, Uuid::NIL, db.id(), false, empty)
        }
        opened => opened,
    }
}

fn check<R: Ree, C: StorageCrypto>(
    fs: &mut ReeFs,
    env: &mut Env<'_, R, C>,
    file: &mut ReeFile,
    uuid: Uuid,
    version: u32,
) -> Result<(), VersionError> {
    let content = fs.read(env, file, 0, u64::MAX)?;
    let mut entries = decode(&content).ok_or(VersionError::Malformed)?;
    match entries.iter_mut().find(|entry| entry.0 == uuid) {
        Some(&mut (_, seen)) if seen > version => {
            return Err(VersionError::Rollback {
                offered: version,
                seen,
            });
        }
        Some(&mut (_, seen)) if seen == version => return Ok(()),
        Some(entry) => entry.1 = version,
        None => entries.push((uuid, version)),
    }
    // Entry and count in one step, where upstream takes two.
    fs.write(env, file, 0, &encode(&entries))?;
    Ok(())
}

/// An empty file is one whose header was never written.
fn decode(content: &[u8]) -> Option<Vec<(Uuid, u32)>> {
    if content.is_empty() {
        return Some(Vec::new());
    }
    let (header, rest) = content.split_first_chunk::<HEADER>()?;
    let [_, _, _, _, count @ ..] = *header;
    let (entries, _) = rest.as_chunks::<ENTRY>();
    let entries = entries.get(..u32::from_le_bytes(count) as usize)?;
    entries
        .iter()
        .map(|entry| {
            let (uuid, version) = entry.split_first_chunk()?;
            let version = version.try_into().ok()?;
            Some((Uuid(*uuid), u32::from_le_bytes(version)))
        })
        .collect()
}

fn encode(entries: &[(Uuid, u32)]) -> Vec<u8> {
    let count = entries.len() as u32;
    let mut out = [[0; 4], count.to_le_bytes()].concat();
    for (uuid, version) in entries {
        out.extend_from_slice(&uuid.0);
        out.extend_from_slice(&version.to_le_bytes());
    }
    out
}
