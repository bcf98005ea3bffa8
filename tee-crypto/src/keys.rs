//! Keys as the TEE holds them: big-endian numbers without a fixed width.

use alloc::vec::Vec;

use tee_abi::objects::{
    TEE_ECC_CURVE_NIST_P192, TEE_ECC_CURVE_NIST_P224, TEE_ECC_CURVE_NIST_P256,
    TEE_ECC_CURVE_NIST_P384, TEE_ECC_CURVE_NIST_P521, TEE_ECC_CURVE_SM2,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The primes of an RSA key and what is derived of them.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RsaCrt {
    /// First prime.
    pub p: Vec<u8>,
    /// Second prime.
    pub q: Vec<u8>,
    /// d mod (p − 1).
    pub dp: Vec<u8>,
    /// d mod (q − 1).
    pub dq: Vec<u8>,
    /// q⁻¹ mod p.
    pub qp: Vec<u8>,
}

/// An RSA key; `d` is empty for a public one.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RsaKey {
    /// Modulus.
    pub n: Vec<u8>,
    /// Public exponent.
    pub e: Vec<u8>,
    /// Private exponent.
    pub d: Vec<u8>,
    /// The primes, where known.
    pub crt: Option<RsaCrt>,
}

/// The group a DSA key lives in.
#[derive(Clone, Copy, Debug)]
pub struct DsaParameters<'a> {
    /// Prime.
    pub p: &'a [u8],
    /// Order of the subgroup.
    pub q: &'a [u8],
    /// Generator.
    pub g: &'a [u8],
}

/// The group a Diffie-Hellman key lives in, and how large a private value shall be.
#[derive(Clone, Copy, Debug)]
pub struct DhParameters<'a> {
    /// Prime.
    pub p: &'a [u8],
    /// Generator.
    pub g: &'a [u8],
    /// Order of the subgroup, where known.
    pub q: Option<&'a [u8]>,
    /// Bits of the private value; 0 leaves it to the implementation.
    pub x_bits: u32,
}

/// A curve whose points have two coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-192.
    P192,
    /// NIST P-224.
    P224,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// SM2's recommended curve.
    Sm2,
}

impl Curve {
    /// From `TEE_ECC_CURVE_*`.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            TEE_ECC_CURVE_NIST_P192 => Self::P192,
            TEE_ECC_CURVE_NIST_P224 => Self::P224,
            TEE_ECC_CURVE_NIST_P256 => Self::P256,
            TEE_ECC_CURVE_NIST_P384 => Self::P384,
            TEE_ECC_CURVE_NIST_P521 => Self::P521,
            TEE_ECC_CURVE_SM2 => Self::Sm2,
            _ => return None,
        })
    }

    /// Bits in a key.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::P192 => 192,
            Self::P224 => 224,
            Self::P256 | Self::Sm2 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// Bytes in a coordinate.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bits().div_ceil(8) as usize
    }
}

/// A point by its coordinates.
#[derive(Clone, Copy, Debug)]
pub struct EccPoint<'a> {
    /// First coordinate.
    pub x: &'a [u8],
    /// Second coordinate.
    pub y: &'a [u8],
}

/// What one side brings to an SM2 key exchange.
pub struct Sm2Exchange<'a> {
    /// Whether this side started the exchange.
    pub initiator: bool,
    /// This side's key: private value and point.
    pub own: (&'a [u8], EccPoint<'a>),
    /// This side's ephemeral key.
    pub own_ephemeral: (&'a [u8], EccPoint<'a>),
    /// The other side's point.
    pub peer: EccPoint<'a>,
    /// The other side's ephemeral point.
    pub peer_ephemeral: EccPoint<'a>,
    /// The initiator's distinguishing identifier.
    pub initiator_id: &'a [u8],
    /// The responder's distinguishing identifier.
    pub responder_id: &'a [u8],
    /// The confirmation that the other side sent, to be checked.
    pub confirmation_in: Option<&'a [u8]>,
}
