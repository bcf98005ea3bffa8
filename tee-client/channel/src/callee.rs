//! The instance's end of a session.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use tee_abi::TeeResult;
use tee_abi::channel::{MEMORY_NULL, ParamWords, REPLY, REQUEST, SessionMessage};
use tee_abi::client::{Direction, PARAM_COUNT};
use tee_abi::param::ParamType;

use crate::caller::{Call, Param, Reply};
use crate::memory::{Memory, MemoryError};
use crate::page::Page;
use crate::socket::{ReceiveError, Socket};
use crate::spin::Spin;

/// What came on a session's socket.
#[derive(Debug)]
pub enum Delivery {
    /// Memory for later calls.
    Attach {
        /// Its number.
        memory: u32,
        /// The memory, checked for its seal.
        content: Memory,
    },
    /// Memory that later calls do not use.
    Detach {
        /// Its number.
        memory: u32,
    },
    /// Nothing more now.
    Empty,
    /// The caller is gone, or broke the rules.
    Closed,
}

/// The instance's end of a session.
#[derive(Debug)]
pub struct Callee {
    page: Page,
    socket: Socket,
    spin: Spin,
}

impl Callee {
    /// Takes the instance's end of a session that the daemon made.
    ///
    /// # Errors
    /// [`MemoryError`] when the page is not one.
    pub fn new(page: &Memory, socket: Socket) -> Result<Self, MemoryError> {
        Ok(Self {
            page: Page::map(page)?,
            socket,
            spin: Spin::new(),
        })
    }

    /// Takes the next thing that came on the socket. Bells are passed over.
    pub fn receive(&self) -> Delivery {
        loop {
            let packet = match self.socket.try_receive::<SessionMessage>() {
                Ok(packet) => packet,
                Err(ReceiveError::Empty) => return Delivery::Empty,
                Err(_) => return Delivery::Closed,
            };
            match packet.message {
                SessionMessage::Bell => {}
                SessionMessage::Detach { memory } => return Delivery::Detach { memory },
                SessionMessage::Attach { memory } => {
                    let fd = packet.fds.into_iter().next();
                    return match fd.map(Memory::from_fd) {
                        Some(Ok(content)) => Delivery::Attach { memory, content },
                        _ => Delivery::Closed,
                    };
                }
            }
        }
    }

    /// The call that the caller has made, if it has: `Err` for one with parameters that have no
    /// meaning. It stays until [`Callee::reply`].
    #[must_use]
    pub fn request(&self) -> Option<Result<Call, TeeResult>> {
        (self.page.turn.state.load(SeqCst) == REQUEST).then(|| self.read())
    }

    fn read(&self) -> Result<Call, TeeResult> {
        let request = &self.page.request;
        let types = u64::from(request.types.load(Relaxed));
        let mut params = [Param::None; PARAM_COUNT];
        for (i, (param, words)) in params.iter_mut().zip(&request.params).enumerate() {
            let kind = ParamType::from_nibble((types >> (4 * i)) & 0xF);
            *param = read_param(kind.ok_or(TeeResult::ERROR_BAD_PARAMETERS)?, words)?;
        }
        Ok(Call {
            func: request.func.load(Relaxed),
            command: request.command.load(Relaxed),
            params,
        })
    }

    /// Answers the call. What the caller asked to cancel is over with it.
    pub fn reply(&self, reply: &Reply) {
        let words = &self.page.reply;
        words.result.store(reply.result.0, Relaxed);
        words.origin.store(reply.origin as u32, Relaxed);
        for (words, (a, b)) in words.params.iter().zip(reply.params) {
            words.a.store(a, Relaxed);
            words.b.store(b, Relaxed);
        }
        self.page.caller.cancel.store(0, SeqCst);
        self.page.turn.state.store(REPLY, SeqCst);
        if self.page.caller.sleeping.load(SeqCst) != 0 {
            // Fails when the queue is full, which wakes as well, or when the caller is gone.
            let _ = self.socket.try_send(&SessionMessage::Bell, &[]);
        }
    }

    /// Whether the caller has asked to cancel what is under way.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.page.caller.cancel.load(SeqCst) != 0
    }

    /// Waits awake for a short while for the next call, and tells whether it is there.
    pub fn linger(&mut self) -> bool {
        let state = &self.page.turn.state;
        self.page.instance.polling.store(1, SeqCst);
        self.spin.wait(|| state.load(Relaxed) == REQUEST);
        self.page.instance.polling.store(0, SeqCst);
        state.load(SeqCst) == REQUEST
    }

    /// Tells how long this side slept after a vain [`Callee::linger`] until the next call came.
    pub fn slept(&mut self, time: Duration) {
        self.spin.slept(time);
    }

    /// Sleeps until something comes on the socket, and tells whether it did.
    ///
    /// # Errors
    /// The host's.
    pub fn wait(&self, timeout: Option<Duration>) -> std::io::Result<bool> {
        self.socket.wait(timeout)
    }
}

impl AsFd for Callee {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn read_param(kind: ParamType, words: &ParamWords) -> Result<Param, TeeResult> {
    let direction = match (kind.is_input(), kind.is_output()) {
        (true, true) => Direction::Inout,
        (false, _) => Direction::Output,
        (true, false) => Direction::Input,
    };
    let (a, b) = (words.a.load(Relaxed), words.b.load(Relaxed));
    if kind == ParamType::None {
        return Ok(Param::None);
    }
    if kind.is_value() {
        // A value's words are 32 bits wide; higher bits are not the caller's to set.
        return Ok(Param::Value {
            direction,
            a: a as u32,
            b: b as u32,
        });
    }
    let memory = match words.memory.load(Relaxed) {
        MEMORY_NULL if a == 0 && b == 0 => None,
        number => Some(u32::try_from(number).map_err(|_| TeeResult::ERROR_BAD_PARAMETERS)?),
    };
    Ok(Param::Memref {
        direction,
        memory,
        offset: a,
        size: b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Caller;
    use tee_abi::Origin;
    use tee_abi::channel::FUNC_INVOKE;

    fn ends() -> (Caller, Callee) {
        let (page, a, b) = crate::session().unwrap();
        (
            Caller::new(&page, a).unwrap(),
            Callee::new(&page, b).unwrap(),
        )
    }

    fn call(command: u32) -> Call {
        let mut params = [Param::None; PARAM_COUNT];
        params[0] = Param::Value {
            direction: Direction::Inout,
            a: command,
            b: 2,
        };
        params[3] = Param::Memref {
            direction: Direction::Output,
            memory: Some(5),
            offset: 4096,
            size: 17,
        };
        params[2] = Param::Memref {
            direction: Direction::Input,
            memory: None,
            offset: 0,
            size: 0,
        };
        Call {
            func: FUNC_INVOKE,
            command,
            params,
        }
    }

    /// Serves as the instance's loop does, until the caller is gone.
    fn serve(mut callee: Callee, mut handle: impl FnMut(&Callee, Call) -> Option<Reply>) {
        loop {
            while let Some(request) = callee.request() {
                match handle(&callee, request.unwrap()) {
                    Some(reply) => callee.reply(&reply),
                    None => return,
                }
                if !callee.linger() {
                    break;
                }
            }
            loop {
                match callee.receive() {
                    Delivery::Closed => return,
                    Delivery::Empty => break,
                    _ => {}
                }
            }
            if callee.request().is_none() {
                callee.wait(None).unwrap();
            }
        }
    }

    fn echo(call: &Call) -> Reply {
        let mut params = [(0, 0); PARAM_COUNT];
        if let Param::Value { a, b, .. } = call.params[0] {
            params[0] = (u64::from(a) + 1, b.into());
        }
        Reply {
            result: TeeResult::SUCCESS,
            origin: Origin::TrustedApp,
            params,
        }
    }

    #[test]
    fn calls_arrive_whole_and_are_answered() {
        let (mut caller, callee) = ends();
        let server = std::thread::spawn(move || {
            serve(callee, |_, got| {
                assert_eq!(got, call(got.command));
                Some(echo(&got))
            });
        });
        for command in 0..10_000 {
            let reply = caller.call(&call(command)).unwrap();
            assert_eq!(reply.params[0], (u64::from(command) + 1, 2));
        }
        drop(caller);
        server.join().unwrap();
    }

    #[test]
    fn a_dead_instance_ends_the_call_and_all_later_ones() {
        let (mut caller, callee) = ends();
        let server = std::thread::spawn(move || serve(callee, |_, _| None));
        assert!(caller.call(&call(1)).is_err());
        assert!(caller.call(&call(2)).is_err());
        server.join().unwrap();
    }

    #[test]
    fn memory_is_attached_before_the_call_that_names_it() {
        let (mut caller, callee) = ends();
        let memory = Memory::new(1).unwrap();
        let mine = memory.map().unwrap();
        let server = std::thread::spawn(move || {
            let mut mapping = None;
            serve(callee, |callee, got| {
                while let Delivery::Attach { memory: 5, content } = callee.receive() {
                    mapping = Some(content.map().unwrap());
                }
                assert!(mapping.as_ref().unwrap().write(0, &[7]));
                Some(echo(&got))
            });
        });
        caller.attach(5, &memory).unwrap();
        caller.call(&call(1)).unwrap();
        let mut out = [0];
        assert!(mine.read(0, &mut out));
        assert_eq!(out, [7]);
        drop(caller);
        server.join().unwrap();
    }

    #[test]
    fn a_cancel_wakes_an_instance_that_waits() {
        let (mut caller, callee) = ends();
        let canceller = caller.canceller();
        let (ready, go) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            serve(callee, |callee, got| {
                ready.send(()).unwrap();
                while !callee.is_cancelled() {
                    callee.wait(None).unwrap();
                    while !matches!(callee.receive(), Delivery::Empty) {}
                }
                Some(echo(&got))
            });
        });
        let thread = std::thread::spawn(move || {
            go.recv().unwrap();
            canceller.cancel();
        });
        caller.call(&call(1)).unwrap();
        thread.join().unwrap();
        drop(caller);
        server.join().unwrap();
    }

    #[test]
    fn a_parameter_type_without_meaning_is_an_error() {
        let (page, a, b) = crate::session().unwrap();
        let callee = Callee::new(&page, b).unwrap();
        let raw = Page::map(&page).unwrap();
        raw.request.types.store(4, Relaxed);
        raw.turn.state.store(REQUEST, SeqCst);
        assert_eq!(callee.request(), Some(Err(TeeResult::ERROR_BAD_PARAMETERS)));
        raw.request.types.store(5, Relaxed);
        raw.request.params[0].memory.store(1 << 32, Relaxed);
        assert_eq!(callee.request(), Some(Err(TeeResult::ERROR_BAD_PARAMETERS)));
        drop(a);
        assert!(matches!(callee.receive(), Delivery::Closed));
    }
}
