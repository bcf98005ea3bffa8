//! Signing: an ELF file becomes a `.ta` file, byte for byte as upstream's `sign_encrypt.py` makes
//! it (the salt of RSASSA-PSS, and so its signature, is random).
//!
//! ```text
//! TaImage::plain / encrypted ──▶ digest() ─────────── offline ──────────▶ stitch(signature)
//!                            └─▶ message() ─ SigningKey::sign ─▶ signature ─┘
//! ```

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use ring::rand::SecureRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use tee_abi::Uuid;
use tee_abi::shdr::{
    ALG_AES_GCM, ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256, ImageType, SHDR_MAGIC, SHDR_SIZE,
};
use thiserror::Error;

use crate::header::{Signed, SubHeader};
use crate::key::{KeyError, PublicKey, sha256};
use crate::pem;

/// Bytes of an authentication tag.
const TAG_LEN: usize = 16;

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The algorithm is none of the two that upstream's script knows.
    #[error("signature algorithm {0:#010x} is not supported")]
    Algorithm(u32),
    /// The image does not fit the header's 32-bit length.
    #[error("the image is larger than a signed header can say")]
    TooLarge,
    /// No randomness, or the key refuses.
    #[error("signing failed")]
    Failed,
    /// A signature of another length than the key's.
    #[error("the signature has {found} bytes, the key makes {expected}")]
    SignatureSize {
        /// Bytes of the signature given.
        found: usize,
        /// Bytes that the key makes.
        expected: usize,
    },
    /// A signature that the key did not make over this image.
    #[error("the signature was not made by this key over this image")]
    SignatureMismatch,
    /// An AES key of a length that is not supported.
    #[error("an encryption key of {0} bytes; 16 and 32 are supported")]
    EncryptionKey(usize),
    /// Nothing to decrypt, another cipher, or the wrong key.
    #[error("the image cannot be decrypted: it is no AES-GCM image, or the key is another")]
    Decryption,
}

/// A private RSA key.
pub struct SigningKey {
    pair: RsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// From a PEM text: PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`), 2048 to 4096 bits.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let key = pem::decode(text)?;
        let public = key.public()?;
        let pem::Key::Private(der) = key else {
            return Err(KeyError::NotPrivate);
        };
        let pair = RsaKeyPair::from_der(&der).map_err(|_| KeyError::Rejected)?;
        Ok(Self { pair, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`SignError::Algorithm`], [`SignError::Failed`].
    pub fn sign(
        &self,
        algo: u32,
        message: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SignError> {
        let padding: &'static dyn RsaEncoding = match algo {
            ALG_RSA_PSS_SHA256 => &RSA_PSS_SHA256,
            ALG_RSA_V1_5_SHA256 => &RSA_PKCS1_SHA256,
            other => return Err(SignError::Algorithm(other)),
        };
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(padding, random, message, &mut signature)
            .map_err(|_| SignError::Failed)?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private half of {:?}", self.public)
    }
}

/// What a TA file says of itself besides its content.
#[derive(Clone, Copy, Debug)]
pub struct TaIdentity {
    /// The TA's UUID.
    pub uuid: Uuid,
    /// For rollback protection.
    pub ta_version: u32,
    /// Signature algorithm, `TEE_ALG_*`.
    pub algo: u32,
}

/// The key of an encrypted TA and its kind.
#[derive(Clone, Copy, Debug)]
pub struct EncryptionKey<'a> {
    /// 16 or 32 bytes of AES key.
    pub key: &'a [u8],
    /// `SHDR_ENC_KEY_*`: device-specific or class-wide.
    pub flags: u32,
}

/// A `.ta` file that only lacks its signature.
#[derive(Clone, Debug)]
pub struct TaImage<'a> {
    shdr: [u8; SHDR_SIZE],
    algo: u32,
    sig_size: u16,
    sub_header: Vec<u8>,
    plain: &'a [u8],
    stored: Cow<'a, [u8]>,
}

impl<'a> TaImage<'a> {
    /// A type 1 file; `key` says how long the signature will be.
    ///
    /// # Errors
    /// [`SignError::TooLarge`], [`SignError::Algorithm`].
    pub fn plain(identity: TaIdentity, elf: &'a [u8], key: &PublicKey) -> Result<Self, SignError> {
        let bootstrap = bootstrap(&identity);
        Self::new(
            ImageType::Bootstrap,
            identity.algo,
            bootstrap,
            elf,
            Cow::Borrowed(elf),
            key,
        )
    }

    /// A type 2 file: the ELF encrypted by AES-GCM under a random nonce.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn encrypted(
        identity: TaIdentity,
        elf: &'a [u8],
        key: &PublicKey,
        encryption: EncryptionKey<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Self, SignError> {
        let cipher = cipher(encryption.key)?;
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| SignError::Failed)?;
        let mut sealed = elf.to_vec();
        let tag = cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut sealed,
            )
            .map_err(|_| SignError::Failed)?;
        let mut sub_header = bootstrap(&identity);
        sub_header.extend(ALG_AES_GCM.to_le_bytes());
        sub_header.extend(encryption.flags.to_le_bytes());
        sub_header.extend((NONCE_LEN as u16).to_le_bytes());
        sub_header.extend((TAG_LEN as u16).to_le_bytes());
        sub_header.extend(nonce);
        sub_header.extend(tag.as_ref());
        Self::new(
            ImageType::Encrypted,
            identity.algo,
            sub_header,
            elf,
            Cow::Owned(sealed),
            key,
        )
    }

    fn new(
        img_type: ImageType,
        algo: u32,
        sub_header: Vec<u8>,
        plain: &'a [u8],
        stored: Cow<'a, [u8]>,
        key: &PublicKey,
    ) -> Result<Self, SignError> {
        if !matches!(algo, ALG_RSA_PSS_SHA256 | ALG_RSA_V1_5_SHA256) {
            return Err(SignError::Algorithm(algo));
        }
        let img_size = u32::try_from(stored.len()).map_err(|_| SignError::TooLarge)?;
        let sig_size = u16::try_from(key.modulus().len()).map_err(|_| SignError::TooLarge)?;
        let mut shdr = [0; SHDR_SIZE];
        let words = [SHDR_MAGIC, img_type as u32, img_size, algo];
        let fields = words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .chain(32u16.to_le_bytes())
            .chain(sig_size.to_le_bytes());
        for (to, from) in shdr.iter_mut().zip(fields) {
            *to = from;
        }
        Ok(Self {
            shdr,
            algo,
            sig_size,
            sub_header,
            plain,
            stored,
        })
    }

    /// The bytes that the signature is made over.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        [&self.shdr[..], &self.sub_header, self.plain].concat()
    }

    /// Their SHA-256, for signing elsewhere.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&self.shdr, &self.sub_header, self.plain])
    }

    /// Signs and assembles the file.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, key: &SigningKey, random: &dyn SecureRandom) -> Result<Vec<u8>, SignError> {
        let signature = key.sign(self.algo, &self.message(), random)?;
        self.assemble(&signature)
    }

    /// Assembles the file with a signature made elsewhere, after checking it.
    ///
    /// # Errors
    /// [`SignError::SignatureSize`], [`SignError::SignatureMismatch`].
    pub fn stitch(&self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, SignError> {
        let file = self.assemble(signature)?;
        if !key.verify(self.algo, &self.message(), signature) {
            return Err(SignError::SignatureMismatch);
        }
        Ok(file)
    }

    fn assemble(&self, signature: &[u8]) -> Result<Vec<u8>, SignError> {
        if signature.len() != usize::from(self.sig_size) {
            return Err(SignError::SignatureSize {
                found: signature.len(),
                expected: self.sig_size.into(),
            });
        }
        let digest = self.digest();
        Ok([
            &self.shdr[..],
            &digest,
            signature,
            &self.sub_header,
            &self.stored,
        ]
        .concat())
    }
}

/// The image of an encrypted TA in the clear.
///
/// # Errors
/// [`SignError::Decryption`], [`SignError::EncryptionKey`].
pub fn decrypt(signed: &Signed<'_>, key: &[u8]) -> Result<Vec<u8>, SignError> {
    let SubHeader::Encrypted(_, encrypted) = &signed.sub else {
        return Err(SignError::Decryption);
    };
    let nonce =
        Nonce::try_assume_unique_for_key(encrypted.iv).map_err(|_| SignError::Decryption)?;
    if encrypted.enc_algo != ALG_AES_GCM || encrypted.tag.len() != TAG_LEN {
        return Err(SignError::Decryption);
    }
    let mut sealed = [signed.image, encrypted.tag].concat();
    let len = cipher(key)?
        .open_in_place(nonce, Aad::empty(), &mut sealed)
        .map_err(|_| SignError::Decryption)?
        .len();
    sealed.truncate(len);
    Ok(sealed)
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SignError> {
    let algorithm: &'static Algorithm = match key.len() {
        16 => &AES_128_GCM,
        32 => &AES_256_GCM,
        other => return Err(SignError::EncryptionKey(other)),
    };
    let key = UnboundKey::new(algorithm, key).map_err(|_| SignError::EncryptionKey(key.len()))?;
    Ok(LessSafeKey::new(key))
}

fn bootstrap(identity: &TaIdentity) -> Vec<u8> {
    let mut bytes = identity.uuid.0.to_vec();
    bytes.extend(identity.ta_version.to_le_bytes());
    bytes
}
