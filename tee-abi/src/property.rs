//! Property sets and value types of `_utee_get_property`.
//!
//! Source: `utee_defines.h`, `user_ta_header.h`.

/// `TEE_PROPSET_TEE_IMPLEMENTATION`.
pub const PROPSET_TEE_IMPLEMENTATION: u32 = 0xFFFF_FFFD;
/// `TEE_PROPSET_CURRENT_CLIENT`.
pub const PROPSET_CURRENT_CLIENT: u32 = 0xFFFF_FFFE;
/// `TEE_PROPSET_CURRENT_TA`.
pub const PROPSET_CURRENT_TA: u32 = 0xFFFF_FFFF;

/// `enum user_ta_prop_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PropType {
    /// `bool`, one byte.
    Bool = 0,
    /// `uint32_t`.
    U32 = 1,
    /// `TEE_UUID` in memory form.
    Uuid = 2,
    /// `TEE_Identity`: u32 login, `TEE_UUID`.
    Identity = 3,
    /// Zero-terminated text.
    String = 4,
    /// Zero-terminated base64 text.
    BinaryBlock = 5,
    /// `uint64_t`.
    U64 = 6,
}
