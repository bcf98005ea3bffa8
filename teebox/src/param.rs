//! The text form of an operation's parameters, for `invoke` and scenario files.
//!
//! ```text
//! none
//! value:in:A[,B]   value:out   value:inout:A[,B]        decimal or 0x…
//! mem:in:DATA      mem:out:SIZE[@FILE]   mem:inout:DATA[+SIZE][@FILE]
//!     DATA = text:… | hex:… | @FILE | zero:SIZE | NULL
//! ```

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use tee_abi::param::ParamType;
use thiserror::Error;

/// A parameter as given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ParamSpec {
    /// Unused.
    #[default]
    None,
    /// Two words.
    Value {
        /// Direction.
        ty: ParamType,
        /// First word.
        a: u32,
        /// Second word.
        b: u32,
    },
    /// A buffer.
    Mem {
        /// Direction.
        ty: ParamType,
        /// Content at the call; its length is the buffer's. `None` is a NULL buffer.
        data: Option<Vec<u8>>,
        /// Where the output goes besides the report.
        save: Option<PathBuf>,
    },
}

/// A parameter's text is wrong.
#[derive(Debug, Error)]
pub enum ParamError {
    /// The first word is none of the kinds.
    #[error("`{0}` is no parameter: it starts with none of `none`, `value:` and `mem:`")]
    Kind(String),
    /// The direction is none of the three.
    #[error("`{0}` is no direction (in, out, inout)")]
    Direction(String),
    /// Not a 32-bit number.
    #[error("`{0}` is no 32-bit number (decimal, or hexadecimal with 0x)")]
    Number(String),
    /// The buffer's content is in none of the forms.
    #[error("`{0}` is no buffer content (text:…, hex:…, @FILE, zero:SIZE, NULL)")]
    Data(String),
    /// A buffer larger than what a parameter carries here.
    #[error("a buffer of {0} bytes: 64 MiB is the most")]
    TooLarge(u64),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Largest buffer.
const MAX_BUFFER: u64 = 64 << 20;

impl FromStr for ParamSpec {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let (direction, rest) = rest.split_once(':').unwrap_or((rest, ""));
        match kind {
            "none" => Ok(Self::None),
            "value" => value(direction, rest),
            "mem" => memory(direction, rest),
            _ => Err(ParamError::Kind(text.to_owned())),
        }
    }
}

fn value(direction: &str, rest: &str) -> Result<ParamSpec, ParamError> {
    let ty = match direction {
        "in" => ParamType::ValueInput,
        "out" => ParamType::ValueOutput,
        "inout" => ParamType::ValueInout,
        _ => return Err(ParamError::Direction(direction.to_owned())),
    };
    let (a, b) = rest.split_once(',').unwrap_or((rest, ""));
    Ok(ParamSpec::Value {
        ty,
        a: word(a)?,
        b: word(b)?,
    })
}

/// A 32-bit number; nothing is 0, and a negative one is its two's complement.
pub fn word(text: &str) -> Result<u32, ParamError> {
    if text.is_empty() {
        return Ok(0);
    }
    let wrong = || ParamError::Number(text.to_owned());
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).map_err(|_| wrong());
    }
    text.parse::<u32>()
        .or_else(|_| text.parse::<i32>().map(|n| n as u32))
        .map_err(|_| wrong())
}

fn memory(direction: &str, rest: &str) -> Result<ParamSpec, ParamError> {
    match direction {
        "in" => Ok(ParamSpec::Mem {
            ty: ParamType::MemrefInput,
            data: data(rest)?,
            save: None,
        }),
        "out" => {
            let (size, save) = rest.split_once('@').unwrap_or((rest, ""));
            let data = if size == "NULL" {
                None
            } else {
                Some(zeroes(size)?)
            };
            Ok(ParamSpec::Mem {
                ty: ParamType::MemrefOutput,
                data,
                save: path(save),
            })
        }
        "inout" => inout(rest),
        _ => Err(ParamError::Direction(direction.to_owned())),
    }
}

fn inout(rest: &str) -> Result<ParamSpec, ParamError> {
    // `@IN@OUT` saves to OUT; `@IN` alone only reads.
    let (body, save) = match rest.rfind('@') {
        Some(at) if at > 0 => rest.split_at(at),
        _ => (rest, ""),
    };
    let (body, room) = match body.rsplit_once('+') {
        Some((body, room)) if word(room).is_ok() => (body, word(room)?),
        _ => (body, 0),
    };
    let mut data = data(body)?;
    if let Some(bytes) = &mut data {
        bytes.extend(zeroes(&room.to_string())?);
    }
    Ok(ParamSpec::Mem {
        ty: ParamType::MemrefInout,
        data,
        save: path(save.trim_start_matches('@')),
    })
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn zeroes(size: &str) -> Result<Vec<u8>, ParamError> {
    let size = u64::from(word(size)?);
    if size > MAX_BUFFER {
        return Err(ParamError::TooLarge(size));
    }
    Ok(vec![0; size as usize])
}

fn data(text: &str) -> Result<Option<Vec<u8>>, ParamError> {
    let bytes = if text == "NULL" {
        return Ok(None);
    } else if let Some(text) = text.strip_prefix("text:") {
        text.as_bytes().to_vec()
    } else if let Some(hex) = text.strip_prefix("hex:") {
        unhex(hex).ok_or_else(|| ParamError::Data(text.to_owned()))?
    } else if let Some(size) = text.strip_prefix("zero:") {
        zeroes(size)?
    } else if let Some(file) = text.strip_prefix('@') {
        let path = PathBuf::from(file);
        fs::read(&path).map_err(|error| ParamError::File { path, error })?
    } else {
        return Err(ParamError::Data(text.to_owned()));
    };
    if bytes.len() as u64 > MAX_BUFFER {
        return Err(ParamError::TooLarge(bytes.len() as u64));
    }
    Ok(Some(bytes))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ParamSpec {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn values_take_both_bases_and_a_default() {
        let v = |ty, a, b| ParamSpec::Value { ty, a, b };
        assert_eq!(parse("value:inout:42,0"), v(ParamType::ValueInout, 42, 0));
        assert_eq!(parse("value:in:0xff"), v(ParamType::ValueInput, 255, 0));
        assert_eq!(
            parse("value:in:-1,2"),
            v(ParamType::ValueInput, u32::MAX, 2)
        );
        assert_eq!(parse("value:out"), v(ParamType::ValueOutput, 0, 0));
        assert_eq!(parse("none"), ParamSpec::None);
    }

    #[test]
    fn buffers_take_text_hex_zeroes_and_null() {
        let m = |ty, data: Option<&[u8]>| ParamSpec::Mem {
            ty,
            data: data.map(<[u8]>::to_vec),
            save: None,
        };
        assert_eq!(
            parse("mem:in:text:a:b"),
            m(ParamType::MemrefInput, Some(b"a:b"))
        );
        assert_eq!(
            parse("mem:in:hex:00 ff"),
            m(ParamType::MemrefInput, Some(&[0, 255]))
        );
        assert_eq!(parse("mem:in:NULL"), m(ParamType::MemrefInput, None));
        assert_eq!(
            parse("mem:out:3"),
            m(ParamType::MemrefOutput, Some(&[0; 3]))
        );
        assert_eq!(
            parse("mem:inout:text:ab+2"),
            m(ParamType::MemrefInout, Some(b"ab\0\0"))
        );
    }

    #[test]
    fn outputs_can_be_saved() {
        let ParamSpec::Mem { save, .. } = parse("mem:out:64@digest.bin") else {
            unreachable!()
        };
        assert_eq!(save, Some(PathBuf::from("digest.bin")));
    }

    #[test]
    fn wrong_text_is_named() {
        for (text, part) in [
            ("vlaue:in:1", "`vlaue:in:1` is no parameter"),
            ("value:up:1", "`up` is no direction"),
            ("value:in:4294967296", "`4294967296` is no 32-bit number"),
            ("mem:in:abc", "`abc` is no buffer content"),
            ("mem:in:hex:0", "is no buffer content"),
            ("mem:out:0x4000001", "64 MiB is the most"),
            ("mem:in:@/nonexistent/x", "cannot read /nonexistent/x"),
        ] {
            let message = text.parse::<ParamSpec>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
