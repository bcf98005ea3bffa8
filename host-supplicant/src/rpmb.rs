//! An emulated eMMC RPMB partition: a device that holds a key, counts writes, and checks and signs
//! frames (JESD84-B51, section 6.6.22).
//!
//! ```text
//! image file:  slot 0 · slot 1 · blocks
//! slot:        magic, sequence, counter, key, the write that belongs to it, checksum
//! ```
//! A write goes to the slot that is not live, with the counter it leads to, and is synced; then to
//! its blocks. Whoever opens the image takes the valid slot with the larger sequence and writes its
//! blocks again. So data and counter change together, whatever happens in between.
//!
//! The authentication code is computed by whoever makes the device: this room names no cryptography.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use tee_abi::TeeResult;
use tee_abi::ree::Reply;
use tee_abi::ree::rpmb::{
    ADDRESS, ADDRESS_FAILURE, AUTHENTICATED, AUTHENTICATION_FAILURE, BLOCK, COUNT, COUNTER,
    COUNTER_EXPIRED, COUNTER_FAILURE, DATA, FRAME, GENERAL_FAILURE, MAC, NO_KEY, NONCE, OK,
    PROGRAM_KEY, READ, READ_COUNTER, RESULT, TYPE, WRITE, WRITE_FAILURE, answer_to,
};

use crate::supplicant::Durability;

/// HMAC-SHA256 under a key, of parts that are one behind the other.
pub type Mac = fn(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32];

/// Units of 128 KiB: 2 MiB.
const SIZE_MULT: u8 = 16;
const BLOCKS: usize = SIZE_MULT as usize * 512;
/// Sectors of two blocks that are written at once or not.
const RELIABLE_SECTORS: u8 = 16;
const AT_ONCE: usize = RELIABLE_SECTORS as usize * 2;
/// Most frames of one answer.
const ANSWER_MAX: u16 = 1024;

const MAGIC: &[u8; 8] = b"TBRPMB\0\x01";
const SLOT: usize = 16 * 1024;
const SLOT_HEAD: usize = 8 + 8 + 4 + 4 + 32 + 4 + 4;
const BLOCKS_AT: u64 = 2 * SLOT as u64;
const CHECKSUM_AT: usize = SLOT - 8;

/// The identification register of the emulated device.
const CID: [u8; 16] = *b"\x10\x01\0TEEBOX\x01\0\0\0\x01\x1a\x01";

/// The device.
#[derive(Debug)]
pub struct RpmbDevice {
    mac: Mac,
    key: Option<[u8; 32]>,
    counter: u32,
    sequence: u64,
    blocks: Vec<u8>,
    image: Option<(File, Durability)>,
}

type FrameBytes = [u8; FRAME];

impl RpmbDevice {
    /// A device without a key, gone when it is dropped.
    #[must_use]
    pub fn in_memory(mac: Mac) -> Self {
        Self {
            mac,
            key: None,
            counter: 0,
            sequence: 0,
            blocks: vec![0; BLOCKS * BLOCK],
            image: None,
        }
    }

    /// The device of an image file, which is made where there is none.
    ///
    /// # Errors
    /// When the host refuses the file, or it is no image of such a device.
    pub fn open(path: &Path, durability: Durability, mac: Mac) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let mut device = Self::in_memory(mac);
        if file.metadata()?.len() > 0 {
            device.restore(&file)?;
        }
        file.set_len(BLOCKS_AT + device.blocks.len() as u64)?;
        device.image = Some((file, durability));
        Ok(device)
    }

    /// What the device says of itself.
    #[must_use]
    pub const fn info(&self) -> Reply {
        Reply::RpmbInfo {
            cid: CID,
            size_mult: SIZE_MULT,
            reliable_sectors: RELIABLE_SECTORS,
        }
    }

    /// Takes the frames of one request and answers with as many as asked for.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` for what is no request.
    pub fn exchange(&mut self, frames: &[u8], answer: u16) -> Result<Reply, TeeResult> {
        let (frames, rest) = frames.as_chunks::<FRAME>();
        let last = frames.last().ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
        if !rest.is_empty() || answer == 0 || answer > ANSWER_MAX {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let answers = match number(last, TYPE) {
            PROGRAM_KEY => vec![self.program_key(last)],
            READ_COUNTER => vec![self.read_counter(last)],
            WRITE => vec![self.write(frames, last)],
            READ => self.read(last, answer),
            _ => return Err(TeeResult::ERROR_BAD_PARAMETERS),
        };
        Ok(Reply::Data(answers.concat()))
    }

    fn program_key(&mut self, request: &FrameBytes) -> FrameBytes {
        let mut answer = answer_frame(PROGRAM_KEY);
        let key = request.get(MAC).and_then(|mac| mac.try_into().ok());
        let result = match (self.key, key) {
            (None, Some(key)) => self.store(Some(key), self.counter, 0, &[]),
            _ => GENERAL_FAILURE,
        };
        put(&mut answer, RESULT, &result.to_be_bytes());
        answer
    }

    fn read_counter(&self, request: &FrameBytes) -> FrameBytes {
        let mut answer = answer_frame(READ_COUNTER);
        copy(&mut answer, request, NONCE);
        put(&mut answer, COUNTER, &self.counter.to_be_bytes());
        self.seal(vec![answer], OK).pop().unwrap_or(answer)
    }

    fn write(&mut self, frames: &[FrameBytes], last: &FrameBytes) -> FrameBytes {
        let result = self.try_write(frames, last);
        let mut answer = answer_frame(WRITE);
        copy(&mut answer, last, ADDRESS);
        put(&mut answer, COUNTER, &self.counter.to_be_bytes());
        self.seal(vec![answer], result).pop().unwrap_or(answer)
    }

    /// The result of a write, which either happens or not.
    fn try_write(&mut self, frames: &[FrameBytes], last: &FrameBytes) -> u16 {
        let Some(key) = self.key else { return NO_KEY };
        let parts: Vec<&[u8]> = frames.iter().filter_map(|f| f.get(AUTHENTICATED)).collect();
        if last.get(MAC) != Some(&(self.mac)(&key, &parts)[..]) {
            return AUTHENTICATION_FAILURE;
        }
        if last.get(COUNTER) != Some(&self.counter.to_be_bytes()[..]) {
            return COUNTER_FAILURE;
        }
        let first = usize::from(number(last, ADDRESS));
        let count = usize::from(number(last, COUNT));
        if count != frames.len() || count > AT_ONCE {
            return GENERAL_FAILURE;
        }
        if first + count > BLOCKS {
            return ADDRESS_FAILURE;
        }
        let Some(next) = self.counter.checked_add(1) else {
            return WRITE_FAILURE;
        };
        let data: Vec<u8> = frames
            .iter()
            .filter_map(|f| f.get(DATA))
            .flatten()
            .copied()
            .collect();
        self.store(Some(key), next, first, &data)
    }

    fn read(&self, request: &FrameBytes, count: u16) -> Vec<FrameBytes> {
        let first = usize::from(number(request, ADDRESS));
        let blocks = self.blocks.as_chunks::<BLOCK>().0;
        let wanted = blocks.get(first..first + usize::from(count));
        let result = if wanted.is_some() {
            OK
        } else {
            ADDRESS_FAILURE
        };
        let answers = (0..usize::from(count)).map(|position| {
            let mut answer = answer_frame(READ);
            copy(&mut answer, request, NONCE);
            copy(&mut answer, request, ADDRESS);
            put(&mut answer, COUNT, &count.to_be_bytes());
            if let Some(block) = wanted.and_then(|blocks| blocks.get(position)) {
                put(&mut answer, DATA, block);
            }
            answer
        });
        self.seal(answers.collect(), result)
    }

    /// Puts the result into every frame, and the code over all of them into the last.
    fn seal(&self, mut frames: Vec<FrameBytes>, result: u16) -> Vec<FrameBytes> {
        let expired = if self.counter == u32::MAX {
            COUNTER_EXPIRED
        } else {
            0
        };
        let result = if self.key.is_some() { result } else { NO_KEY };
        for frame in &mut frames {
            put(frame, RESULT, &(result | expired).to_be_bytes());
        }
        if let Some(key) = self.key {
            let parts: Vec<&[u8]> = frames.iter().filter_map(|f| f.get(AUTHENTICATED)).collect();
            let code = (self.mac)(&key, &parts);
            if let Some(last) = frames.last_mut() {
                put(last, MAC, &code);
            }
        }
        frames
    }

    /// Changes key, counter and blocks together, on the disk first.
    fn store(&mut self, key: Option<[u8; 32]>, counter: u32, first: usize, data: &[u8]) -> u16 {
        let sequence = self.sequence + 1;
        let slot = encode_slot(sequence, counter, key, first, data);
        if self.write_image(sequence, &slot, first, data).is_err() {
            return WRITE_FAILURE;
        }
        self.sequence = sequence;
        self.key = key;
        self.counter = counter;
        let start = first * BLOCK;
        if let Some(target) = self.blocks.get_mut(start..start + data.len()) {
            target.copy_from_slice(data);
        }
        OK
    }

    fn write_image(&self, sequence: u64, slot: &[u8], first: usize, data: &[u8]) -> io::Result<()> {
        let Some((file, durability)) = &self.image else {
            return Ok(());
        };
        file.write_all_at(slot, sequence % 2 * SLOT as u64)?;
        if *durability == Durability::Synced {
            // The slot holds the whole write: what is durable now can be repeated. The blocks
            // themselves become durable with the next slot, before this one is written over.
            file.sync_data()?;
        }
        file.write_all_at(data, BLOCKS_AT + (first * BLOCK) as u64)
    }

    fn restore(&mut self, file: &File) -> io::Result<()> {
        let mut live: Option<Slot> = None;
        for number in 0..2 {
            let mut bytes = vec![0; SLOT];
            file.read_exact_at(&mut bytes, number * SLOT as u64)?;
            let slot = Slot::decode(&bytes);
            live = live
                .into_iter()
                .chain(slot)
                .max_by_key(|slot| slot.sequence);
        }
        let mut head = [0; 8];
        file.read_exact_at(&mut head, 0)?;
        let Some(slot) = live else {
            // A device that was never given a key has no slot yet.
            return if head == [0; 8] {
                Ok(())
            } else {
                Err(io::ErrorKind::InvalidData.into())
            };
        };
        file.read_exact_at(&mut self.blocks, BLOCKS_AT)?;
        file.write_all_at(&slot.data, BLOCKS_AT + (slot.first * BLOCK) as u64)?;
        let start = slot.first * BLOCK;
        let target = self.blocks.get_mut(start..start + slot.data.len());
        let target = target.ok_or(io::ErrorKind::InvalidData)?;
        target.copy_from_slice(&slot.data);
        self.sequence = slot.sequence;
        self.counter = slot.counter;
        self.key = slot.key;
        Ok(())
    }
}

/// What a slot of the image says.
struct Slot {
    sequence: u64,
    counter: u32,
    key: Option<[u8; 32]>,
    first: usize,
    data: Vec<u8>,
}

fn encode_slot(
    sequence: u64,
    counter: u32,
    key: Option<[u8; 32]>,
    first: usize,
    data: &[u8],
) -> Vec<u8> {
    let mut slot = [
        &MAGIC[..],
        &sequence.to_le_bytes(),
        &counter.to_le_bytes(),
        &u32::from(key.is_some()).to_le_bytes(),
        &key.unwrap_or_default(),
        &(first as u32).to_le_bytes(),
        &(data.len() as u32).to_le_bytes(),
        data,
    ]
    .concat();
    slot.resize(CHECKSUM_AT, 0);
    let sum = checksum(&slot);
    slot.extend_from_slice(&sum.to_le_bytes());
    slot
}

impl Slot {
    /// `None` for one that was not written to its end.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_at_checked(CHECKSUM_AT)?;
        if checksum(body).to_le_bytes() != *sum {
            return None;
        }
        let word = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
        if body.get(..8)? != MAGIC {
            return None;
        }
        let len = word(60)? as usize;
        let first = word(56)? as usize;
        let key = body.get(24..56)?.try_into().ok()?;
        Some(Self {
            sequence: u64::from_le_bytes(body.get(8..16)?.try_into().ok()?),
            counter: word(16)?,
            key: (word(20)? == 1).then_some(key),
            first: (first <= BLOCKS).then_some(first)?,
            data: body.get(SLOT_HEAD..)?.get(..len)?.to_vec(),
        })
    }
}

/// FNV-1a: it tells a torn write from a whole one, and need not resist anybody.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn answer_frame(request: u16) -> FrameBytes {
    let mut frame = [0; FRAME];
    put(&mut frame, TYPE, &answer_to(request).to_be_bytes());
    frame
}

fn put(frame: &mut FrameBytes, field: std::ops::Range<usize>, bytes: &[u8]) {
    if let Some(place) = frame.get_mut(field)
        && place.len() == bytes.len()
    {
        place.copy_from_slice(bytes);
    }
}

fn copy(frame: &mut FrameBytes, from: &FrameBytes, field: std::ops::Range<usize>) {
    if let Some(bytes) = from.get(field.clone()) {
        put(frame, field, bytes);
    }
}

fn number(frame: &FrameBytes, field: std::ops::Range<usize>) -> u16 {
    let bytes = frame.get(field).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u16::from_be_bytes)
}
