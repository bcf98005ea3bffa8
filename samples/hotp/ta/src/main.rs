//! One-time passwords by RFC 4226, from a key and a counter that live as long as the session.
//!
//! | command | parameters | effect |
//! |---|---|---|
//! | 0 `REGISTER_SHARED_KEY` | memref input, at most 64 bytes | the session's key |
//! | 1 `GET_HOTP` | value output | a is the next password of six digits |
#![no_std]
#![no_main]

use utee::algorithms::TEE_ALG_HMAC_SHA1;
use utee::objects::TEE_TYPE_HMAC_SHA1;
use utee::operation::Mac;
use utee::{Object, ParamType, Params, Result, TeeResult, TrustedApp, Value, dmsg};

const CMD_REGISTER_SHARED_KEY: u32 = 0;
const CMD_GET_HOTP: u32 = 1;

/// Key sizes of HMAC-SHA-1 in the TEE Internal Core API, in bytes.
const KEY_SIZES: core::ops::RangeInclusive<usize> = 10..=64;
const SHA1_SIZE: usize = 20;
/// Six digits.
const MODULUS: u32 = 1_000_000;

struct Hotp;

/// A session's key and moving factor.
struct Token {
    key: [u8; *KEY_SIZES.end()],
    key_len: usize,
    counter: u64,
}

impl TrustedApp for Hotp {
    type Session = Token;

    fn create() -> Result<Self> {
        Ok(Self)
    }

    fn open_session(&mut self, params: &mut Params<'_>) -> Result<Token> {
        params.expect([ParamType::None; 4])?;
        Ok(Token {
            key: [0; *KEY_SIZES.end()],
            key_len: 0,
            counter: 0,
        })
    }

    fn invoke_command(
        &mut self,
        token: &mut Token,
        command: u32,
        params: &mut Params<'_>,
    ) -> Result<()> {
        match command {
            CMD_REGISTER_SHARED_KEY => token.register(params),
            CMD_GET_HOTP => token.next_password(params),
            _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
        }
    }
}

impl Token {
    fn register(&mut self, params: &mut Params<'_>) -> Result<()> {
        let none = ParamType::None;
        params.expect([ParamType::MemrefInput, none, none, none])?;
        let given = params.memref(0)?;
        if given.len() > self.key.len() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        self.key = [0; *KEY_SIZES.end()];
        self.key_len = given.read(&mut self.key);
        dmsg!("Got shared key ({} bytes).", self.key_len);
        Ok(())
    }

    fn next_password(&mut self, params: &mut Params<'_>) -> Result<()> {
        let none = ParamType::None;
        params.expect([ParamType::ValueOutput, none, none, none])?;
        let password = truncate(&self.mac()?) % MODULUS;
        self.counter = self.counter.wrapping_add(1);
        dmsg!("HOTP is: {password}");
        params.set_value(0, Value { a: password, b: 0 })
    }

    fn mac(&self) -> Result<[u8; SHA1_SIZE]> {
        let key = self.key.get(..self.key_len).unwrap_or_default();
        if !KEY_SIZES.contains(&key.len()) {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let key = Object::secret(TEE_TYPE_HMAC_SHA1, key)?;
        let mut mac = [0; SHA1_SIZE];
        Mac::new(TEE_ALG_HMAC_SHA1, &key)?.finish(&self.counter.to_be_bytes(), &mut mac)?;
        Ok(mac)
    }
}

/// The dynamic truncation of RFC 4226, section 5.3: 31 bits at the place that the last byte names.
fn truncate(mac: &[u8; SHA1_SIZE]) -> u32 {
    let offset = usize::from(mac[SHA1_SIZE - 1] & 0xf);
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(mac.iter().skip(offset)) {
        *to = *from;
    }
    u32::from_be_bytes(word) & 0x7fff_ffff
}

utee::ta! {
    app: Hotp,
    uuid: "3046cd1b-f954-4dfc-966d-d4aff8fae5e5",
    version: "1.0",
    description: "HMAC-based one-time passwords (RFC 4226)",
}
