//! The two file systems behind one face: which one an object lies in is part of its key.

use alloc::vec::Vec;

use tee_abi::core::StorageId;
use tee_abi::core::storage::{PRIVATE, PRIVATE_REE, PRIVATE_RPMB};
use tee_abi::ree::Ree;
use tee_abi::{TeeResult, Uuid};

use crate::crypto::StorageCrypto;
use crate::error::FsError;
use crate::ree_fs::{Env, ReeFile, ReeFs, Trust};
use crate::rpmb::RpmbFs;

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Ree,
    Rpmb,
}

impl Kind {
    /// # Errors
    /// `TEE_ERROR_ITEM_NOT_FOUND` for a storage that there is not.
    pub(crate) const fn of(storage: StorageId) -> Result<Self, TeeResult> {
        match storage {
            PRIVATE | PRIVATE_REE => Ok(Self::Ree),
            PRIVATE_RPMB => Ok(Self::Rpmb),
            _ => Err(TeeResult::ERROR_ITEM_NOT_FOUND),
        }
    }
}

/// What tells objects apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) ta: Uuid,
    pub(crate) id: Vec<u8>,
}

/// The file systems of a world.
#[derive(Default)]
pub(crate) struct Stores {
    ree: ReeFs,
    rpmb: RpmbFs,
    anchored: bool,
    /// The hash of the directory as the RPMB device has it, once it was read.
    anchor: Option<Option<[u8; 32]>>,
}

/// An object's file, open.
pub(crate) enum OpenFile {
    Ree(ReeFile),
    /// Nothing is held open there: each access finds the object by its name.
    Rpmb {
        owner: Uuid,
        id: Vec<u8>,
    },
}

impl Stores {
    /// With the directory's hash anchored in RPMB or not.
    pub(crate) fn new(anchored: bool) -> Self {
        Self {
            anchored,
            ..Self::default()
        }
    }

    /// Works on the REE file system: what it comes to counts when it is anchored.
    pub(crate) fn in_ree<R: Ree, C: StorageCrypto, T>(
        &mut self,
        env: &mut Env<'_, R, C>,
        work: impl FnOnce(&mut ReeFs, &mut Env<'_, R, C>) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        if self.anchored {
            let anchor = match self.anchor {
                Some(anchor) => anchor,
                None => self.rpmb.anchor(env)?,
            };
            self.anchor = Some(anchor);
            self.ree.trust(Trust::Hash(anchor));
        }
        let done = work(&mut self.ree, env);
        self.keep_anchor(env)?;
        self.ree.settle(env);
        done
    }

    fn keep_anchor<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<(), FsError> {
        let Some(hash) = self.ree.root_hash().filter(|_| self.anchored) else {
            return Ok(());
        };
        if self.anchor == Some(Some(hash)) {
            return Ok(());
        }
        self.anchor = None;
        if let Err(error) = self.rpmb.set_anchor(env, hash) {
            self.ree.forget(env);
            return Err(error);
        }
        self.anchor = Some(Some(hash));
        Ok(())
    }

    /// Opens an object.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        key: &Key,
    ) -> Result<OpenFile, FsError> {
        match key.kind {
            Kind::Ree => {
                let opened = self.in_ree(env, |ree, env| ree.open(env, key.ta, &key.id));
                opened.map(OpenFile::Ree)
            }
            Kind::Rpmb => {
                self.rpmb.open(env, key.ta, &key.id)?;
                Ok(OpenFile::rpmb(key))
            }
        }
    }

    /// Makes an object whose content is these parts; replaces one only where `overwrite` says so.
    pub(crate) fn create<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        key: &Key,
        overwrite: bool,
        content: &[&[u8]],
    ) -> Result<OpenFile, FsError> {
        match key.kind {
            Kind::Ree => {
                let made = self.in_ree(env, |ree, env| {
                    ree.create(env, key.ta, &key.id, overwrite, content)
                });
                made.map(OpenFile::Ree)
            }
            Kind::Rpmb => {
                self.rpmb.create(env, key.ta, &key.id, overwrite, content)?;
                Ok(OpenFile::rpmb(key))
            }
        }
    }

    /// Bytes in an object's file.
    pub(crate) fn length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
    ) -> Result<u64, FsError> {
        match file {
            OpenFile::Ree(file) => self.in_ree(env, |ree, env| ree.length(env, file)),
            OpenFile::Rpmb { owner, id } => self.rpmb.length(env, *owner, id),
        }
    }

    /// Reads; fewer bytes where the object ends.
    pub(crate) fn read<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        pos: u64,
        len: u64,
    ) -> Result<Vec<u8>, FsError> {
        match file {
            OpenFile::Ree(file) => self.in_ree(env, |ree, env| ree.read(env, file, pos, len)),
            OpenFile::Rpmb { owner, id } => self.rpmb.read(env, *owner, id, pos, len),
        }
    }

    /// Writes; the object grows where need be.
    pub(crate) fn write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        pos: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        match file {
            OpenFile::Ree(file) => self.in_ree(env, |ree, env| ree.write(env, file, pos, data)),
            OpenFile::Rpmb { owner, id } => self.rpmb.write(env, *owner, id, pos, data),
        }
    }

    /// Sets the length.
    pub(crate) fn set_length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        length: u64,
    ) -> Result<(), FsError> {
        match file {
            OpenFile::Ree(file) => self.in_ree(env, |ree, env| ree.set_length(env, file, length)),
            OpenFile::Rpmb { owner, id } => self.rpmb.set_length(env, *owner, id, length),
        }
    }

    /// Gives an object another name, which must be free.
    pub(crate) fn rename<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        new: &[u8],
    ) -> Result<(), FsError> {
        match file {
            OpenFile::Ree(file) => self.in_ree(env, |ree, env| ree.rename(env, file, new)),
            OpenFile::Rpmb { owner, id } => {
                self.rpmb.rename(env, *owner, id, new)?;
                *id = new.to_vec();
                Ok(())
            }
        }
    }

    /// Removes an object.
    pub(crate) fn remove<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        key: &Key,
    ) -> Result<(), FsError> {
        match key.kind {
            Kind::Ree => self.in_ree(env, |ree, env| ree.remove(env, key.ta, &key.id)),
            Kind::Rpmb => self.rpmb.remove(env, key.ta, &key.id),
        }
    }

    /// The first object of this owner at this place of the list or behind it.
    pub(crate) fn next<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        kind: Kind,
        owner: Uuid,
        from: u32,
    ) -> Result<Option<(u32, Vec<u8>)>, FsError> {
        match kind {
            Kind::Ree => self.in_ree(env, |ree, env| ree.next(env, owner, from)),
            Kind::Rpmb => self.rpmb.next(env, owner, from),
        }
    }
}

impl OpenFile {
    fn rpmb(key: &Key) -> Self {
        Self::Rpmb {
            owner: key.ta,
            id: key.id.clone(),
        }
    }

    pub(crate) fn close<R: Ree, C: StorageCrypto>(self, env: &mut Env<'_, R, C>) {
        if let Self::Ree(file) = self {
            file.close(env);
        }
    }
}
