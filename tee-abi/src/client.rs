//! The numbers of the TEE Client API (`TEEC_*`) that have no twin inside the TEE.
//!
//! Source: GlobalPlatform TEE Client API 1.0, tables 4-1 to 4-8; OP-TEE's `tee_client_api.h`.
//! Results, origins and login methods are the TEE's own: [`crate::TeeResult`], [`crate::Origin`],
//! [`crate::param::Login`].

use serde::{Deserialize, Serialize};

use crate::param::ParamType;

/// Parameters of an operation (`TEEC_CONFIG_PAYLOAD_REF_COUNT`).
pub const PARAM_COUNT: usize = 4;

/// `TEEC_MEM_INPUT`: the memory carries data to the TA.
pub const MEM_INPUT: u32 = 1;

/// `TEEC_MEM_OUTPUT`: the memory carries data from the TA.
pub const MEM_OUTPUT: u32 = 2;

/// The capability name by which a client may ask for OP-TEE in `TEEC_InitializeContext`.
pub const TEE_NAME: &str = "optee-tz";

/// The environment variable that holds the path of the daemon's control socket.
pub const SOCKET_VARIABLE: &str = "TEEBOX_SOCKET";

/// First of the login methods that belong to the REE kernel.
pub const LOGIN_REE_KERNEL_MIN: u32 = 0x8000_0000;

/// Last of the login methods that belong to the REE kernel.
pub const LOGIN_REE_KERNEL_MAX: u32 = 0xBFFF_FFFF;

/// The name space of the client UUIDs that Linux derives for users and groups.
pub const CLIENT_UUID_NAMESPACE: crate::Uuid = crate::Uuid([
    0x58, 0xac, 0x9c, 0xa0, 0x20, 0x86, 0x46, 0x83, 0xa1, 0xb8, 0xec, 0x4b, 0xc0, 0x8e, 0x01, 0xb6,
]);

/// Which way a parameter carries data, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// To the TA.
    Input,
    /// From the TA.
    Output,
    /// Both ways.
    Inout,
}

impl Direction {
    /// From `TEEC_MEM_*` flags; `None` when neither is set.
    #[must_use]
    pub const fn from_flags(flags: u32) -> Option<Self> {
        match flags & (MEM_INPUT | MEM_OUTPUT) {
            MEM_INPUT => Some(Self::Input),
            MEM_OUTPUT => Some(Self::Output),
            0 => None,
            _ => Some(Self::Inout),
        }
    }

    /// As `TEEC_MEM_*` flags.
    #[must_use]
    pub const fn flags(self) -> u32 {
        match self {
            Self::Input => MEM_INPUT,
            Self::Output => MEM_OUTPUT,
            Self::Inout => MEM_INPUT | MEM_OUTPUT,
        }
    }

    /// Whether the TA's changes go back to the client.
    #[must_use]
    pub const fn is_output(self) -> bool {
        matches!(self, Self::Output | Self::Inout)
    }

    /// The TA's type of a value that goes this way.
    #[must_use]
    pub const fn value(self) -> ParamType {
        match self {
            Self::Input => ParamType::ValueInput,
            Self::Output => ParamType::ValueOutput,
            Self::Inout => ParamType::ValueInout,
        }
    }

    /// The TA's type of a buffer that goes this way.
    #[must_use]
    pub const fn memref(self) -> ParamType {
        match self {
            Self::Input => ParamType::MemrefInput,
            Self::Output => ParamType::MemrefOutput,
            Self::Inout => ParamType::MemrefInout,
        }
    }
}

/// `TEEC_*` parameter type of a client's operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientParam {
    /// `TEEC_NONE`.
    None,
    /// `TEEC_VALUE_*`.
    Value(Direction),
    /// `TEEC_MEMREF_TEMP_*`.
    Temp(Direction),
    /// `TEEC_MEMREF_WHOLE`.
    Whole,
    /// `TEEC_MEMREF_PARTIAL_*`.
    Partial(Direction),
}

impl ClientParam {
    /// Of parameter `index` in `paramTypes`; `None` for a number without meaning.
    #[must_use]
    pub const fn of(param_types: u32, index: u32) -> Option<Self> {
        use Direction::{Inout, Input, Output};
        let shift = match index {
            0..=3 => index * 4,
            _ => return None,
        };
        Some(match (param_types >> shift) & 0xF {
            0x0 => Self::None,
            0x1 => Self::Value(Input),
            0x2 => Self::Value(Output),
            0x3 => Self::Value(Inout),
            0x5 => Self::Temp(Input),
            0x6 => Self::Temp(Output),
            0x7 => Self::Temp(Inout),
            0xC => Self::Whole,
            0xD => Self::Partial(Input),
            0xE => Self::Partial(Output),
            0xF => Self::Partial(Inout),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn parameter_types_are_read_by_nibble() {
        assert_eq!(
            ClientParam::of(0xC7_31, 0),
            Some(ClientParam::Value(Direction::Input))
        );
        assert_eq!(
            ClientParam::of(0xC7_31, 1),
            Some(ClientParam::Value(Direction::Inout))
        );
        assert_eq!(
            ClientParam::of(0xC7_31, 2),
            Some(ClientParam::Temp(Direction::Inout))
        );
        assert_eq!(ClientParam::of(0xC7_31, 3), Some(ClientParam::Whole));
        assert_eq!(ClientParam::of(4, 0), None);
        assert_eq!(ClientParam::of(0, 4), None);
    }

    #[test]
    fn flags_and_directions_agree() {
        for direction in [Direction::Input, Direction::Output, Direction::Inout] {
            assert_eq!(Direction::from_flags(direction.flags()), Some(direction));
        }
        assert_eq!(Direction::from_flags(4), None);
    }

    #[test]
    fn the_name_space_is_linux_s() {
        assert_eq!(
            CLIENT_UUID_NAMESPACE.to_string(),
            "58ac9ca0-2086-4683-a1b8-ec4bc08e01b6"
        );
    }
}
