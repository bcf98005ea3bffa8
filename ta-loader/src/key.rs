//! RSA public keys as two numbers: made from PEM texts, compared by fingerprint, asked for a verdict
//! on a signature.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ring::digest;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use tee_abi::shdr::{ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256};
use thiserror::Error;

use crate::{known, pem};

/// An RSA public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Why something is no usable RSA key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Upstream deprecates RSA keys below 2048 bits, `ring` ends at 8192.
    #[error("an RSA key of {bits} bits; 2048 to 8192 are accepted")]
    Size {
        /// Bits of the modulus.
        bits: usize,
    },
    /// The text holds no PEM block of a key, or a damaged one.
    #[error("no PEM text of a public or private key")]
    NotPem,
    /// The PEM block is of another kind.
    #[error(
        "a PEM text labelled {0:?}; PUBLIC KEY, PRIVATE KEY, RSA PUBLIC KEY and RSA PRIVATE KEY are understood"
    )]
    Label(String),
    /// The PEM block's content is not what its label says.
    #[error("the content of the PEM text is malformed")]
    Content,
    /// The key is none of RSA.
    #[error("the key is not an RSA key")]
    NotRsa,
    /// Only the public half is there, signing needs the private one.
    #[error("it is a public key, signing needs a private one")]
    NotPrivate,
    /// The private key's numbers do not fit together, or `ring` does not take such keys.
    #[error("the private key is inconsistent or of an unsupported form")]
    Rejected,
    /// The exponent is even, 1 or 0.
    #[error("the public exponent is not an odd number above 1")]
    Exponent,
}

impl PublicKey {
    /// From modulus and exponent, big endian; leading zeros are dropped.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (trim(modulus), trim(exponent));
        let top = modulus
            .first()
            .map_or(8, |byte| byte.leading_zeros() as usize);
        let bits = (modulus.len() * 8).saturating_sub(top);
        if !(2048..=8192).contains(&bits) {
            return Err(KeyError::Size { bits });
        }
        if exponent.last().is_none_or(|low| low & 1 == 0) || exponent == [1] {
            return Err(KeyError::Exponent);
        }
        Ok(Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// Upstream's default TA key, `keys/default_ta.pem`.
    #[must_use]
    pub fn upstream_default() -> Self {
        Self {
            modulus: known::UPSTREAM_DEFAULT_TA.to_vec(),
            exponent: known::EXPONENT.to_vec(),
        }
    }

    /// The key of this repository's own TAs, `ta/keys/default_dev.pem`.
    #[must_use]
    pub fn development_default() -> Self {
        Self {
            modulus: known::DEVELOPMENT_TA.to_vec(),
            exponent: known::EXPONENT.to_vec(),
        }
    }

    /// The first RSA key in a PEM text: a public one (`PUBLIC KEY`, `RSA PUBLIC KEY`) or the public
    /// half of a private one (`PRIVATE KEY`, `RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        pem::decode(text)?.public()
    }

    /// The modulus, big endian without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The exponent, big endian without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// SHA-256 of the modulus: by this a key is named in messages.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(sha256(&[&self.modulus]))
    }

    /// Whether `signature` was made by this key over `message` with a signature algorithm of
    /// signed headers. An algorithm that is none answers no.
    #[must_use]
    pub fn verify(&self, algo: u32, message: &[u8], signature: &[u8]) -> bool {
        let Some(parameters) = parameters(algo) else {
            return false;
        };
        RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        }
        .verify(parameters, message, signature)
        .is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RSA-{} {}", self.modulus.len() * 8, self.fingerprint())
    }
}

/// SHA-256 of a key's modulus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    /// The first eight bytes, enough to tell keys apart; `{:#}` prints all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if f.alternate() { self.0.len() } else { 8 };
        self.0
            .iter()
            .take(shown)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// SHA-256 over pieces in order.
#[must_use]
pub fn sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(piece);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn parameters(algo: u32) -> Option<&'static RsaParameters> {
    match algo {
        ALG_RSA_PSS_SHA256 => Some(&RSA_PSS_2048_8192_SHA256),
        ALG_RSA_V1_5_SHA256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        _ => None,
    }
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
