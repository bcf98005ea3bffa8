//! A supplicant in a process of its own: a socket, frames, and nothing else in common.
//!
//! A frame is a length (u32, little endian) and that many bytes of `postcard`: a
//! [`Request`] one way, a `Result` of [`Reply`] and [`TeeResult`] the other. One request is
//! answered before the next is sent, so a blocking loop on one thread serves them all.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use tee_abi::TeeResult;
use tee_abi::ree::{MESSAGE_MAX, Ree, Reply, Request};
use thiserror::Error;

/// Why a supplicant stopped serving, other than by the world's end.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket failed.
    #[error("the channel to the secure world failed: {0}")]
    Io(#[from] io::Error),
    /// A frame is not a request.
    #[error("the secure world sent what is no request: {0}")]
    Malformed(#[from] postcard::Error),
}

/// Serves requests until the other end closes its socket.
///
/// # Errors
/// When the socket fails or brings something else than requests.
pub fn serve(mut socket: UnixStream, supplicant: &mut impl Ree) -> Result<(), ServeError> {
    while let Some(frame) = receive(&mut socket)? {
        let request: Request = postcard::from_bytes(&frame)?;
        let answer = supplicant.call(request);
        send(&mut socket, &postcard::to_allocvec(&answer)?)?;
    }
    Ok(())
}

/// The secure world's end of the channel. Whatever the supplicant does wrong is
/// `TEE_ERROR_COMMUNICATION`, and after that it is not asked again: requests and answers may no
/// longer belong together.
#[derive(Debug)]
pub struct ReeChannel {
    socket: Option<UnixStream>,
}

impl ReeChannel {
    /// A channel over this socket, whose other end [`serve`]s.
    #[must_use]
    pub const fn new(socket: UnixStream) -> Self {
        Self {
            socket: Some(socket),
        }
    }
}

impl Ree for ReeChannel {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        let mut socket = self.socket.take().ok_or(TeeResult::ERROR_COMMUNICATION)?;
        let frame = postcard::to_allocvec(&request).map_err(|_| TeeResult::ERROR_OUT_OF_MEMORY)?;
        let answer = ask(&mut socket, &frame).ok_or(TeeResult::ERROR_COMMUNICATION)?;
        self.socket = Some(socket);
        answer
    }
}

fn ask(socket: &mut UnixStream, frame: &[u8]) -> Option<Result<Reply, TeeResult>> {
    send(socket, frame).ok()?;
    let frame = receive(socket).ok()??;
    let (answer, rest): (Result<Reply, TeeResult>, _) = postcard::take_from_bytes(&frame).ok()?;
    let failed_with_success = answer.as_ref().is_err_and(|result| result.is_success());
    (rest.is_empty() && !failed_with_success).then_some(answer)
}

fn send(socket: &mut UnixStream, frame: &[u8]) -> io::Result<()> {
    let len = u32::try_from(frame.len())
        .ok()
        .filter(|&len| len as usize <= MESSAGE_MAX)
        .ok_or(io::ErrorKind::InvalidInput)?;
    socket.write_all(&[&len.to_le_bytes()[..], frame].concat())
}

/// `None` at the end of the stream.
fn receive(socket: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    match socket.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > MESSAGE_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = Vec::new();
    socket.take(len as u64).read_to_end(&mut frame)?;
    if frame.len() != len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}
