//! PEM texts of RSA keys, in the four forms that upstream's script reads.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use pkcs1::der::pem::decode_vec;
use pkcs1::{RsaPrivateKey, RsaPublicKey};
use pkcs8::der::Decode;
use pkcs8::der::asn1::{AnyRef, BitStringRef};
use pkcs8::spki::SubjectPublicKeyInfo;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};

use crate::key::{KeyError, PublicKey};

/// `rsaEncryption`.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Longest PEM text that is read.
const MAX_TEXT: usize = 256 << 10;

/// An RSA key in DER, in PKCS#1 form.
#[derive(Debug)]
pub(crate) enum Key {
    /// `RSAPublicKey`.
    Public(Vec<u8>),
    /// `RSAPrivateKey`.
    Private(Vec<u8>),
}

/// The first PEM block that a text holds, text around it ignored.
pub(crate) fn decode(text: &str) -> Result<Key, KeyError> {
    const BEGIN: &str = "-----BEGIN ";
    let start = text.find(BEGIN).ok_or(KeyError::NotPem)?;
    let block = text.get(start..).unwrap_or_default();
    let end = block.find("-----END ").ok_or(KeyError::NotPem)?;
    let end_line = block.get(end..).and_then(|rest| rest.lines().next());
    let end = end + end_line.map_or(0, str::len);
    let block = block
        .get(..end)
        .filter(|block| block.len() <= MAX_TEXT)
        .ok_or(KeyError::NotPem)?;
    let (label, der) = decode_vec(block.as_bytes()).map_err(|_| KeyError::NotPem)?;
    match label {
        "PUBLIC KEY" => public(&der),
        "PRIVATE KEY" => private(&der),
        "RSA PUBLIC KEY" => Ok(Key::Public(der)),
        "RSA PRIVATE KEY" => Ok(Key::Private(der)),
        other => Err(KeyError::Label(other.to_owned())),
    }
}

fn public(der: &[u8]) -> Result<Key, KeyError> {
    let info = SubjectPublicKeyInfo::<AnyRef<'_>, BitStringRef<'_>>::from_der(der)
        .map_err(|_| KeyError::Content)?;
    if info.algorithm.oid != RSA {
        return Err(KeyError::NotRsa);
    }
    let key = info
        .subject_public_key
        .as_bytes()
        .ok_or(KeyError::Content)?;
    Ok(Key::Public(key.to_vec()))
}

fn private(der: &[u8]) -> Result<Key, KeyError> {
    let info = PrivateKeyInfo::from_der(der).map_err(|_| KeyError::Content)?;
    if info.algorithm.oid != RSA {
        return Err(KeyError::NotRsa);
    }
    Ok(Key::Private(info.private_key.to_vec()))
}

impl Key {
    /// The public half.
    pub(crate) fn public(&self) -> Result<PublicKey, KeyError> {
        match self {
            Self::Public(der) => {
                let key = RsaPublicKey::from_der(der).map_err(|_| KeyError::Content)?;
                PublicKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())
            }
            Self::Private(der) => {
                let key = RsaPrivateKey::from_der(der).map_err(|_| KeyError::Content)?;
                PublicKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())
            }
        }
    }
}
