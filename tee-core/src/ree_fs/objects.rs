//! Objects as files: each operation as one step from an old durable state to a new one.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use tee_abi::Uuid;
use tee_abi::ree::{Ree, ReeFile};

use crate::crypto::StorageCrypto;
use crate::error::{Damage, FsError};
use crate::inspect::ObjectName;
use crate::keys::Owner;

use super::dirfile::{self, DirFile, Entry, Slot, file_name};
use super::files::Env;
use super::htree::{Anchor, HashTree};

/// The REE file system of a world.
#[derive(Default)]
pub(crate) struct ReeFs {
    /// `None` until it is needed, and after a failure.
    dir: Option<DirFile>,
    trust: Trust,
    garbage: Vec<Garbage>,
}

/// Which state of the directory is the right one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Trust {
    /// Whatever is newest in the file.
    #[default]
    Newest,
    /// The one with this hash, kept out of the normal world's reach; there is none yet where there
    /// is no hash.
    Hash(Option<[u8; 32]>),
}

/// What is no longer part of any object once the last operation is settled.
enum Garbage {
    /// A file of this number.
    File(u32),
    /// What is behind this length of a file.
    Tail(ReeFile, u64),
}

/// An object's open file, shared by all that hold the object open.
pub(crate) struct OpenFile {
    owner: Uuid,
    id: Vec<u8>,
    file: ReeFile,
    /// `None` after a failure: to be read again.
    tree: Option<HashTree>,
}

impl ReeFs {
    /// Says which state of the directory is the right one, when it is opened next.
    pub(crate) const fn trust(&mut self, trust: Trust) {
        self.trust = trust;
    }

    /// The hash of the directory as it is now, when it is open.
    pub(crate) fn root_hash(&self) -> Option<[u8; 32]> {
        self.dir.as_ref().map(DirFile::root_hash)
    }

    /// Removes what the operations since the last call have left over. Nothing depends on it.
    pub(crate) fn settle<R: Ree, C: StorageCrypto>(&mut self, env: &mut Env<'_, R, C>) {
        for garbage in core::mem::take(&mut self.garbage) {
            let _ = match garbage {
                Garbage::File(number) => env.remove(&file_name(number)),
                Garbage::Tail(file, length) => env.truncate(file, length),
            };
        }
    }

    /// Drops what is in memory: the last operation is not to count.
    pub(crate) fn forget<R: Ree, C: StorageCrypto>(&mut self, env: &mut Env<'_, R, C>) {
        self.garbage.clear();
        if let Some(dir) = self.dir.take() {
            env.close(dir.file());
        }
    }

    /// Opens an object.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
    ) -> Result<OpenFile, FsError> {
        let dir = self.dir(env)?;
        let (_, entry) = dir.find(owner, id).ok_or(FsError::NotFound)?;
        OpenFile::open(env, &entry.clone())
    }

    /// Makes an object whose content is these parts; replaces one only where `overwrite` says so.
    pub(crate) fn create<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        overwrite: bool,
        content: &[&[u8]],
    ) -> Result<OpenFile, FsError> {
        let dir = self.dir(env)?;
        let old = dir
            .find(owner, id)
            .map(|(slot, entry)| (slot, entry.number));
        if old.is_some() && !overwrite {
            return Err(FsError::Exists);
        }
        let number = dir.free_number();
        let file = env.create(&file_name(number))?;
        let made = self.fill_and_name(env, owner, id, number, file, old.map(|o| o.0), content);
        match made {
            Ok(tree) => {
                self.garbage.extend(old.map(|(_, old)| Garbage::File(old)));
                Ok(OpenFile {
                    owner,
                    id: id.to_vec(),
                    file,
                    tree: Some(tree),
                })
            }
            Err(error) => {
                env.close(file);
                self.remove_unnamed(env, number);
                Err(error)
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one new file, named once"
    )]
    fn fill_and_name<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        number: u32,
        file: ReeFile,
        slot: Option<Slot>,
        content: &[&[u8]],
    ) -> Result<HashTree, FsError> {
        let mut tree = HashTree::create(env, file, Owner::Ta(owner));
        for part in content {
            tree.write(env, tree.length(), part)?;
        }
        let tree = tree.commit(env)?;
        env.sync_directory()?;
        let hash = tree.root_hash();
        self.update(env, |dir, env| {
            let entry = Entry {
                owner,
                id: id.to_vec(),
                hash,
                number,
            };
            dir.set(env, slot.unwrap_or(dir.free_slot()), entry)
        })?;
        Ok(tree)
    }

    /// After a failure the directory tells whether the file came to be part of it.
    fn remove_unnamed<R: Ree, C: StorageCrypto>(&mut self, env: &mut Env<'_, R, C>, number: u32) {
        if self.dir(env).is_ok_and(|dir| !dir.has_number(number)) {
            let _ = env.remove(&file_name(number));
        }
    }

    /// Bytes in an object's file.
    pub(crate) fn length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
    ) -> Result<u64, FsError> {
        Ok(self.current(env, file)?.length())
    }

    /// Reads; fewer bytes where the object ends.
    pub(crate) fn read<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        pos: u64,
        len: u64,
    ) -> Result<Vec<u8>, FsError> {
        self.current(env, file)?.read(env, pos, len)
    }

    /// Writes; the object grows where need be.
    pub(crate) fn write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        pos: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        self.change(env, file, |tree, env| tree.write(env, pos, data))
    }

    /// Sets the length.
    pub(crate) fn set_length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        length: u64,
    ) -> Result<(), FsError> {
        let before = self.length(env, file)?;
        self.change(env, file, |tree, env| tree.set_length(env, length))?;
        if length < before {
            self.garbage.extend(file.tail());
        }
        Ok(())
    }

    /// Gives an object another name, which must be free.
    pub(crate) fn rename<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        id: &[u8],
    ) -> Result<(), FsError> {
        let dir = self.dir(env)?;
        if dir.find(file.owner, id).is_some() {
            return Err(FsError::Exists);
        }
        let (slot, entry) = dir.find(file.owner, &file.id).ok_or(FsError::NotFound)?;
        let entry = Entry {
            id: id.to_vec(),
            ..entry.clone()
        };
        self.update(env, |dir, env| dir.set(env, slot, entry))?;
        file.id = id.to_vec();
        Ok(())
    }

    /// Removes an object.
    pub(crate) fn remove<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
    ) -> Result<(), FsError> {
        let dir = self.dir(env)?;
        let (slot, entry) = dir.find(owner, id).ok_or(FsError::NotFound)?;
        let number = entry.number;
        self.update(env, |dir, env| dir.clear(env, slot))?;
        self.garbage.push(Garbage::File(number));
        Ok(())
    }

    /// The first object of this owner at this place of the directory or behind it.
    pub(crate) fn next<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        from: Slot,
    ) -> Result<Option<(Slot, Vec<u8>)>, FsError> {
        let found = self.dir(env)?.next(owner, from);
        Ok(found.map(|(slot, entry)| (slot, entry.id.clone())))
    }

    /// All objects, in the order of the directory.
    pub(crate) fn all<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Vec<ObjectName>, FsError> {
        let name = |entry: &Entry| ObjectName {
            owner: entry.owner,
            id: entry.id.clone(),
            file: file_name(entry.number),
        };
        let dir = self.existing(env)?;
        Ok(dir.map_or_else(Vec::new, |dir| dir.all().map(name).collect()))
    }

    /// Files that belong to no object.
    pub(crate) fn orphans<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Vec<String>, FsError> {
        let mut names = env.list()?;
        if let Some(dir) = self.existing(env)? {
            let known: BTreeSet<String> = dir.all().map(|entry| file_name(entry.number)).collect();
            names.retain(|name| name != dirfile::NAME && !known.contains(name));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn dir<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<&mut DirFile, FsError> {
        let dir = match self.dir.take() {
            Some(dir) => dir,
            None => match self.open_dir(env) {
                Err(FsError::NotFound) => DirFile::create(env)?,
                opened => opened?,
            },
        };
        Ok(self.dir.insert(dir))
    }

    /// The directory in the state that is trusted; [`FsError::NotFound`] where there is to be none.
    fn open_dir<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
    ) -> Result<DirFile, FsError> {
        match self.trust {
            Trust::Newest => DirFile::open(env, Anchor::Counter),
            Trust::Hash(None) => Err(FsError::NotFound),
            Trust::Hash(Some(hash)) => match DirFile::open(env, Anchor::Hash(hash)) {
                Err(FsError::NotFound) => Err(FsError::Directory(Damage::Missing)),
                opened => opened,
            },
        }
    }

    /// The directory, if there is one.
    fn existing<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Option<&mut DirFile>, FsError> {
        if self.dir.is_none() {
            self.dir = match self.open_dir(env) {
                Err(FsError::NotFound) => None,
                opened => Some(opened?),
            };
        }
        Ok(self.dir.as_mut())
    }

    /// Changes the directory durably, or drops it.
    fn update<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        change: impl FnOnce(&mut DirFile, &mut Env<'_, R, C>) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        self.dir(env)?;
        let Some(mut dir) = self.dir.take() else {
            return Err(FsError::NotFound);
        };
        let handle = dir.file();
        let done = change(&mut dir, env).and_then(|()| dir.commit(env));
        self.dir = Some(done.inspect_err(|_| env.close(handle))?);
        Ok(())
    }

    /// The object's tree as the directory has it now.
    fn current<'f, R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &'f mut OpenFile,
    ) -> Result<&'f mut HashTree, FsError> {
        let dir = self.dir(env)?;
        let (_, entry) = dir
            .find(file.owner, &file.id)
            .ok_or(FsError::Corrupt(Damage::Missing))?;
        let tree = match file.tree.take() {
            Some(tree) if tree.root_hash() == entry.hash => tree,
            _ => {
                let entry = entry.clone();
                file.reopen(env, &entry)?
            }
        };
        Ok(file.tree.insert(tree))
    }

    /// Changes an object's content durably, or leaves it as it was.
    fn change<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &mut OpenFile,
        change: impl FnOnce(&mut HashTree, &mut Env<'_, R, C>) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        self.current(env, file)?;
        let Some(mut tree) = file.tree.take() else {
            return Err(FsError::NotFound);
        };
        let done = change(&mut tree, env).and_then(|()| tree.commit(env));
        let done = done.and_then(|tree| {
            self.record(env, file, tree.root_hash())?;
            Ok(tree)
        });
        match done {
            Ok(tree) => {
                file.tree = Some(tree);
                Ok(())
            }
            Err(error) => {
                // A disk that filled up shall not stay full of what was not kept.
                if self.current(env, file).is_ok() {
                    self.garbage.extend(file.tail());
                }
                Err(error)
            }
        }
    }

    fn record<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        file: &OpenFile,
        hash: [u8; 32],
    ) -> Result<(), FsError> {
        self.update(env, |dir, env| {
            let found = dir.find(file.owner, &file.id);
            let (slot, entry) = found.ok_or(FsError::Corrupt(Damage::Missing))?;
            let entry = Entry {
                hash,
                ..entry.clone()
            };
            dir.set(env, slot, entry)
        })
    }
}

impl OpenFile {
    fn open<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        entry: &Entry,
    ) -> Result<Self, FsError> {
        let (file, tree) = open_tree(env, entry)?;
        Ok(Self {
            owner: entry.owner,
            id: entry.id.clone(),
            file,
            tree: Some(tree),
        })
    }

    fn reopen<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        entry: &Entry,
    ) -> Result<HashTree, FsError> {
        let (file, tree) = open_tree(env, entry)?;
        env.close(self.file);
        self.file = file;
        Ok(tree)
    }

    /// The space behind the end.
    fn tail(&self) -> Option<Garbage> {
        let tree = self.tree.as_ref()?;
        Some(Garbage::Tail(self.file, tree.file_length()))
    }

    pub(crate) fn close<R: Ree, C: StorageCrypto>(self, env: &mut Env<'_, R, C>) {
        env.close(self.file);
    }
}

fn open_tree<R: Ree, C: StorageCrypto>(
    env: &mut Env<'_, R, C>,
    entry: &Entry,
) -> Result<(ReeFile, HashTree), FsError> {
    let file = env.open(&file_name(entry.number)).map_err(absent)?;
    let tree = HashTree::open(env, file, Owner::Ta(entry.owner), Anchor::Hash(entry.hash))
        .inspect_err(|_| env.close(file))?;
    Ok((file, tree))
}

/// An object whose file is gone was tampered with.
fn absent(error: FsError) -> FsError {
    match error {
        FsError::NotFound => FsError::Corrupt(Damage::Missing),
        other => other,
    }
}
