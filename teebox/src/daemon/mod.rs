//! The daemon: a world's control plane.
//!
//! ```text
//! listener ─▶ clients.rs    a task a client: who it is, which TA it wants
//!                │
//!                ▼
//!            instances.rs   a task an instance: started, joined, ended      table.rs  who serves whom
//!                │
//!                ▼
//!            secure.rs      a thread: tee-core, TA files ─▶ supplicant.rs   a process: files
//! ```
//! One thread serves clients and instances; it never waits for any of them, and calls into a TA do
//! not pass through it. Everything that a client or an instance says is hostile.
//!
//! What an instance told the daemon before it answered its client is known before that client's
//! next request is served: the daemon reads the instance's events first.

mod clients;
mod home;
mod identity;
mod instances;
mod readiness;
mod run;
mod secure;
mod serve;
pub mod supplicant;
mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use platform_linux::{Policy, Program, Spawner};
use tee_abi::{TeeResult, Uuid};
use tee_channel::Socket;
use tee_core::TeeCore;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::cli::WorldOptions;
use crate::error::CliError;
use crate::secure::{WorldCrypto, device, device_id};
use crate::symbols::SymbolPath;
use crate::trust::trust;

pub use run::run;
pub use serve::serve;

use instances::Live;
use secure::Secure;
use supplicant::SupplicantProcess;
use table::{InstanceId, Table};

/// How long sessions may take to close once their clients are gone.
const GRACE: Duration = Duration::from_secs(2);

/// A world. Dropping it ends its instances and its supplicant.
struct World {
    table: RefCell<Table>,
    live: RefCell<BTreeMap<InstanceId, Live>>,
    /// Why instances could not be loaded, for those who wait for them.
    failures: RefCell<BTreeMap<InstanceId, TeeResult>>,
    changed: Notify,
    spawner: Spawner,
    program: Arc<Program>,
    log: OwnedFd,
    symbols: SymbolPath,
    budget: Option<u64>,
    log_level: u8,
    device_id: Uuid,
    // The channel to the supplicant goes before its process.
    secure: Secure,
    _supplicant: SupplicantProcess,
}

/// Refuses a strict world on a machine that lacks a layer, before anything is started.
fn check_layers(policy: Policy) -> Result<(), CliError> {
    if policy != Policy::Strict {
        return Ok(());
    }
    let report = platform_linux::probe_all()
        .map_err(|error| CliError::host(format!("cannot try the sandbox: {error}"), ""))?;
    match report.missing().next() {
        None => Ok(()),
        Some((layer, why)) => Err(CliError::host(
            format!("the sandbox lacks {layer}: {why}"),
            format!(
                "{}; without --sandbox strict TAs run in the layers that are there",
                layer.remedy()
            ),
        )),
    }
}

impl World {
    /// Starts what a world has once.
    fn start(options: &WorldOptions) -> Result<Self, CliError> {
        let host = |error: &dyn std::fmt::Display| CliError::host(error.to_string(), "");
        let trust = trust(options)?;
        let device = device(options)?;
        let log = crate::world::log_descriptor(options)?;
        let config = crate::world::supplicant_config(options);
        let policy = Policy::from(options.sandbox);
        check_layers(policy)?;
        let (supplicant, channel) = SupplicantProcess::start(&config)?;
        let core = TeeCore::new(channel, WorldCrypto::new()?, &device);
        Ok(Self {
            table: RefCell::default(),
            live: RefCell::default(),
            failures: RefCell::default(),
            changed: Notify::new(),
            spawner: Spawner::start(policy).map_err(|error| host(&error))?,
            program: Arc::new(instances::program(policy).map_err(|error| host(&error))?),
            log,
            symbols: crate::world::symbol_path(options),
            budget: options.budget,
            log_level: options.ta_log_level,
            device_id: device_id(&device),
            secure: Secure::start(core, trust).map_err(|error| host(&error))?,
            _supplicant: supplicant,
        })
    }

    /// A line in the world's log.
    fn note(&self, line: &str) {
        use std::io::Write;
        let Ok(log) = self.log.try_clone() else {
            return;
        };
        // A log that cannot be written loses the line.
        let _ = std::fs::File::from(log).write_all(format!("{line}\n").as_bytes());
    }

    /// Waits until every session is closed, for a while.
    async fn settle(&self) {
        let quiet = async {
            loop {
                let changed = self.changed.notified();
                if self.table.borrow().session_count() == 0 {
                    return;
                }
                changed.await;
            }
        };
        // Sessions that take longer end with their instances.
        let _ = tokio::time::timeout(GRACE, quiet).await;
    }
}

/// Runs a world on this thread until the task that is given its surroundings ends.
fn with_world<T>(
    options: &WorldOptions,
    listener: Socket,
    task: impl AsyncFnOnce() -> Result<T, CliError>,
) -> Result<T, CliError> {
    let host = |error: std::io::Error| CliError::host(format!("cannot run a world: {error}"), "");
    listener.set_nonblocking().map_err(host)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(host)?;
    let local = LocalSet::new();
    let result = local.block_on(&runtime, async {
        let world = Rc::new(World::start(options)?);
        let accepting = tokio::task::spawn_local(clients::accept(Rc::clone(&world), listener));
        let result = task().await;
        world.settle().await;
        accepting.abort();
        result
    });
    // The tasks hold the world; both end here.
    drop(local);
    drop(runtime);
    result
}
