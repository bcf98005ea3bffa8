//! The RPMB device: its key, its write counter, authenticated reads and writes of blocks.
//!
//! Source: JESD84-B51 section 6.6.22, and `core/tee/tee_rpmb_fs.c` for the key.

use alloc::vec;
use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::ree::rpmb::{
    ADDRESS, AUTHENTICATED, BLOCK, COUNT, COUNTER, DATA, FRAME, MAC, NO_KEY, NONCE, OK,
    PROGRAM_KEY, READ, READ_COUNTER, RESULT, RESULT_MASK, TYPE, WRITE, answer_to,
};
use tee_abi::ree::{Ree, Reply, Request};

use crate::crypto::StorageCrypto;
use crate::error::{FsError, RpmbFault};
use crate::ree_fs::Env;

/// Most blocks in one read.
const READ_MAX: usize = 128;
/// Times that a write is handed over before the device is given up.
const WRITE_TRIES: usize = 10;
/// Blocks in 128 KiB.
const BLOCKS_PER_UNIT: u32 = 512;
/// Bytes of the identification register that do not identify: product revision and checksum.
const CID_UNSTABLE: [usize; 2] = [9, 15];

/// A device whose key is known to be ours.
pub(crate) struct Device {
    key: [u8; 32],
    counter: u32,
    blocks: u32,
    at_once: usize,
}

/// A frame under construction or under inspection.
#[derive(Clone)]
struct Frame([u8; FRAME]);

impl Frame {
    fn request(kind: u16) -> Self {
        let mut frame = Self([0; FRAME]);
        frame.put(TYPE, &kind.to_be_bytes());
        frame
    }

    fn put(&mut self, field: core::ops::Range<usize>, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(field)
            && place.len() == bytes.len()
        {
            place.copy_from_slice(bytes);
        }
    }

    fn get(&self, field: core::ops::Range<usize>) -> &[u8] {
        self.0.get(field).unwrap_or_default()
    }

    fn u16(&self, field: core::ops::Range<usize>) -> u16 {
        self.get(field).try_into().map_or(0, u16::from_be_bytes)
    }

    fn counter(&self) -> u32 {
        self.get(COUNTER).try_into().map_or(0, u32::from_be_bytes)
    }
}

/// The code over some frames, which stands in the last.
fn code(crypto: &impl StorageCrypto, key: &[u8; 32], frames: &[Frame]) -> [u8; 32] {
    let parts: Vec<&[u8]> = frames.iter().map(|f| f.get(AUTHENTICATED)).collect();
    crypto.hmac_sha256(key, &parts)
}

const MALFORMED: FsError = FsError::Rpmb(RpmbFault::Malformed);

impl Device {
    /// Finds the device, derives its key, and programs the key into a device that has none yet.
    pub(crate) fn open<R: Ree, C: StorageCrypto>(env: &mut Env<'_, R, C>) -> Result<Self, FsError> {
        let info = env
            .ree
            .call(Request::RpmbInfo)
            .map_err(|error| match error {
                TeeResult::ERROR_ITEM_NOT_FOUND => FsError::Rpmb(RpmbFault::Absent),
                other => FsError::Ree(other),
            })?;
        let Reply::RpmbInfo {
            cid,
            size_mult,
            reliable_sectors,
        } = info
        else {
            return Err(MALFORMED);
        };
        let mut device = Self {
            key: env.keys.rpmb(env.crypto, &stable(cid)),
            counter: 0,
            blocks: u32::from(size_mult) * BLOCKS_PER_UNIT,
            at_once: usize::from(reliable_sectors).saturating_mul(2).max(1),
        };
        match device.read_counter(env) {
            Err(FsError::Rpmb(RpmbFault::NoKey)) => {
                device.program_key(env)?;
                device.read_counter(env)?;
            }
            other => other?,
        }
        Ok(device)
    }

    /// Number of blocks.
    pub(crate) const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Blocks that are written at once or not.
    pub(crate) const fn at_once(&self) -> usize {
        self.at_once
    }

    /// Reads blocks.
    pub(crate) fn read<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
        first: u32,
        count: usize,
    ) -> Result<Vec<u8>, FsError> {
        let mut out = Vec::with_capacity(count * BLOCK);
        while out.len() < count * BLOCK {
            let done = out.len() / BLOCK;
            let now = (count - done).min(READ_MAX);
            let at = self.address(first.saturating_add(done as u32), now)?;
            let mut request = Frame::request(READ);
            request.put(ADDRESS, &at.to_be_bytes());
            let frames = self.ask(env, request, now)?;
            if frames.iter().any(|frame| frame.u16(ADDRESS) != at) {
                return Err(MALFORMED);
            }
            frames
                .iter()
                .for_each(|f| out.extend_from_slice(f.get(DATA)));
        }
        Ok(out)
    }

    /// Writes whole blocks; as many as [`Device::at_once`] says at once or not.
    pub(crate) fn write<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        first: u32,
        data: &[u8],
    ) -> Result<(), FsError> {
        let (blocks, _) = data.as_chunks::<BLOCK>();
        let mut at = first;
        for part in blocks.chunks(self.at_once) {
            self.write_at_once(env, at, part)?;
            at = at.saturating_add(part.len() as u32);
        }
        Ok(())
    }

    fn write_at_once<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        first: u32,
        blocks: &[[u8; BLOCK]],
    ) -> Result<(), FsError> {
        let at = self.address(first, blocks.len())?;
        let mut frame = Frame::request(WRITE);
        frame.put(ADDRESS, &at.to_be_bytes());
        frame.put(COUNT, &(blocks.len() as u16).to_be_bytes());
        frame.put(COUNTER, &self.counter.to_be_bytes());
        let mut frames = vec![frame; blocks.len()];
        for (frame, block) in frames.iter_mut().zip(blocks) {
            frame.put(DATA, block);
        }
        let mac = code(env.crypto, &self.key, &frames);
        if let Some(last) = frames.last_mut() {
            last.put(MAC, &mac);
        }
        // A request that was withheld could be used later, so it is repeated until the device
        // answers that it has moved on.
        let mut failure = MALFORMED;
        for _ in 0..WRITE_TRIES {
            match self.hand_over(env, &frames, at) {
                Ok(()) => return Ok(()),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn hand_over<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
        frames: &[Frame],
        at: u16,
    ) -> Result<(), FsError> {
        let answers = exchange(env, frames, 1)?;
        let answer = answers.first().ok_or(MALFORMED)?;
        self.check(env, &answers, WRITE)?;
        let next = self.counter.checked_add(1).ok_or(FsError::TooLarge)?;
        if answer.u16(ADDRESS) != at || answer.counter() != next {
            return Err(FsError::Rpmb(RpmbFault::Counter));
        }
        self.counter = next;
        Ok(())
    }

    fn read_counter<R: Ree, C: StorageCrypto>(
        &mut self,
        env: &mut Env<'_, R, C>,
    ) -> Result<(), FsError> {
        let frames = self.ask(env, Frame::request(READ_COUNTER), 1)?;
        self.counter = frames.first().ok_or(MALFORMED)?.counter();
        Ok(())
    }

    fn program_key<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
    ) -> Result<(), FsError> {
        let mut request = Frame::request(PROGRAM_KEY);
        request.put(MAC, &self.key);
        let answers = exchange(env, &[request], 1)?;
        check_result(answers.first().ok_or(MALFORMED)?, PROGRAM_KEY)
    }

    /// Asks what does not change the device: the answer carries our nonce.
    fn ask<R: Ree, C: StorageCrypto>(
        &self,
        env: &mut Env<'_, R, C>,
        mut request: Frame,
        answer: usize,
    ) -> Result<Vec<Frame>, FsError> {
        let nonce: [u8; 16] = env.random();
        let kind = request.u16(TYPE);
        request.put(NONCE, &nonce);
        let frames = exchange(env, &[request], answer)?;
        self.check(env, &frames, kind)?;
        if frames.iter().any(|frame| frame.get(NONCE) != nonce) {
            return Err(FsError::Rpmb(RpmbFault::Nonce));
        }
        Ok(frames)
    }

    fn check<R: Ree, C: StorageCrypto>(
        &self,
        env: &Env<'_, R, C>,
        frames: &[Frame],
        kind: u16,
    ) -> Result<(), FsError> {
        let last = frames.last().ok_or(MALFORMED)?;
        check_result(last, kind)?;
        if last.get(MAC) != code(env.crypto, &self.key, frames) {
            return Err(FsError::Rpmb(RpmbFault::Code));
        }
        Ok(())
    }

    fn address(&self, first: u32, count: usize) -> Result<u16, FsError> {
        let end = u64::from(first) + count as u64;
        if end > u64::from(self.blocks) {
            return Err(FsError::TooLarge);
        }
        u16::try_from(first).map_err(|_| FsError::TooLarge)
    }
}

fn stable(mut cid: [u8; 16]) -> [u8; 16] {
    for (position, byte) in cid.iter_mut().enumerate() {
        if CID_UNSTABLE.contains(&position) {
            *byte = 0;
        }
    }
    cid
}

fn check_result(frame: &Frame, kind: u16) -> Result<(), FsError> {
    match frame.u16(RESULT) & RESULT_MASK {
        OK if frame.u16(TYPE) == answer_to(kind) => Ok(()),
        OK => Err(MALFORMED),
        NO_KEY => Err(FsError::Rpmb(RpmbFault::NoKey)),
        code => Err(FsError::Rpmb(RpmbFault::Refused(code))),
    }
}

fn exchange<R: Ree, C: StorageCrypto>(
    env: &mut Env<'_, R, C>,
    frames: &[Frame],
    answer: usize,
) -> Result<Vec<Frame>, FsError> {
    let request = Request::RpmbFrames {
        frames: frames.iter().flat_map(|frame| frame.0).collect(),
        answer: u16::try_from(answer).map_err(|_| FsError::TooLarge)?,
    };
    let Reply::Data(data) = env.ree.call(request).map_err(FsError::Ree)? else {
        return Err(MALFORMED);
    };
    let (frames, rest) = data.as_chunks::<FRAME>();
    if frames.len() != answer || !rest.is_empty() {
        return Err(MALFORMED);
    }
    Ok(frames.iter().map(|frame| Frame(*frame)).collect())
}
