//! Cryptographic operations: one type per class, over the TEE's state handle.
//!
//! The TEE takes whole blocks where an algorithm has blocks: unlike C's libutee, nothing is
//! buffered here, so that `Cipher::update` and `Ae::update` need multiples of the block size in
//! the block modes, and the final call takes the rest.

use core::ptr;

use tee_abi::TeeResult;

use crate::layout::RawAttribute;
use crate::object::{self, Attribute, Object};
use crate::syscall::{source, target};
use crate::{Result, syscall};
use tee_abi::algorithms::Mode;

/// A state handle; freed, with the keys that it claimed, when dropped.
#[derive(Debug)]
struct State(u32);

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: no pointer involved.
        let _ = unsafe { syscall::cryp_state_free(self.handle()) };
    }
}

impl State {
    fn allocate(algorithm: u32, mode: Mode, keys: [Option<&Object>; 2]) -> Result<Self> {
        let [key1, key2] = keys;
        let key1 = key1.map(copy_of).transpose()?;
        let key2 = key2.map(copy_of).transpose()?;
        let handle_of = |key: &Option<Object>| key.as_ref().map_or(0, Object::handle);
        let mut state = 0;
        // SAFETY: `state` is ours.
        unsafe {
            syscall::cryp_state_alloc(
                algorithm as usize,
                mode as usize,
                handle_of(&key1),
                handle_of(&key2),
                &mut state,
            )
        }
        .ok()?;
        // The state owns its keys from here on.
        key1.map(Object::into_handle);
        key2.map(Object::into_handle);
        Ok(Self(state))
    }

    const fn handle(&self) -> usize {
        self.0 as usize
    }

    fn copy_from(&mut self, source: &Self) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::cryp_state_copy(self.handle(), source.handle()) }.ok()
    }

    fn hash_init(&mut self) -> Result<()> {
        // SAFETY: no initialisation vector.
        unsafe { syscall::hash_init(self.handle(), ptr::null(), 0) }.ok()
    }

    fn hash_update(&mut self, chunk: &[u8]) -> Result<()> {
        // SAFETY: `chunk` is valid for its length.
        unsafe { syscall::hash_update(self.handle(), source(chunk), chunk.len()) }.ok()
    }

    fn hash_final(&mut self, chunk: &[u8], to: &mut [u8]) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: both buffers are valid for their lengths.
        unsafe {
            syscall::hash_final(
                self.handle(),
                source(chunk),
                chunk.len(),
                target(to),
                &mut len,
            )
        }
        .ok()?;
        Ok(len as usize)
    }
}

/// The operation's own copy of a key, as `TEE_SetOperationKey` makes it.
fn copy_of(key: &Object) -> Result<Object> {
    let info = key.info()?;
    let mut copy = Object::transient(info.obj_type, info.max_obj_size)?;
    copy.copy_attributes(key)?;
    Ok(copy)
}

/// A message digest.
#[derive(Debug)]
pub struct Digest(State);

impl Digest {
    /// Starts a digest.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_OUT_OF_MEMORY`.
    pub fn new(algorithm: u32) -> Result<Self> {
        let mut state = State::allocate(algorithm, Mode::Digest, [None, None])?;
        state.hash_init()?;
        Ok(Self(state))
    }

    /// `TEE_DigestUpdate`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_STATE` and others that a correct TA does not meet.
    pub fn update(&mut self, chunk: &[u8]) -> Result<()> {
        self.0.hash_update(chunk)
    }

    /// `TEE_DigestDoFinal`: writes the digest, tells its length, and starts anew.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`.
    pub fn finish(&mut self, chunk: &[u8], to: &mut [u8]) -> Result<usize> {
        let len = self.0.hash_final(chunk, to)?;
        self.0.hash_init()?;
        Ok(len)
    }

    /// `TEE_CopyOperation`: continues from where `source` stands.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the algorithms differ.
    pub fn copy_from(&mut self, source: &Self) -> Result<()> {
        self.0.copy_from(&source.0)
    }
}

/// A message authentication code.
#[derive(Debug)]
pub struct Mac(State);

impl Mac {
    /// Starts a MAC with a key.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_BAD_PARAMETERS` when the key does not fit.
    pub fn new(algorithm: u32, key: &Object) -> Result<Self> {
        let mut state = State::allocate(algorithm, Mode::Mac, [Some(key), None])?;
        state.hash_init()?;
        Ok(Self(state))
    }

    /// `TEE_MACUpdate`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_STATE` and others that a correct TA does not meet.
    pub fn update(&mut self, chunk: &[u8]) -> Result<()> {
        self.0.hash_update(chunk)
    }

    /// `TEE_MACComputeFinal`: writes the MAC, tells its length, and starts anew.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`.
    pub fn finish(&mut self, chunk: &[u8], to: &mut [u8]) -> Result<usize> {
        let len = self.0.hash_final(chunk, to)?;
        self.0.hash_init()?;
        Ok(len)
    }
}

/// The direction of a cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To ciphertext.
    Encrypt,
    /// To plaintext.
    Decrypt,
}

impl Direction {
    const fn mode(self) -> Mode {
        match self {
            Self::Encrypt => Mode::Encrypt,
            Self::Decrypt => Mode::Decrypt,
        }
    }
}

/// A symmetric cipher.
#[derive(Debug)]
pub struct Cipher(State);

impl Cipher {
    /// Starts a cipher with a key (two for XTS) and an initialisation vector.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_BAD_PARAMETERS` when key or vector do not fit.
    pub fn new(
        algorithm: u32,
        direction: Direction,
        keys: [Option<&Object>; 2],
        iv: &[u8],
    ) -> Result<Self> {
        let mut cipher = Self(State::allocate(algorithm, direction.mode(), keys)?);
        cipher.init(iv)?;
        Ok(cipher)
    }

    /// `TEE_CipherInit`: starts anew with another initialisation vector.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the vector does not fit.
    pub fn init(&mut self, iv: &[u8]) -> Result<()> {
        // SAFETY: `iv` is valid for its length.
        unsafe { syscall::cipher_init(self.0.handle(), source(iv), iv.len()) }.ok()
    }

    /// `TEE_CipherUpdate`; tells how much was written.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`; `TEE_ERROR_BAD_PARAMETERS` for a part of a block.
    pub fn update(&mut self, from: &[u8], to: &mut [u8]) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: both buffers are valid for their lengths.
        unsafe {
            syscall::cipher_update(
                self.0.handle(),
                source(from),
                from.len(),
                target(to),
                &mut len,
            )
        }
        .ok()?;
        Ok(len as usize)
    }

    /// `TEE_CipherDoFinal`; tells how much was written.
    ///
    /// # Errors
    /// As [`Cipher::update`].
    pub fn finish(&mut self, from: &[u8], to: &mut [u8]) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: both buffers are valid for their lengths.
        unsafe {
            syscall::cipher_final(
                self.0.handle(),
                source(from),
                from.len(),
                target(to),
                &mut len,
            )
        }
        .ok()?;
        Ok(len as usize)
    }
}

/// Authenticated encryption.
#[derive(Debug)]
pub struct Ae(State);

impl Ae {
    /// Makes an operation with a key.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_BAD_PARAMETERS` when the key does not fit.
    pub fn new(algorithm: u32, direction: Direction, key: &Object) -> Result<Self> {
        Ok(Self(State::allocate(
            algorithm,
            direction.mode(),
            [Some(key), None],
        )?))
    }

    /// `TEE_AEInit`: `tag_len` in bytes; the lengths of additional data and payload matter to CCM.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED` for a tag length that the algorithm does not have.
    pub fn init(
        &mut self,
        nonce: &[u8],
        tag_len: usize,
        aad_len: usize,
        payload_len: usize,
    ) -> Result<()> {
        // SAFETY: `nonce` is valid for its length.
        unsafe {
            syscall::authenc_init(
                self.0.handle(),
                source(nonce),
                nonce.len(),
                tag_len,
                aad_len,
                payload_len,
            )
        }
        .ok()
    }

    /// `TEE_AEUpdateAAD`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_STATE`.
    pub fn update_aad(&mut self, aad: &[u8]) -> Result<()> {
        // SAFETY: `aad` is valid for its length.
        unsafe { syscall::authenc_update_aad(self.0.handle(), source(aad), aad.len()) }.ok()
    }

    /// `TEE_AEUpdate`; tells how much was written.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`.
    pub fn update(&mut self, from: &[u8], to: &mut [u8]) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: both buffers are valid for their lengths.
        unsafe {
            syscall::authenc_update_payload(
                self.0.handle(),
                source(from),
                from.len(),
                target(to),
                &mut len,
            )
        }
        .ok()?;
        Ok(len as usize)
    }

    /// `TEE_AEEncryptFinal`; tells how much ciphertext and how much tag was written.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`.
    pub fn encrypt_final(
        &mut self,
        from: &[u8],
        to: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(usize, usize)> {
        let (mut len, mut tag_len) = (to.len() as u64, tag.len() as u64);
        // SAFETY: all buffers are valid for their lengths.
        unsafe {
            syscall::authenc_enc_final(
                self.0.handle(),
                source(from),
                from.len(),
                target(to),
                &mut len,
                target(tag),
                &mut tag_len,
            )
        }
        .ok()?;
        Ok((len as usize, tag_len as usize))
    }

    /// `TEE_AEDecryptFinal`; tells how much plaintext was written.
    ///
    /// # Errors
    /// `TEE_ERROR_MAC_INVALID` when the tag does not match, `TEE_ERROR_SHORT_BUFFER`.
    pub fn decrypt_final(&mut self, from: &[u8], to: &mut [u8], tag: &[u8]) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: all buffers are valid for their lengths.
        unsafe {
            syscall::authenc_dec_final(
                self.0.handle(),
                source(from),
                from.len(),
                target(to),
                &mut len,
                source(tag),
                tag.len(),
            )
        }
        .ok()?;
        Ok(len as usize)
    }
}

/// Asymmetric encryption or signature.
#[derive(Debug)]
pub struct Asymmetric(State);

impl Asymmetric {
    /// For [`Asymmetric::operate`] as encryption or decryption.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_BAD_PARAMETERS` when the key does not fit.
    pub fn cipher(algorithm: u32, direction: Direction, key: &Object) -> Result<Self> {
        Self::new(algorithm, direction.mode(), key)
    }

    /// For [`Asymmetric::operate`] as signing of a digest.
    ///
    /// # Errors
    /// As [`Asymmetric::cipher`].
    pub fn sign(algorithm: u32, key: &Object) -> Result<Self> {
        Self::new(algorithm, Mode::Sign, key)
    }

    /// For [`Asymmetric::verify_digest`].
    ///
    /// # Errors
    /// As [`Asymmetric::cipher`].
    pub fn verify(algorithm: u32, key: &Object) -> Result<Self> {
        Self::new(algorithm, Mode::Verify, key)
    }

    fn new(algorithm: u32, mode: Mode, key: &Object) -> Result<Self> {
        Ok(Self(State::allocate(algorithm, mode, [Some(key), None])?))
    }

    /// Encrypts, decrypts or signs `from`; tells how much was written.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`, `TEE_ERROR_BAD_PARAMETERS`.
    pub fn operate(
        &mut self,
        params: &[Attribute<'_>],
        from: &[u8],
        to: &mut [u8],
    ) -> Result<usize> {
        let mut len = to.len() as u64;
        // SAFETY: the attributes borrow what they point to; both buffers are valid.
        unsafe {
            syscall::asymm_operate(
                self.0.handle(),
                object::raw(params),
                params.len(),
                source(from),
                from.len(),
                target(to),
                &mut len,
            )
        }
        .ok()?;
        Ok(len as usize)
    }

    /// `TEE_AsymmetricVerifyDigest`.
    ///
    /// # Errors
    /// `TEE_ERROR_SIGNATURE_INVALID`.
    pub fn verify_digest(
        &mut self,
        params: &[Attribute<'_>],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        // SAFETY: the attributes borrow what they point to; both buffers are valid.
        unsafe {
            syscall::asymm_verify(
                self.0.handle(),
                object::raw(params),
                params.len(),
                source(digest),
                digest.len(),
                source(signature),
                signature.len(),
            )
        }
        .ok()
    }
}

/// `TEE_DeriveKey`: derives into `derived`, an empty object of type `TEE_TYPE_GENERIC_SECRET`.
///
/// # Errors
/// `TEE_ERROR_NOT_SUPPORTED`, `TEE_ERROR_BAD_PARAMETERS`.
pub fn derive_key(
    algorithm: u32,
    key: &Object,
    params: &[Attribute<'_>],
    derived: &mut Object,
) -> Result<()> {
    let state = State::allocate(algorithm, Mode::Derive, [Some(key), None])?;
    let attributes: *const RawAttribute = object::raw(params);
    // SAFETY: the attributes borrow what they point to.
    let result: TeeResult = unsafe {
        syscall::cryp_derive_key(state.handle(), attributes, params.len(), derived.handle())
    };
    result.ok()
}

/// `TEE_GenerateRandom`.
///
/// # Errors
/// `TEE_ERROR_OUT_OF_MEMORY`.
pub fn random(to: &mut [u8]) -> Result<()> {
    // SAFETY: `to` is valid for its length.
    unsafe { syscall::cryp_random_number_generate(target(to), to.len()) }.ok()
}
