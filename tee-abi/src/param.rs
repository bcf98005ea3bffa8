//! Parameter types of an operation, and who a client is.

use serde::{Deserialize, Serialize};

use crate::Uuid;

/// `TEE_PARAM_TYPE_*` of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum ParamType {
    /// Unused.
    #[default]
    None = 0,
    /// Two words to the TA.
    ValueInput = 1,
    /// Two words from the TA.
    ValueOutput = 2,
    /// Two words both ways.
    ValueInout = 3,
    /// A buffer the TA reads.
    MemrefInput = 5,
    /// A buffer the TA writes.
    MemrefOutput = 6,
    /// A buffer the TA reads and writes.
    MemrefInout = 7,
}

impl ParamType {
    /// From a nibble of the type word.
    #[must_use]
    pub const fn from_nibble(nibble: u64) -> Option<Self> {
        match nibble {
            0 => Some(Self::None),
            1 => Some(Self::ValueInput),
            2 => Some(Self::ValueOutput),
            3 => Some(Self::ValueInout),
            5 => Some(Self::MemrefInput),
            6 => Some(Self::MemrefOutput),
            7 => Some(Self::MemrefInout),
            _ => None,
        }
    }

    /// Whether it is a buffer.
    #[must_use]
    pub const fn is_memref(self) -> bool {
        matches!(
            self,
            Self::MemrefInput | Self::MemrefOutput | Self::MemrefInout
        )
    }

    /// Whether it is a pair of words.
    #[must_use]
    pub const fn is_value(self) -> bool {
        matches!(
            self,
            Self::ValueInput | Self::ValueOutput | Self::ValueInout
        )
    }

    /// Whether the TA's changes go back to the caller.
    #[must_use]
    pub const fn is_output(self) -> bool {
        matches!(
            self,
            Self::ValueOutput | Self::ValueInout | Self::MemrefOutput | Self::MemrefInout
        )
    }

    /// Whether the caller's content goes to the TA.
    #[must_use]
    pub const fn is_input(self) -> bool {
        matches!(
            self,
            Self::ValueInput | Self::ValueInout | Self::MemrefInput | Self::MemrefInout
        )
    }
}

/// `TEE_LOGIN_*`: how a client identified itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login(pub u32);

impl Login {
    /// No identity.
    pub const PUBLIC: Self = Self(0);
    /// The effective user.
    pub const USER: Self = Self(1);
    /// A group the user is a member of.
    pub const GROUP: Self = Self(2);
    /// The program.
    pub const APPLICATION: Self = Self(4);
    /// User and program.
    pub const APPLICATION_USER: Self = Self(5);
    /// Group and program.
    pub const APPLICATION_GROUP: Self = Self(6);
    /// Another Trusted Application.
    pub const TRUSTED_APP: Self = Self(0xF000_0000);
    /// The REE kernel.
    pub const REE_KERNEL: Self = Self(0x8000_0000);
}

/// `TEE_Identity`: the login method and the UUID it yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How the client identified itself.
    pub login: Login,
    /// Nil for public logins, derived for users and groups, the TA's for TA-to-TA calls.
    pub uuid: Uuid,
}

impl Identity {
    /// A public client.
    pub const PUBLIC: Self = Self {
        login: Login::PUBLIC,
        uuid: Uuid::NIL,
    };
}
