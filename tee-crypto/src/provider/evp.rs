//! Digests, MACs and ciphers of AWS-LC as values.
//!
//! # Safety
//! Contexts are [`Owned`]. Lengths handed to the library are those of the slices handed over; what
//! it writes is at most that long, because block modes get whole blocks and do not pad.
#![expect(unsafe_code, reason = "calls into a C library")]

use alloc::boxed::Box;
use core::ffi::{c_int, c_uint};
use core::ptr::{null, null_mut};

use aws_lc_sys as lc;
use tee_abi::algorithms as alg;

use super::owned::{Owned, done, must};
use crate::{Direction, Error, Hash, Mac};

/// AWS-LC's description of a digest algorithm.
fn digest_kind(algo: u32) -> Option<*const lc::EVP_MD> {
    // SAFETY: these take no argument and give pointers to static tables.
    Some(unsafe {
        match algo {
            alg::TEE_ALG_MD5 => lc::EVP_md5(),
            alg::TEE_ALG_SHA1 => lc::EVP_sha1(),
            alg::TEE_ALG_SHA224 => lc::EVP_sha224(),
            alg::TEE_ALG_SHA256 => lc::EVP_sha256(),
            alg::TEE_ALG_SHA384 => lc::EVP_sha384(),
            alg::TEE_ALG_SHA512 => lc::EVP_sha512(),
            alg::TEE_ALG_SHA3_224 => lc::EVP_sha3_224(),
            alg::TEE_ALG_SHA3_256 => lc::EVP_sha3_256(),
            alg::TEE_ALG_SHA3_384 => lc::EVP_sha3_384(),
            alg::TEE_ALG_SHA3_512 => lc::EVP_sha3_512(),
            alg::TEE_ALG_SHAKE128 => lc::EVP_shake128(),
            alg::TEE_ALG_SHAKE256 => lc::EVP_shake256(),
            _ => return None,
        }
    })
}

/// A digest in progress.
pub(super) struct Digest {
    context: Owned<lc::EVP_MD_CTX>,
    kind: *const lc::EVP_MD,
    extendable: bool,
    /// Output of an extendable one has begun: there is no way back to input.
    squeezing: bool,
}

// SAFETY: `kind` points to a static table.
unsafe impl Send for Digest {}

impl Digest {
    pub(super) fn new(algo: u32) -> Option<Self> {
        let kind = digest_kind(algo)?;
        let mut digest = Self {
            context: context(),
            kind,
            extendable: matches!(algo, alg::TEE_ALG_SHAKE128 | alg::TEE_ALG_SHAKE256),
            squeezing: false,
        };
        digest.start();
        Some(digest)
    }

    fn start(&mut self) {
        // SAFETY: the context is valid, `kind` is static.
        must(unsafe { lc::EVP_DigestInit_ex(self.context.get_mut(), self.kind, null_mut()) });
    }
}

fn context() -> Owned<lc::EVP_MD_CTX> {
    // SAFETY: a constructor and its destructor.
    unsafe { Owned::allocated(lc::EVP_MD_CTX_new(), lc::EVP_MD_CTX_free) }
}

impl Hash for Digest {
    fn update(&mut self, data: &[u8]) {
        if self.squeezing {
            return;
        }
        // SAFETY: the pointer and length are those of the slice.
        must(unsafe {
            lc::EVP_DigestUpdate(self.context.get_mut(), data.as_ptr().cast(), data.len())
        });
    }

    fn finish(&mut self, out: &mut [u8]) {
        let context = self.context.get_mut();
        if self.extendable {
            self.squeezing = true;
            // SAFETY: the pointer and length are those of the slice.
            must(unsafe { lc::EVP_DigestSqueeze(context, out.as_mut_ptr(), out.len()) });
            return;
        }
        let mut whole = [0; lc::EVP_MAX_MD_SIZE as usize];
        let mut len: c_uint = 0;
        // SAFETY: `whole` holds any digest.
        must(unsafe { lc::EVP_DigestFinal_ex(context, whole.as_mut_ptr(), &raw mut len) });
        for (to, from) in out.iter_mut().zip(whole.iter().take(len as usize)) {
            *to = *from;
        }
        self.start();
    }

    fn boxed(&self) -> Box<dyn Hash> {
        let mut copy = context();
        // SAFETY: both contexts are valid.
        must(unsafe { lc::EVP_MD_CTX_copy_ex(copy.get_mut(), self.context.get()) });
        Box::new(Self {
            context: copy,
            ..*self
        })
    }
}

/// An HMAC in progress.
pub(super) struct Hmac(Owned<lc::HMAC_CTX>);

impl Hmac {
    pub(super) fn new(digest: u32, key: &[u8]) -> Result<Self, Error> {
        let kind = digest_kind(digest).ok_or(Error::NotSupported)?;
        let mut mac = Self(hmac_context());
        // SAFETY: the pointer and length are those of the slice; `kind` is static.
        let answer = unsafe {
            lc::HMAC_Init_ex(
                mac.0.get_mut(),
                key.as_ptr().cast(),
                key.len(),
                kind,
                null_mut(),
            )
        };
        done(answer, Error::BadState)?;
        Ok(mac)
    }
}

fn hmac_context() -> Owned<lc::HMAC_CTX> {
    // SAFETY: a constructor and its destructor.
    unsafe { Owned::allocated(lc::HMAC_CTX_new(), lc::HMAC_CTX_free) }
}

impl Mac for Hmac {
    fn update(&mut self, data: &[u8]) {
        // SAFETY: the pointer and length are those of the slice.
        must(unsafe { lc::HMAC_Update(self.0.get_mut(), data.as_ptr(), data.len()) });
    }

    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let mut whole = [0; lc::EVP_MAX_MD_SIZE as usize];
        let mut len: c_uint = 0;
        // SAFETY: `whole` holds any code; a NULL key and digest start over with the same ones.
        let answers = unsafe {
            let context = self.0.get_mut();
            let end = lc::HMAC_Final(context, whole.as_mut_ptr(), &raw mut len);
            end & lc::HMAC_Init_ex(context, null(), 0, null(), null_mut())
        };
        done(answers, Error::BadState)?;
        for (to, from) in out.iter_mut().zip(whole.iter().take(len as usize)) {
            *to = *from;
        }
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Mac> {
        let mut copy = hmac_context();
        // SAFETY: both contexts are valid.
        must(unsafe { lc::HMAC_CTX_copy_ex(copy.get_mut(), self.0.get()) });
        Box::new(Self(copy))
    }
}

/// A CMAC in progress.
pub(super) struct Cmac(Owned<lc::CMAC_CTX>);

impl Cmac {
    pub(super) fn new(kind: Kind, key: &[u8]) -> Result<Self, Error> {
        let cipher = kind.cbc(key.len()).ok_or(Error::BadState)?;
        let mut mac = Self(cmac_context());
        // SAFETY: the key has the length that `cipher` takes; `cipher` is static.
        let answer = unsafe {
            lc::CMAC_Init(
                mac.0.get_mut(),
                key.as_ptr().cast(),
                key.len(),
                cipher,
                null_mut(),
            )
        };
        done(answer, Error::BadState)?;
        Ok(mac)
    }
}

fn cmac_context() -> Owned<lc::CMAC_CTX> {
    // SAFETY: a constructor and its destructor.
    unsafe { Owned::allocated(lc::CMAC_CTX_new(), lc::CMAC_CTX_free) }
}

impl Mac for Cmac {
    fn update(&mut self, data: &[u8]) {
        // SAFETY: the pointer and length are those of the slice.
        must(unsafe { lc::CMAC_Update(self.0.get_mut(), data.as_ptr(), data.len()) });
    }

    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let mut whole = [0; 16];
        let mut len = 0;
        // SAFETY: a code is as long as a block, at most 16 bytes.
        let answers = unsafe {
            let context = self.0.get_mut();
            lc::CMAC_Final(context, whole.as_mut_ptr(), &raw mut len) & lc::CMAC_Reset(context)
        };
        done(answers, Error::BadState)?;
        for (to, from) in out.iter_mut().zip(whole.iter().take(len)) {
            *to = *from;
        }
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Mac> {
        let mut copy = cmac_context();
        // SAFETY: both contexts are valid.
        must(unsafe { lc::CMAC_CTX_copy(copy.get_mut(), self.0.get()) });
        Box::new(Self(copy))
    }
}

/// A block cipher of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Aes,
    Des,
    Des3,
}

/// A mode that the library has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chaining {
    Ecb,
    Cbc,
    Ctr,
    Gcm,
}

impl Kind {
    fn cbc(self, key_len: usize) -> Option<*const lc::EVP_CIPHER> {
        self.cipher(Chaining::Cbc, key_len)
    }

    /// AWS-LC's description, where a key of that length and such a mode exist.
    fn cipher(self, chaining: Chaining, key_len: usize) -> Option<*const lc::EVP_CIPHER> {
        // SAFETY: these take no argument and give pointers to static tables.
        Some(unsafe {
            match (self, chaining, key_len) {
                (Self::Aes, Chaining::Ecb, 16) => lc::EVP_aes_128_ecb(),
                (Self::Aes, Chaining::Ecb, 24) => lc::EVP_aes_192_ecb(),
                (Self::Aes, Chaining::Ecb, 32) => lc::EVP_aes_256_ecb(),
                (Self::Aes, Chaining::Cbc, 16) => lc::EVP_aes_128_cbc(),
                (Self::Aes, Chaining::Cbc, 24) => lc::EVP_aes_192_cbc(),
                (Self::Aes, Chaining::Cbc, 32) => lc::EVP_aes_256_cbc(),
                (Self::Aes, Chaining::Ctr, 16) => lc::EVP_aes_128_ctr(),
                (Self::Aes, Chaining::Ctr, 24) => lc::EVP_aes_192_ctr(),
                (Self::Aes, Chaining::Ctr, 32) => lc::EVP_aes_256_ctr(),
                (Self::Aes, Chaining::Gcm, 16) => lc::EVP_aes_128_gcm(),
                (Self::Aes, Chaining::Gcm, 24) => lc::EVP_aes_192_gcm(),
                (Self::Aes, Chaining::Gcm, 32) => lc::EVP_aes_256_gcm(),
                (Self::Des, Chaining::Ecb, 8) => lc::EVP_des_ecb(),
                (Self::Des, Chaining::Cbc, 8) => lc::EVP_des_cbc(),
                (Self::Des3, Chaining::Ecb, 24) => lc::EVP_des_ede3(),
                (Self::Des3, Chaining::Cbc, 24) => lc::EVP_des_ede3_cbc(),
                _ => return None,
            }
        })
    }
}

/// A cipher in progress. Block modes take whole blocks.
pub(super) struct Context(Owned<lc::EVP_CIPHER_CTX>);

/// Most bytes the library takes at a time; a multiple of every block.
const PIECE: usize = 1 << 30;

impl Context {
    /// A cipher at its start. For GCM the nonce may have any length but 0.
    pub(super) fn new(
        kind: Kind,
        chaining: Chaining,
        direction: Direction,
        key: &[u8],
        iv: &[u8],
    ) -> Result<Self, Error> {
        let cipher = kind.cipher(chaining, key.len()).ok_or(Error::BadState)?;
        let encrypt = c_int::from(direction == Direction::Encrypt);
        let mut new = cipher_context();
        let at = new.get_mut();
        // SAFETY: `cipher` is static and the context valid.
        let answer =
            unsafe { lc::EVP_CipherInit_ex(at, cipher, null_mut(), null(), null(), encrypt) };
        done(answer, Error::BadState)?;
        if chaining == Chaining::Gcm {
            let len = c_int::try_from(iv.len()).map_err(|_| Error::BadParameters)?;
            // SAFETY: this control command takes a number alone.
            let answer = unsafe {
                lc::EVP_CIPHER_CTX_ctrl(at, lc::EVP_CTRL_AEAD_SET_IVLEN, len, null_mut())
            };
            done(answer, Error::BadParameters)?;
        }
        // SAFETY: the context has its cipher.
        let iv_len = unsafe { lc::EVP_CIPHER_CTX_iv_length(at) } as usize;
        if iv_len != 0 && iv.len() != iv_len {
            return Err(Error::BadParameters);
        }
        // SAFETY: key and vector have the lengths that the cipher takes. Padding is turned off, so
        // an update writes as much as it reads.
        let answers = unsafe {
            lc::EVP_CipherInit_ex(at, null(), null_mut(), key.as_ptr(), iv.as_ptr(), encrypt)
                & lc::EVP_CIPHER_CTX_set_padding(at, 0)
        };
        done(answers, Error::BadState)?;
        Ok(Self(new))
    }

    /// Transforms whole blocks, or any bytes in a stream mode, in place.
    pub(super) fn update(&mut self, data: &mut [u8]) {
        for piece in data.chunks_mut(PIECE) {
            let mut written: c_int = 0;
            // SAFETY: input and output are the same slice, which the library allows; `PIECE` fits
            // a C int; block modes get whole blocks and write as much as they read.
            must(unsafe {
                lc::EVP_CipherUpdate(
                    self.0.get_mut(),
                    piece.as_mut_ptr(),
                    &raw mut written,
                    piece.as_ptr(),
                    piece.len() as c_int,
                )
            });
        }
    }

    /// Takes in additional data of GCM.
    pub(super) fn update_aad(&mut self, data: &[u8]) -> Result<(), Error> {
        for piece in data.chunks(PIECE) {
            let mut written: c_int = 0;
            // SAFETY: without an output the input is additional data; its pointer and length are
            // those of the slice.
            let answer = unsafe {
                lc::EVP_CipherUpdate(
                    self.0.get_mut(),
                    null_mut(),
                    &raw mut written,
                    piece.as_ptr(),
                    piece.len() as c_int,
                )
            };
            done(answer, Error::BadParameters)?;
        }
        Ok(())
    }

    /// Ends an encryption by GCM and gives the whole tag.
    pub(super) fn tag(&mut self) -> Result<[u8; 16], Error> {
        let mut tag = [0; 16];
        let mut written: c_int = 0;
        let at = self.0.get_mut();
        // SAFETY: the end of a stream mode writes nothing, and `tag` holds the 16 bytes asked for.
        let answers = unsafe {
            lc::EVP_CipherFinal_ex(at, tag.as_mut_ptr(), &raw mut written)
                & lc::EVP_CIPHER_CTX_ctrl(
                    at,
                    lc::EVP_CTRL_AEAD_GET_TAG,
                    16,
                    tag.as_mut_ptr().cast(),
                )
        };
        done(answers, Error::Generic)?;
        Ok(tag)
    }

    /// Ends a decryption by GCM and checks the first bytes of the tag, in constant time.
    pub(super) fn check_tag(&mut self, tag: &[u8]) -> Result<(), Error> {
        let mut copy = [0; 16];
        for (to, from) in copy.iter_mut().zip(tag) {
            *to = *from;
        }
        let mut written: c_int = 0;
        let at = self.0.get_mut();
        let len = tag.len().min(copy.len()) as c_int;
        // SAFETY: the tag is read, never written, and `copy` is at least as long as told; the end
        // of a stream mode writes nothing.
        let answers = unsafe {
            lc::EVP_CIPHER_CTX_ctrl(at, lc::EVP_CTRL_AEAD_SET_TAG, len, copy.as_mut_ptr().cast())
                & lc::EVP_CipherFinal_ex(at, copy.as_mut_ptr(), &raw mut written)
        };
        done(answers, Error::MacInvalid)
    }
}

fn cipher_context() -> Owned<lc::EVP_CIPHER_CTX> {
    // SAFETY: a constructor and its destructor.
    unsafe { Owned::allocated(lc::EVP_CIPHER_CTX_new(), lc::EVP_CIPHER_CTX_free) }
}

impl Clone for Context {
    fn clone(&self) -> Self {
        let mut copy = cipher_context();
        // SAFETY: both contexts are valid.
        must(unsafe { lc::EVP_CIPHER_CTX_copy(copy.get_mut(), self.0.get()) });
        Self(copy)
    }
}

/// Whether two strings of bytes are equal, in constant time for equal lengths.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    // SAFETY: both are at least as long as told.
    a.len() == b.len()
        && unsafe { lc::CRYPTO_memcmp(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) } == 0
}
