//! The seam between the secure world and the normal world's files and clocks.
//!
//! `tee-core` reaches files only through [`Ree::call`]; `host-supplicant` serves it from a process
//! of its own. Every answer is hostile to `tee-core`.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{TeeResult, Uuid};

/// Most bytes of a request or a reply on the way between the two worlds.
pub const MESSAGE_MAX: usize = 64 << 20;

/// Descriptor of an open REE file.
pub type ReeFile = u32;

/// What the secure world asks of the normal world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The bytes of `UUID.ta`, found on the TA search path. Answers [`Reply::Data`].
    LoadTa {
        /// Which.
        uuid: Uuid,
    },
    /// Open a storage file by its flat name. Answers [`Reply::File`];
    /// `TEE_ERROR_ITEM_NOT_FOUND` when it does not exist.
    FileOpen {
        /// Flat name within the storage directory: no slash, not `.` or `..`.
        name: String,
    },
    /// Create (or empty) a storage file. Answers [`Reply::File`].
    FileCreate {
        /// Flat name.
        name: String,
    },
    /// Close. Answers [`Reply::Done`].
    FileClose {
        /// Which.
        file: ReeFile,
    },
    /// Read several places at once; each is answered with as many bytes as the file has there,
    /// at most `len`. Answers [`Reply::Extents`], one for each place.
    FileRead {
        /// Which.
        file: ReeFile,
        /// Where, and how many bytes at most.
        extents: Vec<(u64, u32)>,
    },
    /// Write all of these bytes, in the order given, and make the file durable where `sync` says
    /// so. Answers [`Reply::Done`].
    FileWrite {
        /// Which.
        file: ReeFile,
        /// Where, and what.
        extents: Vec<(u64, Vec<u8>)>,
        /// Whether the answer waits until the file's content is durable.
        sync: bool,
    },
    /// Set the length. Answers [`Reply::Done`].
    FileTruncate {
        /// Which.
        file: ReeFile,
        /// New length in bytes.
        len: u64,
    },
    /// Make creations, renames and removals durable. Answers [`Reply::Done`].
    DirSync,
    /// Remove. Answers [`Reply::Done`].
    FileRemove {
        /// Flat name.
        name: String,
    },
    /// Rename; an existing file of the new name is replaced at once. Answers [`Reply::Done`].
    FileRename {
        /// Flat name now.
        from: String,
        /// Flat name to be.
        to: String,
    },
    /// The names in the storage directory. Answers [`Reply::Names`].
    DirList,
    /// What RPMB device there is. Answers [`Reply::RpmbInfo`]; `TEE_ERROR_ITEM_NOT_FOUND` when
    /// there is none.
    RpmbInfo,
    /// Hand frames of 512 bytes to the RPMB device. Answers [`Reply::Data`] with its frames.
    RpmbFrames {
        /// The frames of one request, one behind the other.
        frames: Vec<u8>,
        /// How many frames it shall answer with.
        answer: u16,
    },
    /// Wall-clock time. Answers [`Reply::Time`].
    Time,
}

/// What the normal world answers to a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// A file is open.
    File(ReeFile),
    /// Bytes.
    Data(Vec<u8>),
    /// Bytes read, for each place asked for.
    Extents(Vec<Vec<u8>>),
    /// Flat names, in no order.
    Names(Vec<String>),
    /// What an RPMB device says of itself.
    RpmbInfo {
        /// Its identification register (CID).
        cid: [u8; 16],
        /// Size in units of 128 KiB (`RPMB_SIZE_MULT`).
        size_mult: u8,
        /// Sectors of 512 bytes that are written at once or not (`REL_WR_SEC_C`).
        reliable_sectors: u8,
    },
    /// Time since the epoch.
    Time {
        /// Whole seconds.
        seconds: u64,
        /// Milliseconds, 0 to 999.
        millis: u32,
    },
}

/// The frame of JEDEC's RPMB protocol (JESD84-B51, section 6.6.22): 512 bytes, numbers big endian.
pub mod rpmb {
    use core::ops::Range;

    /// Bytes of a frame.
    pub const FRAME: usize = 512;
    /// Bytes of data in a frame, and of a block of the device.
    pub const BLOCK: usize = 256;
    /// Key, or authentication code.
    pub const MAC: Range<usize> = 196..228;
    /// Data.
    pub const DATA: Range<usize> = 228..484;
    /// Nonce.
    pub const NONCE: Range<usize> = 484..500;
    /// Write counter.
    pub const COUNTER: Range<usize> = 500..504;
    /// First block.
    pub const ADDRESS: Range<usize> = 504..506;
    /// Number of blocks.
    pub const COUNT: Range<usize> = 506..508;
    /// Result.
    pub const RESULT: Range<usize> = 508..510;
    /// Type of message.
    pub const TYPE: Range<usize> = 510..512;
    /// What the code authenticates.
    pub const AUTHENTICATED: Range<usize> = 228..512;

    /// Program the key.
    pub const PROGRAM_KEY: u16 = 1;
    /// Read the write counter.
    pub const READ_COUNTER: u16 = 2;
    /// Write blocks.
    pub const WRITE: u16 = 3;
    /// Read blocks.
    pub const READ: u16 = 4;

    /// The type of the answer to a request.
    #[must_use]
    pub const fn answer_to(request: u16) -> u16 {
        request << 8
    }

    /// It worked.
    pub const OK: u16 = 0;
    /// It did not.
    pub const GENERAL_FAILURE: u16 = 1;
    /// The code does not match.
    pub const AUTHENTICATION_FAILURE: u16 = 2;
    /// The write counter does not match.
    pub const COUNTER_FAILURE: u16 = 3;
    /// There is no such block.
    pub const ADDRESS_FAILURE: u16 = 4;
    /// Writing failed.
    pub const WRITE_FAILURE: u16 = 5;
    /// There is no key yet.
    pub const NO_KEY: u16 = 7;
    /// The bits that hold one of these.
    pub const RESULT_MASK: u16 = 0x3F;
    /// The write counter cannot rise any more.
    pub const COUNTER_EXPIRED: u16 = 0x80;
}

/// The one way from the secure world to the normal world.
pub trait Ree {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// A `TEE_Result`, as the supplicant maps the host's errno: `ITEM_NOT_FOUND`, `NO_SPACE`,
    /// `ACCESS_DENIED`, `GENERIC`, `COMMUNICATION` when the supplicant is gone.
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult>;
}
