//! One file as a hash tree: content that is confidential and whole, and changes at once or not.
//!
//! Node i guards block i - 1 and has the children 2i and 2i + 1, so a list in the order of
//! the numbers is the tree. A node's hash covers its own image and its children's hashes; the
//! root's hash covers the length too, and stands for the file.
//!
//! Changes gather as plain blocks in memory. [`HashTree::commit`] encrypts them into the versions
//! that are not live and consumes the tree when that fails: what is in memory then is neither the
//! old state nor the new.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use tee_abi::ree::{Ree, ReeFile};

use crate::crypto::StorageCrypto;
use crate::error::{Damage, FsError};
use crate::keys::Owner;

use super::files::{Env, Extent, zero_block};
use super::layout::{
    BLOCK, BLOCK_U64, FLAG_BLOCK, GROUP, GROUP_NODES, HEADER, Header, Meta, NODE, Node,
    block_offset, child_flag, group_offset, header_offset, node_offset,
};

/// Most bytes a file holds: `TEE_DATA_MAX_POSITION`, and room for header and attributes.
pub(crate) const MAX_LENGTH: u64 = (1 << 32) + (1 << 20);
/// Most nodes of such a file; bounds the memory that a forged header can claim.
const MAX_NODES: u32 = (MAX_LENGTH / BLOCK_U64) as u32 + 1;
/// Plain blocks held before they are written ahead of the commit.
const STAGED_MAX: usize = 256;
/// Blocks read in one request.
const READ_MAX: u64 = 64;

/// What tells which of the two versions of a file is live.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    /// The hash of its root, kept elsewhere.
    Hash([u8; 32]),
    /// The counter in its header: the larger of the two.
    Counter,
}

/// An open file. Nothing of it is stale: what is not staged is as it is on the disk.
pub(crate) struct HashTree {
    file: ReeFile,
    fek: [u8; 16],
    enc_fek: [u8; 16],
    counter: u32,
    meta: Meta,
    nodes: Vec<Node>,
    /// Nodes to be written with the next commit.
    dirty: BTreeSet<u32>,
    /// Nodes whose block went to its other version since the last commit.
    moved: BTreeSet<u32>,
    /// Plain blocks to be encrypted.
    staged: BTreeMap<u32, Vec<u8>>,
    /// The plain block read or written last.
    recent: Option<(u32, Vec<u8>)>,
    changed: bool,
}

/// What the first requests for a file yield: both headers and the first group of nodes.
struct Start {
    headers: [Header; 2],
    group: Vec<u8>,
}

impl HashTree {
    /// A new tree for an empty file; its first commit writes it.
    pub(crate) fn create<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        file: ReeFile,
        owner: Owner,
    ) -> Self {
        let fek = env.random();
        let mut enc_fek = fek;
        let key = env.keys.storage_key(env.crypto, owner);
        env.crypto.aes256_encrypt(&key, &mut enc_fek);
        Self {
            file,
            fek,
            enc_fek,
            counter: 0,
            meta: Meta::default(),
            nodes: Vec::from([Node::default()]),
            dirty: BTreeSet::from([1]),
            moved: BTreeSet::new(),
            staged: BTreeMap::new(),
            recent: None,
            changed: true,
        }
    }

    /// Reads and verifies a tree. [`FsError::NotFound`] where the file has no tree yet.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        file: ReeFile,
        owner: Owner,
        anchor: Anchor,
    ) -> Result<Self, FsError> {
        let start = Start::read(env, file)?;
        match anchor {
            Anchor::Hash(hash) => {
                let version = start
                    .version_of(&hash)
                    .ok_or(FsError::Corrupt(Damage::Root))?;
                Self::load(env, file, owner, &start, version)
            }
            Anchor::Counter => Self::open_by_counter(env, file, owner, &start),
        }
    }

    /// A power failure may leave the newer header on the disk and the nodes it stands for not.
    /// The header authenticates the root's hash, so this shows, and the older version is intact:
    /// it was live, and what is live is not written to. It is committed again, so that whoever
    /// reads this file next finds no trace.
    fn open_by_counter<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        file: ReeFile,
        owner: Owner,
        start: &Start,
    ) -> Result<Self, FsError> {
        let [newer, older] = start.by_counter();
        let newer = newer.ok_or(FsError::Corrupt(Damage::Counters))?;
        if start.header(newer).is_blank() {
            return Err(FsError::NotFound);
        }
        let damage = match Self::load(env, file, owner, start, newer) {
            Err(FsError::Corrupt(damage)) => damage,
            other => return other,
        };
        let unusable = FsError::Corrupt(damage);
        let older = older
            .filter(|&v| !start.header(v).is_blank())
            .ok_or(unusable)?;
        let mut tree = Self::load(env, file, owner, start, older).map_err(|_| unusable)?;
        tree.touch_root();
        tree.commit(env)
    }

    fn load<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        file: ReeFile,
        owner: Owner,
        start: &Start,
        version: usize,
    ) -> Result<Self, FsError> {
        let header = start.header(version);
        if header.counter as usize & 1 != version {
            return Err(FsError::Corrupt(Damage::Counters));
        }
        let root = Node::decode(&start.group, 0, version).ok_or(FsError::Corrupt(Damage::Short))?;
        let mut fek = header.enc_fek;
        let key = env.keys.storage_key(env.crypto, owner);
        env.crypto.aes256_decrypt(&key, &mut fek);
        let meta = open_meta(env.crypto, &fek, &header, &root.hash)?;
        let mut tree = Self {
            file,
            fek,
            enc_fek: header.enc_fek,
            counter: header.counter,
            meta,
            nodes: Vec::from([root]),
            dirty: BTreeSet::new(),
            moved: BTreeSet::new(),
            staged: BTreeMap::new(),
            recent: None,
            changed: false,
        };
        tree.load_nodes(env, &start.group)?;
        tree.verify(env.crypto)?;
        Ok(tree)
    }

    fn load_nodes<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        first: &[u8],
    ) -> Result<(), FsError> {
        self.load_group(first, 0)?;
        let groups = u64::from(self.meta.max_node_id).div_ceil(GROUP as u64);
        for group in 1..groups {
            let images = env.read_one(self.file, group_offset(group), GROUP_NODES)?;
            self.load_group(&images, group)?;
        }
        Ok(())
    }

    fn load_group(&mut self, images: &[u8], group: u64) -> Result<(), FsError> {
        for slot in 0..GROUP {
            let id = (group * GROUP as u64 + slot as u64 + 1) as u32;
            if id > self.meta.max_node_id || id == 1 {
                continue;
            }
            let flags = self.node(id / 2).flags;
            let version = usize::from(flags & child_flag(id) != 0);
            let node =
                Node::decode(images, slot, version).ok_or(FsError::Corrupt(Damage::Short))?;
            self.nodes.push(node);
        }
        Ok(())
    }

    fn verify(&self, crypto: &impl StorageCrypto) -> Result<(), FsError> {
        (1..=self.last_node())
            .rev()
            .find(|&id| self.hash_of(crypto, id) != self.node(id).hash)
            .map_or(Ok(()), |id| Err(FsError::Corrupt(Damage::Node(id))))
    }

    /// The hash that stands for this content; of the last commit.
    pub(crate) fn root_hash(&self) -> [u8; 32] {
        self.node(1).hash
    }

    /// Bytes of content.
    pub(crate) const fn length(&self) -> u64 {
        self.meta.length
    }

    /// Its file.
    pub(crate) const fn file(&self) -> ReeFile {
        self.file
    }

    /// Where the file may end after the last commit.
    pub(crate) const fn file_length(&self) -> u64 {
        block_offset(self.meta.length.div_ceil(BLOCK_U64), 1) + BLOCK_U64
    }

    /// Reads up to `len` bytes at `pos`; fewer where the content ends.
    pub(crate) fn read<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        pos: u64,
        len: u64,
    ) -> Result<Vec<u8>, FsError> {
        let end = pos.saturating_add(len).min(self.meta.length);
        let mut out = Vec::new();
        if pos >= end {
            return Ok(out);
        }
        let mut block = pos / BLOCK_U64;
        let last = (end - 1) / BLOCK_U64;
        while block <= last {
            let until = last.min(block.saturating_add(READ_MAX - 1));
            for (number, content) in self.blocks(env, block, until)? {
                let start = u64::from(number) * BLOCK_U64;
                let from = pos.saturating_sub(start) as usize;
                let to = end.saturating_sub(start).min(BLOCK_U64) as usize;
                out.extend_from_slice(content.get(from..to).unwrap_or_default());
            }
            block = until + 1;
        }
        Ok(out)
    }

    /// Puts bytes at `pos`; what lies between the end and there becomes zero.
    pub(crate) fn write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        pos: u64,
        data: &[u8],
    ) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = pos
            .checked_add(data.len() as u64)
            .filter(|&end| end <= MAX_LENGTH)
            .ok_or(FsError::TooLarge)?;
        self.extend(env, pos)?;
        self.put(env, pos, end, Some(data))
    }

    /// Grows with zeros, or cuts off.
    pub(crate) fn set_length<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        length: u64,
    ) -> Result<(), FsError> {
        if length > MAX_LENGTH {
            return Err(FsError::TooLarge);
        }
        if length > self.meta.length {
            return self.extend(env, length);
        }
        self.cut(length);
        Ok(())
    }

    /// Writes all changes to the versions that are not live, and waits until they are durable.
    pub(crate) fn commit<R: Ree, C: StorageCrypto>(
        mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Self, FsError> {
        if !self.changed {
            return Ok(self);
        }
        let mut extents = self.seal_blocks(env);
        extents.extend(self.seal_nodes(env.crypto));
        extents.push(self.seal_header(env)?);
        env.write(self.file, extents, true)?;
        self.moved.clear();
        self.changed = false;
        Ok(self)
    }

    fn extend<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        length: u64,
    ) -> Result<(), FsError> {
        self.put(env, self.meta.length, length, None)
    }

    /// Fills `pos..end` from `source`, or with zeros.
    fn put<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        pos: u64,
        end: u64,
        source: Option<&[u8]>,
    ) -> Result<(), FsError> {
        let mut at = pos;
        while at < end {
            let offset = (at % BLOCK_U64) as usize;
            let count = (end - at).min((BLOCK - offset) as u64) as usize;
            let mut content = self.base(env, at / BLOCK_U64, count)?;
            if let Some(target) = content.get_mut(offset..offset + count) {
                let done = (at - pos) as usize;
                match source.and_then(|s| s.get(done..done + count)) {
                    Some(bytes) => target.copy_from_slice(bytes),
                    None => target.fill(0),
                }
            }
            self.stage(env, (at / BLOCK_U64) as u32, content)?;
            at += count as u64;
            self.meta.length = self.meta.length.max(at);
        }
        Ok(())
    }

    /// What a block holds before `count` bytes of it are replaced.
    fn base<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        block: u64,
        count: usize,
    ) -> Result<Vec<u8>, FsError> {
        if count == BLOCK || block >= self.meta.length.div_ceil(BLOCK_U64) {
            return Ok(zero_block());
        }
        let mut found = self.blocks(env, block, block)?;
        Ok(found.pop().map_or_else(zero_block, |(_, content)| content))
    }

    fn stage<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        block: u32,
        content: Vec<u8>,
    ) -> Result<(), FsError> {
        let id = block + 1;
        while self.last_node() < id {
            self.nodes.push(Node::default());
            self.meta.max_node_id = self.last_node();
            self.dirty.insert(self.last_node());
        }
        self.dirty.insert(id);
        self.touch_root();
        self.staged.insert(block, content);
        if self.staged.len() >= STAGED_MAX {
            let extents = self.seal_blocks(env);
            env.write(self.file, extents, false)?;
        }
        Ok(())
    }

    /// As upstream, the node behind the last block may stay.
    fn cut(&mut self, length: u64) {
        let keep = (length / BLOCK_U64) as u32 + 1;
        while self.last_node() > keep {
            let id = self.last_node();
            self.nodes.pop();
            self.meta.max_node_id = self.last_node();
            self.dirty.remove(&id);
            self.moved.remove(&id);
            self.staged.remove(&id.saturating_sub(1));
            // The parent's hash covered this child's.
            self.dirty.insert(id / 2);
        }
        self.recent = None;
        self.meta.length = length;
        self.touch_root();
    }

    fn touch_root(&mut self) {
        self.dirty.insert(1);
        self.changed = true;
    }

    /// The content of these blocks, all of which lie within the length.
    fn blocks<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u32, Vec<u8>)>, FsError> {
        let numbers: Vec<u32> = (first..=last).map(|block| block as u32).collect();
        let absent: Vec<u32> = numbers
            .iter()
            .copied()
            .filter(|&block| self.held(block).is_none())
            .collect();
        let mut fetched = self.fetch(env, &absent)?;
        let mut out = Vec::with_capacity(numbers.len());
        for block in numbers {
            let content = match fetched.remove(&block) {
                Some(content) => content,
                None => self.held(block).cloned().unwrap_or_else(zero_block),
            };
            out.push((block, content));
        }
        self.recent = out.last().cloned();
        Ok(out)
    }

    fn held(&self, block: u32) -> Option<&Vec<u8>> {
        let recent = self.recent.as_ref().filter(|recent| recent.0 == block);
        self.staged.get(&block).or(recent.map(|recent| &recent.1))
    }

    fn fetch<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
        blocks: &[u32],
    ) -> Result<BTreeMap<u32, Vec<u8>>, FsError> {
        if blocks.is_empty() {
            return Ok(BTreeMap::new());
        }
        let place = |&block: &u32| {
            let version = u64::from(self.node(block + 1).flags & FLAG_BLOCK);
            (block_offset(u64::from(block), version), BLOCK)
        };
        let places: Vec<(u64, usize)> = blocks.iter().map(place).collect();
        let sealed = env.read(self.file, &places)?;
        let mut out = BTreeMap::new();
        for (&block, mut data) in blocks.iter().zip(sealed) {
            if data.len() != BLOCK {
                return Err(FsError::Corrupt(Damage::Short));
            }
            let node = self.node(block + 1);
            let aad = [self.enc_fek, node.iv].concat();
            if !env
                .crypto
                .aes128_gcm_open(&self.fek, &node.iv, &aad, &mut data, &node.tag)
            {
                return Err(FsError::Corrupt(Damage::Block(block)));
            }
            out.insert(block, data);
        }
        Ok(out)
    }

    /// Encrypts what is staged, each block into its version that is not live.
    fn seal_blocks<R: Ree, C: StorageCrypto>(&mut self, env: &mut Env<'_, R, C>) -> Vec<Extent> {
        let staged = core::mem::take(&mut self.staged);
        self.recent = staged.last_key_value().map(|(k, v)| (*k, v.clone()));
        let mut extents = Vec::with_capacity(staged.len());
        for (block, mut data) in staged {
            let iv = env.random();
            let aad = [self.enc_fek, iv].concat();
            let tag = env.crypto.aes128_gcm_seal(&self.fek, &iv, &aad, &mut data);
            let id = block + 1;
            let first = self.moved.insert(id);
            let mut node = self.node(id);
            node.flags ^= if first { FLAG_BLOCK } else { 0 };
            node.iv = iv;
            node.tag = tag;
            self.set_node(id, node);
            let version = u64::from(node.flags & FLAG_BLOCK);
            extents.push((block_offset(u64::from(block), version), data));
        }
        extents
    }

    /// Hashes every changed node, children first, and so up to the root.
    fn seal_nodes(&mut self, crypto: &impl StorageCrypto) -> Vec<Extent> {
        let mut extents = Vec::new();
        while let Some(id) = self.dirty.pop_last() {
            let version = if id == 1 {
                u64::from(!self.counter & 1)
            } else {
                self.turn_child(id)
            };
            let mut node = self.node(id);
            node.hash = self.hash_of(crypto, id);
            self.set_node(id, node);
            extents.push((node_offset(id, version), node.encode()));
        }
        extents
    }

    /// Makes the parent point to the other version of this child, and answers which that is.
    fn turn_child(&mut self, id: u32) -> u64 {
        let mut parent = self.node(id / 2);
        parent.flags ^= child_flag(id);
        self.set_node(id / 2, parent);
        self.dirty.insert(id / 2);
        u64::from(parent.flags & child_flag(id) != 0)
    }

    fn seal_header<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<Extent, FsError> {
        self.counter = self.counter.checked_add(1).ok_or(FsError::TooLarge)?;
        let mut header = Header {
            iv: env.random(),
            enc_fek: self.enc_fek,
            imeta: self.meta.encode(),
            counter: self.counter,
            tag: [0; 16],
        };
        let aad = header_aad(&header, &self.node(1).hash);
        header.tag = env
            .crypto
            .aes128_gcm_seal(&self.fek, &header.iv, &aad, &mut header.imeta);
        Ok((header_offset(self.counter & 1), header.encode()))
    }

    fn hash_of(&self, crypto: &impl StorageCrypto, id: u32) -> [u8; 32] {
        let node = self.node(id);
        let length = self.meta.length.to_le_bytes();
        let flags = node.flags.to_le_bytes();
        let mut parts: Vec<&[u8]> = Vec::from([&node.iv[..], &node.tag, &flags]);
        if id == 1 {
            parts.push(&length);
        }
        let children = id.saturating_mul(2)..=id.saturating_mul(2).saturating_add(1);
        for child in children {
            if let Some(child) = self.nodes.get(child.saturating_sub(1) as usize) {
                parts.push(&child.hash);
            }
        }
        crypto.sha256(&parts)
    }

    /// The number of the last node; at least 1.
    fn last_node(&self) -> u32 {
        self.nodes.len() as u32
    }

    fn node(&self, id: u32) -> Node {
        let index = id.saturating_sub(1) as usize;
        self.nodes.get(index).copied().unwrap_or_default()
    }

    fn set_node(&mut self, id: u32, node: Node) {
        let index = id.saturating_sub(1) as usize;
        if let Some(slot) = self.nodes.get_mut(index) {
            *slot = node;
        }
    }
}

impl Start {
    fn read<R: Ree, C: StorageCrypto>(
        env: &mut Env<'_, R, C>,
        file: ReeFile,
    ) -> Result<Self, FsError> {
        let mut both = env.read(file, &[(0, 2 * HEADER), (group_offset(0), GROUP_NODES)])?;
        let group = both.pop().unwrap_or_default();
        let mut headers = both.pop().unwrap_or_default();
        // A place that was never written reads as zeros, also where the file ends before it.
        headers.resize(2 * HEADER, 0);
        let header = |version| Header::decode(&headers, version).unwrap_or_default();
        Ok(Self {
            headers: [header(0), header(1)],
            group,
        })
    }

    fn header(&self, version: usize) -> Header {
        self.headers.get(version).copied().unwrap_or_default()
    }

    fn version_of(&self, hash: &[u8; 32]) -> Option<usize> {
        (0..2).find(|&v| {
            self.group.len() >= (v + 1) * NODE
                && Node::decode(&self.group, 0, v).is_some_and(|root| root.hash == *hash)
        })
    }

    /// The versions whose counters fit their places (even, odd), the larger counter first.
    fn by_counter(&self) -> [Option<usize>; 2] {
        let [zero, one] = self.headers.map(|header| header.counter);
        match (zero & 1 == 0, one & 1 == 1) {
            (true, true) if zero > one => [Some(0), Some(1)],
            (true, true) => [Some(1), Some(0)],
            (true, false) => [Some(0), None],
            (false, true) => [Some(1), None],
            (false, false) => [None, None],
        }
    }
}

/// What a header authenticates besides its encrypted part: of the hash only the first half, which
/// is upstream's compatible default.
fn header_aad(header: &Header, root_hash: &[u8; 32]) -> Vec<u8> {
    let (hash, _) = root_hash.split_at(16);
    [
        hash,
        &header.counter.to_le_bytes(),
        &header.enc_fek,
        &header.iv,
    ]
    .concat()
}

fn open_meta(
    crypto: &impl StorageCrypto,
    fek: &[u8; 16],
    header: &Header,
    root_hash: &[u8; 32],
) -> Result<Meta, FsError> {
    let aad = header_aad(header, root_hash);
    let mut imeta = header.imeta;
    if !crypto.aes128_gcm_open(fek, &header.iv, &aad, &mut imeta, &header.tag) {
        return Err(FsError::Corrupt(Damage::Header));
    }
    let meta = Meta::decode(&imeta).ok_or(FsError::Corrupt(Damage::Size))?;
    // Upstream counts 0 nodes where there is only the root.
    let room = u64::from(meta.max_node_id.max(1)) * BLOCK_U64;
    if meta.max_node_id > MAX_NODES || meta.length > room {
        return Err(FsError::Corrupt(Damage::Size));
    }
    Ok(meta)
}
