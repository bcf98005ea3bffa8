//! From [`Signed`] to [`Verified`]: digest, signature, UUID, by the rules of upstream's REE file
//! store (`ree_fs_ta.c`): whatever is wrong with a signed file, the client sees
//! `TEE_ERROR_SECURITY`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use tee_abi::shdr::{ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256, ImageType, SHDR_MAGIC};
use tee_abi::{TeeResult, Uuid};
use thiserror::Error;

use crate::header::{HeaderError, Signed};
use crate::key::{Fingerprint, PublicKey, sha256};
use crate::sign::{SignError, decrypt};

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The header's lengths do not fit the file.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The file is a bare ELF and unsigned TAs are not allowed.
    #[error("it is an ELF without a signed header, and this world loads signed TAs only")]
    Unsigned,
    /// Encrypted TAs and subkeys.
    #[error("signed header type {} ({}) is not yet supported", *.0 as u32, type_name(*.0))]
    NotSupported(ImageType),
    /// An encrypted image does not yield to the key.
    #[error(transparent)]
    Decryption(#[from] SignError),
    /// The signature algorithm is not known here.
    #[error(
        "signature algorithm {0:#010x} is not supported (RSASSA-PSS and PKCS#1 v1.5 with SHA-256 are)"
    )]
    Algorithm(u32),
    /// The stored hash has not the algorithm's length.
    #[error("the signed header stores a hash of {0} bytes, SHA-256 has 32")]
    HashSize(usize),
    /// The stored hash is not that of header and image.
    #[error("damaged: header and image hash to {computed}, the signed header says {stored}")]
    Digest {
        /// Hash of what is there.
        computed: Fingerprint,
        /// Hash in the header.
        stored: Fingerprint,
    },
    /// No trusted key made the signature.
    #[error("its signature was made by none of the keys that this world trusts ({trusted})")]
    Signature {
        /// The trusted keys by name and fingerprint.
        trusted: String,
    },
    /// The header names another TA than asked for.
    #[error(
        "its signed header names TA {header}, {expected} was asked for (by the file's name or the client)"
    )]
    Uuid {
        /// In the header.
        header: Uuid,
        /// Asked for.
        expected: Uuid,
    },
}

impl VerifyError {
    /// What a client of a board sees (origin 3, the TEE).
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::NotSupported(_) => TeeResult::ERROR_NOT_SUPPORTED,
            _ => TeeResult::ERROR_SECURITY,
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Header(HeaderError::BadMagic { .. }) => {
                "sign the TA's stripped ELF with `teebox sign`"
            }
            Self::Header(_) | Self::HashSize(_) => "copy or build the file again",
            Self::Digest { .. } => "the file was altered after signing: build or copy it again",
            Self::Unsigned => "sign it with `teebox sign`, or pass --allow-unsigned",
            Self::NotSupported(ImageType::Encrypted) => "sign the TA without --enc-key",
            Self::NotSupported(_) => "sign the TA with a trusted key itself, without --subkey",
            Self::Decryption(_) => "give the AES key that the TA was encrypted with",
            Self::Algorithm(_) => "sign it with one of the two algorithms of `teebox sign --algo`",
            Self::Signature { .. } => "pass --ta-key KEY.pem with the public key of its signer",
            Self::Uuid { .. } => "name the file UUID.ta after the UUID in its header",
        }
    }
}

/// Upstream's name of a signature algorithm.
#[must_use]
pub const fn signature_name(algo: u32) -> Option<&'static str> {
    match algo {
        ALG_RSA_PSS_SHA256 => Some("TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256"),
        ALG_RSA_V1_5_SHA256 => Some("TEE_ALG_RSASSA_PKCS1_V1_5_SHA256"),
        _ => None,
    }
}

/// Upstream's name of an image type.
#[must_use]
pub const fn type_name(img_type: ImageType) -> &'static str {
    match img_type {
        ImageType::Ta => "SHDR_TA",
        ImageType::Bootstrap => "SHDR_BOOTSTRAP_TA",
        ImageType::Encrypted => "SHDR_ENCRYPTED_TA",
        ImageType::Subkey => "SHDR_SUBKEY",
    }
}

/// Where an image's authenticity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A trusted key signed it.
    Signed {
        /// The name under which the key is trusted.
        key: String,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Signature algorithm, `TEE_ALG_*`.
        algo: u32,
    },
    /// Nowhere: a bare ELF in a world that allows it.
    Unsigned,
}

/// An image that may be loaded.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    /// The UUID in the signed header, where there is one.
    pub uuid: Option<Uuid>,
    /// The version for rollback protection, where there is one.
    pub version: Option<u32>,
    /// The ELF file.
    pub image: Cow<'a, [u8]>,
    /// Where its authenticity comes from.
    pub provenance: Provenance,
    /// SHA-256 of what was signed, or of the bare ELF: a name for the content.
    pub digest: [u8; 32],
}

/// A key and the name it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// For messages: a file's name.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

/// What a world accepts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys whose signatures count.
    pub keys: Vec<TrustedKey>,
    /// Whether a bare ELF may be loaded.
    pub allow_unsigned: bool,
}

impl Trust {
    /// Trusts upstream's default TA key.
    #[must_use]
    pub fn upstream_default() -> Self {
        let mut trust = Self::default();
        trust.add("default_ta.pem", PublicKey::upstream_default());
        trust
    }

    /// Trusts one more key.
    pub fn add(&mut self, name: impl Into<String>, key: PublicKey) {
        self.keys.push(TrustedKey {
            name: name.into(),
            key,
        });
    }

    /// Checks a file: digest, signature, and that it is the TA asked for.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify<'a>(
        &self,
        file: &'a [u8],
        expected: Option<Uuid>,
    ) -> Result<Verified<'a>, VerifyError> {
        self.verify_with_key(file, expected, None)
    }

    /// As [`Trust::verify`], with the AES key of an encrypted TA.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_with_key<'a>(
        &self,
        file: &'a [u8],
        expected: Option<Uuid>,
        enc_key: Option<&[u8]>,
    ) -> Result<Verified<'a>, VerifyError> {
        if is_bare_elf(file) {
            return self.accept_unsigned(file);
        }
        let signed = Signed::parse(file)?;
        let image = plain_image(&signed, enc_key)?;
        let (message, digest) = checked_message(&signed, &image)?;
        let provenance = self.signer(&signed, &message)?;
        if signed.img_type == ImageType::Subkey {
            return Err(VerifyError::NotSupported(ImageType::Subkey));
        }
        if let (Some(header), Some(expected)) = (signed.uuid(), expected)
            && header != expected
        {
            return Err(VerifyError::Uuid { header, expected });
        }
        Ok(Verified {
            uuid: signed.uuid(),
            version: signed.version(),
            image,
            provenance,
            digest,
        })
    }

    fn accept_unsigned<'a>(&self, file: &'a [u8]) -> Result<Verified<'a>, VerifyError> {
        if !self.allow_unsigned {
            return Err(VerifyError::Unsigned);
        }
        Ok(Verified {
            uuid: None,
            version: None,
            image: Cow::Borrowed(file),
            provenance: Provenance::Unsigned,
            digest: sha256(&[file]),
        })
    }

    fn signer(&self, signed: &Signed<'_>, message: &[u8]) -> Result<Provenance, VerifyError> {
        self.keys
            .iter()
            .find(|trusted| trusted.key.verify(signed.algo, message, signed.signature))
            .map(|trusted| Provenance::Signed {
                key: trusted.name.clone(),
                fingerprint: trusted.key.fingerprint(),
                algo: signed.algo,
            })
            .ok_or_else(|| VerifyError::Signature {
                trusted: self.names(),
            })
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .keys
            .iter()
            .map(|trusted| format!("{} {}", trusted.name, trusted.key.fingerprint()))
            .collect();
        names.join(", ")
    }
}

/// Whether a file starts as an ELF does rather than as a signed TA does.
fn is_bare_elf(file: &[u8]) -> bool {
    const { assert!(SHDR_MAGIC.to_le_bytes()[0] != 0x7f) };
    file.starts_with(b"\x7fELF")
}

/// The image in the clear; a subkey is its own image.
fn plain_image<'a>(
    signed: &Signed<'a>,
    enc_key: Option<&[u8]>,
) -> Result<Cow<'a, [u8]>, VerifyError> {
    match (signed.img_type, enc_key) {
        (ImageType::Encrypted, Some(key)) => Ok(Cow::Owned(decrypt(signed, key)?)),
        (ImageType::Encrypted, None) => Err(VerifyError::NotSupported(ImageType::Encrypted)),
        _ => Ok(Cow::Borrowed(signed.image)),
    }
}

/// The bytes that were signed and their hash, which is the stored one.
pub(crate) fn checked_message(
    signed: &Signed<'_>,
    image: &[u8],
) -> Result<(Vec<u8>, [u8; 32]), VerifyError> {
    if !matches!(signed.algo, ALG_RSA_PSS_SHA256 | ALG_RSA_V1_5_SHA256) {
        return Err(VerifyError::Algorithm(signed.algo));
    }
    let stored =
        <[u8; 32]>::try_from(signed.hash).map_err(|_| VerifyError::HashSize(signed.hash.len()))?;
    let [fixed, sub_header] = signed.hashed_head();
    let message = [fixed, sub_header, image].concat();
    let computed = sha256(&[&message]);
    if computed != stored {
        return Err(VerifyError::Digest {
            computed: Fingerprint(computed),
            stored: Fingerprint(stored),
        });
    }
    Ok((message, computed))
}
