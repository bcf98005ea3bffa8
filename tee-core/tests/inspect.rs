//! What a person is told about a storage.

mod common;

use common::{ALL, OTHER_TA, Session, TA, fixture, killed, pattern, world, world_on};
use host_supplicant::MemoryFiles;
use tee_abi::Uuid;
use tee_core::{Damage, FsError};

#[test]
fn optees_directory_lists_with_the_cores_own_objects() {
    let mut world = world_on(fixture("storage-min"), None);
    let names = world.storage_list().unwrap();
    let told: Vec<(String, &[u8], &str)> = names
        .iter()
        .map(|name| (name.owner.to_string(), &name.id[..], &name.file[..]))
        .collect();
    let nil = Uuid::NIL.to_string();
    let ta = "f4e750bb-1437-4fbf-8785-8d3580c34994".to_owned();
    let expected: [(String, &[u8], &str); 3] = [
        (nil.clone(), b"ta.db\0", "0"),
        (nil, b"ta_ver.db\0", "1"),
        (ta, b"alpha", "2"),
    ];
    assert_eq!(told, expected);
    let report = world.storage_check(|_, _| ()).unwrap();
    assert_eq!(report.whole.len(), 3);
    let alpha = world.storage_content(names[2].owner, b"alpha").unwrap();
    assert_eq!(alpha.data, b"A");
}

#[test]
fn a_check_names_what_is_damaged_and_removes_nothing() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"whole", ALL, b"whole").unwrap();
    session.create(b"block", ALL, &pattern(9000, 1)).unwrap();
    session.create(b"gone", ALL, b"gone").unwrap();
    session.create(b"root", ALL, b"root").unwrap();
    let disk = world.ree_mut().after_kill();
    let files = disk.files().filter(|(name, _)| *name != "2");
    let damaged = files.map(|(name, content)| {
        let mut content = content.to_vec();
        match name {
            "1" => content[5 * 4096] ^= 1,
            "3" => content[4096 + 66] ^= 1,
            _ => {}
        }
        (name.to_owned(), content)
    });
    let orphan = [("7".to_owned(), Vec::new())];
    let disk = MemoryFiles::from_files(damaged.chain(orphan));
    let mut world = world_on(disk, None);
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.clear();
        let report = world
            .storage_check(|done, all| heard.push((done, all)))
            .unwrap();
        assert_eq!(report.whole.len(), 1);
        let damaged: Vec<(&[u8], FsError)> = report
            .damaged
            .iter()
            .map(|(name, error)| (&name.id[..], *error))
            .collect();
        let expected: [(&[u8], FsError); 3] = [
            (b"block", FsError::Corrupt(Damage::Block(1))),
            (b"gone", FsError::Corrupt(Damage::Missing)),
            (b"root", FsError::Corrupt(Damage::Root)),
        ];
        assert_eq!(damaged, expected);
        assert_eq!(report.orphans, ["7"]);
    }
    assert_eq!(heard.last(), Some(&(4, 4)));
    world.storage_remove(TA, b"block").unwrap();
    assert_eq!(killed(&mut world).storage_list().unwrap().len(), 3);
}

#[test]
fn asking_makes_no_storage() {
    let mut world = world();
    assert!(world.storage_list().unwrap().is_empty());
    assert!(world.storage_check(|_, _| ()).unwrap().whole.is_empty());
    assert_eq!(world.ree_mut().after_kill().files().count(), 0);
}

#[test]
fn what_is_open_is_not_removed() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", ALL, b"").unwrap();
    assert_eq!(session.world.storage_remove(TA, b"x"), Err(FsError::Exists));
    session.close(object);
    assert_eq!(
        session.world.storage_remove(OTHER_TA, b"x"),
        Err(FsError::NotFound)
    );
    session.world.storage_remove(TA, b"x").unwrap();
}
