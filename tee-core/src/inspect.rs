//! What a person asks about a world's storage, rather than a TA: `teebox storage`.
//!
//! Nothing here makes a storage where there is none, and nothing but [`TeeCore::storage_remove`]
//! removes an object, not even a damaged one.

use alloc::string::String;
use alloc::vec::Vec;

use tee_abi::Uuid;
use tee_abi::core::ObjectHead;
use tee_abi::ree::Ree;

use crate::crypto::StorageCrypto;
use crate::error::FsError;
use crate::objects::StoredHead;
use crate::stores::{Key, Kind};
use crate::world::TeeCore;

/// An object by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The TA it belongs to; nil for the core's own.
    pub owner: Uuid,
    /// Its identifier.
    pub id: Vec<u8>,
    /// The file that holds it.
    pub file: String,
}

/// What an object holds, verified to the last block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectContent {
    /// What it is; `None` for the core's own objects, which are data alone.
    pub head: Option<ObjectHead>,
    /// Attributes as stored.
    pub attrs: Vec<u8>,
    /// The data stream.
    pub data: Vec<u8>,
}

/// The state of a storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Objects that are whole.
    pub whole: Vec<ObjectName>,
    /// Objects that are not, and why.
    pub damaged: Vec<(ObjectName, FsError)>,
    /// Files that belong to no object: an interrupted operation left them, and they do no harm.
    pub orphans: Vec<String>,
}

impl<R: Ree, C: StorageCrypto> TeeCore<R, C> {
    /// All objects of all TAs, in the order of the directory.
    ///
    /// # Errors
    /// When the directory is damaged or cannot be read.
    pub fn storage_list(&mut self) -> Result<Vec<ObjectName>, FsError> {
        self.with_fs(|fs, env| fs.in_ree(env, |ree, env| ree.all(env)))
    }

    /// One object's content.
    ///
    /// # Errors
    /// When there is no such object, it is damaged, or cannot be read.
    pub fn storage_content(&mut self, owner: Uuid, id: &[u8]) -> Result<ObjectContent, FsError> {
        let all = self.with_fs(|fs, env| {
            fs.in_ree(env, |ree, env| {
                let mut file = ree.open(env, owner, id)?;
                let content = ree.read(env, &mut file, 0, u64::MAX);
                file.close(env);
                content
            })
        })?;
        if owner == Uuid::NIL {
            return Ok(ObjectContent {
                head: None,
                attrs: Vec::new(),
                data: all,
            });
        }
        let stored = StoredHead::decode(StoredHead::image(&all), all.len() as u64)?;
        let (front, data) = all
            .split_at_checked(stored.data_offset() as usize)
            .unwrap_or_default();
        Ok(ObjectContent {
            head: Some(stored.head),
            attrs: front.get(StoredHead::SIZE..).unwrap_or_default().to_vec(),
            data: data.to_vec(),
        })
    }

    /// Removes an object, whole or damaged.
    ///
    /// # Errors
    /// [`FsError::Exists`] while a TA holds it open; when there is none, or the disk fails.
    pub fn storage_remove(&mut self, owner: Uuid, id: &[u8]) -> Result<(), FsError> {
        let key = Key {
            kind: Kind::Ree,
            ta: owner,
            id: id.to_vec(),
        };
        if self.is_open(&key) {
            return Err(FsError::Exists);
        }
        self.with_fs(|fs, env| fs.remove(env, &key))
    }

    /// Verifies everything; `progress` hears how many objects of how many are done.
    ///
    /// # Errors
    /// When the directory is damaged or cannot be read: then no object can be told from another.
    pub fn storage_check(
        &mut self,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<CheckReport, FsError> {
        let names = self.storage_list()?;
        let total = names.len();
        let mut report = CheckReport {
            orphans: self.with_fs(|fs, env| fs.in_ree(env, |ree, env| ree.orphans(env)))?,
            ..CheckReport::default()
        };
        for (done, name) in names.into_iter().enumerate() {
            progress(done, total);
            match self.storage_content(name.owner, &name.id) {
                Ok(_) => report.whole.push(name),
                Err(error) => report.damaged.push((name, error)),
            }
        }
        progress(total, total);
        Ok(report)
    }
}
