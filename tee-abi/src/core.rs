//! The seam between a TA instance and what the secure world has once: requests and replies.
//!
//! The shim speaks to `tee-core` through [`SecureCore::call`] alone. It has two implementations:
//! in process, and a channel to the daemon that carries these same values. `tee-core` treats every
//! request as hostile; the TA's identity is never in a request, the channel it came by tells it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::TeeResult;

/// Handle of an open persistent object, per instance.
pub type ObjectHandle = u32;

/// A storage identifier as the TA gave it: `TEE_STORAGE_PRIVATE` and its `_REE`, `_RPMB` kin.
pub type StorageId = u32;

/// What an instance asks of the secure world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Open an object for the flags given (`TEE_DATA_FLAG_*`). Answers [`Reply::Object`].
    ObjectOpen {
        /// Where it lies.
        storage: StorageId,
        /// Its identifier, at most 64 bytes.
        id: Vec<u8>,
        /// `TEE_DATA_FLAG_*`.
        flags: u32,
    },
    /// Create an object with its header, attributes and initial data. Answers [`Reply::Object`].
    ObjectCreate {
        /// Where it shall lie.
        storage: StorageId,
        /// Its identifier, at most 64 bytes.
        id: Vec<u8>,
        /// `TEE_DATA_FLAG_*`.
        flags: u32,
        /// What the object is.
        head: ObjectHead,
        /// The attributes as the shim encodes them.
        attrs: Vec<u8>,
        /// Initial data stream.
        data: Vec<u8>,
    },
    /// Close a handle. Answers [`Reply::Done`].
    ObjectClose {
        /// Which.
        object: ObjectHandle,
    },
    /// Delete the object and close its handle. Answers [`Reply::Done`].
    ObjectDelete {
        /// Which.
        object: ObjectHandle,
    },
    /// Rename. Answers [`Reply::Done`].
    ObjectRename {
        /// Which.
        object: ObjectHandle,
        /// New identifier, at most 64 bytes.
        id: Vec<u8>,
    },
    /// Read up to `len` bytes of the data stream at `pos`. Answers [`Reply::Data`].
    ObjectRead {
        /// Which.
        object: ObjectHandle,
        /// Offset in the data stream.
        pos: u64,
        /// At most this many bytes.
        len: u64,
    },
    /// Write to the data stream at `pos`, growing it. Answers [`Reply::Done`].
    ObjectWrite {
        /// Which.
        object: ObjectHandle,
        /// Offset in the data stream.
        pos: u64,
        /// What.
        data: Vec<u8>,
    },
    /// Set the data stream's length. Answers [`Reply::Done`].
    ObjectTruncate {
        /// Which.
        object: ObjectHandle,
        /// New length in bytes.
        len: u64,
    },
    /// Restrict the stored usage. Answers [`Reply::Done`].
    ObjectSetUsage {
        /// Which.
        object: ObjectHandle,
        /// New `TEE_USAGE_*`.
        usage: u32,
    },
    /// Start listing the TA's objects. Answers [`Reply::Enumerator`], or
    /// `TEE_ERROR_ITEM_NOT_FOUND` when there are none.
    EnumStart {
        /// Where.
        storage: StorageId,
    },
    /// The next object of a listing. Answers [`Reply::Entry`].
    EnumNext {
        /// Which listing.
        enumerator: u32,
    },
    /// End a listing. Answers [`Reply::Done`].
    EnumEnd {
        /// Which listing.
        enumerator: u32,
    },
    /// The TA's persistent time as an offset to REE time. Answers [`Reply::TimeOffset`].
    TaTimeOffset,
    /// Set that offset. Answers [`Reply::Done`].
    SetTaTimeOffset {
        /// Milliseconds to add to REE time.
        offset_ms: i64,
    },
    /// REE wall-clock time. Answers [`Reply::Time`].
    ReeTime,
    /// A key bound to this TA and device, as the system pseudo-TA's
    /// `PTA_SYSTEM_DERIVE_TA_UNIQUE_KEY` yields. Answers [`Reply::Data`].
    DeriveTaUniqueKey {
        /// Key length in bytes.
        len: u32,
        /// Extra data bound into the key.
        extra: Vec<u8>,
    },
}

/// What the secure world answers to a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// An object is open.
    Object {
        /// Handle for later requests.
        object: ObjectHandle,
        /// What the object is.
        head: ObjectHead,
        /// Its attributes as encoded at creation.
        attrs: Vec<u8>,
        /// Bytes in the data stream.
        data_size: u64,
    },
    /// Bytes.
    Data(Vec<u8>),
    /// A listing has started.
    Enumerator(u32),
    /// An object in a listing.
    Entry {
        /// Its identifier.
        id: Vec<u8>,
        /// What it is.
        head: ObjectHead,
        /// Bytes in the data stream.
        data_size: u64,
    },
    /// Milliseconds to add to REE time.
    TimeOffset(i64),
    /// Wall-clock time since the epoch.
    Time {
        /// Whole seconds.
        seconds: u64,
        /// Milliseconds, 0 to 999.
        millis: u32,
    },
}

/// What a persistent object is: the stored part of `struct utee_object_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHead {
    /// `TEE_TYPE_*`.
    pub obj_type: u32,
    /// Key size in bits.
    pub size: u32,
    /// Largest key size in bits.
    pub max_size: u32,
    /// `TEE_USAGE_*`.
    pub usage: u32,
    /// Whether attributes are stored (upstream's `have_attrs` bit set).
    pub have_attrs: u32,
}

/// The one way from an instance to the secure world.
pub trait SecureCore {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The `TEE_Result` the TA shall see; `TEE_ERROR_COMMUNICATION` when the other side is gone.
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult>;
}
