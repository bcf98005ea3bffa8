//! Translated code leaves by the same exits as interpreted code, with the same registers.

use cpu_engine::{Engine, Options, Regs};
use litebox::{AddressSpace, Cpu, Exit, FaultKind, Prot, Registers};
use platform_linux::LinuxSpace;

const CODE: u64 = 0x10_0000;
const DATA: u64 = 0x20_0000;

fn guest(words: &[u32]) -> (Engine, Regs, LinuxSpace) {
    let mut space = LinuxSpace::new().unwrap();
    space.map(CODE..CODE + 0x1000, Prot::RX).unwrap();
    space.map(DATA..DATA + 0x2000, Prot::RW).unwrap();
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    space.poke(CODE, &bytes).unwrap();
    let mut regs = Regs::a64();
    regs.enter(CODE, DATA + 0x2000, [0; 4]);
    let engine = Engine::new(Options {
        translate: true,
        threshold: 1,
        ..Options::default()
    });
    assert!(engine.translates());
    (engine, regs, space)
}

/// 1: ldr x0, [x1], #8; add x2, x2, #1; b 1b
const WALK: [u32; 3] = [0xf840_8420, 0x9100_0442, 0x17ff_fffe];

#[test]
fn a_fault_is_precise() {
    for budget in [u64::MAX, 1 << 40] {
        let (mut engine, mut regs, mut space) = guest(&WALK);
        regs.set_x(1, DATA);
        let exit = engine.run(&mut regs, &mut space, &mut budget.clone());
        let (pc, addr, kind) = match exit {
            Exit::Fault { pc, addr, kind, .. } => (pc, addr, kind),
            exit => panic!("{exit:?}"),
        };
        assert_eq!((pc, addr, kind), (CODE, DATA + 0x2000, FaultKind::Unmapped));
        assert_eq!((regs.x(1), regs.x(2)), (DATA + 0x2000, 0x400));
    }
}

#[test]
fn wild_pointers_fault_with_their_address() {
    for wild in [1 << 32, u64::MAX - 7, 1 << 63, DATA + (1 << 32)] {
        let (mut engine, mut regs, mut space) = guest(&WALK);
        engine.run(&mut regs, &mut space, &mut 100);
        regs.set_pc(CODE);
        regs.set_x(1, wild);
        let exit = engine.run(&mut regs, &mut space, &mut u64::MAX.clone());
        assert!(
            matches!(exit, Exit::Fault { addr, .. } if addr == wild),
            "{exit:x?}"
        );
    }
}

#[test]
fn the_budget_ends_a_run_exactly() {
    // 1: add x2, x2, #1; b 1b
    let (mut engine, mut regs, mut space) = guest(&[0x9100_0442, 0x17ff_ffff]);
    for count in [1000, 1, 7, 12345] {
        let before = regs.x(2);
        let mut budget = 2 * count;
        assert_eq!(engine.run(&mut regs, &mut space, &mut budget), Exit::Budget);
        assert_eq!((regs.x(2) - before, budget), (count, 0));
    }
}

#[test]
fn another_thread_stops_an_endless_loop() {
    let (mut engine, mut regs, mut space) = guest(&[0x1400_0000]);
    let stop = engine.stop_handle();
    let thread = std::thread::spawn(move || stop.stop());
    let exit = engine.run(&mut regs, &mut space, &mut u64::MAX.clone());
    thread.join().unwrap();
    assert_eq!(exit, Exit::Stopped);
}

#[test]
fn an_access_may_cross_pages() {
    let (mut engine, mut regs, mut space) = guest(&WALK);
    space
        .write(DATA + 0xffc, &[1, 2, 3, 4, 5, 6, 7, 8])
        .unwrap();
    regs.set_x(1, DATA + 4);
    let exit = engine.run(&mut regs, &mut space, &mut (3 * 0x200));
    assert_eq!(exit, Exit::Budget);
    assert_eq!(regs.x(0), 0x0807_0605_0403_0201);
}
