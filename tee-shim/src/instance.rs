//! A Trusted Application instance: all of its state on one owned value, and its three entries.
//!
//! ```text
//! open_session / invoke / close_session
//!    map parameters ─▶ enter the TA ─▶ run ─▶ syscall ─▶ dispatch ─┐
//!                                       ▲─────────────────────────┘
//!                                       └─▶ RETURN, panic, abort ─▶ outputs, unmap
//! ```
//! TAs are single-threaded: one entry runs at a time, on the caller's thread.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use litebox::mm::MmSnapshot;
use litebox::{
    AddressSpace, Cpu, Exit, Label, MapError, Mm, PAGE_SIZE, Placement, Platform, Prot, Registers,
};
use tee_abi::layout::UTEE_PARAMS_SIZE;
use tee_abi::param::Identity;
use tee_abi::ta::EntryFunc;
use tee_abi::{Origin, TeeResult, Uuid};

use crate::cryp::CrypState;
use crate::dispatch::Trap;
use crate::dump::{Cause, Dump};
use crate::params::{self, Params};
use crate::storage::Enumerators;
use crate::world::World;

/// Lowest address of a TA's mappings, as on OP-TEE's 64-bit platforms.
pub(crate) const VA_BASE: u64 = 0x4000_0000;
/// Address space layout randomisation: the number of pages the load address varies over.
const ASLR_PAGES: u64 = 128;

/// Region labels.
pub(crate) const LABEL_STACK: Label = 1;
pub(crate) const LABEL_PARAM: Label = 2;
pub(crate) const LABEL_LDELF: Label = 3;
/// The first ELF's segments; the second's carry one more, and so on.
pub(crate) const LABEL_ELF: Label = 16;

/// The South and the surroundings that an instance stands on, chosen by type.
pub trait Host {
    /// The processor.
    type Cpu: Cpu;
    /// Memory, time, entropy, log.
    type Platform: Platform<Space: AddressSpace<Shared: PartialEq>>;
    /// The secure world, the caller, other TAs.
    type World: World<Shared = SharedOf<Self>>;
    /// Cryptography.
    type Crypto: tee_crypto::Crypto;
}

/// Shared memory of a host.
pub type SharedOf<H> = <<<H as Host>::Platform as Platform>::Space as AddressSpace>::Shared;

/// What an entry came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result the caller sees.
    pub result: TeeResult,
    /// Who says so.
    pub origin: Origin,
}

impl Outcome {
    pub(crate) const fn tee(result: TeeResult) -> Self {
        Self {
            result,
            origin: Origin::Tee,
        }
    }
}

/// How an instance is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The TA's identity.
    pub uuid: Uuid,
    /// `TA_FLAG_*`.
    pub flags: u32,
    /// Instructions an entry may run for; `None` for no limit.
    pub budget: Option<u64>,
    /// Most verbose level of the TA's log that is printed: 1 error, 2 info, 3 debug, 4 flow.
    pub log_level: u8,
    /// Whether the load address is randomised.
    pub aslr: bool,
    /// SHA-256 of `OPTEE` and the die id, from which `gpd.tee.deviceID` is made.
    pub device_id: Uuid,
}

/// An open session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) client: Identity,
    pub(crate) cancel_masked: bool,
}

/// What changes while an instance lives, besides registers and memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) sessions: BTreeMap<u32, Session>,
    /// The session whose entry runs.
    pub(crate) current: Option<u32>,
    /// Sessions to other TAs.
    pub(crate) open_sessions: BTreeSet<u32>,
    /// Objects and operations.
    pub(crate) cryp: CrypState,
    /// Listings of stored objects.
    pub(crate) enumerators: Enumerators,
    /// What was logged as unsupported: each name is logged once.
    pub(crate) reported: BTreeSet<&'static str>,
    pub(crate) panicked: bool,
}

/// Where the TA lies in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) entry: u64,
    pub(crate) stack_low: u64,
    pub(crate) stack_top: u64,
    /// Loaded ELFs with their load addresses, the TA itself first.
    pub(crate) elves: Vec<(Uuid, u64)>,
}

/// A Trusted Application instance.
pub struct Instance<H: Host> {
    pub(crate) cpu: H::Cpu,
    pub(crate) regs: <H::Cpu as Cpu>::Regs,
    pub(crate) mm: Mm<<H::Platform as Platform>::Space>,
    pub(crate) platform: H::Platform,
    pub(crate) world: H::World,
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) state: State,
    pub(crate) dump: Option<Dump>,
}

/// A moment of an instance, between entries. Objects and handles that live in the secure world are
/// not part of it.
pub struct InstanceSnapshot<H: Host> {
    regs: <H::Cpu as Cpu>::Regs,
    mm: MmSnapshot<SharedOf<H>>,
    layout: Layout,
    state: State,
}

/// Why an entry stopped running.
enum Stop {
    Returned(u32),
    Died(Cause),
}

impl<H: Host> Instance<H> {
    /// An instance with nothing loaded.
    pub fn new(
        cpu: H::Cpu,
        regs: <H::Cpu as Cpu>::Regs,
        space: <H::Platform as Platform>::Space,
        platform: H::Platform,
        world: H::World,
        config: Config,
    ) -> Self {
        Self {
            cpu,
            regs,
            mm: Mm::new(space),
            platform,
            world,
            config,
            layout: Layout::default(),
            state: State::default(),
            dump: None,
        }
    }

    /// Opens a session: `TA_CreateEntryPoint` before the first, `TA_OpenSessionEntryPoint`.
    pub fn open_session(
        &mut self,
        session: u32,
        client: Identity,
        params: &mut Params<SharedOf<H>>,
    ) -> Outcome {
        if self.state.panicked {
            return Outcome::tee(TeeResult::ERROR_TARGET_DEAD);
        }
        self.state.sessions.insert(
            session,
            Session {
                client,
                cancel_masked: true,
            },
        );
        let outcome = self.enter(session, EntryFunc::OpenSession, 0, params);
        if !outcome.result.is_success() {
            self.state.sessions.remove(&session);
        }
        outcome
    }

    /// Invokes a command: `TA_InvokeCommandEntryPoint`.
    pub fn invoke(
        &mut self,
        session: u32,
        command: u32,
        params: &mut Params<SharedOf<H>>,
    ) -> Outcome {
        if self.state.panicked {
            return Outcome::tee(TeeResult::ERROR_TARGET_DEAD);
        }
        if !self.state.sessions.contains_key(&session) {
            return Outcome::tee(TeeResult::ERROR_ITEM_NOT_FOUND);
        }
        self.enter(session, EntryFunc::InvokeCommand, command, params)
    }

    /// Closes a session: `TA_CloseSessionEntryPoint`, and `TA_DestroyEntryPoint` after the last of
    /// an instance that is not kept alive.
    pub fn close_session(&mut self, session: u32) -> Outcome {
        if !self.state.sessions.contains_key(&session) {
            return Outcome::tee(TeeResult::ERROR_ITEM_NOT_FOUND);
        }
        if !self.state.panicked {
            let _ = self.enter(session, EntryFunc::CloseSession, 0, &mut Params::default());
        }
        self.state.sessions.remove(&session);
        Outcome::tee(TeeResult::SUCCESS)
    }

    /// Whether the TA has panicked or aborted: every further entry answers
    /// `TEE_ERROR_TARGET_DEAD`.
    pub const fn is_dead(&self) -> bool {
        self.state.panicked
    }

    /// Number of open sessions.
    pub fn session_count(&self) -> usize {
        self.state.sessions.len()
    }

    /// What the TA died of, once.
    pub const fn take_dump(&mut self) -> Option<Dump> {
        self.dump.take()
    }

    /// The surroundings.
    pub const fn world(&self) -> &H::World {
        &self.world
    }

    /// The surroundings.
    pub const fn world_mut(&mut self) -> &mut H::World {
        &mut self.world
    }

    /// The host's memory, for making shared memory.
    pub const fn space_mut(&mut self) -> &mut <H::Platform as Platform>::Space {
        self.mm.space_mut()
    }

    /// This moment, to come back to.
    ///
    /// # Errors
    /// `TEE_ERROR_GENERIC` when the South does not hold what the book lists.
    pub fn snapshot(&self) -> Result<InstanceSnapshot<H>, TeeResult> {
        Ok(InstanceSnapshot {
            regs: self.regs.clone(),
            mm: self.mm.snapshot().map_err(|_| TeeResult::ERROR_GENERIC)?,
            layout: self.layout.clone(),
            state: self.state.clone(),
        })
    }

    /// Goes back to a moment of this instance.
    ///
    /// # Errors
    /// When the host refuses a mapping; the instance is then dead.
    pub fn restore(&mut self, snapshot: &InstanceSnapshot<H>) -> Result<(), MapError> {
        self.state = snapshot.state.clone();
        self.regs = snapshot.regs.clone();
        self.layout = snapshot.layout.clone();
        self.dump = None;
        self.mm
            .restore(&snapshot.mm)
            .inspect_err(|_| self.state.panicked = true)
    }

    fn enter(
        &mut self,
        session: u32,
        func: EntryFunc,
        command: u32,
        params: &mut Params<SharedOf<H>>,
    ) -> Outcome {
        let mapped = match params::map(&mut self.mm, params) {
            Ok(mapped) => mapped,
            Err(error) => return Outcome::tee(error),
        };
        let room = (UTEE_PARAMS_SIZE as u64).next_multiple_of(16);
        let at = self.layout.stack_top.saturating_sub(room);
        let outcome = match mapped.store(&mut self.mm, at) {
            Ok(()) => self.run_entry(session, func, command, at),
            Err(error) => Outcome::tee(error),
        };
        params::update(&self.mm, at, params);
        params::unmap(&mut self.mm, &mapped);
        if let Some(session) = self.state.sessions.get_mut(&session) {
            session.cancel_masked = true;
        }
        outcome
    }

    fn run_entry(&mut self, session: u32, func: EntryFunc, command: u32, at: u64) -> Outcome {
        let outer = self.state.current.replace(session);
        let args = [func as u64, u64::from(session), at, u64::from(command)];
        self.regs.enter(self.layout.entry, at, args);
        let outcome = match self.run() {
            Stop::Returned(code) => Outcome {
                result: TeeResult(code),
                origin: Origin::TrustedApp,
            },
            Stop::Died(cause) => {
                self.state.panicked = true;
                self.report_death(cause);
                Outcome::tee(TeeResult::ERROR_TARGET_DEAD)
            }
        };
        self.state.current = outer;
        outcome
    }

    fn run(&mut self) -> Stop {
        let mut budget = self.config.budget.unwrap_or(u64::MAX);
        loop {
            let exit = self
                .cpu
                .run(&mut self.regs, self.mm.space_mut(), &mut budget);
            if exit != Exit::Syscall {
                return Stop::Died(Cause::Exit(exit));
            }
            let frame = match self.regs.syscall(self.mm.space()) {
                Ok(frame) => frame,
                Err(fault) => return Stop::Died(Cause::Exit(Exit::fault(self.regs.pc(), fault))),
            };
            let result = match self.dispatch(frame) {
                Ok(()) => TeeResult::SUCCESS,
                Err(Trap::Error(error)) => error,
                Err(Trap::Return(code)) => return Stop::Returned(code),
                Err(Trap::Panic(code)) => return Stop::Died(Cause::Panic(code)),
            };
            self.regs.set_result(u64::from(result.0));
        }
    }

    /// The session whose entry runs; a defect of ours when there is none.
    pub(crate) fn session(&mut self) -> Result<&mut Session, Trap> {
        let current = self.state.current.ok_or(TeeResult::ERROR_BAD_STATE)?;
        self.state
            .sessions
            .get_mut(&current)
            .ok_or(Trap::Error(TeeResult::ERROR_BAD_STATE))
    }

    pub(crate) fn sys_return(&mut self, ret: u64) -> crate::SysResult {
        Err(Trap::Return(ret as u32))
    }

    pub(crate) fn panic(&mut self, code: u64, _frame: u64) -> crate::SysResult {
        Err(Trap::Panic(code as u32))
    }

    /// Maps the stack with a guard page on each side.
    pub(crate) fn map_stack(&mut self, size: u32) -> Result<(), MapError> {
        let place = Placement::Above {
            hint: VA_BASE,
            guard: PAGE_SIZE,
        };
        let len = litebox::mm::page_up(u64::from(size)).ok_or(MapError::BadRange)?;
        let low = self.mm.map(place, len, Prot::RW, LABEL_STACK)?;
        self.layout.stack_low = low;
        self.layout.stack_top = low + len;
        Ok(())
    }

    /// Where the search for an ELF's load address starts.
    pub(crate) fn load_hint(&mut self) -> u64 {
        if !self.config.aslr {
            return VA_BASE;
        }
        let mut word = [0; 8];
        self.platform.random(&mut word);
        VA_BASE + u64::from_le_bytes(word) % ASLR_PAGES * PAGE_SIZE
    }
}
