//! The provider: AWS-LC, and RustCrypto for what AWS-LC lacks (SM3, SM4, X448).
//!
//! Which library serves what, and why, stands in `docs/decisions/0004-cryptographic-libraries.md`.
//! AWS-LC's own generator is never used: its first use takes 40 ms and makes system calls.

mod bn;
mod curve25519;
mod discrete_log;
mod ec;
mod ecc;
mod evp;
mod modes;
mod owned;
mod rsa;
mod sm;
mod x448;

use alloc::boxed::Box;
use alloc::vec::Vec;

use tee_abi::algorithms as alg;

use self::evp::{Chaining, Cmac, Context, Digest, Hmac, Kind};
use self::modes::{CbcMac, Ccm, Cts, Gcm, Plain, Xts};
use crate::keys::{Curve, DhParameters, DsaParameters, EccPoint, RsaKey, Sm2Exchange};
use crate::{Ae, Cipher, Crypto, Direction, Error, Hash, Mac, Rng};

/// The cryptographic libraries that teebox is built with.
#[derive(Clone, Copy, Debug)]
pub struct Provider;

fn plain(
    kind: Kind,
    chaining: Chaining,
    direction: Direction,
    key: &[u8],
    iv: &[u8],
) -> Result<Box<dyn Cipher>, Error> {
    let context = Context::new(kind, chaining, direction, key, iv)?;
    Ok(Box::new(Plain(context)))
}

/// A triple DES key of two parts uses the first one twice.
fn des3(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    if key.len() == 16 {
        key.extend_from_within(..8);
    }
    key
}

fn cts(direction: Direction, key: &[u8], iv: &[u8]) -> Result<Box<dyn Cipher>, Error> {
    Ok(Box::new(Cts {
        cbc: Context::new(Kind::Aes, Chaining::Cbc, direction, key, iv)?,
        ecb: Context::new(Kind::Aes, Chaining::Ecb, direction, key, &[])?,
        direction,
    }))
}

fn xts(direction: Direction, key: &[u8], key2: &[u8], iv: &[u8]) -> Result<Box<dyn Cipher>, Error> {
    if key.len() != key2.len() {
        return Err(Error::BadParameters);
    }
    let mut tweak: [u8; 16] = iv.try_into().map_err(|_| Error::BadParameters)?;
    Context::new(Kind::Aes, Chaining::Ecb, Direction::Encrypt, key2, &[])?.update(&mut tweak);
    let ecb = plain(Kind::Aes, Chaining::Ecb, direction, key, &[])?;
    Ok(Box::new(Xts::new(ecb, direction, tweak)))
}

impl Crypto for Provider {
    fn init() {
        // Processor features were probed by a constructor, before `main`. One use of each kind
        // makes whatever the library, or the allocator under it, sets up on first use.
        let _ = Self::hash(alg::TEE_ALG_SHA256);
        let _ = Self::mac(alg::TEE_ALG_HMAC_SHA256, &[0]);
        let _ = Self::cipher(
            alg::TEE_ALG_AES_CTR,
            Direction::Encrypt,
            &[0; 16],
            &[],
            &[0; 16],
        );
        let _ = discrete_log::dh_derive(&[7], &[2], &[3]);
        let _ = ecc::check(Curve::P256, EccPoint { x: &[], y: &[] });
    }

    fn hash(algo: u32) -> Result<Box<dyn Hash>, Error> {
        if algo == alg::TEE_ALG_SM3 {
            return Ok(Box::new(sm::Sm3::default()));
        }
        let digest = Digest::new(algo).ok_or(Error::NotImplemented)?;
        Ok(Box::new(digest))
    }

    fn mac(algo: u32, key: &[u8]) -> Result<Box<dyn Mac>, Error> {
        Ok(match algo {
            alg::TEE_ALG_HMAC_SM3 => Box::new(sm::HmacSm3::new(key)?),
            alg::TEE_ALG_AES_CMAC => Box::new(Cmac::new(Kind::Aes, key)?),
            alg::TEE_ALG_DES3_CMAC => Box::new(Cmac::new(Kind::Des3, &des3(key))?),
            alg::TEE_ALG_AES_CBC_MAC_NOPAD => Box::new(CbcMac::new(Kind::Aes, key, false)?),
            alg::TEE_ALG_AES_CBC_MAC_PKCS5 => Box::new(CbcMac::new(Kind::Aes, key, true)?),
            alg::TEE_ALG_DES_CBC_MAC_NOPAD => Box::new(CbcMac::new(Kind::Des, key, false)?),
            alg::TEE_ALG_DES_CBC_MAC_PKCS5 => Box::new(CbcMac::new(Kind::Des, key, true)?),
            alg::TEE_ALG_DES3_CBC_MAC_NOPAD => {
                Box::new(CbcMac::new(Kind::Des3, &des3(key), false)?)
            }
            alg::TEE_ALG_DES3_CBC_MAC_PKCS5 => Box::new(CbcMac::new(Kind::Des3, &des3(key), true)?),
            _ => {
                if alg::class(algo) != Some(alg::Class::Mac) {
                    return Err(Error::NotSupported);
                }
                let digest = alg::digest_of_hmac(algo);
                if key.is_empty() {
                    return Err(Error::BadState);
                }
                Box::new(Hmac::new(digest, key)?)
            }
        })
    }

    fn cipher(
        algo: u32,
        direction: Direction,
        key: &[u8],
        key2: &[u8],
        iv: &[u8],
    ) -> Result<Box<dyn Cipher>, Error> {
        match algo {
            alg::TEE_ALG_AES_ECB_NOPAD => plain(Kind::Aes, Chaining::Ecb, direction, key, &[]),
            alg::TEE_ALG_AES_CBC_NOPAD => plain(Kind::Aes, Chaining::Cbc, direction, key, iv),
            alg::TEE_ALG_AES_CTR => plain(Kind::Aes, Chaining::Ctr, direction, key, iv),
            alg::TEE_ALG_AES_CTS => cts(direction, key, iv),
            alg::TEE_ALG_AES_XTS => xts(direction, key, key2, iv),
            alg::TEE_ALG_DES_ECB_NOPAD => plain(Kind::Des, Chaining::Ecb, direction, key, &[]),
            alg::TEE_ALG_DES_CBC_NOPAD => plain(Kind::Des, Chaining::Cbc, direction, key, iv),
            alg::TEE_ALG_DES3_ECB_NOPAD => {
                plain(Kind::Des3, Chaining::Ecb, direction, &des3(key), &[])
            }
            alg::TEE_ALG_DES3_CBC_NOPAD => {
                plain(Kind::Des3, Chaining::Cbc, direction, &des3(key), iv)
            }
            alg::TEE_ALG_SM4_ECB_NOPAD => sm::sm4_ecb(direction, key),
            alg::TEE_ALG_SM4_CBC_NOPAD => sm::sm4_cbc(direction, key, iv),
            alg::TEE_ALG_SM4_CTR => sm::sm4_ctr(key, iv),
            alg::TEE_ALG_SM4_XTS => sm::sm4_xts(direction, key, key2, iv),
            _ => Err(Error::NotImplemented),
        }
    }

    fn ae(
        algo: u32,
        direction: Direction,
        key: &[u8],
        nonce: &[u8],
        tag_len: usize,
        aad_len: usize,
        payload_len: usize,
    ) -> Result<Box<dyn Ae>, Error> {
        match algo {
            alg::TEE_ALG_AES_GCM => Ok(Box::new(Gcm::new(direction, key, nonce, tag_len)?)),
            alg::TEE_ALG_AES_CCM => {
                let ccm = Ccm::new(direction, key, nonce, tag_len, aad_len, payload_len)?;
                Ok(Box::new(ccm))
            }
            _ => Err(Error::NotImplemented),
        }
    }

    fn rsa_generate(bits: u32, e: &[u8], rng: &mut dyn Rng) -> Result<RsaKey, Error> {
        rsa::generate(bits, e, rng)
    }

    fn rsa_public(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error> {
        rsa::public(key, input)
    }

    fn rsa_private(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error> {
        rsa::private(key, input)
    }

    fn dsa_generate(
        group: &DsaParameters<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        discrete_log::dsa_generate(group, rng)
    }

    fn dsa_sign(
        group: &DsaParameters<'_>,
        x: &[u8],
        digest: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, Error> {
        discrete_log::dsa_sign(group, x, digest, rng)
    }

    fn dsa_verify(
        group: &DsaParameters<'_>,
        y: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        discrete_log::dsa_verify(group, y, digest, signature)
    }

    fn dh_generate(
        group: &DhParameters<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        discrete_log::dh_generate(group, rng)
    }

    fn dh_derive(p: &[u8], x: &[u8], peer: &[u8]) -> Result<Vec<u8>, Error> {
        discrete_log::dh_derive(p, x, peer)
    }

    fn ecc_generate(curve: Curve, rng: &mut dyn Rng) -> Result<[Vec<u8>; 3], Error> {
        ecc::generate(curve, rng)
    }

    fn ecc_check(curve: Curve, point: EccPoint<'_>) -> Result<(), Error> {
        ecc::check(curve, point)
    }

    fn ecdsa_sign(
        curve: Curve,
        private: &[u8],
        digest: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, Error> {
        ecc::ecdsa_sign(curve, private, digest, rng)
    }

    fn ecdsa_verify(
        curve: Curve,
        public: EccPoint<'_>,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        ecc::ecdsa_verify(curve, public, digest, signature)
    }

    fn ecdh(curve: Curve, private: &[u8], peer: EccPoint<'_>) -> Result<Vec<u8>, Error> {
        ecc::ecdh(curve, private, peer)
    }

    fn sm2_sign(private: &[u8], digest: &[u8], rng: &mut dyn Rng) -> Result<Vec<u8>, Error> {
        ecc::sm2_sign(private, digest, rng)
    }

    fn sm2_verify(public: EccPoint<'_>, digest: &[u8], signature: &[u8]) -> Result<(), Error> {
        ecc::sm2_verify(public, digest, signature)
    }

    fn sm2_encrypt(
        public: EccPoint<'_>,
        plain: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, Error> {
        ecc::sm2_encrypt(public, plain, rng)
    }

    fn sm2_decrypt(private: &[u8], cipher: &[u8]) -> Result<Vec<u8>, Error> {
        ecc::sm2_decrypt(private, cipher)
    }

    fn sm2_exchange(exchange: &Sm2Exchange<'_>, len: usize) -> Result<(Vec<u8>, [u8; 32]), Error> {
        ecc::sm2_exchange(exchange, len)
    }

    fn ed25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]) {
        curve25519::ed25519_generate(rng)
    }

    fn ed25519_sign(
        seed: &[u8; 32],
        public: &[u8; 32],
        message: &[u8],
        prehash: bool,
        context: &[u8],
    ) -> Result<[u8; 64], Error> {
        curve25519::ed25519_sign(seed, public, message, prehash, context)
    }

    fn ed25519_verify(
        public: &[u8; 32],
        message: &[u8],
        prehash: bool,
        context: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        curve25519::ed25519_verify(public, message, prehash, context, signature)
    }

    fn x25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]) {
        curve25519::x25519_generate(rng)
    }

    fn x25519(private: &[u8; 32], peer: &[u8; 32]) -> Result<[u8; 32], Error> {
        curve25519::x25519(private, peer)
    }

    fn x448_generate(rng: &mut dyn Rng) -> ([u8; 56], [u8; 56]) {
        x448::generate(rng)
    }

    fn x448(private: &[u8; 56], peer: &[u8; 56]) -> Result<[u8; 56], Error> {
        x448::derive(private, peer)
    }
}
