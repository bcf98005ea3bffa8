//! Guest memory in one vector, and random numbers by seed, for tests that execute a lot.
#![allow(dead_code, reason = "each test uses its part")]

pub mod operands;

use std::ops::Range;

use litebox::{Access, AddressSpace, Fault, FaultKind, MapError, Prot};

/// Memory from `start` that may be read, written and executed.
pub struct FlatSpace {
    start: u64,
    bytes: Vec<u8>,
    epoch: u64,
}

/// No memory is shared here.
#[derive(Clone)]
pub struct Never;

impl FlatSpace {
    pub fn new(start: u64, len: usize) -> Self {
        Self {
            start,
            bytes: vec![0; len],
            epoch: 0,
        }
    }

    #[inline(always)]
    fn at(&self, addr: u64, len: usize, access: Access) -> Result<Range<usize>, Fault> {
        let first = addr.wrapping_sub(self.start);
        if first <= self.bytes.len() as u64 && len as u64 <= self.bytes.len() as u64 - first {
            return Ok(first as usize..first as usize + len);
        }
        Err(Fault {
            addr,
            access,
            kind: FaultKind::Unmapped,
        })
    }
}

impl AddressSpace for FlatSpace {
    type Shared = Never;

    fn limits(&self) -> Range<u64> {
        self.start..self.start + self.bytes.len() as u64
    }

    fn map(&mut self, _: Range<u64>, _: Prot) -> Result<(), MapError> {
        Err(MapError::NoRoom)
    }

    fn map_shared(&mut self, _: Range<u64>, _: Prot, _: &Never, _: u64) -> Result<(), MapError> {
        Err(MapError::NoRoom)
    }

    fn new_shared(&mut self, _: u64) -> Result<Never, MapError> {
        Err(MapError::Host)
    }

    fn protect(&mut self, _: Range<u64>, _: Prot) -> Result<(), MapError> {
        Err(MapError::BadRange)
    }

    fn unmap(&mut self, _: Range<u64>) -> Result<(), MapError> {
        Err(MapError::BadRange)
    }

    #[inline(always)]
    fn read(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        let at = self.at(addr, out.len(), Access::Read)?;
        out.copy_from_slice(&self.bytes[at]);
        Ok(())
    }

    #[inline(always)]
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        let at = self.at(addr, data.len(), Access::Write)?;
        self.bytes[at].copy_from_slice(data);
        Ok(())
    }

    fn fetch(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        let at = self.at(addr, out.len(), Access::Execute)?;
        out.copy_from_slice(&self.bytes[at]);
        Ok(())
    }

    fn poke(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.epoch += 1;
        self.write(addr, data)
    }

    fn peek(&self, addr: u64, out: &mut [u8]) -> Result<(), Fault> {
        self.read(addr, out)
    }

    fn compare_exchange<const N: usize>(
        &mut self,
        addr: u64,
        old: [u8; N],
        new: [u8; N],
    ) -> Result<bool, Fault> {
        let at = self.at(addr, N, Access::Write)?;
        if self.bytes[at.clone()] != old {
            return Ok(false);
        }
        self.bytes[at].copy_from_slice(&new);
        Ok(true)
    }

    fn code_epoch(&self) -> u64 {
        self.epoch
    }

    fn check(&self, range: Range<u64>, access: Access) -> Result<(), Fault> {
        self.at(range.start, (range.end - range.start) as usize, access)
            .map(|_| ())
    }
}

/// SplitMix64: short, and every seed is good.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
