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
    /// Time since the epoch.
    Time {
        /// Whole seconds.
        seconds: u64,
        /// Milliseconds, 0 to 999.
        millis: u32,
    },
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
