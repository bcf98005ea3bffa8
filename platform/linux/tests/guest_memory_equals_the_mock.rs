//! Random operations on guest memory give the same answers on Linux as on the mock.

use std::ops::Range;

use litebox::{Access, AddressSpace, PAGE_SIZE, Prot};
use platform_linux::LinuxSpace;
use platform_mock::MockSpace;
use proptest::prelude::*;

/// Where the operations play: some pages at the bottom, and the last ones.
const BOTTOM: u64 = 0xf000;
const TOP: u64 = 0xffff_c000;
const PAGES: u64 = 8;

#[derive(Clone, Debug)]
enum Op {
    Map(Range<u64>, Prot),
    MapShared(Range<u64>, Prot, usize, u64),
    Protect(Range<u64>, Prot),
    Unmap(Range<u64>),
    Read(u64, usize),
    Fetch(u64, usize),
    Peek(u64, usize),
    Write(u64, Vec<u8>),
    Poke(u64, Vec<u8>),
    Load(u64),
    Store(u64, u64),
    Exchange(u64, u64, u64),
    Check(u64, u64, Access),
}

fn page() -> impl Strategy<Value = u64> {
    (any::<bool>(), 0..PAGES).prop_map(|(top, n)| {
        if top {
            TOP + n * PAGE_SIZE
        } else {
            BOTTOM + n * PAGE_SIZE
        }
    })
}

fn range() -> impl Strategy<Value = Range<u64>> {
    (
        page(),
        0..5u64,
        prop_oneof![9 => Just(0u64), 1 => 0..PAGE_SIZE],
    )
        .prop_map(|(start, pages, slip)| start + slip..start + pages * PAGE_SIZE)
}

/// Addresses, often just before the end of a page.
fn addr() -> impl Strategy<Value = u64> {
    (page(), prop_oneof![0..PAGE_SIZE, PAGE_SIZE - 17..PAGE_SIZE]).prop_map(|(p, at)| p + at)
}

fn prot() -> impl Strategy<Value = Prot> {
    (0..8u8).prop_map(Prot::from_bits)
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(Access::Read),
        Just(Access::Write),
        Just(Access::Execute)
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 4000..9000),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let len = || prop_oneof![0..40usize, 4000..9000usize];
    let shared_prot = prop_oneof![Just(Prot::NONE), Just(Prot::R), Just(Prot::RW)];
    prop_oneof![
        3 => (range(), prot()).prop_map(|(r, p)| Op::Map(r, p)),
        3 => (range(), shared_prot, 0..2usize, 0..6u64)
            .prop_map(|(r, p, s, page)| Op::MapShared(r, p, s, page * PAGE_SIZE)),
        2 => (range(), prot()).prop_map(|(r, p)| Op::Protect(r, p)),
        1 => range().prop_map(Op::Unmap),
        2 => (addr(), len()).prop_map(|(a, n)| Op::Read(a, n)),
        1 => (addr(), len()).prop_map(|(a, n)| Op::Fetch(a, n)),
        1 => (addr(), len()).prop_map(|(a, n)| Op::Peek(a, n)),
        2 => (addr(), data()).prop_map(|(a, d)| Op::Write(a, d)),
        1 => (addr(), data()).prop_map(|(a, d)| Op::Poke(a, d)),
        4 => addr().prop_map(Op::Load),
        4 => (addr(), any::<u64>()).prop_map(|(a, v)| Op::Store(a, v)),
        3 => (addr(), 0..2u64, 0..2u64).prop_map(|(a, o, n)| Op::Exchange(a, o, n)),
        2 => (addr(), 0..9000u64, access()).prop_map(|(a, n, c)| Op::Check(a, n, c)),
    ]
}

/// Applies an operation and prints everything it answers.
fn apply<A: AddressSpace>(space: &mut A, shared: &[A::Shared], op: &Op) -> String {
    let copied = |result: Result<(), _>, bytes: Vec<u8>| format!("{:?}", result.map(|()| bytes));
    match op.clone() {
        Op::Map(range, prot) => format!("{:?}", space.map(range, prot)),
        Op::MapShared(range, prot, which, offset) => {
            format!(
                "{:?}",
                space.map_shared(range, prot, &shared[which], offset)
            )
        }
        Op::Protect(range, prot) => format!("{:?}", space.protect(range, prot)),
        Op::Unmap(range) => format!("{:?}", space.unmap(range)),
        Op::Read(addr, len) => {
            let mut out = vec![0; len];
            copied(space.read(addr, &mut out), out)
        }
        Op::Fetch(addr, len) => {
            let mut out = vec![0; len];
            copied(space.fetch(addr, &mut out), out)
        }
        Op::Peek(addr, len) => {
            let mut out = vec![0; len];
            copied(space.peek(addr, &mut out), out)
        }
        Op::Write(addr, data) => format!("{:?}", space.write(addr, &data)),
        Op::Poke(addr, data) => format!("{:?}", space.poke(addr, &data)),
        Op::Load(addr) => load(space, addr),
        Op::Store(addr, value) => store(space, addr, value),
        Op::Exchange(addr, old, new) => exchange(space, addr, old, new),
        Op::Check(addr, len, access) => format!("{:?}", space.check(addr..addr + len, access)),
    }
}

fn load<A: AddressSpace>(space: &A, addr: u64) -> String {
    let narrow = (
        space.load::<1>(addr),
        space.load::<2>(addr),
        space.load::<4>(addr),
    );
    let wide = (
        space.load::<8>(addr),
        space.load::<16>(addr),
        space.load::<12>(addr),
    );
    format!("{narrow:?} {wide:?}")
}

fn store<A: AddressSpace>(space: &mut A, addr: u64, value: u64) -> String {
    let bytes = value.to_le_bytes();
    let wide: [u8; 16] = u128::from(value)
        .wrapping_mul(0x1_0000_0000_0000_0001)
        .to_le_bytes();
    let narrow = (
        space.store(addr, [bytes[0]]),
        space.store(addr.wrapping_add(1), [bytes[1], bytes[2]]),
        space.store(
            addr.wrapping_add(3),
            [bytes[3], bytes[4], bytes[5], bytes[6]],
        ),
    );
    let wide = (
        space.store(addr.wrapping_add(5), bytes),
        space.store(addr.wrapping_add(7), wide),
    );
    format!("{narrow:?} {wide:?}")
}

fn exchange<A: AddressSpace>(space: &mut A, addr: u64, old: u64, new: u64) -> String {
    let low = |n: u64| n.to_le_bytes();
    let wide = |n: u64| u128::from(n).to_le_bytes();
    let byte = space.compare_exchange(addr, [old as u8], [new as u8]);
    let two = space.compare_exchange(addr & !1, [old as u8, 0], [new as u8, 0]);
    let four = space.compare_exchange(
        addr & !3,
        (old as u32).to_le_bytes(),
        (new as u32).to_le_bytes(),
    );
    let eight = space.compare_exchange(addr & !7, low(old), low(new));
    let sixteen = space.compare_exchange(addr & !15, wide(old), wide(new));
    format!("{byte:?} {two:?} {four:?} {eight:?} {sixteen:?}")
}

/// Every executable byte of the arena.
fn code<A: AddressSpace>(space: &A) -> Vec<Option<Vec<u8>>> {
    (0..2 * PAGES)
        .map(|n| {
            if n < PAGES {
                BOTTOM + n * PAGE_SIZE
            } else {
                TOP + (n - PAGES) * PAGE_SIZE
            }
        })
        .map(|addr| {
            let mut page = vec![0; PAGE_SIZE as usize];
            space.fetch(addr, &mut page).ok().map(|()| page)
        })
        .collect()
}

/// Every mapped byte of the arena.
fn content<A: AddressSpace>(space: &A) -> Vec<Option<Vec<u8>>> {
    (0..2 * PAGES)
        .map(|n| {
            if n < PAGES {
                BOTTOM + n * PAGE_SIZE
            } else {
                TOP + (n - PAGES) * PAGE_SIZE
            }
        })
        .map(|addr| {
            let mut page = vec![0; PAGE_SIZE as usize];
            space.peek(addr, &mut page).ok().map(|()| page)
        })
        .collect()
}

/// An operation whose answer is defined to differ: shared memory is never executable on Linux.
fn makes_shared_code(ops: &[Op]) -> bool {
    let shares = ops.iter().any(|op| matches!(op, Op::MapShared(..)));
    let executes = ops
        .iter()
        .any(|op| matches!(op, Op::Protect(_, prot) if prot.contains(Prot::X)));
    shares && executes
}

fn without_code(op: Op, shares: bool) -> Op {
    match op {
        Op::Protect(range, prot) if shares => Op::Protect(range, Prot::from_bits(prot.bits() & 3)),
        op => op,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_answers_the_same(ops in prop::collection::vec(op(), 1..60)) {
        let shares = makes_shared_code(&ops);
        let mut linux = LinuxSpace::new().unwrap();
        let mut mock = MockSpace::new();
        let linux_shared = [linux.new_shared(3 * PAGE_SIZE).unwrap(), linux.new_shared(5000).unwrap()];
        let mock_shared = [mock.new_shared(3 * PAGE_SIZE).unwrap(), mock.new_shared(5000).unwrap()];
        for op in ops.into_iter().map(|op| without_code(op, shares)) {
            let before = (linux.code_epoch(), code(&linux));
            let answers = (apply(&mut linux, &linux_shared, &op), apply(&mut mock, &mock_shared, &op));
            // Bytes behind the first fault are unspecified, so only the answers are compared.
            prop_assert_eq!(&answers.0, &answers.1, "{:?}", op);
            if linux.code_epoch() == before.0 {
                prop_assert_eq!(before.1, code(&linux), "stale code after {:?}", op);
            }
        }
        prop_assert_eq!(content(&linux), content(&mock));
    }
}
