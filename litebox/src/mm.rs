//! The book of mappings over an address space: who lies where, and where there is room.
//!
//! ```text
//! 0        limits.start                                              limits.end
//! |  never |  free  [guard][ region ][guard]  free  [region][region]  |
//! ```
//! The book and the address space change together or not at all.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::mem::{AddressSpace, Fault, MapError, PAGE_SIZE, Prot};

/// What a region is for, in the words of the North that made it.
pub type Label = u16;

/// A mapping.
#[derive(Clone, Debug)]
pub struct Region<S> {
    /// Bytes, a multiple of the page size.
    pub len: u64,
    /// What the guest may do with it.
    pub prot: Prot,
    /// What it is for.
    pub label: Label,
    /// The shared memory behind it and the offset into it, or private pages.
    pub shared: Option<(S, u64)>,
}

/// Where a mapping shall lie.
#[derive(Clone, Copy, Debug)]
pub enum Placement {
    /// Exactly here.
    At(u64),
    /// The lowest room at or above the address, with this many free bytes before and behind.
    Above {
        /// Lowest address.
        hint: u64,
        /// Bytes kept free before it and behind it.
        guard: u64,
    },
}

/// Rounds up to a page, or `None` on overflow.
#[must_use]
pub const fn page_up(len: u64) -> Option<u64> {
    match len.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(sum & !(PAGE_SIZE - 1)),
        None => None,
    }
}

/// Rounds down to a page.
#[must_use]
pub const fn page_down(addr: u64) -> u64 {
    addr & !(PAGE_SIZE - 1)
}

/// An address space and the book of what is mapped in it.
#[derive(Debug)]
pub struct Mm<A: AddressSpace> {
    space: A,
    regions: BTreeMap<u64, Region<A::Shared>>,
}

/// The private content and the book of a moment.
#[derive(Clone, Debug)]
pub struct MmSnapshot<S> {
    regions: BTreeMap<u64, Region<S>>,
    content: Vec<(u64, Vec<u8>)>,
}

impl<A: AddressSpace> Mm<A> {
    /// An empty book over an address space with nothing mapped.
    pub const fn new(space: A) -> Self {
        Self {
            space,
            regions: BTreeMap::new(),
        }
    }

    /// Guest memory, for reading and checking.
    pub const fn space(&self) -> &A {
        &self.space
    }

    /// Guest memory, for running and writing. Mappings are changed through the book alone.
    pub const fn space_mut(&mut self) -> &mut A {
        &mut self.space
    }

    /// Every mapping with its start, by ascending address.
    pub fn regions(&self) -> impl Iterator<Item = (u64, &Region<A::Shared>)> {
        self.regions.iter().map(|(start, region)| (*start, region))
    }

    /// The mapping that holds an address.
    pub fn region_at(&self, addr: u64) -> Option<(u64, &Region<A::Shared>)> {
        let (start, region) = self.regions.range(..=addr).next_back()?;
        (addr - start < region.len).then_some((*start, region))
    }

    /// Where a mapping of `len` bytes, rounded up to pages, would lie.
    ///
    /// # Errors
    /// [`MapError::BadRange`] or [`MapError::NoRoom`].
    pub fn room(&self, place: Placement, len: u64) -> Result<u64, MapError> {
        self.find(place, len).map(|range| range.start)
    }

    /// Maps zeroed private pages and tells where. `len` is rounded up to pages.
    ///
    /// # Errors
    /// [`MapError`]; nothing is mapped then.
    pub fn map(
        &mut self,
        place: Placement,
        len: u64,
        prot: Prot,
        label: Label,
    ) -> Result<u64, MapError> {
        let range = self.find(place, len)?;
        self.space.map(range.clone(), prot)?;
        let len = range.end - range.start;
        self.regions.insert(
            range.start,
            Region {
                len,
                prot,
                label,
                shared: None,
            },
        );
        Ok(range.start)
    }

    /// Maps shared memory from its page-aligned offset and tells where.
    ///
    /// # Errors
    /// [`MapError`]; nothing is mapped then.
    pub fn map_shared(
        &mut self,
        place: Placement,
        len: u64,
        prot: Prot,
        label: Label,
        shared: &A::Shared,
        offset: u64,
    ) -> Result<u64, MapError> {
        let range = self.find(place, len)?;
        self.space.map_shared(range.clone(), prot, shared, offset)?;
        let len = range.end - range.start;
        let region = Region {
            len,
            prot,
            label,
            shared: Some((shared.clone(), offset)),
        };
        self.regions.insert(range.start, region);
        Ok(range.start)
    }

    /// Unmaps the whole mapping that starts here.
    ///
    /// # Errors
    /// [`MapError::BadRange`] when none does.
    pub fn unmap(&mut self, start: u64) -> Result<(), MapError> {
        let region = self.regions.get(&start).ok_or(MapError::BadRange)?;
        self.space.unmap(start..start + region.len)?;
        self.regions.remove(&start);
        Ok(())
    }

    /// Changes the protection of the whole mapping that starts here.
    ///
    /// # Errors
    /// [`MapError::BadRange`] when none does.
    pub fn protect(&mut self, start: u64, prot: Prot) -> Result<(), MapError> {
        let region = self.regions.get_mut(&start).ok_or(MapError::BadRange)?;
        self.space.protect(start..start + region.len, prot)?;
        region.prot = prot;
        Ok(())
    }

    fn find(&self, place: Placement, len: u64) -> Result<Range<u64>, MapError> {
        let len = page_up(len)
            .filter(|len| *len > 0)
            .ok_or(MapError::BadRange)?;
        let limits = self.space.limits();
        let (hint, guard) = match place {
            Placement::At(start) => {
                let end = start.checked_add(len).ok_or(MapError::BadRange)?;
                if start % PAGE_SIZE != 0 || start < limits.start || end > limits.end {
                    return Err(MapError::BadRange);
                }
                return if self.is_free(&(start..end)) {
                    Ok(start..end)
                } else {
                    Err(MapError::NoRoom)
                };
            }
            Placement::Above { hint, guard } => (hint.max(limits.start), guard),
        };
        let guard = page_up(guard).ok_or(MapError::BadRange)?;
        let need = len.checked_add(guard).and_then(|n| n.checked_add(guard));
        let need = need.ok_or(MapError::NoRoom)?;
        let mut at = page_up(hint).ok_or(MapError::NoRoom)?;
        if let Some((start, region)) = self.region_at(at) {
            at = start + region.len;
        }
        loop {
            let end = at
                .checked_add(need)
                .filter(|end| *end <= limits.end)
                .ok_or(MapError::NoRoom)?;
            match self.regions.range(at..end).next() {
                None => return Ok(at + guard..at + guard + len),
                Some((start, region)) => at = start + region.len,
            }
        }
    }

    fn is_free(&self, range: &Range<u64>) -> bool {
        self.region_at(range.start).is_none()
            && self.regions.range(range.start..range.end).next().is_none()
    }

    /// The book and the content of every private mapping.
    ///
    /// # Errors
    /// A page of the book that the address space does not hold: a defect of the South.
    pub fn snapshot(&self) -> Result<MmSnapshot<A::Shared>, Fault> {
        let mut content = Vec::new();
        for (start, region) in self.regions.iter().filter(|(_, r)| r.shared.is_none()) {
            let mut bytes = vec![0; usize::try_from(region.len).unwrap_or(0)];
            self.space.peek(*start, &mut bytes)?;
            content.push((*start, bytes));
        }
        Ok(MmSnapshot {
            regions: self.regions.clone(),
            content,
        })
    }

    /// Brings back the book and the private content of a snapshot of this address space.
    ///
    /// # Errors
    /// [`MapError`] when the host refuses a mapping; the address space is then unusable.
    pub fn restore(&mut self, snapshot: &MmSnapshot<A::Shared>) -> Result<(), MapError> {
        let gone: Vec<u64> = self
            .regions
            .iter()
            .filter(|(start, now)| {
                snapshot.regions.get(start).is_none_or(|then| {
                    then.len != now.len || then.shared.is_some() || now.shared.is_some()
                })
            })
            .map(|(start, _)| *start)
            .collect();
        for start in gone {
            self.unmap(start)?;
        }
        for (start, then) in &snapshot.regions {
            match self.regions.get(start) {
                Some(now) if now.prot == then.prot => {}
                Some(_) => self.protect(*start, then.prot)?,
                None => match &then.shared {
                    None => {
                        self.map(Placement::At(*start), then.len, then.prot, then.label)?;
                    }
                    Some((shared, offset)) => {
                        let at = Placement::At(*start);
                        self.map_shared(at, then.len, then.prot, then.label, shared, *offset)?;
                    }
                },
            }
        }
        for (start, bytes) in &snapshot.content {
            self.space.poke(*start, bytes).map_err(|_| MapError::Host)?;
        }
        Ok(())
    }
}
