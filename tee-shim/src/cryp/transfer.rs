//! Buffers on their way from a TA's memory and back: each byte is copied in once and out once.
//!
//! Bulk data goes through in pieces that fit the processor's cache, in a buffer that is used again.
//! Rights are checked over the whole range first, so nothing is half done for want of them.

use alloc::vec::Vec;
use core::ops::Range;

use litebox::{Access, AddressSpace, UserPtr};
use tee_abi::TeeResult;
use tee_abi::attributes::TEE_ATTR_FLAG_VALUE;
use tee_abi::layout::{UTEE_ATTRIBUTE_SIZE, UteeAttribute};

use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

/// Bytes transformed at a time: a multiple of every block.
const PIECE: usize = 8 * 1024;

/// A buffer that lives on between syscalls. Its content is no part of any state.
#[derive(Default)]
pub(super) struct Scratch(Vec<u8>);

impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// An attribute as a TA hands it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    pub(super) id: u32,
    a: u64,
    b: u64,
}

impl Param {
    pub(super) const fn is_value(self) -> bool {
        self.id & TEE_ATTR_FLAG_VALUE != 0
    }

    /// The first number of a value.
    pub(super) const fn a(self) -> u32 {
        self.a as u32
    }

    /// The second number of a value.
    pub(super) const fn b(self) -> u32 {
        self.b as u32
    }

    /// Bytes in a buffer.
    pub(super) const fn len(self) -> u64 {
        self.b
    }

    /// Where a buffer lies.
    pub(super) const fn at(self) -> u64 {
        self.a
    }
}

fn range(at: UserPtr, len: u64) -> Result<Range<u64>, Trap> {
    let end =
        at.0.checked_add(len)
            .ok_or(TeeResult::ERROR_ACCESS_DENIED)?;
    Ok(at.0..end)
}

impl<H: Host> Instance<H> {
    /// Checks that a TA may read a range.
    pub(super) fn check_input(&self, at: UserPtr, len: u64) -> SysResult {
        Ok(self.mm.space().check(range(at, len)?, Access::Read)?)
    }

    /// Checks that a TA may read and write a range.
    pub(super) fn check_output(&self, at: UserPtr, len: u64) -> SysResult {
        let range = range(at, len)?;
        self.mm.space().check(range.clone(), Access::Read)?;
        Ok(self.mm.space().check(range, Access::Write)?)
    }

    /// Copies a buffer in.
    pub(super) fn input(&self, at: UserPtr, len: u64) -> Result<Vec<u8>, Trap> {
        Ok(self.mm.space().read_vec(at.0, len)?)
    }

    /// Copies out where a TA may write.
    pub(super) fn output(&mut self, at: UserPtr, bytes: &[u8]) -> SysResult {
        Ok(at.write(self.mm.space_mut(), bytes)?)
    }

    /// The size a TA gives with an output buffer.
    pub(super) fn size(&self, at: UserPtr) -> Result<u64, Trap> {
        Ok(at.read_u64(self.mm.space())?)
    }

    pub(super) fn put_size(&mut self, at: UserPtr, size: u64) -> SysResult {
        Ok(at.write_u64(self.mm.space_mut(), size)?)
    }

    /// Writes to memory that must be the TA's own.
    pub(crate) fn put_private(&mut self, at: UserPtr, bytes: &[u8]) -> SysResult {
        let range = range(at, bytes.len() as u64)?;
        if !self.is_private(range.start, range.end) {
            return Err(TeeResult::ERROR_ACCESS_DENIED.into());
        }
        self.output(at, bytes)
    }

    /// Copies an array of attributes in. The buffers they name are checked and stay where they are.
    pub(super) fn params(&self, at: UserPtr, count: u64) -> Result<Vec<Param>, Trap> {
        let size = count.checked_mul(UTEE_ATTRIBUTE_SIZE as u64);
        let bytes = self.input(at, size.ok_or(TeeResult::ERROR_OVERFLOW)?)?;
        let (rows, _) = bytes.as_chunks::<UTEE_ATTRIBUTE_SIZE>();
        let params: Vec<Param> = rows
            .iter()
            .map(UteeAttribute::from_bytes)
            .map(|row| Param {
                id: row.attribute_id,
                a: row.a,
                b: row.b,
            })
            .collect();
        for param in params.iter().filter(|param| !param.is_value()) {
            self.check_input(UserPtr(param.at()), param.len())?;
        }
        Ok(params)
    }

    /// Copies the buffer of an attribute in.
    pub(super) fn param_bytes(&self, param: Param) -> Result<Vec<u8>, Trap> {
        self.input(UserPtr(param.at()), param.len())
    }

    /// Hands a buffer's content to `take`, piece by piece.
    pub(super) fn feed(
        &mut self,
        at: UserPtr,
        len: u64,
        mut take: impl FnMut(&mut Self, &[u8]) -> SysResult,
    ) -> SysResult {
        let mut buffer = core::mem::take(&mut self.state.cryp.scratch);
        let mut done = 0;
        let mut result = Ok(());
        while done < len && result.is_ok() {
            let now = (len - done).min(PIECE as u64);
            buffer.0.resize(now as usize, 0);
            let from = at.0.wrapping_add(done);
            result = self
                .mm
                .space()
                .read(from, &mut buffer.0)
                .map_err(Trap::from);
            result = result.and_then(|()| take(self, &buffer.0));
            done += now;
        }
        self.state.cryp.scratch = buffer;
        result
    }

    /// Transforms a buffer in pieces with `run`, which is told whether a piece is the last one.
    /// Pieces before the last are [`PIECE`] bytes, and the last is longer than that when there are
    /// any before it. An output that overlaps its input elsewhere than at its start gets it whole.
    pub(super) fn transform(
        &mut self,
        src: UserPtr,
        len: u64,
        dst: UserPtr,
        mut run: impl FnMut(&mut Self, &mut [u8], bool) -> SysResult,
    ) -> SysResult {
        let apart = src.0.abs_diff(dst.0) >= len;
        let whole = if apart || src == dst {
            2 * PIECE as u64
        } else {
            len
        };
        let mut buffer = core::mem::take(&mut self.state.cryp.scratch);
        let mut done = 0;
        let mut result = Ok(());
        while done < len && result.is_ok() {
            let left = len - done;
            let last = left <= whole;
            let now = if last { left } else { PIECE as u64 };
            buffer.0.resize(now as usize, 0);
            let from = src.0.wrapping_add(done);
            result = self
                .mm
                .space()
                .read(from, &mut buffer.0)
                .map_err(Trap::from);
            result = result.and_then(|()| run(self, &mut buffer.0, last));
            let to = UserPtr(dst.0.wrapping_add(done));
            result = result.and_then(|()| self.output(to, &buffer.0));
            done += now;
        }
        self.state.cryp.scratch = buffer;
        result
    }
}
