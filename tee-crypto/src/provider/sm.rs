//! SM3 and SM4 by the RustCrypto crates.
//!
//! Their block modes cannot be cloned, so the chaining of CBC and the counter are here, over the
//! crate's cipher.

use alloc::boxed::Box;

use hmac::digest::Digest;
use hmac::{KeyInit as _, Mac as _};
use sm4::Sm4;
use sm4::cipher::{Block, BlockCipherDecrypt as _, BlockCipherEncrypt as _};

use super::modes::Xts;
use crate::{Cipher, Direction, Error, Hash, Mac};

/// SM3 in progress.
#[derive(Clone, Default)]
pub(super) struct Sm3(sm3::Sm3);

impl Hash for Sm3 {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }

    fn finish(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(self.0.finalize_reset()) {
            *to = from;
        }
    }

    fn boxed(&self) -> Box<dyn Hash> {
        Box::new(self.clone())
    }
}

/// HMAC with SM3 in progress.
#[derive(Clone)]
pub(super) struct HmacSm3 {
    now: hmac::Hmac<sm3::Sm3>,
    start: hmac::Hmac<sm3::Sm3>,
}

impl HmacSm3 {
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let mac = hmac::Hmac::new_from_slice(key).map_err(|_| Error::BadState)?;
        Ok(Self {
            now: mac.clone(),
            start: mac,
        })
    }
}

impl Mac for HmacSm3 {
    fn update(&mut self, data: &[u8]) {
        self.now.update(data);
    }

    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let done = core::mem::replace(&mut self.now, self.start.clone());
        for (to, from) in out.iter_mut().zip(done.finalize().into_bytes()) {
            *to = from;
        }
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Mac> {
        Box::new(self.clone())
    }
}

/// How the blocks of SM4 hang together.
#[derive(Clone)]
enum Chaining {
    Ecb,
    Cbc([u8; BLOCK]),
    /// The counter, and the bytes of the last block of key stream that are not used up.
    Ctr(u128, [u8; BLOCK], usize),
}

const BLOCK: usize = 16;

/// SM4 in progress.
#[derive(Clone)]
struct Running {
    sm4: Sm4,
    direction: Direction,
    chaining: Chaining,
}

fn xor(to: &mut [u8], from: &[u8]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a ^= b;
    }
}

fn encrypt(sm4: &Sm4, block: &mut [u8; BLOCK]) {
    let block: &mut Block<Sm4> = block.into();
    sm4.encrypt_block(block);
}

fn decrypt(sm4: &Sm4, block: &mut [u8; BLOCK]) {
    let block: &mut Block<Sm4> = block.into();
    sm4.decrypt_block(block);
}

impl Running {
    fn block(&mut self, block: &mut [u8; BLOCK]) {
        let before = *block;
        match (self.direction, &mut self.chaining) {
            (Direction::Encrypt, Chaining::Cbc(last)) => {
                xor(block, last);
                encrypt(&self.sm4, block);
                *last = *block;
            }
            (Direction::Decrypt, Chaining::Cbc(last)) => {
                decrypt(&self.sm4, block);
                xor(block, last);
                *last = before;
            }
            (Direction::Encrypt, _) => encrypt(&self.sm4, block),
            (Direction::Decrypt, _) => decrypt(&self.sm4, block),
        }
    }
}

impl Cipher for Running {
    fn update(&mut self, data: &mut [u8], _last: bool) -> Result<(), Error> {
        if let Chaining::Ctr(counter, stream, left) = &mut self.chaining {
            for byte in data {
                if *left == 0 {
                    *stream = counter.to_be_bytes();
                    encrypt(&self.sm4, stream);
                    *counter = counter.wrapping_add(1);
                    *left = BLOCK;
                }
                *byte ^= stream.get(BLOCK - *left).copied().unwrap_or(0);
                *left -= 1;
            }
            return Ok(());
        }
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        if !rest.is_empty() {
            return Err(Error::BadState);
        }
        blocks.iter_mut().for_each(|block| self.block(block));
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Cipher> {
        Box::new(self.clone())
    }
}

fn running(direction: Direction, key: &[u8], chaining: Chaining) -> Result<Box<dyn Cipher>, Error> {
    Ok(Box::new(Running {
        sm4: Sm4::new_from_slice(key).map_err(|_| Error::BadState)?,
        direction,
        chaining,
    }))
}

fn vector(iv: &[u8]) -> Result<[u8; BLOCK], Error> {
    iv.try_into().map_err(|_| Error::BadState)
}

/// SM4 in ECB mode.
pub(super) fn sm4_ecb(direction: Direction, key: &[u8]) -> Result<Box<dyn Cipher>, Error> {
    running(direction, key, Chaining::Ecb)
}

/// SM4 in CBC mode.
pub(super) fn sm4_cbc(
    direction: Direction,
    key: &[u8],
    iv: &[u8],
) -> Result<Box<dyn Cipher>, Error> {
    running(direction, key, Chaining::Cbc(vector(iv)?))
}

/// SM4 in counter mode.
pub(super) fn sm4_ctr(key: &[u8], iv: &[u8]) -> Result<Box<dyn Cipher>, Error> {
    let counter = u128::from_be_bytes(vector(iv)?);
    let chaining = Chaining::Ctr(counter, [0; BLOCK], 0);
    running(Direction::Encrypt, key, chaining)
}

/// SM4 in XTS mode.
pub(super) fn sm4_xts(
    direction: Direction,
    key: &[u8],
    tweak_key: &[u8],
    iv: &[u8],
) -> Result<Box<dyn Cipher>, Error> {
    let mut tweak = vector(iv)?;
    sm4_ecb(Direction::Encrypt, tweak_key)?.update(&mut tweak, true)?;
    let ecb = sm4_ecb(direction, key)?;
    Ok(Box::new(Xts::new(ecb, direction, tweak)))
}
