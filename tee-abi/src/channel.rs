//! The session page: what a caller and a TA instance share while a session is open.
//!
//! ```text
//! 0x000 state                 written by both in turn
//! 0x040 caller's line         caller_sleeping, cancel
//! 0x080 instance's line       polling
//! 0x0c0 request               func, command, types, 4 × { a, b, memory }
//! 0x140 reply                 result, origin, 4 × { a, b }
//! ```
//!
//! One call at a time: the caller writes the request and sets `state` from [`IDLE`] to
//! [`REQUEST`]; the instance copies the request, enters the TA, writes the reply and sets
//! [`REPLY`]; the caller copies the reply and sets [`IDLE`]. Each side rings the other's socket with
//! [`SessionMessage::Bell`] only when the other may be asleep: the caller unless `polling` is set,
//! the instance when `caller_sleeping` is set. A side that goes to sleep sets or clears its flag
//! first, then looks at `state` once more; the other changes `state` first, then looks at the flag.
//!
//! Every word may change at any time: both sides copy once, check the copy, and use the copy.

use ::core::sync::atomic::{AtomicU32, AtomicU64};

use serde::{Deserialize, Serialize};

use crate::client::PARAM_COUNT;

/// Bytes of the memory that holds a session page.
pub const PAGE_LEN: usize = 4096;

/// No call is under way.
pub const IDLE: u32 = 0;
/// The caller has written a request.
pub const REQUEST: u32 = 1;
/// The instance has written a reply.
pub const REPLY: u32 = 2;

/// `func` of a request that opens the session.
pub const FUNC_OPEN: u32 = 0;
/// `func` of a request that closes the session.
pub const FUNC_CLOSE: u32 = 1;
/// `func` of a request that invokes a command.
pub const FUNC_INVOKE: u32 = 2;

/// `memory` of a NULL memref.
pub const MEMORY_NULL: u64 = u64::MAX;

/// Most pieces of memory that a session may have attached at a time.
pub const MEMORY_MAX: usize = 1024;

/// A parameter of a request.
///
/// A value has its two words in `a` and `b`. A memref lies `a` bytes into the attached memory with
/// the number `memory` and is `b` bytes long.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ParamWords {
    /// Value `a`, or offset.
    pub a: AtomicU64,
    /// Value `b`, or size.
    pub b: AtomicU64,
    /// Number of the attached memory, or [`MEMORY_NULL`].
    pub memory: AtomicU64,
}

/// A parameter of a reply: the words of a value, or in `b` the size that the TA set.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ReplyWords {
    /// Value `a`.
    pub a: AtomicU64,
    /// Value `b`, or size.
    pub b: AtomicU64,
}

/// The request's part of the page.
#[repr(C)]
#[derive(Debug, Default)]
pub struct RequestWords {
    /// `FUNC_*`.
    pub func: AtomicU32,
    /// Command of an invocation.
    pub command: AtomicU32,
    /// `TEE_PARAM_TYPES` of the parameters.
    pub types: AtomicU32,
    /// Zero.
    pub reserved: AtomicU32,
    /// The parameters.
    pub params: [ParamWords; PARAM_COUNT],
}

/// The reply's part of the page.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ReplyAreaWords {
    /// `TEE_Result`.
    pub result: AtomicU32,
    /// `TEE_ORIGIN_*`.
    pub origin: AtomicU32,
    /// The parameters.
    pub params: [ReplyWords; PARAM_COUNT],
}

/// A word that both sides write, on a cache line of its own.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct StateLine {
    /// [`IDLE`], [`REQUEST`] or [`REPLY`].
    pub state: AtomicU32,
}

/// The words that the caller writes.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct CallerLine {
    /// 1 while the caller is or may be asleep on its socket.
    pub sleeping: AtomicU32,
    /// 1 when the caller has asked to cancel what is under way.
    pub cancel: AtomicU32,
}

/// The words that the instance writes.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct InstanceLine {
    /// 1 while the instance looks at `state` of its own accord.
    pub polling: AtomicU32,
}

/// The session page.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct SessionPage {
    /// Whose turn it is.
    pub turn: StateLine,
    /// The caller's words.
    pub caller: CallerLine,
    /// The instance's words.
    pub instance: InstanceLine,
    /// The request.
    pub request: RequestWords,
    /// Keeps the reply on lines of its own.
    pub reserved: [AtomicU64; 2],
    /// The reply.
    pub reply: ReplyAreaWords,
}

/// What travels on a session's socket from the caller to the instance. The instance sends
/// [`SessionMessage::Bell`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionMessage {
    /// Look at the page.
    Bell,
    /// Comes with a descriptor: memory for later requests, under this number.
    Attach {
        /// The number, chosen by the caller, not in use.
        memory: u32,
    },
    /// Forget an attached memory.
    Detach {
        /// Its number.
        memory: u32,
    },
}

const _: () = {
    use ::core::mem::{offset_of, size_of};
    assert!(offset_of!(SessionPage, turn) == 0x000);
    assert!(offset_of!(SessionPage, caller) == 0x040);
    assert!(offset_of!(SessionPage, instance) == 0x080);
    assert!(offset_of!(SessionPage, request) == 0x0c0);
    assert!(offset_of!(SessionPage, reply) == 0x140);
    assert!(size_of::<SessionPage>() <= PAGE_LEN);
    assert!(size_of::<ParamWords>() == 24);
    assert!(size_of::<RequestWords>() == 16 + 24 * PARAM_COUNT);
    assert!(size_of::<ReplyAreaWords>() == 8 + 16 * PARAM_COUNT);
};
