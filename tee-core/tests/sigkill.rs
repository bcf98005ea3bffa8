//! A process that is killed at any instant leaves every acknowledged write, and of the one underway
//! the old content or the new.
//!
//! The writer is this test program itself, started again; it tells before and after each operation.
//! `TEEBOX_KILLS=2000 cargo test -p tee-core --test sigkill` kills it as often as that.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::scenario::Contents;
use common::{ALL, DATA_OBJECT, READ, REPLACE, TA, TestCrypto, pattern};
use host_supplicant::{Config, Durability, StoragePlace, Supplicant};
use tee_abi::core::storage::PRIVATE;
use tee_abi::core::{ObjectHandle, Reply, Request};
use tee_core::{InstanceId, TeeCore};
use tempfile::TempDir;

const DIR: &str = "TEEBOX_SIGKILL_DIR";
const FROM: &str = "TEEBOX_SIGKILL_FROM";

struct World {
    core: TeeCore<Supplicant, TestCrypto>,
    instance: InstanceId,
}

impl World {
    fn new(dir: &Path, seed: u64) -> Self {
        let storage = StoragePlace::Directory(dir.to_owned(), Durability::Unsynced);
        let config = Config {
            storage,
            ..Config::default()
        };
        let supplicant = Supplicant::new(config).unwrap();
        let device = tee_core::Config::default();
        let mut core = TeeCore::new(supplicant, TestCrypto::seeded(seed), &device);
        let instance = core.instance(TA);
        Self { core, instance }
    }

    fn call(&mut self, request: Request) -> Reply {
        self.core.call(self.instance, request).unwrap()
    }

    fn open(&mut self, request: Request) -> ObjectHandle {
        match self.call(request) {
            Reply::Object { object, .. } => object,
            other => panic!("{other:?}"),
        }
    }

    fn content(&mut self, id: &[u8]) -> Vec<u8> {
        let object = self.open(opening(id, READ));
        let read = Request::ObjectRead {
            object,
            pos: 0,
            len: u64::MAX,
        };
        let content = match self.call(read) {
            Reply::Data(data) => data,
            other => panic!("{other:?}"),
        };
        self.call(Request::ObjectClose { object });
        content
    }

    fn contents(&mut self) -> Contents {
        let start = Request::EnumStart { storage: PRIVATE };
        let Ok(Reply::Enumerator(enumerator)) = self.core.call(self.instance, start) else {
            return Contents::new();
        };
        let mut found = Contents::new();
        while let Ok(Reply::Entry { id, .. }) = self
            .core
            .call(self.instance, Request::EnumNext { enumerator })
        {
            let content = self.content(&id);
            found.insert(id, content);
        }
        found
    }

    fn operate(&mut self, number: u32) {
        let (id, data, pos) = operation(number);
        match number % 4 {
            0 => {
                let object = self.open(Request::ObjectCreate {
                    storage: PRIVATE,
                    id,
                    flags: ALL | REPLACE,
                    head: DATA_OBJECT,
                    attrs: Vec::new(),
                    data,
                });
                self.call(Request::ObjectClose { object });
            }
            kind => {
                let object = self.open(opening(&id, ALL));
                let len = pos;
                self.call(match kind {
                    1 | 2 => Request::ObjectWrite { object, pos, data },
                    _ => Request::ObjectTruncate { object, len },
                });
                self.call(Request::ObjectClose { object });
            }
        }
    }
}

fn opening(id: &[u8], flags: u32) -> Request {
    Request::ObjectOpen {
        storage: PRIVATE,
        id: id.to_vec(),
        flags,
    }
}

/// Four operations on one object, then four on the next: object, data and position of one.
fn operation(number: u32) -> (Vec<u8>, Vec<u8>, u64) {
    let id = vec![(number / 4 % 3) as u8];
    let len = number.wrapping_mul(2_654_435_761) >> 19;
    let data = pattern(len as usize + 1, number as u8);
    let pos = u64::from(number.wrapping_mul(40_503) % 12_000);
    (id, data, pos)
}

fn operate_on_model(model: &mut Contents, number: u32) {
    let (id, data, pos) = operation(number);
    let pos = pos as usize;
    match number % 4 {
        0 => {
            model.insert(id, data);
        }
        kind => {
            let content = model.get_mut(&id).unwrap();
            if kind == 3 {
                content.resize(pos, 0);
            } else {
                content.resize(content.len().max(pos + data.len()), 0);
                content[pos..pos + data.len()].copy_from_slice(&data);
            }
        }
    }
}

/// The writer; it ends by being killed.
#[test]
#[ignore = "started by the test below"]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let from: u32 = std::env::var(FROM).unwrap().parse().unwrap();
    let mut world = World::new(Path::new(&dir), u64::from(from) + 1);
    let mut out = std::io::stdout();
    for number in from.. {
        world.operate(number);
        writeln!(out, "\ndone {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Lets the writer run for a while; answers the number of the first operation not acknowledged.
fn run_and_kill(dir: &Path, from: u32, micros: u64) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = from;
    let mut take = |line: String| {
        if let Some(number) = line.strip_prefix("done ") {
            next = next.max(number.parse::<u32>().unwrap() + 1);
            return true;
        }
        false
    };
    while !take(lines.next().unwrap().unwrap()) {}
    thread::sleep(Duration::from_micros(micros));
    child.kill().unwrap();
    child.wait().unwrap();
    // A line may be cut off; it then acknowledges nothing.
    for line in lines.map_while(Result::ok) {
        if line.len() > "done ".len() {
            take(line);
        }
    }
    next
}

#[test]
fn every_kill_leaves_what_was_acknowledged() {
    let kills = std::env::var("TEEBOX_KILLS").map_or(60, |count| count.parse().unwrap());
    let temp = TempDir::new().unwrap();
    let dir = temp.path().join("storage");
    let mut model = Contents::new();
    let mut at = 0;
    for kill in 0..kills {
        let next = run_and_kill(&dir, at, kill * 7919 % 3000);
        while at < next {
            operate_on_model(&mut model, at);
            at += 1;
        }
        let found = World::new(&dir, 0).contents();
        if found != model {
            operate_on_model(&mut model, at);
            at += 1;
        }
        assert!(found == model, "kill {kill}, operation {at}");
    }
    assert!(at > kills as u32);
}
