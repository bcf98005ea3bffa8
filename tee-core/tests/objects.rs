//! What TAs can rely on: sharing, replacement, renaming, listings, limits, corrupt objects.

mod common;

use common::{
    ALL, META, OTHER_TA, READ, REPLACE, SHARED, Session, TA, WRITE, create, killed, open, pattern,
    world,
};
use host_supplicant::MemoryFiles;
use tee_abi::TeeResult;
use tee_abi::core::storage::{PRIVATE, PRIVATE_REE, PRIVATE_RPMB, SHARE_READ};
use tee_abi::core::{ObjectHead, Reply, Request};

#[test]
fn content_survives_the_world() {
    let mut first = world();
    let mut session = Session::new(&mut first, TA);
    session.create(b"object", ALL, b"content").unwrap();
    let mut second = killed(&mut first);
    let mut session = Session::new(&mut second, TA);
    assert_eq!(session.content(b"object").unwrap(), b"content");
}

#[test]
fn head_and_attributes_come_back() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let head = ObjectHead {
        obj_type: 0xA000_0010,
        size: 128,
        max_size: 256,
        usage: 7,
        have_attrs: 1,
    };
    session
        .call(Request::ObjectCreate {
            storage: PRIVATE,
            id: b"key".to_vec(),
            flags: 0,
            head,
            attrs: b"attributes".to_vec(),
            data: b"data".to_vec(),
        })
        .unwrap();
    let mut world = killed(&mut world);
    let mut session = Session::new(&mut world, TA);
    let opened = session.call(Request::ObjectOpen {
        storage: PRIVATE_REE,
        id: b"key".to_vec(),
        flags: READ,
    });
    let Ok(Reply::Object {
        object,
        head: found,
        attrs,
        data_size,
    }) = opened
    else {
        panic!("{opened:?}")
    };
    assert_eq!(
        (found, &attrs[..], data_size),
        (head, &b"attributes"[..], 4)
    );
    assert_eq!(session.read(object, 0, 10).unwrap(), b"data");
}

#[test]
fn instances_of_one_ta_conflict_and_other_tas_do_not() {
    let mut world = world();
    let one = world.instance(TA);
    let two = world.instance(TA);
    let other = world.instance(OTHER_TA);
    let held = create(&mut world, one, b"x", READ, b"").unwrap();
    let conflict = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    assert_eq!(open(&mut world, two, b"x", READ), conflict);
    assert_eq!(create(&mut world, two, b"x", ALL, b""), conflict);
    create(&mut world, other, b"x", ALL, b"").unwrap();
    let close = Request::ObjectClose { object: held };
    world.call(one, close).unwrap();
    open(&mut world, two, b"x", READ).unwrap();
}

#[test]
fn an_instance_that_is_gone_holds_nothing() {
    let mut world = world();
    let one = world.instance(TA);
    let held = create(&mut world, one, b"x", ALL, b"").unwrap();
    world.instance_gone(one);
    let two = world.instance(TA);
    open(&mut world, two, b"x", ALL).unwrap();
    let close = Request::ObjectClose { object: held };
    assert_eq!(world.call(one, close), Err(TeeResult::ERROR_BAD_STATE));
    world.instance_gone(two);
    assert_eq!(world.ree_mut().open_count(), 1, "only dirf.db stays open");
}

#[test]
fn a_handle_allows_what_it_was_opened_for() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let denied = TeeResult::ERROR_ACCESS_CONFLICT;
    let object = session.create(b"x", READ, b"abc").unwrap();
    assert_eq!(session.write(object, 0, b"z"), Err(denied));
    assert_eq!(session.truncate(object, 0), Err(denied));
    assert_eq!(session.rename(object, b"y"), Err(denied));
    assert_eq!(session.delete(object), Err(denied));
    session.close(object);
    let object = session.open(b"x", WRITE).unwrap();
    assert_eq!(session.read(object, 0, 1), Err(denied));
}

#[test]
fn sharing_handles_see_each_others_writes() {
    let mut world = world();
    let one = world.instance(TA);
    let two = world.instance(TA);
    let writer = create(&mut world, one, b"x", SHARED, b"old").unwrap();
    let reader = open(&mut world, two, b"x", SHARED).unwrap();
    let data = b"new and longer".to_vec();
    let write = Request::ObjectWrite {
        object: writer,
        pos: 0,
        data: data.clone(),
    };
    world.call(one, write).unwrap();
    let read = Request::ObjectRead {
        object: reader,
        pos: 0,
        len: 100,
    };
    assert_eq!(world.call(two, read), Ok(Reply::Data(data)));
}

#[test]
fn replacing_is_asked_for() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", ALL, b"old").unwrap();
    session.close(object);
    let conflict = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    assert_eq!(session.create(b"x", ALL, b"new"), conflict);
    assert_eq!(session.content(b"x").unwrap(), b"old");
    session.create(b"x", ALL | REPLACE, b"new").unwrap();
    let mut world = killed(&mut world);
    let names: Vec<_> = files(&mut world);
    assert_eq!(names, ["1", "dirf.db"], "the replaced file is gone");
    let mut session = Session::new(&mut world, TA);
    assert_eq!(session.content(b"x").unwrap(), b"new");
}

#[test]
fn a_sharing_handle_follows_a_replacement() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let old = session.create(b"x", SHARED, &pattern(9000, 1)).unwrap();
    let new = session.create(b"x", SHARED | REPLACE, b"new").unwrap();
    assert_eq!(session.read(old, 0, 10).unwrap(), b"new");
    session.write(old, 3, b"er").unwrap();
    assert_eq!(session.read(new, 0, 10).unwrap(), b"newer");
}

#[test]
fn a_renamed_object_is_found_under_its_new_name_only() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"old", ALL, b"content").unwrap();
    session.rename(object, b"new").unwrap();
    session.write(object, 7, b"!").unwrap();
    session.close(object);
    assert_eq!(
        session.open(b"old", READ),
        Err(TeeResult::ERROR_ITEM_NOT_FOUND)
    );
    assert_eq!(session.content(b"new").unwrap(), b"content!");
}

#[test]
fn renaming_replaces_nothing() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let conflict = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    let taken = session.create(b"taken", ALL, b"").unwrap();
    let object = session.create(b"object", ALL, b"").unwrap();
    assert_eq!(session.rename(object, b"taken"), conflict, "while open");
    session.close(taken);
    assert_eq!(session.rename(object, b"taken"), conflict, "while closed");
    assert_eq!(session.rename(object, b"object"), conflict, "to itself");
}

#[test]
fn a_deleted_object_is_gone_and_its_number_is_used_again() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let first = session.create(b"first", ALL, b"").unwrap();
    session.create(b"second", ALL, b"").unwrap();
    session.delete(first).unwrap();
    assert_eq!(
        session.open(b"first", READ),
        Err(TeeResult::ERROR_ITEM_NOT_FOUND)
    );
    session.create(b"third", ALL, b"").unwrap();
    assert_eq!(session.list().unwrap(), [&b"third"[..], b"second"]);
    assert_eq!(files(&mut world), ["0", "1", "dirf.db"]);
}

#[test]
fn an_empty_identifier_is_one() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"", ALL, b"nameless").unwrap();
    let mut world = killed(&mut world);
    let mut session = Session::new(&mut world, TA);
    assert_eq!(session.list().unwrap(), [b""]);
    assert_eq!(session.content(b"").unwrap(), b"nameless");
}

#[test]
fn what_lies_between_the_end_and_a_later_write_is_zero() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", ALL, &[0xFF; 5000]).unwrap();
    session.truncate(object, 100).unwrap();
    session.write(object, 300_000, b"end").unwrap();
    let mut world = killed(&mut world);
    let mut session = Session::new(&mut world, TA);
    let content = session.content(b"x").unwrap();
    assert_eq!(content.len(), 300_003);
    assert!(content[..100].iter().all(|&byte| byte == 0xFF));
    assert!(content[100..300_000].iter().all(|&byte| byte == 0));
    assert_eq!(&content[300_000..], b"end");
}

#[test]
fn a_cut_tree_opens_again() {
    for (from, to) in [
        (16_000, 9000),
        (16_000, 0),
        (500_000, 4096),
        (500_000, 250_000),
        (8192, 8191),
    ] {
        let mut world = world();
        let mut session = Session::new(&mut world, TA);
        let content = pattern(from, 3);
        let object = session.create(b"x", ALL, &content).unwrap();
        session.truncate(object, to as u64).unwrap();
        let mut world = killed(&mut world);
        let mut session = Session::new(&mut world, TA);
        assert_eq!(
            session.content(b"x").unwrap(),
            content[..to],
            "{from} → {to}"
        );
    }
}

#[test]
fn usage_is_shared_and_only_shrinks() {
    let mut world = world();
    let one = world.instance(TA);
    let two = world.instance(TA);
    let first = create(&mut world, one, b"x", SHARED, b"").unwrap();
    let second = open(&mut world, two, b"x", SHARED).unwrap();
    let restrict = |object, usage| Request::ObjectRestrictUsage { object, usage };
    let answer = world.call(one, restrict(first, 0x0F));
    assert_eq!(answer, Ok(Reply::Usage(0x0F)));
    let answer = world.call(two, restrict(second, 0xFC));
    assert_eq!(answer, Ok(Reply::Usage(0x0C)));
    let mut world = killed(&mut world);
    let one = world.instance(TA);
    let first = open(&mut world, one, b"x", READ).unwrap();
    let answer = world.call(one, restrict(first, u32::MAX));
    assert_eq!(answer, Ok(Reply::Usage(0x0C)));
}

#[test]
fn a_listing_tells_what_each_object_is() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session
        .create(b"open", READ | SHARE_READ, b"12345")
        .unwrap();
    let start = Request::EnumStart { storage: PRIVATE };
    let Ok(Reply::Enumerator(enumerator)) = session.call(start) else {
        panic!()
    };
    let next = session.call(Request::EnumNext { enumerator });
    let expected = Reply::Entry {
        id: b"open".to_vec(),
        flags: READ | SHARE_READ,
        head: common::DATA_OBJECT,
        data_size: 5,
    };
    assert_eq!(next, Ok(expected));
}

#[test]
fn bad_requests_are_refused() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let bad = Err(TeeResult::ERROR_BAD_PARAMETERS);
    assert_eq!(session.create(&[b'x'; 65], ALL, b""), bad);
    assert_eq!(session.create(b"x", 0x8000, b""), bad);
    assert_eq!(session.open(b"x", REPLACE), bad);
    session.create(&[b'x'; 64], ALL, b"").unwrap();
    for storage in [0, PRIVATE_RPMB, 0x8000_0200] {
        let open = Request::ObjectOpen {
            storage,
            id: Vec::new(),
            flags: READ,
        };
        let answer = session.call(open);
        assert_eq!(answer, Err(TeeResult::ERROR_ITEM_NOT_FOUND), "{storage:#x}");
    }
}

#[test]
fn an_instance_cannot_hold_without_end() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", SHARED, b"").unwrap();
    let mut held = 1;
    let error = loop {
        match session.open(b"x", SHARED) {
            Ok(_) => held += 1,
            Err(error) => break error,
        }
        assert!(held < 100_000);
    };
    assert_eq!(error, TeeResult::ERROR_OUT_OF_MEMORY);
}

#[test]
fn a_corrupt_object_is_told_once_and_can_be_made_anew() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", ALL, b"precious").unwrap();
    let mut world = common::world_on(with_flipped_bits(&mut world, "0", 4096), None);
    let mut session = Session::new(&mut world, TA);
    let corrupt = Err(TeeResult::ERROR_CORRUPT_OBJECT);
    assert_eq!(session.open(b"x", READ), corrupt);
    let absent = Err(TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(session.open(b"x", READ), absent);
    session.create(b"x", ALL, b"again").unwrap();
}

#[test]
fn a_block_that_is_corrupt_shows_when_it_is_read() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", ALL, &pattern(9000, 1)).unwrap();
    // Block 1, version 1.
    let damaged = with_flipped_bits(&mut world, "0", 5 * 4096);
    let mut world = common::world_on(damaged, None);
    let mut session = Session::new(&mut world, TA);
    let object = session.open(b"x", SHARED).unwrap();
    let other = session.open(b"x", SHARED).unwrap();
    assert_eq!(session.read(object, 0, 100).unwrap().len(), 100);
    let corrupt = Err(TeeResult::ERROR_CORRUPT_OBJECT);
    assert_eq!(session.read(object, 4090, 100), corrupt);
    assert_eq!(session.read(other, 0, 1), corrupt, "through every handle");
    session.close(object);
    session.close(other);
    assert!(session.list().unwrap().is_empty());
}

#[test]
fn attributes_that_do_not_decode_make_an_object_corrupt() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", READ, b"").unwrap();
    session.call(Request::ObjectCorrupt { object }).unwrap();
    session.close(object);
    let absent = Err(TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(session.open(b"x", READ), absent);
}

#[test]
fn a_damaged_directory_loses_no_object() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", ALL, b"precious").unwrap();
    // Both root nodes.
    let intact = world.ree_mut().after_kill();
    let damaged = with_flipped_bits(&mut world, "dirf.db", 4096);
    let mut world = common::world_on(damaged, None);
    let mut session = Session::new(&mut world, TA);
    let unavailable = Err(TeeResult::ERROR_STORAGE_NOT_AVAILABLE);
    assert_eq!(session.open(b"x", READ), unavailable);
    assert_eq!(session.create(b"y", ALL, b""), unavailable);
    assert_eq!(files(&mut world), ["0", "dirf.db"]);
    let mut world = common::world_on(intact, None);
    let mut session = Session::new(&mut world, TA);
    assert_eq!(session.content(b"x").unwrap(), b"precious");
}

#[test]
fn a_stale_file_is_detected() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    let object = session.create(b"x", ALL, b"version 1").unwrap();
    let stale = session.world.ree_mut().after_kill();
    // Two writes, since the last version but one is still in the file.
    session.write(object, 8, b"2").unwrap();
    session.write(object, 8, b"3").unwrap();
    let now = session.world.ree_mut().after_kill();
    let mixed = mix(&now, &stale, "0");
    let mut world = common::world_on(mixed, None);
    let mut session = Session::new(&mut world, TA);
    let corrupt = Err(TeeResult::ERROR_CORRUPT_OBJECT);
    assert_eq!(session.open(b"x", READ), corrupt);
}

#[test]
fn swapped_files_are_detected() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", ALL, b"x").unwrap();
    session.create(b"y", ALL, b"y").unwrap();
    let disk = world.ree_mut().after_kill();
    let swapped = disk.files().map(|(name, content)| {
        let name = match name {
            "0" => "1",
            "1" => "0",
            other => other,
        };
        (name.to_owned(), content.to_vec())
    });
    let swapped = MemoryFiles::from_files(swapped);
    let mut world = common::world_on(swapped, None);
    let mut session = Session::new(&mut world, TA);
    for id in [b"x", b"y"] {
        let corrupt = Err(TeeResult::ERROR_CORRUPT_OBJECT);
        assert_eq!(session.open(id, READ), corrupt);
    }
}

#[test]
fn a_ta_key_depends_on_ta_and_data() {
    let mut world = world();
    let mut key = |ta, extra: &[u8], len| {
        let instance = world.instance(ta);
        let extra = extra.to_vec();
        world.call(instance, Request::DeriveTaUniqueKey { len, extra })
    };
    let one = key(TA, b"a", 32).unwrap();
    assert_eq!(one, key(TA, b"a", 32).unwrap());
    assert_ne!(one, key(TA, b"b", 32).unwrap());
    assert_ne!(one, key(OTHER_TA, b"a", 32).unwrap());
    for len in [0, 15, 33] {
        assert_eq!(key(TA, b"a", len), Err(TeeResult::ERROR_BAD_PARAMETERS));
    }
}

#[test]
fn ta_time_belongs_to_the_ta() {
    let mut world = world();
    let one = world.instance(TA);
    let two = world.instance(TA);
    let other = world.instance(OTHER_TA);
    let unset = Err(TeeResult::ERROR_TIME_NOT_SET);
    assert_eq!(world.call(one, Request::TaTimeOffset), unset);
    let set = Request::SetTaTimeOffset { offset_ms: -5 };
    world.call(one, set).unwrap();
    let answer = world.call(two, Request::TaTimeOffset);
    assert_eq!(answer, Ok(Reply::TimeOffset(-5)));
    assert_eq!(world.call(other, Request::TaTimeOffset), unset);
}

#[test]
fn meta_excludes_everybody() {
    let mut world = world();
    let mut session = Session::new(&mut world, TA);
    session.create(b"x", META, b"").unwrap();
    let conflict = Err(TeeResult::ERROR_ACCESS_CONFLICT);
    assert_eq!(session.open(b"x", 0), conflict);
}

fn files(world: &mut common::World) -> Vec<String> {
    let disk = world.ree_mut().after_kill();
    disk.files().map(|(name, _)| name.to_owned()).collect()
}

/// The disk with every bit of 132 bytes of one file inverted.
fn with_flipped_bits(world: &mut common::World, name: &str, at: usize) -> MemoryFiles {
    let disk = world.ree_mut().after_kill();
    MemoryFiles::from_files(disk.files().map(|(found, content)| {
        let mut content = content.to_vec();
        if found == name {
            content[at..at + 132]
                .iter_mut()
                .for_each(|byte| *byte ^= 0xFF);
        }
        (found.to_owned(), content)
    }))
}

/// `now`, but with one file of `stale`.
fn mix(now: &MemoryFiles, stale: &MemoryFiles, name: &str) -> MemoryFiles {
    let kept = now.files().filter(|(found, _)| *found != name);
    let taken = stale.files().filter(|(found, _)| *found == name);
    MemoryFiles::from_files(
        kept.chain(taken)
            .map(|(name, content)| (name.to_owned(), content.to_vec())),
    )
}
