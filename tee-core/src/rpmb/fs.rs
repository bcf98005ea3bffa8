//! OP-TEE's RPMB file system: a partition block, a FAT, and runs of blocks from the top down.
//!
//! ```text
//! 0     partition: magic, version, where the FAT starts
//! 512   FAT entries of 256 bytes, one a block, up to one that is flagged as the last
//! …     free
//! top   contents, each in one run, block by block encrypted with its own file key
//! ```
//! An entry is one block and so written at once or not. Content that cannot be written at once goes
//! to a fresh run, and lives when its entry says so: an interrupted change leaves the old state.
//! Source: `core/tee/tee_rpmb_fs.c`.

use alloc::vec::Vec;

use tee_abi::Uuid;
use tee_abi::core::storage::OBJECT_ID_MAX_LEN;
use tee_abi::ree::Ree;
use tee_abi::ree::rpmb::BLOCK;

use crate::crypto::StorageCrypto;
use crate::error::{Damage, FsError, RpmbFault};
use crate::keys::Owner;
use crate::ree_fs::{Env, Fields};

use super::device::Device;

const MAGIC: u32 = 0x5250_4D42;
const VERSION: u32 = 2;
const FAT_START: u32 = 512;
const FAT_BLOCK: u32 = FAT_START / BLOCK as u32;
const NAME_MAX: usize = 224;
const ACTIVE: u32 = 1;
const LAST: u32 = 2;
/// FAT entries read in one go.
const FAT_READ: usize = 32;

/// The file that holds the hash of the REE file system's directory.
const ANCHOR: &[u8] = b"/dirfile.db.hash";

/// A FAT entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    start: u32,
    size: u32,
    flags: u32,
    fek: [u8; 16],
    name: Vec<u8>,
}

/// The RPMB file system of a world.
#[derive(Default)]
pub(crate) struct RpmbFs {
    /// `None` until it is needed, and after a failure.
    mounted: Option<Mounted>,
}

struct Mounted {
    device: Device,
    entries: Vec<Entry>,
}

impl Entry {
    fn decode(image: &[u8; BLOCK]) -> Option<Self> {
        let mut fields = Fields(image);
        let (start, size, flags) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let _unused = fields.u32()?;
        let fek = fields.take()?;
        let name: [u8; NAME_MAX] = fields.take()?;
        let len = name.iter().position(|&byte| byte == 0)?;
        Some(Self {
            start,
            size,
            flags,
            fek,
            name: name.get(..len)?.to_vec(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut name = self.name.clone();
        name.resize(NAME_MAX, 0);
        [
            &self.start.to_le_bytes()[..],
            &self.size.to_le_bytes(),
            &self.flags.to_le_bytes(),
            &[0; 4],
            &self.fek,
            &name,
        ]
        .concat()
    }

    const fn is_active(&self) -> bool {
        self.flags & ACTIVE != 0
    }

    const fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    const fn first_block(&self) -> u32 {
        self.start / BLOCK as u32
    }
}

/// `/` and the TA's UUID in hexadecimal digits, `/`.
fn directory(owner: Uuid) -> Vec<u8> {
    [b"/", &hex(&owner.to_memory())[..], b"/"].concat()
}

fn file_name(owner: Uuid, id: &[u8]) -> Vec<u8> {
    [directory(owner), hex(id)].concat()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'A' + nibble - 10
        }
    };
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}

/// `None` for what names no object, also for one that was never finished.
fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let bytes = pairs
        .iter()
        .map(|&[hi, lo]| Some(value(hi)? << 4 | value(lo)?));
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.filter(|id| rest.is_empty() && (1..=OBJECT_ID_MAX_LEN).contains(&id.len()))
}

impl RpmbFs {
    /// Whether there is such an object.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
    ) -> Result<(), FsError> {
        self.mounted(env)?.find(&file_name(owner, id)).map(|_| ())
    }

    /// Bytes in an object.
    pub(crate) fn length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
    ) -> Result<u64, FsError> {
        let (_, entry) = self.mounted(env)?.find(&file_name(owner, id))?;
        Ok(entry.size.into())
    }

    /// Makes an object; replaces one only where `overwrite` says so.
    pub(crate) fn create<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        overwrite: bool,
        content: &[&[u8]],
    ) -> Result<(), FsError> {
        self.create_named(
            env,
            file_name(owner, id),
            owner,
            overwrite,
            &content.concat(),
        )
    }

    fn create_named<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        name: Vec<u8>,
        owner: Uuid,
        overwrite: bool,
        content: &[u8],
    ) -> Result<(), FsError> {
        let mounted = self.mounted(env)?;
        let old = mounted.find(&name).ok().map(|(slot, _)| slot);
        if old.is_some() && !overwrite {
            return Err(FsError::Exists);
        }
        let entry = Entry {
            flags: ACTIVE,
            fek: env.random(),
            name,
            ..Entry::default()
        };
        self.change(env, |fs, env| {
            let slot = match old {
                Some(slot) => slot,
                None => fs.free_slot(env)?,
            };
            fs.move_to_new_run(env, slot, entry, owner, content)
        })
    }

    /// The hash of the REE file system's directory; `None` where there is none yet.
    pub(crate) fn anchor<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Option<[u8; 32]>, FsError> {
        let fs = self.mounted(env)?;
        let Ok((_, entry)) = fs.find(ANCHOR) else {
            return Ok(None);
        };
        let hash = fs.read_run(env, &entry, Uuid::NIL, 0, entry.size)?;
        Ok(hash.try_into().ok())
    }

    /// Keeps that hash, in one write.
    pub(crate) fn set_anchor<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        hash: [u8; 32],
    ) -> Result<(), FsError> {
        let found = self.mounted(env)?.find(ANCHOR);
        match found {
            Ok((_, entry)) if entry.size == 32 => self.change(env, |fs, env| {
                fs.write_in_place(env, &entry, Uuid::NIL, 0, &hash)
            }),
            _ => self.create_named(env, ANCHOR.to_vec(), Uuid::NIL, true, &hash),
        }
    }

    /// Reads; fewer bytes where the object ends.
    pub(crate) fn read<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        pos: u64,
        len: u64,
    ) -> Result<Vec<u8>, FsError> {
        let fs = self.mounted(env)?;
        let (_, entry) = fs.find(&file_name(owner, id))?;
        let size = u64::from(entry.size);
        let (from, to) = (pos.min(size), pos.saturating_add(len).min(size));
        fs.read_run(env, &entry, owner, from as u32, to as u32)
    }

    /// Writes; the object grows where need be.
    pub(crate) fn write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        pos: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        let name = file_name(owner, id);
        let pos = u32::try_from(pos).map_err(|_| FsError::NoSpace)?;
        let len = u32::try_from(data.len()).map_err(|_| FsError::NoSpace)?;
        let end = pos.checked_add(len).ok_or(FsError::NoSpace)?;
        self.change(env, |fs, env| {
            let (slot, entry) = fs.find(&name)?;
            if end <= entry.size && blocks_of(pos, end) <= fs.device.at_once() {
                return fs.write_in_place(env, &entry, owner, pos, data);
            }
            let mut content = fs.read_run(env, &entry, owner, 0, entry.size)?;
            fs.check_size(end)?;
            content.resize(content.len().max(end as usize), 0);
            if let Some(target) = content.get_mut(pos as usize..end as usize) {
                target.copy_from_slice(data);
            }
            fs.move_to_new_run(env, slot, entry, owner, &content)
        })
    }

    /// Sets the length.
    pub(crate) fn set_length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        length: u64,
    ) -> Result<(), FsError> {
        let name = file_name(owner, id);
        let length = u32::try_from(length).map_err(|_| FsError::NoSpace)?;
        self.change(env, |fs, env| {
            let (slot, mut entry) = fs.find(&name)?;
            if length <= entry.size {
                entry.size = length;
                return fs.put(env, slot, entry);
            }
            fs.check_size(length)?;
            let mut content = fs.read_run(env, &entry, owner, 0, entry.size)?;
            content.resize(length as usize, 0);
            fs.move_to_new_run(env, slot, entry, owner, &content)
        })
    }

    /// Gives an object another name, which must be free.
    pub(crate) fn rename<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
        new: &[u8],
    ) -> Result<(), FsError> {
        let (from, to) = (file_name(owner, id), file_name(owner, new));
        self.change(env, |fs, env| {
            if fs.find(&to).is_ok() {
                return Err(FsError::Exists);
            }
            let (slot, mut entry) = fs.find(&from)?;
            entry.name = to;
            fs.put(env, slot, entry)
        })
    }

    /// Removes an object.
    pub(crate) fn remove<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        id: &[u8],
    ) -> Result<(), FsError> {
        let name = file_name(owner, id);
        self.change(env, |fs, env| {
            let (slot, _) = fs.find(&name)?;
            fs.put(env, slot, Entry::default())
        })
    }

    /// The first object of this owner at this place of the FAT or behind it.
    pub(crate) fn next<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        owner: Uuid,
        from: u32,
    ) -> Result<Option<(u32, Vec<u8>)>, FsError> {
        let prefix = directory(owner);
        let entries = self.mounted(env)?.entries.iter().enumerate();
        let found = entries
            .skip(from as usize)
            .filter(|(_, entry)| entry.is_active())
            .find_map(|(slot, entry)| {
                let id = entry.name.strip_prefix(&prefix[..])?;
                Some((slot as u32, from_hex(id)?))
            });
        Ok(found)
    }

    fn mounted<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<&mut Mounted, FsError> {
        let mounted = match self.mounted.take() {
            Some(mounted) => mounted,
            None => Mounted::mount(env)?,
        };
        Ok(self.mounted.insert(mounted))
    }

    /// Changes something; what failed underway is read anew.
    fn change<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        change: impl FnOnce(&mut Mounted, &mut Env<'_, R, C>) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        let done = change(self.mounted(env)?, env);
        if done.is_err() {
            self.mounted = None;
        }
        done
    }
}

impl Mounted {
    fn mount<R: Ree, C: StorageCrypto>(env: &mut Env<'_, R, C>) -> Result<Self, FsError> {
        let device = Device::open(env)?;
        let mut fs = Self {
            device,
            entries: Vec::new(),
        };
        let partition = fs.device.read(env, 0, 1)?;
        // A write that somebody withheld is void once another one has taken its counter.
        fs.device.write(env, 0, &partition)?;
        let partition = fs.device.read(env, 0, 1)?;
        let mut fields = Fields(&partition);
        match (fields.u32(), fields.u32(), fields.u32(), fields.u32()) {
            (Some(MAGIC), Some(VERSION), _, Some(FAT_START)) => fs.read_fat(env)?,
            (Some(MAGIC), ..) => return Err(FsError::Rpmb(RpmbFault::Format)),
            _ => fs.format(env)?,
        }
        Ok(fs)
    }

    fn format<R: Ree, C: StorageCrypto>(&mut self, env: &mut Env<'_, R, C>) -> Result<(), FsError> {
        let last = Entry {
            flags: LAST,
            ..Entry::default()
        };
        self.device.write(env, FAT_BLOCK, &last.encode())?;
        let mut partition = [MAGIC, VERSION, 0, FAT_START]
            .map(u32::to_le_bytes)
            .concat();
        partition.resize(BLOCK, 0);
        self.device.write(env, 0, &partition)?;
        self.entries.push(last);
        Ok(())
    }

    fn read_fat<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<(), FsError> {
        let damaged = FsError::Rpmb(RpmbFault::Format);
        while !self.entries.last().is_some_and(Entry::is_last) {
            let at = FAT_BLOCK.saturating_add(self.entries.len() as u32);
            let left = self.device.blocks().saturating_sub(at) as usize;
            let images = self.device.read(env, at, FAT_READ.min(left))?;
            let (images, _) = images.as_chunks::<BLOCK>();
            if images.is_empty() {
                return Err(damaged);
            }
            for image in images {
                let entry = Entry::decode(image).ok_or(damaged)?;
                let last = entry.is_last();
                self.entries.push(entry);
                if last {
                    break;
                }
            }
        }
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<(usize, Entry), FsError> {
        self.entries
            .iter()
            .enumerate()
            .find(|(_, entry)| entry.is_active() && entry.name == name)
            .map(|(slot, entry)| (slot, entry.clone()))
            .ok_or(FsError::NotFound)
    }

    /// A place for a new entry. Where only the last is left, there is a new last before it is used.
    fn free_slot<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<usize, FsError> {
        let free = self.entries.iter().position(|entry| !entry.is_active());
        let slot = free.ok_or(FsError::Rpmb(RpmbFault::Format))?;
        if slot + 1 == self.entries.len() {
            let block = FAT_BLOCK.saturating_add(self.entries.len() as u32);
            let taken = self.runs().any(|(first, _)| first <= block);
            if taken || block >= self.device.blocks() {
                return Err(FsError::NoSpace);
            }
            let last = Entry {
                flags: LAST,
                ..Entry::default()
            };
            self.device.write(env, block, &last.encode())?;
            self.entries.push(last);
        }
        Ok(slot)
    }

    fn put<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: usize,
        entry: Entry,
    ) -> Result<(), FsError> {
        let block = FAT_BLOCK.saturating_add(slot as u32);
        self.device.write(env, block, &entry.encode())?;
        if let Some(place) = self.entries.get_mut(slot) {
            *place = entry;
        }
        Ok(())
    }

    /// First block and number of blocks of every content.
    fn runs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.entries
            .iter()
            .filter(|entry| entry.is_active() && entry.size > 0)
            .map(|entry| (entry.first_block(), entry.size.div_ceil(BLOCK as u32)))
    }

    fn check_size(&self, size: u32) -> Result<(), FsError> {
        if size.div_ceil(BLOCK as u32) > self.device.blocks() {
            return Err(FsError::NoSpace);
        }
        Ok(())
    }

    /// The highest free run of this many blocks. As upstream, the device's last block stays free.
    fn allocate(&self, blocks: u32) -> Result<u32, FsError> {
        let floor = FAT_BLOCK.saturating_add(self.entries.len() as u32);
        let mut runs: Vec<(u32, u32)> = self.runs().collect();
        runs.sort_unstable();
        let mut ceiling = self.device.blocks().saturating_sub(1);
        for (first, count) in runs.into_iter().rev() {
            let above = first.saturating_add(count);
            if ceiling.saturating_sub(above) >= blocks {
                break;
            }
            ceiling = ceiling.min(first);
        }
        ceiling
            .checked_sub(blocks)
            .filter(|&first| first >= floor)
            .ok_or(FsError::NoSpace)
    }

    fn move_to_new_run<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        slot: usize,
        mut entry: Entry,
        owner: Uuid,
        content: &[u8],
    ) -> Result<(), FsError> {
        let blocks = content.len().div_ceil(BLOCK);
        let first = self.allocate(u32::try_from(blocks).map_err(|_| FsError::NoSpace)?)?;
        let mut padded = content.to_vec();
        padded.resize(blocks * BLOCK, 0);
        self.seal_and_write(env, &entry.fek, owner, first, padded)?;
        entry.start = first.saturating_mul(BLOCK as u32);
        entry.size = content.len() as u32;
        self.put(env, slot, entry)
    }

    fn write_in_place<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        entry: &Entry,
        owner: Uuid,
        pos: u32,
        data: &[u8],
    ) -> Result<(), FsError> {
        let first = pos / BLOCK as u32;
        let count = blocks_of(pos, pos.saturating_add(data.len() as u32));
        let at = entry.first_block().saturating_add(first);
        let mut content = self.read_and_open(env, &entry.fek, owner, at, count)?;
        let offset = pos as usize % BLOCK;
        if let Some(target) = content.get_mut(offset..offset + data.len()) {
            target.copy_from_slice(data);
        }
        self.seal_and_write(env, &entry.fek, owner, at, content)
    }

    fn read_run<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
        entry: &Entry,
        owner: Uuid,
        from: u32,
        to: u32,
    ) -> Result<Vec<u8>, FsError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let first = from / BLOCK as u32;
        let at = entry.first_block().saturating_add(first);
        let content = self.read_and_open(env, &entry.fek, owner, at, blocks_of(from, to))?;
        let offset = from as usize % BLOCK;
        let wanted = content.get(offset..offset + (to - from) as usize);
        Ok(wanted.unwrap_or_default().to_vec())
    }

    fn read_and_open<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
        fek: &[u8; 16],
        owner: Uuid,
        first: u32,
        count: usize,
    ) -> Result<Vec<u8>, FsError> {
        let key = file_key(env, fek, owner)?;
        let mut content = self.device.read(env, first, count)?;
        for (number, block) in (first..).zip(content.as_chunks_mut::<BLOCK>().0) {
            open_block(env.crypto, &key, number as u16, block);
        }
        Ok(content)
    }

    fn seal_and_write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        fek: &[u8; 16],
        owner: Uuid,
        first: u32,
        mut content: Vec<u8>,
    ) -> Result<(), FsError> {
        let key = file_key(env, fek, owner)?;
        for (number, block) in (first..).zip(content.as_chunks_mut::<BLOCK>().0) {
            seal_block(env.crypto, &key, number as u16, block);
        }
        self.device.write(env, first, &content)
    }
}

/// Blocks that the bytes `from..to` of a run lie in.
const fn blocks_of(from: u32, to: u32) -> usize {
    (to.div_ceil(BLOCK as u32) - from / BLOCK as u32) as usize
}

/// A stored key of zeros would be a file that is not encrypted, which nobody makes.
fn file_key<R: Ree, C: StorageCrypto>(
    env: &Env<'_, R, C>,
    fek: &[u8; 16],
    owner: Uuid,
) -> Result<[u8; 16], FsError> {
    if *fek == [0; 16] {
        return Err(FsError::Corrupt(Damage::Header));
    }
    let mut key = *fek;
    let wrapping = env.keys.storage_key(env.crypto, Owner::Ta(owner));
    env.crypto.aes256_decrypt(&wrapping, &mut key);
    Ok(key)
}

/// The initialisation vector of a block (ESSIV).
fn block_iv(crypto: &impl StorageCrypto, key: &[u8; 16], number: u16) -> [u8; 16] {
    let [hashed @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = crypto.sha256(&[key]);
    let mut iv = u128::from(number).to_le_bytes();
    crypto.aes128_encrypt(&hashed, &mut iv);
    iv
}

fn xor(block: &mut [u8; 16], with: &[u8; 16]) {
    block.iter_mut().zip(with).for_each(|(a, b)| *a ^= b);
}

/// AES-128-CBC.
fn seal_block(crypto: &impl StorageCrypto, key: &[u8; 16], number: u16, block: &mut [u8; BLOCK]) {
    let mut chain = block_iv(crypto, key, number);
    for part in block.as_chunks_mut::<16>().0 {
        xor(part, &chain);
        crypto.aes128_encrypt(key, part);
        chain = *part;
    }
}

/// The inverse of [`seal_block`].
fn open_block(crypto: &impl StorageCrypto, key: &[u8; 16], number: u16, block: &mut [u8; BLOCK]) {
    let mut chain = block_iv(crypto, key, number);
    for part in block.as_chunks_mut::<16>().0 {
        let sealed = *part;
        crypto.aes128_decrypt(key, part);
        xor(part, &chain);
        chain = sealed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upstreams() {
        let owner = Uuid::from_fields(0x8aaa_f200, 0x2450, 0x11e4, [0xab; 8]);
        let name = file_name(owner, b"\x01z");
        assert_eq!(name, b"/00F2AA8A5024E411ABABABABABABABAB/017A");
    }

    #[test]
    fn only_whole_identifiers_are_listed() {
        assert_eq!(from_hex(b"017A"), Some(b"\x01z".to_vec()));
        for bad in [&b""[..], b".017A", b"017", b"01g0", &[b'0'; 130]] {
            assert_eq!(from_hex(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn entries_round_trip() {
        let entry = Entry {
            start: 1,
            size: 2,
            flags: 3,
            fek: [4; 16],
            name: b"/name".to_vec(),
        };
        let image = entry.encode();
        assert_eq!(Entry::decode(image[..].try_into().unwrap()), Some(entry));
    }
}
