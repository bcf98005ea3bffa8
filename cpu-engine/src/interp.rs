//! Tier 0: executes decoded instructions one after another.
//!
//! Code is decoded once into runs and kept. A run goes on behind conditional branches and calls and ends
//! at an unconditional branch, so the next instruction nearly always lies next in memory:
//!
//! ```text
//! ops    | run at 0x1000 ............ ret | run at 0x2040 ... b.ne ... b |
//! links  | where each taken direct branch goes on, once known            |
//! ```
//! Nothing in it needs executable memory or unsafe code.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use litebox::{Access, AddressSpace, Exit, Fault, FaultKind};

use crate::a32;
use crate::a64;
use crate::counter::{COUNTER_HZ, Counter};
use crate::emit::{Bin, Emit, Halt, Kind, Rmw, Step, Sys, Un, W};
use crate::op::{Op, Reg};
use crate::state::{Isa, Monitor, Regs};
use crate::vector::Vfp;

/// Longest run, in instructions.
const RUN: usize = 256;
/// Instructions kept before everything is forgotten, to bound memory.
const KEEP: usize = 1 << 20;
/// Entries of the cache of indirect branch targets.
const TARGETS: usize = 4096;
const UNKNOWN: u32 = u32::MAX;

/// Entries of a handlers' table: a power of two, at least twice the rows.
pub const TABLE_LEN: usize = 4096;
/// The entry of an op that is no instruction: the run ends here and goes on elsewhere.
pub const NEXT_RUN: u16 = TABLE_LEN as u16 - 1;

/// A meaning, bound to the interpreter.
pub type Handler<M> = fn(&mut Regs, &mut M, &mut Control, &Op) -> Step;

/// Why a meaning answered [`Halt::Exit`].
#[derive(Clone, Copy, Debug)]
enum Cause {
    Syscall,
    Fault(Fault),
    Undefined,
    Breakpoint,
    SyncCode,
}

/// What meanings share with the loop that runs them.
#[derive(Debug)]
pub struct Control {
    cause: Cause,
    counter: Counter,
}

/// Decoded code.
#[derive(Debug, Default)]
struct Code {
    ops: Vec<Op>,
    links: Vec<u32>,
    /// How often each op was the target of a branch.
    heat: Vec<u16>,
    entries: HashMap<u64, u32>,
    targets: Vec<(u64, u32)>,
    epoch: u64,
    isa: Option<Isa>,
}

impl Code {
    fn clear(&mut self, epoch: u64) {
        self.ops.clear();
        self.links.clear();
        self.heat.clear();
        self.entries.clear();
        self.targets.clear();
        self.epoch = epoch;
    }

    fn push(&mut self, op: Op) {
        self.ops.push(op);
        self.links.push(UNKNOWN);
        self.heat.push(0);
    }

    /// The index of the op at an address that was the target of a branch.
    #[inline]
    fn find<M: AddressSpace>(&mut self, pc: u64, mem: &M) -> Result<usize, Fault> {
        let slot = (pc >> 2 ^ pc << 10) as usize % TARGETS;
        if let Some((at, ip)) = self.targets.get(slot)
            && *at == pc
        {
            return Ok(*ip as usize);
        }
        self.find_slowly(pc, mem, slot)
    }

    #[cold]
    fn find_slowly<M: AddressSpace>(
        &mut self,
        pc: u64,
        mem: &M,
        slot: usize,
    ) -> Result<usize, Fault> {
        if self.targets.is_empty() {
            self.targets = vec![(u64::MAX, 0); TARGETS];
        }
        let ip = match self.entries.get(&pc) {
            Some(ip) => *ip,
            None => self.decode_run(pc, mem)?,
        };
        self.targets[slot] = (pc, ip);
        Ok(ip as usize)
    }

    fn decode_run<M: AddressSpace>(&mut self, start: u64, mem: &M) -> Result<u32, Fault> {
        let isa = self.isa.unwrap_or(Isa::A64);
        let (mut op, mut ends) = decode(isa, start, mem)?;
        let first = self.ops.len() as u32;
        let mut pc = start;
        for _ in 0..RUN {
            self.entries.entry(pc).or_insert(self.ops.len() as u32);
            self.push(op);
            if ends {
                return Ok(first);
            }
            pc = op.next;
            if self.entries.contains_key(&pc) {
                break;
            }
            (op, ends) = match decode(isa, pc, mem) {
                Ok(decoded) => decoded,
                Err(_) => break,
            };
        }
        let mut next = Op::new(NEXT_RUN, pc);
        next.imm = pc;
        self.push(next);
        Ok(first)
    }
}

/// The instruction at a program counter, and whether the one behind it is reached otherwise.
fn decode<M: AddressSpace>(isa: Isa, pc: u64, mem: &M) -> Result<(Op, bool), Fault> {
    if isa == Isa::A32 {
        return a32::decode_at(pc, |addr| {
            let mut half = [0; 2];
            mem.fetch(addr, &mut half)?;
            Ok(u16::from_le_bytes(half))
        });
    }
    let word = fetch(mem, pc)?;
    Ok((a64::decode(word, pc), a64::ends_run(word)))
}

fn misaligned(pc: u64) -> Fault {
    Fault {
        addr: pc,
        access: Access::Execute,
        kind: FaultKind::Alignment,
    }
}

fn fetch<M: AddressSpace>(mem: &M, pc: u64) -> Result<u32, Fault> {
    if !pc.is_multiple_of(4) {
        return Err(misaligned(pc));
    }
    let mut word = [0; 4];
    mem.fetch(pc, &mut word)?;
    Ok(u32::from_le_bytes(word))
}

fn handlers<M: AddressSpace>(isa: Isa) -> &'static [Handler<M>; TABLE_LEN] {
    match isa {
        Isa::A64 => a64::Handlers::<M>::TABLE,
        Isa::A32 => a32::Handlers::<M>::TABLE,
    }
}

/// The interpreter and what it has decoded.
#[derive(Debug)]
pub struct Interpreter {
    code: Code,
    control: Control,
    stop: Arc<AtomicBool>,
    /// How often an op is the target of a branch before it is hot; 0 when nothing ever is.
    threshold: u16,
}

/// Why the interpreter came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// Guest code ended so.
    Exit(Exit),
    /// The program counter is the target of branches often enough to be translated.
    Hot,
    /// The guest wants what was decoded or translated to be forgotten.
    Sync,
}

impl Interpreter {
    pub fn new(stop: Arc<AtomicBool>, counter: Counter) -> Self {
        Self {
            threshold: 0,
            code: Code::default(),
            control: Control {
                cause: Cause::SyncCode,
                counter,
            },
            stop,
        }
    }

    /// Forgets what was decoded if it is stale.
    pub fn prepare<M: AddressSpace>(&mut self, isa: Isa, mem: &M) {
        let epoch = mem.code_epoch();
        let isa = Some(isa);
        if self.code.epoch != epoch || self.code.ops.len() > KEEP || self.code.isa != isa {
            self.code.clear(epoch);
            self.code.isa = isa;
        }
    }

    /// Runs until something ends it or a hot address is reached; see [`litebox::Cpu::run`].
    pub fn run<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
        threshold: u16,
    ) -> Back {
        self.threshold = threshold;
        loop {
            if *budget == 0 {
                return Back::Exit(Exit::Budget);
            }
            if self.stop.swap(false, Ordering::Relaxed) {
                return Back::Exit(Exit::Stopped);
            }
            let start = match self.code.find(regs.pc, mem) {
                Ok(start) => start,
                Err(fault) => {
                    let pc = regs.isa.address(regs.pc);
                    return Back::Exit(Exit::fault(pc, fault));
                }
            };
            if self.grows_hot(start) {
                return Back::Hot;
            }
            let ended = if *budget > RUN as u64 {
                self.fast(regs, mem, budget, start)
            } else {
                self.single(regs, mem, budget, start)
            };
            if let Some(back) = ended {
                return back;
            }
        }
    }

    /// Executes the instruction at the program counter, whatever the budget says.
    pub fn one<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
    ) -> Option<Back> {
        match self.code.find(regs.pc, mem) {
            Ok(start) => self.single(regs, mem, budget, start),
            Err(fault) => Some(Back::Exit(Exit::fault(regs.pc, fault))),
        }
    }

    /// Runs from an op while more than a whole run is left of the budget. `None` when the loop
    /// outside has to look at `pc`, the budget, and the stop.
    fn fast<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
        start: usize,
    ) -> Option<Back> {
        let handlers = handlers::<M>(regs.isa);
        let mut left = *budget;
        let mut from = start;
        loop {
            let mut ended = None;
            let mut ip = from;
            for op in self.code.ops.get(from..)? {
                let handler = handlers[op.row as usize % TABLE_LEN];
                if let Err(halt) = handler(regs, mem, &mut self.control, op) {
                    ended = Some((halt, op));
                    break;
                }
                ip += 1;
            }
            let (halt, op) = ended?;
            left = left.wrapping_sub((ip - from) as u64);
            if halt == Halt::Exit {
                *budget = left;
                return Some(self.exit(regs, budget, ip, mem));
            }
            left = left.wrapping_sub(u64::from(op.row != NEXT_RUN));
            let target = if halt == Halt::Taken { op.imm } else { regs.pc };
            if left <= RUN as u64 || self.stop.load(Ordering::Relaxed) {
                regs.pc = target;
                *budget = left;
                return None;
            }
            let known = self.code.links.get(ip).copied().unwrap_or(UNKNOWN);
            if halt == Halt::Taken && known != UNKNOWN {
                from = known as usize;
            } else {
                match self.code.find(target, mem) {
                    Ok(next) => {
                        if halt == Halt::Taken {
                            self.code.links[ip] = next as u32;
                        }
                        from = next;
                    }
                    Err(fault) => {
                        regs.pc = target;
                        *budget = left;
                        let pc = regs.isa.address(target);
                        return Some(Back::Exit(Exit::fault(pc, fault)));
                    }
                }
            }
            if self.grows_hot(from) {
                regs.pc = target;
                *budget = left;
                return Some(Back::Hot);
            }
        }
    }

    /// Notes that an op is the target of a branch; whether it is hot.
    #[inline(always)]
    fn grows_hot(&mut self, ip: usize) -> bool {
        match self.code.heat.get_mut(ip) {
            Some(heat) if *heat < self.threshold => {
                *heat += 1;
                *heat == self.threshold
            }
            _ => self.threshold != 0,
        }
    }

    /// Runs one instruction.
    fn single<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
        ip: usize,
    ) -> Option<Back> {
        let op = *self.code.ops.get(ip)?;
        let handler = handlers::<M>(regs.isa)[op.row as usize % TABLE_LEN];
        let counts = u64::from(op.row != NEXT_RUN);
        match handler(regs, mem, &mut self.control, &op) {
            Ok(()) => regs.pc = op.next,
            Err(Halt::Taken) => regs.pc = op.imm,
            Err(Halt::Indirect) => {}
            Err(Halt::Exit) => return Some(self.exit(regs, budget, ip, mem)),
        }
        *budget = budget.saturating_sub(counts);
        None
    }

    /// Turns the cause into an exit; `budget` does not yet count the op.
    fn exit<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        budget: &mut u64,
        ip: usize,
        mem: &M,
    ) -> Back {
        let op = &self.code.ops[ip];
        let (next, at) = (op.next, before(regs.isa, op));
        let retire = |regs: &mut Regs, budget: &mut u64| {
            regs.pc = next;
            *budget = budget.saturating_sub(1);
        };
        match self.control.cause {
            Cause::Syscall => {
                retire(regs, budget);
                regs.monitor = Monitor::default();
                return Back::Exit(Exit::Syscall);
            }
            Cause::SyncCode => {
                retire(regs, budget);
                self.code.clear(mem.code_epoch());
                return Back::Sync;
            }
            _ => regs.pc = at,
        }
        let pc = regs.isa.address(at);
        Back::Exit(match self.control.cause {
            Cause::Fault(fault) => Exit::fault(pc, fault),
            Cause::Breakpoint => Exit::Breakpoint { pc },
            _ => Exit::Undefined {
                pc,
                word: encoding(regs.isa, at, mem),
            },
        })
    }
}

/// The program counter of an op.
fn before(isa: Isa, op: &Op) -> u64 {
    match isa {
        Isa::A64 => op.next.wrapping_sub(4),
        Isa::A32 => a32::location(op),
    }
}

/// The encoding at a program counter.
fn encoding<M: AddressSpace>(isa: Isa, pc: u64, mem: &M) -> u32 {
    let word = match isa {
        Isa::A64 => fetch(mem, pc),
        Isa::A32 => a32::encoding_at(pc, |addr| {
            let mut half = [0; 2];
            mem.fetch(addr, &mut half)?;
            Ok(u16::from_le_bytes(half))
        }),
    };
    word.unwrap_or(0)
}

/// The emitter that computes.
pub struct Interp<'a, M> {
    pub regs: &'a mut Regs,
    pub mem: &'a mut M,
    pub control: &'a mut Control,
}

impl<M: AddressSpace> Interp<'_, M> {
    #[cold]
    fn stop(&mut self, cause: Cause) -> Halt {
        self.control.cause = cause;
        Halt::Exit
    }

    #[inline(always)]
    fn load_n<const N: usize>(&mut self, addr: u64) -> Result<[u8; N], Halt> {
        self.mem
            .load::<N>(addr)
            .map_err(|fault| self.control_fault(fault))
    }

    #[inline(always)]
    fn store_n<const N: usize>(&mut self, addr: u64, data: [u8; N]) -> Step {
        self.mem
            .store(addr, data)
            .map_err(|fault| self.control_fault(fault))
    }

    #[cold]
    fn control_fault(&mut self, fault: Fault) -> Halt {
        self.stop(Cause::Fault(fault))
    }

    fn load_wide(&mut self, len: u8, addr: u64) -> Result<u128, Halt> {
        Ok(match len {
            1 => u128::from(u8::from_le_bytes(self.load_n(addr)?)),
            2 => u128::from(u16::from_le_bytes(self.load_n(addr)?)),
            4 => u128::from(u32::from_le_bytes(self.load_n(addr)?)),
            8 => u128::from(u64::from_le_bytes(self.load_n(addr)?)),
            _ => u128::from_le_bytes(self.load_n(addr)?),
        })
    }

    fn swap_if(&mut self, len: u8, addr: u64, old: u128, new: u128) -> Result<bool, Halt> {
        let (m, old, new) = (&mut *self.mem, old.to_le_bytes(), new.to_le_bytes());
        let done = match len {
            1 => m.compare_exchange(addr, cut::<1>(old), cut(new)),
            2 => m.compare_exchange(addr, cut::<2>(old), cut(new)),
            4 => m.compare_exchange(addr, cut::<4>(old), cut(new)),
            8 => m.compare_exchange(addr, cut::<8>(old), cut(new)),
            _ => m.compare_exchange(addr, old, new),
        };
        done.map_err(|fault| self.control_fault(fault))
    }

    /// Replaces memory by `f` of it, atomically; gives the old value.
    fn update(
        &mut self,
        len: u8,
        addr: u64,
        f: impl Fn(u128) -> Option<u128>,
    ) -> Result<u128, Halt> {
        loop {
            let old = self.load_wide(len, addr)?;
            let new = f(old).unwrap_or(old);
            if self.swap_if(len, addr, old, new)? {
                return Ok(old);
            }
        }
    }
}

fn cut<const N: usize>(bytes: [u8; 16]) -> [u8; N] {
    core::array::from_fn(|i| bytes[i])
}

const fn join(log2: u8, low: u64, high: u64) -> u128 {
    let bits = 8u32 << log2;
    let mask = (1u128 << bits) - 1;
    low as u128 & mask | (high as u128 & mask) << bits
}

const fn split(log2: u8, both: u128) -> (u64, u64) {
    let bits = 8u32 << log2;
    let mask = ((1u128 << bits) - 1) as u64;
    (both as u64 & mask, (both >> bits) as u64 & mask)
}

const fn nzcv(w: W, result: u64, c: bool, v: bool) -> u8 {
    let n = result >> (w.bits() - 1) & 1;
    (n as u8) << 3 | ((result == 0) as u8) << 2 | (c as u8) << 1 | v as u8
}

/// Bit `f` of entry `c` tells whether condition `c` holds under flags `f`.
const CONDITIONS: [u16; 16] = conditions();

const fn conditions() -> [u16; 16] {
    let mut table = [0; 16];
    let mut cond = 0;
    while cond < 16 {
        let mut flags = 0;
        while flags < 16 {
            let (n, z) = (flags & 8 != 0, flags & 4 != 0);
            let (c, v) = (flags & 2 != 0, flags & 1 != 0);
            let holds = match cond >> 1 {
                0 => z,
                1 => c,
                2 => n,
                3 => v,
                4 => c && !z,
                5 => n == v,
                6 => n == v && !z,
                _ => true,
            };
            if holds != (cond & 1 == 1 && cond != 15) {
                table[cond] |= 1 << flags;
            }
            flags += 1;
        }
        cond += 1;
    }
    table
}

impl<M: AddressSpace> Emit for Interp<'_, M> {
    type V = u64;
    type C = bool;
    type Q = u128;

    #[inline(always)]
    fn k(&mut self, w: W, value: u64) -> u64 {
        value & w.mask()
    }

    #[inline(always)]
    fn x(&mut self, w: W, reg: Reg) -> u64 {
        self.regs.x[reg as usize] & w.mask()
    }

    #[inline(always)]
    fn set_x(&mut self, w: W, reg: Reg, value: u64) {
        self.regs.x[reg as usize] = value & w.mask();
    }

    #[inline(always)]
    fn bin(&mut self, w: W, op: Bin, a: u64, b: u64) -> u64 {
        let wide = w == W::W64;
        let r = match op {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::Mul => a.wrapping_mul(b),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Shl if wide => a.wrapping_shl(b as u32),
            Bin::Shl => u64::from((a as u32).wrapping_shl(b as u32)),
            Bin::Shr if wide => a.wrapping_shr(b as u32),
            Bin::Shr => u64::from((a as u32).wrapping_shr(b as u32)),
            Bin::Sar if wide => (a as i64).wrapping_shr(b as u32) as u64,
            Bin::Sar => (a as i32).wrapping_shr(b as u32) as u64,
            Bin::Ror if wide => a.rotate_right(b as u32 & 63),
            Bin::Ror => u64::from((a as u32).rotate_right(b as u32 & 31)),
            Bin::UDiv => a.checked_div(b).unwrap_or(0),
            Bin::SDiv if wide => match b {
                0 => 0,
                _ => (a as i64).wrapping_div(b as i64) as u64,
            },
            Bin::SDiv => match b as u32 {
                0 => 0,
                b => (a as i32).wrapping_div(b as i32) as u64,
            },
            Bin::UMulHi => ((u128::from(a) * u128::from(b)) >> 64) as u64,
            Bin::SMulHi => ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64,
        };
        r & w.mask()
    }

    #[inline(always)]
    fn un(&mut self, w: W, op: Un, a: u64) -> u64 {
        let wide = w == W::W64;
        let r = match op {
            Un::Not => !a,
            Un::Clz if wide => u64::from(a.leading_zeros()),
            Un::Clz => u64::from((a as u32).leading_zeros()),
            Un::Cls if wide => u64::from((a ^ (a as i64 >> 1) as u64).leading_zeros() - 1),
            Un::Cls => {
                let a = a as u32;
                u64::from((a ^ (a as i32 >> 1) as u32).leading_zeros() - 1)
            }
            Un::Rbit if wide => a.reverse_bits(),
            Un::Rbit => u64::from((a as u32).reverse_bits()),
            Un::Rev16 => (a >> 8) & 0x00ff_00ff_00ff_00ff | (a & 0x00ff_00ff_00ff_00ff) << 8,
            Un::Rev32 => a.swap_bytes().rotate_left(32),
            Un::Rev if wide => a.swap_bytes(),
            Un::Rev => u64::from((a as u32).swap_bytes()),
        };
        r & w.mask()
    }

    #[inline(always)]
    fn ext(&mut self, w: W, bits: u32, signed: bool, a: u64) -> u64 {
        let r = match (bits, signed) {
            (8, false) => u64::from(a as u8),
            (16, false) => u64::from(a as u16),
            (32, false) => u64::from(a as u32),
            (8, true) => a as i8 as u64,
            (16, true) => a as i16 as u64,
            (32, true) => a as i32 as u64,
            _ => a,
        };
        r & w.mask()
    }

    #[inline(always)]
    fn select(&mut self, _w: W, c: bool, a: u64, b: u64) -> u64 {
        if c { a } else { b }
    }

    #[inline(always)]
    fn adds(&mut self, w: W, a: u64, b: u64) -> u64 {
        let (r, c, v);
        if w == W::W64 {
            (r, c) = a.overflowing_add(b);
            v = (a as i64).overflowing_add(b as i64).1;
        } else {
            let (r32, c32) = (a as u32).overflowing_add(b as u32);
            (r, c) = (u64::from(r32), c32);
            v = (a as i32).overflowing_add(b as i32).1;
        }
        self.regs.nzcv = nzcv(w, r, c, v);
        r
    }

    #[inline(always)]
    fn subs(&mut self, w: W, a: u64, b: u64) -> u64 {
        let (r, v);
        if w == W::W64 {
            r = a.wrapping_sub(b);
            v = (a as i64).overflowing_sub(b as i64).1;
        } else {
            r = u64::from((a as u32).wrapping_sub(b as u32));
            v = (a as i32).overflowing_sub(b as i32).1;
        }
        self.regs.nzcv = nzcv(w, r, a >= b, v);
        r
    }

    #[inline(always)]
    fn adcs(&mut self, w: W, a: u64, b: u64) -> u64 {
        let carry = u64::from(self.regs.nzcv >> 1 & 1);
        let sum = u128::from(a) + u128::from(b) + u128::from(carry);
        let r = sum as u64 & w.mask();
        let c = sum >> w.bits() != 0;
        let v = ((a ^ r) & (b ^ r)) >> (w.bits() - 1) & 1 != 0;
        self.regs.nzcv = nzcv(w, r, c, v);
        r
    }

    #[inline(always)]
    fn carry(&mut self, _w: W) -> u64 {
        u64::from(self.regs.nzcv >> 1 & 1)
    }

    #[inline(always)]
    fn flags_nz(&mut self, w: W, a: u64) {
        self.regs.nzcv = nzcv(w, a, false, false);
    }

    #[inline(always)]
    fn flags_logic(&mut self, w: W, a: u64, carry: Option<bool>) {
        let c = carry.unwrap_or(self.regs.nzcv & 2 != 0);
        self.regs.nzcv = nzcv(w, a, c, self.regs.nzcv & 1 != 0);
    }

    #[inline(always)]
    fn set_nzcv(&mut self, value: u64) {
        self.regs.nzcv = (value >> 28) as u8 & 15;
    }

    #[inline(always)]
    fn compare_if(&mut self, w: W, c: bool, sub: bool, a: u64, b: u64, nzcv: u8) {
        if !c {
            self.regs.nzcv = nzcv;
        } else if sub {
            self.subs(w, a, b);
        } else {
            self.adds(w, a, b);
        }
    }

    #[inline(always)]
    fn cond(&mut self, cond: u8) -> bool {
        CONDITIONS[cond as usize & 15] >> (self.regs.nzcv & 15) & 1 != 0
    }

    #[inline(always)]
    fn is_zero(&mut self, _w: W, a: u64) -> bool {
        a == 0
    }

    #[inline(always)]
    fn has_bit(&mut self, a: u64, bit: u32) -> bool {
        a >> (bit & 63) & 1 != 0
    }

    #[inline(always)]
    fn not_c(&mut self, c: bool) -> bool {
        !c
    }

    #[inline(always)]
    fn load(&mut self, log2: u8, addr: u64) -> Result<u64, Halt> {
        Ok(match log2 {
            0 => u64::from(u8::from_le_bytes(self.load_n(addr)?)),
            1 => u64::from(u16::from_le_bytes(self.load_n(addr)?)),
            2 => u64::from(u32::from_le_bytes(self.load_n(addr)?)),
            _ => u64::from_le_bytes(self.load_n(addr)?),
        })
    }

    #[inline(always)]
    fn load2(&mut self, log2: u8, addr: u64) -> Result<(u64, u64), Halt> {
        if log2 == 2 {
            let both = u64::from_le_bytes(self.load_n(addr)?);
            Ok((both & 0xffff_ffff, both >> 32))
        } else {
            Ok(split(3, u128::from_le_bytes(self.load_n(addr)?)))
        }
    }

    #[inline(always)]
    fn store(&mut self, log2: u8, addr: u64, value: u64) -> Step {
        match log2 {
            0 => self.store_n(addr, (value as u8).to_le_bytes()),
            1 => self.store_n(addr, (value as u16).to_le_bytes()),
            2 => self.store_n(addr, (value as u32).to_le_bytes()),
            _ => self.store_n(addr, value.to_le_bytes()),
        }
    }

    #[inline(always)]
    fn store2(&mut self, log2: u8, addr: u64, a: u64, b: u64) -> Step {
        if log2 == 2 {
            self.store_n(addr, (a & 0xffff_ffff | b << 32).to_le_bytes())
        } else {
            self.store_n(addr, join(3, a, b).to_le_bytes())
        }
    }

    #[inline(always)]
    fn load_q(&mut self, log2: u8, addr: u64) -> Result<u128, Halt> {
        match log2 {
            4 => Ok(u128::from_le_bytes(self.load_n(addr)?)),
            _ => Ok(u128::from(self.load(log2, addr)?)),
        }
    }

    #[inline(always)]
    fn store_q(&mut self, log2: u8, addr: u64, value: u128) -> Step {
        match log2 {
            4 => self.store_n(addr, value.to_le_bytes()),
            _ => self.store(log2, addr, value as u64),
        }
    }

    #[inline(always)]
    fn aligned(&mut self, log2: u8, addr: u64, write: bool) -> Step {
        if addr & ((1 << log2) - 1) == 0 {
            return Ok(());
        }
        Err(self.control_fault(Fault {
            addr,
            access: if write { Access::Write } else { Access::Read },
            kind: FaultKind::Alignment,
        }))
    }

    fn load_exclusive(&mut self, log2: u8, pair: bool, addr: u64) -> Result<(u64, u64), Halt> {
        self.aligned(log2 + u8::from(pair), addr, false)?;
        let len = 1 << (log2 + u8::from(pair));
        let value = self.load_wide(len, addr)?;
        self.regs.monitor = Monitor { len, addr, value };
        Ok(if pair {
            split(log2, value)
        } else {
            (value as u64, 0)
        })
    }

    fn store_exclusive(
        &mut self,
        log2: u8,
        pair: bool,
        addr: u64,
        value: (u64, u64),
    ) -> Result<u64, Halt> {
        self.aligned(log2 + u8::from(pair), addr, true)?;
        let held = self.regs.monitor;
        let len = 1 << (log2 + u8::from(pair));
        if held.len != len || held.addr != addr {
            self.regs.monitor = Monitor::default();
            return Ok(1);
        }
        let high = if pair { value.1 } else { 0 };
        let done = self.swap_if(len, addr, held.value, join(log2, value.0, high))?;
        self.regs.monitor = Monitor::default();
        Ok(u64::from(!done))
    }

    fn clear_exclusive(&mut self) {
        self.regs.monitor = Monitor::default();
    }

    fn rmw(&mut self, op: Rmw, log2: u8, addr: u64, v: u64) -> Result<u64, Halt> {
        self.aligned(log2, addr, true)?;
        let old = self.update(1 << log2, addr, |old| {
            Some(u128::from(modified(op, log2, old as u64, v)))
        })?;
        Ok(old as u64)
    }

    fn compare_swap(
        &mut self,
        log2: u8,
        pair: bool,
        addr: u64,
        old: (u64, u64),
        new: (u64, u64),
    ) -> Result<(u64, u64), Halt> {
        self.aligned(log2 + u8::from(pair), addr, true)?;
        let both = |v: (u64, u64)| join(log2, v.0, if pair { v.1 } else { 0 });
        let (old, new) = (both(old), both(new));
        let len = 1 << (log2 + u8::from(pair));
        let was = self.update(len, addr, |now| (now == old).then_some(new))?;
        Ok(if pair {
            split(log2, was)
        } else {
            (was as u64, 0)
        })
    }

    fn barrier(&mut self) {
        std::sync::atomic::fence(Ordering::SeqCst);
    }

    fn sync_code(&mut self, _next: u64) -> Step {
        Err(self.stop(Cause::SyncCode))
    }

    #[inline(always)]
    fn v(&mut self, reg: Reg) -> u128 {
        self.regs.vfp.v[reg.v()]
    }

    #[inline(always)]
    fn set_v(&mut self, reg: Reg, value: u128) {
        self.regs.vfp.v[reg.v()] = value;
    }

    #[inline(always)]
    fn vfp(&mut self, op: &Op, f: fn(&mut Vfp, &Op)) {
        f(&mut self.regs.vfp, op);
    }

    #[inline(always)]
    fn vfp_x(&mut self, op: &Op, x: u64, f: fn(&mut Vfp, &Op, u64) -> u64) -> u64 {
        f(&mut self.regs.vfp, op, x)
    }

    #[inline(always)]
    fn pure2(&mut self, a: u64, b: u64, f: fn(u64, u64) -> u64) -> u64 {
        f(a, b)
    }

    fn mrs(&mut self, sys: Sys) -> Result<u64, Halt> {
        Ok(match sys {
            Sys::TpidrEl0 => self.regs.tpidr,
            Sys::TpidrroEl0 => self.regs.tpidrro,
            Sys::Fpcr => u64::from(self.regs.fpcr()),
            Sys::Fpsr => u64::from(self.regs.fpsr()),
            Sys::Nzcv => u64::from(self.regs.nzcv()),
            Sys::CtrEl0 => a64::CTR_EL0,
            Sys::DczidEl0 => a64::DCZID_EL0,
            Sys::CntvctEl0 => (self.control.counter.0)(),
            Sys::CntfrqEl0 => COUNTER_HZ,
            Sys::Ge => u64::from(self.regs.ge),
            Sys::Saturated => u64::from(self.regs.saturated),
            Sys::Apsr | Sys::ApsrNzcvq => u64::from(self.regs.apsr()),
            Sys::Fpscr => u64::from(self.regs.fpscr()),
        })
    }

    fn msr(&mut self, sys: Sys, value: u64) -> Step {
        match sys {
            Sys::TpidrEl0 => self.regs.tpidr = value,
            Sys::Fpcr => self.regs.set_fpcr(value as u32),
            Sys::Fpsr => self.regs.set_fpsr(value as u32),
            Sys::Nzcv => self.regs.set_nzcv(value as u32),
            Sys::Ge => self.regs.ge = value as u8 & 15,
            Sys::Saturated => self.regs.saturated |= value & 1 != 0,
            Sys::ApsrNzcvq => {
                self.regs.set_nzcv(value as u32);
                self.regs.saturated = value >> 27 & 1 != 0;
            }
            Sys::Fpscr => self.regs.set_fpscr(value as u32),
            Sys::TpidrroEl0
            | Sys::CtrEl0
            | Sys::DczidEl0
            | Sys::CntvctEl0
            | Sys::CntfrqEl0
            | Sys::Apsr => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn jump(&mut self, _target: u64, _kind: Kind) -> Step {
        Err(Halt::Taken)
    }

    #[inline(always)]
    fn jump_if(&mut self, c: bool, _target: u64) -> Step {
        if c { Err(Halt::Taken) } else { Ok(()) }
    }

    #[inline(always)]
    fn jump_to(&mut self, target: u64, _kind: Kind) -> Step {
        self.regs.pc = target;
        Err(Halt::Indirect)
    }

    fn syscall(&mut self, _next: u64) -> Step {
        Err(self.stop(Cause::Syscall))
    }

    fn breakpoint(&mut self) -> Step {
        Err(self.stop(Cause::Breakpoint))
    }

    fn undefined(&mut self) -> Step {
        Err(self.stop(Cause::Undefined))
    }
}

/// The new value of a read-modify-write operation.
fn modified(op: Rmw, log2: u8, old: u64, v: u64) -> u64 {
    let unused = 64 - (8 << log2);
    let signed = |x: u64| (x << unused) as i64 >> unused;
    let mask = u64::MAX >> unused;
    let v = v & mask;
    let r = match op {
        Rmw::Add => old.wrapping_add(v),
        Rmw::Clear => old & !v,
        Rmw::Xor => old ^ v,
        Rmw::Set => old | v,
        Rmw::SMax => signed(old).max(signed(v)) as u64,
        Rmw::SMin => signed(old).min(signed(v)) as u64,
        Rmw::UMax => old.max(v),
        Rmw::UMin => old.min(v),
        Rmw::Swap => v,
    };
    r & mask
}
