//! Transient objects, asymmetric operations, key derivation.

use utee::algorithms::{
    TEE_ALG_ECDSA_SHA256, TEE_ALG_HKDF_SHA256_DERIVE_KEY, TEE_ALG_RSAES_PKCS1_V1_5,
    TEE_ALG_RSASSA_PKCS1_V1_5_SHA256,
};
use utee::attributes::{
    OPTEE_ATTR_HKDF_INFO, OPTEE_ATTR_HKDF_SALT, TEE_ATTR_ECC_CURVE, TEE_ATTR_ECC_PUBLIC_VALUE_X,
    TEE_ATTR_HKDF_IKM, TEE_ATTR_HKDF_OKM_LENGTH, TEE_ATTR_RSA_MODULUS,
    TEE_ATTR_RSA_PUBLIC_EXPONENT, TEE_ATTR_SECRET_VALUE,
};
use utee::objects::{
    TEE_ECC_CURVE_NIST_P256, TEE_HANDLE_FLAG_INITIALIZED, TEE_TYPE_AES, TEE_TYPE_ECDSA_KEYPAIR,
    TEE_TYPE_GENERIC_SECRET, TEE_TYPE_HKDF_IKM, TEE_TYPE_RSA_KEYPAIR, TEE_USAGE_ENCRYPT,
};
use utee::operation::{self, Asymmetric, Direction};
use utee::{Attribute, Object, Result, TeeResult, Value, syscall};

use crate::check::code;
use crate::ciphers::KEY;
use crate::{check, check_eq};

/// RFC 5869, test case 1.
const OKM: [u8; 42] = [
    0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a,
    0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf,
    0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65,
];

pub fn get_info() -> Result<()> {
    let mut key = Object::transient(TEE_TYPE_AES, 256)?;
    let empty = key.info()?;
    check_eq!(empty.obj_type, TEE_TYPE_AES);
    check_eq!((empty.obj_size, empty.max_obj_size), (0, 256));
    check_eq!(empty.obj_usage, u32::MAX);
    check_eq!(empty.handle_flags & TEE_HANDLE_FLAG_INITIALIZED, 0);
    key.populate(&[Attribute::buffer(TEE_ATTR_SECRET_VALUE, &KEY)])?;
    let full = key.info()?;
    check_eq!((full.obj_size, full.max_obj_size), (128, 256));
    check!(full.handle_flags & TEE_HANDLE_FLAG_INITIALIZED != 0);
    let mut info = empty;
    // SAFETY: `info` is ours.
    let unknown = unsafe { syscall::cryp_obj_get_info(0x7777, &mut info) };
    check!(!unknown.is_success());
    Ok(())
}

pub fn restrict_usage() -> Result<()> {
    let mut key = Object::secret(TEE_TYPE_AES, &KEY)?;
    key.restrict_usage(TEE_USAGE_ENCRYPT)?;
    check_eq!(key.info()?.obj_usage, TEE_USAGE_ENCRYPT);
    key.restrict_usage(u32::MAX)?;
    check_eq!(key.info()?.obj_usage, TEE_USAGE_ENCRYPT);
    let hidden = key.buffer_attribute(TEE_ATTR_SECRET_VALUE);
    check_eq!(code(hidden), TeeResult::ERROR_BAD_PARAMETERS);
    Ok(())
}

pub fn get_attr() -> Result<()> {
    let key = Object::secret(TEE_TYPE_AES, &KEY)?;
    check_eq!(key.buffer_attribute(TEE_ATTR_SECRET_VALUE)?, KEY);
    let absent = key.buffer_attribute(TEE_ATTR_RSA_MODULUS);
    check_eq!(code(absent), TeeResult::ERROR_ITEM_NOT_FOUND);
    let ecc = ecdsa_key()?;
    let curve = ecc.value_attribute(TEE_ATTR_ECC_CURVE)?;
    check_eq!(
        curve,
        Value {
            a: TEE_ECC_CURVE_NIST_P256,
            b: 0
        }
    );
    let x = ecc.buffer_attribute(TEE_ATTR_ECC_PUBLIC_VALUE_X)?;
    check!(!x.is_empty() && x.len() <= 32);
    Ok(())
}

pub fn alloc() -> Result<()> {
    Object::transient(TEE_TYPE_AES, 128)?;
    Object::transient(TEE_TYPE_RSA_KEYPAIR, 2048)?;
    let no_type = Object::transient(0xA000_00FF, 128);
    check_eq!(code(no_type), TeeResult::ERROR_NOT_SUPPORTED);
    let no_size = Object::transient(TEE_TYPE_AES, 100);
    check_eq!(code(no_size), TeeResult::ERROR_NOT_SUPPORTED);
    Ok(())
}

pub fn close() -> Result<()> {
    let key = Object::transient(TEE_TYPE_AES, 128)?;
    let handle = key.handle();
    drop(key);
    // SAFETY: no pointer involved.
    let again = unsafe { syscall::cryp_obj_close(handle) };
    check!(!again.is_success());
    Ok(())
}

pub fn reset() -> Result<()> {
    let mut key = Object::secret(TEE_TYPE_AES, &KEY)?;
    key.restrict_usage(0)?;
    key.reset()?;
    let info = key.info()?;
    check_eq!((info.obj_size, info.obj_usage), (0, u32::MAX));
    check_eq!(info.handle_flags & TEE_HANDLE_FLAG_INITIALIZED, 0);
    key.populate(&[Attribute::buffer(TEE_ATTR_SECRET_VALUE, &KEY)])
}

pub fn populate() -> Result<()> {
    let secret = Attribute::buffer(TEE_ATTR_SECRET_VALUE, &KEY);
    let mut key = Object::transient(TEE_TYPE_AES, 128)?;
    check!(key.populate(&[]).is_err());
    check!(key.populate(&[secret, secret]).is_err());
    let (part, _) = KEY.split_at(13);
    let odd = Attribute::buffer(TEE_ATTR_SECRET_VALUE, part);
    check!(key.populate(&[odd]).is_err());
    key.populate(&[secret])?;
    check!(key.populate(&[secret]).is_err());
    Ok(())
}

pub fn copy() -> Result<()> {
    let mut to = Object::transient(TEE_TYPE_AES, 128)?;
    let empty = to.copy_attributes(&Object::transient(TEE_TYPE_AES, 128)?);
    check_eq!(code(empty), TeeResult::ERROR_BAD_PARAMETERS);
    let from = Object::secret(TEE_TYPE_AES, &KEY)?;
    to.copy_attributes(&from)?;
    check_eq!(to.buffer_attribute(TEE_ATTR_SECRET_VALUE)?, KEY);
    let twice = to.copy_attributes(&from);
    check_eq!(code(twice), TeeResult::ERROR_BAD_PARAMETERS);
    Ok(())
}

pub fn generate_key() -> Result<()> {
    let (mut one, mut other) = (
        Object::transient(TEE_TYPE_AES, 256)?,
        Object::transient(TEE_TYPE_AES, 256)?,
    );
    one.generate_key(256, &[])?;
    other.generate_key(256, &[])?;
    check_eq!(one.info()?.obj_size, 256);
    let secret = |key: &Object| key.buffer_attribute(TEE_ATTR_SECRET_VALUE);
    check!(secret(&one)? != secret(&other)?);
    check!(one.generate_key(256, &[]).is_err());
    let mut odd = Object::transient(TEE_TYPE_AES, 256)?;
    check!(odd.generate_key(100, &[]).is_err());
    let rsa = rsa_key()?;
    check_eq!(rsa.buffer_attribute(TEE_ATTR_RSA_MODULUS)?.len(), 256);
    check_eq!(
        rsa.buffer_attribute(TEE_ATTR_RSA_PUBLIC_EXPONENT)?,
        [1, 0, 1]
    );
    Ok(())
}

fn rsa_key() -> Result<Object> {
    let mut key = Object::transient(TEE_TYPE_RSA_KEYPAIR, 2048)?;
    key.generate_key(2048, &[])?;
    Ok(key)
}

fn ecdsa_key() -> Result<Object> {
    let mut key = Object::transient(TEE_TYPE_ECDSA_KEYPAIR, 256)?;
    key.generate_key(
        256,
        &[Attribute::value(
            TEE_ATTR_ECC_CURVE,
            TEE_ECC_CURVE_NIST_P256,
            0,
        )],
    )?;
    Ok(key)
}

pub fn asymm_operate() -> Result<()> {
    let rsa = rsa_key()?;
    let algorithm = TEE_ALG_RSAES_PKCS1_V1_5;
    let (mut wrapped, mut plain) = ([0; 256], [0; 256]);
    let mut encrypt = Asymmetric::cipher(algorithm, Direction::Encrypt, &rsa)?;
    let short = encrypt.operate(&[], &KEY, &mut [0; 16]);
    check_eq!(code(short), TeeResult::ERROR_SHORT_BUFFER);
    check_eq!(encrypt.operate(&[], &KEY, &mut wrapped)?, 256);
    let mut decrypt = Asymmetric::cipher(algorithm, Direction::Decrypt, &rsa)?;
    let len = decrypt.operate(&[], &wrapped, &mut plain)?;
    check_eq!(plain.get(..len), Some(&KEY[..]));
    Ok(())
}

pub fn asymm_verify() -> Result<()> {
    sign_and_verify(TEE_ALG_ECDSA_SHA256, &ecdsa_key()?, 64)?;
    sign_and_verify(TEE_ALG_RSASSA_PKCS1_V1_5_SHA256, &rsa_key()?, 256)
}

fn sign_and_verify(algorithm: u32, key: &Object, size: usize) -> Result<()> {
    let mut digest = [0x5a; 32];
    let mut signature = [0; 256];
    let len = Asymmetric::sign(algorithm, key)?.operate(&[], &digest, &mut signature)?;
    check_eq!(len, size);
    let signature = signature.get(..len).unwrap_or_default();
    let mut verify = Asymmetric::verify(algorithm, key)?;
    verify.verify_digest(&[], &digest, signature)?;
    digest[0] ^= 1;
    let forged = verify.verify_digest(&[], &digest, signature);
    check_eq!(code(forged), TeeResult::ERROR_SIGNATURE_INVALID);
    Ok(())
}

pub fn derive_key() -> Result<()> {
    let mut key = Object::transient(TEE_TYPE_HKDF_IKM, 22 * 8)?;
    key.populate(&[Attribute::buffer(TEE_ATTR_HKDF_IKM, &[0x0b; 22])])?;
    let salt = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let info = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9];
    let mut derived = Object::transient(TEE_TYPE_GENERIC_SECRET, OKM.len() as u32 * 8)?;
    operation::derive_key(
        TEE_ALG_HKDF_SHA256_DERIVE_KEY,
        &key,
        &[
            Attribute::buffer(OPTEE_ATTR_HKDF_SALT, &salt),
            Attribute::buffer(OPTEE_ATTR_HKDF_INFO, &info),
            Attribute::value(TEE_ATTR_HKDF_OKM_LENGTH, OKM.len() as u32, 0),
        ],
        &mut derived,
    )?;
    check_eq!(derived.buffer_attribute(TEE_ATTR_SECRET_VALUE)?, OKM);
    Ok(())
}
