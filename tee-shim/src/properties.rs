//! The properties the core answers: of the implementation, the client and the TA.
//!
//! `gpd.ta.*` other than `appID` and `gpd.tee.arith.maxBigIntSize` are answered by libutee in the
//! TA. Source: `core/tee/tee_svc.c`, GP TEE Internal Core API 1.3.1 section 4.7.

use alloc::vec::Vec;

use litebox::{AddressSpace, UserPtr};
use tee_abi::TeeResult;
use tee_abi::property::{
    PROPSET_CURRENT_CLIENT, PROPSET_CURRENT_TA, PROPSET_TEE_IMPLEMENTATION, PropType,
};

use crate::SysResult;
use crate::instance::{Host, Instance};

/// Where a property's value comes from.
#[derive(Clone, Copy)]
enum Value {
    Text(&'static str),
    Word(u32),
    Flag(bool),
    DeviceId,
    ClientIdentity,
    AppId,
}

/// A property: name, type, value.
struct Property(&'static str, PropType, Value);

const TEE: &[Property] = &[
    Property(
        "gpd.tee.apiversion",
        PropType::String,
        Value::Text("GPD-1.1-dev"),
    ),
    Property(
        "gpd.tee.description",
        PropType::String,
        Value::Text("OPTEE"),
    ),
    Property("gpd.tee.deviceID", PropType::Uuid, Value::DeviceId),
    Property(
        "gpd.tee.systemTime.protectionLevel",
        PropType::U32,
        Value::Word(1000),
    ),
    Property(
        "gpd.tee.TAPersistentTime.protectionLevel",
        PropType::U32,
        Value::Word(100),
    ),
    Property(
        "gpd.tee.cryptography.ecc",
        PropType::Bool,
        Value::Flag(true),
    ),
    Property(
        "gpd.tee.trustedStorage.antiRollback.protectionLevel",
        PropType::U32,
        Value::Word(100),
    ),
    Property(
        "gpd.tee.trustedos.implementation.version",
        PropType::String,
        Value::Text(concat!("teebox-", env!("CARGO_PKG_VERSION"))),
    ),
    Property(
        "gpd.tee.trustedos.implementation.binaryversion",
        PropType::U32,
        Value::Word(0),
    ),
    Property(
        "gpd.tee.trustedos.manufacturer",
        PropType::String,
        Value::Text("teebox"),
    ),
    Property(
        "gpd.tee.firmware.implementation.version",
        PropType::String,
        Value::Text("FW_IMPL_UNDEF"),
    ),
    Property(
        "gpd.tee.firmware.implementation.binaryversion",
        PropType::U32,
        Value::Word(0),
    ),
    Property(
        "gpd.tee.firmware.manufacturer",
        PropType::String,
        Value::Text("FW_MAN_UNDEF"),
    ),
    Property(
        "io.teebox.developmentHost",
        PropType::Bool,
        Value::Flag(true),
    ),
];

const CLIENT: &[Property] = &[
    Property(
        "gpd.client.identity",
        PropType::Identity,
        Value::ClientIdentity,
    ),
    Property("gpd.client.endian", PropType::U32, Value::Word(0)),
];

const TA: &[Property] = &[Property("gpd.ta.appID", PropType::Uuid, Value::AppId)];

fn set(prop_set: u64) -> &'static [Property] {
    match prop_set as u32 {
        PROPSET_TEE_IMPLEMENTATION => TEE,
        PROPSET_CURRENT_CLIENT => CLIENT,
        PROPSET_CURRENT_TA => TA,
        _ => &[],
    }
}

impl<H: Host> Instance<H> {
    /// `_utee_get_property`: type, value and name of the property at an index, each where asked.
    #[expect(clippy::too_many_arguments, reason = "the syscall's arguments")]
    pub(crate) fn get_property(
        &mut self,
        prop_set: u64,
        index: u64,
        name: UserPtr,
        name_len: UserPtr,
        buf: UserPtr,
        blen: UserPtr,
        prop_type: UserPtr,
    ) -> SysResult {
        let property = usize::try_from(index)
            .ok()
            .and_then(|i| set(prop_set).get(i));
        let Property(label, ty, value) = property.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        if !prop_type.is_null() {
            prop_type.write_u32(self.mm.space_mut(), *ty as u32)?;
        }
        if !buf.is_null() && !blen.is_null() {
            let bytes = self.property_value(*value)?;
            self.put_sized(buf, blen, &bytes)?;
        }
        if !name.is_null() && !name_len.is_null() {
            self.put_sized(name, name_len, &terminated(label))?;
        }
        Ok(())
    }

    /// Writes bytes and their length; a buffer that is too short gets the length alone.
    fn put_sized(&mut self, buf: UserPtr, len: UserPtr, bytes: &[u8]) -> SysResult {
        let room = len.read_u32(self.mm.space())?;
        let need = bytes.len() as u32;
        let fits = room >= need;
        if fits {
            buf.write(self.mm.space_mut(), bytes)?;
        }
        len.write_u32(self.mm.space_mut(), need)?;
        if fits {
            Ok(())
        } else {
            Err(TeeResult::ERROR_SHORT_BUFFER.into())
        }
    }

    fn property_value(&mut self, value: Value) -> Result<Vec<u8>, crate::Trap> {
        Ok(match value {
            Value::Text(text) => terminated(text),
            Value::Word(word) => word.to_le_bytes().to_vec(),
            Value::Flag(flag) => Vec::from([u8::from(flag)]),
            Value::DeviceId => self.config.device_id.to_memory().to_vec(),
            Value::AppId => self.config.uuid.to_memory().to_vec(),
            Value::ClientIdentity => {
                let client = self.session()?.client;
                let mut bytes = client.login.0.to_le_bytes().to_vec();
                bytes.extend_from_slice(&client.uuid.to_memory());
                bytes
            }
        })
    }

    /// `_utee_get_property_name_to_index`.
    pub(crate) fn get_property_name_to_index(
        &mut self,
        prop_set: u64,
        name: UserPtr,
        name_len: u64,
        index: UserPtr,
    ) -> SysResult {
        let set = set(prop_set);
        if set.is_empty() {
            return Err(TeeResult::ERROR_ITEM_NOT_FOUND.into());
        }
        if name.is_null() || name_len == 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let bytes = self.mm.space().read_vec(name.0, name_len)?;
        // The last byte is the terminator whatever it holds, as upstream overwrites it.
        let text = bytes.split_last().map_or(&[][..], |(_, text)| text);
        let text = text.split(|b| *b == 0).next().unwrap_or(&[]);
        let found = set.iter().position(|p| p.0.as_bytes() == text);
        let found = found.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        Ok(index.write_u32(self.mm.space_mut(), found as u32)?)
    }
}

fn terminated(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}
