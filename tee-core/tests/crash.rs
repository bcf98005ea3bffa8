//! A world that ends at any instant leaves each object with its old or its new content, and
//! everything that was acknowledged.
//!
//! The same scenario runs once for each step of the disk at which it can end, and is compared with
//! what the objects held after each acknowledged operation.

mod common;

use common::scenario::{Contents, run, steps};
use common::{ALL, READ, REPLACE, Session, TA, world_on};
use host_supplicant::MemoryFiles;
use host_supplicant::faults::Fault;
use tee_abi::TeeResult;

fn contents(files: MemoryFiles) -> Contents {
    let mut world = world_on(files, None);
    let mut session = Session::new(&mut world, TA);
    let ids = session.list().unwrap();
    ids.into_iter()
        .map(|id| {
            let content = session.content(&id).unwrap();
            (id, content)
        })
        .collect()
}

#[test]
fn a_kill_at_any_step_leaves_old_or_new() {
    for step in 0..steps() {
        for fault in [Fault::Crash, Fault::Torn] {
            let mut world = world_on(MemoryFiles::default(), Some((step, fault)));
            let (before, after) = run(&mut world);
            let found = contents(world.ree_mut().after_kill());
            assert!(found == before || found == after, "step {step}, {fault:?}");
        }
    }
}

#[test]
fn a_power_failure_at_any_step_leaves_old_or_new() {
    for step in 0..steps() {
        let mut world = world_on(MemoryFiles::default(), Some((step, Fault::Crash)));
        let (before, after) = run(&mut world);
        let disk = world.ree_mut();
        let choices: [&dyn Fn(usize) -> bool; 5] = [
            &|_| false,
            &|i| i % 2 == 0,
            &|i| i % 2 == 1,
            &|i| i % 3 == 0,
            // The newest only: everything was written in the wrong order.
            &|i| i + 1 == disk.pending(),
        ];
        for (choice, kept) in choices.iter().enumerate() {
            let found = contents(disk.after_power_failure(kept));
            let right = found == before || found == after;
            assert!(right, "step {step}, choice {choice}");
        }
    }
}

#[test]
fn an_error_at_any_step_loses_nothing() {
    let errors = [
        TeeResult::ERROR_STORAGE_NO_SPACE,
        TeeResult::ERROR_GENERIC,
        TeeResult::ERROR_ACCESS_DENIED,
    ];
    for step in 0..steps() {
        for error in errors {
            for fault in [Fault::Error(error), Fault::ErrorFromHere(error)] {
                check_error(step, fault);
            }
        }
    }
}

/// The world goes on after the error, and has the same content as the next one.
fn check_error(step: usize, fault: Fault) {
    let mut world = world_on(MemoryFiles::default(), Some((step, fault)));
    let (before, after) = run(&mut world);
    world.ree_mut().set_fault(None);
    let mut session = Session::new(&mut world, TA);
    let mut found = Contents::new();
    for id in session.list().unwrap() {
        let content = session.content(&id).unwrap();
        found.insert(id, content);
    }
    assert!(found == before || found == after, "step {step}, {fault:?}");
    let on_disk = contents(session.world.ree_mut().after_kill());
    assert_eq!(on_disk, found, "step {step}, {fault:?}");
    session.create(b"z", ALL | REPLACE, b"goes on").unwrap();
}

#[test]
fn a_failure_is_told_as_what_it_is() {
    for (error, seen) in [
        (
            TeeResult::ERROR_STORAGE_NO_SPACE,
            TeeResult::ERROR_STORAGE_NO_SPACE,
        ),
        (
            TeeResult::ERROR_GENERIC,
            TeeResult::ERROR_STORAGE_NOT_AVAILABLE,
        ),
        (
            TeeResult::ERROR_ACCESS_DENIED,
            TeeResult::ERROR_STORAGE_NOT_AVAILABLE,
        ),
        (
            TeeResult::ERROR_COMMUNICATION,
            TeeResult::ERROR_STORAGE_NOT_AVAILABLE,
        ),
        (
            TeeResult::ERROR_OUT_OF_MEMORY,
            TeeResult::ERROR_OUT_OF_MEMORY,
        ),
    ] {
        let mut world = common::world();
        let mut session = Session::new(&mut world, TA);
        let object = session.create(b"x", ALL, b"content").unwrap();
        let step = session.world.ree_mut().steps();
        let fault = Some((step, Fault::ErrorFromHere(error)));
        session.world.ree_mut().set_fault(fault);
        assert_eq!(session.write(object, 0, b"C"), Err(seen));
        assert_eq!(session.create(b"y", ALL, b""), Err(seen));
        assert_eq!(session.read(object, 0, 100).unwrap(), b"content");
    }
}

#[test]
fn each_operation_syncs_no_more_than_it_must() {
    let mut world = common::world();
    let mut session = Session::new(&mut world, TA);
    let first = session.create(b"first", ALL, b"").unwrap();
    let mut syncs = |work: &mut dyn FnMut(&mut Session<'_>)| {
        let before = session.world.ree_mut().syncs();
        work(&mut session);
        session.world.ree_mut().syncs() - before
    };
    assert_eq!(
        syncs(&mut |s| assert!(s.create(b"x", 0, b"new").is_ok())),
        3
    );
    assert_eq!(syncs(&mut |s| s.write(first, 0, &[1; 4096]).unwrap()), 2);
    assert_eq!(syncs(&mut |s| s.truncate(first, 10).unwrap()), 2);
    assert_eq!(syncs(&mut |s| s.rename(first, b"y").unwrap()), 1);
    assert_eq!(syncs(&mut |s| assert!(s.read(first, 0, 10).is_ok())), 0);
    assert_eq!(syncs(&mut |s| s.delete(first).unwrap()), 1);
    assert_eq!(syncs(&mut |s| assert!(s.open(b"y", READ).is_err())), 0);
}
