//! Sessions: the way to one TA.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tee_abi::channel::{FUNC_CLOSE, FUNC_INVOKE, FUNC_OPEN, MEMORY_MAX};
use tee_abi::client::PARAM_COUNT;
use tee_abi::{Origin, TeeResult};
use tee_channel::{Call, Caller, Canceller, Gone, Param as WireParam, Reply};

use crate::memory::{Inner, Pool, SharedMemory};
use crate::operation::{NO_PARAMS, Outcome, Param, Params};
use crate::stage::{Places, Stage, arrange};

/// An open session. Calls from several threads take turns. Dropping it closes it without waiting.
pub struct Session {
    id: u32,
    pool: Arc<Pool>,
    canceller: Canceller,
    turn: Mutex<Turn>,
}

/// What a thread holds while it calls.
struct Turn {
    caller: Caller,
    stage: Stage,
    attached: BTreeMap<u32, Weak<Inner>>,
    releases: u64,
}

/// Why a call did not get through.
enum Obstacle {
    /// The instance died.
    Gone,
    /// The client named memory that it may not name.
    BadMemory,
    /// There is no memory for copies.
    NoMemory,
}

impl From<Gone> for Obstacle {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<std::io::Error> for Obstacle {
    fn from(_: std::io::Error) -> Self {
        Self::NoMemory
    }
}

impl Session {
    pub(crate) fn new(id: u32, pool: Arc<Pool>, caller: Caller) -> Self {
        let turn = Turn {
            stage: Stage::default(),
            attached: BTreeMap::new(),
            releases: pool.releases(),
            caller,
        };
        Self {
            id,
            pool,
            canceller: turn.caller.canceller(),
            turn: Mutex::new(turn),
        }
    }

    /// Its number, unique in the world while the session lives.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn open(&self, params: &Params<'_>) -> Outcome {
        self.call(FUNC_OPEN, 0, params)
    }

    /// Invokes a command. Every call after the TA died ends with `ERROR_TARGET_DEAD`.
    pub fn invoke(&self, command: u32, params: &Params<'_>) -> Outcome {
        self.call(FUNC_INVOKE, command, params)
    }

    /// Asks to cancel what is under way, from another thread. The TA decides what it makes of it.
    pub fn request_cancellation(&self) {
        self.canceller.cancel();
    }

    /// Closes the session and waits until the TA has done so.
    pub fn close(&self) {
        // A TA that is dead needs no closing.
        let _ = self.call(FUNC_CLOSE, 0, &NO_PARAMS);
    }

    fn call(&self, func: u32, command: u32, params: &Params<'_>) -> Outcome {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.exchange(&mut turn, func, command, params) {
            Ok(reply) => Outcome {
                result: reply.result,
                origin: reply.origin,
                params: reply.params,
            },
            Err(obstacle) => {
                let (result, origin) = match obstacle {
                    Obstacle::Gone => (TeeResult::ERROR_TARGET_DEAD, Origin::Tee),
                    Obstacle::BadMemory => (TeeResult::ERROR_BAD_PARAMETERS, Origin::Comms),
                    Obstacle::NoMemory => (TeeResult::ERROR_OUT_OF_MEMORY, Origin::Comms),
                };
                Outcome::failed(result, origin, params)
            }
        }
    }

    fn exchange(
        &self,
        turn: &mut MutexGuard<'_, Turn>,
        func: u32,
        command: u32,
        params: &Params<'_>,
    ) -> Result<Reply, Obstacle> {
        self.detach_released(turn)?;
        let (places, len) = arrange(params);
        let len = len.ok_or(Obstacle::NoMemory)?;
        self.make_room(turn, len)?;
        let mut wire = [WireParam::None; PARAM_COUNT];
        for ((wire, param), place) in wire.iter_mut().zip(params).zip(places) {
            *wire = self.prepare(turn, param, place)?;
        }
        let call = Call {
            func,
            command,
            params: wire,
        };
        let reply = turn.caller.call(&call)?;
        bring_back(turn, params, &places);
        if let Some(number) = turn.stage.shrink() {
            turn.caller.detach(number)?;
        }
        Ok(reply)
    }

    fn detach_released(&self, turn: &mut Turn) -> Result<(), Gone> {
        let releases = self.pool.releases();
        if turn.releases == releases {
            return Ok(());
        }
        turn.releases = releases;
        let gone = turn
            .attached
            .extract_if(.., |_, memory| memory.strong_count() == 0);
        let gone: Vec<u32> = gone.map(|(number, _)| number).collect();
        for number in gone {
            turn.caller.detach(number)?;
        }
        Ok(())
    }

    fn make_room(&self, turn: &mut Turn, len: u64) -> Result<(), Obstacle> {
        if len == 0 || turn.stage.holds(len) {
            return Ok(());
        }
        let number = self.pool.number();
        let Turn { stage, caller, .. } = turn;
        let old = stage.replace(number, len)?;
        if let Some((_, backing)) = stage.current() {
            caller.attach(number, &backing.memory.as_fd())?;
        }
        if let Some(old) = old {
            caller.detach(old)?;
        }
        Ok(())
    }

    fn prepare(
        &self,
        turn: &mut Turn,
        param: &Param<'_>,
        place: Option<u64>,
    ) -> Result<WireParam, Obstacle> {
        Ok(match *param {
            Param::None => WireParam::None,
            Param::Value { direction, a, b } => WireParam::Value { direction, a, b },
            Param::Null { direction } => WireParam::Memref {
                direction,
                memory: None,
                offset: 0,
                size: 0,
            },
            Param::Temp { direction, buffer } => {
                let (stage, at) = turn.stage.current().zip(place).ok_or(Obstacle::NoMemory)?;
                buffer.load(0, buffer.len(), &stage.1.mapping, at as usize);
                WireParam::Memref {
                    direction,
                    memory: Some(stage.0),
                    offset: at,
                    size: buffer.len() as u64,
                }
            }
            Param::Shared {
                direction,
                memory,
                offset,
                size,
            } => {
                self.attach(turn, memory, offset, size)?;
                memory.0.load(offset, size)?;
                WireParam::Memref {
                    direction,
                    memory: Some(memory.0.number),
                    offset: memory.0.base().saturating_add(offset),
                    size,
                }
            }
        })
    }

    fn attach(
        &self,
        turn: &mut Turn,
        memory: &SharedMemory,
        offset: u64,
        size: u64,
    ) -> Result<(), Obstacle> {
        let end = offset.checked_add(size);
        if !memory.is_of(&self.pool) || end.is_none_or(|end| end > memory.size()) {
            return Err(Obstacle::BadMemory);
        }
        let number = memory.0.number;
        if turn.attached.contains_key(&number) {
            return Ok(());
        }
        // One place is the stage's, and one its successor's.
        if turn.attached.len() + 2 >= MEMORY_MAX {
            return Err(Obstacle::NoMemory);
        }
        turn.caller.attach(number, &memory.0.fd()?)?;
        turn.attached.insert(number, Arc::downgrade(&memory.0));
        Ok(())
    }
}

/// Copies outputs back to the client.
fn bring_back(turn: &Turn, params: &Params<'_>, places: &Places) {
    for (param, place) in params.iter().zip(places) {
        match *param {
            Param::Temp { direction, buffer } if direction.is_output() => {
                if let Some(((_, backing), at)) = turn.stage.current().zip(*place) {
                    buffer.store(0, buffer.len(), &backing.mapping, at as usize);
                }
            }
            Param::Shared {
                direction,
                memory,
                offset,
                size,
            } if direction.is_output() => memory.0.store(offset, size),
            _ => {}
        }
    }
}
