//! With the directory's hash in RPMB no old state of the storage directory passes for the present
//! one, and a world may still end at any instant.

mod common;

use common::scenario::{Contents, run};
use common::{ALL, READ, Session, TA, TestCrypto, World};
use host_supplicant::faults::{Fault, FaultyFiles};
use host_supplicant::{MemoryFiles, RpmbDevice};
use tee_abi::TeeResult;
use tee_core::{Config, StorageCrypto, TeeCore, VersionDb};

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    TestCrypto::default().hmac_sha256(key, parts)
}

fn anchored(files: MemoryFiles, device: RpmbDevice, fault: Option<(usize, Fault)>) -> World {
    let config = Config {
        anchored: true,
        ..Config::default()
    };
    let disk = FaultyFiles::new(files, fault).with_rpmb(device);
    TeeCore::new(disk, TestCrypto::seeded(3), &config)
}

fn new_world(fault: Option<(usize, Fault)>) -> World {
    anchored(MemoryFiles::default(), RpmbDevice::in_memory(mac), fault)
}

/// A world on what is left of this one, or on other files and its device.
fn next_world(world: &mut World, files: Option<MemoryFiles>) -> World {
    let left = world.ree_mut().after_kill();
    let device = world.ree_mut().take_rpmb().unwrap();
    anchored(files.unwrap_or(left), device, None)
}

fn contents(world: &mut World) -> Contents {
    let mut session = Session::new(world, TA);
    let ids = session.list().unwrap();
    ids.into_iter()
        .map(|id| {
            let content = session.content(&id).unwrap();
            (id, content)
        })
        .collect()
}

fn steps() -> usize {
    let mut world = new_world(None);
    run(&mut world);
    world.ree_mut().steps()
}

#[test]
fn a_world_that_ends_at_any_step_leaves_old_or_new() {
    for step in 0..steps() {
        for fault in [Fault::Crash, Fault::Torn] {
            let mut world = new_world(Some((step, fault)));
            let (before, after) = run(&mut world);
            let found = contents(&mut next_world(&mut world, None));
            assert!(found == before || found == after, "step {step}, {fault:?}");
        }
    }
}

#[test]
fn an_error_at_any_step_loses_nothing() {
    for step in 0..steps() {
        let fault = Fault::Error(TeeResult::ERROR_GENERIC);
        let mut world = new_world(Some((step, fault)));
        let (before, after) = run(&mut world);
        world.ree_mut().set_fault(None);
        let found = contents(&mut world);
        assert!(found == before || found == after, "step {step}");
        assert!(contents(&mut next_world(&mut world, None)) == found);
    }
}

#[test]
fn an_old_directory_is_refused() {
    let mut world = new_world(None);
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", ALL, b"version 1").unwrap();
    let old = session.world.ree_mut().after_kill();
    // Two writes: the state before the last is still in the present files.
    session.write(object, 8, b"2").unwrap();
    session.write(object, 8, b"3").unwrap();
    let mut world = next_world(&mut world, Some(old));
    let mut session = Session::new(&mut world, TA);
    let unavailable = Err(TeeResult::ERROR_STORAGE_NOT_AVAILABLE);
    assert_eq!(session.open(b"x", READ), unavailable);
    assert_eq!(session.create(b"y", ALL, b""), unavailable);
}

#[test]
fn an_empty_directory_is_refused_once_there_was_one() {
    let mut world = new_world(None);
    Session::new(&mut world, TA).create(b"x", ALL, b"").unwrap();
    let mut world = next_world(&mut world, Some(MemoryFiles::default()));
    let unavailable = Err(TeeResult::ERROR_STORAGE_NOT_AVAILABLE);
    assert_eq!(Session::new(&mut world, TA).open(b"x", READ), unavailable);
}

#[test]
fn the_version_databases_are_anchored_too() {
    let mut world = new_world(None);
    world.check_version(VersionDb::Ta, TA, 5).unwrap();
    let old = world.ree_mut().after_kill();
    world.check_version(VersionDb::Ta, TA, 6).unwrap();
    world.check_version(VersionDb::Ta, TA, 7).unwrap();
    let mut world = next_world(&mut world, Some(old));
    assert!(world.check_version(VersionDb::Ta, TA, 5).is_err());
}
