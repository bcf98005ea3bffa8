//! Entries: parameters in and out, death, snapshots.

use alloc::vec;

use litebox::{Access, AddressSpace, Exit, FaultKind};
use platform_mock::Act;
use tee_abi::param::{Identity, ParamType};
use tee_abi::{Origin, TeeResult};

use super::support::Bench;
use crate::{MemRef, Param, Params};

fn ret(code: u64) -> Act {
    Act::Syscall(0, vec![code])
}

/// The address of `struct utee_params` that the next entry passes.
fn params_at(bench: &Bench) -> u64 {
    bench.ta.layout.stack_top - 80
}

#[test]
fn a_result_of_the_ta_has_its_origin() {
    let mut bench = Bench::new();
    let outcome = bench.invoke(&[ret(0xffff_0006)], &mut Params::default());
    assert_eq!(outcome.result, TeeResult::ERROR_BAD_PARAMETERS);
    assert_eq!(outcome.origin, Origin::TrustedApp);
    assert_eq!(bench.ta.regs.entered, [2, 1, params_at(&bench), 0]);
}

#[test]
fn values_come_back_by_direction() {
    let mut bench = Bench::new();
    let at = params_at(&bench);
    let value = |ty, a, b| Param::Value { ty, a, b };
    let mut params = [
        value(ParamType::ValueInput, 1, 2),
        value(ParamType::ValueOutput, 3, 4),
        value(ParamType::ValueInout, 5, 6),
        Param::None,
    ];
    let store = |i: u64, word: u64| Act::Store(at + 8 + 16 * i, word.to_le_bytes().to_vec());
    let _ = bench.invoke(
        &[store(0, 91), store(1, 93), store(2, 95), ret(0)],
        &mut params,
    );
    let words = params.map(|p| {
        if let Param::Value { a, b, .. } = p {
            (a, b)
        } else {
            (0, 0)
        }
    });
    assert_eq!(words, [(1, 2), (93, 0), (95, 6), (0, 0)]);
}

#[test]
fn buffers_are_mapped_for_the_entry_alone() {
    let mut bench = Bench::new();
    let shared = bench.ta.space_mut().new_shared(8192).unwrap();
    shared.write(4090, b"0123456789");
    let mem = |offset, size| MemRef {
        memory: Some((shared.clone(), offset)),
        size,
    };
    let mut params = [
        Param::MemRef {
            ty: ParamType::MemrefInput,
            mem: mem(4090, 10),
        },
        Param::MemRef {
            ty: ParamType::MemrefInout,
            mem: mem(4094, 2),
        },
        Param::MemRef {
            ty: ParamType::MemrefOutput,
            mem: MemRef {
                memory: None,
                size: 0,
            },
        },
        Param::None,
    ];
    let before = bench.ta.mm.regions().count();
    // One region for both, from the lowest room above the stack's guard.
    let base = bench.ta.layout.stack_top + 4096;
    let at = params_at(&bench);
    let script = [
        Act::Store(base + 4094, b"xy".to_vec()),
        Act::Store(at + 8 + 16 + 8, 7u64.to_le_bytes().to_vec()),
        ret(0),
    ];
    let outcome = bench.invoke(&script, &mut params);
    assert_eq!(outcome.result, TeeResult::SUCCESS);
    assert_eq!(shared.read(4090, 10), b"0123xy6789");
    let Param::MemRef { mem, .. } = &params[1] else {
        panic!()
    };
    assert_eq!(mem.size, 7);
    assert_eq!(bench.ta.mm.regions().count(), before);
}

#[test]
fn a_buffer_beyond_its_memory_is_refused() {
    let mut bench = Bench::new();
    let shared = bench.ta.space_mut().new_shared(4096).unwrap();
    for (offset, size) in [(0, 4097), (8192, 1), (u64::MAX, 2), (0, u64::MAX)] {
        let mem = MemRef {
            memory: Some((shared.clone(), offset)),
            size,
        };
        let mut params = Params::default();
        params[0] = Param::MemRef {
            ty: ParamType::MemrefInput,
            mem,
        };
        let outcome = bench.invoke(&[ret(0)], &mut params);
        assert_eq!(
            outcome.result,
            TeeResult::ERROR_BAD_PARAMETERS,
            "{offset:#x} {size:#x}"
        );
        assert_eq!(outcome.origin, Origin::Tee);
    }
}

#[test]
fn a_panic_ends_the_instance_with_a_dump() {
    let mut bench = Bench::new();
    let outcome = bench.invoke(&[Act::Syscall(2, vec![0x1234, 0])], &mut Params::default());
    assert_eq!(outcome.result, TeeResult::ERROR_TARGET_DEAD);
    assert_eq!(outcome.origin, Origin::Tee);
    assert!(bench.logged("E/TC:? 0 TA panicked with code 0x1234"));
    assert!(bench.logged("E/LD:  Status of TA 07070707-0707-0707-0707-070707070707"));
    assert!(bench.logged("flags rw-s (stack)"));
    let again = bench.invoke(&[ret(0)], &mut Params::default());
    assert_eq!(again.result, TeeResult::ERROR_TARGET_DEAD);
    assert!(bench.ta.take_dump().is_some());
    assert_eq!(bench.ta.close_session(1).result, TeeResult::SUCCESS);
}

#[test]
fn an_abort_names_its_address_and_kind() {
    let mut bench = Bench::new();
    let fault = Exit::Fault {
        pc: 4,
        addr: 0x10,
        access: Access::Write,
        kind: FaultKind::Unmapped,
    };
    let outcome = bench.invoke(&[Act::Exit(fault)], &mut Params::default());
    assert_eq!(outcome.result, TeeResult::ERROR_TARGET_DEAD);
    assert!(bench.logged("E/TC:? 0 User mode data-abort at address 0x10 (translation fault)"));
    assert!(bench.logged(" esr 0x92000047"));
}

#[test]
fn a_refused_session_is_gone() {
    let mut bench = Bench::unopened();
    let outcome = bench.enter_open(&[ret(0xffff_0001)], &mut Params::default());
    assert_eq!(outcome.result, TeeResult::ERROR_ACCESS_DENIED);
    assert_eq!(bench.ta.session_count(), 0);
    assert_eq!(
        bench.invoke(&[], &mut Params::default()).result,
        TeeResult::ERROR_ITEM_NOT_FOUND
    );
}

#[test]
fn a_snapshot_brings_a_dead_instance_back() {
    let mut bench = Bench::new();
    bench.put(0, b"alive");
    let moment = bench.ta.snapshot().unwrap();
    bench.put(0, b"dying");
    let _ = bench.invoke(&[Act::Syscall(2, vec![1, 0])], &mut Params::default());
    assert!(bench.ta.is_dead());
    bench.ta.restore(&moment).unwrap();
    assert_eq!(&bench.get::<5>(0), b"alive");
    assert_eq!(
        bench.invoke(&[ret(0)], &mut Params::default()).result,
        TeeResult::SUCCESS
    );
}

#[test]
fn two_sessions_have_masks_of_their_own() {
    let mut bench = Bench::new();
    bench.ta.cpu.script = [ret(0)].into();
    let second = bench
        .ta
        .open_session(2, Identity::PUBLIC, &mut Params::default());
    assert_eq!(second.result, TeeResult::SUCCESS);
    assert_eq!(bench.ta.session_count(), 2);
}
