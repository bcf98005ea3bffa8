//! Object types: one list of key types with their sizes and attributes, read by the shim's checks,
//! the stored form of attributes, and `teebox algorithms`; usages and handle flags.
//!
//! A row is `number NAME quantum min..=max bytes ATTRIBUTES;` with sizes in bits; `bytes` is the
//! room for the value of a type that holds a plain secret. Source: table 6-13 of TEE Internal Core
//! API 1.3.1, `tee_api_defines.h`, `core/tee/tee_svc_cryp.c`.

use crate::attributes as attr;

/// Usages of a key (`TEE_USAGE_*`).
pub const TEE_USAGE_EXTRACTABLE: u32 = 1 << 0;
/// Encryption.
pub const TEE_USAGE_ENCRYPT: u32 = 1 << 1;
/// Decryption.
pub const TEE_USAGE_DECRYPT: u32 = 1 << 2;
/// Message authentication.
pub const TEE_USAGE_MAC: u32 = 1 << 3;
/// Signature generation.
pub const TEE_USAGE_SIGN: u32 = 1 << 4;
/// Signature verification.
pub const TEE_USAGE_VERIFY: u32 = 1 << 5;
/// Key derivation.
pub const TEE_USAGE_DERIVE: u32 = 1 << 6;
/// What a new object may be used for: everything.
pub const TEE_USAGE_DEFAULT: u32 = u32::MAX;

/// The object is persistent (`TEE_HANDLE_FLAG_*`).
pub const TEE_HANDLE_FLAG_PERSISTENT: u32 = 1 << 16;
/// The object has its attributes.
pub const TEE_HANDLE_FLAG_INITIALIZED: u32 = 1 << 17;
/// The operation has its key.
pub const TEE_HANDLE_FLAG_KEY_SET: u32 = 1 << 18;
/// The operation takes two keys.
pub const TEE_HANDLE_FLAG_EXPECT_TWO_KEYS: u32 = 1 << 19;
/// The digest operation's output is being extracted.
pub const TEE_HANDLE_FLAG_EXTRACTING: u32 = 1 << 20;

/// Curves (`TEE_ECC_CURVE_*`).
pub const TEE_ECC_CURVE_NIST_P192: u32 = 1;
/// NIST P-224.
pub const TEE_ECC_CURVE_NIST_P224: u32 = 2;
/// NIST P-256.
pub const TEE_ECC_CURVE_NIST_P256: u32 = 3;
/// NIST P-384.
pub const TEE_ECC_CURVE_NIST_P384: u32 = 4;
/// NIST P-521.
pub const TEE_ECC_CURVE_NIST_P521: u32 = 5;
/// Curve25519.
pub const TEE_ECC_CURVE_25519: u32 = 0x300;
/// SM2's curve.
pub const TEE_ECC_CURVE_SM2: u32 = 0x400;

/// Largest number in bits that the core computes with (`CFG_CORE_BIGNUM_MAX_BITS`).
pub const MAX_BIGNUM_BITS: u32 = 4096;

/// How an attribute's value is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A secret of any length up to the type's room.
    Secret,
    /// A number, as big-endian bytes without leading zeros.
    Bignum,
    /// The first of a pair of numbers.
    Value,
    /// Exactly 32 bytes.
    Bytes32,
    /// Exactly 56 bytes.
    Bytes56,
}

/// What an attribute is to a key of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttrFlags(u8);

impl AttrFlags {
    /// Must be given to populate.
    pub const REQUIRED: Self = Self(1);
    /// All or none of these must be given to populate.
    pub const OPTIONAL_GROUP: Self = Self(2);
    /// Its length, or the curve it names, is the key's size.
    pub const SIZE_INDICATOR: Self = Self(4);
    /// May be given to generate.
    pub const GEN_OPTIONAL: Self = Self(8);
    /// Must be given to generate.
    pub const GEN_REQUIRED: Self = Self(16);
    /// The number has at most as many bits as the object's maximum.
    pub const MAX_BITS: Self = Self(32);

    /// Both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An attribute of a type. Its position in the type's list is its bit in `have_attrs`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its identifier (`TEE_ATTR_*`).
    pub id: u32,
    /// How its value is held.
    pub kind: Kind,
    /// What it is to the key.
    pub flags: AttrFlags,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ObjectType {
    /// Its number (`TEE_TYPE_*`).
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// Sizes are multiples of this many bits.
    pub quantum: u32,
    /// Least size in bits.
    pub min: u32,
    /// Largest size in bits.
    pub max: u32,
    /// Bytes of room for a plain secret.
    pub room: usize,
    /// Its attributes, in the order they are stored in.
    pub attributes: &'static [Attribute],
}

const fn row(id: u32, kind: Kind, flags: AttrFlags) -> Attribute {
    Attribute { id, kind, flags }
}

const REQ: AttrFlags = AttrFlags::REQUIRED;
const SIZE: AttrFlags = REQ.or(AttrFlags::SIZE_INDICATOR);
const GROUP: AttrFlags = AttrFlags::OPTIONAL_GROUP;
const GEN_OPT: AttrFlags = AttrFlags::GEN_OPTIONAL;
const GEN_REQ: AttrFlags = AttrFlags::GEN_REQUIRED;
const BITS: AttrFlags = AttrFlags::MAX_BITS;

/// The attributes of a plain secret: the types whose list is this one can be derived into.
pub const SECRET: &[Attribute] = &[row(attr::TEE_ATTR_SECRET_VALUE, Kind::Secret, SIZE)];
const IKM: &[Attribute] = &[row(attr::TEE_ATTR_HKDF_IKM, Kind::Secret, SIZE)];
const Z: &[Attribute] = &[row(attr::TEE_ATTR_CONCAT_KDF_Z, Kind::Secret, SIZE)];
const PASSWORD: &[Attribute] = &[row(attr::TEE_ATTR_PBKDF2_PASSWORD, Kind::Secret, SIZE)];
const RSA_PUBLIC: &[Attribute] = &[
    row(attr::TEE_ATTR_RSA_MODULUS, Kind::Bignum, SIZE),
    row(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, Kind::Bignum, REQ),
];
const RSA: &[Attribute] = &[
    row(attr::TEE_ATTR_RSA_MODULUS, Kind::Bignum, SIZE),
    row(
        attr::TEE_ATTR_RSA_PUBLIC_EXPONENT,
        Kind::Bignum,
        REQ.or(GEN_OPT),
    ),
    row(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_RSA_PRIME1, Kind::Bignum, GROUP),
    row(attr::TEE_ATTR_RSA_PRIME2, Kind::Bignum, GROUP),
    row(attr::TEE_ATTR_RSA_EXPONENT1, Kind::Bignum, GROUP),
    row(attr::TEE_ATTR_RSA_EXPONENT2, Kind::Bignum, GROUP),
    row(attr::TEE_ATTR_RSA_COEFFICIENT, Kind::Bignum, GROUP),
];
const DSA_PUBLIC: &[Attribute] = &[
    row(attr::TEE_ATTR_DSA_PRIME, Kind::Bignum, SIZE.or(BITS)),
    row(attr::TEE_ATTR_DSA_SUBPRIME, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_DSA_BASE, Kind::Bignum, REQ.or(BITS)),
    row(attr::TEE_ATTR_DSA_PUBLIC_VALUE, Kind::Bignum, REQ.or(BITS)),
];
const DSA: &[Attribute] = &[
    row(
        attr::TEE_ATTR_DSA_PRIME,
        Kind::Bignum,
        SIZE.or(BITS).or(GEN_REQ),
    ),
    row(attr::TEE_ATTR_DSA_SUBPRIME, Kind::Bignum, REQ.or(GEN_REQ)),
    row(
        attr::TEE_ATTR_DSA_BASE,
        Kind::Bignum,
        REQ.or(BITS).or(GEN_REQ),
    ),
    row(attr::TEE_ATTR_DSA_PRIVATE_VALUE, Kind::Bignum, REQ.or(BITS)),
    row(attr::TEE_ATTR_DSA_PUBLIC_VALUE, Kind::Bignum, REQ.or(BITS)),
];
const DH: &[Attribute] = &[
    row(attr::TEE_ATTR_DH_PRIME, Kind::Bignum, SIZE.or(GEN_REQ)),
    row(attr::TEE_ATTR_DH_BASE, Kind::Bignum, REQ.or(GEN_REQ)),
    row(attr::TEE_ATTR_DH_PUBLIC_VALUE, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_DH_PRIVATE_VALUE, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_DH_SUBPRIME, Kind::Bignum, GROUP.or(GEN_OPT)),
    row(attr::TEE_ATTR_DH_X_BITS, Kind::Value, GEN_OPT),
];
const ECC_PUBLIC: &[Attribute] = &[
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_CURVE, Kind::Value, SIZE),
];
const ECC: &[Attribute] = &[
    row(attr::TEE_ATTR_ECC_PRIVATE_VALUE, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_CURVE, Kind::Value, SIZE.or(GEN_REQ)),
];
const SM2_PUBLIC: &[Attribute] = &[
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, Kind::Bignum, REQ),
];
const SM2: &[Attribute] = &[
    row(attr::TEE_ATTR_ECC_PRIVATE_VALUE, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, Kind::Bignum, REQ),
    row(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, Kind::Bignum, REQ),
];
const X25519: &[Attribute] = &[
    row(attr::TEE_ATTR_X25519_PRIVATE_VALUE, Kind::Bytes32, REQ),
    row(attr::TEE_ATTR_X25519_PUBLIC_VALUE, Kind::Bytes32, REQ),
];
const X448: &[Attribute] = &[
    row(attr::TEE_ATTR_X448_PRIVATE_VALUE, Kind::Bytes56, REQ),
    row(attr::TEE_ATTR_X448_PUBLIC_VALUE, Kind::Bytes56, REQ),
];
const ED25519_PUBLIC: &[Attribute] =
    &[row(attr::TEE_ATTR_ED25519_PUBLIC_VALUE, Kind::Bytes32, REQ)];
const ED25519: &[Attribute] = &[
    row(attr::TEE_ATTR_ED25519_PRIVATE_VALUE, Kind::Bytes32, REQ),
    row(attr::TEE_ATTR_ED25519_PUBLIC_VALUE, Kind::Bytes32, REQ),
];

/// A pure data object; it has no key and is no row of the table.
pub const TEE_TYPE_DATA: u32 = 0xA000_00BF;

macro_rules! objects {
    ($( $id:literal $name:ident $quantum:literal $min:literal ..= $max:literal $room:literal $attributes:ident; )*) => {
        $( #[doc = concat!("`", stringify!($name), "`.")] pub const $name: u32 = $id; )*
        /// Every key type.
        pub const TABLE: &[ObjectType] = &[
            $( ObjectType {
                id: $id,
                name: stringify!($name),
                quantum: $quantum,
                min: $min,
                max: $max,
                room: $room,
                attributes: $attributes,
            }, )*
        ];
    };
}

objects! {
    0xA000_0010 TEE_TYPE_AES 64 128..=256 32 SECRET;
    0xA000_0011 TEE_TYPE_DES 64 64..=64 8 SECRET;
    0xA000_0013 TEE_TYPE_DES3 64 128..=192 24 SECRET;
    0xA000_0014 TEE_TYPE_SM4 128 128..=128 16 SECRET;
    0xA000_0001 TEE_TYPE_HMAC_MD5 8 64..=512 64 SECRET;
    0xA000_0002 TEE_TYPE_HMAC_SHA1 8 80..=512 64 SECRET;
    0xA000_0003 TEE_TYPE_HMAC_SHA224 8 112..=512 64 SECRET;
    0xA000_0004 TEE_TYPE_HMAC_SHA256 8 192..=1024 128 SECRET;
    0xA000_0005 TEE_TYPE_HMAC_SHA384 8 256..=1024 128 SECRET;
    0xA000_0006 TEE_TYPE_HMAC_SHA512 8 256..=1024 128 SECRET;
    0xA000_0008 TEE_TYPE_HMAC_SHA3_224 8 192..=1024 128 SECRET;
    0xA000_0009 TEE_TYPE_HMAC_SHA3_256 8 256..=1024 128 SECRET;
    0xA000_000A TEE_TYPE_HMAC_SHA3_384 8 256..=1024 128 SECRET;
    0xA000_000B TEE_TYPE_HMAC_SHA3_512 8 256..=1024 128 SECRET;
    0xA000_0007 TEE_TYPE_HMAC_SM3 8 80..=1024 64 SECRET;
    0xA000_0000 TEE_TYPE_GENERIC_SECRET 8 0..=4096 512 SECRET;
    0xA100_00C0 TEE_TYPE_HKDF_IKM 8 0..=4096 512 IKM;
    0xA100_00C1 TEE_TYPE_CONCAT_KDF_Z 8 0..=4096 512 Z;
    0xA100_00C2 TEE_TYPE_PBKDF2_PASSWORD 8 0..=4096 512 PASSWORD;
    0xA000_0030 TEE_TYPE_RSA_PUBLIC_KEY 1 256..=4096 0 RSA_PUBLIC;
    0xA100_0030 TEE_TYPE_RSA_KEYPAIR 1 256..=4096 0 RSA;
    0xA000_0031 TEE_TYPE_DSA_PUBLIC_KEY 64 512..=3072 0 DSA_PUBLIC;
    0xA100_0031 TEE_TYPE_DSA_KEYPAIR 64 512..=3072 0 DSA;
    0xA100_0032 TEE_TYPE_DH_KEYPAIR 1 256..=2048 0 DH;
    0xA000_0041 TEE_TYPE_ECDSA_PUBLIC_KEY 1 192..=521 0 ECC_PUBLIC;
    0xA100_0041 TEE_TYPE_ECDSA_KEYPAIR 1 192..=521 0 ECC;
    0xA000_0042 TEE_TYPE_ECDH_PUBLIC_KEY 1 192..=521 0 ECC_PUBLIC;
    0xA100_0042 TEE_TYPE_ECDH_KEYPAIR 1 192..=521 0 ECC;
    0xA000_0045 TEE_TYPE_SM2_DSA_PUBLIC_KEY 1 256..=256 0 SM2_PUBLIC;
    0xA100_0045 TEE_TYPE_SM2_DSA_KEYPAIR 1 256..=256 0 SM2;
    0xA000_0047 TEE_TYPE_SM2_PKE_PUBLIC_KEY 1 256..=256 0 SM2_PUBLIC;
    0xA100_0047 TEE_TYPE_SM2_PKE_KEYPAIR 1 256..=256 0 SM2;
    0xA000_0046 TEE_TYPE_SM2_KEP_PUBLIC_KEY 1 256..=256 0 SM2_PUBLIC;
    0xA100_0046 TEE_TYPE_SM2_KEP_KEYPAIR 1 256..=256 0 SM2;
    0xA100_0044 TEE_TYPE_X25519_KEYPAIR 1 256..=256 0 X25519;
    0xA100_0049 TEE_TYPE_X448_KEYPAIR 1 448..=448 0 X448;
    0xA000_0043 TEE_TYPE_ED25519_PUBLIC_KEY 1 256..=256 0 ED25519_PUBLIC;
    0xA100_0043 TEE_TYPE_ED25519_KEYPAIR 1 256..=256 0 ED25519;
}

impl ObjectType {
    /// The row of a number.
    #[must_use]
    pub fn find(id: u32) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.id == id)
    }

    /// The position and row of an attribute.
    #[must_use]
    pub fn attribute(&self, id: u32) -> Option<(usize, &'static Attribute)> {
        self.attributes.iter().enumerate().find(|(_, a)| a.id == id)
    }

    /// Whether it holds a plain secret that keys can be derived into.
    #[must_use]
    pub fn is_plain_secret(&self) -> bool {
        matches!(self.attributes, [only] if only.id == attr::TEE_ATTR_SECRET_VALUE)
    }

    /// Whether a key may have this many bits. Sizes of DES keys may leave out the parity bits, as
    /// the GP Internal API 1.0 did.
    #[must_use]
    pub fn allows(&self, bits: u64) -> bool {
        let bits = if is_legacy_des_size(self.id, bits) {
            bits + bits / 7
        } else {
            bits
        };
        bits.is_multiple_of(u64::from(self.quantum))
            && (u64::from(self.min)..=u64::from(self.max)).contains(&bits)
    }

    /// The bits of `have_attrs` when every attribute is there.
    #[must_use]
    pub const fn all_attributes(&self) -> u32 {
        (1 << self.attributes.len()) - 1
    }
}

/// Whether a size is that of a DES key without its parity bits.
#[must_use]
pub const fn is_legacy_des_size(obj_type: u32, bits: u64) -> bool {
    match obj_type {
        TEE_TYPE_DES => bits == 56,
        TEE_TYPE_DES3 => bits == 112 || bits == 168,
        _ => false,
    }
}

/// Bits in a key on a curve; `None` for a number that names no curve.
#[must_use]
pub const fn curve_bits(curve: u32) -> Option<u32> {
    Some(match curve {
        TEE_ECC_CURVE_NIST_P192 => 192,
        TEE_ECC_CURVE_NIST_P224 => 224,
        TEE_ECC_CURVE_NIST_P256 | TEE_ECC_CURVE_SM2 | TEE_ECC_CURVE_25519 => 256,
        TEE_ECC_CURVE_NIST_P384 => 384,
        TEE_ECC_CURVE_NIST_P521 => 521,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_value_attribute_has_the_value_flag() {
        for a in TABLE.iter().flat_map(|row| row.attributes) {
            assert_eq!(a.kind == Kind::Value, a.id & attr::TEE_ATTR_FLAG_VALUE != 0);
        }
    }

    #[test]
    fn sizes_of_des_keys_may_leave_out_parity() {
        let des3 = ObjectType::find(TEE_TYPE_DES3).unwrap();
        for bits in [112, 128, 168, 192] {
            assert!(des3.allows(bits), "{bits}");
        }
        for bits in [0, 56, 64, 127, 129, 256, u64::MAX] {
            assert!(!des3.allows(bits), "{bits}");
        }
    }

    #[test]
    fn aes_keys_have_three_sizes() {
        let aes = ObjectType::find(TEE_TYPE_AES).unwrap();
        let sizes: [u64; 3] = [128, 192, 256];
        for bits in 0..300 {
            assert_eq!(aes.allows(bits), sizes.contains(&bits));
        }
    }
}
