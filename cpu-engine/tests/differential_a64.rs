//! Every row of the A64 decode table computes what `qemu-aarch64-static` computes.
//!
//! A program is written that loads register states, executes one instruction in each, and writes
//! out the states after it. QEMU runs it as a process; the engine runs the same program; the
//! outputs must be equal. `CPU_ENGINE_SAMPLES` sets the samples a row (2000), `CPU_ENGINE_ROWS` a
//! mnemonic to be tested alone. The test fails where QEMU is missing.
//!
//! ```text
//! 0x1000000 driver: for each stub { for each state { load, jump to the stub; save }; write(1) }
//!           stubs:  the instruction; go to saved; go to saved_taken
//!           states, then scratch memory that loads and stores reach, then the output
//! ```

mod support;

use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};

use cpu_engine::{Engine, Options, Regs, a64};
use litebox::{AddressSpace, Cpu, Exit, Prot, Registers};
use platform_linux::LinuxSpace;
use support::operands::{number, vector};
use support::{FlatSpace, Random};

const BASE: u64 = 0x100_0000;
const STUBS: u64 = BASE + 0x1_0000;
/// Bytes in a stub.
const STUB: u64 = 48;
const STATES: u64 = BASE + 0x10_0000;
const SCRATCH: u64 = BASE + 0x20_0000;
const SCRATCH_LEN: u64 = 0x4_0000;
/// Output pointer, stub, stubs left, state, states left. QEMU is slow where data lie beside code.
const VARIABLES: u64 = BASE + 0x2f_0000;
const OUTPUT: u64 = BASE + 0x30_0000;
const END: u64 = BASE + 0x40_0000;

/// Bytes in a state: x0 to x30, sp, nzcv, fpcr, fpsr, one unused, v0 to v31.
const STATE: usize = 800;
/// The states each word is executed in.
const STATES_A_WORD: usize = 50;
/// Rows whose effect cannot be compared so: they leave, or tell about the machine.
const APART: [&str; 10] = [
    "udf", "svc", "brk", "br", "blr", "ret", "sb", "ic", "hint", "isb",
];
/// The register that belongs to the driver.
const OURS: u32 = 28;

fn samples() -> usize {
    let set = std::env::var("CPU_ENGINE_SAMPLES").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(2000)
}

// The program.

fn driver(stubs: usize, states: usize, memory: bool) -> Vec<u32> {
    const X28: u32 = 28;
    let folded = if memory { SCRATCH_LEN / 16 } else { 1 };
    let stp = |a: u32, b: u32, n: u32, at: u32| 0xa900_0000 | (at / 8) << 15 | b << 10 | n << 5 | a;
    let ldp = |a: u32, b: u32, n: u32, at: u32| stp(a, b, n, at) | 1 << 22;
    let ldr = |t: u32, n: u32, at: u32| 0xf940_0000 | (at / 8) << 10 | n << 5 | t;
    let str = |t: u32, n: u32, at: u32| 0xf900_0000 | (at / 8) << 10 | n << 5 | t;
    let stpq =
        |a: u32, b: u32, n: u32, at: u32| 0xad00_0000 | (at / 16) << 15 | b << 10 | n << 5 | a;
    let ldpq = |a: u32, b: u32, n: u32, at: u32| stpq(a, b, n, at) | 1 << 22;
    let add = |d: u32, n: u32, imm: u32| 0x9100_0000 | imm << 10 | n << 5 | d;
    let movz = |d: u32, imm: u32, hw: u32| 0xd280_0000 | hw << 21 | imm << 5 | d;
    let movk = |d: u32, imm: u32, hw: u32| 0xf280_0000 | hw << 21 | imm << 5 | d;
    let branch =
        |from: usize, to: usize| 0x1400_0000 | (to as i64 - from as i64) as u32 & 0x3ff_ffff;
    let branch_ne =
        |from: usize, to: usize| 0x5400_0001 | ((to as i64 - from as i64) as u32 & 0x7_ffff) << 5;
    let (nzcv, fpcr, fpsr) = (0xd51b_4200, 0xd51b_4400, 0xd51b_4420);
    const READ: u32 = 1 << 21;
    let load_address = |d, at: u64| {
        [
            movz(d, (at & 0xffff) as u32, 0),
            movk(d, (at >> 16) as u32, 1),
        ]
    };
    let mut p = vec![branch(0, 16)];
    p.resize(16, 0);
    let variables = VARIABLES;
    p.extend(load_address(0, variables));
    p.extend(load_address(1, OUTPUT));
    p.extend(load_address(2, STUBS));
    p.extend(load_address(4, STATES));
    p.extend([movz(3, stubs as u32, 0), movz(5, states as u32, 0)]);
    p.extend([
        str(1, 0, 0),
        str(2, 0, 8),
        str(3, 0, 16),
        str(4, 0, 24),
        str(5, 0, 32),
    ]);
    // A state is loaded.
    let enter = p.len();
    p.extend(load_address(0, variables));
    p.extend([ldr(X28, 0, 24), 0xd503_3f5f]);
    for v in (0..32).step_by(2) {
        p.push(ldpq(v, v + 1, X28, 288 + 16 * v));
    }
    p.extend([
        ldr(0, X28, 256),
        nzcv,
        ldr(0, X28, 264),
        fpcr,
        ldr(0, X28, 272),
        fpsr,
    ]);
    p.extend([ldr(0, X28, 248), add(31, 0, 0)]);
    for x in (0..28).step_by(2) {
        p.push(ldp(x, x + 1, X28, 8 * x));
    }
    p.push(ldp(29, 30, X28, 8 * 29));
    p.extend(load_address(X28, variables));
    p.extend([ldr(X28, X28, 8), 0xd61f_0380]);
    // Where stubs go on: taken, and not.
    let saved = p.len();
    p.extend(load_address(X28, variables));
    p.extend([ldr(X28, X28, 0), stp(0, 1, X28, 0), movz(0, 0, 0)]);
    let to_common = p.len();
    p.push(0);
    let taken = p.len();
    p.extend(load_address(X28, variables));
    p.extend([ldr(X28, X28, 0), stp(0, 1, X28, 0), movz(0, 1, 0)]);
    p[to_common] = branch(to_common, p.len());
    p.push(str(0, X28, 224));
    for x in (2..28).step_by(2) {
        p.push(stp(x, x + 1, X28, 8 * x));
    }
    p.extend([stp(29, 30, X28, 8 * 29), add(0, 31, 0), str(0, X28, 248)]);
    for (register, at) in [(nzcv, 256), (fpcr, 264), (fpsr, 272)] {
        p.extend([register | READ, str(0, X28, at)]);
    }
    p.push(add(1, X28, 288));
    for v in (0..32).step_by(2) {
        p.push(stpq(v, v + 1, 1, 16 * v));
    }
    // The next state, or the next stub, or the end.
    p.extend([0xd51b_441f, add(1, X28, STATE as u32)]);
    p.extend(load_address(0, variables));
    p.extend([
        str(1, 0, 0),
        ldr(4, 0, 24),
        add(4, 4, STATE as u32),
        str(4, 0, 24),
    ]);
    p.extend([ldr(5, 0, 32), 0xf100_04a5, str(5, 0, 32)]);
    p.push(branch_ne(p.len(), enter));
    // The scratch memory is folded into one number: x4 = 31 * x4 + word.
    p.extend(load_address(2, SCRATCH));
    p.extend([movz(3, folded as u32, 0), movz(4, 0, 0), movz(5, 31, 0)]);
    let fold = p.len();
    p.extend([0xa8c1_1c46, 0x9b05_1884, 0x9b05_1c84, 0xf100_0463]);
    p.push(branch_ne(p.len(), fold));
    p.extend([str(4, 1, 0), add(2, 1, 8)]);
    // write(1, OUTPUT, length)
    p.extend(load_address(1, OUTPUT));
    p.extend([0xcb01_0042, movz(0, 1, 0), movz(8, 64, 0), 0xd400_0001]);
    p.extend(load_address(0, variables));
    p.extend(load_address(4, STATES));
    p.extend([
        str(1, 0, 0),
        str(4, 0, 24),
        movz(5, states as u32, 0),
        str(5, 0, 32),
    ]);
    p.extend([ldr(2, 0, 8), add(2, 2, STUB as u32), str(2, 0, 8)]);
    p.extend([ldr(3, 0, 16), 0xf100_0463, str(3, 0, 16)]);
    p.push(branch_ne(p.len(), enter));
    p.extend([movz(0, 0, 0), movz(8, 93, 0), 0xd400_0001]);
    p[1] = saved as u32;
    p[15] = taken as u32;
    p
}

fn program(words: &[u32], states: &[u8], scratch: &[u8], memory: bool) -> Vec<u8> {
    let mut image = vec![0; (END - BASE) as usize];
    let mut put = |at: u64, bytes: &[u8]| {
        let at = (at - BASE) as usize;
        image[at..at + bytes.len()].copy_from_slice(bytes);
    };
    let mut code = driver(words.len(), states.len() / STATE, memory);
    let (saved, taken) = (u64::from(code[1]), u64::from(code[15]));
    (code[1], code[15]) = (0, 0);
    for (i, word) in code.iter().enumerate() {
        put(BASE + 4 * i as u64, &word.to_le_bytes());
    }
    for (i, word) in words.iter().enumerate() {
        let at = STUBS + STUB * i as u64;
        // Indirect branches, so that what is translated at once is small.
        let load = |bytes: u32| 0x5800_0000 | ((bytes / 4) << 5) | OURS;
        let branch = 0xd61f_0000 | OURS << 5;
        let stub = [*word, 0x1400_0003, load(24), branch, load(8), branch];
        for (j, word) in stub.iter().enumerate() {
            put(at + 4 * j as u64, &word.to_le_bytes());
        }
        put(at + 24, &(BASE + 4 * saved).to_le_bytes());
        put(at + 32, &(BASE + 4 * taken).to_le_bytes());
    }
    put(STATES, states);
    put(SCRATCH, scratch);
    image
}

/// A static executable with one segment that may be read, written and executed.
fn elf(image: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2u16, 183] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    for word in [BASE, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    file.extend(7u32.to_le_bytes());
    let len = image.len() as u64;
    for word in [0x1000, BASE, BASE, len, len, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.resize(0x1000, 0);
    file.extend(image);
    file
}

// Inputs.

/// A state. For loads and stores, even registers hold addresses and odd ones small offsets.
fn state(r: &mut Random, memory: bool, aligned: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(STATE);
    for x in 0..32 {
        let mask = if aligned || x == 31 { !15 } else { !0 };
        let middle = SCRATCH + SCRATCH_LEN / 2;
        let value = match (memory, x % 2 == 0 || x == 31) {
            (true, true) => (middle + r.below(0x8000)) & mask,
            (true, false) => r.below(256),
            (false, _) if x == 31 => number(r) & !15,
            (false, _) => number(r),
        };
        bytes.extend(value.to_le_bytes());
    }
    let fpcr = match r.below(4) {
        0 | 1 => 0,
        2 => r.below(4) << 22,
        _ => (r.below(32) << 22) | r.below(2) << 19,
    };
    let fpsr = r.pick(&[0, 0x10, 0x10, 0x0800_009f]);
    for value in [r.below(16) << 28, fpcr, fpsr, 0] {
        bytes.extend(value.to_le_bytes());
    }
    for _ in 0..32 {
        bytes.extend(vector(r).to_le_bytes());
    }
    bytes
}

/// What is known about a row besides its pattern.
struct Shape {
    memory: bool,
    aligned: bool,
}

fn shape(row: &a64::Row) -> Shape {
    let (mask, value) = row.fixed();
    let has = |bits: u32, want: u32| mask & bits == bits && value & bits == want;
    let loads = has(0x0a00_0000, 0x0800_0000);
    let literal = has(0x3b00_0000, 0x1800_0000);
    let exclusive = has(0x3f00_0000, 0x0800_0000);
    let atomic = has(0x3b20_0c00, 0x3820_0000);
    Shape {
        memory: loads && !literal || row.mnemonic == "dc",
        aligned: exclusive || atomic,
    }
}

/// Encodings whose behaviour the architecture leaves open, or that the program cannot bear.
fn unsuitable(row: &a64::Row, shape: &Shape, word: u32) -> bool {
    let (t, n, a, s) = (word & 31, word >> 5 & 31, word >> 10 & 31, word >> 16 & 31);
    let (mask, _) = row.fixed();
    let free = |low: u32| mask >> low & 31 != 31;
    if [(t, 0), (n, 5), (a, 10), (s, 16)]
        .iter()
        .any(|(field, low)| *field == OURS && free(*low))
    {
        return true;
    }
    if !shape.memory {
        return false;
    }
    let vector = word >> 26 & 1 == 1;
    let pair = word >> 27 & 7 == 5;
    let writes_back =
        pair && word >> 23 & 1 == 1 || word >> 24 & 0x3b == 0x38 && word >> 10 & 1 == 1;
    let structures = word >> 24 & 0xbf == 0x0c || word >> 24 & 0xbf == 0x0d;
    let indexed = row.pattern.contains("mmmmm");
    let base_free = row.mnemonic == "dc" && t % 2 == 1
        || row.mnemonic != "dc" && n % 2 == 1 && n != 31
        || indexed && (s % 2 == 0 || s == 31) && !structures
        || structures && word >> 23 & 1 == 1 && s == n;
    let clash = !vector && writes_back && (t == n || pair && a == n)
        || pair && t == a
        || shape.aligned
            && (s == t
                || s == n
                || s == a
                || t == a
                || row.mnemonic.starts_with("casp") && (s | t) & 1 == 1);
    base_free || clash
}

/// Makes a word's branch lead behind the word that follows it.
fn aim(row: &a64::Row, word: u32) -> u32 {
    let (mask, value) = row.fixed();
    let is = |bits: u32, want: u32| mask & bits == bits && value & bits == want;
    if is(0x7c00_0000, 0x1400_0000) {
        word & 0xfc00_0000 | 2
    } else if is(0x7e00_0000, 0x3400_0000) || is(0xff00_0010, 0x5400_0000) {
        word & 0xff00_001f | 2 << 5
    } else if is(0x7e00_0000, 0x3600_0000) {
        word & 0xfff8_001f | 2 << 5
    } else if is(0x3b00_0000, 0x1800_0000) {
        word & 0xff00_01ff
    } else {
        word
    }
}

fn words(row: &a64::Row, number: usize, r: &mut Random, count: usize) -> Vec<u32> {
    let (mask, value) = row.fixed();
    let shape = shape(row);
    let mut words = Vec::new();
    for _ in 0..400 * count {
        let mut word = aim(row, r.next() as u32 & !mask | value);
        if r.one_in(4) {
            // Register 31 is special, and rare by chance.
            word |= 31 << r.pick(&[0, 5, 10, 16]) & !mask;
            word = aim(row, word);
        }
        if !unsuitable(row, &shape, word) && a64::row_of(word) == Some(number) {
            words.push(word);
            if words.len() == count {
                break;
            }
        }
    }
    assert!(
        !words.is_empty(),
        "{} {}: no word",
        row.mnemonic,
        row.pattern
    );
    while words.len() < count {
        words.push(words[words.len() % 7 % words.len()]);
    }
    words
}

// Running.

struct Qemu {
    child: Child,
    output: ChildStdout,
}

impl Qemu {
    fn start(path: &std::path::Path) -> Self {
        let mut child = Command::new("qemu-aarch64-static")
            .args(["-cpu", "neoverse-n1"])
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-aarch64-static runs; Debian's package is qemu-user-static");
        let output = child.stdout.take().unwrap();
        Self { child, output }
    }
}

fn name(at: usize) -> String {
    match at / 8 {
        28 => "taken".into(),
        31 => "sp".into(),
        32 => "nzcv".into(),
        33 => "fpcr".into(),
        34 => "fpsr".into(),
        x @ 0..32 => format!("x{x}"),
        _ => format!("v{}", (at - 288) / 16),
    }
}

fn show(state: &[u8], at: usize) -> String {
    let len = if at >= 288 { 16 } else { 8 };
    let bytes: Vec<String> = state[at..at + len]
        .iter()
        .rev()
        .map(|b| format!("{b:02x}"))
        .collect();
    bytes.concat()
}

/// What differs, in words.
fn differences(word: u32, states: &[u8], theirs: &[u8], ours: &[u8]) -> String {
    let op = |n: u32| n as usize;
    for (i, (a, b)) in theirs.chunks(STATE).zip(ours.chunks(STATE)).enumerate() {
        if a == b || a.len() < STATE {
            continue;
        }
        let before = &states[i * STATE..][..STATE];
        let ats = (0..36).map(|i| i * 8).chain((0..32).map(|i| 288 + 16 * i));
        let mut text = String::new();
        for at in ats.filter(|at| show(a, *at) != show(b, *at)) {
            text += &format!("\n    {} = {}, not {}", name(at), show(a, at), show(b, at));
        }
        for n in [
            op(word & 31),
            op(word >> 5 & 31),
            op(word >> 16 & 31),
            op(word >> 10 & 31),
        ] {
            text += &format!(
                "\n    before: x{n} {} v{n} {}",
                show(before, 8 * n),
                show(before, 288 + 16 * n)
            );
        }
        return text
            + &format!(
                "\n    nzcv {} fpcr {} fpsr {}",
                show(before, 256),
                show(before, 264),
                show(before, 272)
            );
    }
    "\n    memory".into()
}

/// The program on an engine of ours.
struct Ours<M> {
    engine: Engine,
    space: M,
    regs: Regs,
}

impl<M: AddressSpace> Ours<M> {
    fn new(engine: Engine, mut space: M, image: &[u8]) -> Self {
        space.poke(BASE, image).unwrap();
        let mut regs = Regs::a64();
        regs.set_pc(BASE);
        Self {
            engine,
            space,
            regs,
        }
    }

    /// Runs to the next system call, and gives what it writes.
    fn written(&mut self) -> Result<Vec<u8>, Exit> {
        let Self {
            engine,
            space,
            regs,
        } = self;
        match engine.run(regs, space, &mut u64::MAX.clone()) {
            Exit::Syscall => {}
            exit => return Err(exit),
        }
        let bytes = space.read_vec(regs.x(1), regs.x(2)).unwrap();
        regs.set_result(bytes.len() as u64);
        Ok(bytes)
    }
}

fn interpreter(image: &[u8]) -> Ours<FlatSpace> {
    let space = FlatSpace::new(BASE, image.len());
    Ours::new(Engine::new(Options::default()), space, image)
}

/// An engine that translates everything at once.
fn translator(image: &[u8]) -> Ours<LinuxSpace> {
    let mut space = LinuxSpace::new().unwrap();
    space.map(BASE..STATES, Prot::RX).unwrap();
    space.map(STATES..END, Prot::RW).unwrap();
    let engine = Engine::new(Options {
        translate: true,
        threshold: 1,
        ..Options::default()
    });
    assert!(engine.translates(), "this host allows executable memory");
    Ours::new(engine, space, image)
}

/// Runs the words in the states by all; tells what differs.
fn compare(
    words: &[(usize, u32)],
    states: &[u8],
    memory: bool,
    r: &mut Random,
    file: &std::path::Path,
) -> Vec<String> {
    let scratch: Vec<u8> = (0..SCRATCH_LEN / 8)
        .flat_map(|_| number(r).to_le_bytes())
        .collect();
    let only: Vec<u32> = words.iter().map(|(_, w)| *w).collect();
    let image = program(&only, states, &scratch, memory);
    std::fs::write(file, elf(&image)).unwrap();
    executable(file);
    let mut qemu = Qemu::start(file);
    let mut interpreter = interpreter(&image);
    let mut translator = translator(&image);
    let mut problems = Vec::new();
    let mut failed = usize::MAX;
    for (row, word) in words {
        let what = format!("{} ({word:#010x})", a64::disassemble(*word, STUBS));
        let (ours, translated) = match (interpreter.written(), translator.written()) {
            (Ok(ours), Ok(translated)) => (ours, translated),
            (ours, translated) => {
                let exits = (ours.err(), translated.err());
                problems.push(format!("{what}: interpreter, translator: {exits:x?}"));
                break;
            }
        };
        let mut theirs = vec![0; ours.len()];
        if qemu.output.read_exact(&mut theirs).is_err() {
            problems.push(format!(
                "{what}: qemu ended: {}",
                qemu.child.wait().unwrap()
            ));
            break;
        }
        if ours != theirs && failed != *row {
            failed = *row;
            problems.push(what + &differences(*word, states, &theirs, &ours));
        } else if translated != theirs && failed != *row {
            failed = *row;
            let text = differences(*word, states, &theirs, &translated);
            problems.push(what + " translated" + &text);
        }
    }
    let _ = qemu.child.kill();
    let _ = qemu.child.wait();
    problems
}

fn executable(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn every_row_computes_what_qemu_computes() {
    let only = std::env::var("CPU_ENGINE_ROWS").ok();
    let tested: Vec<(usize, &a64::Row)> = a64::rows()
        .enumerate()
        .filter(|(_, row)| !APART.contains(&row.mnemonic))
        .filter(|(_, row)| !row.pattern.starts_with("11010101001110111110"))
        .filter(|(_, row)| only.as_ref().is_none_or(|only| row.mnemonic == only))
        .collect();
    let file = std::env::temp_dir().join(format!("cpu-engine-a64-{}", std::process::id()));
    let mut problems = Vec::new();
    let mut r = Random(64);
    for (memory, aligned) in [(false, false), (true, false), (true, true)] {
        let group: Vec<_> = tested
            .iter()
            .filter(|(_, row)| {
                let shape = shape(row);
                shape.memory == memory && (shape.aligned && memory) == aligned
            })
            .collect();
        for rows in group.chunks(40) {
            let mut left = samples().div_ceil(STATES_A_WORD);
            while left > 0 {
                let count = left.min(40);
                left -= count;
                let cases: Vec<(usize, u32)> = rows
                    .iter()
                    .flat_map(|(i, row)| words(row, *i, &mut r, count).into_iter().map(|w| (*i, w)))
                    .collect();
                let states: Vec<u8> = (0..STATES_A_WORD)
                    .flat_map(|_| state(&mut r, memory, aligned))
                    .collect();
                problems.extend(compare(&cases, &states, memory, &mut r, &file));
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
