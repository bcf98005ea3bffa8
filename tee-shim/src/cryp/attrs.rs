//! The attributes of a key, and the form they are stored in.
//!
//! Stored, a value is a u32 and anything else a u32 length followed by that many bytes, all big
//! endian, one attribute after the other in the order of the type's table, whether present or not:
//! OP-TEE's own form (`tee_obj_attr_to_binary`), which is part of the on-disk format.

use alloc::vec;
use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::objects::{Attribute, Kind, MAX_BIGNUM_BITS, ObjectType, TEE_TYPE_DATA};
use zeroize::Zeroize;

use super::Object;

/// One attribute's value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A secret, a number without leading zeros, or a string of fixed size.
    Bytes(Vec<u8>),
    /// The first of a pair of numbers.
    Number(u32),
}

impl Drop for Value {
    fn drop(&mut self) {
        if let Self::Bytes(bytes) = self {
            bytes.zeroize();
        }
    }
}

impl Value {
    fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Secret | Kind::Bignum => Self::Bytes(Vec::new()),
            Kind::Value => Self::Number(0),
            Kind::Bytes32 => Self::Bytes(vec![0; 32]),
            Kind::Bytes56 => Self::Bytes(vec![0; 56]),
        }
    }
}

/// The attributes of a key of some type: a slot for each row of the type's table.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attrs(Vec<Value>);

/// Fixed size of a kind in bytes.
const fn fixed_size(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Bytes32 => Some(32),
        Kind::Bytes56 => Some(56),
        Kind::Secret | Kind::Bignum | Kind::Value => None,
    }
}

/// A number without its leading zeros.
pub(super) fn stripped(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

impl Attrs {
    /// With nothing in them.
    pub(super) fn empty(ty: &ObjectType) -> Self {
        Self(ty.attributes.iter().map(|a| Value::empty(a.kind)).collect())
    }

    pub(super) fn value(&self, slot: usize) -> Option<&Value> {
        self.0.get(slot)
    }

    /// Bytes of an attribute by its identifier; empty where there are none.
    pub(super) fn bytes(&self, ty: &ObjectType, id: u32) -> &[u8] {
        let slot = ty.attribute(id).map(|(slot, _)| slot);
        match slot.and_then(|slot| self.0.get(slot)) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// A number attribute by its identifier.
    pub(super) fn number(&self, ty: &ObjectType, id: u32) -> Option<u32> {
        let (slot, _) = ty.attribute(id)?;
        match self.0.get(slot) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The plain secret of a type that holds nothing else.
    pub(super) fn secret(&self) -> &[u8] {
        match self.0.first() {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// Sets an attribute from a TA's bytes.
    pub(super) fn set_bytes(
        &mut self,
        ty: &ObjectType,
        slot: usize,
        bytes: &[u8],
    ) -> Result<(), TeeResult> {
        let row = ty.attributes.get(slot).ok_or(TeeResult::ERROR_BAD_STATE)?;
        let bytes = match row.kind {
            Kind::Secret if bytes.len() > ty.room => return Err(TeeResult::ERROR_SECURITY),
            Kind::Bignum => bounded(stripped(bytes))?,
            Kind::Value => return Err(TeeResult::ERROR_GENERIC),
            kind if fixed_size(kind).is_some_and(|size| size != bytes.len()) => {
                return Err(TeeResult::ERROR_SECURITY);
            }
            _ => bytes,
        };
        self.put(slot, Value::Bytes(bytes.to_vec()));
        Ok(())
    }

    /// Sets a number attribute.
    pub(super) fn set_number(&mut self, slot: usize, number: u32) {
        self.put(slot, Value::Number(number));
    }

    /// Sets an attribute, by its identifier, to what was computed.
    pub(super) fn set_computed(&mut self, ty: &ObjectType, id: u32, bytes: &[u8]) {
        if let Some((slot, row)) = ty.attribute(id) {
            let bytes = if row.kind == Kind::Bignum {
                stripped(bytes)
            } else {
                bytes
            };
            self.put(slot, Value::Bytes(bytes.to_vec()));
        }
    }

    fn put(&mut self, slot: usize, value: Value) {
        if let Some(place) = self.0.get_mut(slot) {
            *place = value;
        }
    }

    /// Takes an attribute over from another key.
    pub(super) fn copy_slot(&mut self, slot: usize, from: &Self, from_slot: usize) {
        if let Some(value) = from.0.get(from_slot) {
            self.put(slot, value.clone());
        }
    }
}

fn bounded(number: &[u8]) -> Result<&[u8], TeeResult> {
    if number.len() > MAX_BIGNUM_BITS as usize / 8 {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    Ok(number)
}

/// The stored form of an object's attributes; a pure data object has none.
#[must_use]
pub fn attrs_to_bytes(object: &Object) -> Vec<u8> {
    let mut out = Vec::new();
    for value in &object.attrs.0 {
        match value {
            Value::Number(number) => out.extend_from_slice(&number.to_be_bytes()),
            Value::Bytes(bytes) => {
                out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }
    out
}

/// The attributes of an object of type `obj_type` from their stored form.
///
/// # Errors
/// `TEE_ERROR_CORRUPT_OBJECT` when they are not in that form, `TEE_ERROR_BAD_STATE` for a type
/// that has no attributes.
pub fn attrs_from_bytes(obj_type: u32, bytes: &[u8]) -> Result<Attrs, TeeResult> {
    if obj_type == TEE_TYPE_DATA {
        return Ok(Attrs::default());
    }
    let ty = ObjectType::find(obj_type).ok_or(TeeResult::ERROR_BAD_STATE)?;
    let mut rest = bytes;
    let values: Option<Vec<Value>> = ty
        .attributes
        .iter()
        .map(|row| stored_value(ty, row, &mut rest))
        .collect();
    values.map(Attrs).ok_or(TeeResult::ERROR_CORRUPT_OBJECT)
}

fn stored_value(ty: &ObjectType, row: &Attribute, rest: &mut &[u8]) -> Option<Value> {
    let (word, behind) = rest.split_first_chunk()?;
    let word = u32::from_be_bytes(*word);
    if row.kind == Kind::Value {
        *rest = behind;
        return Some(Value::Number(word));
    }
    let (bytes, behind) = behind.split_at_checked(word as usize)?;
    *rest = behind;
    Some(Value::Bytes(match row.kind {
        Kind::Bignum => bounded(stripped(bytes)).ok()?.to_vec(),
        Kind::Secret => (bytes.len() <= ty.room).then(|| bytes.to_vec())?,
        kind => {
            let size = fixed_size(kind)?;
            let mut bytes = (bytes.len() <= size).then(|| bytes.to_vec())?;
            bytes.resize(size, 0);
            bytes
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tee_abi::objects::{TABLE, TEE_TYPE_AES, TEE_TYPE_ECDSA_KEYPAIR};

    #[test]
    fn stored_and_read_back_for_every_type() {
        for ty in TABLE {
            let mut object = Object::new(ty.id, ty.max);
            for (slot, row) in ty.attributes.iter().enumerate() {
                match fixed_size(row.kind) {
                    Some(size) => object.attrs.set_bytes(ty, slot, &vec![7; size]).unwrap(),
                    None if row.kind == Kind::Value => object.attrs.set_number(slot, 3),
                    None => object.attrs.set_bytes(ty, slot, &[0, 5, 6]).unwrap(),
                }
            }
            let stored = attrs_to_bytes(&object);
            assert!(attrs_from_bytes(ty.id, &stored) == Ok(object.attrs.clone()));
            for len in 0..stored.len() {
                let cut = attrs_from_bytes(ty.id, &stored[..len]);
                assert_eq!(cut.err(), Some(TeeResult::ERROR_CORRUPT_OBJECT));
            }
        }
    }

    #[test]
    fn the_stored_form_is_upstreams() {
        let mut key = Object::new(TEE_TYPE_ECDSA_KEYPAIR, 256);
        let ty = ObjectType::find(TEE_TYPE_ECDSA_KEYPAIR).unwrap();
        key.attrs.set_bytes(ty, 0, &[0, 0xd]).unwrap();
        key.attrs.set_bytes(ty, 1, &[1, 2]).unwrap();
        key.attrs.set_number(3, 3);
        let stored = [0, 0, 0, 1, 0xd, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3];
        assert_eq!(attrs_to_bytes(&key), stored);
    }

    #[test]
    fn a_length_beyond_the_room_is_corrupt() {
        let mut stored = vec![0, 0, 0, 33];
        stored.extend([1; 33]);
        let read = attrs_from_bytes(TEE_TYPE_AES, &stored);
        assert_eq!(read.err(), Some(TeeResult::ERROR_CORRUPT_OBJECT));
    }
}
