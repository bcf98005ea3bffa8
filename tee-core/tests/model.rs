//! Any run of operations, across worlds that are killed in between, leaves what a plain map holds.

mod common;

use common::scenario::Contents;
use common::{ALL, READ, REPLACE, Session, TA, World, killed, pattern, world};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tee_abi::TeeResult;

#[derive(Clone, Debug)]
enum Op {
    Create { id: u8, len: usize, replace: bool },
    Write { id: u8, pos: usize, len: usize },
    Truncate { id: u8, len: usize },
    Rename { id: u8, to: u8 },
    Delete { id: u8 },
    Kill,
}

/// Sizes around blocks and groups of nodes, and any others.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => 0..20_000usize,
        1 => (0..70usize, -30..30isize).prop_map(|(blocks, off)| {
            (blocks * 4096).saturating_add_signed(off)
        }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let id = || 0..4u8;
    prop_oneof![
        3 => (id(), size(), any::<bool>())
            .prop_map(|(id, len, replace)| Op::Create { id, len, replace }),
        5 => (id(), size(), size()).prop_map(|(id, pos, len)| Op::Write { id, pos, len }),
        3 => (id(), size()).prop_map(|(id, len)| Op::Truncate { id, len }),
        1 => (id(), id()).prop_map(|(id, to)| Op::Rename { id, to }),
        1 => id().prop_map(|id| Op::Delete { id }),
        1 => Just(Op::Kill),
    ]
}

impl Op {
    /// What a plain map makes of it, and what a TA is told.
    fn on_model(&self, model: &mut Contents, seed: u8) -> Result<(), TeeResult> {
        let absent = TeeResult::ERROR_ITEM_NOT_FOUND;
        match *self {
            Self::Create { id, len, replace } => {
                if model.contains_key(&[id][..]) && !replace {
                    return Err(TeeResult::ERROR_ACCESS_CONFLICT);
                }
                model.insert(vec![id], pattern(len, seed));
            }
            Self::Write { id, pos, len } => {
                let content = model.get_mut(&[id][..]).ok_or(absent)?;
                if len > 0 {
                    content.resize(content.len().max(pos + len), 0);
                    content[pos..pos + len].copy_from_slice(&pattern(len, seed));
                }
            }
            Self::Truncate { id, len } => {
                model.get_mut(&[id][..]).ok_or(absent)?.resize(len, 0);
            }
            Self::Rename { id, to } => {
                if !model.contains_key(&[id][..]) {
                    return Err(absent);
                }
                if model.contains_key(&[to][..]) {
                    return Err(TeeResult::ERROR_ACCESS_CONFLICT);
                }
                let content = model.remove(&[id][..]).unwrap();
                model.insert(vec![to], content);
            }
            Self::Delete { id } => {
                model.remove(&[id][..]).ok_or(absent)?;
            }
            Self::Kill => {}
        }
        Ok(())
    }

    fn on_world(&self, world: &mut World, seed: u8) -> Result<(), TeeResult> {
        if matches!(self, Self::Kill) {
            *world = killed(world);
        }
        let session = &mut Session::new(world, TA);
        let instance = session.instance;
        let done = match *self {
            Self::Create { id, len, replace } => {
                let flags = if replace { ALL | REPLACE } else { ALL };
                session
                    .create(&[id], flags, &pattern(len, seed))
                    .map(|_| ())
            }
            Self::Write { id, pos, len } => session
                .open(&[id], ALL)
                .and_then(|o| session.write(o, pos as u64, &pattern(len, seed))),
            Self::Truncate { id, len } => session
                .open(&[id], ALL)
                .and_then(|o| session.truncate(o, len as u64)),
            Self::Rename { id, to } => session
                .open(&[id], ALL)
                .and_then(|o| session.rename(o, &[to])),
            Self::Delete { id } => session.open(&[id], ALL).and_then(|o| session.delete(o)),
            Self::Kill => Ok(()),
        };
        world.instance_gone(instance);
        done
    }
}

fn contents(world: &mut World) -> Contents {
    let mut session = Session::new(world, TA);
    let ids = session.list().unwrap();
    let mut found = Contents::new();
    for id in ids {
        let object = session.open(&id, READ).unwrap();
        let content = session.read(object, 0, u64::MAX).unwrap();
        session.close(object);
        found.insert(id, content);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn storage_holds_what_a_map_holds(ops in prop::collection::vec(op(), 1..40)) {
        let mut world = world();
        let mut model = Contents::new();
        for (position, op) in ops.iter().enumerate() {
            let seed = position as u8;
            let expected = op.on_model(&mut model, seed);
            prop_assert_eq!(op.on_world(&mut world, seed), expected, "{:?}", op);
        }
        prop_assert!(contents(&mut world) == model);
        prop_assert!(contents(&mut killed(&mut world)) == model);
    }
}
