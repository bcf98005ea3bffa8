//! RSA encryption and signatures as OP-TEE offers them: the function of a provider between the
//! encodings of [`crate::padding`].
//!
//! `room` is the size of the caller's output buffer, checked where OP-TEE checks it.

use alloc::vec::Vec;

use tee_abi::algorithms as alg;

use crate::keys::RsaKey;
use crate::padding;
use crate::{Crypto, Error, Rng};

/// What an encryption with a padding depends on.
#[derive(Clone, Copy, Debug)]
pub struct Oaep<'a> {
    /// Label; empty for PKCS #1 v1.5.
    pub label: &'a [u8],
    /// Digest algorithm of the mask generation.
    pub mgf: u32,
}

fn modulus_bits(key: &RsaKey) -> u32 {
    match key.n.iter().position(|b| *b != 0) {
        None => 0,
        Some(at) => {
            let first = key.n.get(at).copied().unwrap_or(0);
            ((key.n.len() - at) as u32) * 8 - first.leading_zeros()
        }
    }
}

/// Bytes in a key's modulus.
#[must_use]
pub fn width(key: &RsaKey) -> usize {
    modulus_bits(key).div_ceil(8) as usize
}

/// The RSA function without padding; `private` tells which exponent. Leading zeros are dropped.
///
/// # Errors
/// As [`Crypto::rsa_private`]; [`Error::ShortBuffer`].
pub fn no_padding<C: Crypto>(
    key: &RsaKey,
    private: bool,
    input: &[u8],
    room: usize,
) -> Result<Vec<u8>, Error> {
    let output = if private {
        C::rsa_private(key, input)?
    } else {
        C::rsa_public(key, input)?
    };
    let zeros = output.iter().take_while(|b| **b == 0).count();
    let output = output.get(zeros.min(output.len().saturating_sub(1))..);
    fitting(output.unwrap_or_default().to_vec(), room)
}

fn fitting(output: Vec<u8>, room: usize) -> Result<Vec<u8>, Error> {
    if output.len() > room {
        return Err(Error::ShortBuffer(output.len()));
    }
    Ok(output)
}

/// The digest algorithm of a label and the one of the mask, of those OP-TEE takes.
fn oaep_digests(algo: u32, mgf: u32) -> Result<(u32, u32), Error> {
    let digest = alg::internal_digest(algo);
    match (supported(digest), supported(mgf)) {
        (true, true) => Ok((digest, mgf)),
        _ => Err(Error::BadParameters),
    }
}

/// Whether RSA takes a digest.
const fn supported(digest: u32) -> bool {
    matches!(
        digest,
        alg::TEE_ALG_MD5
            | alg::TEE_ALG_SHA1
            | alg::TEE_ALG_SHA224
            | alg::TEE_ALG_SHA256
            | alg::TEE_ALG_SHA384
            | alg::TEE_ALG_SHA512
    )
}

/// Encrypts with padding (`TEE_ALG_RSAES_*`).
///
/// # Errors
/// [`Error::ShortBuffer`], [`Error::BadParameters`] for a message too long for the key.
pub fn encrypt<C: Crypto>(
    algo: u32,
    key: &RsaKey,
    oaep: Oaep<'_>,
    message: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let width = width(key);
    if room < width {
        return Err(Error::ShortBuffer(width));
    }
    let block = if algo == alg::TEE_ALG_RSAES_PKCS1_V1_5 {
        padding::encryption_block(message, width, rng)?
    } else {
        let (digest, mgf) = oaep_digests(algo, oaep.mgf)?;
        padding::oaep_encode::<C>(digest, mgf, oaep.label, message, width, rng)?
    };
    C::rsa_public(key, &block)
}

/// Decrypts with padding (`TEE_ALG_RSAES_*`).
///
/// # Errors
/// [`Error::BadParameters`] for whatever is wrong with the ciphertext; [`Error::Generic`] for a
/// key whose parts do not fit together; [`Error::ShortBuffer`].
pub fn decrypt<C: Crypto>(
    algo: u32,
    key: &RsaKey,
    oaep: Oaep<'_>,
    cipher: &[u8],
    room: usize,
) -> Result<Vec<u8>, Error> {
    let digests = if algo == alg::TEE_ALG_RSAES_PKCS1_V1_5 {
        None
    } else {
        Some(oaep_digests(algo, oaep.mgf)?)
    };
    if cipher.len() != width(key) {
        return Err(Error::BadParameters);
    }
    let block = zeroize::Zeroizing::new(C::rsa_private(key, cipher)?);
    let message = match digests {
        None => padding::open_encryption_block(&block)?,
        Some((digest, mgf)) => padding::oaep_decode::<C>(digest, mgf, oaep.label, &block)?,
    };
    fitting(message, room)
}

const fn is_pss(algo: u32) -> bool {
    algo >> 8 & 0xf == 9
}

/// Signs a digest, or anything with `TEE_ALG_RSASSA_PKCS1_V1_5`.
///
/// # Errors
/// [`Error::BadParameters`] for a digest of a wrong size, or a key too small for the encoding;
/// [`Error::ShortBuffer`].
pub fn sign<C: Crypto>(
    algo: u32,
    key: &RsaKey,
    salt_len: usize,
    value: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    check_digest(algo, value)?;
    let width = width(key);
    if room < width {
        return Err(Error::ShortBuffer(width));
    }
    let digest = alg::digest(algo);
    let block = if algo == alg::TEE_ALG_RSASSA_PKCS1_V1_5 {
        padding::signature_block(value, width)
    } else if is_pss(algo) {
        padding::pss_encode::<C>(digest, value, salt_len, modulus_bits(key), rng)
    } else {
        padding::digest_info(digest, value).and_then(|info| padding::signature_block(&info, width))
    };
    let signature = block.and_then(|block| C::rsa_private(key, &block));
    signature.map_err(|_| Error::BadParameters)
}

fn check_digest(algo: u32, value: &[u8]) -> Result<(), Error> {
    if algo == alg::TEE_ALG_RSASSA_PKCS1_V1_5 {
        return Ok(());
    }
    let digest = alg::digest(algo);
    let size = alg::digest_size(digest).ok_or(Error::NotSupported)?;
    if !supported(digest) || value.len() != size {
        return Err(Error::BadParameters);
    }
    Ok(())
}

/// Checks a signature that [`sign`] made.
///
/// # Errors
/// [`Error::SignatureInvalid`]; [`Error::BadParameters`] for a digest of a wrong size;
/// [`Error::Generic`] for a signature that is no number of this key.
pub fn verify<C: Crypto>(
    algo: u32,
    key: &RsaKey,
    salt_len: usize,
    value: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    check_digest(algo, value)?;
    if signature.len() != width(key) {
        return Err(Error::SignatureInvalid);
    }
    let opened = C::rsa_public(key, signature).map_err(|error| match error {
        Error::BadParameters => Error::SignatureInvalid,
        other => other,
    })?;
    let digest = alg::digest(algo);
    if is_pss(algo) {
        return padding::pss_check::<C>(digest, value, salt_len, modulus_bits(key), &opened);
    }
    if algo == alg::TEE_ALG_RSASSA_PKCS1_V1_5 {
        return matches(value, &opened);
    }
    let info = padding::digest_info(digest, value)?;
    matches(&info, &opened).or_else(|invalid| {
        let legacy = padding::legacy_digest_info(&info).ok_or(invalid)?;
        matches(&legacy, &opened)
    })
}

/// Whether an encoding is that of the content: made again and compared, so nothing is parsed.
fn matches(content: &[u8], opened: &[u8]) -> Result<(), Error> {
    match padding::signature_block(content, opened.len()) {
        Ok(block) if block == opened => Ok(()),
        _ => Err(Error::SignatureInvalid),
    }
}
