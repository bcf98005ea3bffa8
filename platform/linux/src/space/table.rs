//! What each page of guest memory allows: one byte a page, consulted on every access.

use core::ops::Range;

use litebox::{Access, Fault, FaultKind, PAGE_SIZE, Prot};

use super::window::LEN;

/// Pages of the address space.
const PAGES: usize = (LEN / PAGE_SIZE) as usize;
/// Set in the byte of every mapped page, whatever its protection.
const MAPPED: u8 = 8;
/// Set in the byte of pages of shared memory.
const SHARED: u8 = 16;
/// The bits of a byte that are the page's protection.
const PROT: u8 = 7;

/// What is known of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page(u8);

impl Page {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn private(prot: Prot) -> Self {
        Self(prot.bits() | MAPPED)
    }

    pub(super) const fn shared(prot: Prot) -> Self {
        Self(prot.bits() | MAPPED | SHARED)
    }

    pub(super) const fn prot(self) -> Prot {
        Prot::from_bits(self.0)
    }

    pub(super) const fn is_mapped(self) -> bool {
        self.0 & MAPPED != 0
    }

    pub(super) const fn is_shared(self) -> bool {
        self.0 & SHARED != 0
    }
}

/// The protection that an access needs.
pub(super) const fn needed(access: Access) -> Prot {
    match access {
        Access::Read => Prot::R,
        Access::Write => Prot::W,
        Access::Execute => Prot::X,
    }
}

/// One byte a page.
#[derive(Debug)]
pub(super) struct Table(Box<[u8; PAGES]>);

impl Table {
    /// With nothing mapped. The memory is the kernel's zero page until it is written to.
    pub(super) fn new() -> Option<Self> {
        vec![0; PAGES].into_boxed_slice().try_into().ok().map(Self)
    }

    /// Whether `len` bytes at `addr` lie in one page of which, of the bits in `mask`, exactly
    /// those in `want` are set. `false` says nothing about accesses that cross into another page.
    #[inline(always)]
    pub(super) fn is(&self, addr: u64, len: usize, mask: Prot, want: Prot) -> bool {
        let in_one_page = addr % PAGE_SIZE <= PAGE_SIZE - len as u64;
        let page = self.0.get((addr / PAGE_SIZE) as usize);
        in_one_page && page.is_some_and(|byte| byte & mask.bits() == want.bits())
    }

    /// Host address of the first page's byte.
    pub(super) fn host_address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// What is known of the page that holds an address.
    pub(super) fn page(&self, addr: u64) -> Page {
        let number = usize::try_from(addr / PAGE_SIZE).unwrap_or(usize::MAX);
        self.0.get(number).map_or(Page::NONE, |byte| Page(*byte))
    }

    /// Sets what is known of the pages of an aligned range.
    pub(super) fn set(&mut self, range: &Range<u64>, page: Page) {
        if let Some(bytes) = self.0.get_mut(numbers(range)) {
            bytes.fill(page.0);
        }
    }

    /// Changes the protection of the pages of an aligned range.
    pub(super) fn protect(&mut self, range: &Range<u64>, prot: Prot) {
        for byte in self.0.get_mut(numbers(range)).into_iter().flatten() {
            *byte = *byte & !PROT | prot.bits();
        }
    }

    /// The runs of equal pages of a range, each cut to the range.
    pub(super) fn runs(&self, range: Range<u64>) -> Runs<'_> {
        Runs {
            table: self,
            rest: range,
        }
    }

    /// The first address of a range whose page does not satisfy the condition, with that page.
    pub(super) fn first_not(
        &self,
        range: Range<u64>,
        condition: impl Fn(Page) -> bool,
    ) -> Option<(u64, Page)> {
        let mut at = range.start;
        while at < range.end {
            let page = self.page(at);
            if !condition(page) {
                return Some((at, page));
            }
            // Beyond the end of the table every page is unmapped, so this does not overflow.
            at = (at / PAGE_SIZE).saturating_add(1).saturating_mul(PAGE_SIZE);
        }
        None
    }

    /// Checks that `len` bytes allow an access.
    pub(super) fn check(&self, addr: u64, len: u64, access: Access) -> Result<(), Fault> {
        let need = needed(access);
        self.demand(addr, len, access, |page| page.prot().contains(need))
    }

    /// Checks that `len` bytes are mapped.
    pub(super) fn check_mapped(&self, addr: u64, len: u64, access: Access) -> Result<(), Fault> {
        self.demand(addr, len, access, Page::is_mapped)
    }

    fn demand(
        &self,
        addr: u64,
        len: u64,
        access: Access,
        condition: impl Fn(Page) -> bool,
    ) -> Result<(), Fault> {
        // A range that does not fit in 64 bits begins far beyond the last page.
        let refused = match addr.checked_add(len) {
            Some(end) => self.first_not(addr..end, condition),
            None => Some((addr, Page::NONE)),
        };
        refused.map_or(Ok(()), |(addr, page)| {
            let kind = if page.is_mapped() {
                FaultKind::Permission
            } else {
                FaultKind::Unmapped
            };
            Err(Fault { addr, access, kind })
        })
    }
}

/// The page numbers of an aligned range.
fn numbers(range: &Range<u64>) -> Range<usize> {
    (range.start / PAGE_SIZE) as usize..(range.end / PAGE_SIZE) as usize
}

/// Iterates over runs of equal pages.
pub(super) struct Runs<'a> {
    table: &'a Table,
    rest: Range<u64>,
}

impl Iterator for Runs<'_> {
    type Item = (Range<u64>, Page);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let start = self.rest.start;
        let page = self.table.page(start);
        let other = self
            .table
            .first_not(self.rest.clone(), |other| other == page);
        let end = other.map_or(self.rest.end, |(at, _)| at);
        self.rest.start = end;
        Some((start..end, page))
    }
}
