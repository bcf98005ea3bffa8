//! The algorithm table: one list of the algorithms of TEE Internal Core API 1.3.1 and of OP-TEE's
//! extensions, read by the shim's checks, `teebox algorithms` and the tests.
//!
//! A row is `identifier NAME class [modes] (key types) [support];`. Source: table 6-14 of the
//! specification, `tee_api_defines.h`, `tee_api_defines_extensions.h`, `utee_defines.h`.
//!
//! Identifiers carry fields at fixed bits (class 31:28, digest 15:12, chaining mode 11:8, main
//! algorithm 7:0, internal hash 23:20), which a few identifiers do not follow; the functions here
//! name those exceptions, so nobody else reads the bits.

use crate::objects::{
    TEE_TYPE_AES, TEE_TYPE_CONCAT_KDF_Z, TEE_TYPE_DES, TEE_TYPE_DES3, TEE_TYPE_DH_KEYPAIR,
    TEE_TYPE_DSA_KEYPAIR, TEE_TYPE_DSA_PUBLIC_KEY, TEE_TYPE_ECDH_KEYPAIR, TEE_TYPE_ECDSA_KEYPAIR,
    TEE_TYPE_ECDSA_PUBLIC_KEY, TEE_TYPE_ED25519_KEYPAIR, TEE_TYPE_ED25519_PUBLIC_KEY,
    TEE_TYPE_HKDF_IKM, TEE_TYPE_HMAC_MD5, TEE_TYPE_HMAC_SHA1, TEE_TYPE_HMAC_SHA3_224,
    TEE_TYPE_HMAC_SHA3_256, TEE_TYPE_HMAC_SHA3_384, TEE_TYPE_HMAC_SHA3_512, TEE_TYPE_HMAC_SHA224,
    TEE_TYPE_HMAC_SHA256, TEE_TYPE_HMAC_SHA384, TEE_TYPE_HMAC_SHA512, TEE_TYPE_HMAC_SM3,
    TEE_TYPE_PBKDF2_PASSWORD, TEE_TYPE_RSA_KEYPAIR, TEE_TYPE_RSA_PUBLIC_KEY,
    TEE_TYPE_SM2_DSA_KEYPAIR, TEE_TYPE_SM2_DSA_PUBLIC_KEY, TEE_TYPE_SM2_KEP_KEYPAIR,
    TEE_TYPE_SM2_PKE_KEYPAIR, TEE_TYPE_SM2_PKE_PUBLIC_KEY, TEE_TYPE_SM4, TEE_TYPE_X448_KEYPAIR,
    TEE_TYPE_X25519_KEYPAIR,
};
use crate::syscalls::Support;

/// What kind of operation an algorithm is for (`TEE_OPERATION_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Symmetric cipher.
    Cipher = 1,
    /// Message authentication code.
    Mac = 3,
    /// Authenticated encryption.
    Ae = 4,
    /// Message digest.
    Digest = 5,
    /// Asymmetric encryption.
    AsymmetricCipher = 6,
    /// Asymmetric signature.
    AsymmetricSignature = 7,
    /// Key derivation.
    KeyDerivation = 8,
}

/// What an operation does (`TEE_MODE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Encryption.
    Encrypt = 0,
    /// Decryption.
    Decrypt = 1,
    /// Signature generation.
    Sign = 2,
    /// Signature verification.
    Verify = 3,
    /// MAC computation.
    Mac = 4,
    /// Digest computation.
    Digest = 5,
    /// Key derivation.
    Derive = 6,
}

impl Mode {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Encrypt,
            1 => Self::Decrypt,
            2 => Self::Sign,
            3 => Self::Verify,
            4 => Self::Mac,
            5 => Self::Digest,
            6 => Self::Derive,
            _ => return None,
        })
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Algorithm {
    /// Its identifier (`TEE_ALG_*`).
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// Its class.
    pub class: Class,
    /// What it can do.
    pub modes: &'static [Mode],
    /// Key types it takes (`TEE_TYPE_*`); empty for digests.
    pub keys: &'static [u32],
    /// How far it is implemented.
    pub support: Support,
}

macro_rules! support {
    ([full]) => {
        Support::Full
    };
    ([missing $why:literal]) => {
        Support::Missing($why)
    };
}

macro_rules! algorithms {
    ($( $id:literal $name:ident $class:ident [$($mode:ident)*] ($($key:ident)*) $support:tt; )*) => {
        $( #[doc = concat!("`", stringify!($name), "`.")] pub const $name: u32 = $id; )*
        /// Every row, in the order of the specification's table.
        pub const TABLE: &[Algorithm] = &[
            $( Algorithm {
                id: $id,
                name: stringify!($name),
                class: Class::$class,
                modes: &[$(Mode::$mode),*],
                keys: &[$($key),*],
                support: support!($support),
            }, )*
        ];
    };
}

algorithms! {
    0x1000_0010 TEE_ALG_AES_ECB_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x1000_0110 TEE_ALG_AES_CBC_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x1000_0210 TEE_ALG_AES_CTR Cipher [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x1000_0310 TEE_ALG_AES_CTS Cipher [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x1000_0410 TEE_ALG_AES_XTS Cipher [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x3000_0110 TEE_ALG_AES_CBC_MAC_NOPAD Mac [Mac] (TEE_TYPE_AES) [full];
    0x3000_0510 TEE_ALG_AES_CBC_MAC_PKCS5 Mac [Mac] (TEE_TYPE_AES) [full];
    0x3000_0610 TEE_ALG_AES_CMAC Mac [Mac] (TEE_TYPE_AES) [full];
    0x4000_0710 TEE_ALG_AES_CCM Ae [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x4000_0810 TEE_ALG_AES_GCM Ae [Encrypt Decrypt] (TEE_TYPE_AES) [full];
    0x1000_0011 TEE_ALG_DES_ECB_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_DES) [full];
    0x1000_0111 TEE_ALG_DES_CBC_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_DES) [full];
    0x3000_0111 TEE_ALG_DES_CBC_MAC_NOPAD Mac [Mac] (TEE_TYPE_DES) [full];
    0x3000_0511 TEE_ALG_DES_CBC_MAC_PKCS5 Mac [Mac] (TEE_TYPE_DES) [full];
    0x1000_0013 TEE_ALG_DES3_ECB_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_DES3) [full];
    0x1000_0113 TEE_ALG_DES3_CBC_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_DES3) [full];
    0x3000_0113 TEE_ALG_DES3_CBC_MAC_NOPAD Mac [Mac] (TEE_TYPE_DES3) [full];
    0x3000_0513 TEE_ALG_DES3_CBC_MAC_PKCS5 Mac [Mac] (TEE_TYPE_DES3) [full];
    0xF000_0613 TEE_ALG_DES3_CMAC Mac [Mac] (TEE_TYPE_DES3) [full];
    0x1000_0014 TEE_ALG_SM4_ECB_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_SM4) [full];
    0x1000_0114 TEE_ALG_SM4_CBC_NOPAD Cipher [Encrypt Decrypt] (TEE_TYPE_SM4) [full];
    0x1000_0214 TEE_ALG_SM4_CTR Cipher [Encrypt Decrypt] (TEE_TYPE_SM4) [full];
    0xF000_0414 TEE_ALG_SM4_XTS Cipher [Encrypt Decrypt] (TEE_TYPE_SM4) [full];
    0x1000_0015 TEE_ALG_SM4_ECB_PKCS5 Cipher [] () [missing "upstream has no padding modes of SM4"];
    0x1000_0115 TEE_ALG_SM4_CBC_PKCS5 Cipher [] () [missing "upstream has no padding modes of SM4"];
    0xF000_0830 TEE_ALG_RSASSA_PKCS1_V1_5 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_1830 TEE_ALG_RSASSA_PKCS1_V1_5_MD5 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_2830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA1 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_3830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA224 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_4830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA256 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_5830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA384 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_6830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA512 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_8830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA3_224 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x7000_9830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA3_256 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x7000_A830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA3_384 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x7000_B830 TEE_ALG_RSASSA_PKCS1_V1_5_SHA3_512 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x7000_F830 TEE_ALG_RSASSA_PKCS1_V1_5_MD5SHA1 AsymmetricSignature [] () [missing "upstream refuses it"];
    0xF011_1930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_MD5 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7021_2930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA1 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7031_3930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA224 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7041_4930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7051_5930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA384 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7061_6930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA512 AsymmetricSignature [Sign Verify] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7081_8930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA3_224 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x7091_9930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA3_256 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x70A1_A930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA3_384 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x70B1_B930 TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA3_512 AsymmetricSignature [] () [missing "upstream refuses RSA with SHA-3"];
    0x6000_0130 TEE_ALG_RSAES_PKCS1_V1_5 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0xF011_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_MD5 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6021_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA1 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6031_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA224 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6041_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA256 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6051_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA384 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6061_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA512 AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x6081_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA3_224 AsymmetricCipher [] () [missing "upstream refuses RSA with SHA-3"];
    0x6091_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA3_256 AsymmetricCipher [] () [missing "upstream refuses RSA with SHA-3"];
    0x60A1_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA3_384 AsymmetricCipher [] () [missing "upstream refuses RSA with SHA-3"];
    0x60B1_0230 TEE_ALG_RSAES_PKCS1_OAEP_MGF1_SHA3_512 AsymmetricCipher [] () [missing "upstream refuses RSA with SHA-3"];
    0x6000_0030 TEE_ALG_RSA_NOPAD AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_RSA_KEYPAIR TEE_TYPE_RSA_PUBLIC_KEY) [full];
    0x7000_2131 TEE_ALG_DSA_SHA1 AsymmetricSignature [Sign Verify] (TEE_TYPE_DSA_KEYPAIR TEE_TYPE_DSA_PUBLIC_KEY) [full];
    0x7000_3131 TEE_ALG_DSA_SHA224 AsymmetricSignature [Sign Verify] (TEE_TYPE_DSA_KEYPAIR TEE_TYPE_DSA_PUBLIC_KEY) [full];
    0x7000_4131 TEE_ALG_DSA_SHA256 AsymmetricSignature [Sign Verify] (TEE_TYPE_DSA_KEYPAIR TEE_TYPE_DSA_PUBLIC_KEY) [full];
    0x7000_8131 TEE_ALG_DSA_SHA3_224 AsymmetricSignature [] () [missing "upstream refuses DSA with SHA-3"];
    0x7000_9131 TEE_ALG_DSA_SHA3_256 AsymmetricSignature [] () [missing "upstream refuses DSA with SHA-3"];
    0x7000_A131 TEE_ALG_DSA_SHA3_384 AsymmetricSignature [] () [missing "upstream refuses DSA with SHA-3"];
    0x7000_B131 TEE_ALG_DSA_SHA3_512 AsymmetricSignature [] () [missing "upstream refuses DSA with SHA-3"];
    0x8000_0032 TEE_ALG_DH_DERIVE_SHARED_SECRET KeyDerivation [Derive] (TEE_TYPE_DH_KEYPAIR) [full];
    0x7000_1042 TEE_ALG_ECDSA_SHA1 AsymmetricSignature [Sign Verify] (TEE_TYPE_ECDSA_KEYPAIR TEE_TYPE_ECDSA_PUBLIC_KEY) [full];
    0x7000_2042 TEE_ALG_ECDSA_SHA224 AsymmetricSignature [Sign Verify] (TEE_TYPE_ECDSA_KEYPAIR TEE_TYPE_ECDSA_PUBLIC_KEY) [full];
    0x7000_3042 TEE_ALG_ECDSA_SHA256 AsymmetricSignature [Sign Verify] (TEE_TYPE_ECDSA_KEYPAIR TEE_TYPE_ECDSA_PUBLIC_KEY) [full];
    0x7000_4042 TEE_ALG_ECDSA_SHA384 AsymmetricSignature [Sign Verify] (TEE_TYPE_ECDSA_KEYPAIR TEE_TYPE_ECDSA_PUBLIC_KEY) [full];
    0x7000_5042 TEE_ALG_ECDSA_SHA512 AsymmetricSignature [Sign Verify] (TEE_TYPE_ECDSA_KEYPAIR TEE_TYPE_ECDSA_PUBLIC_KEY) [full];
    0x7000_6042 TEE_ALG_ECDSA_SHA3_224 AsymmetricSignature [] () [missing "upstream refuses ECDSA with SHA-3"];
    0x7000_7042 TEE_ALG_ECDSA_SHA3_256 AsymmetricSignature [] () [missing "upstream refuses ECDSA with SHA-3"];
    0x7000_8042 TEE_ALG_ECDSA_SHA3_384 AsymmetricSignature [] () [missing "upstream refuses ECDSA with SHA-3"];
    0x7000_9042 TEE_ALG_ECDSA_SHA3_512 AsymmetricSignature [] () [missing "upstream refuses ECDSA with SHA-3"];
    0x8000_0042 TEE_ALG_ECDH_DERIVE_SHARED_SECRET KeyDerivation [Derive] (TEE_TYPE_ECDH_KEYPAIR) [full];
    0x7000_6043 TEE_ALG_ED25519 AsymmetricSignature [Sign Verify] (TEE_TYPE_ED25519_KEYPAIR TEE_TYPE_ED25519_PUBLIC_KEY) [full];
    0x7000_6044 TEE_ALG_ED448 AsymmetricSignature [] () [missing "upstream has no Ed448"];
    0x8000_0044 TEE_ALG_X25519 KeyDerivation [Derive] (TEE_TYPE_X25519_KEYPAIR) [full];
    0x8000_0045 TEE_ALG_X448 KeyDerivation [Derive] (TEE_TYPE_X448_KEYPAIR) [full];
    0x7000_6045 TEE_ALG_SM2_DSA_SM3 AsymmetricSignature [Sign Verify] (TEE_TYPE_SM2_DSA_KEYPAIR TEE_TYPE_SM2_DSA_PUBLIC_KEY) [full];
    0x6000_0045 TEE_ALG_SM2_KEP KeyDerivation [Derive] (TEE_TYPE_SM2_KEP_KEYPAIR) [full];
    0x8000_0046 TEE_ALG_SM2_PKE AsymmetricCipher [Encrypt Decrypt] (TEE_TYPE_SM2_PKE_KEYPAIR TEE_TYPE_SM2_PKE_PUBLIC_KEY) [full];
    0x8000_0047 TEE_ALG_HKDF KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_10C0 TEE_ALG_HKDF_MD5_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_20C0 TEE_ALG_HKDF_SHA1_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_30C0 TEE_ALG_HKDF_SHA224_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_40C0 TEE_ALG_HKDF_SHA256_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_50C0 TEE_ALG_HKDF_SHA384_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_60C0 TEE_ALG_HKDF_SHA512_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_HKDF_IKM) [full];
    0x8000_20C1 TEE_ALG_CONCAT_KDF_SHA1_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_CONCAT_KDF_Z) [full];
    0x8000_30C1 TEE_ALG_CONCAT_KDF_SHA224_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_CONCAT_KDF_Z) [full];
    0x8000_40C1 TEE_ALG_CONCAT_KDF_SHA256_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_CONCAT_KDF_Z) [full];
    0x8000_50C1 TEE_ALG_CONCAT_KDF_SHA384_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_CONCAT_KDF_Z) [full];
    0x8000_60C1 TEE_ALG_CONCAT_KDF_SHA512_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_CONCAT_KDF_Z) [full];
    0x8000_20C2 TEE_ALG_PBKDF2_HMAC_SHA1_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x8000_30C2 TEE_ALG_PBKDF2_HMAC_SHA224_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x8000_40C2 TEE_ALG_PBKDF2_HMAC_SHA256_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x8000_50C2 TEE_ALG_PBKDF2_HMAC_SHA384_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x8000_60C2 TEE_ALG_PBKDF2_HMAC_SHA512_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x8000_70C2 TEE_ALG_PBKDF2_HMAC_SM3_DERIVE_KEY KeyDerivation [Derive] (TEE_TYPE_PBKDF2_PASSWORD) [full];
    0x5000_0001 TEE_ALG_MD5 Digest [Digest] () [full];
    0x5000_0002 TEE_ALG_SHA1 Digest [Digest] () [full];
    0x5000_0003 TEE_ALG_SHA224 Digest [Digest] () [full];
    0x5000_0004 TEE_ALG_SHA256 Digest [Digest] () [full];
    0x5000_0005 TEE_ALG_SHA384 Digest [Digest] () [full];
    0x5000_0006 TEE_ALG_SHA512 Digest [Digest] () [full];
    0x5000_0007 TEE_ALG_SM3 Digest [Digest] () [full];
    0x5000_0008 TEE_ALG_SHA3_224 Digest [Digest] () [full];
    0x5000_0009 TEE_ALG_SHA3_256 Digest [Digest] () [full];
    0x5000_000A TEE_ALG_SHA3_384 Digest [Digest] () [full];
    0x5000_000B TEE_ALG_SHA3_512 Digest [Digest] () [full];
    0x5000_000F TEE_ALG_MD5SHA1 Digest [] () [missing "upstream refuses it"];
    0x5000_0101 TEE_ALG_SHAKE128 Digest [Digest] () [full];
    0x5000_0102 TEE_ALG_SHAKE256 Digest [Digest] () [full];
    0x3000_0001 TEE_ALG_HMAC_MD5 Mac [Mac] (TEE_TYPE_HMAC_MD5) [full];
    0x3000_0002 TEE_ALG_HMAC_SHA1 Mac [Mac] (TEE_TYPE_HMAC_SHA1) [full];
    0x3000_0003 TEE_ALG_HMAC_SHA224 Mac [Mac] (TEE_TYPE_HMAC_SHA224) [full];
    0x3000_0004 TEE_ALG_HMAC_SHA256 Mac [Mac] (TEE_TYPE_HMAC_SHA256) [full];
    0x3000_0005 TEE_ALG_HMAC_SHA384 Mac [Mac] (TEE_TYPE_HMAC_SHA384) [full];
    0x3000_0006 TEE_ALG_HMAC_SHA512 Mac [Mac] (TEE_TYPE_HMAC_SHA512) [full];
    0x3000_0007 TEE_ALG_HMAC_SM3 Mac [Mac] (TEE_TYPE_HMAC_SM3) [full];
    0x3000_0008 TEE_ALG_HMAC_SHA3_224 Mac [Mac] (TEE_TYPE_HMAC_SHA3_224) [full];
    0x3000_0009 TEE_ALG_HMAC_SHA3_256 Mac [Mac] (TEE_TYPE_HMAC_SHA3_256) [full];
    0x3000_000A TEE_ALG_HMAC_SHA3_384 Mac [Mac] (TEE_TYPE_HMAC_SHA3_384) [full];
    0x3000_000B TEE_ALG_HMAC_SHA3_512 Mac [Mac] (TEE_TYPE_HMAC_SHA3_512) [full];
}

/// The row of an identifier.
#[must_use]
pub fn find(id: u32) -> Option<&'static Algorithm> {
    TABLE.iter().find(|row| row.id == id)
}

/// Main algorithms, bits 7:0 of an identifier (`TEE_MAIN_ALGO_*`).
pub mod main_algo {
    #![allow(missing_docs, reason = "the names are the specification's")]
    pub const MD5: u32 = 0x01;
    pub const SHA1: u32 = 0x02;
    pub const SHA224: u32 = 0x03;
    pub const SHA256: u32 = 0x04;
    pub const SHA384: u32 = 0x05;
    pub const SHA512: u32 = 0x06;
    pub const SM3: u32 = 0x07;
    pub const SHA3_224: u32 = 0x08;
    pub const SHA3_256: u32 = 0x09;
    pub const SHA3_384: u32 = 0x0A;
    pub const SHA3_512: u32 = 0x0B;
    pub const AES: u32 = 0x10;
    pub const DES: u32 = 0x11;
    pub const DES3: u32 = 0x13;
    pub const SM4: u32 = 0x14;
    pub const RSA: u32 = 0x30;
    pub const DSA: u32 = 0x31;
    pub const DH: u32 = 0x32;
    pub const ECDSA: u32 = 0x41;
    pub const ECDH: u32 = 0x42;
    pub const ED25519: u32 = 0x43;
    pub const X25519: u32 = 0x44;
    pub const SM2_DSA_SM3: u32 = 0x45;
    pub const SM2_KEP: u32 = 0x46;
    pub const SM2_PKE: u32 = 0x47;
    pub const X448: u32 = 0x49;
    pub const HKDF: u32 = 0xC0;
    pub const CONCAT_KDF: u32 = 0xC1;
    pub const PBKDF2: u32 = 0xC2;
    pub const SHAKE128: u32 = 0xC3;
    pub const SHAKE256: u32 = 0xC4;
}

/// The class of an identifier, known or not, as upstream reads it.
#[must_use]
pub const fn class(id: u32) -> Option<Class> {
    Some(match id {
        TEE_ALG_SM2_PKE | TEE_ALG_RSAES_PKCS1_OAEP_MGF1_MD5 => Class::AsymmetricCipher,
        TEE_ALG_SM2_KEP => Class::KeyDerivation,
        TEE_ALG_RSASSA_PKCS1_V1_5 | TEE_ALG_RSASSA_PKCS1_PSS_MGF1_MD5 => Class::AsymmetricSignature,
        TEE_ALG_DES3_CMAC => Class::Mac,
        TEE_ALG_SM4_XTS => Class::Cipher,
        _ => match id >> 28 {
            1 => Class::Cipher,
            3 => Class::Mac,
            4 => Class::Ae,
            5 => Class::Digest,
            6 => Class::AsymmetricCipher,
            7 => Class::AsymmetricSignature,
            8 => Class::KeyDerivation,
            _ => return None,
        },
    })
}

/// The main algorithm of an identifier ([`main_algo`]).
#[must_use]
pub const fn main(id: u32) -> u32 {
    match id {
        TEE_ALG_SM2_PKE => main_algo::SM2_PKE,
        TEE_ALG_SM2_KEP => main_algo::SM2_KEP,
        TEE_ALG_X25519 => main_algo::X25519,
        TEE_ALG_ED25519 => main_algo::ED25519,
        TEE_ALG_ECDSA_SHA1 | TEE_ALG_ECDSA_SHA224 | TEE_ALG_ECDSA_SHA256 | TEE_ALG_ECDSA_SHA384
        | TEE_ALG_ECDSA_SHA512 => main_algo::ECDSA,
        TEE_ALG_HKDF => main_algo::HKDF,
        TEE_ALG_SHAKE128 => main_algo::SHAKE128,
        TEE_ALG_SHAKE256 => main_algo::SHAKE256,
        TEE_ALG_X448 => main_algo::X448,
        _ => id & 0xff,
    }
}

/// Whether the identifier's chaining mode is XTS, which takes two keys.
#[must_use]
pub const fn is_xts(id: u32) -> bool {
    id >> 8 & 0xf == 4
}

/// The digest algorithm of the main hash `hash`; of a digest algorithm, itself.
#[must_use]
pub const fn digest_of(hash: u32) -> u32 {
    (Class::Digest as u32) << 28 | hash
}

/// The MAC algorithm of the main hash `hash`.
const fn hmac_of(hash: u32) -> u32 {
    (Class::Mac as u32) << 28 | hash
}

/// The main hash in bits 15:12.
const fn main_hash(id: u32) -> u32 {
    match id {
        TEE_ALG_SM2_DSA_SM3 => main_algo::SM3,
        _ => id >> 12 & 0xf,
    }
}

/// The digest algorithm that a signature or derivation algorithm is used with.
#[must_use]
pub const fn digest(id: u32) -> u32 {
    digest_of(main_hash(id))
}

/// The HMAC algorithm that a derivation algorithm is used with.
#[must_use]
pub const fn hmac(id: u32) -> u32 {
    hmac_of(main_hash(id))
}

/// The HMAC algorithm of a digest algorithm.
#[must_use]
pub const fn hmac_of_digest(digest: u32) -> u32 {
    hmac_of(digest & 0xff)
}

/// The digest algorithm of an HMAC algorithm.
#[must_use]
pub const fn digest_of_hmac(hmac: u32) -> u32 {
    digest_of(hmac & 0xff)
}

/// The digest algorithm of an encryption algorithm's mask generation.
#[must_use]
pub const fn internal_digest(id: u32) -> u32 {
    digest_of(id >> 20 & 7)
}

/// Bytes of a digest or MAC, as upstream tells it: none for the extendable-output functions and
/// for signature algorithms other than DSA and ECDSA.
#[must_use]
pub const fn digest_size(id: u32) -> Option<usize> {
    Some(match id {
        TEE_ALG_MD5 | TEE_ALG_HMAC_MD5 => 16,
        TEE_ALG_SHA1 | TEE_ALG_HMAC_SHA1 | TEE_ALG_DSA_SHA1 | TEE_ALG_ECDSA_SHA1 => 20,
        TEE_ALG_SHA224
        | TEE_ALG_SHA3_224
        | TEE_ALG_HMAC_SHA224
        | TEE_ALG_HMAC_SHA3_224
        | TEE_ALG_DSA_SHA224
        | TEE_ALG_ECDSA_SHA224 => 28,
        TEE_ALG_SHA256
        | TEE_ALG_SHA3_256
        | TEE_ALG_HMAC_SHA256
        | TEE_ALG_HMAC_SHA3_256
        | TEE_ALG_DSA_SHA256
        | TEE_ALG_ECDSA_SHA256
        | TEE_ALG_SM3
        | TEE_ALG_HMAC_SM3 => 32,
        TEE_ALG_SHA384
        | TEE_ALG_SHA3_384
        | TEE_ALG_HMAC_SHA384
        | TEE_ALG_HMAC_SHA3_384
        | TEE_ALG_ECDSA_SHA384 => 48,
        TEE_ALG_SHA512
        | TEE_ALG_SHA3_512
        | TEE_ALG_HMAC_SHA512
        | TEE_ALG_HMAC_SHA3_512
        | TEE_ALG_ECDSA_SHA512 => 64,
        TEE_ALG_AES_CBC_MAC_NOPAD | TEE_ALG_AES_CBC_MAC_PKCS5 | TEE_ALG_AES_CMAC => 16,
        TEE_ALG_DES_CBC_MAC_NOPAD
        | TEE_ALG_DES_CBC_MAC_PKCS5
        | TEE_ALG_DES3_CBC_MAC_NOPAD
        | TEE_ALG_DES3_CBC_MAC_PKCS5
        | TEE_ALG_DES3_CMAC => 8,
        _ => return None,
    })
}

/// Longest digest in bytes (`TEE_MAX_HASH_SIZE`).
pub const MAX_DIGEST_SIZE: usize = 64;

/// Bytes in a block of a cipher, where updates take whole blocks.
#[must_use]
pub const fn block_size(id: u32) -> Option<usize> {
    Some(match id {
        TEE_ALG_AES_ECB_NOPAD
        | TEE_ALG_AES_CBC_NOPAD
        | TEE_ALG_AES_CTR
        | TEE_ALG_AES_CTS
        | TEE_ALG_AES_XTS
        | TEE_ALG_SM4_ECB_NOPAD
        | TEE_ALG_SM4_CBC_NOPAD
        | TEE_ALG_SM4_XTS
        | TEE_ALG_SM4_CTR => 16,
        TEE_ALG_DES_ECB_NOPAD
        | TEE_ALG_DES_CBC_NOPAD
        | TEE_ALG_DES3_ECB_NOPAD
        | TEE_ALG_DES3_CBC_NOPAD => 8,
        _ => return None,
    })
}

/// The present identifier of one that OP-TEE used before it followed the specification's ECC
/// numbering; any other identifier is unchanged.
#[must_use]
pub const fn modern(id: u32) -> u32 {
    match id {
        0x7000_1041 => TEE_ALG_ECDSA_SHA1,
        0x7000_2041 => TEE_ALG_ECDSA_SHA224,
        0x7000_3041 => TEE_ALG_ECDSA_SHA256,
        0x7000_4041 => TEE_ALG_ECDSA_SHA384,
        0x7000_5041 => TEE_ALG_ECDSA_SHA512,
        0x8000_1042 | 0x8000_2042 | 0x8000_3042 | 0x8000_4042 | 0x8000_5042 => {
            TEE_ALG_ECDH_DERIVE_SHARED_SECRET
        }
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_of_the_class_its_number_says() {
        for row in TABLE {
            assert_eq!(class(row.id), Some(row.class), "{}", row.name);
        }
    }

    #[test]
    fn numbers_and_names_are_unique() {
        for (i, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[i + 1..]
                    .iter()
                    .all(|r| r.id != row.id && r.name != row.name)
            );
        }
    }

    #[test]
    fn a_row_that_is_there_has_modes_and_keys() {
        for row in TABLE.iter().filter(|r| r.support == Support::Full) {
            assert!(!row.modes.is_empty(), "{}", row.name);
            assert_eq!(
                row.keys.is_empty(),
                row.class == Class::Digest,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn digests_of_composed_algorithms() {
        assert_eq!(digest(TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA384), TEE_ALG_SHA384);
        assert_eq!(digest(TEE_ALG_SM2_DSA_SM3), TEE_ALG_SM3);
        assert_eq!(
            internal_digest(TEE_ALG_RSAES_PKCS1_OAEP_MGF1_MD5),
            TEE_ALG_MD5
        );
        assert_eq!(hmac(TEE_ALG_PBKDF2_HMAC_SM3_DERIVE_KEY), TEE_ALG_HMAC_SM3);
        assert_eq!(hmac_of_digest(TEE_ALG_SHA256), TEE_ALG_HMAC_SHA256);
    }
}
