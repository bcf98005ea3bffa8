//! Making a world in this process: from files and world options to an instance.

use std::cell::RefCell;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cpu_engine::Engine;
use host_supplicant::{Durability, StoragePlace, Supplicant, TaSource};
use litebox::Platform;
use platform_linux::{LinuxPlatform, LinuxSpace};
use ta_loader::{LoadPlan, Program};
use tee_abi::Uuid;
use tee_core::{InProcess, TeeCore};
use tee_shim::{Config, Instance};

use crate::cli::WorldOptions;
use crate::error::CliError;
use crate::local::{LocalHost, LocalWorld};
use crate::secure::{WorldCrypto, device, device_id, rpmb_mac};
use crate::symbols::SymbolPath;
use crate::trust::{read_ta, trust, uuid_of_name};

/// The secure world in this process.
pub type Core = InProcess<Supplicant, WorldCrypto>;

/// Where a world looks for TAs: `--ta-dir`, `$TEEBOX_TA_DIR`, `/lib/optee_armtz`.
#[must_use]
pub fn ta_path(options: &WorldOptions) -> Vec<TaSource> {
    let mut path: Vec<TaSource> = options
        .ta
        .iter()
        .filter_map(|file| uuid_of_name(file).map(|uuid| TaSource::File(uuid, file.clone())))
        .collect();
    path.extend(options.ta_dir.iter().cloned().map(TaSource::Directory));
    path.extend(std::env::var_os("TEEBOX_TA_DIR").map(|dir| TaSource::Directory(dir.into())));
    path.push(TaSource::Directory(PathBuf::from("/lib/optee_armtz")));
    path
}

/// What the supplicant of a world serves.
#[must_use]
pub fn supplicant_config(options: &WorldOptions) -> host_supplicant::Config {
    let storage = match &options.storage {
        None => StoragePlace::Temporary,
        Some(dir) => StoragePlace::Directory(dir.clone(), Durability::Synced),
    };
    host_supplicant::Config {
        ta_path: ta_path(options),
        storage,
    }
}

/// Where TA logs go.
///
/// # Errors
/// A log file that cannot be opened.
pub fn log_sink(options: &WorldOptions) -> Result<LinuxPlatform, CliError> {
    log_descriptor(options).map(LinuxPlatform::new)
}

/// Where TA logs go, as a descriptor.
///
/// # Errors
/// A log file that cannot be opened.
pub fn log_descriptor(options: &WorldOptions) -> Result<OwnedFd, CliError> {
    match &options.log {
        None => std::io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|error| CliError::host(format!("no standard error to log to: {error}"), "")),
        Some(path) => {
            let file = fs::OpenOptions::new().append(true).create(true).open(path);
            let file = file.map_err(|error| {
                CliError::input(format!("cannot open log {}: {error}", path.display()), "")
            })?;
            Ok(OwnedFd::from(file))
        }
    }
}

/// A loaded instance of the TA in a file, in a world of its own.
///
/// # Errors
/// Whatever keeps it from being loaded, with the thing, the reason and the next step.
pub fn instance(
    file: &Path,
    options: &WorldOptions,
) -> Result<Instance<LocalHost<Core>>, CliError> {
    let shown = file.display();
    let bytes = read_ta(file)?;
    let verified = trust(options)?
        .verify(&bytes, uuid_of_name(file))
        .map_err(|error| CliError::input(format!("cannot load {shown}: {error}"), error.hint()))?;
    let unusable = |error: &dyn std::fmt::Display| {
        CliError::input(format!("cannot load {shown}: {error}"), "")
    };
    let plan = LoadPlan::main(&verified.image).map_err(|error| unusable(&error))?;
    let head = plan
        .head()
        .copied()
        .ok_or_else(|| unusable(&"it has no .ta_head"))?;
    let uuid = verified.uuid.unwrap_or(head.uuid);
    plan.check_uuid(uuid).map_err(|error| unusable(&error))?;
    let mut guest = new_instance(uuid, plan.machine(), options)?;
    guest
        .load(&mut Program::new(uuid, plan))
        .map_err(|error| unusable(&error))?;
    Ok(guest)
}

fn new_instance(
    uuid: Uuid,
    machine: ta_loader::Machine,
    options: &WorldOptions,
) -> Result<Instance<LocalHost<Core>>, CliError> {
    let device = device(options)?;
    let supplicant = Supplicant::new(supplicant_config(options))
        .map_err(|error| CliError::host(error.to_string(), ""))?
        .with_rpmb(rpmb_mac);
    let core = Rc::new(RefCell::new(TeeCore::new(
        supplicant,
        WorldCrypto::new()?,
        &device,
    )));
    let space = LinuxSpace::new()
        .map_err(|error| CliError::host(format!("no guest memory: {error}"), ""))?;
    let regs = registers(machine)?;
    let config = Config {
        uuid,
        flags: 0,
        budget: options.budget,
        log_level: options.ta_log_level,
        aslr: true,
        device_id: device_id(&device),
    };
    let world = LocalWorld::new(InProcess::new(core, uuid));
    Ok(Instance::new(
        Engine::new(cpu_engine::Options::default()),
        regs,
        space,
        log_sink(options)?,
        world,
        config,
    ))
}

/// The registers of a TA's machine.
///
/// # Errors
/// For a machine that no processor here can be.
pub fn registers(machine: ta_loader::Machine) -> Result<cpu_engine::Regs, CliError> {
    match machine {
        ta_loader::Machine::AArch64 => Ok(cpu_engine::Regs::a64()),
        ta_loader::Machine::Arm => Ok(cpu_engine::Regs::arm()),
        other => Err(CliError::host(
            format!("no processor for {other} TAs yet"),
            "build the TA for AArch64 or AArch32",
        )),
    }
}

/// Where unstripped ELFs are looked for: `--symbols`, then the folders of TAs.
#[must_use]
pub fn symbol_path(options: &WorldOptions) -> SymbolPath {
    let mut folders: Vec<PathBuf> = options.symbols.iter().cloned().collect();
    folders.extend(options.ta_dir.iter().cloned());
    let beside = options
        .ta
        .iter()
        .filter_map(|file| file.parent().map(Path::to_owned));
    folders.extend(beside);
    SymbolPath::new(folders)
}

/// Logs the decoded call stack of an instance that has just died.
pub fn explain_death(
    guest: &mut Instance<LocalHost<Core>>,
    symbols: &SymbolPath,
    log: &mut LinuxPlatform,
) {
    if let Some(dump) = guest.take_dump() {
        for line in symbols.decode(&dump.elves, &dump.call_stack) {
            log.log(&line);
        }
    }
}

/// Says on standard error what this is.
pub fn announce() {
    eprintln!("teebox: a development host, it keeps no secrets");
}
