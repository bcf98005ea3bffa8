//! What a Trusted Application says of itself: `.ta_head` and its flags.
//!
//! Source: `user_ta_header.h`.

use crate::Uuid;

macro_rules! flags {
    ($( $bit:literal $name:ident $text:literal; )*) => {
        $( #[doc = $text] pub const $name: u32 = 1 << $bit; )*
        /// Every flag: bit value, upstream's name, meaning.
        pub const FLAGS: &[(u32, &str, &str)] = &[ $( ($name, stringify!($name), $text), )* ];
    };
}

flags! {
    2 TA_FLAG_SINGLE_INSTANCE "One instance serves all clients.";
    3 TA_FLAG_MULTI_SESSION "The single instance accepts several sessions at a time.";
    4 TA_FLAG_INSTANCE_KEEP_ALIVE "The instance remains after its last session closes.";
    5 TA_FLAG_SECURE_DATA_PATH "The TA accesses secure data path memory.";
    7 TA_FLAG_CACHE_MAINTENANCE "The TA may use the cache maintenance functions.";
    8 TA_FLAG_CONCURRENT "Sessions may run concurrently (pseudo-TAs only).";
    9 TA_FLAG_DEVICE_ENUM "Enumerated as a device before the supplicant runs.";
    10 TA_FLAG_DEVICE_ENUM_SUPP "Enumerated as a device once the supplicant runs.";
    11 TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT "A handle of a corrupt object stays open.";
    12 TA_FLAG_DEVICE_ENUM_TEE_STORAGE_PRIVATE "Enumerated once private storage is available.";
    13 TA_FLAG_INSTANCE_KEEP_CRASHED "A crashed keep-alive instance is not restarted.";
}

/// All flags a TA may carry.
pub const TA_FLAGS_MASK: u32 = 0x3fff;

/// Size of `struct ta_head` in bytes.
pub const TA_HEAD_SIZE: usize = 32;

/// `depr_entry` of a TA whose entry point is the ELF header's.
pub const NO_DEPRECATED_ENTRY: u64 = u64::MAX;

/// `struct ta_head`, the first 32 bytes of the image's first section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaHead {
    /// The TA's identity.
    pub uuid: Uuid,
    /// Stack size in bytes.
    pub stack_size: u32,
    /// `TA_FLAG_*`.
    pub flags: u32,
    /// Entry point of a TA built before OP-TEE 3.11, else [`NO_DEPRECATED_ENTRY`].
    pub depr_entry: u64,
}

impl TaHead {
    /// Decode from memory.
    #[must_use]
    pub fn from_bytes(b: &[u8; TA_HEAD_SIZE]) -> Self {
        let mut uuid = [0u8; 16];
        uuid.copy_from_slice(&b[..16]);
        let word = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        Self {
            uuid: Uuid::from_memory(uuid),
            stack_size: word(16),
            flags: word(20),
            depr_entry: u64::from(word(24)) | u64::from(word(28)) << 32,
        }
    }
}

/// Why a TA is entered (`enum utee_entry_func`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EntryFunc {
    /// `TA_OpenSessionEntryPoint` (and `TA_CreateEntryPoint` before the first).
    OpenSession = 0,
    /// `TA_CloseSessionEntryPoint` (and `TA_DestroyEntryPoint` after the last).
    CloseSession = 1,
    /// `TA_InvokeCommandEntryPoint`.
    InvokeCommand = 2,
    /// Heap statistics.
    DumpMemstats = 3,
}
