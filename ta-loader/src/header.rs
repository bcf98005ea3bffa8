//! The signed header of a `.ta` file, taken apart by its lengths alone; nothing here is verified.
//!
//! ```text
//!  0        20         +hash_size   +sig_size
//! │ fixed   │ hash      │ signature  │ by type …
//! │ 20 bytes│           │            │ 0: image
//!                                    │ 1: uuid, version │ image
//!                                    │ 2: uuid, version │ algorithm, flags, lengths, iv, tag │ ciphertext
//!                                    │ 3: subkey (img_size bytes) │ name (name_size bytes) │ next header
//! ```
//! Rule: no length is used before it is checked against what is there, and a file must end where
//! its header says.

use alloc::vec::Vec;
use core::ops::Range;

use tee_abi::Uuid;
use tee_abi::shdr::{
    BOOTSTRAP_SIZE, ENCRYPTED_SIZE, ImageType, SHDR_MAGIC, SHDR_SIZE, SUBKEY_SIZE,
};
use thiserror::Error;

/// Why bytes are no signed TA.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The first word is not `SHDR_MAGIC`.
    #[error(
        "not a signed TA: it starts with {found:#010x}, a signed header with 0x4f545348 (\"HSTO\")"
    )]
    BadMagic {
        /// The word that is there.
        found: u32,
    },
    /// A part reaches beyond the end.
    #[error("truncated: the {part} needs {need} bytes up to offset {end}, the file has {have}")]
    Truncated {
        /// Which part.
        part: &'static str,
        /// Its length.
        need: u64,
        /// Where it would end.
        end: u64,
        /// The file's length.
        have: u64,
    },
    /// The type is none that upstream defines.
    #[error("unknown image type {0} in the signed header (0 to 3 are defined)")]
    UnknownType(u32),
    /// The file does not end where the header says.
    #[error("the signed header announces an image of {announced} bytes, {found} follow it")]
    ImageSize {
        /// `img_size`.
        announced: u64,
        /// Bytes that follow the headers.
        found: u64,
    },
    /// A subkey's attributes lie outside of it.
    #[error("attribute {id:#x} of the subkey lies outside the subkey")]
    SubkeyAttribute {
        /// `TEE_ATTR_*`.
        id: u32,
    },
}

/// A signed header with what follows it, borrowed from the file.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    /// The file from this header's first byte.
    file: &'a [u8],
    /// What follows the signature.
    pub img_type: ImageType,
    /// `img_size`: length of the image in bytes.
    pub img_size: u32,
    /// Signature algorithm, `TEE_ALG_*`.
    pub algo: u32,
    /// The digest the signature was made over.
    pub hash: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The sub-header.
    pub sub: SubHeader<'a>,
    /// The image: plain (types 0 and 1), encrypted (2), or the subkey itself (3).
    pub image: &'a [u8],
    /// Where in the file the image lies.
    pub image_range: Range<usize>,
}

/// What stands between the signature and the image.
#[derive(Clone, Debug)]
pub enum SubHeader<'a> {
    /// Nothing: `SHDR_TA`.
    None,
    /// `struct shdr_bootstrap_ta`.
    Bootstrap(Bootstrap),
    /// `struct shdr_bootstrap_ta` and `struct shdr_encrypted_ta`.
    Encrypted(Bootstrap, Encrypted<'a>),
    /// `struct shdr_subkey`, the name for what follows and the bytes that follow.
    Subkey(Subkey<'a>),
}

/// `struct shdr_bootstrap_ta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The TA's identity.
    pub uuid: Uuid,
    /// For rollback protection.
    pub ta_version: u32,
}

/// `struct shdr_encrypted_ta`.
#[derive(Clone, Debug)]
pub struct Encrypted<'a> {
    /// Authenticated encryption algorithm, `TEE_ALG_*`.
    pub enc_algo: u32,
    /// `SHDR_ENC_KEY_*`.
    pub flags: u32,
    /// Initialization vector.
    pub iv: &'a [u8],
    /// Authentication tag.
    pub tag: &'a [u8],
}

/// `struct shdr_subkey`: a public key that signs what follows.
#[derive(Clone, Debug)]
pub struct Subkey<'a> {
    /// Identity of the subkey and name space of what follows.
    pub uuid: Uuid,
    /// For rollback protection.
    pub version: u32,
    /// How many levels of subkeys may follow.
    pub max_depth: u32,
    /// The key's algorithm, `TEE_ALG_*`.
    pub algo: u32,
    /// Bytes of the name that follows, 0 for a subkey that signs its own UUID.
    pub name_size: u32,
    /// Identifier and value of each attribute.
    pub attributes: Vec<(u32, &'a [u8])>,
    /// The name from which the UUID of what follows is made, zero-padded.
    pub name: &'a [u8],
    /// The next signed header and what belongs to it; empty in a subkey file.
    pub next: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes a `.ta` file apart.
    ///
    /// # Errors
    /// [`HeaderError`] when a length does not fit the file.
    pub fn parse(file: &'a [u8]) -> Result<Self, HeaderError> {
        let mut at = Cursor { file, at: 0 };
        let magic = at.word("magic")?;
        if magic != SHDR_MAGIC {
            return Err(HeaderError::BadMagic { found: magic });
        }
        let number = at.word("signed header")?;
        let img_size = at.word("signed header")?;
        let algo = at.word("signed header")?;
        let hash_size = at.half("signed header")?;
        let sig_size = at.half("signed header")?;
        let hash = at.take("hash", hash_size.into())?;
        let signature = at.take("signature", sig_size.into())?;
        let img_type = ImageType::from_number(number).ok_or(HeaderError::UnknownType(number))?;
        let (sub, image_range) = match img_type {
            ImageType::Ta => (SubHeader::None, at.rest(img_size)?),
            ImageType::Bootstrap => (SubHeader::Bootstrap(at.bootstrap()?), at.rest(img_size)?),
            ImageType::Encrypted => (
                SubHeader::Encrypted(at.bootstrap()?, at.encrypted()?),
                at.rest(img_size)?,
            ),
            ImageType::Subkey => at.subkey(img_size)?,
        };
        Ok(Self {
            file,
            img_type,
            img_size,
            algo,
            hash,
            signature,
            sub,
            image: file.get(image_range.clone()).unwrap_or_default(),
            image_range,
        })
    }

    /// The UUID that the header names: the TA's, or the subkey's; type 0 names none.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        match &self.sub {
            SubHeader::None => None,
            SubHeader::Bootstrap(b) | SubHeader::Encrypted(b, _) => Some(b.uuid),
            SubHeader::Subkey(subkey) => Some(subkey.uuid),
        }
    }

    /// The version for rollback protection; type 0 carries none.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        match &self.sub {
            SubHeader::None => None,
            SubHeader::Bootstrap(b) | SubHeader::Encrypted(b, _) => Some(b.ta_version),
            SubHeader::Subkey(subkey) => Some(subkey.version),
        }
    }

    /// The pieces that the stored hash is made over, up to the image: the fixed header and the
    /// sub-header. The image follows, decrypted if it is stored encrypted.
    #[must_use]
    pub fn hashed_head(&self) -> [&'a [u8]; 2] {
        let after_signature = SHDR_SIZE + self.hash.len() + self.signature.len();
        [
            self.file.get(..SHDR_SIZE).unwrap_or_default(),
            self.file
                .get(after_signature..self.image_range.start)
                .unwrap_or_default(),
        ]
    }
}

/// A position in a file that only moves forward over bytes that are there.
struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, part: &'static str, len: usize) -> Result<&'a [u8], HeaderError> {
        let truncated = || HeaderError::Truncated {
            part,
            need: len as u64,
            end: (self.at as u64).saturating_add(len as u64),
            have: self.file.len() as u64,
        };
        let end = self.at.checked_add(len).ok_or_else(truncated)?;
        let taken = self.file.get(self.at..end).ok_or_else(truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], HeaderError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(part, N)?);
        Ok(out)
    }

    fn word(&mut self, part: &'static str) -> Result<u32, HeaderError> {
        self.array(part).map(u32::from_le_bytes)
    }

    fn half(&mut self, part: &'static str) -> Result<u16, HeaderError> {
        self.array(part).map(u16::from_le_bytes)
    }

    fn bootstrap(&mut self) -> Result<Bootstrap, HeaderError> {
        const { assert!(BOOTSTRAP_SIZE == 20) };
        Ok(Bootstrap {
            uuid: Uuid(self.array("bootstrap header")?),
            ta_version: self.word("bootstrap header")?,
        })
    }

    fn encrypted(&mut self) -> Result<Encrypted<'a>, HeaderError> {
        const { assert!(ENCRYPTED_SIZE == 12) };
        let enc_algo = self.word("encryption header")?;
        let flags = self.word("encryption header")?;
        let iv_size = self.half("encryption header")?;
        let tag_size = self.half("encryption header")?;
        Ok(Encrypted {
            enc_algo,
            flags,
            iv: self.take("initialization vector", iv_size.into())?,
            tag: self.take("authentication tag", tag_size.into())?,
        })
    }

    /// All that remains, which must be as long as announced.
    fn rest(&mut self, announced: u32) -> Result<Range<usize>, HeaderError> {
        let found = self.file.len().saturating_sub(self.at);
        if usize::try_from(announced) != Ok(found) {
            return Err(HeaderError::ImageSize {
                announced: announced.into(),
                found: found as u64,
            });
        }
        Ok(self.at..self.file.len())
    }

    fn subkey(&mut self, img_size: u32) -> Result<(SubHeader<'a>, Range<usize>), HeaderError> {
        let start = self.at;
        let len = usize::try_from(img_size).unwrap_or(usize::MAX);
        let body = self.take("subkey", len)?;
        let range = start..self.at;
        let mut inner = Cursor { file: body, at: 0 };
        const { assert!(SUBKEY_SIZE == 36) };
        let uuid = Uuid(inner.array("subkey header")?);
        let name_size = inner.word("subkey header")?;
        let version = inner.word("subkey header")?;
        let max_depth = inner.word("subkey header")?;
        let algo = inner.word("subkey header")?;
        let count = inner.word("subkey header")?;
        let mut attributes = Vec::new();
        for _ in 0..count {
            attributes.push(inner.attribute()?);
        }
        let has_next = self.at < self.file.len();
        let name = if has_next {
            let len = usize::try_from(name_size).unwrap_or(usize::MAX);
            self.take("name of what the subkey signs", len)?
        } else {
            &[]
        };
        let subkey = Subkey {
            uuid,
            version,
            max_depth,
            algo,
            name_size,
            attributes,
            name,
            next: self.file.get(self.at..).unwrap_or_default(),
        };
        Ok((SubHeader::Subkey(subkey), range))
    }

    fn attribute(&mut self) -> Result<(u32, &'a [u8]), HeaderError> {
        let id = self.word("subkey attribute")?;
        let offset = self.word("subkey attribute")? as usize;
        let size = self.word("subkey attribute")? as usize;
        let value = offset
            .checked_add(size)
            .and_then(|end| self.file.get(offset..end))
            .ok_or(HeaderError::SubkeyAttribute { id })?;
        Ok((id, value))
    }
}
