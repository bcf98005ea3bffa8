//! Guest memory on Linux: a host window of 4 GiB and a table with the protection of each page.
//!
//! Every access is checked against the table before host memory is touched, so a guest's wild
//! pointer is a [`Fault`] and not a signal. The host's protections follow the table as well (never
//! executable, but in a native space): translated code may rely on either.
//!
//! Shared memory is never executable: another process could change code that was already decoded.

mod shared;
mod table;
mod window;

use core::ops::Range;
use std::os::fd::AsFd;

use litebox::{Access, AddressSpace, Fault, FaultKind, MapError, PAGE_SIZE, Prot};
use thiserror::Error;

use crate::Errno;
pub use shared::{LinuxShared, SharedError};
use table::{Page, Table};
use window::Window;

/// Where mappings may begin: the first 64 KiB are never mapped, so that NULL faults.
const START: u64 = 0x1_0000;
/// Where they may lie when the guest's code runs natively: what is below and above belongs to the
/// native processor.
pub(crate) const NATIVE: Range<u64> = 0x2_0000..0xffff_0000;
const WX: Prot = Prot::W.union(Prot::X);

/// Why this host cannot hold guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpaceError {
    /// 4 GiB of addresses could not be reserved.
    #[error("cannot reserve 4 GiB of addresses: {0}")]
    Reserve(Errno),
    /// The table of protections could not be allocated.
    #[error("cannot allocate the table of page protections")]
    Table,
    /// The processor cannot exchange 16 bytes atomically.
    #[error("the processor lacks the instruction cmpxchg16b")]
    Processor,
}

/// Guest memory: addresses from 64 KiB to 4 GiB, or a little less at both ends when native.
#[derive(Debug)]
pub struct LinuxSpace {
    window: Window,
    table: Table,
    epoch: u64,
    limits: Range<u64>,
}

impl LinuxSpace {
    /// With nothing mapped.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn new() -> Result<Self, SpaceError> {
        Self::with(Window::reserve(), START..window::LEN)
    }

    /// With nothing mapped, at host addresses that equal the guest's, and executable by the host
    /// where it is by the guest: for code that runs natively. There is one in a process.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn new_native() -> Result<Self, SpaceError> {
        Self::with(Window::reserve_native(NATIVE), NATIVE)
    }

    fn with(window: Result<Window, Errno>, limits: Range<u64>) -> Result<Self, SpaceError> {
        if !std::arch::is_x86_feature_detected!("cmpxchg16b") {
            return Err(SpaceError::Processor);
        }
        Ok(Self {
            window: window.map_err(SpaceError::Reserve)?,
            table: Table::new().ok_or(SpaceError::Table)?,
            epoch: 0,
            limits,
        })
    }

    fn bump(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Bumps the epoch when a range holds executable pages.
    fn bump_if_code(&mut self, range: Range<u64>) {
        let code = |page: Page| page.prot().contains(Prot::X);
        if self.table.first_not(range, |page| !code(page)).is_some() {
            self.bump();
        }
    }

    /// Copies out of mapped pages, also of those that the host may not read at the moment.
    fn copy_out(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        let range = addr..addr.saturating_add(out.len() as u64);
        self.opened(range, |prot| self.window.is_readable(prot), Prot::R)
            .map_err(|addr| refused(addr, Access::Read))?
            .copy_out(addr, out);
        Ok(())
    }

    /// Copies into mapped pages, also into those that the host may not write at the moment.
    fn copy_in(&self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        let range = addr..addr.saturating_add(data.len() as u64);
        self.opened(range, |prot| prot.contains(Prot::W), Prot::RW)
            .map_err(|addr| refused(addr, Access::Write))?
            .copy_in(addr, data);
        Ok(())
    }

    /// Lets the host access every page of a range for as long as the answer lives. The error is
    /// the first address where it may not.
    fn opened(
        &self,
        range: Range<u64>,
        enough: impl Fn(Prot) -> bool,
        prot: Prot,
    ) -> Result<Opened<'_>, u64> {
        let mut opened = Opened {
            space: self,
            range: range.start..range.start,
        };
        for (run, page) in self.table.runs(range) {
            if !enough(page.prot()) {
                opened.range.end = run.end;
                let done = self.window.protect(&whole_pages(&run), prot);
                done.map_err(|_| run.start)?;
            }
        }
        Ok(opened)
    }

    /// Brings the host's protections back to what the table says. A host that refuses leaves
    /// pages more or less open than that; each access is checked against the table all the same.
    fn settle(&self, range: Range<u64>) {
        for (run, page) in self.table.runs(whole_pages(&range)) {
            if page.is_mapped() {
                let _ = self.window.protect(&run, page.prot());
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        self.read(addr, &mut out)?;
        Ok(out)
    }

    #[cold]
    #[inline(never)]
    fn store_slowly(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.write(addr, data)
    }

    fn aligned(&self, range: &Range<u64>) -> Result<(), MapError> {
        let pages = range.start.is_multiple_of(PAGE_SIZE) && range.end.is_multiple_of(PAGE_SIZE);
        let inside = self.limits.start <= range.start && range.end <= self.limits.end;
        if pages && inside && range.start < range.end {
            Ok(())
        } else {
            Err(MapError::BadRange)
        }
    }

    /// The checks that every new mapping passes first.
    fn free(&self, range: &Range<u64>) -> Result<(), MapError> {
        self.aligned(range)?;
        let used = self
            .table
            .first_not(range.clone(), |page| !page.is_mapped());
        used.map_or(Ok(()), |_| Err(MapError::NoRoom))
    }
}

const fn refused(addr: u64, access: Access) -> Fault {
    Fault {
        addr,
        access,
        kind: FaultKind::Permission,
    }
}

/// Pages that the host may access beyond what the table says, until this is dropped.
struct Opened<'a> {
    space: &'a LinuxSpace,
    range: Range<u64>,
}

impl Opened<'_> {
    fn copy_out(&self, addr: u64, out: &mut [u8]) {
        self.space.window.copy_out(addr, out);
    }

    fn copy_in(&self, addr: u64, data: &[u8]) {
        self.space.window.copy_in(addr, data);
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if !self.range.is_empty() {
            self.space.settle(self.range.clone());
        }
    }
}

/// The aligned range around a range that lies in the address space.
fn whole_pages(range: &Range<u64>) -> Range<u64> {
    let end = range.end.min(window::LEN);
    litebox::mm::page_down(range.start)..litebox::mm::page_up(end).unwrap_or(end)
}

impl AddressSpace for LinuxSpace {
    type Shared = LinuxShared;

    fn limits(&self) -> Range<u64> {
        self.limits.clone()
    }

    fn map(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError> {
        self.free(&range)?;
        self.window.map(&range, prot).map_err(|_| MapError::Host)?;
        self.table.set(&range, Page::private(prot));
        self.bump_if_code(range);
        Ok(())
    }

    fn map_shared(
        &mut self,
        range: Range<u64>,
        prot: Prot,
        shared: &LinuxShared,
        offset: u64,
    ) -> Result<(), MapError> {
        if !offset.is_multiple_of(PAGE_SIZE) {
            return Err(MapError::BadRange);
        }
        self.free(&range)?;
        let end = offset.checked_add(range.end - range.start);
        let room = litebox::mm::page_up(shared.len());
        if end.is_none() || end > room {
            return Err(MapError::BadRange);
        }
        if prot.contains(Prot::X) {
            return Err(MapError::Host);
        }
        let mapped = self.window.map_shared(&range, prot, shared.as_fd(), offset);
        mapped.map_err(|_| MapError::Host)?;
        self.table.set(&range, Page::shared(prot));
        Ok(())
    }

    fn new_shared(&mut self, len: u64) -> Result<LinuxShared, MapError> {
        LinuxShared::new(len).map_err(|_| MapError::Host)
    }

    fn protect(&mut self, range: Range<u64>, prot: Prot) -> Result<(), MapError> {
        self.aligned(&range)?;
        if self
            .table
            .first_not(range.clone(), Page::is_mapped)
            .is_some()
        {
            return Err(MapError::BadRange);
        }
        let shared = self
            .table
            .first_not(range.clone(), |page| !page.is_shared());
        if prot.contains(Prot::X) && shared.is_some() {
            return Err(MapError::Host);
        }
        if self.window.protect(&range, prot).is_err() {
            self.settle(range);
            return Err(MapError::Host);
        }
        self.bump_if_code(range.clone());
        self.table.protect(&range, prot);
        self.bump_if_code(range);
        Ok(())
    }

    fn unmap(&mut self, range: Range<u64>) -> Result<(), MapError> {
        self.aligned(&range)?;
        // The host refuses only when the process has too many mappings; pages that stay behind
        // are out of the table and therefore out of reach, but cannot be mapped again.
        self.window.unmap(&range).map_err(|_| MapError::Host)?;
        self.bump_if_code(range.clone());
        self.table.set(&range, Page::NONE);
        Ok(())
    }

    fn read(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.table.check(addr, out.len() as u64, Access::Read)?;
        self.window.copy_out(addr, out);
        Ok(())
    }

    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        let len = data.len() as u64;
        self.table.check(addr, len, Access::Write)?;
        self.window.copy_in(addr, data);
        self.bump_if_code(addr..addr.saturating_add(len));
        Ok(())
    }

    fn fetch(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.table.check(addr, out.len() as u64, Access::Execute)?;
        self.copy_out(addr, out)
    }

    fn poke(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        let len = data.len() as u64;
        self.table.check_mapped(addr, len, Access::Write)?;
        self.copy_in(addr, data)?;
        self.bump_if_code(addr..addr.saturating_add(len));
        Ok(())
    }

    fn peek(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        let len = out.len() as u64;
        self.table.check_mapped(addr, len, Access::Read)?;
        self.copy_out(addr, out)
    }

    #[inline(always)]
    fn load<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        if self.table.is(addr, N, Prot::R, Prot::R) {
            Ok(self.window.load(addr as u32))
        } else {
            self.load_slowly(addr)
        }
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, addr: u64, data: [u8; N]) -> Result<(), Fault> {
        // Writable and not executable: stores into code take the slow way, which tells the epoch.
        if self.table.is(addr, N, WX, Prot::W) {
            self.window.store(addr as u32, data);
            Ok(())
        } else {
            self.store_slowly(addr, &data)
        }
    }

    fn compare_exchange<const N: usize>(
        &mut self,
        addr: u64,
        old: [u8; N],
        new: [u8; N],
    ) -> Result<bool, Fault> {
        self.table.check(addr, N as u64, Access::Write)?;
        let misaligned = Fault {
            addr,
            access: Access::Write,
            kind: FaultKind::Alignment,
        };
        let done = self.window.compare_exchange(addr as u32, old, new);
        let done = done.ok_or(misaligned)?;
        if done {
            self.bump_if_code(addr..addr.saturating_add(N as u64));
        }
        Ok(done)
    }

    fn code_epoch(&self) -> u64 {
        self.epoch
    }

    fn window(&self) -> Option<litebox::Window> {
        Some(litebox::Window {
            base: self.window.base(),
            len: window::LEN,
            pages: self.table.host_address(),
        })
    }

    fn check(&self, range: Range<u64>, access: Access) -> Result<(), Fault> {
        let len = range.end.saturating_sub(range.start);
        self.table.check(range.start, len, access)
    }
}
