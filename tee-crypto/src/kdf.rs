//! Key derivation as OP-TEE does it: HKDF (RFC 5869), the concatenation KDF of NIST SP 800-56A, and
//! PBKDF2 (RFC 8018), over the digests and MACs of a provider.

use alloc::vec;
use alloc::vec::Vec;

use tee_abi::algorithms::{digest_size, hmac_of_digest};

use crate::{Crypto, Error};

/// HKDF: extract with `salt` (zeros when empty), expand with `info` to `len` bytes. `digest` is the
/// hash algorithm.
///
/// # Errors
/// [`Error::NotSupported`] for a digest that has no HMAC, [`Error::BadParameters`] for more than
/// 255 blocks.
pub fn hkdf<C: Crypto>(
    digest: u32,
    ikm: &[u8],
    salt: &[u8],
    info: &[u8],
    len: usize,
) -> Result<Vec<u8>, Error> {
    let size = digest_size(digest).ok_or(Error::NotSupported)?;
    let hmac = hmac_of_digest(digest);
    let zeros = vec![0; size];
    let mut mac = C::mac(hmac, if salt.is_empty() { &zeros } else { salt })?;
    mac.update(ikm);
    let mut prk = zeroize::Zeroizing::new(vec![0; size]);
    mac.finish(&mut prk)?;

    let blocks = len.div_ceil(size);
    if blocks > 255 {
        return Err(Error::BadParameters);
    }
    let mut out = vec![0; len];
    let mut previous = Vec::new();
    for (count, chunk) in (1u8..).zip(out.chunks_mut(size)) {
        let mut mac = C::mac(hmac, &prk)?;
        mac.update(&previous);
        mac.update(info);
        mac.update(&[count]);
        previous.resize(size, 0);
        mac.finish(&mut previous)?;
        copy_prefix(chunk, &previous);
    }
    Ok(out)
}

/// The concatenation KDF with the hash algorithm `digest`.
///
/// # Errors
/// [`Error::NotImplemented`] for an algorithm that is no digest.
pub fn concat_kdf<C: Crypto>(
    digest: u32,
    secret: &[u8],
    other_info: &[u8],
    len: usize,
) -> Result<Vec<u8>, Error> {
    let mut hash = C::hash(digest)?;
    let size = digest_size(digest).ok_or(Error::NotSupported)?;
    let mut out = vec![0; len];
    for (count, chunk) in (1u32..).zip(out.chunks_mut(size)) {
        hash.update(&count.to_be_bytes());
        hash.update(secret);
        hash.update(other_info);
        hash.finish(chunk);
    }
    Ok(out)
}

/// PBKDF2 with the MAC algorithm `hmac`. No iterations at all give zeros, as in OP-TEE.
///
/// # Errors
/// [`Error::NotSupported`] for an algorithm that is no MAC, [`Error::BadState`] for an empty
/// password.
pub fn pbkdf2<C: Crypto>(
    hmac: u32,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Result<Vec<u8>, Error> {
    let size = digest_size(hmac).ok_or(Error::NotSupported)?;
    let mut out = vec![0; len];
    if iterations == 0 || len == 0 {
        return Ok(out);
    }
    let keyed = C::mac(hmac, password)?;
    for (index, chunk) in (1u32..).zip(out.chunks_mut(size)) {
        let mut u = vec![0; size];
        for iteration in 0..iterations {
            let mut mac = keyed.clone();
            if iteration == 0 {
                mac.update(salt);
                mac.update(&index.to_be_bytes());
            } else {
                mac.update(&u);
            }
            mac.finish(&mut u)?;
            for (to, from) in chunk.iter_mut().zip(&u) {
                *to ^= from;
            }
        }
    }
    Ok(out)
}

fn copy_prefix(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
