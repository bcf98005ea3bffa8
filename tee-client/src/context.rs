//! Contexts: a client's connection to a world.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tee_abi::client::SOCKET_VARIABLE;
use tee_abi::param::Login;
use tee_abi::wire::{ClientReply, ClientRequest, VERSION};
use tee_abi::{Origin, TeeResult, Uuid};
use tee_channel::{Caller, Memory, Packet, ReceiveError, Socket};

use crate::memory::{Pool, SharedMemory};
use crate::operation::{Buffer, Outcome, Params};
use crate::session::Session;

/// A connection to a world.
pub struct Context {
    control: Mutex<Socket>,
    fd: RawFd,
    pool: Arc<Pool>,
}

/// No world could be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The environment names no world.
    #[error("no teebox world is set: {SOCKET_VARIABLE} is empty")]
    NoWorld,
    /// The world's socket does not answer.
    #[error("cannot reach the teebox world at {path}: {error}")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The world speaks another version of the messages.
    #[error("the teebox world at {path} speaks another version of the client protocol")]
    Version {
        /// The socket.
        path: PathBuf,
    },
}

impl Context {
    /// Connects to the world that the environment names (`TEEBOX_SOCKET`).
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn from_environment() -> Result<Self, ConnectError> {
        match std::env::var_os(SOCKET_VARIABLE) {
            Some(path) if !path.is_empty() => Self::connect(Path::new(&path)),
            _ => Err(ConnectError::NoWorld),
        }
    }

    /// Connects to the world behind a socket.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(path: &Path) -> Result<Self, ConnectError> {
        let unreachable = |error| ConnectError::Unreachable {
            path: path.to_owned(),
            error,
        };
        let socket = Socket::connect(path).map_err(unreachable)?;
        let hello = ClientRequest::Hello { version: VERSION };
        let packet = ask(&socket, &hello).map_err(|error| match error {
            ReceiveError::Host(error) => unreachable(error),
            ReceiveError::Closed | ReceiveError::Empty => {
                unreachable(io::ErrorKind::ConnectionReset.into())
            }
            ReceiveError::Malformed => ConnectError::Version {
                path: path.to_owned(),
            },
        })?;
        match packet.message {
            ClientReply::Welcome { version: VERSION } => Ok(Self {
                fd: socket.as_raw_fd(),
                control: Mutex::new(socket),
                pool: Arc::default(),
            }),
            _ => Err(ConnectError::Version {
                path: path.to_owned(),
            }),
        }
    }

    /// The number of the control socket's descriptor, which names the context in this process.
    #[must_use]
    pub const fn descriptor(&self) -> RawFd {
        self.fd
    }

    /// Opens a session. The group counts for group logins alone. There is a session when the
    /// outcome is `TEE_SUCCESS`.
    pub fn open_session(
        &self,
        uuid: Uuid,
        login: Login,
        group: u32,
        params: &Params<'_>,
    ) -> (Outcome, Option<Session>) {
        let session = match self.request_session(uuid, login, group) {
            Ok(session) => session,
            Err((result, origin)) => return (Outcome::failed(result, origin, params), None),
        };
        let outcome = session.open(params);
        let session = outcome.result.is_success().then_some(session);
        (outcome, session)
    }

    fn request_session(
        &self,
        uuid: Uuid,
        login: Login,
        group: u32,
    ) -> Result<Session, (TeeResult, Origin)> {
        const LOST: (TeeResult, Origin) = (TeeResult::ERROR_COMMUNICATION, Origin::Comms);
        let request = ClientRequest::Open {
            uuid,
            login: login.0,
            group,
        };
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let packet = ask(&control, &request).map_err(|_| LOST)?;
        drop(control);
        match packet.message {
            ClientReply::Opened { session } => {
                let caller = channel(packet.fds).ok_or(LOST)?;
                Ok(Session::new(session, Arc::clone(&self.pool), caller))
            }
            ClientReply::Refused { result, origin } => Err((result, origin)),
            ClientReply::Welcome { .. } => Err(LOST),
        }
    }

    /// Memory that client and TA truly share, zeroed.
    ///
    /// # Errors
    /// The host's, when it has no memory left.
    pub fn allocate(&self, size: u64) -> io::Result<SharedMemory> {
        SharedMemory::allocate(&self.pool, size)
    }

    /// Makes memory of a descriptor known that is sealed against shrinking: it is truly shared.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a descriptor that is no such memory; the host's.
    pub fn import(&self, fd: OwnedFd) -> io::Result<SharedMemory> {
        let memory = Memory::from_fd(fd).map_err(|_| io::ErrorKind::InvalidInput)?;
        let size = memory.len();
        SharedMemory::import(&self.pool, memory, size)
    }

    /// Makes ordinary memory known. It is copied before each call that names it and back after it.
    #[must_use]
    pub fn register(&self, buffer: Box<dyn Buffer + Send + Sync>) -> SharedMemory {
        SharedMemory::register(&self.pool, buffer)
    }
}

fn ask(socket: &Socket, request: &ClientRequest) -> Result<Packet<ClientReply>, ReceiveError> {
    socket.send(request, &[])?;
    socket.receive()
}

fn channel(fds: Vec<OwnedFd>) -> Option<Caller> {
    let [page, socket] = <[OwnedFd; 2]>::try_from(fds).ok()?;
    Caller::new(&Memory::from_fd(page).ok()?, Socket::from(socket)).ok()
}
