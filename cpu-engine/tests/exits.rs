//! Guest code leaves by the right exit, with the right registers and budget.

use cpu_engine::{Engine, Options, Regs};
use litebox::{Access, AddressSpace, Cpu, Exit, FaultKind, Mm, Placement, Prot, Registers};
use platform_mock::MockSpace;

const CODE: u64 = 0x10_0000;
const DATA: u64 = 0x20_0000;

/// A space with code at `CODE` and two pages of data at `DATA`.
fn guest(words: &[u32]) -> (Engine, Regs, Mm<MockSpace>) {
    let mut mm = Mm::new(MockSpace::new());
    mm.map(Placement::At(CODE), 0x2000, Prot::RX, 1).unwrap();
    mm.map(Placement::At(DATA), 0x2000, Prot::RW, 2).unwrap();
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    mm.space_mut().poke(CODE, &bytes).unwrap();
    let mut regs = Regs::a64();
    regs.enter(CODE, DATA + 0x2000, [1, 2, 3, 4]);
    (Engine::new(Options::default()), regs, mm)
}

const SVC: u32 = 0xd400_0001;

#[test]
fn a_system_call_shows_its_frame_and_takes_its_result() {
    // mov x8, #7; svc #0; add x0, x0, #1; svc #0
    let (mut engine, mut regs, mut mm) = guest(&[0xd280_00e8, SVC, 0x9100_0400, SVC]);
    let mut budget = 1 << 40;
    assert_eq!(
        engine.run(&mut regs, mm.space_mut(), &mut budget),
        Exit::Syscall
    );
    let frame = regs.syscall(mm.space()).unwrap();
    assert_eq!((frame.number, frame.args[0], frame.args[3]), (7, 1, 4));
    regs.set_result(41);
    assert_eq!(
        engine.run(&mut regs, mm.space_mut(), &mut budget),
        Exit::Syscall
    );
    assert_eq!(regs.syscall(mm.space()).unwrap().args[0], 42);
    assert_eq!((1 << 40) - budget, 4);
}

#[test]
fn a_loop_runs_and_its_instructions_are_counted() {
    // mov w1, #1000; 1: add x0, x0, x1; subs w1, w1, #1; b.ne 1b; svc
    let words = [0x5280_7d01, 0x8b01_0000, 0x7100_0421, 0x54ff_ffc1, SVC];
    let (mut engine, mut regs, mut mm) = guest(&words);
    regs.set_x(0, 0);
    let mut budget = 10_000;
    assert_eq!(
        engine.run(&mut regs, mm.space_mut(), &mut budget),
        Exit::Syscall
    );
    assert_eq!(regs.x(0), 500_500);
    assert_eq!(budget, 10_000 - (1 + 3000 + 1));
}

#[test]
fn the_budget_ends_a_run_exactly() {
    let words = [0x5280_7d01, 0x8b01_0000, 0x7100_0421, 0x54ff_ffc1, SVC];
    let (mut engine, mut regs, mut mm) = guest(&words);
    for count in [1, 2, 3, 300, 1000] {
        let mut budget = count;
        assert_eq!(
            engine.run(&mut regs, mm.space_mut(), &mut budget),
            Exit::Budget
        );
        assert_eq!(budget, 0);
    }
    let mut budget = 1 << 40;
    assert_eq!(
        engine.run(&mut regs, mm.space_mut(), &mut budget),
        Exit::Syscall
    );
    assert_eq!((1 << 40) - budget, 3002 - 1306);
}

#[test]
fn a_fault_leaves_the_registers_as_they_were() {
    // ldr x0, [x1, #8]! at the end of the data
    let (mut engine, mut regs, mut mm) = guest(&[0xf840_8c20]);
    regs.set_x(1, DATA + 0x1ffc);
    let before = regs.clone();
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    let fault = Exit::Fault {
        pc: CODE,
        addr: DATA + 0x2004,
        access: Access::Read,
        kind: FaultKind::Unmapped,
    };
    assert_eq!(exit, fault);
    assert_eq!(regs, before);
}

#[test]
fn an_exclusive_access_must_be_aligned() {
    // ldxr x0, [x1]
    let (mut engine, mut regs, mut mm) = guest(&[0xc85f_7c20]);
    regs.set_x(1, DATA + 4);
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    assert!(
        matches!(exit, Exit::Fault { kind: FaultKind::Alignment, addr, .. } if addr == DATA + 4)
    );
}

#[test]
fn code_that_is_not_executable_faults_at_itself() {
    let (mut engine, mut regs, mut mm) = guest(&[0xd61f_0020]);
    regs.set_x(1, DATA);
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    let fault = Exit::Fault {
        pc: DATA,
        addr: DATA,
        access: Access::Execute,
        kind: FaultKind::Permission,
    };
    assert_eq!((exit, regs.pc()), (fault, DATA));
}

#[test]
fn what_is_no_instruction_is_named() {
    let (mut engine, mut regs, mut mm) = guest(&[0xd503_201f, 0xffff_ffff]);
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    let undefined = Exit::Undefined {
        pc: CODE + 4,
        word: 0xffff_ffff,
    };
    assert_eq!((exit, regs.pc()), (undefined, CODE + 4));
    assert_eq!(engine.disassemble(&regs, CODE, 0xd503_201f), "hint #0x0");
    assert_eq!(
        engine.disassemble(&regs, CODE, 0xffff_ffff),
        ".inst 0xffffffff"
    );
}

#[test]
fn a_breakpoint_and_a_step_are_exits() {
    let (mut engine, mut regs, mut mm) = guest(&[0x9100_0400, 0xd420_0000]);
    assert_eq!(engine.step(&mut regs, mm.space_mut()), Exit::Step);
    assert_eq!((regs.x(0), regs.pc()), (2, CODE + 4));
    let exit = engine.step(&mut regs, mm.space_mut());
    assert_eq!(exit, Exit::Breakpoint { pc: CODE + 4 });
}

#[test]
fn another_thread_stops_an_endless_loop() {
    let (mut engine, mut regs, mut mm) = guest(&[0x1400_0000]);
    let stop = engine.stop_handle();
    let thread = std::thread::spawn(move || stop.stop());
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    thread.join().unwrap();
    assert_eq!(exit, Exit::Stopped);
}

#[test]
fn changed_code_is_decoded_anew() {
    let (mut engine, mut regs, mut mm) = guest(&[0xd280_0020, SVC]);
    engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    assert_eq!(regs.x(0), 1);
    mm.space_mut()
        .poke(CODE, &0xd280_0040u32.to_le_bytes())
        .unwrap();
    regs.set_pc(CODE);
    engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    assert_eq!(regs.x(0), 2);
}

#[test]
fn an_exclusive_pair_stores_once() {
    // ldaxr x0, [x1]; stlxr w2, x3, [x1]; stlxr w4, x3, [x1]; svc
    let words = [0xc85f_fc20, 0xc802_fc23, 0xc804_fc23, SVC];
    let (mut engine, mut regs, mut mm) = guest(&words);
    regs.set_x(1, DATA);
    let exit = engine.run(&mut regs, mm.space_mut(), &mut u64::MAX.clone());
    assert_eq!(exit, Exit::Syscall);
    assert_eq!((regs.x(2), regs.x(4)), (0, 1));
    assert_eq!(
        mm.space().load(DATA),
        Ok(3u64.wrapping_add(1).to_le_bytes())
    );
}
