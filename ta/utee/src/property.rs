//! Properties of the TEE, the TA and its client.
//!
//! The TA's own properties (and four of the TEE's) lie in the TA, as in upstream's libutee; the
//! TEE answers for the rest. A value is read in memory form with its type.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::{ptr, slice};

use tee_abi::property::{
    PROPSET_CURRENT_CLIENT, PROPSET_CURRENT_TA, PROPSET_TEE_IMPLEMENTATION, PropType,
};
use tee_abi::{TeeResult, Uuid};

use crate::layout::Property;
use crate::{Result, param, syscall};

/// A property set (`TEE_PROPSET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Of the TEE.
    Tee,
    /// Of this TA.
    Ta,
    /// Of the client of the running operation.
    Client,
}

impl Set {
    const fn number(self) -> usize {
        match self {
            Self::Tee => PROPSET_TEE_IMPLEMENTATION as usize,
            Self::Ta => PROPSET_CURRENT_TA as usize,
            Self::Client => PROPSET_CURRENT_CLIENT as usize,
        }
    }

    /// What lies in the TA itself.
    fn local(self) -> &'static [Property] {
        match self {
            // SAFETY: `ta!` defines both, the number counts the array.
            Self::Ta => unsafe { slice::from_raw_parts(&raw const ta_props, ta_num_props) },
            Self::Tee => TEE_PROPERTIES,
            Self::Client => &[],
        }
    }
}

unsafe extern "C" {
    static ta_props: Property;
    static ta_num_props: usize;
}

const TEE_PROPERTIES: &[Property] = &[
    crate::__property!("gpd.tee.arith.maxBigIntSize", u32 2048),
    crate::__property!("gpd.tee.sockets.version", u32 0x0100_0000),
    crate::__property!("gpd.tee.sockets.tcp.version", u32 0x0100_0000),
    crate::__property!("gpd.tee.internalCore.version", u32 0x0103_0100),
];

/// A value with its type, in memory form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyValue {
    /// How the bytes are read (`enum user_ta_prop_type`).
    pub kind: u32,
    /// The value.
    pub bytes: Vec<u8>,
}

fn local_value(property: &Property) -> PropertyValue {
    let len = match property.kind {
        PropType::Bool => 1,
        PropType::U32 => 4,
        PropType::U64 => 8,
        PropType::Uuid => 16,
        PropType::Identity => 20,
        PropType::String | PropType::BinaryBlock => text(property.value.cast()).count_bytes() + 1,
    };
    // SAFETY: the value has the length of its type.
    let bytes = unsafe { slice::from_raw_parts(property.value.cast::<u8>(), len) };
    PropertyValue {
        kind: property.kind as u32,
        bytes: bytes.to_vec(),
    }
}

fn local_name(property: &Property) -> &'static CStr {
    text(property.name.cast())
}

/// A text of a [`Property`].
fn text(start: *const c_char) -> &'static CStr {
    // SAFETY: `ta!` ends names and texts with zero, and they live as long as the TA.
    unsafe { CStr::from_ptr(start) }
}

/// The property of a name, with its type.
///
/// # Errors
/// `TEE_ERROR_ITEM_NOT_FOUND`.
pub fn get(set: Set, name: &str) -> Result<PropertyValue> {
    let here = |property: &&Property| local_name(property).to_bytes() == name.as_bytes();
    if let Some(property) = set.local().iter().find(here) {
        return Ok(local_value(property));
    }
    let mut text = Vec::from(name.as_bytes());
    text.push(0);
    let mut index = 0;
    // SAFETY: the name is valid for its length with the zero; `index` is ours.
    unsafe {
        syscall::get_property_name_to_index(set.number(), text.as_ptr(), text.len(), &mut index)
    }
    .ok()?;
    remote_value(set, index)
}

fn remote_value(set: Set, index: u32) -> Result<PropertyValue> {
    let (mut len, mut kind) = (0, 0);
    let mut bytes = Vec::new();
    loop {
        // SAFETY: no name is asked for; the buffer has `len` bytes.
        let result = unsafe {
            syscall::get_property(
                set.number(),
                index as usize,
                ptr::null_mut(),
                ptr::null_mut(),
                bytes.as_mut_ptr(),
                &mut len,
                &mut kind,
            )
        };
        if result == TeeResult::ERROR_SHORT_BUFFER && len as usize > bytes.len() {
            bytes = param::zeroed(len as usize)?;
            continue;
        }
        result.ok()?;
        bytes.truncate(len as usize);
        return Ok(PropertyValue { kind, bytes });
    }
}

/// Longest property name that a listing yields, with its zero.
const NAME_MAX: usize = 80;

/// The name of the property at `index`; none at the end of the set.
///
/// # Errors
/// `TEE_ERROR_SHORT_BUFFER` for a name of more than 79 bytes.
pub fn name(set: Set, index: u32) -> Result<Option<String>> {
    let local = set.local();
    if let Some(property) = local.get(index as usize) {
        return Ok(Some(local_name(property).to_string_lossy().into_owned()));
    }
    let mut bytes = [0u8; NAME_MAX];
    let mut len = NAME_MAX as u32;
    // SAFETY: the buffer has `len` bytes; no value is asked for.
    let result = unsafe {
        syscall::get_property(
            set.number(),
            index as usize - local.len(),
            bytes.as_mut_ptr(),
            &mut len,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if result == TeeResult::ERROR_ITEM_NOT_FOUND {
        return Ok(None);
    }
    result.ok()?;
    let text = CStr::from_bytes_until_nul(&bytes).map_err(|_| TeeResult::ERROR_BAD_FORMAT)?;
    Ok(Some(text.to_string_lossy().into_owned()))
}

fn of_kind<const N: usize>(set: Set, name: &str, kind: PropType) -> Result<[u8; N]> {
    let value = get(set, name)?;
    match value.bytes.try_into() {
        Ok(bytes) if value.kind == kind as u32 => Ok(bytes),
        _ => Err(TeeResult::ERROR_BAD_FORMAT),
    }
}

/// `TEE_GetPropertyAsBool`.
///
/// # Errors
/// `TEE_ERROR_ITEM_NOT_FOUND`, `TEE_ERROR_BAD_FORMAT` when it is of another type.
pub fn get_bool(set: Set, name: &str) -> Result<bool> {
    Ok(of_kind::<1>(set, name, PropType::Bool)? != [0])
}

/// `TEE_GetPropertyAsU32`.
///
/// # Errors
/// As [`get_bool`].
pub fn get_u32(set: Set, name: &str) -> Result<u32> {
    Ok(u32::from_le_bytes(of_kind(set, name, PropType::U32)?))
}

/// `TEE_GetPropertyAsU64`.
///
/// # Errors
/// As [`get_bool`].
pub fn get_u64(set: Set, name: &str) -> Result<u64> {
    Ok(u64::from_le_bytes(of_kind(set, name, PropType::U64)?))
}

/// `TEE_GetPropertyAsUUID`.
///
/// # Errors
/// As [`get_bool`].
pub fn get_uuid(set: Set, name: &str) -> Result<Uuid> {
    Ok(Uuid::from_memory(of_kind(set, name, PropType::Uuid)?))
}

/// `TEE_GetPropertyAsIdentity`: the login method and the UUID.
///
/// # Errors
/// As [`get_bool`].
pub fn get_identity(set: Set, name: &str) -> Result<(u32, Uuid)> {
    let bytes = of_kind::<20>(set, name, PropType::Identity)?;
    let (Some(login), Some(uuid)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<16>()) else {
        return Err(TeeResult::ERROR_BAD_FORMAT);
    };
    Ok((u32::from_le_bytes(*login), Uuid::from_memory(*uuid)))
}

/// The text of a string property, without its zero.
///
/// # Errors
/// As [`get_bool`].
pub fn get_text(set: Set, name: &str) -> Result<String> {
    let mut value = get(set, name)?;
    if value.kind != PropType::String as u32 {
        return Err(TeeResult::ERROR_BAD_FORMAT);
    }
    while value.bytes.pop_if(|last| *last == 0).is_some() {}
    String::from_utf8(value.bytes).map_err(|_| TeeResult::ERROR_BAD_FORMAT)
}
