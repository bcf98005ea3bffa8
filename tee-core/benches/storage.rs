//! What trusted storage costs, as ratios to what the same disk costs without it, in one run.
//!
//! `cargo bench -p tee-core` measures in a temporary directory of `$TMPDIR`. Each figure is the
//! median of its repetitions.

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{DATA_OBJECT, TA, TestCrypto};
use host_supplicant::{Config, Durability, StoragePlace, Supplicant};
use tee_abi::core::storage::{ACCESS_READ, ACCESS_WRITE, PRIVATE};
use tee_abi::core::{ObjectHandle, Reply, Request};
use tee_core::{InstanceId, TeeCore};

type World = TeeCore<Supplicant, TestCrypto>;

const SIZE: usize = 4096;

fn median(repetitions: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[repetitions / 2]
}

fn world(dir: &Path, durability: Durability) -> (World, InstanceId) {
    let storage = StoragePlace::Directory(dir.to_owned(), durability);
    let config = Config {
        storage,
        ..Config::default()
    };
    let supplicant = Supplicant::new(config).unwrap();
    let mut world = TeeCore::new(
        supplicant,
        TestCrypto::seeded(1),
        &tee_core::Config::default(),
    );
    let instance = world.instance(TA);
    (world, instance)
}

fn object(reply: Reply) -> ObjectHandle {
    match reply {
        Reply::Object { object, .. } => object,
        other => panic!("{other:?}"),
    }
}

fn create(world: &mut World, instance: InstanceId, id: &[u8]) -> ObjectHandle {
    let request = Request::ObjectCreate {
        storage: PRIVATE,
        id: id.to_vec(),
        flags: ACCESS_READ | ACCESS_WRITE,
        head: DATA_OBJECT,
        attrs: Vec::new(),
        data: vec![0; SIZE],
    };
    object(world.call(instance, request).unwrap())
}

fn plain_write(dir: &Path, synced: bool, repetitions: usize) -> Duration {
    let file = File::create(dir.join("plain")).unwrap();
    let mut fill = 0;
    median(repetitions, || {
        fill += 1;
        file.write_all_at(&[fill as u8; SIZE], 0).unwrap();
        if synced {
            file.sync_data().unwrap();
        }
    })
}

fn object_write(dir: &Path, durability: Durability, repetitions: usize) -> Duration {
    let (mut world, instance) = world(&dir.join(format!("{durability:?}")), durability);
    let object = create(&mut world, instance, b"object");
    let mut fill = 0;
    median(repetitions, || {
        fill += 1;
        let request = Request::ObjectWrite {
            object,
            pos: 0,
            data: vec![fill as u8; SIZE],
        };
        world.call(instance, request).unwrap();
    })
}

fn write_ratio(dir: &Path, durability: Durability, repetitions: usize) {
    let plain = plain_write(dir, durability == Durability::Synced, repetitions);
    let trusted = object_write(dir, durability, repetitions);
    let ratio = plain.as_secs_f64() / trusted.as_secs_f64();
    println!(
        "write 4 KiB, {durability:?}: plain {plain:?}, object {trusted:?}, {ratio:.2} of plain speed"
    );
}

fn open_close(world: &mut World, instance: InstanceId, id: &[u8]) {
    let request = Request::ObjectOpen {
        storage: PRIVATE,
        id: id.to_vec(),
        flags: ACCESS_READ,
    };
    let object = object(world.call(instance, request).unwrap());
    let close = Request::ObjectClose { object };
    world.call(instance, close).unwrap();
}

fn open_by_count(dir: &Path) {
    let (mut world, instance) = world(&dir.join("many"), Durability::Unsynced);
    let mut count = 0u32;
    let mut times = Vec::new();
    for until in [100, 10_000] {
        let start = Instant::now();
        let from = count;
        while count < until {
            let handle = create(&mut world, instance, &count.to_be_bytes());
            let close = Request::ObjectClose { object: handle };
            world.call(instance, close).unwrap();
            count += 1;
        }
        let each = start.elapsed() / (until - from);
        let mut id = 0;
        let opened = median(501, || {
            id = (id + 7919) % until;
            open_close(&mut world, instance, &id.to_be_bytes());
        });
        println!("{until} objects: open {opened:?}, create {each:?}");
        times.push(opened);
    }
    let ratio = times[1].as_secs_f64() / times[0].as_secs_f64();
    println!("open with 10000 objects: {ratio:.2} times of what it costs with 100");
}

fn main() {
    let dir = tempfile::TempDir::new().unwrap();
    write_ratio(dir.path(), Durability::Synced, 201);
    write_ratio(dir.path(), Durability::Unsynced, 2001);
    open_by_count(dir.path());
    fs::remove_dir_all(dir.path()).unwrap();
}
