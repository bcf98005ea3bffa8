//! Guest pointers: allegations of a guest that something lies somewhere.

use crate::mem::{AddressSpace, Fault};

/// An address a guest gave. It is never dereferenced, only copied through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPtr(pub u64);

impl UserPtr {
    /// Whether it is NULL.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Copies in `N` bytes.
    ///
    /// # Errors
    /// The refused access.
    pub fn read<const N: usize, M: AddressSpace>(self, mem: &M) -> Result<[u8; N], Fault> {
        mem.load(self.0)
    }

    /// Copies in a little-endian u32.
    ///
    /// # Errors
    /// The refused access.
    pub fn read_u32<M: AddressSpace>(self, mem: &M) -> Result<u32, Fault> {
        self.read(mem).map(u32::from_le_bytes)
    }

    /// Copies in a little-endian u64.
    ///
    /// # Errors
    /// The refused access.
    pub fn read_u64<M: AddressSpace>(self, mem: &M) -> Result<u64, Fault> {
        self.read(mem).map(u64::from_le_bytes)
    }

    /// Copies out bytes.
    ///
    /// # Errors
    /// The refused access; nothing was written then.
    pub fn write<M: AddressSpace>(self, mem: &mut M, data: &[u8]) -> Result<(), Fault> {
        mem.write(self.0, data)
    }

    /// Copies out a little-endian u32.
    ///
    /// # Errors
    /// The refused access; nothing was written then.
    pub fn write_u32<M: AddressSpace>(self, mem: &mut M, value: u32) -> Result<(), Fault> {
        mem.store(self.0, value.to_le_bytes())
    }

    /// Copies out a little-endian u64.
    ///
    /// # Errors
    /// The refused access; nothing was written then.
    pub fn write_u64<M: AddressSpace>(self, mem: &mut M, value: u64) -> Result<(), Fault> {
        mem.store(self.0, value.to_le_bytes())
    }
}
