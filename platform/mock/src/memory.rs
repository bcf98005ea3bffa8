//! Guest memory as a map of pages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use litebox::{Access, AddressSpace, Fault, FaultKind, MapError, PAGE_SIZE, Prot};

const PAGE: usize = PAGE_SIZE as usize;
/// Where mappings may lie: the first 64 KiB are never mapped, so that NULL faults.
const LIMITS: Range<u64> = 0x1_0000..0x1_0000_0000;

type Page = Rc<RefCell<[u8; PAGE]>>;

/// Shared memory as its pages.
#[derive(Clone, Debug)]
pub struct MockShared(Vec<Page>);

impl PartialEq for MockShared {
    /// Whether both are the same memory.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| Rc::ptr_eq(a, b))
    }
}

impl Eq for MockShared {}

impl MockShared {
    /// Copies `len` bytes from `offset`; what lies beyond the end reads as zero.
    #[must_use]
    pub fn read(&self, offset: usize, len: usize) -> Vec<u8> {
        (offset..offset + len)
            .map(|at| {
                self.0
                    .get(at / PAGE)
                    .map_or(0, |page| page.borrow()[at % PAGE])
            })
            .collect()
    }

    /// Copies bytes to `offset`; what lies beyond the end is dropped.
    pub fn write(&self, offset: usize, data: &[u8]) {
        for (at, byte) in (offset..).zip(data) {
            if let Some(page) = self.0.get(at / PAGE) {
                page.borrow_mut()[at % PAGE] = *byte;
            }
        }
    }
}

/// Guest memory as a map of pages.
#[derive(Debug, Default)]
pub struct MockSpace {
    pages: BTreeMap<u64, (Prot, Page)>,
    epoch: u64,
}

impl MockSpace {
    /// With nothing mapped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn page(&self, addr: u64, need: Prot, access: Access) -> Result<&Page, Fault> {
        match self.pages.get(&(addr / PAGE_SIZE)) {
            None => Err(Fault {
                addr,
                access,
                kind: FaultKind::Unmapped,
            }),
            Some((prot, page)) if prot.contains(need) => Ok(page),
            Some(_) => Err(Fault {
                addr,
                access,
                kind: FaultKind::Permission,
            }),
        }
    }

    /// Visits the pieces of a range page by page, after checking all of it.
    fn pieces(
        &self,
        addr: u64,
        len: usize,
        need: Prot,
        access: Access,
        mut visit: impl FnMut(&Page, usize, Range<usize>),
    ) -> Result<(), Fault> {
        for pass in 0..2 {
            let mut done = 0;
            while done < len {
                let at = addr.checked_add(done as u64).ok_or(Fault {
                    addr,
                    access,
                    kind: FaultKind::Unmapped,
                })?;
                let page = self.page(at, need, access)?;
                let inside = (at % PAGE_SIZE) as usize;
                let n = (PAGE - inside).min(len - done);
                if pass == 1 {
                    visit(page, inside, done..done + n);
                }
                done += n;
            }
        }
        Ok(())
    }

    fn put(&mut self, addr: u64, data: &[u8], need: Prot) -> Result<(), Fault> {
        self.pieces(addr, data.len(), need, Access::Write, |page, at, range| {
            page.borrow_mut()[at..at + range.len()].copy_from_slice(&data[range]);
        })
    }

    fn get(&self, addr: u64, out: &mut [u8], need: Prot, access: Access) -> Result<(), Fault> {
        self.pieces(addr, out.len(), need, access, |page, at, range| {
            let n = range.len();
            out[range].copy_from_slice(&page.borrow()[at..at + n]);
        })
    }

    fn numbers(&self, range: &Range<u64>) -> Result<Range<u64>, MapError> {
        let aligned = range.start.is_multiple_of(PAGE_SIZE) && range.end.is_multiple_of(PAGE_SIZE);
        if !aligned
            || range.start >= range.end
            || range.start < LIMITS.start
            || range.end > LIMITS.end
        {
            return Err(MapError::BadRange);
        }
        Ok(range.start / PAGE_SIZE..range.end / PAGE_SIZE)
    }

    fn insert(
        &mut self,
        range: &Range<u64>,
        prot: Prot,
        mut page: impl FnMut(u64) -> Option<Page>,
    ) -> Result<(), MapError> {
        let numbers = self.numbers(range)?;
        if self.pages.range(numbers.clone()).next().is_some() {
            return Err(MapError::NoRoom);
        }
        let pages: Option<Vec<Page>> = numbers.clone().map(|n| page(n - numbers.start)).collect();
        for (number, page) in numbers.zip(pages.ok_or(MapError::BadRange)?) {
            self.pages.insert(number, (prot, page));
        }
        self.epoch += 1;
        Ok(())
    }
}

fn fresh() -> Page {
    Rc::new(RefCell::new([0; PAGE]))
}

impl AddressSpace for MockSpace {
    type Shared = MockShared;

    fn limits(&self) -> Range<u64> {
        LIMITS
    }

    fn map(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError> {
        self.insert(&range, prot, |_| Some(fresh()))
    }

    fn map_shared(
        &mut self,
        range: Range<u64>,
        prot: Prot,
        shared: &MockShared,
        offset: u64,
    ) -> Result<(), MapError> {
        if !offset.is_multiple_of(PAGE_SIZE) {
            return Err(MapError::BadRange);
        }
        let first = (offset / PAGE_SIZE) as usize;
        self.insert(&range, prot, |n| shared.0.get(first + n as usize).cloned())
    }

    fn new_shared(&mut self, len: u64) -> Result<MockShared, MapError> {
        Ok(MockShared(
            (0..len.div_ceil(PAGE_SIZE)).map(|_| fresh()).collect(),
        ))
    }

    fn protect(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError> {
        let numbers = self.numbers(&range)?;
        if numbers.clone().any(|n| !self.pages.contains_key(&n)) {
            return Err(MapError::BadRange);
        }
        for (_, (now, _)) in self.pages.range_mut(numbers) {
            *now = prot;
        }
        self.epoch += 1;
        Ok(())
    }

    fn unmap(&mut self, range: Range<u64>) -> Result<(), MapError> {
        for number in self.numbers(&range)? {
            self.pages.remove(&number);
        }
        self.epoch += 1;
        Ok(())
    }

    fn read(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.get(addr, out, Prot::R, Access::Read)
    }

    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.put(addr, data, Prot::W)
    }

    fn fetch(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.get(addr, out, Prot::X, Access::Execute)
    }

    fn poke(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.epoch += 1;
        self.put(addr, data, Prot::NONE)
    }

    fn peek(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.get(addr, out, Prot::NONE, Access::Read)
    }

    fn compare_exchange<const N: usize>(
        &mut self,
        addr: u64,
        old: [u8; N],
        new: [u8; N],
    ) -> Result<bool, Fault> {
        self.check(addr..addr + N as u64, Access::Write)?;
        let mut now = [0; N];
        self.peek(addr, &mut now)?;
        if now != old {
            return Ok(false);
        }
        self.write(addr, &new)?;
        Ok(true)
    }

    fn code_epoch(&self) -> u64 {
        self.epoch
    }

    fn check(&self, range: Range<u64>, access: Access) -> Result<(), Fault> {
        let need = match access {
            Access::Read => Prot::R,
            Access::Write => Prot::W,
            Access::Execute => Prot::X,
        };
        let mut at = range.start;
        while at < range.end {
            self.page(at, need, access)?;
            at = (at / PAGE_SIZE + 1) * PAGE_SIZE;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use litebox::{Mm, Placement};

    #[test]
    fn a_fault_names_the_first_refused_byte() {
        let mut m = MockSpace::new();
        m.map(0x10000..0x11000, Prot::RW).unwrap();
        let fault = m.write(0x10ffe, &[1; 4]).unwrap_err();
        assert_eq!(
            fault,
            Fault {
                addr: 0x11000,
                access: Access::Write,
                kind: FaultKind::Unmapped
            }
        );
        assert_eq!(m.load::<2>(0x10ffe), Ok([0, 0]));
    }

    #[test]
    fn shared_pages_are_seen_at_both_places() {
        let mut m = MockSpace::new();
        let s = m.new_shared(5000).unwrap();
        m.map_shared(0x10000..0x12000, Prot::RW, &s, 0).unwrap();
        m.map_shared(0x20000..0x21000, Prot::R, &s, 4096).unwrap();
        m.write(0x11000, b"hi").unwrap();
        assert_eq!(m.load(0x20000), Ok(*b"hi"));
        assert_eq!(s.read(4096, 2), b"hi");
        assert!(m.write(0x20000, b"x").is_err());
    }

    #[test]
    fn a_snapshot_brings_back_content_and_book() {
        let mut mm = Mm::new(MockSpace::new());
        let a = mm
            .map(
                Placement::Above {
                    hint: 0,
                    guard: 4096,
                },
                10,
                Prot::RW,
                1,
            )
            .unwrap();
        mm.space_mut().write(a, b"before").unwrap();
        let snapshot = mm.snapshot().unwrap();
        mm.space_mut().write(a, b"after!").unwrap();
        let b = mm
            .map(
                Placement::Above {
                    hint: 0,
                    guard: 4096,
                },
                10,
                Prot::RW,
                2,
            )
            .unwrap();
        assert!(b > a);
        mm.restore(&snapshot).unwrap();
        assert_eq!(mm.space().load(a), Ok(*b"before"));
        assert!(mm.region_at(b).is_none());
    }
}
