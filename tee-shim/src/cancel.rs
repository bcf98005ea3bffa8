//! Cancellation: the flag of the running entry and its mask.

use litebox::UserPtr;

use crate::SysResult;
use crate::instance::{Host, Instance};
use crate::world::World;

impl<H: Host> Instance<H> {
    /// `_utee_get_cancellation_flag`: what the caller asked for, unless masked.
    pub(crate) fn get_cancellation_flag(&mut self, cancel: UserPtr) -> SysResult {
        let masked = self.session()?.cancel_masked;
        let flag = !masked && self.world.cancel_requested();
        Ok(cancel.write_u32(self.mm.space_mut(), u32::from(flag))?)
    }

    /// `_utee_unmask_cancellation`.
    pub(crate) fn unmask_cancellation(&mut self, old_mask: UserPtr) -> SysResult {
        self.set_mask(false, old_mask)
    }

    /// `_utee_mask_cancellation`.
    pub(crate) fn mask_cancellation(&mut self, old_mask: UserPtr) -> SysResult {
        self.set_mask(true, old_mask)
    }

    fn set_mask(&mut self, masked: bool, old_mask: UserPtr) -> SysResult {
        let old = core::mem::replace(&mut self.session()?.cancel_masked, masked);
        Ok(old_mask.write_u32(self.mm.space_mut(), u32::from(old))?)
    }
}
