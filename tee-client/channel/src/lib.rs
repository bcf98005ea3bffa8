//! The channel between processes of a teebox world: packets with descriptors, sealed shared
//! memory, and the two ends of a session page ([`tee_abi::channel`]).
//!
//! It speaks Linux sockets and memory, and [`tee_abi`]'s messages. It knows no TA, no daemon and no
//! client API: [`Caller`] is the end of whoever calls a TA (a client program, or another TA),
//! [`Callee`] the end of the instance that serves it.
//!
//! ```text
//! Caller ── session page (memfd, mapped by both) ── Callee
//!    └───── session socket: bells, attached memory, end of file = the other side is gone
//! ```
//!
//! What the peer sends or writes is hostile: it is copied once, checked, and then used.
#![deny(unsafe_code)]

pub mod callee;
pub mod caller;
pub mod memory;
pub mod page;
pub mod socket;
mod spin;
mod sys;

pub use callee::{Callee, Delivery};
pub use caller::{Call, Caller, Canceller, Gone, Param, Reply};
pub use memory::{Mapping, Memory, MemoryError};
pub use page::Page;
pub use socket::{Packet, Peer, ReceiveError, Socket};
pub use sys::{Interest, duplicate, wait_any};

/// Makes the two ends of a new session, for the daemon to hand out: the page's memory and the
/// sockets of caller and callee.
///
/// # Errors
/// What the host says when it has no memory or descriptors left.
pub fn session() -> std::io::Result<(Memory, Socket, Socket)> {
    let page = Memory::new(tee_abi::channel::PAGE_LEN as u64)?;
    let (caller, callee) = Socket::pair()?;
    Ok((page, caller, callee))
}
