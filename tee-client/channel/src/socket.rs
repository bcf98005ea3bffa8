//! Packet sockets that carry a message and descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tee_abi::wire::MESSAGE_MAX;

use crate::sys;

/// A connected `SOCK_SEQPACKET` socket, or a listening one.
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// A message with its descriptors.
#[derive(Debug)]
pub struct Packet<T> {
    /// The message.
    pub message: T,
    /// The descriptors beside it, in the sender's order.
    pub fds: Vec<OwnedFd>,
}

/// Nothing could be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The other side has closed its end.
    #[error("the other side is gone")]
    Closed,
    /// Nothing is there now.
    #[error("no message is waiting")]
    Empty,
    /// What came is no message, or its descriptors could not be taken.
    #[error("the other side sent something that is not a message")]
    Malformed,
    /// The host refused.
    #[error(transparent)]
    Host(#[from] io::Error),
}

/// Who is at the other end of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Process.
    pub pid: i32,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Socket {
    /// Two connected sockets.
    ///
    /// # Errors
    /// The host's.
    pub fn pair() -> io::Result<(Self, Self)> {
        sys::seqpacket_pair().map(|(a, b)| (Self(a), Self(b)))
    }

    /// Connects to a listening socket at a path.
    ///
    /// # Errors
    /// The host's; [`io::ErrorKind::InvalidInput`] for a path that no socket can have.
    pub fn connect(path: &Path) -> io::Result<Self> {
        sys::connect(path).map(Self)
    }

    /// Listens at a path that does not exist yet.
    ///
    /// # Errors
    /// The host's; [`io::ErrorKind::InvalidInput`] for a path that no socket can have.
    pub fn listen(path: &Path) -> io::Result<Self> {
        sys::listen(path).map(Self)
    }

    /// The next connection of a listening socket.
    ///
    /// # Errors
    /// The host's.
    pub fn accept(&self) -> io::Result<Self> {
        sys::accept(self.0.as_fd()).map(Self)
    }

    /// Makes [`Socket::accept`] and everything else return [`io::ErrorKind::WouldBlock`] instead
    /// of waiting.
    ///
    /// # Errors
    /// The host's.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        sys::set_nonblocking(self.0.as_fd())
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// The host's.
    pub fn peer(&self) -> io::Result<Peer> {
        let credentials = sys::peer_credentials(self.0.as_fd())?;
        Ok(Peer {
            pid: credentials.pid,
            uid: credentials.uid,
            gid: credentials.gid,
            groups: sys::peer_groups(self.0.as_fd())?,
        })
    }

    /// Sends a message; waits while the other side's queue is full.
    ///
    /// # Errors
    /// The host's; [`io::ErrorKind::BrokenPipe`] or [`io::ErrorKind::ConnectionReset`] when the
    /// other side is gone.
    pub fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(message, fds, true)
    }

    /// Sends a message, or answers [`io::ErrorKind::WouldBlock`] when the queue is full.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn try_send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(message, fds, false)
    }

    fn send_with<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
        wait: bool,
    ) -> io::Result<()> {
        let mut buffer = [0; MESSAGE_MAX];
        let bytes = postcard::to_slice(message, &mut buffer)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        sys::send(self.0.as_fd(), bytes, fds, wait)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn receive<T: DeserializeOwned>(&self) -> Result<Packet<T>, ReceiveError> {
        self.receive_with(true)
    }

    /// Takes the next message if there is one.
    ///
    /// # Errors
    /// [`ReceiveError`]; [`ReceiveError::Empty`] when there is none.
    pub fn try_receive<T: DeserializeOwned>(&self) -> Result<Packet<T>, ReceiveError> {
        self.receive_with(false)
    }

    fn receive_with<T: DeserializeOwned>(&self, wait: bool) -> Result<Packet<T>, ReceiveError> {
        let mut buffer = [0; MESSAGE_MAX];
        let received = match sys::receive(self.0.as_fd(), &mut buffer, wait) {
            Ok(received) => received,
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::WouldBlock => ReceiveError::Empty,
                    io::ErrorKind::ConnectionReset => ReceiveError::Closed,
                    _ => ReceiveError::Host(error),
                });
            }
        };
        if received.len == 0 {
            return Err(ReceiveError::Closed);
        }
        let bytes = buffer.get(..received.len).unwrap_or_default();
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) if !received.truncated => Ok(Packet {
                message,
                fds: received.fds,
            }),
            _ => Err(ReceiveError::Malformed),
        }
    }

    /// Waits until there is something to receive or the other side is gone, and tells whether that
    /// is so.
    ///
    /// # Errors
    /// The host's.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        sys::wait_readable(self.0.as_fd(), timeout)
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl std::os::fd::AsRawFd for Socket {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tee_abi::channel::SessionMessage;

    #[test]
    fn a_message_travels_with_its_descriptors() {
        let (a, b) = Socket::pair().unwrap();
        let (c, d) = Socket::pair().unwrap();
        let attach = SessionMessage::Attach { memory: 7 };
        a.send(&attach, &[c.as_fd()]).unwrap();
        drop(c);
        let packet = b.receive::<SessionMessage>().unwrap();
        assert_eq!(packet.message, attach);
        let [fd] = <[OwnedFd; 1]>::try_from(packet.fds).unwrap();
        Socket(fd).send(&SessionMessage::Bell, &[]).unwrap();
        assert_eq!(
            d.receive::<SessionMessage>().unwrap().message,
            SessionMessage::Bell
        );
    }

    #[test]
    fn an_empty_queue_and_a_closed_peer_differ() {
        let (a, b) = Socket::pair().unwrap();
        assert!(matches!(
            a.try_receive::<SessionMessage>(),
            Err(ReceiveError::Empty)
        ));
        drop(b);
        assert!(matches!(
            a.try_receive::<SessionMessage>(),
            Err(ReceiveError::Closed)
        ));
        assert_eq!(
            a.send(&SessionMessage::Bell, &[]).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let (a, b) = Socket::pair().unwrap();
        for bytes in [&[9u8][..], &[0, 0], &[1], &[0xff; MESSAGE_MAX + 1]] {
            sys::send(a.as_fd(), bytes, &[], true).unwrap();
            assert!(
                matches!(b.receive::<SessionMessage>(), Err(ReceiveError::Malformed)),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn the_peer_is_who_connected() {
        let (a, _b) = Socket::pair().unwrap();
        assert_eq!(
            a.peer().unwrap().pid,
            i32::try_from(std::process::id()).unwrap()
        );
    }
}
