//! The address-space seam: what the South offers as guest memory.
//!
//! Guest addresses are numbers with no relation to host addresses. Every access by a guest or on
//! its behalf is checked against the protection of each page it touches; what is not mapped
//! faults with the guest address, and host memory is out of reach by construction.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Bytes in a page.
pub const PAGE_SIZE: u64 = 4096;

/// What a page may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Prot(u8);

impl Prot {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Reading.
    pub const R: Self = Self(1);
    /// Writing.
    pub const W: Self = Self(2);
    /// Executing.
    pub const X: Self = Self(4);
    /// Reading and writing.
    pub const RW: Self = Self(3);
    /// Reading and executing.
    pub const RX: Self = Self(5);

    /// Both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is allowed.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// As bits: 1 read, 2 write, 4 execute.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From bits; higher ones are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }
}

impl fmt::Debug for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, c) in [(Self::R, "r"), (Self::W, "w"), (Self::X, "x")] {
            f.write_str(if self.contains(bit) { c } else { "-" })?;
        }
        Ok(())
    }
}

/// What was attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// Why an access faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is mapped at the address.
    Unmapped,
    /// The page forbids the access.
    Permission,
    /// The address is not aligned as the access demands.
    Alignment,
}

/// A refused access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first guest address that could not be accessed.
    pub addr: u64,
    /// What was attempted.
    pub access: Access,
    /// Why it was refused.
    pub kind: FaultKind,
}

/// A mapping could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The range is empty, not page-aligned, or outside the address space.
    BadRange,
    /// The range is in use, or no free range is large enough.
    NoRoom,
    /// The host refused.
    Host,
}

/// Guest memory as one span of host memory, for engines that emit host code.
///
/// The host span `[base, base + len)` stays reserved for the address space's life. Guest address
/// `a < len` lies at host address `base + a`; host page protections follow the guest's, so an access
/// the guest may not make raises a host fault within the span. Pages are executable by the host only
/// where `base` is 0: there the guest's code runs natively.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Host address of guest address 0.
    pub base: usize,
    /// Bytes in the span, a power of two.
    pub len: u64,
    /// Host address of one byte a page, in order: bit 0 says that the guest may read it, bit 1
    /// that it may write it, bit 2 that it may execute it; others are the South's.
    pub pages: usize,
}

/// Guest memory.
pub trait AddressSpace: 'static {
    /// A piece of memory that can be mapped in several address spaces at once.
    type Shared: Clone;

    /// The page-aligned range in which mappings may be made.
    fn limits(&self) -> Range<u64>;

    /// Maps zeroed private pages. The range must be free.
    ///
    /// # Errors
    /// [`MapError`]; nothing is mapped then.
    fn map(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError>;

    /// Maps pages of shared memory from its page-aligned `offset`. The range must be free.
    ///
    /// # Errors
    /// [`MapError`]; nothing is mapped then.
    fn map_shared(
        &mut self,
        range: Range<u64>,
        prot: Prot,
        shared: &Self::Shared,
        offset: u64,
    ) -> Result<(), MapError>;

    /// Makes new zeroed shared memory of `len` bytes, rounded up to pages.
    ///
    /// # Errors
    /// [`MapError::Host`] when the host has none.
    fn new_shared(&mut self, len: u64) -> Result<Self::Shared, MapError>;

    /// Changes the protection of mapped pages.
    ///
    /// # Errors
    /// [`MapError`] when a page of the range is not mapped.
    fn protect(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError>;

    /// Unmaps; pages that are not mapped are passed over.
    ///
    /// # Errors
    /// [`MapError::BadRange`].
    fn unmap(&mut self, range: Range<u64>) -> Result<(), MapError>;

    /// Copies out what the guest may read.
    ///
    /// # Errors
    /// The first address that may not be read; `out` is unspecified then.
    fn read(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault>;

    /// Copies in where the guest may write.
    ///
    /// # Errors
    /// The first address that may not be written; no byte is written then.
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault>;

    /// Copies out what the guest may execute.
    ///
    /// # Errors
    /// The first address that may not be executed.
    fn fetch(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault>;

    /// Copies in whatever the protection of the mapped pages: for loaders and debuggers.
    ///
    /// # Errors
    /// The first address that is not mapped; no byte is written then.
    fn poke(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault>;

    /// Copies out whatever the protection of the mapped pages: for dumps and snapshots.
    ///
    /// # Errors
    /// The first address that is not mapped.
    fn peek(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault>;

    /// Loads `N` bytes; the hot path of an interpreter.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    #[inline]
    fn load<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        self.read(addr, &mut out)?;
        Ok(out)
    }

    /// Stores `N` bytes; the hot path of an interpreter.
    ///
    /// # Errors
    /// As [`AddressSpace::write`].
    #[inline]
    fn store<const N: usize>(&mut self, addr: u64, data: [u8; N]) -> Result<(), Fault> {
        self.write(addr, &data)
    }

    /// Replaces `old` by `new` atomically, also against other users of shared memory.
    /// Tells whether it did. `addr` is aligned to `N`, a power of two of at most 16.
    ///
    /// # Errors
    /// As [`AddressSpace::write`].
    fn compare_exchange<const N: usize>(
        &mut self,
        addr: u64,
        old: [u8; N],
        new: [u8; N],
    ) -> Result<bool, Fault>;

    /// A number that changes whenever executable content or its mapping may have changed: what was
    /// decoded or translated under another number is stale.
    fn code_epoch(&self) -> u64;

    /// The host span behind guest memory, where there is one.
    fn window(&self) -> Option<Window> {
        None
    }

    /// Reads `len` bytes into a vector, refusing sizes larger than the address space.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn read_vec(&self, addr: u64, len: u64) -> Result<Vec<u8>, Fault> {
        let unmapped = Fault {
            addr,
            access: Access::Read,
            kind: FaultKind::Unmapped,
        };
        let limits = self.limits();
        let end = addr.checked_add(len).ok_or(unmapped)?;
        if end > limits.end {
            return Err(unmapped);
        }
        let len = usize::try_from(len).map_err(|_| unmapped)?;
        self.check(addr..end, Access::Read)?;
        let mut out = vec![0; len];
        self.read(addr, &mut out)?;
        Ok(out)
    }

    /// Whether every byte of a range may be accessed so.
    ///
    /// # Errors
    /// The first address that may not.
    fn check(&self, range: Range<u64>, access: Access) -> Result<(), Fault>;
}
