//! The signed header of a `.ta` file.
//!
//! ```text
//!  0  u32 magic "HSTO"   4  u32 img_type   8  u32 img_size   12 u32 algo
//! 16  u16 hash_size     18  u16 sig_size  20  hash[hash_size]  sig[sig_size]
//! then by type: 1 → { uuid[16] big endian, u32 ta_version }, and the image.
//! ```
//! The signed hash covers the 20 fixed bytes, the sub-header and the image.
//! Source: `signed_hdr.h`.

/// `SHDR_MAGIC`.
pub const SHDR_MAGIC: u32 = 0x4f54_5348;
/// Size of the fixed part of `struct shdr`.
pub const SHDR_SIZE: usize = 20;
/// Size of `struct shdr_bootstrap_ta`.
pub const BOOTSTRAP_SIZE: usize = 20;
/// Size of the fixed part of `struct shdr_encrypted_ta`.
pub const ENCRYPTED_SIZE: usize = 12;
/// Size of the fixed part of `struct shdr_subkey`.
pub const SUBKEY_SIZE: usize = 36;

/// `enum shdr_img_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ImageType {
    /// Legacy: the image follows the signature at once.
    Ta = 0,
    /// Carries the UUID and the TA's version.
    Bootstrap = 1,
    /// As [`ImageType::Bootstrap`], the image encrypted.
    Encrypted = 2,
    /// A public key for what follows, signed by the key above.
    Subkey = 3,
}

impl ImageType {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Ta),
            1 => Some(Self::Bootstrap),
            2 => Some(Self::Encrypted),
            3 => Some(Self::Subkey),
            _ => None,
        }
    }
}

/// `TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256`, the default signature algorithm.
pub const ALG_RSA_PSS_SHA256: u32 = 0x7041_4930;
/// `TEE_ALG_RSASSA_PKCS1_V1_5_SHA256`.
pub const ALG_RSA_V1_5_SHA256: u32 = 0x7000_4830;
/// `TEE_ALG_AES_GCM`, the encryption of encrypted TAs.
pub const ALG_AES_GCM: u32 = 0x4000_0810;
/// Bits of `struct shdr_encrypted_ta`'s flags: the key is derived for this device alone.
pub const ENC_KEY_DEV_SPECIFIC: u32 = 0;
/// The key is the same in a class of devices.
pub const ENC_KEY_CLASS_WIDE: u32 = 1;
