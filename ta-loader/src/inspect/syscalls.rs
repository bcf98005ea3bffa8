//! The syscall stubs in a TA's code, found without symbols by their instructions, and whether
//! anything in the module branches to them.
//!
//! ```text
//! A64  mov x8, #n; svc #0            A32  push …; mov r7, #n; (mov|add)…; svc #0
//! x86  mov eax, n or mov rax, n; …; syscall
//! ```
//! libutee brings all 56 stubs into every TA, so what is called says more than what is there. Data
//! among code can look like an instruction: this is a hint for people, not a proof.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::Serialize;
use tee_abi::syscalls::lookup;

use crate::elf::Machine;
use crate::memory::prot;
use crate::plan::LoadPlan;

/// A syscall that a TA has a stub of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkedSyscall {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Whether a branch in the module leads to the stub; none where that is not looked for
    /// (x86-64).
    pub called: Option<bool>,
}

/// A run of code and the address of its first byte.
struct Code<'a> {
    base: u64,
    bytes: &'a [u8],
}

impl Code<'_> {
    fn u16s(&self) -> impl Iterator<Item = (u64, u16)> + '_ {
        self.bytes
            .as_chunks::<2>()
            .0
            .iter()
            .enumerate()
            .map(|(i, b)| (self.base + 2 * i as u64, u16::from_le_bytes(*b)))
    }

    fn u32s(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.bytes
            .as_chunks::<4>()
            .0
            .iter()
            .enumerate()
            .map(|(i, b)| (self.base + 4 * i as u64, u32::from_le_bytes(*b)))
    }
}

/// The stubs in a module, by number.
pub(super) fn linked(plan: &LoadPlan<'_>) -> Vec<LinkedSyscall> {
    let mut stubs = BTreeMap::new();
    let mut targets = BTreeSet::new();
    for segment in plan.segments().iter().filter(|s| s.prot & prot::X != 0) {
        let code = Code {
            base: segment.vaddr,
            bytes: segment.data,
        };
        match plan.machine() {
            Machine::AArch64 => {
                stubs_a64(&code, &mut stubs);
                branches_a64(&code, &mut targets);
            }
            Machine::Arm => {
                stubs_a32(&code, &mut stubs);
                branches_a32(&code, &mut targets);
                branches_t32(&code, &mut targets);
            }
            Machine::X86_64 => stubs_x86(&code, &mut stubs),
        }
    }
    let looked_for = plan.machine() != Machine::X86_64;
    stubs
        .iter()
        .filter_map(|(number, starts)| {
            let row = lookup(*number)?;
            let called = || starts.iter().any(|start| targets.contains(start));
            Some(LinkedSyscall {
                number: row.number,
                name: row.name,
                called: looked_for.then(called),
            })
        })
        .collect()
}

/// Syscall number → addresses at which a stub may start.
type Stubs = BTreeMap<u64, BTreeSet<u64>>;

fn stubs_a64(code: &Code<'_>, stubs: &mut Stubs) {
    const SVC: u32 = 0xd400_0001;
    const MOVZ_X8: u32 = 0xd280_0008;
    const MOVZ_W8: u32 = 0x5280_0008;
    let words: Vec<_> = code.u32s().collect();
    for pair in words.windows(2) {
        let [(addr, movz), (_, SVC)] = pair else {
            continue;
        };
        if matches!(movz & !(0xffff << 5), MOVZ_X8 | MOVZ_W8) {
            let number = u64::from((movz >> 5) & 0xffff);
            // With branch protection a `bti c` goes before.
            stubs
                .entry(number)
                .or_default()
                .extend([*addr, addr.wrapping_sub(4)]);
        }
    }
}

fn branches_a64(code: &Code<'_>, targets: &mut BTreeSet<u64>) {
    for (addr, word) in code.u32s() {
        if word & 0x7c00_0000 == 0x1400_0000 {
            let offset = i64::from((word << 6).cast_signed() >> 4);
            targets.insert(addr.wrapping_add_signed(offset));
        }
    }
}

fn stubs_a32(code: &Code<'_>, stubs: &mut Stubs) {
    const SVC: u32 = 0xef00_0000;
    const MOV_R7: u32 = 0xe3a0_7000;
    let words: Vec<_> = code.u32s().collect();
    for (i, (addr, word)) in words.iter().enumerate() {
        let after = words.iter().skip(i + 1).take(3);
        if word & !0xff == MOV_R7 && after.into_iter().any(|(_, word)| *word == SVC) {
            let number = u64::from(word & 0xff);
            stubs
                .entry(number)
                .or_default()
                .insert(addr.wrapping_sub(4));
        }
    }
}

fn branches_a32(code: &Code<'_>, targets: &mut BTreeSet<u64>) {
    for (addr, word) in code.u32s() {
        if word & 0x0e00_0000 == 0x0a00_0000 {
            let offset = i64::from((word << 8).cast_signed() >> 6);
            targets.insert(addr.wrapping_add(8).wrapping_add_signed(offset));
        }
    }
}

/// `bl`, `blx` and `b.w` of T32: two halfwords, `11110 S imm10` and `1 x J1 x J2 imm11`.
fn branches_t32(code: &Code<'_>, targets: &mut BTreeSet<u64>) {
    let halves: Vec<_> = code.u16s().collect();
    for pair in halves.windows(2) {
        let [(addr, high), (_, low)] = pair else {
            continue;
        };
        let kind = low & 0xd000;
        let is_blx = kind == 0xc000;
        if high & 0xf800 != 0xf000 || !(is_blx || kind == 0xd000 || kind == 0x9000) {
            continue;
        }
        let (high, low) = (u32::from(*high), u32::from(*low));
        let sign = (high >> 10) & 1;
        let i1 = !((low >> 13) ^ sign) & 1;
        let i2 = !((low >> 11) ^ sign) & 1;
        let imm = sign << 24 | i1 << 23 | i2 << 22 | (high & 0x3ff) << 12 | (low & 0x7ff) << 1;
        let offset = i64::from((imm << 7).cast_signed() >> 7);
        let pc = addr.wrapping_add(4);
        let pc = if is_blx { pc & !3 } else { pc };
        targets.insert(pc.wrapping_add_signed(offset));
    }
}

fn stubs_x86(code: &Code<'_>, stubs: &mut Stubs) {
    const SYSCALL: &[u8] = &[0x0f, 0x05];
    /// How far before `syscall` its number is loaded at most.
    const REACH: usize = 24;
    for (at, window) in code.bytes.windows(SYSCALL.len()).enumerate() {
        if window != SYSCALL {
            continue;
        }
        let before = code
            .bytes
            .get(at.saturating_sub(REACH)..at)
            .unwrap_or_default();
        if let Some(number) = before.windows(7).rev().find_map(number_x86) {
            stubs
                .entry(number.into())
                .or_default()
                .insert(code.base + at as u64);
        }
    }
}

/// The number of `mov eax, imm32` or `mov rax, imm32`, whose last byte is the seventh.
fn number_x86(window: &[u8]) -> Option<u32> {
    match *window {
        [_, _, 0xb8, a, b, c, d] | [0x48, 0xc7, 0xc0, a, b, c, d] => {
            Some(u32::from_le_bytes([a, b, c, d]))
        }
        _ => None,
    }
}
