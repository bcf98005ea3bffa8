//! UUIDs in the three shapes they travel in: text, octets (big endian, in signed headers), and
//! the in-memory `TEE_UUID` structure (little-endian fields, in `.ta_head` and syscalls).

use ::core::fmt;
use ::core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A UUID, kept as the sixteen octets of RFC 4122 (big-endian fields).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

/// A text is not a UUID of the form `8-4-4-4-12` hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseUuidError;

impl fmt::Display for ParseUuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
    }
}

impl ::core::error::Error for ParseUuidError {}

impl Uuid {
    /// The all-zero UUID.
    pub const NIL: Self = Self([0; 16]);

    /// From the fields of a `TEE_UUID`.
    #[must_use]
    pub const fn from_fields(low: u32, mid: u16, high: u16, node: [u8; 8]) -> Self {
        let (l, m, h) = (low.to_be_bytes(), mid.to_be_bytes(), high.to_be_bytes());
        Self([
            l[0], l[1], l[2], l[3], m[0], m[1], h[0], h[1], node[0], node[1], node[2], node[3],
            node[4], node[5], node[6], node[7],
        ])
    }

    /// From a `TEE_UUID` as it lies in memory: the first three fields are little endian.
    #[must_use]
    pub const fn from_memory(m: [u8; 16]) -> Self {
        Self([
            m[3], m[2], m[1], m[0], m[5], m[4], m[7], m[6], m[8], m[9], m[10], m[11], m[12], m[13],
            m[14], m[15],
        ])
    }

    /// As a `TEE_UUID` lies in memory; the inverse of [`Uuid::from_memory`].
    #[must_use]
    pub const fn to_memory(self) -> [u8; 16] {
        Self::from_memory(self.0).0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return Err(ParseUuidError);
        }
        let mut out = [0u8; 16];
        let mut nibbles = 0usize;
        for (i, &c) in text.iter().enumerate() {
            if matches!(i, 8 | 13 | 18 | 23) {
                if c != b'-' {
                    return Err(ParseUuidError);
                }
                continue;
            }
            let digit = (c as char).to_digit(16).ok_or(ParseUuidError)?;
            let slot = out.get_mut(nibbles / 2).ok_or(ParseUuidError)?;
            *slot = (*slot << 4) | digit as u8;
            nibbles += 1;
        }
        Ok(Self(out))
    }
}

/// Text in formats for people, octets in messages.
impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = alloc::string::String::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const TEXT: &str = "8aaaf200-2450-11e4-abe2-0002a5d5c51b";

    #[test]
    fn text_round_trips() {
        assert_eq!(TEXT.parse::<Uuid>().unwrap().to_string(), TEXT);
    }

    #[test]
    fn memory_form_swaps_the_first_three_fields() {
        let uuid = Uuid::from_fields(
            0x8aaaf200,
            0x2450,
            0x11e4,
            [0xab, 0xe2, 0x00, 0x02, 0xa5, 0xd5, 0xc5, 0x1b],
        );
        assert_eq!(uuid.to_string(), TEXT);
        assert_eq!(
            uuid.to_memory()[..8],
            [0x00, 0xf2, 0xaa, 0x8a, 0x50, 0x24, 0xe4, 0x11]
        );
        assert_eq!(Uuid::from_memory(uuid.to_memory()), uuid);
    }

    #[test]
    fn malformed_text_is_refused() {
        for bad in [
            "",
            "8aaaf200",
            "8aaaf200-2450-11e4-abe2-0002a5d5c51",
            "8aaaf200x2450-11e4-abe2-0002a5d5c51b",
            "8aaaf200-2450-11e4-abe2-0002a5d5c51g",
        ] {
            assert_eq!(bad.parse::<Uuid>(), Err(ParseUuidError), "{bad}");
        }
    }
}
