//! The encodings of PKCS #1 (RFC 8017) around the RSA function.
//!
//! They are composed here, not taken from a library, because random bytes come from outside and
//! because what is refused, and with which answer, is OP-TEE's. A ciphertext that does not decode
//! gets one answer, whatever is wrong with it.

use alloc::vec;
use alloc::vec::Vec;

use tee_abi::algorithms as alg;

use crate::{Crypto, Error, Rng};

/// Bytes that PKCS #1 v1.5 adds at least.
const OVERHEAD: usize = 11;

/// MGF1: `len` bytes of mask from a seed.
fn mgf1<C: Crypto>(digest: u32, seed: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    let size = alg::digest_size(digest).ok_or(Error::NotSupported)?;
    let mut hash = C::hash(digest)?;
    let mut mask = vec![0; len];
    for (count, chunk) in (0u32..).zip(mask.chunks_mut(size)) {
        hash.update(seed);
        hash.update(&count.to_be_bytes());
        hash.finish(chunk);
    }
    Ok(mask)
}

fn hashed<C: Crypto>(digest: u32, parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let mut hash = C::hash(digest)?;
    for part in parts {
        hash.update(part);
    }
    let mut out = vec![0; alg::digest_size(digest).ok_or(Error::NotSupported)?];
    hash.finish(&mut out);
    Ok(out)
}

fn xor(to: &mut [u8], from: &[u8]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a ^= b;
    }
}

/// EMSA-PKCS1-v1_5 of anything: 0, 1, 0xff…, 0, the content.
pub(crate) fn signature_block(content: &[u8], width: usize) -> Result<Vec<u8>, Error> {
    if content.len() + OVERHEAD > width {
        return Err(Error::BadParameters);
    }
    let mut block = vec![0xff; width];
    let separator = width - content.len() - 1;
    for (to, from) in block.iter_mut().zip([0, 1]) {
        *to = from;
    }
    for (to, from) in block
        .iter_mut()
        .skip(separator)
        .zip([0].iter().chain(content))
    {
        *to = *from;
    }
    Ok(block)
}

/// `DigestInfo` of a digest: its DER header in front of it.
pub(crate) fn digest_info(digest: u32, value: &[u8]) -> Result<Vec<u8>, Error> {
    let oid: &[u8] = match digest {
        alg::TEE_ALG_MD5 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
        alg::TEE_ALG_SHA1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
        alg::TEE_ALG_SHA224 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04],
        alg::TEE_ALG_SHA256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
        alg::TEE_ALG_SHA384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
        alg::TEE_ALG_SHA512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        _ => return Err(Error::BadParameters),
    };
    // SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }: every length fits one byte.
    let inner = oid.len() as u8 + 4;
    let mut info = vec![
        0x30,
        inner + value.len() as u8 + 4,
        0x30,
        inner,
        0x06,
        oid.len() as u8,
    ];
    info.extend_from_slice(oid);
    info.extend_from_slice(&[0x05, 0x00, 0x04, value.len() as u8]);
    info.extend_from_slice(value);
    Ok(info)
}

/// The same without the NULL, which some old signers left out.
pub(crate) fn legacy_digest_info(info: &[u8]) -> Option<Vec<u8>> {
    let oid_len = usize::from(*info.get(5)?);
    let mut legacy = info.to_vec();
    legacy.drain(6 + oid_len..8 + oid_len);
    for at in [1, 3] {
        *legacy.get_mut(at)? -= 2;
    }
    Some(legacy)
}

/// Widths of an EMSA-PSS encoding: the whole, and its data block.
fn pss_widths(bits: u32, digest_len: usize, salt_len: usize) -> Option<(usize, usize)> {
    let width = bits.checked_sub(1)?.div_ceil(8) as usize;
    let needed = digest_len.checked_add(salt_len)?.checked_add(2)?;
    (width >= needed).then(|| (width, width - digest_len - 1))
}

/// EMSA-PSS of a digest with a random salt, for a modulus of `bits`.
pub(crate) fn pss_encode<C: Crypto>(
    digest: u32,
    value: &[u8],
    salt_len: usize,
    bits: u32,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let widths = pss_widths(bits, value.len(), salt_len);
    let (width, db_len) = widths.ok_or(Error::BadParameters)?;
    let mut salt = vec![0; salt_len];
    rng.fill(&mut salt);
    let hash = hashed::<C>(digest, &[&[0; 8], value, &salt])?;
    let mut block = vec![0; db_len - salt_len - 1];
    block.push(1);
    block.extend_from_slice(&salt);
    xor(&mut block, &mgf1::<C>(digest, &hash, db_len)?);
    block.extend_from_slice(&hash);
    block.push(0xbc);
    clear_excess(&mut block, width, bits);
    Ok(block)
}

/// Clears the bits in front of a number one bit shorter than the modulus.
fn clear_excess(block: &mut [u8], width: usize, bits: u32) {
    if let Some(first) = block.first_mut() {
        *first &= excess_mask(width, bits);
    }
}

const fn excess_mask(width: usize, bits: u32) -> u8 {
    (0xff_u32 >> (width as u32 * 8 - (bits - 1))) as u8
}

/// Checks an EMSA-PSS encoding.
pub(crate) fn pss_check<C: Crypto>(
    digest: u32,
    value: &[u8],
    salt_len: usize,
    bits: u32,
    encoded: &[u8],
) -> Result<(), Error> {
    const INVALID: Error = Error::SignatureInvalid;
    let (width, db_len) = pss_widths(bits, value.len(), salt_len).ok_or(INVALID)?;
    // A modulus of 8n + 1 bits is one byte wider than the encoding.
    let encoded = encoded.get(encoded.len() - width..).ok_or(INVALID)?;
    let (block, tail) = encoded.split_at(db_len);
    let (hash, trailer) = tail.split_at(value.len());
    if trailer != [0xbc]
        || block
            .first()
            .is_none_or(|b| b & !excess_mask(width, bits) != 0)
    {
        return Err(INVALID);
    }
    let mut block = block.to_vec();
    xor(&mut block, &mgf1::<C>(digest, hash, db_len)?);
    clear_excess(&mut block, width, bits);
    let (zeros, salt) = block.split_at(db_len - salt_len);
    let (one, zeros) = zeros.split_last().ok_or(INVALID)?;
    if *one != 1 || zeros.iter().any(|b| *b != 0) {
        return Err(INVALID);
    }
    if hashed::<C>(digest, &[&[0; 8], value, salt])? == hash {
        Ok(())
    } else {
        Err(INVALID)
    }
}

/// EME-PKCS1-v1_5: 0, 2, random bytes other than 0, 0, the message.
pub(crate) fn encryption_block(
    message: &[u8],
    width: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    if message.len() + OVERHEAD > width {
        return Err(Error::BadParameters);
    }
    let mut block = vec![0, 2];
    let separator = width - message.len() - 1;
    while block.len() < separator {
        let mut byte = [0];
        rng.fill(&mut byte);
        block.extend(byte.iter().filter(|b| **b != 0));
    }
    block.push(0);
    block.extend_from_slice(message);
    Ok(block)
}

/// The message in an EME-PKCS1-v1_5 encoding.
pub(crate) fn open_encryption_block(block: &[u8]) -> Result<Vec<u8>, Error> {
    let (start, rest) = block.split_at_checked(2).ok_or(Error::BadParameters)?;
    let padding = rest.iter().position(|b| *b == 0);
    match padding {
        Some(len) if len >= 8 && start == [0, 2] => {
            Ok(rest.get(len + 1..).unwrap_or_default().to_vec())
        }
        _ => Err(Error::BadParameters),
    }
}

/// EME-OAEP. The label's digest and the mask generation's may differ.
pub(crate) fn oaep_encode<C: Crypto>(
    digest: u32,
    mgf: u32,
    label: &[u8],
    message: &[u8],
    width: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let size = alg::digest_size(digest).ok_or(Error::NotSupported)?;
    let room = width
        .checked_sub(2 * size + 2)
        .filter(|_| 2 * size < width.saturating_sub(2));
    if room.is_none_or(|room| message.len() > room) {
        return Err(Error::BadParameters);
    }
    let mut block = hashed::<C>(digest, &[label])?;
    block.resize(width - message.len() - size - 2, 0);
    block.push(1);
    block.extend_from_slice(message);
    let mut seed = vec![0; size];
    rng.fill(&mut seed);
    xor(&mut block, &mgf1::<C>(mgf, &seed, width - size - 1)?);
    xor(&mut seed, &mgf1::<C>(mgf, &block, size)?);
    Ok([&[0], &seed[..], &block].concat())
}

/// The message in an EME-OAEP encoding.
pub(crate) fn oaep_decode<C: Crypto>(
    digest: u32,
    mgf: u32,
    label: &[u8],
    encoded: &[u8],
) -> Result<Vec<u8>, Error> {
    let size = alg::digest_size(digest).ok_or(Error::NotSupported)?;
    if 2 * size >= encoded.len().saturating_sub(2) {
        return Err(Error::BadParameters);
    }
    let (first, rest) = encoded.split_first().ok_or(Error::BadParameters)?;
    let (seed, block) = rest.split_at(size);
    let (mut seed, mut block) = (seed.to_vec(), block.to_vec());
    xor(&mut seed, &mgf1::<C>(mgf, &block, size)?);
    xor(
        &mut block,
        &mgf1::<C>(mgf, &seed, encoded.len() - size - 1)?,
    );
    let (label_hash, rest) = block.split_at(size);
    let good_label = label_hash == hashed::<C>(digest, &[label])?;
    let end = rest.iter().position(|b| *b != 0);
    match end {
        Some(end) if *first == 0 && good_label && rest.get(end) == Some(&1) => {
            Ok(rest.get(end + 1..).unwrap_or_default().to_vec())
        }
        _ => Err(Error::BadParameters),
    }
}
