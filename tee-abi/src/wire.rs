//! The control plane's messages: client and daemon, daemon and TA instance.
//!
//! They are carried by `postcard` over `SOCK_SEQPACKET` sockets, one message a packet, descriptors
//! beside it. Invocations are not among them: those go through the session page
//! ([`crate::channel`]). Each side treats what it receives as hostile.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::param::Identity;
use crate::{Origin, TeeResult, Uuid};

/// The version of these messages. A client and a daemon that differ part at [`ClientRequest::Hello`].
pub const VERSION: u32 = 1;

/// Most bytes of a message.
pub const MESSAGE_MAX: usize = 4096;

/// Most descriptors beside a message.
pub const DESCRIPTORS_MAX: usize = 4;

/// What a client asks of the daemon. Each is answered by one [`ClientReply`], in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientRequest {
    /// The first message of a context.
    Hello {
        /// The client's [`VERSION`].
        version: u32,
    },
    /// Find an instance for a session and make a channel to it. The entry point that opens the
    /// session is called through the channel.
    Open {
        /// Which TA.
        uuid: Uuid,
        /// `TEEC_LOGIN_*`.
        login: u32,
        /// The group, for group logins.
        group: u32,
    },
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientReply {
    /// To [`ClientRequest::Hello`].
    Welcome {
        /// The daemon's [`VERSION`].
        version: u32,
    },
    /// To [`ClientRequest::Open`], with two descriptors: the session page and the session's socket.
    Opened {
        /// The session's number, unique while it lives.
        session: u32,
    },
    /// To [`ClientRequest::Open`].
    Refused {
        /// Why.
        result: TeeResult,
        /// Who says so.
        origin: Origin,
    },
}

/// What the daemon tells a TA instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceOrder {
    /// Load the TA. Comes with one descriptor: the verified image (ELF) in sealed memory.
    /// Answered by [`InstanceEvent::Loaded`], after a [`InstanceEvent::NeedsLibrary`] for each
    /// library.
    Load {
        /// Which TA it is.
        uuid: Uuid,
        /// Bytes of the image.
        len: u64,
        /// Most instructions that an entry may run for.
        budget: Option<u64>,
        /// Most verbose level of the TA's log that is printed: 1 error to 4 flow.
        log_level: u8,
        /// What the TA is told as `gpd.tee.deviceID`.
        device_id: Uuid,
    },
    /// The library that was needed. Comes with one descriptor, as [`InstanceOrder::Load`].
    Library {
        /// Bytes of the image.
        len: u64,
    },
    /// There is no such library.
    NoLibrary {
        /// What `TEEC_OpenSession` shall answer.
        result: TeeResult,
    },
    /// Serve a session. Comes with two descriptors: the session page and the session's socket.
    Attach {
        /// The session's number.
        session: u32,
        /// Who the client is.
        identity: Identity,
    },
    /// Run the TA's destroy entry point and exit.
    Shutdown,
}

/// What a TA instance tells the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceEvent {
    /// The TA needs a library. Answered by [`InstanceOrder::Library`] or
    /// [`InstanceOrder::NoLibrary`].
    NeedsLibrary {
        /// Which.
        uuid: Uuid,
    },
    /// The image is loaded, or why not.
    Loaded {
        /// `TEE_SUCCESS`, or what `TEEC_OpenSession` shall answer.
        result: TeeResult,
        /// `TA_FLAG_*` of the TA.
        flags: u32,
        /// One line that says why not.
        reason: String,
    },
    /// A session is closed: its client asked or died, or the TA refused to open it.
    Closed {
        /// The session's number.
        session: u32,
    },
    /// The TA panicked or aborted; the instance answers nothing but `TEE_ERROR_TARGET_DEAD` and
    /// exits.
    Panicked {
        /// The ELFs in its memory with their load addresses, the TA first.
        modules: Vec<(Uuid, u64)>,
        /// The call stack, innermost address first.
        call_stack: Vec<u64>,
    },
}
