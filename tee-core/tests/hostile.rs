//! A normal world that lies gets errors out of the secure world, and nothing else: no panic, no
//! wrong content.

mod common;

use common::{ALL, REPLACE, TA, TestCrypto, pattern};
use host_supplicant::faults::FaultyFiles;
use host_supplicant::{MemoryFiles, RpmbDevice};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tee_abi::TeeResult;
use tee_abi::core::storage::{PRIVATE, PRIVATE_RPMB};
use tee_abi::core::{self, ObjectHandle};
use tee_abi::ree::{Ree, Reply, Request};
use tee_core::{Config, InstanceId, StorageCrypto, TeeCore};

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    TestCrypto::default().hmac_sha256(key, parts)
}

/// A lie about one answer.
#[derive(Clone, Debug)]
enum Lie {
    Nonsense(u8),
    Error(u32),
    Flip(usize),
    Cut(usize),
    Grow(usize),
    Stale,
}

/// Tells the truth, except at the chosen requests.
struct Liar {
    truth: FaultyFiles,
    lies: Vec<(usize, Lie)>,
    asked: usize,
    before: Option<Reply>,
}

fn nonsense(kind: u8) -> Reply {
    match kind % 7 {
        0 => Reply::Done,
        1 => Reply::File(u32::MAX),
        2 => Reply::Data(vec![0xFF; 600]),
        3 => Reply::Extents(vec![vec![0; 9]; 3]),
        4 => Reply::Names(vec![String::from("../x"); 2]),
        5 => Reply::RpmbInfo {
            cid: [0; 16],
            size_mult: 0,
            reliable_sectors: 0,
        },
        _ => Reply::Time {
            seconds: u64::MAX,
            millis: u32::MAX,
        },
    }
}

fn bytes_of(reply: &mut Reply) -> Option<&mut Vec<u8>> {
    match reply {
        Reply::Data(data) => Some(data),
        Reply::Extents(extents) => extents.iter_mut().max_by_key(|extent| extent.len()),
        _ => None,
    }
}

impl Lie {
    fn tell(&self, mut reply: Reply, before: Option<Reply>) -> Result<Reply, TeeResult> {
        match *self {
            Self::Nonsense(kind) => return Ok(nonsense(kind)),
            Self::Error(code) => return Err(TeeResult(code)),
            Self::Stale => return Ok(before.unwrap_or(reply)),
            Self::Flip(at) => {
                if let Some(bytes) = bytes_of(&mut reply).filter(|bytes| !bytes.is_empty()) {
                    let len = bytes.len();
                    bytes[at % len] ^= 1;
                }
            }
            Self::Cut(at) => {
                if let Some(bytes) = bytes_of(&mut reply) {
                    bytes.truncate(at % (bytes.len() + 1));
                }
            }
            Self::Grow(by) => {
                if let Some(bytes) = bytes_of(&mut reply) {
                    bytes.resize(bytes.len() + by, 0);
                }
            }
        }
        Ok(reply)
    }
}

impl Ree for Liar {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        let answer = self.truth.call(request)?;
        let before = self.before.replace(answer.clone());
        let asked = self.asked;
        self.asked += 1;
        match self.lies.iter().find(|(at, _)| *at == asked) {
            Some((_, lie)) => lie.tell(answer, before),
            None => Ok(answer),
        }
    }
}

fn lie() -> impl Strategy<Value = Lie> {
    prop_oneof![
        any::<u8>().prop_map(Lie::Nonsense),
        prop_oneof![Just(0), Just(0xFFFF_0008), any::<u32>()].prop_map(Lie::Error),
        any::<usize>().prop_map(Lie::Flip),
        any::<usize>().prop_map(Lie::Cut),
        (1..5000usize).prop_map(Lie::Grow),
        Just(Lie::Stale),
    ]
}

struct Ta {
    core: TeeCore<Liar, TestCrypto>,
    instance: InstanceId,
    storage: u32,
}

impl Ta {
    fn call(&mut self, request: core::Request) -> Result<core::Reply, TeeResult> {
        self.core.call(self.instance, request)
    }

    fn open(&mut self, request: core::Request) -> Option<ObjectHandle> {
        match self.call(request) {
            Ok(core::Reply::Object { object, .. }) => Some(object),
            _ => None,
        }
    }

    /// What is read is what was written, whenever it is read at all.
    fn live(&mut self) {
        for round in 0..4u8 {
            let data = pattern(9000, round);
            let create = core::Request::ObjectCreate {
                storage: self.storage,
                id: vec![round % 2],
                flags: ALL | REPLACE,
                head: common::DATA_OBJECT,
                attrs: Vec::new(),
                data: data.clone(),
            };
            let Some(object) = self.open(create) else {
                continue;
            };
            let read = core::Request::ObjectRead {
                object,
                pos: 100,
                len: 8000,
            };
            if let Ok(core::Reply::Data(found)) = self.call(read) {
                assert!(found == data[100..8100], "wrong content");
            }
            let _ = self.call(core::Request::ObjectTruncate { object, len: 5000 });
            let _ = self.call(core::Request::ObjectRename {
                object,
                id: vec![round % 2 + 2],
            });
            let _ = self.call(core::Request::ObjectDelete { object });
        }
        let storage = self.storage;
        if let Ok(core::Reply::Enumerator(enumerator)) =
            self.call(core::Request::EnumStart { storage })
        {
            while self.call(core::Request::EnumNext { enumerator }).is_ok() {}
        }
        let _ = self.call(core::Request::ReeTime);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(2),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn lies_lead_to_errors(
        lies in prop::collection::vec((0..120usize, lie()), 1..6),
        in_rpmb in any::<bool>(),
        anchored in any::<bool>(),
    ) {
        let device = RpmbDevice::in_memory(mac);
        let truth = FaultyFiles::new(MemoryFiles::default(), None).with_rpmb(device);
        let liar = Liar { truth, lies, asked: 0, before: None };
        let config = Config { anchored, ..Config::default() };
        let mut core = TeeCore::new(liar, TestCrypto::seeded(4), &config);
        let instance = core.instance(TA);
        let storage = if in_rpmb { PRIVATE_RPMB } else { PRIVATE };
        let mut ta = Ta { core, instance, storage };
        ta.live();
        ta.core.instance_gone(instance);
    }
}
