//! `TEE_Result` and where a result came from.
//!
//! Source: GlobalPlatform TEE Internal Core API 1.3.1, table 3-2; TEE Client API 1.0, tables 4-2
//! and 4-3; OP-TEE's extensions.

use ::core::fmt;

use serde::{Deserialize, Serialize};

/// A `TEE_Result` (and `TEEC_Result`: the numbers are the same).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[must_use]
pub struct TeeResult(pub u32);

macro_rules! results {
    ($( $value:literal $name:ident $text:literal; )*) => {
        impl TeeResult {
            $( #[doc = $text] pub const $name: Self = Self($value); )*

            /// Every named result: value, GlobalPlatform's name without the `TEE_` prefix, meaning.
            pub const TABLE: &'static [(Self, &'static str, &'static str)] = &[
                $( (Self($value), stringify!($name), $text), )*
            ];
        }
    };
}

results! {
    0x0000_0000 SUCCESS "The operation succeeded.";
    0xF010_0001 ERROR_CORRUPT_OBJECT "The persistent object is damaged and was removed.";
    0xF010_0002 ERROR_CORRUPT_OBJECT_2 "The persistent object is damaged.";
    0xF010_0003 ERROR_STORAGE_NOT_AVAILABLE "The storage is not accessible now.";
    0xF010_0004 ERROR_STORAGE_NOT_AVAILABLE_2 "The storage is not accessible now.";
    0xF010_0006 ERROR_CIPHERTEXT_INVALID "The ciphertext is invalid for this operation.";
    0xFFFF_0000 ERROR_GENERIC "A non-specific cause.";
    0xFFFF_0001 ERROR_ACCESS_DENIED "Access privileges are not sufficient.";
    0xFFFF_0002 ERROR_CANCEL "The operation was cancelled.";
    0xFFFF_0003 ERROR_ACCESS_CONFLICT "Concurrent accesses caused conflict.";
    0xFFFF_0004 ERROR_EXCESS_DATA "Too much data for the requested operation was passed.";
    0xFFFF_0005 ERROR_BAD_FORMAT "Input data was of invalid format.";
    0xFFFF_0006 ERROR_BAD_PARAMETERS "Input parameters were invalid.";
    0xFFFF_0007 ERROR_BAD_STATE "Operation is not valid in the current state.";
    0xFFFF_0008 ERROR_ITEM_NOT_FOUND "The requested data item is not found.";
    0xFFFF_0009 ERROR_NOT_IMPLEMENTED "The requested operation should exist but is not yet implemented.";
    0xFFFF_000A ERROR_NOT_SUPPORTED "The requested operation is valid but is not supported here.";
    0xFFFF_000B ERROR_NO_DATA "Expected data was missing.";
    0xFFFF_000C ERROR_OUT_OF_MEMORY "System ran out of resources.";
    0xFFFF_000D ERROR_BUSY "The system is busy working on something else.";
    0xFFFF_000E ERROR_COMMUNICATION "Communication with a remote party failed.";
    0xFFFF_000F ERROR_SECURITY "A security fault was detected.";
    0xFFFF_0010 ERROR_SHORT_BUFFER "The supplied buffer is too short for the generated output.";
    0xFFFF_0011 ERROR_EXTERNAL_CANCEL "The operation was cancelled from outside.";
    0xFFFF_300F ERROR_OVERFLOW "A number does not fit.";
    0xFFFF_3024 ERROR_TARGET_DEAD "The Trusted Application terminated abnormally.";
    0xFFFF_3041 ERROR_STORAGE_NO_SPACE "Insufficient storage space.";
    0xFFFF_3071 ERROR_MAC_INVALID "The MAC or the authentication tag does not match.";
    0xFFFF_3072 ERROR_SIGNATURE_INVALID "The signature does not match.";
    0xFFFF_5000 ERROR_TIME_NOT_SET "The Trusted Application's persistent time was never set.";
    0xFFFF_5001 ERROR_TIME_NEEDS_RESET "The Trusted Application's persistent time must be set again.";
    0x8000_0000 ERROR_DEFERRED_DRIVER_INIT "A driver's initialisation is deferred.";
    0x8000_0001 ERROR_NODE_DISABLED "The device tree node is disabled.";
}

impl TeeResult {
    /// GlobalPlatform's name with the `TEE_` prefix, where the value has one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map(|row| row.1)
    }

    /// What the value means, where it has a name.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map(|row| row.2)
    }

    /// Whether this is `TEE_SUCCESS`.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// `Ok` for `TEE_SUCCESS`, the error otherwise.
    ///
    /// # Errors
    /// The result itself, when it is not `TEE_SUCCESS`.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for TeeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{:#010x} (TEE_{name})", self.0),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for TeeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ::core::error::Error for TeeResult {}

impl From<Result<(), TeeResult>> for TeeResult {
    fn from(result: Result<(), TeeResult>) -> Self {
        match result {
            Ok(()) => Self::SUCCESS,
            Err(error) => error,
        }
    }
}

/// Where a result was made (`TEEC_ORIGIN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u32)]
pub enum Origin {
    /// The client library.
    Api = 1,
    /// The communication between the client and the TEE.
    Comms = 2,
    /// The TEE itself.
    Tee = 3,
    /// The Trusted Application.
    TrustedApp = 4,
}

impl Origin {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Api),
            2 => Some(Self::Comms),
            3 => Some(Self::Tee),
            4 => Some(Self::TrustedApp),
            _ => None,
        }
    }
}
