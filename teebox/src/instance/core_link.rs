//! An instance's way to the secure world: a stream to the daemon's secure thread.
//!
//! A frame is a length (u32, little endian) and that many bytes of `postcard`: a [`Request`] one
//! way, a `Result` of [`Reply`] and [`TeeResult`] the other. One request at a time.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use tee_abi::TeeResult;
use tee_abi::core::{Reply, Request, SecureCore};

/// Most bytes of a frame.
pub const FRAME_MAX: usize = 64 << 20;

/// The stream; `None` once it failed.
#[derive(Debug)]
pub struct CoreLink(Option<UnixStream>);

impl CoreLink {
    /// Over the descriptor that the instance was started with.
    #[must_use]
    pub fn new(stream: OwnedFd) -> Self {
        Self(Some(stream.into()))
    }
}

impl SecureCore for CoreLink {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        let frame = frame(&request).ok_or(TeeResult::ERROR_OUT_OF_MEMORY)?;
        let mut stream = self.0.take().ok_or(TeeResult::ERROR_COMMUNICATION)?;
        let answer = ask(&mut stream, &frame).ok_or(TeeResult::ERROR_COMMUNICATION)?;
        self.0 = Some(stream);
        answer
    }
}

fn ask(stream: &mut UnixStream, frame: &[u8]) -> Option<Result<Reply, TeeResult>> {
    stream.write_all(frame).ok()?;
    let mut len = [0; 4];
    stream.read_exact(&mut len).ok()?;
    let len = u32::from_le_bytes(len) as usize;
    if len > FRAME_MAX {
        return None;
    }
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).ok()?;
    postcard::from_bytes(&bytes).ok()
}

/// A message as a frame; `None` when it is too long.
pub fn frame(message: &impl serde::Serialize) -> Option<Vec<u8>> {
    let bytes = postcard::to_extend(message, vec![0; 4]).ok()?;
    let len = bytes.len() - 4;
    if len > FRAME_MAX {
        return None;
    }
    let mut bytes = bytes;
    let head = u32::try_from(len).ok()?.to_le_bytes();
    bytes
        .iter_mut()
        .zip(head)
        .for_each(|(slot, byte)| *slot = byte);
    Some(bytes)
}
