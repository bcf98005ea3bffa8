//! A directory that OP-TEE wrote opens here, and stays openable after we wrote to it.

mod common;

use common::{ALL, READ, Session, fixture, killed, world_on};
use tee_abi::Uuid;

const SECURE_STORAGE_TA: &str = "f4e750bb-1437-4fbf-8785-8d3580c34994";

fn ta() -> Uuid {
    SECURE_STORAGE_TA.parse().unwrap()
}

#[test]
fn optees_object_lists_and_reads() {
    let mut world = world_on(fixture("storage-min"), None);
    let mut session = Session::new(&mut world, ta());
    assert_eq!(session.list().unwrap(), [b"alpha"]);
    assert_eq!(session.content(b"alpha").unwrap(), b"A");
}

#[test]
fn no_other_ta_sees_it() {
    let mut world = world_on(fixture("storage-min"), None);
    let mut session = Session::new(&mut world, common::OTHER_TA);
    assert!(session.list().unwrap().is_empty());
    assert!(session.open(b"alpha", READ).is_err());
}

#[test]
fn the_cores_own_objects_are_owned_by_nobody() {
    let mut world = world_on(fixture("storage-min"), None);
    let mut session = Session::new(&mut world, Uuid::NIL);
    let listed = session.list();
    assert!(listed.is_err(), "they have no object header: {listed:?}");
}

#[test]
fn it_stays_whole_after_our_writes() {
    let mut world = world_on(fixture("storage-min"), None);
    let mut session = Session::new(&mut world, ta());
    let alpha = session.open(b"alpha", ALL).unwrap();
    session.write(alpha, 1, b"BC").unwrap();
    session.create(b"beta", ALL, b"second").unwrap();
    let mut world = killed(&mut world);
    let mut session = Session::new(&mut world, ta());
    assert_eq!(session.list().unwrap(), [&b"alpha"[..], b"beta"]);
    assert_eq!(session.content(b"alpha").unwrap(), b"ABC");
    assert_eq!(session.content(b"beta").unwrap(), b"second");
}
