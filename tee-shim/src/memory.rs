//! Memory questions a TA may ask: access rights, cache maintenance, random bytes.

use alloc::vec;

use litebox::{Access, AddressSpace, Platform, UserPtr};
use tee_abi::TeeResult;
use tee_abi::ta::TA_FLAG_CACHE_MAINTENANCE;

use crate::instance::{Host, Instance, LABEL_PARAM};
use crate::{SysResult, Trap};

/// `TEE_MEMORY_ACCESS_*`.
const READ: u64 = 1;
const WRITE: u64 = 2;
const ANY_OWNER: u64 = 4;
const NONSECURE: u64 = 0x1000_0000;
const SECURE: u64 = 0x2000_0000;

/// Most random bytes fetched at a time.
const RANDOM_CHUNK: u64 = 4096;

const DENIED: Trap = Trap::Error(TeeResult::ERROR_ACCESS_DENIED);

impl<H: Host> Instance<H> {
    /// `_utee_check_access_rights`. Parameter memory counts as non-secure and not as the TA's own.
    pub(crate) fn check_access_rights(&mut self, flags: u64, buf: u64, len: u64) -> SysResult {
        let end = buf.checked_add(len).ok_or(DENIED)?;
        if flags & NONSECURE != 0 && flags & SECURE != 0 {
            return Err(DENIED);
        }
        if len == 0 {
            return Ok(());
        }
        if flags & ANY_OWNER == 0 && !self.is_private(buf, end) {
            return Err(DENIED);
        }
        self.check_worlds(flags, buf, end)?;
        let space = self.mm.space();
        for (flag, access) in [(READ, Access::Read), (WRITE, Access::Write)] {
            if flags & flag != 0 {
                space.check(buf..end, access)?;
            }
        }
        Ok(())
    }

    /// Whether all of a range is the TA's own: loaded images, stack and heap, not parameters.
    pub(crate) fn is_private(&self, start: u64, end: u64) -> bool {
        self.regions_of(start, end, |label| label != LABEL_PARAM)
    }

    /// Whether every byte of a range lies in a region whose label passes.
    fn regions_of(&self, start: u64, end: u64, pass: impl Fn(litebox::Label) -> bool) -> bool {
        let mut at = start;
        while at < end {
            match self.mm.region_at(at) {
                Some((base, region)) if pass(region.label) => at = base + region.len,
                _ => return false,
            }
        }
        true
    }

    fn check_worlds(&self, flags: u64, start: u64, end: u64) -> SysResult {
        let mapped = self.regions_of(start, end, |_| true);
        let secure = self.regions_of(start, end, |label| label != LABEL_PARAM);
        let nonsecure = self.regions_of(start, end, |label| label == LABEL_PARAM);
        let refused =
            !mapped || flags & SECURE != 0 && !secure || flags & NONSECURE != 0 && !nonsecure;
        if refused { Err(DENIED) } else { Ok(()) }
    }

    /// `_utee_cache_operation`: memory here is coherent, so what is left are the checks.
    pub(crate) fn cache_operation(&mut self, va: u64, l: u64, op: u64) -> SysResult {
        if self.config.flags & TA_FLAG_CACHE_MAINTENANCE == 0 {
            return Err(TeeResult::ERROR_NOT_SUPPORTED.into());
        }
        let end = va.checked_add(l).ok_or(DENIED)?;
        if op > 2 {
            return Err(TeeResult::ERROR_NOT_SUPPORTED.into());
        }
        // TEE_CacheInvalidate (2) may lose writes, so it needs the right to write.
        let access = if op == 2 { Access::Write } else { Access::Read };
        Ok(self.mm.space().check(va..end, access)?)
    }

    /// `_utee_cryp_random_number_generate`.
    pub(crate) fn cryp_random_number_generate(&mut self, buf: UserPtr, blen: u64) -> SysResult {
        let end = buf.0.checked_add(blen).ok_or(DENIED)?;
        self.mm.space().check(buf.0..end, Access::Write)?;
        let mut at = buf.0;
        while at < end {
            let mut chunk = vec![0; usize::try_from((end - at).min(RANDOM_CHUNK)).unwrap_or(0)];
            self.platform.random(&mut chunk);
            self.mm.space_mut().write(at, &chunk)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }
}
