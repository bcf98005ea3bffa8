//! The cryptography of the TEE: the trait [`Crypto`] in the TEE's own terms (algorithm identifiers,
//! object attributes, `TEE_Result`s), and [`Provider`], the one place that names a library.
//!
//! It never touches guest memory, a handle or a file, and makes no system call: random bytes come
//! in through [`Rng`]. Every streaming state is `Clone`, so that an instance can be snapshotted.
//!
//! Rules: what a TA chooses (keys, sizes, points, ciphertexts) is hostile; every failure is an
//! [`Error`]. Schemes that OP-TEE checks in its own way (paddings, derivations, modes) are composed
//! here from a library's primitives; no primitive is our own.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod api;
mod error;
pub mod kdf;
mod keys;
mod padding;
#[cfg(feature = "provider")]
mod provider;
pub mod rsa;

pub use api::{Ae, Cipher, Crypto, Direction, Hash, Mac, Rng};
pub use error::Error;
pub use keys::{Curve, DhParameters, DsaParameters, EccPoint, RsaCrt, RsaKey, Sm2Exchange};
#[cfg(feature = "provider")]
pub use provider::Provider;
