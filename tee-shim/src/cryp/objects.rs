//! Transient objects, and the in-memory half of persistent ones.

use alloc::vec::Vec;

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::attributes::{TEE_ATTR_ECC_CURVE, TEE_ATTR_FLAG_PUBLIC};
use tee_abi::core::{ObjectHandle, Reply, Request, SecureCore};
use tee_abi::layout::UteeObjectInfo;
use tee_abi::objects::{
    AttrFlags, ObjectType, TEE_HANDLE_FLAG_INITIALIZED, TEE_HANDLE_FLAG_PERSISTENT, TEE_TYPE_DATA,
    TEE_TYPE_SM2_DSA_KEYPAIR, TEE_TYPE_SM2_DSA_PUBLIC_KEY, TEE_TYPE_SM2_KEP_KEYPAIR,
    TEE_TYPE_SM2_KEP_PUBLIC_KEY, TEE_TYPE_SM2_PKE_KEYPAIR, TEE_TYPE_SM2_PKE_PUBLIC_KEY,
    TEE_USAGE_DEFAULT, TEE_USAGE_EXTRACTABLE, curve_bits, is_legacy_des_size,
};

use super::attrs::{Attrs, Value, stripped};
use super::transfer::Param;
use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

/// What a TA can ask about an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// `TEE_TYPE_*`.
    pub obj_type: u32,
    /// Bits in the key, 0 when it has none.
    pub size: u32,
    /// Most bits the key may have.
    pub max_size: u32,
    /// `TEE_USAGE_*`.
    pub usage: u32,
    /// Bytes in the data stream.
    pub data_size: u64,
    /// Position in the data stream.
    pub data_pos: u64,
    /// `TEE_HANDLE_FLAG_*`, and `TEE_DATA_FLAG_*` of a persistent object.
    pub flags: u32,
}

/// An object of an instance.
#[derive(Clone)]
pub struct Object {
    /// What it is.
    pub info: ObjectInfo,
    /// Which attributes of its type's table it has, a bit for each.
    pub have_attrs: u32,
    /// Their values.
    pub attrs: Attrs,
    /// An operation's key: the TA has no business with its handle.
    pub busy: bool,
    /// Its handle in the secure world, when it is persistent.
    pub persistent: Option<ObjectHandle>,
}

impl Object {
    /// A new transient object, without a check of its sizes.
    #[must_use]
    pub fn new(obj_type: u32, max_size: u32) -> Self {
        Self {
            info: ObjectInfo {
                obj_type,
                max_size,
                usage: TEE_USAGE_DEFAULT,
                ..ObjectInfo::default()
            },
            have_attrs: 0,
            attrs: ObjectType::find(obj_type)
                .map(Attrs::empty)
                .unwrap_or_default(),
            busy: false,
            persistent: None,
        }
    }

    /// The row of its type; a pure data object has none.
    pub(super) fn ty(&self) -> Option<&'static ObjectType> {
        ObjectType::find(self.info.obj_type)
    }

    pub(super) const fn is_initialized(&self) -> bool {
        self.info.flags & TEE_HANDLE_FLAG_INITIALIZED != 0
    }

    pub(super) const fn is_persistent(&self) -> bool {
        self.info.flags & TEE_HANDLE_FLAG_PERSISTENT != 0
    }

    /// Marks an attribute as present.
    pub(super) fn mark(&mut self, id: u32) {
        if let Some((slot, _)) = self.ty().and_then(|ty| ty.attribute(id)) {
            self.have_attrs |= 1 << slot;
        }
    }

    /// Gives an object without attributes those of a key of its type or, for a public key, of the
    /// pair it belongs to.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` for a key of another kind, `TEE_ERROR_BAD_STATE` for a secret
    /// that the object has no room for.
    pub fn copy_attrs_from(&mut self, source: &Self) -> Result<(), TeeResult> {
        if self.info.obj_type == TEE_TYPE_DATA {
            return Ok(());
        }
        let ty = self.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        if self.info.obj_type == source.info.obj_type {
            self.attrs = source.attrs.clone();
            self.have_attrs = source.have_attrs;
            return Ok(());
        }
        // The number of a pair is that of its public key with one more bit set.
        let is_public = self.info.obj_type & KEYPAIR == 0 && is_asymmetric(self.info.obj_type);
        if !is_public || source.info.obj_type != self.info.obj_type | KEYPAIR {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let from = source.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        for (slot, row) in ty.attributes.iter().enumerate() {
            let (from_slot, _) = from.attribute(row.id).ok_or(TeeResult::ERROR_BAD_STATE)?;
            self.attrs.copy_slot(slot, &source.attrs, from_slot);
        }
        self.have_attrs = ty.all_attributes();
        Ok(())
    }
}

/// The bit that tells a pair's number from its public key's.
const KEYPAIR: u32 = 0x0100_0000;

const fn is_asymmetric(obj_type: u32) -> bool {
    obj_type & 0xff >= 0x30 && obj_type & 0xff < 0xb0
}

/// Whether a type's curve is SM2's, whatever its attributes say.
pub(super) const fn is_sm2(obj_type: u32) -> bool {
    matches!(
        obj_type,
        TEE_TYPE_SM2_DSA_PUBLIC_KEY
            | TEE_TYPE_SM2_DSA_KEYPAIR
            | TEE_TYPE_SM2_PKE_PUBLIC_KEY
            | TEE_TYPE_SM2_PKE_KEYPAIR
            | TEE_TYPE_SM2_KEP_PUBLIC_KEY
            | TEE_TYPE_SM2_KEP_KEYPAIR
    )
}

/// What attributes are given for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Populate,
    Generate,
}

/// Checks that attributes are those of a type, each at most once, and none missing.
pub(super) fn check_attributes(
    purpose: Purpose,
    ty: &ObjectType,
    params: &[Param],
) -> Result<(), TeeResult> {
    const MISSING: TeeResult = TeeResult::ERROR_ITEM_NOT_FOUND;
    let (needed, allowed) = match purpose {
        Purpose::Populate => (AttrFlags::REQUIRED, AttrFlags::OPTIONAL_GROUP),
        Purpose::Generate => (AttrFlags::GEN_REQUIRED, AttrFlags::GEN_OPTIONAL),
    };
    let (mut required, mut optional, mut found) = (0, 0, 0);
    for (slot, row) in ty.attributes.iter().enumerate() {
        if row.flags.contains(needed) {
            required |= 1u32 << slot;
        } else if row.flags.contains(allowed) {
            optional |= 1 << slot;
        }
    }
    for param in params {
        let (slot, _) = ty.attribute(param.id).ok_or(MISSING)?;
        let bit = 1 << slot;
        if found & bit != 0 || (required | optional) & bit == 0 {
            return Err(MISSING);
        }
        found |= bit;
    }
    let group = found & optional;
    let partial = purpose == Purpose::Populate && group != 0 && group != optional;
    if found & required != required || partial {
        return Err(MISSING);
    }
    Ok(())
}

impl<H: Host> Instance<H> {
    /// What an object may be used for. A persistent object's usage is shared by all of its
    /// handles, so the secure world is asked.
    fn usage(&mut self, obj: u64) -> Result<u32, Trap> {
        let o = self.state.cryp.object(obj)?;
        match o.persistent {
            None => Ok(o.info.usage),
            Some(object) => self.restrict(object, u32::MAX),
        }
    }

    fn restrict(&mut self, object: ObjectHandle, usage: u32) -> Result<u32, Trap> {
        let request = Request::ObjectRestrictUsage { object, usage };
        match self.world.call(request)? {
            Reply::Usage(usage) => Ok(usage),
            _ => Err(TeeResult::ERROR_COMMUNICATION.into()),
        }
    }

    /// `_utee_cryp_obj_get_info`.
    pub(crate) fn cryp_obj_get_info(&mut self, obj: u64, info: UserPtr) -> SysResult {
        let obj_usage = self.usage(obj)?;
        let o = &self.state.cryp.object(obj)?.info;
        let out = UteeObjectInfo {
            obj_type: o.obj_type,
            obj_size: o.size,
            max_obj_size: o.max_size,
            obj_usage,
            data_size: o.data_size as u32,
            data_pos: o.data_pos as u32,
            handle_flags: o.flags,
        };
        self.put_private(info, &out.to_bytes())
    }

    /// `_utee_cryp_obj_restrict_usage`.
    pub(crate) fn cryp_obj_restrict_usage(&mut self, obj: u64, usage: u64) -> SysResult {
        let o = self.state.cryp.object_mut(obj)?;
        o.info.usage &= usage as u32;
        if let Some(object) = o.persistent {
            self.restrict(object, usage as u32)?;
        }
        Ok(())
    }

    /// `_utee_cryp_obj_get_attr`.
    pub(crate) fn cryp_obj_get_attr(
        &mut self,
        obj: u64,
        attr_id: u64,
        buffer: UserPtr,
        size: UserPtr,
    ) -> SysResult {
        let o = self.state.cryp.object(obj);
        let o = o.map_err(|_| TeeResult::ERROR_ITEM_NOT_FOUND)?;
        let id = attr_id as u32;
        if !o.is_initialized() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        if id & TEE_ATTR_FLAG_PUBLIC == 0 && self.usage(obj)? & TEE_USAGE_EXTRACTABLE == 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let o = self.state.cryp.object(obj)?;
        let ty = o.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let slot = ty.attribute(id).map(|(slot, _)| slot);
        let slot = slot.filter(|slot| o.have_attrs & 1 << slot != 0);
        let value = slot.and_then(|slot| o.attrs.value(slot)).cloned();
        match value.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)? {
            Value::Number(number) => self.put_number(number, buffer, size),
            Value::Bytes(ref bytes) => {
                let kind = slot
                    .and_then(|slot| ty.attributes.get(slot))
                    .map(|row| row.kind);
                let is_number = kind == Some(tee_abi::objects::Kind::Bignum);
                self.put_attribute(bytes, is_number, buffer, size)
            }
        }
    }

    fn put_number(&mut self, number: u32, buffer: UserPtr, size: UserPtr) -> SysResult {
        let room = self.size(size)?;
        if room < 8 || buffer.is_null() {
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        self.output(buffer, &u64::from(number).to_le_bytes())
    }

    fn put_attribute(
        &mut self,
        bytes: &[u8],
        is_number: bool,
        buffer: UserPtr,
        size: UserPtr,
    ) -> SysResult {
        let room = self.size(size)?;
        self.put_size(size, bytes.len() as u64)?;
        if is_number && bytes.is_empty() {
            return Ok(());
        }
        if room < bytes.len() as u64 || buffer.is_null() {
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        self.output(buffer, bytes)
    }

    /// `_utee_cryp_obj_alloc`.
    pub(crate) fn cryp_obj_alloc(
        &mut self,
        obj_type: u64,
        max_size: u64,
        obj: UserPtr,
    ) -> SysResult {
        let obj_type = obj_type as u32;
        let allowed = match ObjectType::find(obj_type) {
            None => obj_type == TEE_TYPE_DATA && max_size == 0,
            Some(ty) => ty.allows(max_size),
        };
        if !allowed {
            return Err(TeeResult::ERROR_NOT_SUPPORTED.into());
        }
        let object = Object::new(obj_type, max_size as u32);
        let handle = self.state.cryp.add_object(object)?;
        let told = self.put_private(obj, &handle.to_le_bytes());
        if told.is_err() {
            self.state.cryp.remove_object(handle.into());
        }
        told
    }

    /// `_utee_cryp_obj_close`.
    pub(crate) fn cryp_obj_close(&mut self, obj: u64) -> SysResult {
        if self.state.cryp.object(obj)?.busy {
            return Err(TeeResult::ERROR_ITEM_NOT_FOUND.into());
        }
        self.close_object(obj);
        Ok(())
    }

    /// Drops an object; a persistent one is closed in the secure world too.
    pub(crate) fn close_object(&mut self, obj: u64) {
        let object = self.state.cryp.remove_object(obj);
        if let Some(object) = object.and_then(|object| object.persistent) {
            // The handle is gone for the TA whatever the secure world makes of it.
            let _ = self.world.call(Request::ObjectClose { object });
        }
    }

    /// `_utee_cryp_obj_reset`.
    pub(crate) fn cryp_obj_reset(&mut self, obj: u64) -> SysResult {
        let o = self.state.cryp.object_mut(obj)?;
        if o.is_persistent() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        o.attrs = o.ty().map(Attrs::empty).unwrap_or_default();
        o.info.size = 0;
        o.info.usage = TEE_USAGE_DEFAULT;
        o.info.flags &= !TEE_HANDLE_FLAG_INITIALIZED;
        Ok(())
    }

    /// `_utee_cryp_obj_populate`.
    pub(crate) fn cryp_obj_populate(
        &mut self,
        obj: u64,
        attrs: UserPtr,
        attr_count: u64,
    ) -> SysResult {
        let o = self.state.cryp.object(obj)?;
        if o.is_persistent() || o.is_initialized() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let ty = o.ty().ok_or(TeeResult::ERROR_NOT_IMPLEMENTED)?;
        let params = self.params(attrs, attr_count)?;
        check_attributes(Purpose::Populate, ty, &params)?;
        let mut o = self.populated(obj, ty, &params)?;
        o.info.flags |= TEE_HANDLE_FLAG_INITIALIZED;
        *self.state.cryp.object_mut(obj)? = o;
        Ok(())
    }

    /// An object as it is with the attributes that a TA gives.
    pub(super) fn populated(
        &self,
        obj: u64,
        ty: &ObjectType,
        params: &[Param],
    ) -> Result<Object, Trap> {
        let mut o = self.state.cryp.object(obj)?.clone();
        let legacy = is_legacy_des_size(o.info.obj_type, o.info.max_size.into());
        let (mut have, mut size) = (0, 0u64);
        for param in params {
            let row = ty.attribute(param.id);
            let (slot, row) = row.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
            have |= 1 << slot;
            if param.is_value() {
                o.attrs.set_number(slot, param.a());
            } else {
                let bytes = self.attribute_bytes(ty, *param)?;
                o.attrs.set_bytes(ty, slot, &bytes)?;
            }
            if row.flags.contains(AttrFlags::SIZE_INDICATOR) {
                size = key_size(*param, legacy)?;
                if size > u64::from(o.info.max_size) {
                    return Err(TeeResult::ERROR_BAD_STATE.into());
                }
                if !ty.allows(size) {
                    return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
                }
            }
            let too_wide = row.flags.contains(AttrFlags::MAX_BITS)
                && number_bits(o.attrs.bytes(ty, param.id)) > o.info.max_size;
            if too_wide {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            }
        }
        o.have_attrs = have;
        o.info.size = size as u32;
        if legacy {
            // The parity bits were taken off already; upstream takes them off twice.
            o.info.size -= o.info.size / 8;
        }
        Ok(o)
    }

    /// Copies an attribute's buffer in, unless it is longer than any attribute can be.
    fn attribute_bytes(&self, ty: &ObjectType, param: Param) -> Result<Vec<u8>, Trap> {
        /// Longest number with any leading zeros that is read.
        const MOST: u64 = 64 * 1024;
        if param.len() > MOST {
            return Err(match ty.room {
                0 => TeeResult::ERROR_OUT_OF_MEMORY.into(),
                _ => TeeResult::ERROR_SECURITY.into(),
            });
        }
        self.param_bytes(param)
    }

    /// `_utee_cryp_obj_copy`.
    pub(crate) fn cryp_obj_copy(&mut self, dst_obj: u64, src_obj: u64) -> SysResult {
        self.state.cryp.object(dst_obj)?;
        let source = self.state.cryp.object(src_obj)?.clone();
        let usage = self.usage(src_obj)?;
        let o = self.state.cryp.object_mut(dst_obj)?;
        if !source.is_initialized() || o.is_persistent() || o.is_initialized() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        o.copy_attrs_from(&source)?;
        o.info.flags |= TEE_HANDLE_FLAG_INITIALIZED;
        o.info.size = source.info.size;
        o.info.usage = usage;
        Ok(())
    }
}

/// The size in bits that an attribute gives a key.
fn key_size(param: Param, legacy: bool) -> Result<u64, TeeResult> {
    if param.id == TEE_ATTR_ECC_CURVE {
        return curve_bits(param.a())
            .map(u64::from)
            .ok_or(TeeResult::ERROR_NOT_SUPPORTED);
    }
    let bits = param.len().saturating_mul(8);
    Ok(if legacy { bits - bits / 8 } else { bits })
}

/// Bits in a number without its leading zeros.
fn number_bits(bytes: &[u8]) -> u32 {
    let bytes = stripped(bytes);
    let first = bytes.first().copied().unwrap_or(0);
    (bytes.len() as u32 * 8).saturating_sub(first.leading_zeros())
}
