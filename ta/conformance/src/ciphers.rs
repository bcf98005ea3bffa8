//! Symmetric ciphers and authenticated encryption.

use utee::algorithms::{
    TEE_ALG_AES_CBC_NOPAD, TEE_ALG_AES_CCM, TEE_ALG_AES_CTR, TEE_ALG_AES_ECB_NOPAD, TEE_ALG_AES_GCM,
};
use utee::objects::TEE_TYPE_AES;
use utee::operation::{Ae, Cipher, Direction};
use utee::{Object, Result, TeeResult};

use crate::check::code;
use crate::{check, check_eq};

/// Bytes that count up from `first`.
const fn count<const N: usize>(first: u8) -> [u8; N] {
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = first + i as u8;
        i += 1;
    }
    bytes
}

/// An AES-128 key.
pub const KEY: [u8; 16] = count(0);
const IV: [u8; 16] = count(16);
/// Three blocks.
pub const PLAIN: [u8; 48] = count(32);
const NONCE: [u8; 12] = count(16);
const AAD: &[u8] = b"header";
const TAG_LEN: usize = 16;

/// AES-ECB of [`PLAIN`].
const ECB: [u8; 48] = [
    0x5b, 0xe8, 0x7e, 0x2e, 0x5b, 0x44, 0x7c, 0x94, 0x4b, 0x21, 0xc9, 0xaf, 0x77, 0x56, 0xc0, 0xd8,
    0x03, 0xf2, 0xc3, 0xbd, 0xca, 0x82, 0x6b, 0xf0, 0x82, 0xd7, 0xcf, 0xb0, 0x35, 0xcd, 0xb8, 0xc1,
    0xd5, 0x33, 0xe5, 0x9b, 0x45, 0xa1, 0x53, 0xed, 0x7e, 0x5e, 0x9c, 0x5d, 0xfc, 0xfd, 0x4a, 0xaa,
];

/// AES-CBC of [`PLAIN`].
const CBC: [u8; 48] = [
    0x9b, 0xb5, 0xf6, 0x01, 0x88, 0x4f, 0xcd, 0x6f, 0x6e, 0x29, 0xb2, 0x3f, 0x82, 0xcc, 0xa7, 0x7a,
    0xed, 0x83, 0xe7, 0x84, 0x28, 0xf8, 0x51, 0x06, 0x91, 0x16, 0x3c, 0x71, 0xb0, 0x4e, 0xd6, 0xf3,
    0x3d, 0x5e, 0x83, 0xa9, 0x5a, 0x48, 0xfc, 0xb2, 0xdd, 0xc6, 0x1a, 0x06, 0x1f, 0xa8, 0xe9, 0x41,
];

/// AES-CTR of [`PLAIN`].
const CTR: [u8; 48] = [
    0x27, 0xdf, 0xcd, 0x57, 0xc5, 0xf0, 0x25, 0x49, 0xb8, 0x27, 0xc4, 0x3a, 0xa2, 0xb9, 0xbc, 0xbc,
    0xa2, 0xf3, 0xf7, 0x37, 0xec, 0x39, 0xb4, 0x35, 0x7e, 0x40, 0x47, 0x59, 0xb7, 0xc4, 0xe0, 0x37,
    0x8a, 0x60, 0x7a, 0x24, 0x71, 0xa0, 0xbe, 0xec, 0x2d, 0xdf, 0xc0, 0x67, 0xed, 0x98, 0x73, 0x35,
];

/// AES-GCM of [`PLAIN`] with [`AAD`].
const GCM: [u8; 48] = [
    0xe4, 0x0f, 0x21, 0x8c, 0x2b, 0x6a, 0x90, 0xc8, 0x3f, 0xf4, 0x77, 0xde, 0xeb, 0x0a, 0xc5, 0x11,
    0x0a, 0x8d, 0x46, 0xb4, 0x02, 0xc1, 0x5d, 0x88, 0xbd, 0xf2, 0x13, 0x2a, 0x5b, 0x38, 0x2f, 0x92,
    0x92, 0x98, 0x63, 0x7c, 0xc5, 0xe3, 0xbd, 0x5b, 0xab, 0xe9, 0x9f, 0x83, 0x96, 0x9d, 0x1f, 0x54,
];

/// Its tag.
const GCM_TAG: [u8; 16] = [
    0x7a, 0xfd, 0x3d, 0x3b, 0x1c, 0xa8, 0xc1, 0xc3, 0x5e, 0xab, 0xf3, 0x0d, 0xa9, 0xe7, 0x6e, 0x1b,
];

/// AES-CCM of [`PLAIN`] with [`AAD`].
const CCM: [u8; 48] = [
    0x03, 0x94, 0x9b, 0x83, 0x66, 0xd1, 0x0b, 0x95, 0x22, 0x85, 0x55, 0xeb, 0x58, 0x49, 0xf5, 0xa9,
    0x4b, 0x86, 0xe0, 0x84, 0x01, 0x72, 0x3c, 0x1c, 0xce, 0xd1, 0x9d, 0x6b, 0xef, 0x18, 0x53, 0xbb,
    0x1d, 0x52, 0xee, 0x29, 0xa7, 0xd9, 0x79, 0xf4, 0x52, 0xad, 0x08, 0xb5, 0xb3, 0x73, 0xf6, 0x8f,
];

/// Its tag.
const CCM_TAG: [u8; 16] = [
    0x69, 0xe2, 0xa5, 0xfd, 0xd4, 0xc1, 0x1d, 0xd2, 0x2b, 0x3b, 0x86, 0x16, 0xcf, 0x87, 0x73, 0x6d,
];

fn key() -> Result<Object> {
    Object::secret(TEE_TYPE_AES, &KEY)
}

fn cipher(algorithm: u32, direction: Direction, iv: &[u8]) -> Result<Cipher> {
    Cipher::new(algorithm, direction, [Some(&key()?), None], iv)
}

pub fn cipher_init() -> Result<()> {
    let mut ctr = cipher(TEE_ALG_AES_CTR, Direction::Encrypt, &IV)?;
    let mut out = [0; 48];
    ctr.update(&PLAIN, &mut out)?;
    ctr.init(&IV)?;
    ctr.finish(&PLAIN, &mut out)?;
    check_eq!(out, CTR);
    check!(cipher(TEE_ALG_AES_CBC_NOPAD, Direction::Encrypt, &[0; 15]).is_err());
    Ok(())
}

pub fn cipher_update() -> Result<()> {
    for (algorithm, iv, expected) in [
        (TEE_ALG_AES_ECB_NOPAD, &[][..], &ECB),
        (TEE_ALG_AES_CBC_NOPAD, &IV[..], &CBC),
        (TEE_ALG_AES_CTR, &IV[..], &CTR),
    ] {
        in_pieces(algorithm, Direction::Encrypt, iv, &PLAIN, expected)?;
        in_pieces(algorithm, Direction::Decrypt, iv, expected, &PLAIN)?;
    }
    let mut ecb = cipher(TEE_ALG_AES_ECB_NOPAD, Direction::Encrypt, &[])?;
    let short = ecb.update(&PLAIN, &mut [0; 47]);
    check_eq!(code(short), TeeResult::ERROR_SHORT_BUFFER);
    Ok(())
}

/// A block by an update, the rest by the final call.
fn in_pieces(
    algorithm: u32,
    direction: Direction,
    iv: &[u8],
    from: &[u8; 48],
    expected: &[u8; 48],
) -> Result<()> {
    let mut cipher = cipher(algorithm, direction, iv)?;
    let (first, rest) = from.split_at(16);
    let mut out = [0; 48];
    let (out_first, out_rest) = out.split_at_mut(16);
    check_eq!(cipher.update(first, out_first)?, 16);
    check_eq!(cipher.finish(rest, out_rest)?, 32);
    check_eq!(out, *expected);
    Ok(())
}

pub fn cipher_final() -> Result<()> {
    let mut cbc = cipher(TEE_ALG_AES_CBC_NOPAD, Direction::Encrypt, &IV)?;
    let short = cbc.finish(&PLAIN, &mut [0; 16]);
    check_eq!(code(short), TeeResult::ERROR_SHORT_BUFFER);
    let mut out = [0; 64];
    check_eq!(cbc.finish(&PLAIN, &mut out)?, 48);
    check_eq!(out.first_chunk(), Some(&CBC));
    let mut ctr = cipher(TEE_ALG_AES_CTR, Direction::Encrypt, &IV)?;
    let (part, _) = PLAIN.split_at(21);
    check_eq!(ctr.finish(part, &mut out)?, 21);
    check_eq!(out.get(..21), CTR.get(..21));
    Ok(())
}

fn ae(algorithm: u32, direction: Direction) -> Result<Ae> {
    let mut ae = Ae::new(algorithm, direction, &key()?)?;
    ae.init(&NONCE, TAG_LEN, AAD.len(), PLAIN.len())?;
    Ok(ae)
}

pub fn authenc_init() -> Result<()> {
    let mut gcm = ae(TEE_ALG_AES_GCM, Direction::Encrypt)?;
    gcm.init(&NONCE, TAG_LEN, AAD.len(), PLAIN.len())?;
    check!(
        Ae::new(TEE_ALG_AES_CTR, Direction::Encrypt, &key()?)?
            .init(&NONCE, TAG_LEN, 0, 0)
            .is_err()
    );
    Ok(())
}

pub fn authenc_update_aad() -> Result<()> {
    let mut gcm = ae(TEE_ALG_AES_GCM, Direction::Encrypt)?;
    let (first, rest) = AAD.split_at(1);
    gcm.update_aad(first)?;
    gcm.update_aad(rest)?;
    let (mut out, mut tag) = ([0; 48], [0; 16]);
    gcm.encrypt_final(&PLAIN, &mut out, &mut tag)?;
    check_eq!(out, GCM);
    check_eq!(tag, GCM_TAG);
    Ok(())
}

pub fn authenc_update_payload() -> Result<()> {
    let mut gcm = ae(TEE_ALG_AES_GCM, Direction::Encrypt)?;
    gcm.update_aad(AAD)?;
    let (first, rest) = PLAIN.split_at(16);
    let (mut out, mut tag) = ([0; 48], [0; 16]);
    let (out_first, out_rest) = out.split_at_mut(16);
    check_eq!(gcm.update(first, out_first)?, 16);
    check_eq!(gcm.encrypt_final(rest, out_rest, &mut tag)?, (32, 16));
    check_eq!(out, GCM);
    check_eq!(tag, GCM_TAG);
    Ok(())
}

pub fn authenc_enc_final() -> Result<()> {
    for (algorithm, expected, expected_tag) in [
        (TEE_ALG_AES_GCM, GCM, GCM_TAG),
        (TEE_ALG_AES_CCM, CCM, CCM_TAG),
    ] {
        let mut ae = ae(algorithm, Direction::Encrypt)?;
        ae.update_aad(AAD)?;
        let (mut out, mut tag) = ([0; 48], [0; 16]);
        check_eq!(ae.encrypt_final(&PLAIN, &mut out, &mut tag)?, (48, 16));
        check_eq!(out, expected);
        check_eq!(tag, expected_tag);
    }
    let mut gcm = ae(TEE_ALG_AES_GCM, Direction::Encrypt)?;
    let short = gcm.encrypt_final(&PLAIN, &mut [0; 8], &mut [0; 16]);
    check_eq!(code(short), TeeResult::ERROR_SHORT_BUFFER);
    Ok(())
}

pub fn authenc_dec_final() -> Result<()> {
    for (algorithm, from, tag) in [
        (TEE_ALG_AES_GCM, GCM, GCM_TAG),
        (TEE_ALG_AES_CCM, CCM, CCM_TAG),
    ] {
        let mut out = [0; 48];
        let mut good = ae(algorithm, Direction::Decrypt)?;
        good.update_aad(AAD)?;
        check_eq!(good.decrypt_final(&from, &mut out, &tag)?, 48);
        check_eq!(out, PLAIN);
        let mut bad = ae(algorithm, Direction::Decrypt)?;
        bad.update_aad(b"Header")?;
        let forged = bad.decrypt_final(&from, &mut out, &tag);
        check_eq!(code(forged), TeeResult::ERROR_MAC_INVALID);
    }
    Ok(())
}
