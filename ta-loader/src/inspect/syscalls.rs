//! The syscall stubs in a TA's code, found without symbols by their instructions, and whether the
//! TA's own code can reach them.
//!
//! ```text
//! A64  mov x8, #n; svc #0            A32  push …; mov r7, #n; (mov|add)…; svc #0
//! x86  mov eax, n or mov rax, n; …; syscall
//! ```
//! libutee brings all 56 stubs into every TA, so what can be reached says more than what is there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::Serialize;
use tee_abi::syscalls::lookup;

use super::calls::{Code, reach};
use crate::elf::Machine;
use crate::plan::LoadPlan;

/// A syscall that a TA has a stub of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkedSyscall {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Whether the stub can be reached from the TA's entry point or, in a library, from what it
    /// exports; none where that is not looked for: only A64 code is.
    pub reachable: Option<bool>,
}

/// The stubs in a module, by number.
pub(super) fn linked(plan: &LoadPlan<'_>, pointers: &BTreeMap<u64, u64>) -> Vec<LinkedSyscall> {
    let code = Code::of(plan);
    let mut stubs = Stubs::new();
    for code in &code {
        match plan.machine() {
            Machine::AArch64 => stubs_a64(code, &mut stubs),
            Machine::Arm => stubs_a32(code, &mut stubs),
            Machine::X86_64 => stubs_x86(code, &mut stubs),
        }
    }
    let starts = stubs.values().flatten().copied();
    let reached = reach(plan, &code, pointers, starts);
    stubs
        .iter()
        .filter_map(|(number, starts)| {
            let row = lookup(*number)?;
            let holds = |reached| {
                starts
                    .iter()
                    .any(|start| super::calls::Reached::holds(reached, *start))
            };
            Some(LinkedSyscall {
                number: row.number,
                name: row.name,
                reachable: reached.as_ref().map(holds),
            })
        })
        .collect()
}

/// Syscall number → addresses that its stubs start at.
type Stubs = BTreeMap<u64, Vec<u64>>;

fn stubs_a64(code: &Code<'_>, stubs: &mut Stubs) {
    const SVC: u32 = 0xd400_0001;
    const BTI_C: u32 = 0xd503_245f;
    const MOVZ_X8: u32 = 0xd280_0008;
    const MOVZ_W8: u32 = 0x5280_0008;
    let words = code.words();
    for (i, pair) in words.windows(2).enumerate() {
        let [(addr, movz), (_, SVC)] = pair else {
            continue;
        };
        if matches!(movz & !(0xffff << 5), MOVZ_X8 | MOVZ_W8) {
            let number = u64::from((movz >> 5) & 0xffff);
            let before = i.checked_sub(1).and_then(|before| words.get(before));
            let start = before
                .filter(|(_, word)| *word == BTI_C)
                .map_or(addr, |(at, _)| at);
            stubs.entry(number).or_default().push(*start);
        }
    }
}

fn stubs_a32(code: &Code<'_>, stubs: &mut Stubs) {
    const SVC: u32 = 0xef00_0000;
    const MOV_R7: u32 = 0xe3a0_7000;
    let words = code.words();
    for (i, (addr, word)) in words.iter().enumerate() {
        let after = words.iter().skip(i + 1).take(3);
        if word & !0xff == MOV_R7 && after.into_iter().any(|(_, word)| *word == SVC) {
            let number = u64::from(word & 0xff);
            stubs.entry(number).or_default().push(addr.wrapping_sub(4));
        }
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
                .push(code.base.saturating_add(at as u64));
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
