//! Trusted storage's syscalls: what is checked, in which order, what is asked of the secure world,
//! and what the TA then finds in its memory.

use alloc::vec;
use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::core::{ObjectHead, Reply, Request};
use tee_abi::objects::{TEE_TYPE_AES, TEE_TYPE_DATA};
use tee_abi::ta::TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT;

use super::support::Bench;

const OPEN: u64 = 41;
const CREATE: u64 = 42;
const DELETE: u64 = 43;
const RENAME: u64 = 44;
const ALLOC_ENUM: u64 = 45;
const FREE_ENUM: u64 = 46;
const RESET_ENUM: u64 = 47;
const START_ENUM: u64 = 48;
const NEXT_ENUM: u64 = 49;
const READ: u64 = 50;
const WRITE: u64 = 51;
const TRUNCATE: u64 = 52;
const SEEK: u64 = 53;
const GET_INFO: u64 = 24;
const ALLOC_OBJECT: u64 = 27;

const PRIVATE: u64 = 1;
const ACCESS_READ: u64 = 1;
const ACCESS_WRITE: u64 = 2;
const ACCESS_META: u64 = 4;
const ALL: u64 = 7;
/// Persistent and initialised.
const STATE: u32 = 0x0003_0000;

const OK: TeeResult = TeeResult::SUCCESS;
const BAD: TeeResult = TeeResult::ERROR_BAD_PARAMETERS;

const DATA: ObjectHead = ObjectHead {
    obj_type: TEE_TYPE_DATA,
    size: 0,
    max_size: 0,
    usage: 0,
    have_attrs: 0,
};

fn object(number: u32, head: ObjectHead, attrs: Vec<u8>, data_size: u64) -> Reply {
    Reply::Object {
        object: number,
        head,
        attrs,
        data_size,
    }
}

/// A bench whose TA holds an object of ten bytes open with these flags; its handle.
fn holding(flags: u64) -> (Bench, u64) {
    let mut bench = Bench::new();
    answer(&mut bench, Ok(object(9, DATA, Vec::new(), 10)));
    let d = bench.data;
    assert_eq!(bench.syscall(OPEN, &[PRIVATE, d, 2, flags, d + 64]), OK);
    bench.ta.world.requests.clear();
    let handle = bench.word(64).into();
    (bench, handle)
}

fn answer(bench: &mut Bench, reply: Result<Reply, TeeResult>) {
    bench.ta.world.replies.push(reply);
}

/// Data size, data position and handle flags.
fn info(bench: &mut Bench, handle: u64) -> [u32; 3] {
    answer(bench, Ok(Reply::Usage(0)));
    let at = bench.data + 128;
    assert_eq!(bench.syscall(GET_INFO, &[handle, at]), OK);
    bench.ta.world.requests.clear();
    [bench.word(144), bench.word(148), bench.word(152)]
}

#[test]
fn an_open_object_has_its_size_and_flags() {
    let (mut bench, handle) = holding(ALL);
    assert_eq!(info(&mut bench, handle), [10, 0, STATE | 7]);
}

#[test]
fn opening_checks_flags_then_storage_then_length_then_memory() {
    let mut bench = Bench::new();
    let d = bench.data;
    let missing = TeeResult::ERROR_ITEM_NOT_FOUND;
    let denied = TeeResult::ERROR_ACCESS_DENIED;
    for (args, result) in [
        ([5, 8, 65, 0x400, d], BAD),
        ([5, 8, 65, 0x1_0000_0000, d], BAD),
        ([5, 8, 65, ALL, d], missing),
        ([PRIVATE, 8, 65, ALL, d], BAD),
        ([PRIVATE, 8, 64, ALL, d], denied),
    ] {
        assert_eq!(bench.syscall(OPEN, &args), result, "{args:x?}");
    }
    assert!(bench.ta.world.requests.is_empty());
}

#[test]
fn a_handle_that_cannot_be_told_is_given_back() {
    let mut bench = Bench::new();
    let d = bench.data;
    answer(&mut bench, Ok(object(9, DATA, Vec::new(), 0)));
    answer(&mut bench, Ok(Reply::Done));
    let result = bench.syscall(OPEN, &[PRIVATE, d, 2, ALL, 8]);
    assert_eq!(result, TeeResult::ERROR_ACCESS_DENIED);
    let close = Request::ObjectClose { object: 9 };
    assert_eq!(bench.ta.world.requests.last(), Some(&close));
}

#[test]
fn attributes_that_do_not_decode_make_the_object_corrupt() {
    let mut bench = Bench::new();
    let d = bench.data;
    let head = ObjectHead {
        obj_type: TEE_TYPE_AES,
        size: 128,
        max_size: 128,
        ..DATA
    };
    answer(&mut bench, Ok(object(9, head, vec![0, 0, 0, 99], 0)));
    let result = bench.syscall(OPEN, &[PRIVATE, d, 2, ALL, d + 64]);
    assert_eq!(result, TeeResult::ERROR_CORRUPT_OBJECT);
    let expected = [
        Request::ObjectCorrupt { object: 9 },
        Request::ObjectClose { object: 9 },
    ];
    assert_eq!(bench.ta.world.requests[1..], expected);
}

#[test]
fn an_unknown_type_is_not_supported() {
    let mut bench = Bench::new();
    let d = bench.data;
    let head = ObjectHead {
        obj_type: 0x1234,
        ..DATA
    };
    answer(&mut bench, Ok(object(9, head, Vec::new(), 0)));
    let result = bench.syscall(OPEN, &[PRIVATE, d, 2, ALL, d + 64]);
    assert_eq!(result, TeeResult::ERROR_NOT_SUPPORTED);
}

#[test]
fn creating_pure_data_sends_identifier_and_content() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.put(0, b"idcontent");
    answer(&mut bench, Ok(object(3, DATA, Vec::new(), 7)));
    let result = bench.syscall(CREATE, &[PRIVATE, d, 2, 0x407, 0, d + 2, 7, d + 64]);
    assert_eq!(result, OK);
    let expected = Request::ObjectCreate {
        storage: 1,
        id: b"id".to_vec(),
        flags: 0x407,
        head: ObjectHead {
            usage: u32::MAX,
            ..DATA
        },
        attrs: Vec::new(),
        data: b"content".to_vec(),
    };
    assert_eq!(bench.ta.world.requests, [expected]);
    let handle = bench.word(64).into();
    assert_eq!(info(&mut bench, handle), [7, 0, STATE | 0x407]);
}

#[test]
fn creating_without_a_handle_closes_the_object() {
    let mut bench = Bench::new();
    let d = bench.data;
    answer(&mut bench, Ok(object(3, DATA, Vec::new(), 0)));
    answer(&mut bench, Ok(Reply::Done));
    let result = bench.syscall(CREATE, &[PRIVATE, d, 2, ALL, 0, 0, 0, 0]);
    assert_eq!(result, OK);
    let close = Request::ObjectClose { object: 3 };
    assert_eq!(bench.ta.world.requests.last(), Some(&close));
}

#[test]
fn creating_refuses_what_it_should() {
    let mut bench = Bench::new();
    let d = bench.data;
    let uninitialised = bench.syscall(ALLOC_OBJECT, &[TEE_TYPE_AES.into(), 128, d + 64]);
    assert_eq!(uninitialised, OK);
    let key = u64::from(bench.word(64));
    let state = TeeResult::ERROR_BAD_STATE;
    for (args, result) in [
        ([PRIVATE, d, 2, ALL, 0, 0, 7, d + 64], BAD),
        ([PRIVATE, d, 65, ALL, 0, d, 7, d + 64], BAD),
        ([PRIVATE, d, 2, ALL, 99, d, 7, d + 64], state),
        ([PRIVATE, d, 2, ALL, key, d, 7, d + 64], BAD),
    ] {
        assert_eq!(bench.syscall(CREATE, &args), result, "{args:x?}");
    }
    assert!(bench.ta.world.requests.is_empty());
}

#[test]
fn reading_moves_the_position_by_what_was_read() {
    let (mut bench, handle) = holding(ACCESS_READ);
    let d = bench.data;
    answer(&mut bench, Ok(Reply::Data(b"ab".to_vec())));
    assert_eq!(bench.syscall(READ, &[handle, d, 8, d + 64]), OK);
    assert_eq!(&bench.get::<2>(0), b"ab");
    assert_eq!(bench.word(64), 2);
    let asked = Request::ObjectRead {
        object: 9,
        pos: 0,
        len: 8,
    };
    assert_eq!(bench.ta.world.requests, [asked]);
    assert_eq!(info(&mut bench, handle)[1], 2);
}

#[test]
fn writing_moves_position_and_end() {
    let (mut bench, handle) = holding(ACCESS_WRITE);
    let d = bench.data;
    bench.put(0, b"abcd");
    assert_eq!(bench.syscall(SEEK, &[handle, 8, 0]), OK);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(WRITE, &[handle, d, 4]), OK);
    let asked = Request::ObjectWrite {
        object: 9,
        pos: 8,
        data: b"abcd".to_vec(),
    };
    assert_eq!(bench.ta.world.requests, [asked]);
    assert_eq!(info(&mut bench, handle), [12, 12, STATE | 2]);
}

#[test]
fn truncating_leaves_the_position() {
    let (mut bench, handle) = holding(ACCESS_WRITE);
    assert_eq!(bench.syscall(SEEK, &[handle, 0, 2]), OK);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(TRUNCATE, &[handle, 3]), OK);
    assert_eq!(info(&mut bench, handle), [3, 10, STATE | 2]);
}

#[test]
fn rights_are_those_of_the_handle() {
    let (mut bench, handle) = holding(ACCESS_META);
    let d = bench.data;
    let conflict = TeeResult::ERROR_ACCESS_CONFLICT;
    assert_eq!(bench.syscall(READ, &[handle, d, 1, d]), conflict);
    assert_eq!(bench.syscall(WRITE, &[handle, d, 1]), conflict);
    assert_eq!(bench.syscall(TRUNCATE, &[handle, 1]), conflict);
    let (mut bench, handle) = holding(ACCESS_READ);
    assert_eq!(bench.syscall(DELETE, &[handle]), conflict);
    let state = TeeResult::ERROR_BAD_STATE;
    assert_eq!(bench.syscall(RENAME, &[handle, d, 1]), state);
    assert!(bench.ta.world.requests.is_empty());
}

#[test]
fn what_is_no_persistent_object_is_in_a_bad_state() {
    let mut bench = Bench::new();
    let d = bench.data;
    let state = TeeResult::ERROR_BAD_STATE;
    assert_eq!(
        bench.syscall(ALLOC_OBJECT, &[TEE_TYPE_AES.into(), 128, d]),
        OK
    );
    let transient = u64::from(bench.word(0));
    for handle in [transient, 99, u64::MAX] {
        assert_eq!(bench.syscall(READ, &[handle, d, 1, d]), state);
        assert_eq!(bench.syscall(WRITE, &[handle, d, 1]), state);
        assert_eq!(bench.syscall(TRUNCATE, &[handle, 1]), state);
        assert_eq!(bench.syscall(SEEK, &[handle, 1, 0]), state);
        assert_eq!(bench.syscall(RENAME, &[handle, d, 1]), state);
    }
}

#[test]
fn a_position_stays_within_its_limits() {
    let (mut bench, handle) = holding(ACCESS_READ);
    let below = u64::from(-5i32 as u32);
    for (offset, whence, position) in [
        (7, 0, 7),
        (1, 1, 8),
        (below, 1, 3),
        (below, 1, 0),
        (below, 2, 5),
        (below, 0, 0),
        (0x7FFF_FFFF, 0, 0x7FFF_FFFF),
        (0x7FFF_FFFF, 1, 0xFFFF_FFFE),
        (1, 1, 0xFFFF_FFFF),
    ] {
        let result = bench.syscall(SEEK, &[handle, offset, whence]);
        assert_eq!(result, OK, "{offset:#x} {whence}");
        assert_eq!(info(&mut bench, handle)[1], position);
    }
    assert_eq!(bench.syscall(SEEK, &[handle, 1, 1]), BAD);
    assert_eq!(bench.syscall(SEEK, &[handle, 0, 3]), BAD);
}

#[test]
fn a_position_that_wraps_is_an_overflow() {
    let (mut bench, handle) = holding(ACCESS_READ | ACCESS_WRITE);
    let d = bench.data;
    assert_eq!(bench.syscall(SEEK, &[handle, 1, 0]), OK);
    let overflow = TeeResult::ERROR_OVERFLOW;
    assert_eq!(bench.syscall(READ, &[handle, d, u64::MAX, d]), overflow);
    assert_eq!(bench.syscall(WRITE, &[handle, d, u64::MAX]), overflow);
}

#[test]
fn a_corrupt_objects_handle_is_closed_unless_the_ta_keeps_it() {
    let corrupt = TeeResult::ERROR_CORRUPT_OBJECT;
    for (flags, then) in [
        (0, TeeResult::ERROR_BAD_STATE),
        (TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT, corrupt),
    ] {
        let (mut bench, handle) = holding(ACCESS_READ);
        let d = bench.data;
        bench.ta.config.flags = flags;
        answer(&mut bench, Err(corrupt));
        assert_eq!(bench.syscall(READ, &[handle, d, 1, d]), corrupt);
        bench.ta.world.replies = vec![Err(corrupt)];
        assert_eq!(bench.syscall(READ, &[handle, d, 1, d]), then);
    }
}

#[test]
fn deleting_takes_the_handle_with_it() {
    let (mut bench, handle) = holding(ACCESS_META);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(DELETE, &[handle]), OK);
    let delete = Request::ObjectDelete { object: 9 };
    assert_eq!(bench.ta.world.requests, [delete]);
    assert_eq!(bench.syscall(DELETE, &[handle]), TeeResult::ERROR_BAD_STATE);
}

#[test]
fn renaming_passes_on_what_the_secure_world_says() {
    let (mut bench, handle) = holding(ACCESS_META);
    let d = bench.data;
    bench.put(0, b"new");
    assert_eq!(bench.syscall(RENAME, &[handle, d, 65]), BAD);
    let conflict = TeeResult::ERROR_ACCESS_CONFLICT;
    answer(&mut bench, Err(conflict));
    assert_eq!(bench.syscall(RENAME, &[handle, d, 3]), conflict);
    let rename = Request::ObjectRename {
        object: 9,
        id: b"new".to_vec(),
    };
    assert_eq!(bench.ta.world.requests, [rename]);
}

#[test]
fn a_listing_tells_each_object_and_its_end() {
    let mut bench = Bench::new();
    let d = bench.data;
    let missing = TeeResult::ERROR_ITEM_NOT_FOUND;
    assert_eq!(bench.syscall(ALLOC_ENUM, &[0]), BAD);
    assert_eq!(bench.syscall(ALLOC_ENUM, &[d]), OK);
    let number = u64::from(bench.word(0));
    let next = [number, d + 64, d + 128, d + 256];
    assert_eq!(bench.syscall(NEXT_ENUM, &next), missing, "not started");
    assert_eq!(bench.syscall(START_ENUM, &[number, 5]), missing);
    answer(&mut bench, Ok(Reply::Enumerator(4)));
    assert_eq!(bench.syscall(START_ENUM, &[number, PRIVATE]), OK);
    let entry = Reply::Entry {
        id: b"name".to_vec(),
        flags: 1,
        head: DATA,
        data_size: 5,
    };
    answer(&mut bench, Ok(entry));
    assert_eq!(bench.syscall(NEXT_ENUM, &next), OK);
    assert_eq!(&bench.get::<4>(128), b"name");
    assert_eq!(bench.word(256), 4);
    assert_eq!((bench.word(80), bench.word(88)), (5, STATE | 1));
    answer(&mut bench, Err(missing));
    assert_eq!(bench.syscall(NEXT_ENUM, &next), missing);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(FREE_ENUM, &[number]), OK);
    let end = Request::EnumEnd { enumerator: 4 };
    assert_eq!(bench.ta.world.requests.last(), Some(&end));
    assert_eq!(bench.syscall(RESET_ENUM, &[number]), BAD);
}

#[test]
fn a_listing_writes_to_the_tas_own_memory_only() {
    let mut bench = Bench::new();
    let d = bench.data;
    assert_eq!(bench.syscall(ALLOC_ENUM, &[d]), OK);
    let number = u64::from(bench.word(0));
    let denied = TeeResult::ERROR_ACCESS_DENIED;
    assert_eq!(bench.syscall(NEXT_ENUM, &[number, 8, d, d]), denied);
    assert_eq!(bench.syscall(NEXT_ENUM, &[number, d, 8, d]), denied);
    assert_eq!(bench.syscall(NEXT_ENUM, &[99, 8, 8, 8]), BAD);
}

#[test]
fn nonsense_from_the_secure_world_is_a_communication_error() {
    let lost = TeeResult::ERROR_COMMUNICATION;
    let (mut bench, handle) = holding(ACCESS_READ);
    let d = bench.data;
    answer(&mut bench, Ok(Reply::Data(vec![0; 9])));
    assert_eq!(bench.syscall(READ, &[handle, d, 8, d]), lost);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(READ, &[handle, d, 8, d]), lost);
    answer(&mut bench, Ok(Reply::Done));
    assert_eq!(bench.syscall(OPEN, &[PRIVATE, d, 2, ALL, d]), lost);
}
