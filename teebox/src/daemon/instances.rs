//! Instances: started for a session, joined by others, reaped.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;

use platform_linux::{Ended, Instance as Process, Launch, Policy, Program};
use tee_abi::param::Identity;
use tee_abi::wire::{InstanceEvent, InstanceOrder};
use tee_abi::{TeeResult, Uuid};
use tee_channel::{ReceiveError, Socket};
use tokio::io::unix::AsyncFd;

use super::World;
use super::readiness::watched;
use super::secure::Image;
use super::table::{InstanceId, Place};
use crate::instance;

/// An instance's process and the socket to it.
pub(super) struct Live {
    uuid: Uuid,
    control: Rc<AsyncFd<Socket>>,
    process: Process,
    /// It was told to end, or said why it does.
    ending: bool,
}

/// A session that is ready for its client.
pub(super) struct Opened {
    pub(super) session: u32,
    /// The page and the socket.
    pub(super) fds: Vec<OwnedFd>,
}

/// This program, as the program of instances.
pub(super) fn program(policy: Policy) -> io::Result<Program> {
    let mut arguments = vec![text(instance::NAME)?];
    if policy == Policy::Strict {
        arguments.push(text(instance::STRICT)?);
    }
    Program::current(arguments, Vec::new())
}

fn text(word: &str) -> io::Result<std::ffi::CString> {
    std::ffi::CString::new(word).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl World {
    /// Finds or makes an instance for a session, and makes the session's channel.
    ///
    /// # Errors
    /// What the client sees, with origin TEE.
    pub(super) async fn open(
        self: &Rc<Self>,
        uuid: Uuid,
        identity: Identity,
    ) -> Result<Opened, TeeResult> {
        let (id, session) = loop {
            let changed = self.changed.notified();
            self.hear_instances_of(uuid);
            let place = self.table.borrow().place(uuid);
            match place {
                Place::In(id) => {
                    let session = self.table.borrow_mut().open(id);
                    break (id, session.ok_or(TeeResult::ERROR_TARGET_DEAD)?);
                }
                Place::Busy => return Err(TeeResult::ERROR_BUSY),
                Place::Dead => return Err(TeeResult::ERROR_TARGET_DEAD),
                Place::Wait => changed.await,
                Place::New => {
                    // Entered in the table before anything is waited for: nobody else makes it.
                    let (id, session) = self.table.borrow_mut().start(uuid);
                    self.make(id, uuid).await?;
                    break (id, session);
                }
            }
        };
        let fds = self.attach(id, session, identity);
        let fds = fds.inspect_err(|_| self.closed(id, session))?;
        Ok(Opened { session, fds })
    }

    /// Makes a session's channel to an instance that is ready, and gives the caller's end.
    fn attach(
        &self,
        id: InstanceId,
        session: u32,
        identity: Identity,
    ) -> Result<Vec<OwnedFd>, TeeResult> {
        let no_memory = |_: io::Error| TeeResult::ERROR_OUT_OF_MEMORY;
        let (page, callers, callees) = tee_channel::session().map_err(no_memory)?;
        let control = self.control(id).ok_or(TeeResult::ERROR_TARGET_DEAD)?;
        let order = InstanceOrder::Attach { session, identity };
        let sent = control
            .get_ref()
            .try_send(&order, &[page.as_fd(), callees.as_fd()]);
        sent.map_err(no_memory)?;
        Ok(vec![page.into(), callers.into()])
    }

    fn control(&self, id: InstanceId) -> Option<Rc<AsyncFd<Socket>>> {
        self.live
            .borrow()
            .get(&id)
            .map(|live| Rc::clone(&live.control))
    }

    /// Makes an instance and waits until its TA is loaded.
    async fn make(self: &Rc<Self>, id: InstanceId, uuid: Uuid) -> Result<(), TeeResult> {
        let made = self.load(id, uuid).await;
        if let Err(result) = made {
            self.forget(id);
            return Err(result);
        }
        loop {
            let changed = self.changed.notified();
            self.hear(id);
            if self.table.borrow().is_ready(id) {
                return Ok(());
            }
            if !self.table.borrow().is_loading(id) {
                let failure = self.failures.borrow_mut().remove(&id);
                return Err(failure.unwrap_or(TeeResult::ERROR_TARGET_DEAD));
            }
            changed.await;
        }
    }

    async fn load(self: &Rc<Self>, id: InstanceId, uuid: Uuid) -> Result<(), TeeResult> {
        let image = self.image(uuid).await?;
        let control = self.spawn(id, uuid).map_err(|error| {
            self.note(&format!(
                "teebox: cannot start an instance of {uuid}: {error}"
            ));
            TeeResult::ERROR_OUT_OF_MEMORY
        })?;
        let order = InstanceOrder::Load {
            uuid,
            len: image.len,
            budget: self.budget,
            log_level: self.log_level,
            device_id: self.device_id,
        };
        let sent = control.get_ref().try_send(&order, &[image.memory.as_fd()]);
        sent.map_err(|_| TeeResult::ERROR_GENERIC)?;
        tokio::task::spawn_local(watch(Rc::clone(self), id, control));
        Ok(())
    }

    /// A verified file of the TA search path; what is wrong with it is told in the log.
    async fn image(&self, uuid: Uuid) -> Result<Image, TeeResult> {
        self.secure.load(uuid).await.map_err(|refusal| {
            self.note(&format!(
                "teebox: cannot load {uuid}.ta: {}",
                refusal.reason
            ));
            if !refusal.hint.is_empty() {
                self.note(&format!("hint: {}", refusal.hint));
            }
            refusal.result
        })
    }

    /// Gives an instance the library that it needs.
    async fn give_library(self: Rc<Self>, id: InstanceId, uuid: Uuid) {
        let image = self.image(uuid).await;
        let Some(control) = self.control(id) else {
            return;
        };
        // An instance that does not take it waits in vain, and ends with its client's patience.
        let _ = match image {
            Ok(image) => {
                let order = InstanceOrder::Library { len: image.len };
                control.get_ref().try_send(&order, &[image.memory.as_fd()])
            }
            Err(result) => {
                let order = InstanceOrder::NoLibrary { result };
                control.get_ref().try_send(&order, &[])
            }
        };
    }

    fn spawn(&self, id: InstanceId, uuid: Uuid) -> io::Result<Rc<AsyncFd<Socket>>> {
        let (control, theirs) = Socket::pair()?;
        let (core, their_core) = UnixStream::pair()?;
        let launch = Launch {
            program: Arc::clone(&self.program),
            args: Vec::new(),
            fds: vec![theirs.into(), their_core.into()],
            stderr: self.log.try_clone()?,
        };
        let process = self.spawner.spawn(launch).map_err(io::Error::other)?;
        self.secure.adopt(id, uuid, core);
        let control = Rc::new(watched(control)?);
        let live = Live {
            uuid,
            control: Rc::clone(&control),
            process,
            ending: false,
        };
        self.live.borrow_mut().insert(id, live);
        Ok(control)
    }

    /// Hears what the instances of a TA have said so far.
    fn hear_instances_of(self: &Rc<Self>, uuid: Uuid) {
        let ids = self.table.borrow().instances_of(uuid);
        for id in ids {
            self.hear(id);
        }
    }

    /// Hears what an instance has said so far; `false` when it will say no more.
    fn hear(self: &Rc<Self>, id: InstanceId) -> bool {
        let Some(control) = self.control(id) else {
            return false;
        };
        loop {
            match control.get_ref().try_receive::<InstanceEvent>() {
                Ok(packet) => self.heard(id, packet.message),
                Err(ReceiveError::Empty) => return true,
                Err(_) => {
                    self.crashed(id);
                    return false;
                }
            }
        }
    }

    fn heard(self: &Rc<Self>, id: InstanceId, event: InstanceEvent) {
        match event {
            InstanceEvent::Loaded { result, flags, .. } if result.is_success() => {
                if self.table.borrow().is_loading(id) {
                    self.table.borrow_mut().loaded(id, flags);
                }
            }
            InstanceEvent::Loaded { result, reason, .. } => {
                self.failures.borrow_mut().insert(id, result);
                if let Some(live) = self.live.borrow_mut().get_mut(&id) {
                    live.ending = true;
                    self.note(&format!("teebox: cannot load {}.ta: {reason}", live.uuid));
                }
                self.crashed(id);
            }
            InstanceEvent::NeedsLibrary { uuid } => {
                tokio::task::spawn_local(Rc::clone(self).give_library(id, uuid));
            }
            InstanceEvent::Closed { session } => self.closed(id, session),
            InstanceEvent::Panicked {
                modules,
                call_stack,
            } => {
                for line in self.symbols.decode(&modules, &call_stack) {
                    self.note(&line);
                }
                if let Some(live) = self.live.borrow_mut().get_mut(&id) {
                    live.ending = true;
                }
                self.crashed(id);
            }
        }
        self.changed.notify_waiters();
    }

    fn closed(&self, id: InstanceId, session: u32) {
        if self.table.borrow_mut().closed(id, session) {
            self.secure.gone(id);
            if let Some(live) = self.live.borrow_mut().get_mut(&id) {
                live.ending = true;
                // An instance that is gone already needs no order.
                let _ = live
                    .control
                    .get_ref()
                    .try_send(&InstanceOrder::Shutdown, &[]);
            }
        }
        self.changed.notify_waiters();
    }

    /// An instance serves no more sessions.
    fn crashed(&self, id: InstanceId) {
        self.table.borrow_mut().crashed(id);
        self.secure.gone(id);
        self.changed.notify_waiters();
    }

    /// Forgets an instance that never got so far as to be watched.
    fn forget(&self, id: InstanceId) {
        self.crashed(id);
        self.live.borrow_mut().remove(&id);
    }

    /// Reaps an instance that has closed its socket: its process is about to end.
    fn reap(&self, id: InstanceId) {
        let Some(mut live) = self.live.borrow_mut().remove(&id) else {
            return;
        };
        // It has nothing left to say, so it has nothing left to do.
        let ended = live.process.try_wait().ok().flatten();
        if live.ending {
            return;
        }
        let how = match ended {
            Some(Ended::Exited(code)) => format!("exited with code {code}"),
            Some(ended @ Ended::Killed(_)) if ended.is_forbidden_call() => {
                "was ended by the system-call filter".to_owned()
            }
            Some(Ended::Killed(signal)) => format!("was killed by signal {signal}"),
            None => "closed its channel".to_owned(),
        };
        self.note(&format!("teebox: the instance of TA {} {how}", live.uuid));
    }
}

/// Hears an instance until it ends.
async fn watch(world: Rc<World>, id: InstanceId, control: Rc<AsyncFd<Socket>>) {
    loop {
        let Ok(mut guard) = control.readable().await else {
            break;
        };
        guard.clear_ready();
        if !world.hear(id) {
            break;
        }
    }
    world.crashed(id);
    world.reap(id);
}
