//! The TA-instance process: one TA, one thread, its sessions.
//!
//! ```text
//! daemon ── control socket (orders, events) ──┐
//!        ── core stream (SecureCore) ─────────┤ instance ── guest
//! clients ── one page and socket a session ───┘
//! ```
//! It locks itself down before it looks at the first byte of a TA. It trusts nobody: a client may
//! write anything into its page, the TA may do anything it can. It dies rather than goes on when
//! the daemon is gone or something of ours is broken.

mod core_link;
mod server;
mod world;

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use platform_linux::{LinuxPlatform, LinuxSpace, Policy, lock_down};
use ta_loader::plan::PlanError;
use ta_loader::program::ProgramError;
use ta_loader::{LoadPlan, Machine, Program};
use tee_abi::wire::{InstanceEvent, InstanceOrder};
use tee_abi::{TeeResult, Uuid};
use tee_channel::{Memory, Socket, duplicate};
use tee_shim::{Config, Instance};

use core_link::CoreLink;
pub use core_link::{FRAME_MAX, frame};
use server::Server;
use world::{DaemonHost, DaemonWorld};

/// The name that this program is started under to be an instance.
pub const NAME: &str = "teebox-ta";

/// The argument by which an instance may not do without a layer of the sandbox.
pub const STRICT: &str = "strict";

/// Where an instance finds its control socket.
const CONTROL: i32 = 3;

/// Where an instance finds the stream to the secure world.
const CORE: i32 = 4;

/// Why an instance ends other than by its daemon's order.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("a descriptor is missing: {0}")]
    Descriptor(#[from] std::io::Error),
    #[error(transparent)]
    Sandbox(#[from] platform_linux::LockDownError),
    #[error("the daemon broke the protocol: {0}")]
    Protocol(#[from] tee_channel::ReceiveError),
    #[error("the daemon gave an order out of turn")]
    Order,
}

/// Runs the instance of this process.
#[must_use]
pub fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let strict = arguments.any(|argument| argument == STRICT);
    match run(if strict { Policy::Strict } else { Policy::Auto }) {
        Ok(()) | Err(Broken::Protocol(tee_channel::ReceiveError::Closed)) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("teebox: TA instance: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run(policy: Policy) -> Result<(), Broken> {
    let (control, core) = (duplicate(CONTROL)?, duplicate(CORE)?);
    lock_down(policy, &[control.as_fd(), core.as_fd()])?;
    let control = Socket::from(control);
    let order = control.receive::<InstanceOrder>()?;
    let InstanceOrder::Load {
        uuid,
        len,
        budget,
        log_level,
        device_id,
    } = order.message
    else {
        return Err(Broken::Order);
    };
    let config = Config {
        uuid,
        flags: 0,
        budget,
        log_level,
        aslr: true,
        device_id,
    };
    let main = (uuid, read(order.fds, len)?);
    let world = DaemonWorld::new(CoreLink::new(core));
    match load(main, config, world, &control) {
        Ok((guest, flags)) => {
            let (result, reason) = (TeeResult::SUCCESS, String::new());
            let event = InstanceEvent::Loaded {
                result,
                flags,
                reason,
            };
            control.send(&event, &[])?;
            Server::new(control, guest).run()
        }
        Err(Unloadable::Refused(result, reason)) => {
            let event = InstanceEvent::Loaded {
                result,
                flags: 0,
                reason,
            };
            Ok(control.send(&event, &[])?)
        }
        Err(Unloadable::Broken(broken)) => Err(broken),
    }
}

/// The bytes behind the only descriptor of an order.
fn read(fds: Vec<OwnedFd>, len: u64) -> Result<Vec<u8>, Broken> {
    let [image] = <[OwnedFd; 1]>::try_from(fds).map_err(|_| Broken::Order)?;
    let memory = Memory::from_fd(image).map_err(|_| Broken::Order)?;
    let mapping = memory.map()?;
    let len = usize::try_from(len).map_err(|_| Broken::Order)?;
    if len > mapping.len() {
        return Err(Broken::Order);
    }
    let mut bytes = vec![0; len];
    let _ = mapping.read(0, &mut bytes);
    Ok(bytes)
}

/// Why there is no guest.
enum Unloadable {
    /// The TA is at fault: what the client sees, and why.
    Refused(TeeResult, String),
    /// The daemon is.
    Broken(Broken),
}

impl From<Broken> for Unloadable {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Makes a refusal of an error.
fn refused<E: std::fmt::Display>(result: impl Fn(&E) -> TeeResult) -> impl Fn(E) -> Unloadable {
    move |error| Unloadable::Refused(result(&error), error.to_string())
}

/// A module's bytes, and the UUID it is known by.
type Image = (Uuid, Vec<u8>);

/// Loads the TA with its libraries, and tells its flags.
fn load(
    main: Image,
    config: Config,
    world: DaemonWorld,
    control: &Socket,
) -> Result<(Instance<DaemonHost>, u32), Unloadable> {
    let mut images = vec![main];
    while let Some(missing) = link(&images)?.missing() {
        images.push((missing, fetch(control, missing)?));
    }
    let mut program = link(&images)?;
    let plan = program.modules().first().map(|module| &module.plan);
    let head = plan.and_then(|plan| plan.head().copied());
    let machine = plan.map_or(Machine::AArch64, LoadPlan::machine);
    let regs = crate::world::registers(machine)
        .map_err(|error| Unloadable::Refused(TeeResult::ERROR_NOT_SUPPORTED, error.what))?;
    let no_memory = |_: &_| TeeResult::ERROR_OUT_OF_MEMORY;
    let space = LinuxSpace::new().map_err(refused(no_memory))?;
    let no_memory = |_: &_| TeeResult::ERROR_OUT_OF_MEMORY;
    let platform = LinuxPlatform::with_stderr().map_err(refused(no_memory))?;
    let cpu = cpu_engine::Engine::new(cpu_engine::Options::default());
    let mut guest = Instance::new(cpu, regs, space, platform, world, config);
    guest
        .load(&mut program)
        .map_err(refused(tee_shim::LoadError::result))?;
    Ok((guest, head.map_or(0, |head| head.flags)))
}

/// The program of a TA, first, and the libraries that are there so far.
fn link(images: &[Image]) -> Result<Program<'_>, Unloadable> {
    let mut images = images.iter();
    let Some((uuid, image)) = images.next() else {
        return Err(Broken::Order.into());
    };
    let plan = LoadPlan::main(image).map_err(refused(PlanError::result))?;
    plan.check_uuid(*uuid).map_err(refused(PlanError::result))?;
    let mut program = Program::new(*uuid, plan);
    for (uuid, image) in images {
        let plan = LoadPlan::library(image).map_err(refused(PlanError::result))?;
        program
            .add_library(*uuid, plan)
            .map_err(refused(ProgramError::result))?;
    }
    Ok(program)
}

/// A library, from the daemon.
fn fetch(control: &Socket, uuid: Uuid) -> Result<Vec<u8>, Unloadable> {
    let event = InstanceEvent::NeedsLibrary { uuid };
    control.send(&event, &[]).map_err(Broken::from)?;
    let order = control.receive().map_err(Broken::from)?;
    match order.message {
        InstanceOrder::Library { len } => Ok(read(order.fds, len)?),
        InstanceOrder::NoLibrary { result } => {
            let reason = format!("it needs library {uuid}, which cannot be loaded");
            Err(Unloadable::Refused(result, reason))
        }
        _ => Err(Broken::Order.into()),
    }
}
