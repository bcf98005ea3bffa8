//! AArch32 guest code leaves by the right exit, with the right registers and state.

use cpu_engine::{Engine, Options, Regs};
use litebox::{Access, AddressSpace, Cpu, Exit, FaultKind, Mm, Placement, Prot, Registers, Width};
use platform_mock::MockSpace;

const CODE: u64 = 0x10_0000;
const DATA: u64 = 0x20_0000;

fn guest(code: &[u8], thumb: bool) -> (Engine, Regs, Mm<MockSpace>) {
    let mut mm = Mm::new(MockSpace::new());
    mm.map(Placement::At(CODE), 0x2000, Prot::RX, 1).unwrap();
    mm.map(Placement::At(DATA), 0x2000, Prot::RW, 2).unwrap();
    mm.space_mut().poke(CODE, code).unwrap();
    let mut regs = Regs::arm();
    regs.enter(CODE | u64::from(thumb), DATA + 0x2000, [1, 2, 3, 4]);
    (Engine::new(Options::default()), regs, mm)
}

fn t32(halves: &[u16]) -> (Engine, Regs, Mm<MockSpace>) {
    let code: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
    guest(&code, true)
}

fn a32(words: &[u32]) -> (Engine, Regs, Mm<MockSpace>) {
    let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    guest(&code, false)
}

fn run(engine: &mut Engine, regs: &mut Regs, mm: &mut Mm<MockSpace>) -> Exit {
    engine.run(regs, mm.space_mut(), &mut u64::MAX.clone())
}

#[test]
fn a_system_call_has_arguments_in_registers_and_on_the_stack() {
    // movs r7, #5; movs r6, #2; mov r5, sp; push {r0, r1}; mov r5, sp; svc #0; adds r0, #1; svc #0
    let code = [
        0x2705, 0x2602, 0x466d, 0xb403, 0x466d, 0xdf00, 0x3001, 0xdf00,
    ];
    let (mut engine, mut regs, mut mm) = t32(&code);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    let frame = regs.syscall(mm.space()).unwrap();
    assert_eq!((frame.number, frame.args), (5, [1, 2, 3, 4, 1, 2, 0, 0]));
    assert_eq!((regs.width(), regs.arch()), (Width::W32, "arm"));
    regs.set_result(0xffff_ffff_0000_0029);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!(regs.x(0), 0x2a);
}

#[test]
fn stacked_arguments_that_cannot_be_read_are_refused() {
    // mov r6, #1; svc #0, with r5 zero
    let (mut engine, mut regs, mut mm) = a32(&[0xe3a0_6001, 0xef00_0000]);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert!(regs.syscall(mm.space()).is_err());
}

#[test]
fn a_block_of_conditional_instructions_goes_on_where_it_was_left() {
    // cmp r0, #2; ite eq; moveq r1, #7; movne r1, #9; svc #0
    let (mut engine, mut regs, mut mm) = t32(&[0x2802, 0xbf0c, 0x2107, 0x2109, 0xdf00]);
    for expected in [2, 4, 6, 8] {
        assert_eq!(engine.step(&mut regs, mm.space_mut()), Exit::Step);
        assert_eq!(regs.pc(), CODE + expected);
    }
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!(regs.x(1), 9);
}

#[test]
fn a_fault_in_a_block_shows_the_state_of_the_block() {
    // cmp r0, #1; itt eq; ldreq r1, [r2]; moveq r1, #9; with r2 unmapped
    let (mut engine, mut regs, mut mm) = t32(&[0x2801, 0xbf04, 0x6811, 0x2109, 0xdf00]);
    regs.set_x(2, DATA + 0x2000);
    let fault = Exit::Fault {
        pc: CODE + 4,
        addr: DATA + 0x2000,
        access: Access::Read,
        kind: FaultKind::Unmapped,
    };
    assert_eq!(run(&mut engine, &mut regs, &mut mm), fault);
    // ITSTATE is 0000:0100: condition eq, two instructions left.
    assert_eq!(regs.cpsr() & 0x0600_fc20, 1 << 10 | 1 << 5);
    regs.set_x(2, DATA);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!(regs.x(1), 9);
}

#[test]
fn branches_change_the_instruction_set() {
    // add r0, pc, #1; bx r0 (A32); then T32: bx pc; nop; then A32: svc #0
    let words = [0xe28f_0001, 0xe12f_ff10, 0xbf00_4778, 0xef00_0000];
    let (mut engine, mut regs, mut mm) = a32(&words);
    for (pc, thumb) in [(4, 0), (8, 1), (12, 0)] {
        assert_eq!(engine.step(&mut regs, mm.space_mut()), Exit::Step);
        assert_eq!((regs.pc(), regs.cpsr() >> 5 & 1), (CODE + pc, thumb));
    }
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
}

#[test]
fn a_call_returns_to_its_instruction_set() {
    // blx to A32 at 8; adds r0, #1; svc; then A32: mov r1, #5; bx lr
    let code = [
        0xf000, 0xe802, 0x3001, 0xdf00, 0x1005, 0xe3a0, 0xff1e, 0xe12f,
    ];
    let (mut engine, mut regs, mut mm) = t32(&code);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!((regs.x(0), regs.x(1), regs.pc()), (2, 5, CODE + 8));
}

#[test]
fn big_endian_data_and_unknown_words_are_undefined() {
    let (mut engine, mut regs, mut mm) = t32(&[0xbf00, 0xb658]);
    let undefined = |pc, word| Exit::Undefined { pc, word };
    assert_eq!(
        run(&mut engine, &mut regs, &mut mm),
        undefined(CODE + 2, 0xb658)
    );
    let (mut engine, mut regs, mut mm) = t32(&[0xf7f0, 0xa000]);
    assert_eq!(
        run(&mut engine, &mut regs, &mut mm),
        undefined(CODE, 0xf7f0_a000)
    );
    assert_eq!(engine.disassemble(&regs, CODE, 0xf7f0_a000), "udf #0");
}

#[test]
fn lists_of_registers_must_be_aligned() {
    // ldm r0, {r1, r2}
    let (mut engine, mut regs, mut mm) = a32(&[0xe890_0006]);
    regs.set_x(0, DATA + 2);
    assert!(matches!(
        run(&mut engine, &mut regs, &mut mm),
        Exit::Fault { kind: FaultKind::Alignment, addr, .. } if addr == DATA + 2
    ));
}

#[test]
fn an_exclusive_pair_stores_once() {
    // ldrexd r0, r1, [r2]; strexd r3, r4, r5, [r2]; strexd r6, r4, r5, [r2]; svc #0
    let words = [0xe1b2_0f9f, 0xe1a2_3f94, 0xe1a2_6f94, 0xef00_0000];
    let (mut engine, mut regs, mut mm) = a32(&words);
    regs.set_x(2, DATA);
    regs.set_x(4, 7);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!((regs.x(3), regs.x(6)), (0, 1));
    assert_eq!(mm.space().load(DATA), Ok(7u64.to_le_bytes()));
}

#[test]
fn tables_of_branches_lead_forward() {
    // tbb [pc, r0]; table 2, 3; then movs r1, #8; svc; target of 1: movs r1, #9; svc
    let code = [0xe8df, 0xf000, 0x0301, 0x2108, 0xdf00, 0x2109, 0xdf00];
    let (mut engine, mut regs, mut mm) = t32(&code);
    assert_eq!(run(&mut engine, &mut regs, &mut mm), Exit::Syscall);
    assert_eq!(regs.x(1), 9);
}

#[test]
fn every_word_has_a_text() {
    let mut word = 1u32;
    for i in 0..1_000_000u64 {
        word = word.wrapping_mul(0x915f_77f5).wrapping_add(0x1234_5679) ^ word >> 15;
        let location = (i & 0xff) << 32 | CODE | i >> 8 & 1;
        assert!(!cpu_engine::a32::disassemble(word, location).is_empty());
    }
}
