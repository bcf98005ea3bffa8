//! Every row of the AArch32 decode table computes what `qemu-arm-static` computes.
//!
//! As for A64: a program loads register states, executes one instruction in each, and writes out
//! the states after it; QEMU runs it as a process, the engine runs it too, the outputs must be
//! equal. `CPU_ENGINE_SAMPLES` sets the samples a row (2000), `CPU_ENGINE_ROWS` a mnemonic to be
//! tested alone. The test fails where QEMU is missing. Rows that both sets share are executed
//! in either.
//!
//! ```text
//! 0x1000000 driver (A32): for each stub { for each state { load, jump to the stub; save }; write }
//!           stubs:  the instruction, in T32 perhaps behind an IT; go to saved; go to saved_taken
//!           states, then scratch memory that loads and stores reach, then the output
//! ```

mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use cpu_engine::a32::{self, Set};
use cpu_engine::{Engine, Options, Regs};
use litebox::{AddressSpace, Cpu, Exit, Registers};
use support::operands::{number, vector};
use support::{FlatSpace, Random};

const BASE: u32 = 0x100_0000;
const STUBS: u32 = BASE + 0x1_0000;
/// Bytes in a stub.
const STUB: u32 = 32;
const STATES: u32 = BASE + 0x10_0000;
const SCRATCH: u32 = BASE + 0x20_0000;
const SCRATCH_LEN: u32 = 0x4_0000;
/// Output pointer, stub, stubs left, state, states left.
const VARIABLES: u32 = BASE + 0x2f_0000;
const OUTPUT: u32 = BASE + 0x30_0000;
const END: u32 = BASE + 0x40_0000;

/// Bytes in a state: r0 to r15, cpsr, fpscr, two unused, d0 to d31.
const STATE: usize = 336;
/// Where the status registers and the double registers lie in a state.
const CPSR: u32 = 64;
const FPSCR: u32 = 68;
const DOUBLES: u32 = 80;
/// Where the driver notes whether the instruction branched.
const TAKEN: u32 = 60;
/// The states each word is executed in.
const STATES_A_WORD: usize = 50;
/// Rows whose effect cannot be compared so: they leave, or tell about the machine.
const APART: [&str; 19] = [
    "udf", "svc", "bkpt", "bx", "bxj", "blx", "tbb", "tbh", "setend", "hint", "it", "cps", "mcr",
    "mrc", "mrrc", "vmsr", "pld", "pldw", "pli",
];

fn samples() -> usize {
    let set = std::env::var("CPU_ENGINE_SAMPLES").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(2000)
}

// The program.

const AL: u32 = 14 << 28;

fn movw(d: u32, value: u32) -> u32 {
    AL | 0x0300_0000 | (value >> 12 & 15) << 16 | d << 12 | value & 0xfff
}

fn constant(d: u32, value: u32) -> [u32; 2] {
    [movw(d, value & 0xffff), movw(d, value >> 16) | 0x0040_0000]
}

fn ldr(t: u32, n: u32, at: u32) -> u32 {
    AL | 0x0590_0000 | n << 16 | t << 12 | at
}

fn str(t: u32, n: u32, at: u32) -> u32 {
    AL | 0x0580_0000 | n << 16 | t << 12 | at
}

fn add(d: u32, n: u32, imm: u32) -> u32 {
    AL | 0x0280_0000 | n << 16 | d << 12 | imm
}

/// d = d - imm, with flags.
fn count_down(d: u32, imm: u32) -> u32 {
    AL | 0x0250_0000 | d << 16 | d << 12 | imm
}

fn branch(from: usize, to: usize) -> u32 {
    (to as i32 - from as i32 - 2) as u32 & 0x00ff_ffff | AL | 0x0a00_0000
}

fn branch_ne(from: usize, to: usize) -> u32 {
    branch(from, to) & 0x0fff_ffff | 1 << 28
}

/// Words of the driver, and the indices of `saved` and `saved_taken`.
fn driver(stubs: usize, states: usize, memory: bool) -> (Vec<u32>, usize, usize) {
    let folded = if memory { SCRATCH_LEN / 8 } else { 1 };
    // vldmia r0!, {d0-d15}; vldmia r0, {d16-d31}; and the stores.
    let (load, store) = ([0xecb0_0b20, 0xecd0_0b20], [0xeca0_0b20, 0xecc0_0b20]);
    let mut p = Vec::new();
    p.extend(constant(0, VARIABLES));
    for (i, value) in [OUTPUT, STUBS, stubs as u32, STATES, states as u32]
        .into_iter()
        .enumerate()
    {
        p.extend(constant(1, value));
        p.push(str(1, 0, 4 * i as u32));
    }
    // The first stub's T bit stands beside it.
    let next_stub = [ldr(1, 0, 4), ldr(1, 1, 28), str(1, 0, 20)];
    p.extend(next_stub);
    // A state is loaded.
    let enter = p.len();
    p.extend(constant(0, VARIABLES));
    p.extend([ldr(12, 0, 12), 0xf57f_f01f, add(0, 12, DOUBLES)]);
    p.extend(load);
    // vmsr fpscr, r0; msr CPSR_fs, r0
    p.extend([
        ldr(0, 12, FPSCR),
        0xeee1_0a10,
        ldr(0, 12, CPSR),
        0xe12c_f000,
    ]);
    p.extend([ldr(13, 12, 52), ldr(14, 12, 56), 0xe89c_0fff]);
    p.extend(constant(12, VARIABLES));
    p.extend([ldr(12, 12, 20), 0xe12f_ff1c]);
    // Where stubs go on: not taken, and taken.
    let saved = p.len();
    p.extend(constant(12, VARIABLES));
    p.extend([ldr(12, 12, 0), 0xe88c_0fff, movw(0, 0)]);
    let to_common = p.len();
    p.push(0);
    let taken = p.len();
    p.extend(constant(12, VARIABLES));
    p.extend([ldr(12, 12, 0), 0xe88c_0fff, movw(0, 1)]);
    p[to_common] = branch(to_common, p.len());
    p.extend([str(0, 12, TAKEN), str(13, 12, 52), str(14, 12, 56)]);
    // mrs r0, cpsr; vmrs r0, fpscr
    p.extend([
        0xe10f_0000,
        str(0, 12, CPSR),
        0xeef1_0a10,
        str(0, 12, FPSCR),
    ]);
    p.push(add(0, 12, DOUBLES));
    p.extend(store);
    // The next state, or the next stub, or the end.
    p.extend(constant(1, STATE as u32));
    p.push(AL | 0x0081_1000 | 12);
    p.extend(constant(0, VARIABLES));
    p.extend([str(1, 0, 0), ldr(4, 0, 12)]);
    p.extend(constant(5, STATE as u32));
    p.extend([AL | 0x0084_4005, str(4, 0, 12)]);
    p.extend([ldr(5, 0, 16), count_down(5, 1), str(5, 0, 16)]);
    p.push(branch_ne(p.len(), enter));
    // The scratch memory is folded into one number: r4 = 31 * r4 + word.
    p.extend(constant(2, SCRATCH));
    p.extend(constant(3, folded));
    p.extend([movw(4, 0), movw(5, 31)]);
    let fold = p.len();
    // ldm r2!, {r6, r8}; mla r4, r4, r5, r6; mla r4, r4, r5, r8
    p.extend([0xe8b2_0140, 0xe024_6594, 0xe024_8594, count_down(3, 1)]);
    p.push(branch_ne(p.len(), fold));
    p.extend([str(4, 1, 0), add(2, 1, 4)]);
    // write(1, OUTPUT, length)
    p.extend(constant(1, OUTPUT));
    p.extend([AL | 0x0042_2001, movw(0, 1), movw(7, 4), 0xef00_0000]);
    p.extend(constant(0, VARIABLES));
    p.extend(constant(4, STATES));
    p.extend([str(1, 0, 0), str(4, 0, 12)]);
    p.extend([movw(5, states as u32), str(5, 0, 16)]);
    p.extend([ldr(2, 0, 4), add(2, 2, STUB), str(2, 0, 4)]);
    p.extend(next_stub);
    p.extend([ldr(3, 0, 8), count_down(3, 1), str(3, 0, 8)]);
    p.push(branch_ne(p.len(), enter));
    p.extend([movw(0, 0), movw(7, 1), 0xef00_0000]);
    (p, saved, taken)
}

/// One instruction to execute.
#[derive(Clone, Copy)]
struct Case {
    row: usize,
    word: u32,
    thumb: bool,
    /// The halfword of an IT in front of it.
    it: Option<u16>,
}

/// Where the instruction of a T32 stub lies: the branches behind it stand at 8 and 12.
const fn offset(case: Case) -> u32 {
    match (case.thumb, case.word >> 16) {
        (false, _) => 0,
        (true, 0) => 2,
        _ => 4,
    }
}

fn stub(case: Case, at: u32, saved: u32, taken: u32) -> Vec<u8> {
    const NOP: u16 = 0xbf00;
    let mut bytes = Vec::new();
    if !case.thumb {
        // The instruction; ldr pc, [pc, #8]; ldr pc, [pc, #8]
        // which read at 20 and 24.
        for word in [case.word, 0xe59f_f008, 0xe59f_f008, 0, 0, saved, taken, at] {
            bytes.extend(word.to_le_bytes());
        }
        return bytes;
    }
    let it = case.it.unwrap_or(NOP);
    let halves = match offset(case) {
        2 => [it, case.word as u16, NOP, NOP],
        _ => [NOP, it, (case.word >> 16) as u16, case.word as u16],
    };
    // ldr.w pc, [pc, #8], twice
    for half in halves.into_iter().chain([0xf8df, 0xf008, 0xf8df, 0xf008]) {
        bytes.extend(half.to_le_bytes());
    }
    for word in [0, saved, taken, at | 1] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

fn program(cases: &[Case], states: &[u8], scratch: &[u8], memory: bool) -> Vec<u8> {
    let mut image = vec![0; (END - BASE) as usize];
    let mut put = |at: u32, bytes: &[u8]| {
        let at = (at - BASE) as usize;
        image[at..at + bytes.len()].copy_from_slice(bytes);
    };
    let (code, saved, taken) = driver(cases.len(), states.len() / STATE, memory);
    let address = |index: usize| BASE + 4 * index as u32;
    for (i, word) in code.iter().enumerate() {
        put(address(i), &word.to_le_bytes());
    }
    for (i, case) in cases.iter().enumerate() {
        let at = STUBS + STUB * i as u32;
        put(at, &stub(*case, at, address(saved), address(taken)));
    }
    put(STATES, states);
    put(SCRATCH, scratch);
    image
}

/// A static executable with one segment that may be read, written and executed.
fn elf(image: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2u16, 40] {
        file.extend(half.to_le_bytes());
    }
    for word in [1u32, BASE, 52, 0, 0x500_0400] {
        file.extend(word.to_le_bytes());
    }
    for half in [52u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let len = image.len() as u32;
    for word in [1, 0x1000, BASE, BASE, len, len, 7, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.resize(0x1000, 0);
    file.extend(image);
    file
}

// Inputs.

/// A state. For loads and stores, even registers hold addresses and odd ones small offsets.
fn state(r: &mut Random, shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(STATE);
    for x in 0..16u32 {
        let middle = u64::from(SCRATCH + SCRATCH_LEN / 2);
        let address = middle + r.below(0x8000);
        let value = match (shape.memory, x % 2 == 0 || x == 13) {
            _ if x == 12 || x == 15 => 0,
            (true, true) if shape.aligned || x == 13 => address & !31,
            (true, true) => address,
            (true, false) if shape.aligned => r.below(32) * 8,
            (true, false) => r.below(256),
            (false, _) => number(r),
        };
        bytes.extend((value as u32).to_le_bytes());
    }
    let fpscr = match r.below(4) {
        0 | 1 => 0,
        2 => r.below(4) << 22,
        _ => r.below(32) << 22,
    };
    let flags = r.pick(&[0, 0x10, 0x10, 0x0800_009f]) | r.below(16) << 28;
    let cpsr = r.below(32) << 27 | r.below(16) << 16 | 0x10;
    for value in [cpsr, fpscr | flags, 0, 0] {
        bytes.extend((value as u32).to_le_bytes());
    }
    for _ in 0..16 {
        bytes.extend(vector(r).to_le_bytes());
    }
    bytes
}

/// What is known about a row besides its pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    memory: bool,
    aligned: bool,
}

const SHAPES: [Shape; 3] = [
    Shape {
        memory: false,
        aligned: false,
    },
    Shape {
        memory: true,
        aligned: false,
    },
    Shape {
        memory: true,
        aligned: true,
    },
];

fn shape(row: &a32::Row) -> Shape {
    let name = row.mnemonic;
    let starts = |names: &[&str]| names.iter().any(|n| name.starts_with(n));
    let aligned = starts(&[
        "ldm", "stm", "push", "pop", "ldrd", "strd", "ldrex", "strex", "lda", "stl", "vld", "vst",
        "vpush", "vpop",
    ]);
    Shape {
        memory: aligned || starts(&["ldr", "str"]),
        aligned,
    }
}

/// The registers in a part of a text.
fn named(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| {
            ["sp", "lr", "pc"].contains(word)
                || word
                    .strip_prefix('r')
                    .is_some_and(|n| n.parse::<u32>().is_ok())
        })
        .collect()
}

fn holds_address(reg: &str) -> bool {
    let number = reg.strip_prefix('r').and_then(|n| n.parse::<u32>().ok());
    reg == "sp" || reg == "lr" || number.is_some_and(|n| n % 2 == 0)
}

/// Whether a memory operand stays within reach, and leaves nothing open.
fn bearable(text: &str, aligned: bool) -> bool {
    let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
    let listed = ["ldm", "stm", "push", "pop"]
        .iter()
        .any(|n| name.starts_with(n));
    if listed {
        let (base, list) = operands.split_once('{').unwrap_or(("", operands));
        let (base, list) = (named(base), named(list));
        return base.iter().all(|b| holds_address(b) && !list.contains(b))
            && !list.contains(&"pc")
            && !list.contains(&"sp");
    }
    let floating = name.starts_with('v') && !operands.contains('[');
    let (transfer, address) = if floating {
        ("", operands.split('{').next().unwrap_or(""))
    } else {
        operands.split_once('[').unwrap_or(("", ""))
    };
    let (transfer, mut registers) = (named(transfer), named(address));
    let unaligned = aligned
        && address
            .split('#')
            .nth(1)
            .and_then(|n| n.trim_end_matches(['!', ']']).parse::<i64>().ok())
            .is_some_and(|n| n % 4 != 0);
    if registers.first() == Some(&"pc") {
        return !unaligned
            && registers.len() == 1
            && !address.contains('!')
            && !address.contains("],");
    }
    if registers.is_empty() {
        return true;
    }
    let base = registers.remove(0);
    let moves = address.contains('!') || address.contains("],");
    let structures = name.starts_with("vld") || name.starts_with("vst");
    let distinct = (1..transfer.len()).all(|i| !transfer[..i].contains(&transfer[i]));
    holds_address(base)
        && !unaligned
        && distinct
        && (structures || registers.iter().all(|r| !holds_address(r) && *r != "pc"))
        && !(moves && (transfer.contains(&base) || registers.contains(&base)))
        && !(name.starts_with("ldrd") && registers.iter().any(|r| transfer.contains(r)))
        && !((name.starts_with("strex") || name.starts_with("stlex")) && transfer.contains(&base))
        && (!aligned || structures || !transfer.contains(&"pc"))
}

/// Multiplies to two registers, which have to be different.
fn two_results(name: &str) -> bool {
    ["umull", "umlal", "umaal", "smull", "smlal", "smlsl"]
        .iter()
        .any(|n| name.starts_with(n))
}

/// Encodings whose behaviour the architecture leaves open, or that the program cannot bear.
fn unsuitable(text: &str, shape: Shape, case: Case) -> bool {
    let registers = named(text);
    if registers.contains(&"r12") {
        return true;
    }
    if shape.memory && !bearable(text, shape.aligned) {
        return true;
    }
    let name = text.split(' ').next().unwrap_or("");
    if two_results(name) && registers.first() == registers.get(1) {
        return true;
    }
    // Byte order is not of this world; a register is not exchanged with itself.
    let open = name.starts_with("msr") && text.contains(" CPSR,")
        || ["vtrn", "vzip", "vuzp"].iter().any(|n| name.starts_with(n))
            && text.split([' ', ',']).nth(1) == text.split([' ', ',']).next_back();
    open || far(text, shape) || stack_or_pc(text, &registers, shape, case)
}

/// Whether the index of a memory operand reaches beyond the scratch memory.
fn far(text: &str, shape: Shape) -> bool {
    let amount = text.split("lsl #").nth(1);
    let amount = amount.and_then(|n| n.split(']').next().and_then(|n| n.parse::<u32>().ok()));
    shape.memory && (text.contains("ror #") || text.contains("rrx") || amount > Some(8))
}

/// Whether r15, or in T32 r13, is an operand where that is open.
fn stack_or_pc(text: &str, registers: &[&str], shape: Shape, case: Case) -> bool {
    let wide = case.thumb && case.word >> 16 != 0;
    let name = text.split(' ').next().unwrap_or("");
    let processing = match (case.thumb, case.word >> 25 & 7) {
        (true, _) => !wide,
        (false, 1) => true,
        (false, 0) => case.word >> 4 & 1 == 0 && case.word >> 23 & 3 != 2,
        _ => false,
    };
    let literal = text.contains("[pc, #") && !name.starts_with("st") && !name.starts_with("vst")
        || name.starts_with("adr");
    let pc = registers.iter().filter(|r| **r == "pc").count();
    let allowed =
        literal && pc == 1 || processing && !shape.memory && registers.first() != Some(&"pc");
    pc != 0 && !allowed || registers.contains(&"sp") && wide && !shape.memory
}

/// Makes a word's branch lead behind the word that follows it.
fn aim(row: &a32::Row, word: u32) -> u32 {
    match (row.mnemonic, row.set) {
        ("b" | "bl", Set::A32) => word & 0xff00_0000,
        // To 12, from 2 + 4.
        ("b", Set::T16) if row.pattern.starts_with("1101") => word & 0xff00 | 3,
        ("b", Set::T16) => word & 0xf800 | 3,
        ("cbz" | "cbnz", _) => word & 0xfd07 | 3 << 3,
        // To 12, from 4 + 4; without sign, both J bits are ones except where they are offsets.
        ("b", Set::T32) if row.pattern.contains('c') => word & 0xfbc0_d000 | 2,
        ("b" | "bl", Set::T32) => word & 0xf800_d000 | 0x2800 | 2,
        _ => word,
    }
}

fn cases(row: &a32::Row, number: usize, r: &mut Random, count: usize) -> Vec<Case> {
    let (mask, value) = row.fixed();
    let shape = shape(row);
    let mut cases = Vec::new();
    for _ in 0..1000 * count {
        let mut word = r.next() as u32 & !mask | value;
        if row.set == Set::T16 {
            word &= 0xffff;
        }
        word = aim(row, word);
        let thumb = match row.set {
            Set::A32 => false,
            Set::T16 | Set::T32 => true,
            Set::Both => r.one_in(2),
        };
        if row.set == Set::Both && thumb {
            word = match word >> 24 {
                0xf2 | 0xf3 => 0xef00_0000 | (word >> 24 & 1) << 28 | word & 0x00ff_ffff,
                0xf4 => 0xf900_0000 | word & 0x00ff_ffff,
                _ => word,
            };
        } else if !thumb && word >> 28 == 14 && r.one_in(3) {
            word = word & 0x0fff_ffff | (r.below(14) as u32) << 28;
        }
        let mut case = Case {
            row: number,
            word,
            thumb,
            it: None,
        };
        let branches = row.mnemonic == "b" && row.pattern.contains('c')
            || ["cbz", "cbnz"].contains(&row.mnemonic);
        let vector = row.set == Set::Both && row.pattern.starts_with("1111");
        if thumb && !branches && !vector && r.one_in(3) {
            case.it = Some(0xbf08 | (r.below(14) as u16) << 4);
        }
        let at = u64::from((STUBS + offset(case)) | u32::from(thumb));
        let location = at | u64::from(case.it.unwrap_or(0) & 0xff) << 32;
        if a32::row_of(word, location) == Some(number)
            && !a32::leaves(word, location)
            && !unsuitable(&a32::disassemble(word, location), shape, case)
        {
            cases.push(case);
            if cases.len() == count {
                break;
            }
        }
    }
    assert!(
        !cases.is_empty(),
        "{} {}: no word",
        row.mnemonic,
        row.pattern
    );
    let found = cases.len();
    for i in found..count {
        cases.push(cases[i % found]);
    }
    cases
}

// Running.

struct Qemu {
    child: Child,
    output: ChildStdout,
}

impl Qemu {
    fn start(path: &Path) -> Self {
        let mut child = Command::new("qemu-arm-static")
            .args(["-cpu", "max"])
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-arm-static runs; Debian's package is qemu-user-static");
        let output = child.stdout.take().unwrap();
        Self { child, output }
    }
}

fn name(at: usize) -> String {
    match at as u32 {
        TAKEN => "taken".into(),
        CPSR => "cpsr".into(),
        FPSCR => "fpscr".into(),
        at @ 0..CPSR => format!("r{}", at / 4),
        at => format!("d{}", (at.max(DOUBLES) - DOUBLES) / 8),
    }
}

fn show(state: &[u8], at: usize) -> String {
    let len = if at >= DOUBLES as usize { 8 } else { 4 };
    let bytes: Vec<String> = state[at..at + len]
        .iter()
        .rev()
        .map(|b| format!("{b:02x}"))
        .collect();
    bytes.concat()
}

/// What differs, in words.
fn differences(text: &str, states: &[u8], theirs: &[u8], ours: &[u8]) -> String {
    let doubles = DOUBLES as usize;
    for (i, (a, b)) in theirs.chunks(STATE).zip(ours.chunks(STATE)).enumerate() {
        if a == b || a.len() < STATE {
            continue;
        }
        let before = &states[i * STATE..][..STATE];
        let ats = || {
            (0..18)
                .map(|i| i * 4)
                .chain((0..32).map(|i| doubles + 8 * i))
        };
        let mut found = String::new();
        for at in ats().filter(|at| show(a, *at) != show(b, *at)) {
            found += &format!("\n    {} = {}, not {}", name(at), show(a, at), show(b, at));
        }
        let mentioned = |at: &usize| {
            let name = name(*at);
            let words = || text.split(|c: char| !c.is_ascii_alphanumeric());
            words().any(|w| w == name || w.starts_with(['q', 's']) && *at >= doubles)
                || ["cpsr", "fpscr"].contains(&name.as_str())
        };
        for at in ats().filter(mentioned).take(40) {
            found += &format!("\n    before: {} {}", name(at), show(before, at));
        }
        return found;
    }
    "\n    memory".into()
}

/// Runs the cases in the states by both; tells what differs.
fn compare(
    cases: &[Case],
    states: &[u8],
    shape: Shape,
    r: &mut Random,
    file: &Path,
) -> Vec<String> {
    let scratch: Vec<u8> = (0..SCRATCH_LEN / 8)
        .flat_map(|_| number(r).to_le_bytes())
        .collect();
    let image = program(cases, states, &scratch, shape.memory);
    std::fs::write(file, elf(&image)).unwrap();
    executable(file);
    let mut qemu = Qemu::start(file);
    let mut space = FlatSpace::new(BASE.into(), image.len());
    space.poke(BASE.into(), &image).unwrap();
    let mut engine = Engine::new(Options::default());
    let mut regs = Regs::arm();
    regs.set_pc(BASE.into());
    let mut problems = Vec::new();
    let mut failed = usize::MAX;
    for (i, case) in cases.iter().enumerate() {
        let exit = engine.run(&mut regs, &mut space, &mut u64::MAX.clone());
        let at = STUBS + STUB * i as u32 + offset(*case);
        let it = u64::from(case.it.unwrap_or(0) & 0xff);
        let location = it << 32 | u64::from(at | u32::from(case.thumb));
        let text = a32::disassemble(case.word, location);
        let set = if case.thumb { "T32" } else { "A32" };
        let what = format!("{text} ({set} {:#010x})", case.word);
        if exit != Exit::Syscall {
            problems.push(format!("{what}: {exit:x?}"));
            break;
        }
        let ours = space.read_vec(regs.x(1), regs.x(2)).unwrap();
        let mut theirs = vec![0; ours.len()];
        if qemu.output.read_exact(&mut theirs).is_err() {
            problems.push(format!(
                "{what}: qemu ended: {}",
                qemu.child.wait().unwrap()
            ));
            break;
        }
        if ours != theirs && failed != case.row {
            failed = case.row;
            problems.push(what + &differences(&text, states, &theirs, &ours));
        }
        regs.set_result(ours.len() as u64);
    }
    let _ = qemu.child.kill();
    let _ = qemu.child.wait();
    problems
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn every_row_computes_what_qemu_computes() {
    let only = std::env::var("CPU_ENGINE_ROWS").ok();
    let tested: Vec<(usize, &a32::Row)> = a32::rows()
        .enumerate()
        .filter(|(_, row)| !APART.contains(&row.mnemonic))
        .filter(|(_, row)| only.as_ref().is_none_or(|only| row.mnemonic == only))
        .collect();
    let file = std::env::temp_dir().join(format!("cpu-engine-a32-{}", std::process::id()));
    let mut problems = Vec::new();
    let mut r = Random(32);
    for wanted in SHAPES {
        let group: Vec<_> = tested
            .iter()
            .filter(|(_, row)| shape(row) == wanted)
            .collect();
        for rows in group.chunks(40) {
            let mut left = samples().div_ceil(STATES_A_WORD);
            while left > 0 {
                let count = left.min(40);
                left -= count;
                let cases: Vec<Case> = rows
                    .iter()
                    .flat_map(|(i, row)| cases(row, *i, &mut r, count))
                    .collect();
                let states: Vec<u8> = (0..STATES_A_WORD)
                    .flat_map(|_| state(&mut r, wanted))
                    .collect();
                problems.extend(compare(&cases, &states, wanted, &mut r, &file));
            }
        }
    }
    let _ = std::fs::remove_file(&file);
    println!("{} rows, {} samples each", tested.len(), samples());
    assert!(
        problems.is_empty(),
        "{}\n{} rows differ",
        problems.join("\n"),
        problems.len()
    );
}
