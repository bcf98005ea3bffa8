//! Modes that OP-TEE runs in its own way, over the block modes of a library: XTS and CTS across
//! several updates, CBC-MAC, and CCM with its data in pieces.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::evp::{Chaining, Context, Kind, equal};
use crate::{Ae, Cipher, Direction, Error, Mac};

/// Bytes in a block of AES and SM4.
const BLOCK: usize = 16;

/// ECB, CBC or CTR as the library has it.
#[derive(Clone)]
pub(super) struct Plain(pub(super) Context);

impl Cipher for Plain {
    fn update(&mut self, data: &mut [u8], _last: bool) -> Result<(), Error> {
        self.0.update(data);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Cipher> {
        Box::new(self.clone())
    }
}

fn xor(to: &mut [u8], from: &[u8]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a ^= b;
    }
}

/// XTS (IEEE 1619) over a block cipher in ECB mode. The tweak goes on from one update to the next.
#[derive(Clone)]
pub(super) struct Xts {
    ecb: Box<dyn Cipher>,
    direction: Direction,
    tweak: u128,
}

/// Blocks whose tweaks are prepared at a time.
const STRETCH: usize = 64;

impl Xts {
    /// `tweak` is the encrypted initialisation vector.
    pub(super) fn new(ecb: Box<dyn Cipher>, direction: Direction, tweak: [u8; BLOCK]) -> Self {
        Self {
            ecb,
            direction,
            tweak: u128::from_le_bytes(tweak),
        }
    }

    const fn next(tweak: u128) -> u128 {
        let carry = if tweak >> 127 == 1 { 0x87 } else { 0 };
        tweak << 1 ^ carry
    }

    fn whole_blocks(&mut self, data: &mut [u8]) -> Result<(), Error> {
        let mut tweaks = [0; STRETCH * BLOCK];
        for stretch in data.chunks_mut(STRETCH * BLOCK) {
            for slot in tweaks.chunks_exact_mut(BLOCK).take(stretch.len() / BLOCK) {
                slot.copy_from_slice(&self.tweak.to_le_bytes());
                self.tweak = Self::next(self.tweak);
            }
            xor(stretch, &tweaks);
            self.ecb.update(stretch, false)?;
            xor(stretch, &tweaks);
        }
        Ok(())
    }

    fn one_block(&mut self, block: &mut [u8], tweak: u128) -> Result<(), Error> {
        xor(block, &tweak.to_le_bytes());
        self.ecb.update(block, false)?;
        xor(block, &tweak.to_le_bytes());
        Ok(())
    }

    /// The last whole block and the `rest` bytes behind it, by ciphertext stealing.
    fn steal(&mut self, tail: &mut [u8]) -> Result<(), Error> {
        let (now, next) = (self.tweak, Self::next(self.tweak));
        let (first, second) = match self.direction {
            Direction::Encrypt => (now, next),
            Direction::Decrypt => (next, now),
        };
        let (block, rest) = tail.split_at_mut(BLOCK);
        self.one_block(block, first)?;
        for (a, b) in block.iter_mut().zip(rest) {
            core::mem::swap(a, b);
        }
        self.one_block(block, second)
    }
}

impl Cipher for Xts {
    fn update(&mut self, data: &mut [u8], _last: bool) -> Result<(), Error> {
        if data.len() < BLOCK {
            return Err(Error::BadState);
        }
        let rest = data.len() % BLOCK;
        if rest == 0 {
            return self.whole_blocks(data);
        }
        let (whole, tail) = data.split_at_mut(data.len() - rest - BLOCK);
        self.whole_blocks(whole)?;
        self.steal(tail)
    }

    fn boxed(&self) -> Box<dyn Cipher> {
        Box::new(self.clone())
    }
}

/// CBC with ciphertext stealing; the last two blocks always change places (CS3).
#[derive(Clone)]
pub(super) struct Cts {
    pub(super) cbc: Context,
    pub(super) ecb: Context,
    pub(super) direction: Direction,
}

impl Cts {
    fn encrypt_tail(&mut self, head: &mut [u8], tail: &mut [u8]) {
        let mut padded = [0; BLOCK];
        for (to, from) in padded.iter_mut().zip(tail.iter()) {
            *to = *from;
        }
        self.cbc.update(head);
        self.cbc.update(&mut padded);
        tail.copy_from_slice(&head[..tail.len()]);
        head.copy_from_slice(&padded);
    }

    fn decrypt_tail(&mut self, head: &mut [u8], tail: &mut [u8]) {
        let mut whole = [0; BLOCK];
        whole.copy_from_slice(head);
        self.ecb.update(&mut whole);
        for (to, from) in whole.iter_mut().zip(tail.iter()) {
            *to = *from;
        }
        let mut last = [0; BLOCK];
        last.copy_from_slice(head);
        self.cbc.update(&mut whole);
        self.cbc.update(&mut last);
        head.copy_from_slice(&whole);
        tail.copy_from_slice(&last[..tail.len()]);
    }
}

impl Cipher for Cts {
    fn update(&mut self, data: &mut [u8], last: bool) -> Result<(), Error> {
        if !last {
            self.cbc.update(data);
            return Ok(());
        }
        if data.len() <= BLOCK {
            return Err(Error::BadState);
        }
        let last_block = (data.len() - 1) / BLOCK * BLOCK;
        let (front, tail) = data.split_at_mut(last_block);
        let (front, head) = front.split_at_mut(last_block - BLOCK);
        self.cbc.update(front);
        match self.direction {
            Direction::Encrypt => self.encrypt_tail(head, tail),
            Direction::Decrypt => self.decrypt_tail(head, tail),
        }
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Cipher> {
        Box::new(self.clone())
    }
}

/// CBC-MAC, without padding or with PKCS#5's.
#[derive(Clone)]
pub(super) struct CbcMac {
    cbc: Context,
    fresh: Context,
    block: usize,
    pad: bool,
    buffer: Vec<u8>,
    code: Vec<u8>,
}

impl CbcMac {
    pub(super) fn new(kind: Kind, key: &[u8], pad: bool) -> Result<Self, Error> {
        let block = if kind == Kind::Aes { BLOCK } else { 8 };
        let cbc = Context::new(
            kind,
            Chaining::Cbc,
            Direction::Encrypt,
            key,
            &vec![0; block],
        )?;
        Ok(Self {
            fresh: cbc.clone(),
            cbc,
            block,
            pad,
            buffer: Vec::new(),
            code: Vec::new(),
        })
    }

    /// Takes in whole blocks.
    fn chain(&mut self, data: &[u8]) {
        let mut scratch = data.to_vec();
        self.cbc.update(&mut scratch);
        if let Some(code) = scratch.rchunks(self.block).next() {
            self.code = code.to_vec();
        }
    }
}

impl Mac for CbcMac {
    fn update(&mut self, data: &[u8]) {
        let fill = (self.block - self.buffer.len()) % self.block;
        let (fill, data) = data.split_at(fill.min(data.len()));
        self.buffer.extend_from_slice(fill);
        if self.buffer.len() == self.block {
            let block = core::mem::take(&mut self.buffer);
            self.chain(&block);
        }
        let (whole, rest) = data.split_at(data.len() / self.block * self.block);
        for piece in whole.chunks(64 * self.block) {
            self.chain(piece);
        }
        self.buffer.extend_from_slice(rest);
    }

    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if self.pad {
            let count = self.block - self.buffer.len();
            self.update(&vec![count as u8; count]);
        }
        if self.code.is_empty() || !self.buffer.is_empty() {
            return Err(Error::BadState);
        }
        for (to, from) in out.iter_mut().zip(&self.code) {
            *to = *from;
        }
        self.cbc = self.fresh.clone();
        self.code.clear();
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Mac> {
        Box::new(self.clone())
    }
}

/// GCM as the library has it, with OP-TEE's limits.
#[derive(Clone)]
pub(super) struct Gcm {
    context: Context,
    tag_len: usize,
    aad_bytes: u64,
    payload_bytes: u64,
    ended: bool,
}

/// Most payload in bytes: beyond it the counter would come round.
const GCM_MAX_PAYLOAD: u64 = (u32::MAX as u64 - 1) * BLOCK as u64;

impl Gcm {
    pub(super) fn new(
        direction: Direction,
        key: &[u8],
        nonce: &[u8],
        tag_len: usize,
    ) -> Result<Self, Error> {
        if tag_len > BLOCK {
            return Err(Error::BadParameters);
        }
        Ok(Self {
            context: Context::new(Kind::Aes, Chaining::Gcm, direction, key, nonce)?,
            tag_len,
            aad_bytes: 0,
            payload_bytes: 0,
            ended: false,
        })
    }

    /// Refuses what comes after the end: it would use the nonce again.
    const fn check_running(&self) -> Result<(), Error> {
        if self.ended {
            Err(Error::BadState)
        } else {
            Ok(())
        }
    }
}

impl Ae for Gcm {
    fn update_aad(&mut self, data: &[u8]) -> Result<(), Error> {
        self.check_running()?;
        if self.payload_bytes != 0 {
            return Err(Error::BadParameters);
        }
        let bytes = self.aad_bytes.checked_add(data.len() as u64);
        let bytes = bytes.filter(|n| *n <= u64::MAX / 8);
        self.aad_bytes = bytes.ok_or(Error::BadParameters)?;
        self.context.update_aad(data)
    }

    fn update(&mut self, data: &mut [u8]) -> Result<(), Error> {
        self.check_running()?;
        let bytes = self.payload_bytes.checked_add(data.len() as u64);
        let bytes = bytes.filter(|n| *n <= GCM_MAX_PAYLOAD);
        self.payload_bytes = bytes.ok_or(Error::BadParameters)?;
        self.context.update(data);
        Ok(())
    }

    fn finish_encrypt(&mut self, data: &mut [u8], room: usize) -> Result<Vec<u8>, Error> {
        if room < self.tag_len {
            return Err(Error::ShortBuffer(room));
        }
        self.update(data)?;
        self.ended = true;
        let mut tag = self.context.tag()?.to_vec();
        tag.truncate(self.tag_len);
        Ok(tag)
    }

    fn finish_decrypt(&mut self, data: &mut [u8], tag: &[u8]) -> Result<(), Error> {
        if tag.len() != self.tag_len {
            return Err(Error::MacInvalid);
        }
        self.update(data)?;
        self.ended = true;
        if tag.is_empty() {
            return Ok(());
        }
        self.context.check_tag(tag)
    }

    fn boxed(&self) -> Box<dyn Ae> {
        Box::new(self.clone())
    }
}

/// CCM (RFC 3610) of AES.
#[derive(Clone)]
pub(super) struct Ccm {
    /// Key stream, at the block behind the one that hides the tag.
    ctr: Context,
    /// Chained over what is authenticated, block by block.
    cbc: Context,
    /// Bytes of the block that is being filled.
    filled: usize,
    block: [u8; BLOCK],
    /// The last block that came out of `cbc`.
    code: [u8; BLOCK],
    /// The block of key stream that hides the tag.
    mask: [u8; BLOCK],
    tag_len: usize,
    aad_left: usize,
    payload_left: usize,
    direction: Direction,
}

/// Longest nonce in bytes.
const CCM_MAX_NONCE: usize = 13;

impl Ccm {
    pub(super) fn new(
        direction: Direction,
        key: &[u8],
        nonce: &[u8],
        tag_len: usize,
        aad_len: usize,
        payload_len: usize,
    ) -> Result<Self, Error> {
        const MAX: usize = i32::MAX as usize;
        if key.len() > 32 || nonce.len() > CCM_MAX_NONCE || payload_len > MAX || aad_len > MAX {
            return Err(Error::BadParameters);
        }
        if !(4..=16).contains(&tag_len) || !tag_len.is_multiple_of(2) {
            return Err(Error::NotSupported);
        }
        let length_bytes = length_field(nonce.len(), payload_len).ok_or(Error::BadState)?;
        let (b0, a0) = first_blocks(nonce, length_bytes, tag_len, aad_len, payload_len);
        let mut ctr = Context::new(Kind::Aes, Chaining::Ctr, Direction::Encrypt, key, &a0)?;
        let mut mask = [0; BLOCK];
        ctr.update(&mut mask);
        let cbc = Context::new(
            Kind::Aes,
            Chaining::Cbc,
            Direction::Encrypt,
            key,
            &[0; BLOCK],
        )?;
        let mut ccm = Self {
            ctr,
            cbc,
            filled: 0,
            block: [0; BLOCK],
            code: [0; BLOCK],
            mask,
            tag_len,
            aad_left: aad_len,
            payload_left: payload_len,
            direction,
        };
        ccm.authenticate(&b0);
        match aad_len {
            0 => {}
            1..0xff00 => ccm.authenticate(&(aad_len as u16).to_be_bytes()),
            _ => {
                ccm.authenticate(&[0xff, 0xfe]);
                ccm.authenticate(&(aad_len as u32).to_be_bytes());
            }
        }
        Ok(ccm)
    }

    fn authenticate(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(BLOCK - self.filled));
            for (to, from) in self.block.iter_mut().skip(self.filled).zip(now) {
                *to = *from;
            }
            self.filled += now.len();
            data = later;
            if self.filled == BLOCK {
                self.end_block();
            }
        }
    }

    /// Fills the block with zeros and chains it, unless it is empty.
    fn end_block(&mut self) {
        if self.filled == 0 {
            return;
        }
        self.code = core::mem::take(&mut self.block);
        self.cbc.update(&mut self.code);
        self.filled = 0;
    }

    fn tag(&mut self) -> Result<[u8; BLOCK], Error> {
        if self.payload_left != 0 {
            return Err(Error::BadState);
        }
        self.end_block();
        let mut tag = self.code;
        xor(&mut tag, &self.mask);
        Ok(tag)
    }
}

/// Bytes in the field that holds the payload's length.
fn length_field(nonce_len: usize, payload_len: usize) -> Option<usize> {
    let needed = (usize::BITS - payload_len.leading_zeros()).div_ceil(8) as usize;
    Some(needed.max(2).max(15 - nonce_len)).filter(|bytes| *bytes <= 8)
}

/// The block that starts the code and the block whose key stream hides the tag.
fn first_blocks(
    nonce: &[u8],
    length_bytes: usize,
    tag_len: usize,
    aad_len: usize,
    payload_len: usize,
) -> ([u8; BLOCK], [u8; BLOCK]) {
    let flags = length_bytes as u8 - 1;
    let mut a0 = [0; BLOCK];
    a0[0] = flags;
    for (to, from) in a0.iter_mut().skip(1).take(15 - length_bytes).zip(nonce) {
        *to = *from;
    }
    let mut b0 = a0;
    b0[0] = flags | ((tag_len as u8 - 2) / 2) << 3 | u8::from(aad_len > 0) << 6;
    let length = (payload_len as u64).to_be_bytes();
    for (to, from) in b0
        .iter_mut()
        .rev()
        .zip(length.iter().rev())
        .take(length_bytes)
    {
        *to = *from;
    }
    (b0, a0)
}

impl Ae for Ccm {
    fn update_aad(&mut self, data: &[u8]) -> Result<(), Error> {
        let left = self.aad_left.checked_sub(data.len());
        self.aad_left = left.ok_or(Error::BadState)?;
        self.authenticate(data);
        if self.aad_left == 0 {
            self.end_block();
        }
        Ok(())
    }

    fn update(&mut self, data: &mut [u8]) -> Result<(), Error> {
        let left = self.payload_left.checked_sub(data.len());
        let left = left.filter(|_| self.aad_left == 0);
        self.payload_left = left.ok_or(Error::BadState)?;
        if self.direction == Direction::Encrypt {
            self.authenticate(data);
            self.ctr.update(data);
        } else {
            self.ctr.update(data);
            self.authenticate(data);
        }
        Ok(())
    }

    fn finish_encrypt(&mut self, data: &mut [u8], room: usize) -> Result<Vec<u8>, Error> {
        self.update(data)?;
        if room < self.tag_len {
            return Err(Error::ShortBuffer(self.tag_len));
        }
        let mut tag = self.tag()?.to_vec();
        tag.truncate(self.tag_len);
        Ok(tag)
    }

    fn finish_decrypt(&mut self, data: &mut [u8], tag: &[u8]) -> Result<(), Error> {
        if tag.is_empty() {
            return Err(Error::ShortBuffer(self.tag_len));
        }
        if tag.len() > BLOCK {
            return Err(Error::BadState);
        }
        self.update(data)?;
        let own = self.tag()?;
        if own.get(..tag.len()).is_some_and(|own| equal(own, tag)) {
            Ok(())
        } else {
            Err(Error::MacInvalid)
        }
    }

    fn boxed(&self) -> Box<dyn Ae> {
        Box::new(self.clone())
    }
}
