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

/// Storage identifiers and data flags of GP TEE Internal Core API, section 5.4, and OP-TEE's
/// extensions of them.
pub mod storage {
    /// The default storage: the REE file system.
    pub const PRIVATE: u32 = 0x0000_0001;
    /// The REE file system by name.
    pub const PRIVATE_REE: u32 = 0x8000_0000;
    /// The RPMB file system.
    pub const PRIVATE_RPMB: u32 = 0x8000_0100;

    /// `TEE_DATA_FLAG_ACCESS_READ`
    pub const ACCESS_READ: u32 = 0x0000_0001;
    /// `TEE_DATA_FLAG_ACCESS_WRITE`
    pub const ACCESS_WRITE: u32 = 0x0000_0002;
    /// `TEE_DATA_FLAG_ACCESS_WRITE_META`
    pub const ACCESS_WRITE_META: u32 = 0x0000_0004;
    /// `TEE_DATA_FLAG_SHARE_READ`
    pub const SHARE_READ: u32 = 0x0000_0010;
    /// `TEE_DATA_FLAG_SHARE_WRITE`
    pub const SHARE_WRITE: u32 = 0x0000_0020;
    /// `TEE_DATA_FLAG_OVERWRITE`
    pub const OVERWRITE: u32 = 0x0000_0400;

    /// The flags an object may be opened with.
    pub const OPEN_FLAGS: u32 =
        ACCESS_READ | ACCESS_WRITE | ACCESS_WRITE_META | SHARE_READ | SHARE_WRITE;
    /// The flags an object may be created with.
    pub const CREATE_FLAGS: u32 = OPEN_FLAGS | OVERWRITE;

    /// `TEE_OBJECT_ID_MAX_LEN`
    pub const OBJECT_ID_MAX_LEN: usize = 64;
    /// `TEE_DATA_MAX_POSITION`
    pub const MAX_POSITION: u64 = 0xFFFF_FFFF;

    /// `TEE_DATA_SEEK_SET`
    pub const SEEK_SET: u32 = 0;
    /// `TEE_DATA_SEEK_CUR`
    pub const SEEK_CUR: u32 = 1;
    /// `TEE_DATA_SEEK_END`
    pub const SEEK_END: u32 = 2;
}

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
    /// Keep only these bits of the stored usage, which all handles of the object share. All ones
    /// ask without restricting. Answers [`Reply::Usage`].
    ObjectRestrictUsage {
        /// Which.
        object: ObjectHandle,
        /// The `TEE_USAGE_*` bits that may stay.
        usage: u32,
    },
    /// The attributes that came with [`Reply::Object`] do not decode: remove the object as any
    /// other that is found corrupt. The handle stays until it is closed. Answers [`Reply::Done`].
    ObjectCorrupt {
        /// Which.
        object: ObjectHandle,
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
    /// What `TEE_USAGE_*` bits an object has now.
    Usage(u32),
    /// An object in a listing.
    Entry {
        /// Its identifier.
        id: Vec<u8>,
        /// The `TEE_DATA_FLAG_*` it was first opened with, 0 when it is not open.
        flags: u32,
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
