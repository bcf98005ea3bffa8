//! Images and offsets of a hash-tree file.
//!
//! ```text
//! 0      header version 0 (68 bytes), version 1
//! 4096   nodes 1…31, two versions of 66 bytes each
//! 8192   61 block versions of 4096 bytes: block 0 in versions 0 and 1, block 1, … block 30 in 0
//! …      nodes 32…62, the next 61 block versions; and so on
//! ```
//! Numbers are little endian. Source: `core/include/tee/fs_htree.h`, `core/tee/tee_ree_fs.c`.

use alloc::vec::Vec;

/// Bytes in a data block.
pub(crate) const BLOCK: usize = 4096;
/// [`BLOCK`] as a file offset.
pub(crate) const BLOCK_U64: u64 = BLOCK as u64;
/// Bytes in a header image.
pub(crate) const HEADER: usize = 68;
/// Bytes in a node image.
pub(crate) const NODE: usize = 66;
/// Nodes in a group.
pub(crate) const GROUP: usize = 31;
/// Bytes of a group's node images, both versions.
pub(crate) const GROUP_NODES: usize = GROUP * 2 * NODE;

/// `HTREE_NODE_COMMITTED_BLOCK`: the version of a node's block.
pub(crate) const FLAG_BLOCK: u16 = 1;

/// The flag in a parent that tells which version of this child is live.
pub(crate) const fn child_flag(id: u32) -> u16 {
    2 << (id & 1)
}

/// A header as it lies in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) iv: [u8; 16],
    pub(crate) tag: [u8; 16],
    pub(crate) enc_fek: [u8; 16],
    pub(crate) imeta: [u8; 16],
    pub(crate) counter: u32,
}

/// A node as it lies in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) hash: [u8; 32],
    pub(crate) iv: [u8; 16],
    pub(crate) tag: [u8; 16],
    pub(crate) flags: u16,
}

/// What a header's encrypted part says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) length: u64,
    pub(crate) max_node_id: u32,
}

/// Takes fields off the front of a byte string.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}

impl Header {
    /// From its version's place in the first bytes of a file; `None` where the file ends before.
    pub(crate) fn decode(start: &[u8], version: usize) -> Option<Self> {
        let mut fields = Fields(start.get(HEADER * version..)?);
        Some(Self {
            iv: fields.take()?,
            tag: fields.take()?,
            enc_fek: fields.take()?,
            imeta: fields.take()?,
            counter: fields.u32()?,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            &self.iv[..],
            &self.tag,
            &self.enc_fek,
            &self.imeta,
            &self.counter.to_le_bytes(),
        ]
        .concat()
    }

    /// Whether this place was never written: upstream writes it last when it makes a file.
    pub(crate) fn is_blank(&self) -> bool {
        self.counter == 0 && self.tag == [0; 16]
    }
}

impl Node {
    /// From its place in a group's bytes; `None` where the file ends before.
    pub(crate) fn decode(group: &[u8], slot: usize, version: usize) -> Option<Self> {
        let mut fields = Fields(group.get((2 * slot + version) * NODE..)?);
        Some(Self {
            hash: fields.take()?,
            iv: fields.take()?,
            tag: fields.take()?,
            flags: u16::from_le_bytes(fields.take()?),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            &self.hash[..],
            &self.iv,
            &self.tag,
            &self.flags.to_le_bytes(),
        ]
        .concat()
    }
}

impl Meta {
    pub(crate) fn decode(image: &[u8; 16]) -> Option<Self> {
        let mut fields = Fields(image);
        Some(Self {
            length: u64::from_le_bytes(fields.take()?),
            max_node_id: fields.u32()?,
        })
    }

    pub(crate) fn encode(&self) -> [u8; 16] {
        let value = u128::from(self.length) | u128::from(self.max_node_id) << 64;
        value.to_le_bytes()
    }
}

/// Where a header version lies.
pub(crate) const fn header_offset(version: u32) -> u64 {
    HEADER as u64 * version as u64
}

/// Where the group of nodes lies that starts with this node, counted from 0.
pub(crate) const fn group_offset(group: u64) -> u64 {
    (1 + group * GROUP as u64 * 2) * BLOCK_U64
}

/// Where a node version lies; nodes are numbered from 1.
pub(crate) const fn node_offset(id: u32, version: u64) -> u64 {
    let index = id.saturating_sub(1) as u64;
    group_offset(index / GROUP as u64) + (2 * (index % GROUP as u64) + version) * NODE as u64
}

/// Where a block version lies; blocks are numbered from 0.
pub(crate) const fn block_offset(block: u64, version: u64) -> u64 {
    let n = 2 * block + version;
    (2 + n + n / (2 * GROUP as u64 - 1)) * BLOCK_U64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_nodes_follows_its_predecessors_blocks() {
        assert_eq!(node_offset(1, 0), 4096);
        assert_eq!(node_offset(31, 1), 4096 + 61 * 66);
        assert_eq!(block_offset(0, 0), 2 * 4096);
        assert_eq!(block_offset(30, 0), 62 * 4096);
        assert_eq!(node_offset(32, 0), 63 * 4096);
        assert_eq!(block_offset(30, 1), 64 * 4096);
    }

    #[test]
    fn images_round_trip() {
        let header = Header {
            iv: [1; 16],
            tag: [2; 16],
            enc_fek: [3; 16],
            imeta: [4; 16],
            counter: 5,
        };
        let both = [header.encode(), header.encode()].concat();
        assert_eq!(both.len(), 2 * HEADER);
        assert_eq!(Header::decode(&both, 1), Some(header));
        let meta = Meta {
            length: 0x1_0000_0002,
            max_node_id: 7,
        };
        assert_eq!(Meta::decode(&meta.encode()), Some(meta));
    }
}
