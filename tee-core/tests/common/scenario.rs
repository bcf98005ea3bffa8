//! A run of operations, one of each kind, and what the objects hold after each.

use std::collections::BTreeMap;

use host_supplicant::MemoryFiles;
use tee_abi::TeeResult;
use tee_abi::core::StorageId;
use tee_abi::core::storage::PRIVATE;

use super::{ALL, REPLACE, Session, TA, World, pattern, world_on};

/// What the objects of the TA hold.
pub type Contents = BTreeMap<Vec<u8>, Vec<u8>>;
type Operation = fn(&mut Session<'_>) -> Result<(), TeeResult>;
type Effect = fn(&mut Contents);

/// One of each kind, on objects that have one block and several.
const SCENARIO: &[(Operation, Effect)] = &[
    (
        |s| s.create(b"a", ALL, b"small").map(|o| s.close(o)),
        |m| drop(m.insert(b"a".to_vec(), b"small".to_vec())),
    ),
    (
        |s| s.create(b"b", ALL, &pattern(30_000, 7)).map(|o| s.close(o)),
        |m| drop(m.insert(b"b".to_vec(), pattern(30_000, 7))),
    ),
    (
        |s| with(s, b"b", |s, o| s.write(o, 5000, &pattern(9000, 1))),
        |m| m.get_mut(&b"b"[..]).unwrap()[5000..14_000].copy_from_slice(&pattern(9000, 1)),
    ),
    (
        |s| with(s, b"b", |s, o| s.truncate(o, 9000)),
        |m| m.get_mut(&b"b"[..]).unwrap().truncate(9000),
    ),
    (
        |s| with(s, b"b", |s, o| s.write(o, 20_000, b"far")),
        |m| {
            let content = m.get_mut(&b"b"[..]).unwrap();
            content.resize(20_000, 0);
            content.extend_from_slice(b"far");
        },
    ),
    (
        |s| {
            s.create(b"a", ALL | REPLACE, b"replaced")
                .map(|o| s.close(o))
        },
        |m| drop(m.insert(b"a".to_vec(), b"replaced".to_vec())),
    ),
    (
        |s| with(s, b"a", |s, o| s.rename(o, b"c")),
        |m| {
            let content = m.remove(&b"a"[..]).unwrap();
            m.insert(b"c".to_vec(), content);
        },
    ),
    (
        |s| s.open(b"c", ALL).and_then(|o| s.delete(o)),
        |m| drop(m.remove(&b"c"[..])),
    ),
    (
        |s| s.create(b"d", ALL, &pattern(5000, 9)).map(|o| s.close(o)),
        |m| drop(m.insert(b"d".to_vec(), pattern(5000, 9))),
    ),
];

fn with(
    session: &mut Session<'_>,
    id: &[u8],
    work: impl FnOnce(&mut Session<'_>, u32) -> Result<(), TeeResult>,
) -> Result<(), TeeResult> {
    let object = session.open(id, ALL)?;
    let done = work(session, object);
    session.close(object);
    done
}

/// Runs the scenario until an operation fails; answers what the objects held before that
/// operation, and what they would hold after it.
pub fn run(world: &mut World) -> (Contents, Contents) {
    run_on(world, PRIVATE)
}

/// As [`run`], on a storage of choice.
pub fn run_on(world: &mut World, storage: StorageId) -> (Contents, Contents) {
    let mut session = Session::on(world, TA, storage);
    let mut before = Contents::new();
    for (operation, effect) in SCENARIO {
        let mut after = before.clone();
        effect(&mut after);
        if operation(&mut session).is_err() {
            return (before, after);
        }
        before = after;
    }
    (before.clone(), before)
}

/// Steps of the disk that the scenario takes.
pub fn steps() -> usize {
    let mut world = world_on(MemoryFiles::default(), None);
    run(&mut world);
    world.ree_mut().steps()
}
