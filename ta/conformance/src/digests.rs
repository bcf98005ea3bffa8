//! Operation states; digests and MACs.

use utee::algorithms::Mode;
use utee::algorithms::{TEE_ALG_AES_CMAC, TEE_ALG_HMAC_SHA1, TEE_ALG_SHA1, TEE_ALG_SHA256};
use utee::objects::{TEE_TYPE_AES, TEE_TYPE_HMAC_SHA1};
use utee::operation::{Digest, Mac};
use utee::{Object, Result, TeeResult, syscall};

use crate::check::code;
use crate::ciphers::{KEY, PLAIN};
use crate::{check, check_eq};

/// SHA-256 of "abc".
const SHA256_ABC: [u8; 32] = [
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
];

/// RFC 2202, test case 1 of HMAC-SHA-1.
const HMAC_SHA1: [u8; 20] = [
    0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e,
    0xf1, 0x46, 0xbe, 0x00,
];

/// AES-CMAC of [`PLAIN`] under [`KEY`].
const CMAC: [u8; 16] = [
    0x66, 0x01, 0x59, 0x4c, 0x8e, 0x06, 0x30, 0x23, 0xc6, 0xeb, 0x97, 0x4d, 0x2c, 0xc3, 0x0e, 0x25,
];

fn allocate(algorithm: u32, mode: Mode) -> Result<usize> {
    let mut state = 0;
    // SAFETY: `state` is ours.
    unsafe { syscall::cryp_state_alloc(algorithm as usize, mode as usize, 0, 0, &mut state) }
        .ok()?;
    Ok(state as usize)
}

pub fn state_alloc() -> Result<()> {
    let state = allocate(TEE_ALG_SHA256, Mode::Digest)?;
    check!(state != 0);
    // SAFETY: no pointer involved.
    unsafe { syscall::cryp_state_free(state) }.ok()?;
    check!(allocate(0x5000_0fff, Mode::Digest).is_err());
    let key = Object::secret(TEE_TYPE_HMAC_SHA1, &[0x0b; 20])?;
    check!(Mac::new(TEE_ALG_AES_CMAC, &key).is_err());
    Ok(())
}

pub fn state_copy() -> Result<()> {
    let (mut one, mut other) = (Digest::new(TEE_ALG_SHA256)?, Digest::new(TEE_ALG_SHA256)?);
    one.update(b"ab")?;
    other.update(b"something else")?;
    other.copy_from(&one)?;
    let mut digest = [0; 32];
    other.finish(b"c", &mut digest)?;
    check_eq!(digest, SHA256_ABC);
    one.finish(b"c", &mut digest)?;
    check_eq!(digest, SHA256_ABC);
    let differs = one.copy_from(&Digest::new(TEE_ALG_SHA1)?);
    check_eq!(code(differs), TeeResult::ERROR_BAD_PARAMETERS);
    Ok(())
}

pub fn state_free() -> Result<()> {
    let state = allocate(TEE_ALG_SHA256, Mode::Digest)?;
    // SAFETY: no pointer involved.
    unsafe {
        syscall::cryp_state_free(state).ok()?;
        check!(!syscall::cryp_state_free(state).is_success());
        check!(!syscall::hash_update(state, KEY.as_ptr(), KEY.len()).is_success());
    }
    Ok(())
}

pub fn hash_init() -> Result<()> {
    let state = allocate(TEE_ALG_SHA256, Mode::Digest)?;
    let mut digest = [0u8; 32];
    let mut len = 32;
    // SAFETY: all buffers are ours and valid for their lengths.
    unsafe {
        let early = syscall::hash_update(state, b"x".as_ptr(), 1);
        check_eq!(early, TeeResult::ERROR_BAD_STATE);
        syscall::hash_init(state, core::ptr::null(), 0).ok()?;
        syscall::hash_update(state, b"to be forgotten".as_ptr(), 15).ok()?;
        syscall::hash_init(state, core::ptr::null(), 0).ok()?;
        syscall::hash_final(state, b"abc".as_ptr(), 3, digest.as_mut_ptr(), &mut len).ok()?;
        syscall::cryp_state_free(state).ok()?;
    }
    check_eq!(digest, SHA256_ABC);
    Ok(())
}

pub fn hash_update() -> Result<()> {
    let mut digest = Digest::new(TEE_ALG_SHA256)?;
    for byte in b"abc" {
        digest.update(&[*byte])?;
    }
    digest.update(b"")?;
    let mut out = [0; 64];
    check_eq!(digest.finish(b"", &mut out)?, 32);
    check_eq!(out.first_chunk(), Some(&SHA256_ABC));
    Ok(())
}

pub fn hash_final() -> Result<()> {
    let mut digest = Digest::new(TEE_ALG_SHA256)?;
    let short = digest.finish(b"abc", &mut [0; 31]);
    check_eq!(code(short), TeeResult::ERROR_SHORT_BUFFER);
    let mut out = [0; 32];
    check_eq!(digest.finish(b"abc", &mut out)?, 32);
    check_eq!(out, SHA256_ABC);
    mac(
        TEE_ALG_HMAC_SHA1,
        TEE_TYPE_HMAC_SHA1,
        &[0x0b; 20],
        b"Hi There",
        &HMAC_SHA1,
    )?;
    mac(TEE_ALG_AES_CMAC, TEE_TYPE_AES, &KEY, &PLAIN, &CMAC)
}

/// A MAC in one go, in pieces, and again with the same operation.
fn mac(algorithm: u32, key_type: u32, key: &[u8], text: &[u8], expected: &[u8]) -> Result<()> {
    let mut mac = Mac::new(algorithm, &Object::secret(key_type, key)?)?;
    let mut out = [0; 64];
    for split in [0, 1, text.len()] {
        let (head, tail) = text.split_at_checked(split).unwrap_or((text, &[]));
        mac.update(head)?;
        let len = mac.finish(tail, &mut out)?;
        check_eq!(out.get(..len), Some(expected));
    }
    Ok(())
}
