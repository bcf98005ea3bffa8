//! Structures that cross the syscall boundary, as bytes.
//!
//! All are little endian and have the same layout for 32- and 64-bit TAs, except object info of
//! GP 1.1-era TAs. Source: `utee_types.h`.

/// Number of parameters of an operation (`TEE_NUM_PARAMS`).
pub const NUM_PARAMS: usize = 4;
/// Size of `struct utee_params`.
pub const UTEE_PARAMS_SIZE: usize = 8 + NUM_PARAMS * 16;
/// Size of `struct utee_attribute` (the trailing u32 is padded to the alignment of u64).
pub const UTEE_ATTRIBUTE_SIZE: usize = 24;
/// Size of `struct utee_object_info`.
pub const UTEE_OBJECT_INFO_SIZE: usize = 28;
/// Size of `TEE_Time`: u32 seconds, u32 milliseconds.
pub const TEE_TIME_SIZE: usize = 8;

/// `struct utee_params`: the type word and four pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UteeParams {
    /// Four nibbles of `TEE_PARAM_TYPE_*`, lowest first.
    pub types: u64,
    /// `(a, b)` of values, `(pointer, size)` of memrefs.
    pub vals: [(u64, u64); NUM_PARAMS],
}

fn word64(b: &[u8], at: usize) -> u64 {
    let mut w = [0u8; 8];
    for (i, slot) in w.iter_mut().enumerate() {
        *slot = b.get(at + i).copied().unwrap_or(0);
    }
    u64::from_le_bytes(w)
}

impl UteeParams {
    /// Decode from memory.
    #[must_use]
    pub fn from_bytes(b: &[u8; UTEE_PARAMS_SIZE]) -> Self {
        let mut vals = [(0, 0); NUM_PARAMS];
        for (i, pair) in vals.iter_mut().enumerate() {
            *pair = (word64(b, 8 + i * 16), word64(b, 16 + i * 16));
        }
        Self {
            types: word64(b, 0),
            vals,
        }
    }

    /// Encode for memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; UTEE_PARAMS_SIZE] {
        let mut out = [0u8; UTEE_PARAMS_SIZE];
        out[..8].copy_from_slice(&self.types.to_le_bytes());
        for (chunk, (a, b)) in out[8..].chunks_exact_mut(16).zip(self.vals) {
            chunk[..8].copy_from_slice(&a.to_le_bytes());
            chunk[8..].copy_from_slice(&b.to_le_bytes());
        }
        out
    }
}

/// `struct utee_attribute`: a value pair, or a buffer by address and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UteeAttribute {
    /// `value.a`, or the buffer's address.
    pub a: u64,
    /// `value.b`, or the buffer's length.
    pub b: u64,
    /// `TEE_ATTR_*`.
    pub attribute_id: u32,
}

impl UteeAttribute {
    /// Decode from memory.
    #[must_use]
    pub fn from_bytes(b: &[u8; UTEE_ATTRIBUTE_SIZE]) -> Self {
        Self {
            a: word64(b, 0),
            b: word64(b, 8),
            attribute_id: word64(b, 16) as u32,
        }
    }
}

/// `struct utee_object_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UteeObjectInfo {
    /// `TEE_TYPE_*`.
    pub obj_type: u32,
    /// Size of the key in bits, 0 when not populated.
    pub obj_size: u32,
    /// Largest key size in bits the object was allocated for.
    pub max_obj_size: u32,
    /// `TEE_USAGE_*`.
    pub obj_usage: u32,
    /// Bytes in the data stream.
    pub data_size: u32,
    /// Position in the data stream.
    pub data_pos: u32,
    /// `TEE_HANDLE_FLAG_*` and the data flags it was opened with.
    pub handle_flags: u32,
}

impl UteeObjectInfo {
    /// Encode for memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; UTEE_OBJECT_INFO_SIZE] {
        let words = [
            self.obj_type,
            self.obj_size,
            self.max_obj_size,
            self.obj_usage,
            self.data_size,
            self.data_pos,
            self.handle_flags,
        ];
        let mut out = [0u8; UTEE_OBJECT_INFO_SIZE];
        for (chunk, word) in out.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_round_trip() {
        let p = UteeParams {
            types: 0x6531,
            vals: [(1, 2), (3, 4), (5, 6), (7, u64::MAX)],
        };
        assert_eq!(UteeParams::from_bytes(&p.to_bytes()), p);
    }

    #[test]
    fn attribute_reads_each_field_at_its_offset() {
        let mut b = [0u8; UTEE_ATTRIBUTE_SIZE];
        b[0] = 1;
        b[8] = 2;
        b[16] = 3;
        assert_eq!(
            UteeAttribute::from_bytes(&b),
            UteeAttribute {
                a: 1,
                b: 2,
                attribute_id: 3
            }
        );
    }
}
