//! Sessions of this TA with other Trusted Applications and pseudo-TAs.

use alloc::format;

use litebox::{Access, AddressSpace, UserPtr};
use tee_abi::layout::{UTEE_PARAMS_SIZE, UteeParams};
use tee_abi::param::ParamType;
use tee_abi::{Origin, TeeResult, Uuid};

use crate::instance::{Host, Instance, SharedOf};
use crate::params::{MemRef, Param, Params};
use crate::world::World;
use crate::{SysResult, Trap};

impl<H: Host> Instance<H> {
    /// `_utee_open_ta_session`.
    pub(crate) fn open_ta_session(
        &mut self,
        dest: UserPtr,
        cancel_req_to: u64,
        params: UserPtr,
        sess: UserPtr,
        ret_orig: UserPtr,
    ) -> SysResult {
        let uuid = Uuid::from_memory(dest.read(self.mm.space())?);
        let mut operation = self.callee_params(params)?;
        let opened = self
            .world
            .open_session(uuid, cancel_req_to as u32, &mut operation);
        if opened.result == TeeResult::ERROR_ITEM_NOT_FOUND && opened.origin == Origin::Tee {
            let caller = self.config.uuid;
            self.log_core(&format!(
                "no TA and no pseudo-TA {uuid}, wanted by TA {caller}"
            ));
        }
        if opened.result.is_success() {
            self.state.open_sessions.insert(opened.session);
            self.put_outputs(params, &operation)?;
            sess.write_u32(self.mm.space_mut(), opened.session)?;
        }
        ret_orig.write_u32(self.mm.space_mut(), opened.origin as u32)?;
        Ok(opened.result.ok()?)
    }

    /// `_utee_close_ta_session`.
    pub(crate) fn close_ta_session(&mut self, sess: u64) -> SysResult {
        if !self.state.open_sessions.remove(&(sess as u32)) {
            return Err(TeeResult::ERROR_ITEM_NOT_FOUND.into());
        }
        Ok(self.world.close_session(sess as u32).ok()?)
    }

    /// `_utee_invoke_ta_command`.
    pub(crate) fn invoke_ta_command(
        &mut self,
        sess: u64,
        cancel_req_to: u64,
        cmd_id: u64,
        params: UserPtr,
        ret_orig: UserPtr,
    ) -> SysResult {
        let session = sess as u32;
        if !self.state.open_sessions.contains(&session) {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let mut operation = self.callee_params(params)?;
        let (result, origin) =
            self.world
                .invoke(session, cancel_req_to as u32, cmd_id as u32, &mut operation);
        if result != TeeResult::ERROR_TARGET_DEAD {
            self.put_outputs(params, &operation)?;
        }
        ret_orig.write_u32(self.mm.space_mut(), origin as u32)?;
        Ok(result.ok()?)
    }

    /// The parameters a TA hands to another. Memory of its own is refused, as upstream does; what
    /// was mapped for it from outside is passed on.
    fn callee_params(&self, at: UserPtr) -> Result<Params<SharedOf<H>>, Trap> {
        let mut params: Params<SharedOf<H>> = Params::default();
        if at.is_null() {
            return Ok(params);
        }
        let space = self.mm.space();
        let end = at.0.checked_add(UTEE_PARAMS_SIZE as u64);
        space.check(
            at.0..end.ok_or(TeeResult::ERROR_ACCESS_DENIED)?,
            Access::Write,
        )?;
        let utee = UteeParams::from_bytes(&at.read(space)?);
        for (i, (param, (a, b))) in params.iter_mut().zip(utee.vals).enumerate() {
            let nibble = utee.types >> (4 * i) & 0xf;
            let ty = ParamType::from_nibble(nibble).ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
            *param = match ty {
                ParamType::None => Param::None,
                _ if ty.is_value() => Param::Value {
                    ty,
                    a: a as u32,
                    b: b as u32,
                },
                _ => Param::MemRef {
                    ty,
                    mem: self.callee_memref(ty, a, b)?,
                },
            };
        }
        Ok(params)
    }

    fn callee_memref(
        &self,
        ty: ParamType,
        addr: u64,
        size: u64,
    ) -> Result<MemRef<SharedOf<H>>, Trap> {
        if addr == 0 || size == 0 {
            return if addr == 0 && size != 0 {
                Err(TeeResult::ERROR_BAD_PARAMETERS.into())
            } else {
                Ok(MemRef { memory: None, size })
            };
        }
        let end = addr
            .checked_add(size)
            .ok_or(TeeResult::ERROR_ACCESS_DENIED)?;
        let access = if ty.is_output() {
            Access::Write
        } else {
            Access::Read
        };
        self.mm.space().check(addr..end, access)?;
        let (start, region) = self
            .mm
            .region_at(addr)
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
        let whole = end - start <= region.len;
        let (memory, offset) = region
            .shared
            .as_ref()
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
        if !whole {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        Ok(MemRef {
            memory: Some((memory.clone(), offset + (addr - start))),
            size,
        })
    }

    fn put_outputs(&mut self, at: UserPtr, params: &Params<SharedOf<H>>) -> SysResult {
        for (i, param) in params.iter().enumerate() {
            if !param.ty().is_output() {
                continue;
            }
            let pair = at.0.wrapping_add(8 + 16 * i as u64);
            let space = self.mm.space_mut();
            match param {
                Param::None => {}
                Param::Value { a, b, .. } => {
                    UserPtr(pair).write_u64(space, u64::from(*a))?;
                    UserPtr(pair.wrapping_add(8)).write_u64(space, u64::from(*b))?;
                }
                Param::MemRef { mem, .. } => {
                    UserPtr(pair.wrapping_add(8)).write_u64(space, mem.size)?;
                }
            }
        }
        Ok(())
    }
}
