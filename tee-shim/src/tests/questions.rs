//! What a TA may ask: properties, rights, time, cancellation, randomness, log; and what is not there.

use alloc::vec;

use platform_mock::Act;
use tee_abi::TeeResult;
use tee_abi::core::{Reply, Request};

use super::support::Bench;
use crate::Params;

const TEE: u64 = 0xffff_fffd;
const CLIENT: u64 = 0xffff_fffe;

#[test]
fn a_property_is_found_by_name_and_read_by_index() {
    let mut bench = Bench::new();
    bench.put(0, b"gpd.tee.description\0");
    let d = bench.data;
    assert_eq!(bench.syscall(4, &[TEE, d, 20, d + 64]), TeeResult::SUCCESS);
    let index = u64::from(bench.word(64));
    bench.put(72, &16u32.to_le_bytes());
    let result = bench.syscall(3, &[TEE, index, 0, 0, d + 80, d + 72, d + 68]);
    assert_eq!(result, TeeResult::SUCCESS);
    assert_eq!((bench.word(68), bench.word(72)), (4, 6));
    assert_eq!(&bench.get::<6>(80), b"OPTEE\0");
}

#[test]
fn a_short_buffer_learns_the_size() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.put(0, &19u32.to_le_bytes());
    let result = bench.syscall(3, &[CLIENT, 0, 0, 0, d + 8, d, 0]);
    assert_eq!(result, TeeResult::ERROR_SHORT_BUFFER);
    assert_eq!(bench.word(0), 20);
}

#[test]
fn unknown_properties_are_not_found() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.put(0, b"gpd.no\0");
    for (args, result) in [
        ([TEE, d, 7, d + 64], TeeResult::ERROR_ITEM_NOT_FOUND),
        ([1, d, 7, d + 64], TeeResult::ERROR_ITEM_NOT_FOUND),
        ([TEE, 0, 7, d + 64], TeeResult::ERROR_BAD_PARAMETERS),
        ([TEE, d, u64::MAX, d + 64], TeeResult::ERROR_ACCESS_DENIED),
        ([TEE, 8, 7, d + 64], TeeResult::ERROR_ACCESS_DENIED),
    ] {
        assert_eq!(bench.syscall(4, &args), result, "{args:x?}");
    }
    assert_eq!(
        bench.syscall(3, &[TEE, 99, 0, 0, 0, 0, 0]),
        TeeResult::ERROR_ITEM_NOT_FOUND
    );
}

#[test]
fn access_rights_follow_mappings_and_owner() {
    let mut bench = Bench::new();
    let d = bench.data;
    let denied = TeeResult::ERROR_ACCESS_DENIED;
    for (flags, addr, len, result) in [
        (3, d, 4096, TeeResult::SUCCESS),
        (3, d, 4097, denied),
        (1, 0, 1, denied),
        (1, 0, 0, TeeResult::SUCCESS),
        (1, u64::MAX, 2, denied),
        (0x1000_0001, d, 8, denied),
        (0x2000_0001, d, 8, TeeResult::SUCCESS),
        (0x3000_0001, d, 0, denied),
    ] {
        assert_eq!(
            bench.syscall(8, &[flags, addr, len]),
            result,
            "{flags:x} {addr:x} {len:x}"
        );
    }
}

#[test]
fn persistent_time_is_unset_then_follows_system_time() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.ta.platform.now = core::time::Duration::from_millis(10_500);
    bench
        .ta
        .world
        .replies
        .push(Err(TeeResult::ERROR_TIME_NOT_SET));
    assert_eq!(bench.syscall(13, &[1, d]), TeeResult::ERROR_TIME_NOT_SET);
    bench.put(0, &[20, 0, 0, 0, 0xf4, 1, 0, 0]);
    bench.ta.world.replies.push(Ok(Reply::Done));
    assert_eq!(bench.syscall(14, &[d]), TeeResult::SUCCESS);
    let asked = bench.ta.world.requests.last().cloned();
    assert_eq!(asked, Some(Request::SetTaTimeOffset { offset_ms: 10_000 }));
    bench
        .ta
        .world
        .replies
        .push(Ok(Reply::TimeOffset(i64::from(u32::MAX) * 1000)));
    assert_eq!(bench.syscall(13, &[1, d]), TeeResult::ERROR_OVERFLOW);
    assert_eq!((bench.word(0), bench.word(4)), (9, 500));
    bench.put(4, &1000u32.to_le_bytes());
    assert_eq!(bench.syscall(14, &[d]), TeeResult::ERROR_BAD_PARAMETERS);
    assert_eq!(bench.syscall(13, &[3, d]), TeeResult::ERROR_BAD_PARAMETERS);
}

#[test]
fn cancellation_is_masked_until_unmasked() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.ta.world.cancelled = true;
    let script = [
        Act::Syscall(9, vec![d]),
        Act::Syscall(12, vec![1000]),
        Act::Syscall(10, vec![d + 4]),
        Act::Syscall(9, vec![d + 8]),
        Act::Syscall(12, vec![1000]),
        Act::Syscall(11, vec![d + 12]),
        Act::Syscall(0, vec![0]),
    ];
    let _ = bench.invoke(&script, &mut Params::default());
    assert_eq!(
        [bench.word(0), bench.word(4), bench.word(8), bench.word(12)],
        [0, 1, 1, 0]
    );
    let cancel = u64::from(TeeResult::ERROR_CANCEL.0);
    assert_eq!(bench.ta.regs.results, [0, 0, 0, 0, cancel, 0]);
}

#[test]
fn random_bytes_fill_the_buffer_or_none_of_it() {
    let mut bench = Bench::new();
    let d = bench.data;
    assert_eq!(bench.syscall(33, &[d, 4096]), TeeResult::SUCCESS);
    assert_ne!(bench.get::<32>(4064), [0; 32]);
    bench.put(0, &[0; 8]);
    assert_eq!(
        bench.syscall(33, &[d, 4097]),
        TeeResult::ERROR_ACCESS_DENIED
    );
    assert_eq!(bench.get::<8>(0), [0; 8]);
}

#[test]
fn the_log_carries_lines_as_they_are() {
    let mut bench = Bench::new();
    bench.put(0, b"D/TA:  f:1 one\nD/TA:  f:2 two\n\0junk");
    assert_eq!(bench.syscall(1, &[bench.data, 35]), TeeResult::SUCCESS);
    assert_eq!(
        bench.ta.platform.lines,
        ["D/TA:  f:1 one", "D/TA:  f:2 two"]
    );
}

#[test]
fn what_is_not_there_says_so_once() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        assert_eq!(bench.syscall(60, &[]), TeeResult::ERROR_NOT_SUPPORTED);
    }
    assert!(bench.logged("syscall number 60 is of the removed Secure Element API"));
    assert_eq!(bench.ta.platform.lines.len(), 1);
}

#[test]
fn an_unknown_ta_is_logged_with_its_caller() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.put(0, &[1; 16]);
    let result = bench.syscall(5, &[d, u64::from(u32::MAX), 0, d + 32, d + 36]);
    assert_eq!(result, TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(bench.word(36), 3);
    assert!(bench.logged(
        "no TA and no pseudo-TA 01010101-0101-0101-0101-010101010101, \
         wanted by TA 07070707-0707-0707-0707-070707070707"
    ));
}

#[test]
fn private_memory_is_not_passed_to_another_ta() {
    let mut bench = Bench::new();
    let d = bench.data;
    bench.put(64, &5u64.to_le_bytes());
    bench.put(72, &(d + 512).to_le_bytes());
    bench.put(80, &16u64.to_le_bytes());
    let result = bench.syscall(5, &[d, 0, d + 64, d + 32, d + 36]);
    assert_eq!(result, TeeResult::ERROR_BAD_PARAMETERS);
}
