//! Sockets that the daemon's thread waits for.
//!
//! # Safety
//! This file may use `unsafe` to register a socket with tokio, which wants a promise: the value
//! owns its descriptor and keeps it as long as it is registered. A [`Socket`] does both.
#![expect(
    unsafe_code,
    reason = "tokio wants the promise that a descriptor is owned"
)]

use std::io;

use tee_channel::Socket;
use tokio::io::unix::AsyncFd;

/// A socket that can be waited for. It is never replaced behind tokio's back.
pub(super) fn watched(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor and has no way to replace it; `AsyncFd` gives out
    // shared references only, and owns it until it is deregistered.
    unsafe { AsyncFd::register(socket) }.map_err(io::Error::from)
}
