//! Trusted storage on an RPMB device: the same promises, on a device that takes no writes back.

mod common;

use common::scenario::{Contents, run_on};
use common::{ALL, OTHER_TA, READ, REPLACE, Session, TA, TestCrypto, World, pattern, world};
use host_supplicant::faults::{Fault, FaultyFiles};
use host_supplicant::{Durability, MemoryFiles, RpmbDevice};
use tee_abi::TeeResult;
use tee_abi::core::storage::{PRIVATE, PRIVATE_RPMB};
use tee_abi::ree::{Ree, Reply, Request};
use tee_core::{Config, StorageCrypto, TeeCore};

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    TestCrypto::default().hmac_sha256(key, parts)
}

fn world_with(device: RpmbDevice, fault: Option<(usize, Fault)>) -> World {
    let disk = FaultyFiles::new(MemoryFiles::default(), fault).with_rpmb(device);
    TeeCore::new(disk, TestCrypto::seeded(5), &Config::default())
}

fn new_world() -> World {
    world_with(RpmbDevice::in_memory(mac), None)
}

fn next_world(world: &mut World) -> World {
    world_with(world.ree_mut().take_rpmb().unwrap(), None)
}

fn on(world: &mut World) -> Session<'_> {
    Session::on(world, TA, PRIVATE_RPMB)
}

fn contents(world: &mut World) -> Contents {
    let mut session = on(world);
    let ids = session.list().unwrap();
    ids.into_iter()
        .map(|id| {
            let content = session.content(&id).unwrap();
            (id, content)
        })
        .collect()
}

#[test]
fn every_operation_does_what_it_says() {
    let mut world = new_world();
    let (expected, _) = run_on(&mut world, PRIVATE_RPMB);
    assert!(contents(&mut world) == expected);
    assert!(contents(&mut next_world(&mut world)) == expected);
}

#[test]
fn a_world_that_ends_at_any_exchange_leaves_old_or_new() {
    let mut world = new_world();
    run_on(&mut world, PRIVATE_RPMB);
    for step in 0..world.ree_mut().steps() {
        let fault = Some((step, Fault::Crash));
        let mut world = world_with(RpmbDevice::in_memory(mac), fault);
        let (before, after) = run_on(&mut world, PRIVATE_RPMB);
        let found = contents(&mut next_world(&mut world));
        assert!(found == before || found == after, "step {step}");
    }
}

#[test]
fn an_exchange_that_fails_once_is_repeated_or_told() {
    let mut world = new_world();
    run_on(&mut world, PRIVATE_RPMB);
    for step in 0..world.ree_mut().steps() {
        let fault = Some((step, Fault::Error(TeeResult::ERROR_GENERIC)));
        let mut world = world_with(RpmbDevice::in_memory(mac), fault);
        let (before, after) = run_on(&mut world, PRIVATE_RPMB);
        world.ree_mut().set_fault(None);
        let found = contents(&mut world);
        assert!(found == before || found == after, "step {step}");
    }
}

#[test]
fn the_two_storages_are_apart() {
    let mut world = new_world();
    on(&mut world).create(b"x", ALL, b"in RPMB").unwrap();
    let mut session = Session::on(&mut world, TA, PRIVATE);
    session.create(b"x", ALL, b"in files").unwrap();
    let mut world = next_world(&mut world);
    assert_eq!(on(&mut world).content(b"x").unwrap(), b"in RPMB");
    let mut other = Session::on(&mut world, OTHER_TA, PRIVATE_RPMB);
    assert!(other.list().unwrap().is_empty());
}

#[test]
fn replacing_and_renaming_are_as_in_files() {
    let mut world = new_world();
    let mut session = on(&mut world);
    let object = session.create(b"x", ALL, b"old").unwrap();
    let conflict = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    assert_eq!(session.create(b"x", ALL, b"new"), conflict);
    session.rename(object, b"y").unwrap();
    session.write(object, 3, b"er").unwrap();
    session.close(object);
    session.create(b"z", ALL, b"").unwrap();
    let object = session.create(b"y", ALL | REPLACE, b"new").unwrap();
    let refused = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    assert_eq!(session.rename(object, b"z"), refused);
    let contents = contents(&mut next_world(&mut world));
    let expected = [
        (b"y".to_vec(), b"new".to_vec()),
        (b"z".to_vec(), Vec::new()),
    ];
    assert_eq!(contents, Contents::from(expected));
}

#[test]
fn a_full_device_loses_nothing_and_gives_room_back() {
    let mut world = new_world();
    let mut session = on(&mut world);
    let content = pattern(300_000, 3);
    let mut made: u8 = 0;
    let full = loop {
        match session.create(&[made], ALL, &content) {
            Ok(object) => session.close(object),
            Err(error) => break error,
        }
        made += 1;
    };
    assert_eq!(full, TeeResult::ERROR_STORAGE_NO_SPACE);
    assert_eq!(made, 6);
    for id in 0..made {
        assert_eq!(session.content(&[id]).unwrap(), content);
    }
    let object = session.open(&[2], ALL).unwrap();
    session.delete(object).unwrap();
    session.create(&[made], ALL, &content).unwrap();
}

#[test]
fn many_objects_grow_the_table() {
    let mut world = new_world();
    let mut session = on(&mut world);
    for number in 0..100u8 {
        let object = session.create(&[number], ALL, &[number]).unwrap();
        session.close(object);
    }
    let mut world = next_world(&mut world);
    let found = contents(&mut world);
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|(id, content)| id == content));
}

#[test]
fn without_a_device_there_is_no_such_storage() {
    let mut world = world();
    let mut session = on(&mut world);
    let absent = Err(TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(session.open(b"x", READ), absent);
    assert_eq!(session.create(b"x", ALL, b""), absent);
}

#[test]
fn another_worlds_device_is_refused() {
    let mut world = new_world();
    on(&mut world).create(b"x", ALL, b"").unwrap();
    let device = world.ree_mut().take_rpmb().unwrap();
    let disk = FaultyFiles::new(MemoryFiles::default(), None).with_rpmb(device);
    let config = Config {
        huk: [9; 16],
        ..Config::default()
    };
    let mut other = TeeCore::new(disk, TestCrypto::seeded(6), &config);
    let security = Err(TeeResult::ERROR_SECURITY);
    assert_eq!(on(&mut other).open(b"x", READ), security);
}

/// Carries frames to a device, and answers to the n-th exchange what it answered before.
struct Replayer {
    device: RpmbDevice,
    last: Option<Reply>,
    exchanges: usize,
    replay_at: usize,
}

impl Ree for Replayer {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        let Request::RpmbFrames { frames, answer } = request else {
            return Ok(self.device.info());
        };
        self.exchanges += 1;
        let fresh = self.device.exchange(&frames, answer)?;
        let stale = self.last.replace(fresh.clone());
        let replayed = self.exchanges == self.replay_at;
        Ok(stale.filter(|_| replayed).unwrap_or(fresh))
    }
}

#[test]
fn a_replayed_answer_is_never_believed() {
    for replay_at in 2..12 {
        let ree = Replayer {
            device: RpmbDevice::in_memory(mac),
            last: None,
            exchanges: 0,
            replay_at,
        };
        let mut core = TeeCore::new(ree, TestCrypto::seeded(7), &Config::default());
        let instance = core.instance(TA);
        let create = tee_abi::core::Request::ObjectCreate {
            storage: PRIVATE_RPMB,
            id: b"x".to_vec(),
            flags: ALL,
            head: common::DATA_OBJECT,
            attrs: Vec::new(),
            data: b"content".to_vec(),
        };
        if let Ok(tee_abi::core::Reply::Object { object, .. }) = core.call(instance, create) {
            let read = tee_abi::core::Request::ObjectRead {
                object,
                pos: 0,
                len: 100,
            };
            let found = core.call(instance, read);
            let right = tee_abi::core::Reply::Data(b"content".to_vec());
            assert!(
                found.is_err() || found == Ok(right),
                "replay at {replay_at}"
            );
        }
    }
}

#[test]
fn an_image_file_keeps_the_device() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("rpmb");
    for round in 0..3u8 {
        let device = RpmbDevice::open(&path, Durability::Synced, mac).unwrap();
        let mut world = world_with(device, None);
        let mut session = on(&mut world);
        assert_eq!(session.list().unwrap().len(), usize::from(round));
        session
            .create(&[round], ALL, &pattern(5000, round))
            .unwrap();
        for id in 0..=round {
            if id != round {
                assert_eq!(session.content(&[id]).unwrap(), pattern(5000, id));
            }
        }
    }
}

#[test]
fn a_torn_slot_leaves_the_write_before() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("rpmb");
    let device = RpmbDevice::open(&path, Durability::Synced, mac).unwrap();
    let mut world = world_with(device, None);
    let mut session = on(&mut world);
    let object = session.create(b"x", ALL, b"old").unwrap();
    let before = std::fs::read(&path).unwrap();
    session.write(object, 0, b"new").unwrap();
    let after = std::fs::read(&path).unwrap();
    drop(world);
    // The write went to one of the slots and one block; only half of the slot is there.
    for slot in [0, 16 * 1024] {
        let mut torn = before.clone();
        let half = slot..slot + 100;
        torn[half.clone()].copy_from_slice(&after[half]);
        std::fs::write(&path, &torn).unwrap();
        let device = RpmbDevice::open(&path, Durability::Synced, mac).unwrap();
        let mut world = world_with(device, None);
        assert_eq!(on(&mut world).content(b"x").unwrap(), b"old");
    }
    // The whole slot is there, and its block is not.
    let mut replayed = before.clone();
    replayed[..32 * 1024].copy_from_slice(&after[..32 * 1024]);
    std::fs::write(&path, &replayed).unwrap();
    let device = RpmbDevice::open(&path, Durability::Synced, mac).unwrap();
    let mut world = world_with(device, None);
    assert_eq!(on(&mut world).content(b"x").unwrap(), b"new");
}

#[test]
fn what_is_no_image_is_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("rpmb");
    std::fs::write(&path, vec![7; 100_000]).unwrap();
    assert!(RpmbDevice::open(&path, Durability::Synced, mac).is_err());
}
