//! Hostile files: whatever the bytes, the answer is a value, and a patch lies in its module.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::{DATA, Elf, Symbol, uuid};
use ta_loader::{LoadPlan, Machine, Program, Signed};

const BASE: u64 = 0x4000_0000;
const AREA: u64 = 0x1000_0000;

/// A file that has something of everything.
fn rich(machine: Machine) -> Elf {
    let (relative, abs, glob_dat, tls) = match machine {
        Machine::AArch64 => (1027, 257, 1025, 1031),
        Machine::Arm => (23, 2, 21, 17),
        Machine::X86_64 => (8, 1, 6, 7),
    };
    let mut elf = Elf::main(machine)
        .symbol(Symbol::global("ta_head", 0))
        .symbol(Symbol::global("__elf_phdr_info", DATA + 0x200))
        .symbol(Symbol::tls("local", 4))
        .symbol(Symbol::weak_undefined("nobody"))
        .rel(DATA, relative, 0, 0x40)
        .rel(DATA + 8, abs, 1, 4)
        .rel(DATA + 16, glob_dat, 4, 0)
        .rel(DATA + 24, tls, 3, 0);
    elf.tls = Some((DATA + 0x100, 8, 16));
    elf.needed = vec![uuid().to_string()];
    elf
}

/// Plans and links, checking what comes of it.
fn exercise(file: &[u8]) {
    for plan in [
        LoadPlan::main(file),
        LoadPlan::library(file),
        LoadPlan::detect(file),
    ] {
        let Ok(plan) = plan else { continue };
        let mut program = Program::new(uuid(), plan);
        let _ = program.missing();
        if program.place(0, BASE).is_err() {
            continue;
        }
        let Ok(link) = program.link(AREA) else {
            continue;
        };
        let memory = program.modules()[0].plan.memory();
        for patch in &link.patches {
            let vaddr = patch.addr - BASE;
            let segment = memory.segment_at(vaddr).expect("a patch lies in a segment");
            assert!(vaddr - segment.vaddr + u64::from(patch.width) <= segment.len);
        }
    }
}

fn machine() -> impl Strategy<Value = Machine> {
    prop_oneof![
        Just(Machine::AArch64),
        Just(Machine::Arm),
        Just(Machine::X86_64)
    ]
}

/// Values that lengths, offsets and counts go wrong with.
fn evil() -> impl Strategy<Value = u64> {
    let edges = vec![
        0,
        1,
        0xfff,
        0x1000,
        0xffff,
        0x7fff_ffff,
        0xffff_ffff,
        1 << 47,
        1 << 63,
    ];
    prop_oneof![
        proptest::sample::select(edges),
        Just(u64::MAX),
        any::<u64>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_are_answered(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Signed::parse(&bytes);
        exercise(&bytes);
        let signed = [&0x4f54_5348u32.to_le_bytes()[..], &bytes].concat();
        let _ = Signed::parse(&signed);
        exercise(&[b"\x7fELF", &bytes[..]].concat());
    }

    #[test]
    fn altered_files_are_answered(
        machine in machine(),
        changes in vec((any::<prop::sample::Index>(), evil(), prop::sample::select(vec![1usize, 2, 4, 8])), 1..5),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut file = rich(machine).build();
        for (at, value, width) in changes {
            let at = at.index(file.len() - 8);
            file[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        exercise(&file);
    }
}

#[test]
fn every_truncation_is_answered() {
    for machine in [Machine::AArch64, Machine::Arm, Machine::X86_64] {
        let file = rich(machine).build();
        exercise(&file);
        for len in 0..file.len() {
            exercise(&file[..len]);
        }
    }
}

#[test]
fn every_flipped_bit_of_headers_and_tables_is_answered() {
    for machine in [Machine::AArch64, Machine::Arm, Machine::X86_64] {
        let mut file = rich(machine).build();
        for at in 0..file.len() {
            if file[at] == 0 && at > 0x200 && at % 8 > 1 {
                continue;
            }
            for bit in 0..8 {
                file[at] ^= 1 << bit;
                exercise(&file);
                file[at] ^= 1 << bit;
            }
        }
    }
}
