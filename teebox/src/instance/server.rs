//! The instance's loop: it waits for orders and calls, and enters the guest for one at a time.
//!
//! A session ends when its caller closes it or is gone. Its end is told to the daemon before it is
//! told to the caller: whoever hears of it finds the daemon knowing.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use platform_linux::LinuxShared;
use tee_abi::channel::{FUNC_CLOSE, FUNC_INVOKE, FUNC_OPEN, MEMORY_MAX};
use tee_abi::client::PARAM_COUNT;
use tee_abi::param::Identity;
use tee_abi::wire::{InstanceEvent, InstanceOrder};
use tee_abi::{Origin, TeeResult};
use tee_channel::{
    Call, Callee, Delivery, Interest, Memory, Param as WireParam, ReceiveError, Reply, Socket,
    wait_any,
};
use tee_shim::{Instance, MemRef, Outcome, Param, Params};

use super::Broken;
use super::world::DaemonHost;

/// Calls of one session in a row, before the others are looked at again.
const ROW: usize = 16;

/// A session.
struct Session {
    callee: Rc<RefCell<Callee>>,
    identity: Identity,
    open: bool,
    /// When this side stopped waiting awake for the next call.
    quiet_since: Option<Instant>,
    memories: BTreeMap<u32, LinuxShared>,
}

/// What becomes of a session after a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Stays,
    Ends,
}

/// The instance with its guest and its sessions.
pub(super) struct Server {
    control: Socket,
    guest: Instance<DaemonHost>,
    sessions: BTreeMap<u32, Session>,
}

impl Server {
    pub(super) const fn new(control: Socket, guest: Instance<DaemonHost>) -> Self {
        Self {
            control,
            guest,
            sessions: BTreeMap::new(),
        }
    }

    /// Serves until the daemon ends it or the guest dies.
    pub(super) fn run(mut self) -> Result<(), Broken> {
        loop {
            let (orders, ready) = self.wait()?;
            if orders && !self.take_orders()? {
                return Ok(());
            }
            for id in ready {
                self.serve(id)?;
                if self.guest.is_dead() {
                    return Ok(());
                }
            }
        }
    }

    /// Sleeps until there is an order or a session has something.
    ///
    /// A call may be there without a bell on the socket: its caller saw this side awake, or the bell
    /// was taken with the deliveries before it. So the calls are looked at last before the sleep.
    fn wait(&mut self) -> Result<(bool, Vec<u32>), Broken> {
        let borrowed: Vec<_> = self
            .sessions
            .iter()
            .map(|(id, s)| (*id, s.callee.borrow()))
            .collect();
        let sockets = borrowed.iter().map(|(_, callee)| callee.as_fd());
        let all: Vec<(BorrowedFd<'_>, Interest)> = std::iter::once(self.control.as_fd())
            .chain(sockets)
            .map(|fd| (fd, Interest::Read))
            .collect();
        let has_call = |callee: &Ref<'_, Callee>| callee.request().is_some();
        let called = borrowed.iter().any(|(_, callee)| has_call(callee));
        let timeout = called.then_some(Duration::ZERO);
        let mut ready = wait_any(&all, timeout)?.into_iter();
        let orders = ready.next().unwrap_or(false);
        let ready = borrowed
            .iter()
            .zip(ready)
            .filter(|((_, callee), ready)| *ready || has_call(callee));
        Ok((orders, ready.map(|((id, _), _)| *id).collect()))
    }

    /// Carries out what the daemon ordered; `false` to end.
    fn take_orders(&mut self) -> Result<bool, Broken> {
        loop {
            let packet = match self.control.try_receive::<InstanceOrder>() {
                Ok(packet) => packet,
                Err(ReceiveError::Empty) => return Ok(true),
                Err(ReceiveError::Closed) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            match packet.message {
                InstanceOrder::Attach { session, identity } => {
                    self.attach(session, identity, packet.fds)?;
                }
                InstanceOrder::Shutdown => return Ok(false),
                InstanceOrder::Load { .. }
                | InstanceOrder::Library { .. }
                | InstanceOrder::NoLibrary { .. } => return Err(Broken::Order),
            }
        }
    }

    fn attach(&mut self, id: u32, identity: Identity, fds: Vec<OwnedFd>) -> Result<(), Broken> {
        let [page, socket] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| Broken::Order)?;
        let page = Memory::from_fd(page).map_err(|_| Broken::Order)?;
        let callee = Callee::new(&page, socket.into()).map_err(|_| Broken::Order)?;
        let session = Session {
            callee: Rc::new(RefCell::new(callee)),
            identity,
            open: false,
            quiet_since: None,
            memories: BTreeMap::new(),
        };
        self.sessions.insert(id, session);
        Ok(())
    }

    /// Serves a session while it has calls, up to a row of them.
    fn serve(&mut self, id: u32) -> Result<(), Broken> {
        for _ in 0..ROW {
            let Some(session) = self.sessions.get_mut(&id) else {
                return Ok(());
            };
            // What a call names was sent before the call was made.
            let request = session.callee.borrow().request();
            if !session.take_deliveries() {
                return self.end(id);
            }
            let Some(request) = request else {
                return Ok(());
            };
            if let Some(since) = session.quiet_since.take() {
                session.callee.borrow_mut().slept(since.elapsed());
            }
            let next = self.answer(id, request)?;
            if next == Next::Ends || self.guest.is_dead() {
                return Ok(());
            }
            let Some(session) = self.sessions.get_mut(&id) else {
                return Ok(());
            };
            if !session.callee.borrow_mut().linger() {
                session.quiet_since = Some(Instant::now());
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers one call, and tells whether the session goes on.
    fn answer(&mut self, id: u32, request: Result<Call, TeeResult>) -> Result<Next, Broken> {
        let (outcome, params, next) = match request.and_then(|call| {
            let params = self
                .sessions
                .get(&id)
                .ok_or(TeeResult::ERROR_BAD_STATE)?
                .params(&call)?;
            Ok((call, params))
        }) {
            Ok((call, mut params)) => {
                let (outcome, next) = self.enter(id, &call, &mut params);
                (outcome, params, next)
            }
            Err(result) => (refused(result), Params::default(), Next::Stays),
        };
        let callee = self
            .sessions
            .get(&id)
            .map(|session| Rc::clone(&session.callee));
        if self.guest.is_dead() {
            let event = self.death();
            self.control.send(&event, &[])?;
        } else if next == Next::Ends {
            self.sessions.remove(&id);
            self.control
                .send(&InstanceEvent::Closed { session: id }, &[])?;
        }
        if let Some(callee) = callee {
            callee.borrow().reply(&reply(outcome, &params));
        }
        Ok(next)
    }

    fn enter(&mut self, id: u32, call: &Call, params: &mut Params<LinuxShared>) -> (Outcome, Next) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return (refused(TeeResult::ERROR_BAD_STATE), Next::Ends);
        };
        let (identity, open) = (session.identity, session.open);
        let callee = Rc::clone(&session.callee);
        self.guest.world_mut().set_current(Some(callee));
        let result = match (call.func, open) {
            (FUNC_OPEN, false) => {
                let outcome = self.guest.open_session(id, identity, params);
                let open = outcome.result.is_success();
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.open = open;
                }
                (outcome, if open { Next::Stays } else { Next::Ends })
            }
            (FUNC_INVOKE, true) => (self.guest.invoke(id, call.command, params), Next::Stays),
            (FUNC_CLOSE, true) => (self.guest.close_session(id), Next::Ends),
            (FUNC_CLOSE, false) => (refused(TeeResult::SUCCESS), Next::Ends),
            _ => (refused(TeeResult::ERROR_BAD_STATE), Next::Stays),
        };
        self.guest.world_mut().set_current(None);
        result
    }

    fn death(&mut self) -> InstanceEvent {
        let dump = self.guest.take_dump();
        let (modules, call_stack) = dump
            .map(|dump| (dump.elves, dump.call_stack))
            .unwrap_or_default();
        InstanceEvent::Panicked {
            modules,
            call_stack,
        }
    }

    /// Ends a session whose caller is gone.
    fn end(&mut self, id: u32) -> Result<(), Broken> {
        let Some(session) = self.sessions.remove(&id) else {
            return Ok(());
        };
        if session.open {
            self.guest.close_session(id);
        }
        let event = if self.guest.is_dead() {
            self.death()
        } else {
            InstanceEvent::Closed { session: id }
        };
        Ok(self.control.send(&event, &[])?)
    }
}

impl Session {
    /// Takes what came on the socket; `false` when the caller is gone or broke the rules.
    fn take_deliveries(&mut self) -> bool {
        loop {
            let delivery = self.callee.borrow().receive();
            match delivery {
                Delivery::Empty => return true,
                Delivery::Closed => return false,
                Delivery::Detach { memory } => {
                    self.memories.remove(&memory);
                }
                Delivery::Attach { memory, content } => {
                    let len = content.len();
                    match LinuxShared::from_fd(content.into(), len) {
                        Ok(shared) if self.memories.len() < MEMORY_MAX => {
                            self.memories.insert(memory, shared);
                        }
                        _ => return false,
                    }
                }
            }
        }
    }

    fn params(&self, call: &Call) -> Result<Params<LinuxShared>, TeeResult> {
        let mut params: Params<LinuxShared> = Params::default();
        for (param, wire) in params.iter_mut().zip(&call.params) {
            *param = self.param(wire)?;
        }
        Ok(params)
    }

    fn param(&self, wire: &WireParam) -> Result<Param<LinuxShared>, TeeResult> {
        let ty = wire.kind();
        Ok(match *wire {
            WireParam::None => Param::None,
            WireParam::Value { a, b, .. } => Param::Value { ty, a, b },
            WireParam::Memref {
                memory: None, size, ..
            } => Param::MemRef {
                ty,
                mem: MemRef { memory: None, size },
            },
            WireParam::Memref {
                memory: Some(number),
                offset,
                size,
                ..
            } => {
                let shared = self.memories.get(&number);
                let shared = shared.ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
                if offset
                    .checked_add(size)
                    .is_none_or(|end| end > shared.len())
                {
                    return Err(TeeResult::ERROR_SECURITY);
                }
                Param::MemRef {
                    ty,
                    mem: MemRef {
                        memory: Some((shared.clone(), offset)),
                        size,
                    },
                }
            }
        })
    }
}

const fn refused(result: TeeResult) -> Outcome {
    Outcome {
        result,
        origin: Origin::Tee,
    }
}

fn reply(outcome: Outcome, params: &Params<LinuxShared>) -> Reply {
    let mut words = [(0, 0); PARAM_COUNT];
    for (words, param) in words.iter_mut().zip(params) {
        *words = match param {
            Param::None => (0, 0),
            Param::Value { a, b, .. } => ((*a).into(), (*b).into()),
            Param::MemRef { mem, .. } => (0, mem.size),
        };
    }
    Reply {
        result: outcome.result,
        origin: outcome.origin,
        params: words,
    }
}
