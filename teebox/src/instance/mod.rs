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

use std::os::fd::AsFd;
use std::process::ExitCode;

use platform_linux::{LinuxPlatform, LinuxSpace, Policy, lock_down};
use ta_loader::{LoadPlan, Program};
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
    let (InstanceOrder::Load { uuid, len, budget }, [image]) =
        (order.message, <[_; 1]>::try_from(order.fds).map_err(|_| Broken::Order)?)
    else {
        return Err(Broken::Order);
    };
    let config = Config {
        uuid,
        flags: 0,
        budget,
        aslr: true,
        device_id: Uuid::NIL,
    };
    let image = read(image, len)?;
    let loaded = load(&image, config, DaemonWorld::new(CoreLink::new(core.into())));
    match loaded {
        Ok((guest, flags)) => {
            let (result, reason) = (TeeResult::SUCCESS, String::new());
            control.send(&InstanceEvent::Loaded { result, flags, reason }, &[])?;
            Server::new(control, guest).run()
        }
        Err((result, reason)) => {
            let event = InstanceEvent::Loaded { result, flags: 0, reason };
            Ok(control.send(&event, &[])?)
        }
    }
}

fn read(image: std::os::fd::OwnedFd, len: u64) -> Result<Vec<u8>, Broken> {
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

type Refused = (TeeResult, String);

fn load(
    image: &[u8],
    config: Config,
    world: DaemonWorld,
) -> Result<(Instance<DaemonHost>, u32), Refused> {
    let uuid = config.uuid;
    let refused =
        |result: TeeResult| move |error: &dyn std::fmt::Display| (result, error.to_string());
    let plan = LoadPlan::main(image).map_err(|error| refused(error.result())(&error))?;
    plan.check_uuid(uuid).map_err(|error| refused(error.result())(&error))?;
    let flags = plan.head().map_or(0, |head| head.flags);
    let regs = crate::world::registers(plan.machine())
        .map_err(|error| (TeeResult::ERROR_NOT_SUPPORTED, error.what))?;
    let memory = refused(TeeResult::ERROR_OUT_OF_MEMORY);
    let space = LinuxSpace::new().map_err(|error| memory(&error))?;
    let platform = LinuxPlatform::with_stderr().map_err(|error| memory(&error))?;
    let cpu = cpu_engine::Engine::new(cpu_engine::Options::default());
    let mut guest = Instance::new(cpu, regs, space, platform, world, config);
    let mut program = Program::new(uuid, plan);
    guest.load(&mut program).map_err(|error| refused(error.result())(&error))?;
    Ok((guest, flags))
}
