//! `dirf.db`: the list of all objects with their files' numbers and root hashes.
//!
//! It is read once and kept in memory with an index, so finding an object does not cost more the
//! more there are. Entries of 120 bytes are never moved; free ones and free file numbers are used
//! again, lowest first. Source: `core/tee/fs_dirfile.c`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use tee_abi::Uuid;
use tee_abi::core::storage::OBJECT_ID_MAX_LEN;
use tee_abi::ree::{Ree, ReeFile};

use crate::crypto::StorageCrypto;
use crate::error::{Damage, FsError};
use crate::keys::Owner;

use super::files::Env;
use super::htree::{Anchor, HashTree};
use super::layout::Fields;

/// Its name in the storage directory.
pub(crate) const NAME: &str = "dirf.db";
/// Its name until it is complete for the first time.
const NEW_NAME: &str = "dirf.db.new";
/// Bytes of an entry.
const ENTRY: usize = 16 + OBJECT_ID_MAX_LEN + 4 + 32 + 4;
/// First byte of an identifier field whose identifier is empty.
const EMPTY_ID: u8 = 1;
/// Entries read in one go.
const CHUNK: usize = ENTRY * 512;

/// An object as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) owner: Uuid,
    pub(crate) id: Vec<u8>,
    pub(crate) hash: [u8; 32],
    pub(crate) number: u32,
}

/// A place of an entry, counted from 0.
pub(crate) type Slot = u32;

/// The numbers in use; the lowest free one is found without a search from 0.
#[derive(Default)]
struct Numbers {
    used: BTreeSet<u32>,
    lowest: u32,
}

/// The open directory.
pub(crate) struct DirFile {
    tree: HashTree,
    entries: BTreeMap<Slot, Entry>,
    index: BTreeMap<(Uuid, Vec<u8>), Slot>,
    slots: Numbers,
    files: Numbers,
}

/// The name of the file with this number.
pub(crate) fn file_name(number: u32) -> String {
    alloc::format!("{number:x}")
}

impl Numbers {
    /// Whether it was free.
    fn insert(&mut self, number: u32) -> bool {
        let new = self.used.insert(number);
        while self.used.contains(&self.lowest) {
            self.lowest = self.lowest.saturating_add(1);
        }
        new
    }

    fn remove(&mut self, number: u32) {
        self.used.remove(&number);
        self.lowest = self.lowest.min(number);
    }
}

impl Entry {
    /// `None` where the place is free.
    fn decode(image: &[u8]) -> Result<Option<Self>, Damage> {
        let mut fields = Fields(image);
        let parts = (
            fields.take(),
            fields.take::<OBJECT_ID_MAX_LEN>(),
            fields.u32(),
            fields.take(),
            fields.u32(),
        );
        let (Some(owner), Some(id), Some(len), Some(hash), Some(number)) = parts else {
            return Err(Damage::Short);
        };
        if len == 0 && id.first() == Some(&0) {
            return Ok(None);
        }
        let id = id.get(..len as usize).ok_or(Damage::Size)?;
        Ok(Some(Self {
            owner: Uuid::from_memory(owner),
            id: id.to_vec(),
            hash,
            number,
        }))
    }

    fn encode(&self) -> Vec<u8> {
        let len = self.id.len() as u32;
        let mut id = self.id.clone();
        if id.is_empty() {
            id.push(EMPTY_ID);
        }
        id.resize(OBJECT_ID_MAX_LEN, 0);
        [
            &self.owner.to_memory()[..],
            &id,
            &len.to_le_bytes(),
            &self.hash,
            &self.number.to_le_bytes(),
        ]
        .concat()
    }
}

impl DirFile {
    /// Opens the directory; [`FsError::NotFound`] where there is none, or one without content.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        anchor: Anchor,
    ) -> Result<Self, FsError> {
        let file = env.open(NAME)?;
        let tree = HashTree::open(env, file, Owner::Directory, anchor)
            .map_err(directory)
            .inspect_err(|_| env.close(file))?;
        Self::read(env, tree)
    }

    /// Makes an empty directory.
    pub(crate) fn create<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
    ) -> Result<Self, FsError> {
        let tree = Self::create_tree(env)?;
        Self::read(env, tree)
    }

    /// It gets its name when it is complete, so that no crash leaves half of one under that name.
    fn create_tree<R: Ree, C: StorageCrypto>(env: &mut Env<'_, R, C>) -> Result<HashTree, FsError> {
        let file = env.create(NEW_NAME)?;
        let named = HashTree::create(env, file, Owner::Directory)
            .commit(env)
            .and_then(|tree| {
                env.rename(NEW_NAME, NAME)?;
                env.sync_directory()?;
                Ok(tree)
            });
        named.inspect_err(|_| env.close(file))
    }

    fn read<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        tree: HashTree,
    ) -> Result<Self, FsError> {
        let mut dir = Self {
            tree,
            entries: BTreeMap::new(),
            index: BTreeMap::new(),
            slots: Numbers::default(),
            files: Numbers::default(),
        };
        let file = dir.tree.file();
        dir.read_entries(env).inspect_err(|_| env.close(file))?;
        Ok(dir)
    }

    fn read_entries<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<(), FsError> {
        let mut slot: Slot = 0;
        loop {
            let at = u64::from(slot) * ENTRY as u64;
            let chunk = self.tree.read(env, at, CHUNK as u64).map_err(directory)?;
            // What is behind the last whole entry is no entry.
            let (images, _) = chunk.as_chunks::<ENTRY>();
            for image in images {
                if let Some(entry) = Entry::decode(image).map_err(FsError::Directory)? {
                    self.adopt(env, slot, entry)?;
                }
                slot = slot.saturating_add(1);
            }
            if chunk.len() < CHUNK {
                return Ok(());
            }
        }
    }

    /// Two entries with one file cannot both be right; as upstream, the second is cleared.
    fn adopt<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: Slot,
        entry: Entry,
    ) -> Result<(), FsError> {
        if !self.files.insert(entry.number) {
            return self.store(env, slot, &[0; ENTRY]);
        }
        self.slots.insert(slot);
        let key = (entry.owner, entry.id.clone());
        self.index.entry(key).or_insert(slot);
        self.entries.insert(slot, entry);
        Ok(())
    }

    /// Its file, to be closed when the directory is dropped.
    pub(crate) const fn file(&self) -> ReeFile {
        self.tree.file()
    }

    /// The hash that stands for all of it, of the last commit.
    pub(crate) fn root_hash(&self) -> [u8; 32] {
        self.tree.root_hash()
    }

    pub(crate) fn find(&self, owner: Uuid, id: &[u8]) -> Option<(Slot, &Entry)> {
        let slot = self.index.get(&(owner, id.to_vec()))?;
        self.entries.get(slot).map(|entry| (*slot, entry))
    }

    /// The first entry of this owner at `from` or behind.
    pub(crate) fn next(&self, owner: Uuid, from: Slot) -> Option<(Slot, &Entry)> {
        self.entries
            .range(from..)
            .find(|(_, entry)| entry.owner == owner)
            .map(|(slot, entry)| (*slot, entry))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The number that a new file gets.
    pub(crate) const fn free_number(&self) -> u32 {
        self.files.lowest
    }

    pub(crate) fn has_number(&self, number: u32) -> bool {
        self.files.used.contains(&number)
    }

    /// The place that a new entry gets.
    pub(crate) const fn free_slot(&self) -> Slot {
        self.slots.lowest
    }

    /// Puts an entry in a place, for the next commit.
    pub(crate) fn set<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: Slot,
        entry: Entry,
    ) -> Result<(), FsError> {
        self.forget(slot);
        self.store(env, slot, &entry.encode())?;
        self.slots.insert(slot);
        self.files.insert(entry.number);
        self.index.insert((entry.owner, entry.id.clone()), slot);
        self.entries.insert(slot, entry);
        Ok(())
    }

    /// Frees a place, for the next commit.
    pub(crate) fn clear<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: Slot,
    ) -> Result<(), FsError> {
        self.forget(slot);
        self.store(env, slot, &[0; ENTRY])
    }

    /// Makes all changes durable at once; see [`HashTree::commit`].
    pub(crate) fn commit<R: Ree, C: StorageCrypto>(
        mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Self, FsError> {
        self.tree = self.tree.commit(env).map_err(directory)?;
        Ok(self)
    }

    fn forget(&mut self, slot: Slot) {
        if let Some(old) = self.entries.remove(&slot) {
            self.index.remove(&(old.owner, old.id));
            self.files.remove(old.number);
            self.slots.remove(slot);
        }
    }

    fn store<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: Slot,
        image: &[u8],
    ) -> Result<(), FsError> {
        let at = u64::from(slot) * ENTRY as u64;
        self.tree.write(env, at, image).map_err(directory)
    }
}

/// Damage found here is the directory's, not an object's.
fn directory(error: FsError) -> FsError {
    match error {
        FsError::Corrupt(damage) => FsError::Directory(damage),
        other => other,
    }
}
