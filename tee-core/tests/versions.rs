//! A TA that was seen with one version is not accepted with a lower one.

mod common;

use common::{OTHER_TA, TA, fixture, killed, world, world_on};
use tee_abi::core::storage::PRIVATE;
use tee_abi::core::{ObjectHead, Request};
use tee_abi::{TeeResult, Uuid};
use tee_core::{VersionDb, VersionError};

#[test]
fn versions_only_rise() {
    let mut world = world();
    world.check_version(VersionDb::Ta, TA, 5).unwrap();
    world.check_version(VersionDb::Ta, OTHER_TA, 1).unwrap();
    world.check_version(VersionDb::Ta, TA, 5).unwrap();
    world.check_version(VersionDb::Ta, TA, 6).unwrap();
    let mut world = killed(&mut world);
    let error = world.check_version(VersionDb::Ta, TA, 5).unwrap_err();
    let expected = VersionError::Rollback {
        offered: 5,
        seen: 6,
    };
    assert_eq!(error, expected);
    assert_eq!(TeeResult::from(error), TeeResult::ERROR_ACCESS_CONFLICT);
    world.check_version(VersionDb::Ta, OTHER_TA, 1).unwrap();
}

#[test]
fn subkeys_have_versions_of_their_own() {
    let mut world = world();
    world.check_version(VersionDb::Ta, TA, 5).unwrap();
    world.check_version(VersionDb::Subkey, TA, 1).unwrap();
    let error = world.check_version(VersionDb::Subkey, TA, 0);
    assert!(error.is_err());
}

#[test]
fn optees_database_is_read_and_written() {
    let mut world = world_on(fixture("storage-min"), None);
    let ta: Uuid = "f4e750bb-1437-4fbf-8785-8d3580c34994".parse().unwrap();
    world.check_version(VersionDb::Ta, ta, 0).unwrap();
    let before = world.storage_content(Uuid::NIL, b"ta_ver.db\0").unwrap();
    assert_eq!(before.data.len(), 28, "it knows this TA");
    world.check_version(VersionDb::Ta, TA, 3).unwrap();
    let after = world.storage_content(Uuid::NIL, b"ta_ver.db\0").unwrap();
    assert_eq!(&after.data[8..28], &before.data[8..]);
    assert_eq!(&after.data[28..], [&TA.0[..], &[3, 0, 0, 0]].concat());
}

#[test]
fn a_malformed_database_is_told() {
    let mut world = world_on(fixture("storage-min"), None);
    // Where the database counts its entries, an object header has the key's size.
    let owner = world.instance(Uuid::NIL);
    let request = Request::ObjectCreate {
        storage: PRIVATE,
        id: b"subkey_ver.db\0".to_vec(),
        flags: 0,
        head: ObjectHead {
            size: 9,
            ..common::DATA_OBJECT
        },
        attrs: Vec::new(),
        data: Vec::new(),
    };
    world.call(owner, request).unwrap();
    let error = world.check_version(VersionDb::Subkey, TA, 1);
    assert_eq!(error, Err(VersionError::Malformed));
}
