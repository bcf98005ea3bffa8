//! The caller's end of a session: a client program's, or that of a TA that calls another.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Instant;

use tee_abi::channel::{IDLE, MEMORY_NULL, REPLY, REQUEST, SessionMessage};
use tee_abi::client::{Direction, PARAM_COUNT};
use tee_abi::param::ParamType;
use tee_abi::{Origin, TeeResult};

use crate::memory::{Memory, MemoryError};
use crate::page::Page;
use crate::socket::{ReceiveError, Socket};
use crate::spin::Spin;

/// One entry into the TA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// `FUNC_*` of [`tee_abi::channel`].
    pub func: u32,
    /// Command of an invocation.
    pub command: u32,
    /// The parameters.
    pub params: [Param; PARAM_COUNT],
}

/// A parameter of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Param {
    /// Unused.
    #[default]
    None,
    /// A pair of words.
    Value {
        /// Which way they go.
        direction: Direction,
        /// First word.
        a: u32,
        /// Second word.
        b: u32,
    },
    /// A buffer in attached memory.
    Memref {
        /// Which way its content goes.
        direction: Direction,
        /// Number of the attached memory; `None` for a NULL buffer.
        memory: Option<u32>,
        /// Where it starts.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
}

impl Param {
    /// Its type in the TA's words.
    #[must_use]
    pub const fn kind(&self) -> ParamType {
        match self {
            Self::None => ParamType::None,
            Self::Value { direction, .. } => direction.value(),
            Self::Memref { direction, .. } => direction.memref(),
        }
    }
}

/// What a call came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What the TA, or the TEE for it, says.
    pub result: TeeResult,
    /// Who says so.
    pub origin: Origin,
    /// The words of value parameters; for memrefs the size that the TA set, in `.1`.
    pub params: [(u64, u64); PARAM_COUNT],
}

/// The instance is gone: every call on the session from now on ends so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the TA instance is gone")]
pub struct Gone;

#[derive(Debug)]
struct End {
    page: Page,
    socket: Socket,
}

impl End {
    fn ring(&self) -> Result<(), Gone> {
        match self.socket.try_send(&SessionMessage::Bell, &[]) {
            Ok(()) => Ok(()),
            // A full queue wakes the other side as well.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Gone),
        }
    }
}

/// The caller's end of a session; one call at a time.
#[derive(Debug)]
pub struct Caller {
    end: Arc<End>,
    spin: Spin,
    gone: bool,
}

/// Asks to cancel what is under way on a session, from any thread.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<End>);

impl Canceller {
    /// Asks. Nothing happens when the instance is gone.
    pub fn cancel(&self) {
        self.0.page.caller.cancel.store(1, SeqCst);
        // An instance that is gone has nothing left to cancel.
        let _ = self.0.ring();
    }
}

impl Caller {
    /// Takes the caller's end of a session that the daemon made.
    ///
    /// # Errors
    /// [`MemoryError`] when the page is not one.
    pub fn new(page: &Memory, socket: Socket) -> Result<Self, MemoryError> {
        let page = Page::map(page)?;
        Ok(Self {
            end: Arc::new(End { page, socket }),
            spin: Spin::new(),
            gone: false,
        })
    }

    /// A handle to cancel calls with.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.end))
    }

    /// Gives the instance memory for later calls, under a number that is not in use.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn attach(&mut self, memory: u32, fd: &impl AsFd) -> Result<(), Gone> {
        let message = SessionMessage::Attach { memory };
        let sent = self.end.socket.send(&message, &[fd.as_fd()]);
        sent.map_err(|_| self.note_gone())
    }

    /// Takes memory away from later calls.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn detach(&mut self, memory: u32) -> Result<(), Gone> {
        let message = SessionMessage::Detach { memory };
        let sent = self.end.socket.send(&message, &[]);
        sent.map_err(|_| self.note_gone())
    }

    /// Enters the TA and waits until it is back.
    ///
    /// # Errors
    /// [`Gone`] when the instance died before it answered.
    pub fn call(&mut self, call: &Call) -> Result<Reply, Gone> {
        if self.gone {
            return Err(Gone);
        }
        self.write(call);
        let page = &self.end.page;
        page.turn.state.store(REQUEST, SeqCst);
        if page.instance.polling.load(SeqCst) == 0 {
            self.end.ring().map_err(|_| self.note_gone())?;
        }
        self.await_reply().map_err(|_| self.note_gone())?;
        let reply = self.read();
        self.end.page.turn.state.store(IDLE, SeqCst);
        Ok(reply)
    }

    const fn note_gone(&mut self) -> Gone {
        self.gone = true;
        Gone
    }

    fn write(&self, call: &Call) {
        let request = &self.end.page.request;
        request.func.store(call.func, Relaxed);
        request.command.store(call.command, Relaxed);
        let mut types = 0;
        for (i, (param, words)) in call.params.iter().zip(&request.params).enumerate() {
            types |= (param.kind() as u32) << (4 * i);
            let (a, b, memory) = match *param {
                Param::None => (0, 0, 0),
                Param::Value { a, b, .. } => (a.into(), b.into(), 0),
                Param::Memref {
                    memory,
                    offset,
                    size,
                    ..
                } => (offset, size, memory.map_or(MEMORY_NULL, u64::from)),
            };
            words.a.store(a, Relaxed);
            words.b.store(b, Relaxed);
            words.memory.store(memory, Relaxed);
        }
        request.types.store(types, Relaxed);
    }

    fn await_reply(&mut self) -> Result<(), Gone> {
        let End { page, socket } = &*self.end;
        if self.spin.wait(|| page.turn.state.load(Acquire) == REPLY) {
            return Ok(());
        }
        let start = Instant::now();
        let mut result = Ok(());
        page.caller.sleeping.store(1, SeqCst);
        while page.turn.state.load(SeqCst) != REPLY {
            if result.is_err() {
                break;
            }
            result = sleep(socket);
        }
        page.caller.sleeping.store(0, SeqCst);
        self.spin.slept(start.elapsed());
        if page.turn.state.load(SeqCst) == REPLY {
            return Ok(());
        }
        result
    }

    fn read(&self) -> Reply {
        let words = &self.end.page.reply;
        let mut params = [(0, 0); PARAM_COUNT];
        for (param, words) in params.iter_mut().zip(&words.params) {
            *param = (words.a.load(Relaxed), words.b.load(Relaxed));
        }
        let origin = Origin::from_number(words.origin.load(Relaxed));
        Reply {
            result: TeeResult(words.result.load(Relaxed)),
            origin: origin.unwrap_or(Origin::Tee),
            params,
        }
    }
}

/// Sleeps until the instance rings, and takes its bells.
fn sleep(socket: &Socket) -> Result<(), Gone> {
    match socket.wait(None) {
        Ok(false) => return Ok(()),
        Ok(true) => {}
        Err(_) => return Err(Gone),
    }
    loop {
        match socket.try_receive::<SessionMessage>() {
            Ok(_) => {}
            Err(ReceiveError::Empty) => return Ok(()),
            Err(_) => return Err(Gone),
        }
    }
}
