//! The trait that the rest of teebox speaks.
//!
//! Algorithms are `TEE_ALG_*` identifiers, numbers are big-endian byte strings, and the order of
//! checks is that of OP-TEE's core. Data is transformed in place: a caller copies a buffer in once
//! and out once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::Error;
use crate::keys::{Curve, DhParameters, DsaParameters, EccPoint, RsaKey, Sm2Exchange};

/// Where random bytes come from.
pub trait Rng {
    /// Fills the buffer.
    fn fill(&mut self, out: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Rng for F {
    fn fill(&mut self, out: &mut [u8]) {
        self(out);
    }
}

/// Which way a cipher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Plaintext to ciphertext.
    Encrypt,
    /// Ciphertext to plaintext.
    Decrypt,
}

/// A message digest in progress.
pub trait Hash: Send {
    /// Takes in data. An extendable-output function takes none once its output has begun.
    fn update(&mut self, data: &[u8]);

    /// Writes the digest and starts anew; what `out` has beyond its size is left. An
    /// extendable-output function fills `out`, and the next call goes on from there.
    fn finish(&mut self, out: &mut [u8]);

    /// A copy of this state.
    fn boxed(&self) -> Box<dyn Hash>;
}

/// A message authentication code in progress.
pub trait Mac: Send {
    /// Takes in data.
    fn update(&mut self, data: &[u8]);

    /// Writes the code; `out` has room for it.
    ///
    /// # Errors
    /// [`Error::BadState`] when the data is not of whole blocks and the algorithm does not pad.
    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error>;

    /// A copy of this state.
    fn boxed(&self) -> Box<dyn Mac>;
}

/// A cipher in progress.
pub trait Cipher: Send {
    /// Transforms data in place. All but the last piece are whole blocks.
    ///
    /// # Errors
    /// [`Error::BadState`] when the last piece is too short for the mode.
    fn update(&mut self, data: &mut [u8], last: bool) -> Result<(), Error>;

    /// A copy of this state.
    fn boxed(&self) -> Box<dyn Cipher>;
}

/// An authenticated encryption in progress.
pub trait Ae: Send {
    /// Takes in additional data, before any payload.
    ///
    /// # Errors
    /// When it is too late, or more than announced or allowed.
    fn update_aad(&mut self, data: &[u8]) -> Result<(), Error>;

    /// Transforms payload in place.
    ///
    /// # Errors
    /// When it is more than announced or allowed.
    fn update(&mut self, data: &mut [u8]) -> Result<(), Error>;

    /// Encrypts the last payload in place and gives the tag.
    ///
    /// # Errors
    /// As [`Ae::update`]; [`Error::ShortBuffer`] when `room` is less than the tag, and
    /// [`Error::BadState`] when less payload was given than announced.
    fn finish_encrypt(&mut self, data: &mut [u8], room: usize) -> Result<Vec<u8>, Error>;

    /// Decrypts the last payload in place and checks the tag.
    ///
    /// # Errors
    /// As [`Ae::update`]; [`Error::MacInvalid`] when the tag does not match. The payload was
    /// decrypted then.
    fn finish_decrypt(&mut self, data: &mut [u8], tag: &[u8]) -> Result<(), Error>;

    /// A copy of this state.
    fn boxed(&self) -> Box<dyn Ae>;
}

macro_rules! clone_by_box {
    ($($state:ident)*) => { $(
        impl Clone for Box<dyn $state> {
            fn clone(&self) -> Self {
                (**self).boxed()
            }
        }
    )* };
}
clone_by_box!(Hash Mac Cipher Ae);

/// A cryptographic library, chosen by type.
pub trait Crypto {
    /// Prepares everything that a later call could need of the operating system. To be called once,
    /// before the process gives up its rights.
    fn init();

    /// A digest at its start.
    ///
    /// # Errors
    /// [`Error::NotImplemented`] for an algorithm that is no digest.
    fn hash(algo: u32) -> Result<Box<dyn Hash>, Error>;

    /// A code at its start.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for an algorithm that is no MAC, [`Error::BadState`] for a key of a
    /// wrong size.
    fn mac(algo: u32, key: &[u8]) -> Result<Box<dyn Mac>, Error>;

    /// A cipher at its start. `key2` is the tweak key of XTS.
    ///
    /// # Errors
    /// [`Error::NotImplemented`] for an algorithm that is no cipher, [`Error::BadParameters`] for
    /// an initialisation vector of a wrong size, [`Error::BadState`] for a key of a wrong size.
    fn cipher(
        algo: u32,
        direction: Direction,
        key: &[u8],
        key2: &[u8],
        iv: &[u8],
    ) -> Result<Box<dyn Cipher>, Error>;

    /// An authenticated encryption at its start; tag and lengths in bytes.
    ///
    /// # Errors
    /// [`Error::NotImplemented`] for an algorithm of another class, otherwise what OP-TEE answers
    /// to sizes it does not take.
    fn ae(
        algo: u32,
        direction: Direction,
        key: &[u8],
        nonce: &[u8],
        tag_len: usize,
        aad_len: usize,
        payload_len: usize,
    ) -> Result<Box<dyn Ae>, Error>;

    /// A new RSA key of `bits` with the public exponent `e`.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for sizes and exponents that no key can have.
    fn rsa_generate(bits: u32, e: &[u8], rng: &mut dyn Rng) -> Result<RsaKey, Error>;

    /// inputᵉ mod n, as wide as n.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for an input larger than n, [`Error::Generic`] for a key that
    /// cannot be computed with.
    fn rsa_public(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error>;

    /// inputᵈ mod n, as wide as n, checked against the public exponent.
    ///
    /// # Errors
    /// As [`Crypto::rsa_public`]; [`Error::Generic`] for a key whose parts do not fit together.
    fn rsa_private(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error>;

    /// A new DSA key: private and public value.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for a group that no key can be made in.
    fn dsa_generate(
        group: &DsaParameters<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error>;

    /// A DSA signature: r and s, each as wide as q.
    ///
    /// # Errors
    /// [`Error::Generic`] for a group that cannot be computed with.
    fn dsa_sign(
        group: &DsaParameters<'_>,
        x: &[u8],
        digest: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, Error>;

    /// Checks a DSA signature.
    ///
    /// # Errors
    /// [`Error::SignatureInvalid`]; [`Error::Generic`] for a group that cannot be computed with.
    fn dsa_verify(
        group: &DsaParameters<'_>,
        y: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Error>;

    /// A new Diffie-Hellman key: private and public value.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for a group that no key can be made in.
    fn dh_generate(
        group: &DhParameters<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error>;

    /// The shared secret as a number, without leading zeros.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for a group that cannot be computed with.
    fn dh_derive(p: &[u8], x: &[u8], peer: &[u8]) -> Result<Vec<u8>, Error>;

    /// A new key: private value and the coordinates of its point.
    ///
    /// # Errors
    /// Only for want of memory.
    fn ecc_generate(curve: Curve, rng: &mut dyn Rng) -> Result<[Vec<u8>; 3], Error>;

    /// Whether a point is on the curve.
    ///
    /// # Errors
    /// [`Error::BadParameters`] when it is not.
    fn ecc_check(curve: Curve, point: EccPoint<'_>) -> Result<(), Error>;

    /// An ECDSA signature: r and s, each as wide as a coordinate.
    ///
    /// # Errors
    /// [`Error::Generic`] for a private value out of range.
    fn ecdsa_sign(
        curve: Curve,
        private: &[u8],
        digest: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, Error>;

    /// Checks an ECDSA signature.
    ///
    /// # Errors
    /// [`Error::SignatureInvalid`], also for a point that is not on the curve.
    fn ecdsa_verify(
        curve: Curve,
        public: EccPoint<'_>,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Error>;

    /// The first coordinate of the shared point, as wide as a coordinate.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for a point that is not on the curve.
    fn ecdh(curve: Curve, private: &[u8], peer: EccPoint<'_>) -> Result<Vec<u8>, Error>;

    /// An SM2 signature of a digest that covers the signer's identity: r and s.
    ///
    /// # Errors
    /// [`Error::BadState`] for a private value out of range.
    fn sm2_sign(private: &[u8], digest: &[u8], rng: &mut dyn Rng) -> Result<Vec<u8>, Error>;

    /// Checks an SM2 signature.
    ///
    /// # Errors
    /// [`Error::SignatureInvalid`], also for a point that is not on the curve.
    fn sm2_verify(public: EccPoint<'_>, digest: &[u8], signature: &[u8]) -> Result<(), Error>;

    /// An SM2 encryption: point, ciphertext, digest (C1 ‖ C2 ‖ C3).
    ///
    /// # Errors
    /// [`Error::BadState`] for a point that is not on the curve.
    fn sm2_encrypt(public: EccPoint<'_>, plain: &[u8], rng: &mut dyn Rng)
    -> Result<Vec<u8>, Error>;

    /// Decrypts what [`Crypto::sm2_encrypt`] made.
    ///
    /// # Errors
    /// [`Error::CiphertextInvalid`] when the digest does not match; [`Error::NotSupported`] for a
    /// compressed point, [`Error::BadParameters`] for what is no ciphertext at all.
    fn sm2_decrypt(private: &[u8], cipher: &[u8]) -> Result<Vec<u8>, Error>;

    /// The key of `len` bytes that both sides of an SM2 key exchange come to, and the confirmation
    /// to send.
    ///
    /// # Errors
    /// [`Error::BadState`] when a point is not on the curve or the other side's confirmation does
    /// not match; [`Error::BadParameters`] when it is too short.
    fn sm2_exchange(exchange: &Sm2Exchange<'_>, len: usize) -> Result<(Vec<u8>, [u8; 32]), Error>;

    /// A new Ed25519 key: seed and public value.
    fn ed25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]);

    /// An Ed25519 signature: pure without a context, Ed25519ctx with one, Ed25519ph with `prehash`.
    ///
    /// # Errors
    /// [`Error::BadParameters`] for a context of more than 255 bytes.
    fn ed25519_sign(
        seed: &[u8; 32],
        public: &[u8; 32],
        message: &[u8],
        prehash: bool,
        context: &[u8],
    ) -> Result<[u8; 64], Error>;

    /// Checks what [`Crypto::ed25519_sign`] made.
    ///
    /// # Errors
    /// [`Error::SignatureInvalid`].
    fn ed25519_verify(
        public: &[u8; 32],
        message: &[u8],
        prehash: bool,
        context: &[u8],
        signature: &[u8],
    ) -> Result<(), Error>;

    /// A new X25519 key: private and public value.
    fn x25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]);

    /// The shared secret.
    ///
    /// # Errors
    /// [`Error::Security`] when it is zero.
    fn x25519(private: &[u8; 32], peer: &[u8; 32]) -> Result<[u8; 32], Error>;

    /// A new X448 key: private and public value.
    fn x448_generate(rng: &mut dyn Rng) -> ([u8; 56], [u8; 56]);

    /// The shared secret.
    ///
    /// # Errors
    /// [`Error::Security`] when it is zero.
    fn x448(private: &[u8; 56], peer: &[u8; 56]) -> Result<[u8; 56], Error>;
}
