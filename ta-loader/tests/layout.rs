//! What is mapped where, and which ELF files are refused, by ldelf's rules.

mod support;

use support::{DATA, Elf, SPAN, Symbol, uuid};
use ta_loader::memory::prot;
use ta_loader::{ElfError, LoadPlan, Machine, PlanError, Tls};
use tee_abi::{TeeResult, Uuid};

const MACHINES: [Machine; 3] = [Machine::AArch64, Machine::Arm, Machine::X86_64];

/// Plans a main module after a change of the program header's field at `field`.
fn with_phdr(elf: &Elf, index: usize, phdr: Vec<u8>) -> Result<(), PlanError> {
    let mut file = elf.build();
    let at = elf.phdr_offset(index);
    file[at..at + phdr.len()].copy_from_slice(&phdr);
    LoadPlan::main(&file).map(|_| ())
}

#[test]
fn text_is_readable_and_executable_data_readable_and_writable() {
    for machine in MACHINES {
        let file = Elf::main(machine).build();
        let plan = LoadPlan::main(&file).unwrap();
        let shape: Vec<_> = plan
            .segments()
            .iter()
            .map(|s| (s.vaddr, s.len, s.prot, s.data.len()))
            .collect();
        let text = (0, 0x1000, prot::R | prot::X, 0x1000);
        let data = (DATA, SPAN - DATA, prot::R | prot::W, 0x600);
        assert_eq!(shape, [text, data], "{machine}");
        assert_eq!(
            (plan.span(), plan.elf_entry(), plan.is_legacy()),
            (SPAN, 0x40, false)
        );
    }
}

#[test]
fn the_header_is_found_by_symbol_else_at_the_start() {
    let elf = Elf::main(Machine::AArch64);
    let file = elf.build();
    let head = *LoadPlan::main(&file).unwrap().head().unwrap();
    assert_eq!((head.uuid, head.stack_size, head.flags), (uuid(), 4096, 0));
    let mut elsewhere = vec![0; 32];
    elsewhere[..16].copy_from_slice(&[9; 16]);
    elsewhere[16..20].copy_from_slice(&8192u32.to_le_bytes());
    elsewhere[24..].copy_from_slice(&[0xff; 8]);
    let file = elf
        .at(DATA, elsewhere)
        .symbol(Symbol::global("ta_head", DATA))
        .build();
    let head = *LoadPlan::main(&file).unwrap().head().unwrap();
    assert_eq!((head.uuid, head.stack_size), (Uuid([9; 16]), 8192));
}

#[test]
fn a_library_has_no_header_and_names_what_it_needs() {
    let mut elf = Elf::library(Machine::AArch64);
    elf.needed = vec![uuid().to_string()];
    elf.tls = Some((DATA + 0x100, 8, 24));
    let file = elf.build();
    let plan = LoadPlan::detect(&file).unwrap();
    assert!(plan.head().is_none() && plan.header_is_mapped());
    assert_eq!(plan.needed(), [uuid()]);
    let tls = Tls {
        vaddr: DATA + 0x100,
        filesz: 8,
        memsz: 24,
        align: 8,
    };
    assert_eq!(plan.tls(), Some(tls));
    assert!(
        plan.check_uuid(Uuid::NIL).is_ok(),
        "there is no UUID to differ"
    );
}

#[test]
fn a_needed_library_that_is_no_uuid_is_named() {
    let mut elf = Elf::main(Machine::AArch64);
    elf.needed = vec!["libc.so.6".to_owned()];
    let error = LoadPlan::main(&elf.build()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the TA needs a library \"libc.so.6\", whose name is no UUID"
    );
}

#[test]
fn a_header_that_names_another_ta_is_refused() {
    let file = Elf::main(Machine::AArch64).build();
    let error = LoadPlan::main(&file)
        .unwrap()
        .check_uuid(Uuid::NIL)
        .unwrap_err();
    assert_eq!(
        error,
        PlanError::HeadUuid {
            head: uuid(),
            expected: Uuid::NIL
        }
    );
}

#[test]
fn stack_sizes_and_flags_that_ldelf_refuses_are_refused() {
    let plan = |stack_size, flags| {
        let elf = Elf {
            stack_size,
            flags,
            ..Elf::main(Machine::AArch64)
        };
        LoadPlan::main(&elf.build())
            .map(|_| ())
            .map_err(|error| error.result())
    };
    assert_eq!(plan(16, 0x3eff), Ok(()));
    for stack_size in [0, 8, 4097, u32::MAX, u32::MAX - 15] {
        assert_eq!(
            plan(stack_size, 0),
            Err(TeeResult::ERROR_BAD_FORMAT),
            "{stack_size}"
        );
    }
    for flags in [1 << 8, 1 << 14, 1 << 31] {
        assert_eq!(
            plan(4096, flags),
            Err(TeeResult::ERROR_BAD_FORMAT),
            "{flags:#x}"
        );
    }
    let a32 = Elf {
        stack_size: 8,
        ..Elf::main(Machine::Arm)
    };
    assert!(
        LoadPlan::main(&a32.build()).is_ok(),
        "A32 stacks are aligned to 8 bytes"
    );
}

#[test]
fn segments_that_break_a_rule_are_refused() {
    let elf = Elf::main(Machine::AArch64);
    let text = |flags, offset, vaddr, filesz, memsz, align| {
        with_phdr(
            &elf,
            0,
            elf.phdr(1, flags, offset, vaddr, filesz, memsz, align),
        )
        .map_err(|error| error.to_string())
    };
    let refused = |why: &str| Err(format!("the segment at 0x0 {why}"));
    assert_eq!(text(5, 0x1000, 0, 0x1000, 0x1000, 0x1000), Ok(()));
    assert_eq!(
        text(5, 0x1000, 0, 0x1000, 0xfff, 0x1000),
        refused("is smaller in memory than in the file")
    );
    assert_eq!(
        text(5, 0x1000, 0, 0x1000, 0x1000, 8),
        refused("is not aligned to pages")
    );
    assert_eq!(
        text(5, 0x1008, 0, 0x900, 0x900, 0x1000),
        refused("lies differently within a page in memory and in the file")
    );
    assert_eq!(
        text(1, 0x1000, 0, 0x1000, 0x1000, 0x1000),
        refused("is not readable")
    );
    assert_eq!(
        text(5, 0x1000, 0, 0xf00, 0x1000, 0x1000),
        refused("is read-only and longer in memory than in the file")
    );
    assert_eq!(
        text(5, 0, 0, 0x1000, 0x1000, 0x1000),
        Err("the first segment covers the ELF header: the TA was not linked with ta.ld".to_owned())
    );
}

#[test]
fn segments_that_collide_are_refused() {
    let elf = Elf::main(Machine::AArch64);
    let data = |offset, vaddr, filesz, memsz, align| {
        with_phdr(&elf, 1, elf.phdr(1, 6, offset, vaddr, filesz, memsz, align))
            .map_err(|error| (error.to_string(), error.result()))
    };
    assert_eq!(data(0x2000, 0x1000, 0x600, 0x2000, 0x1000), Ok(()));
    let why = |text: &str| Err((text.to_owned(), TeeResult::ERROR_GENERIC));
    assert_eq!(
        data(0x2800, 0x800, 0x100, 0x100, 0x1000),
        why("the segment at 0x800 overlaps the one before it, or precedes it")
    );
    assert_eq!(
        data(0x1000, 0x1000, 0x600, 0x2000, 0x1000),
        why("the segment at 0x1000 overlaps the one before it in the file")
    );
    assert_eq!(
        data(0x2000, 0x1000, 0x600, 0x2000, 0x2000),
        why("the segment at 0x1000 has another alignment than the first")
    );
}

#[test]
fn what_does_not_fit_into_a_boards_memory_is_out_of_memory() {
    let elf = Elf::main(Machine::AArch64);
    for memsz in [1 << 40, u64::MAX - 0x2000] {
        let error = with_phdr(
            &elf,
            1,
            elf.phdr(1, 6, 0x2000, 0x1000, 0x600, memsz, 0x1000),
        );
        assert_eq!(error.unwrap_err().result(), TeeResult::ERROR_OUT_OF_MEMORY);
    }
}

#[test]
fn bytes_beyond_the_end_of_the_file_are_missed() {
    let elf = Elf::main(Machine::AArch64);
    let phdr = elf.phdr(1, 6, 0x2000, 0x1000, 0x10_0000, 0x10_0000, 0x1000);
    let error = with_phdr(&elf, 1, phdr).unwrap_err();
    assert_eq!(error, PlanError::SegmentBytes { vaddr: 0x1000 });
}

#[test]
fn a_writable_segment_is_never_executable() {
    let elf = Elf::main(Machine::AArch64);
    let mut file = elf.build();
    let at = elf.phdr_offset(1);
    let phdr = elf.phdr(1, 7, 0x2000, 0x1000, 0x600, 0x2000, 0x1000);
    file[at..at + phdr.len()].copy_from_slice(&phdr);
    let plan = LoadPlan::main(&file).unwrap();
    assert!(
        plan.segments()
            .iter()
            .all(|s| s.prot & (prot::W | prot::X) != prot::W | prot::X)
    );
}

#[test]
fn a_segment_that_starts_within_a_page_brings_the_pages_file_bytes() {
    let elf = Elf::main(Machine::AArch64).at(DATA, [0xaa; 0x100]);
    let mut file = elf.build();
    let at = elf.phdr_offset(1);
    let phdr = elf.phdr(1, 6, 0x2100, 0x1100, 0x500, 0x1f00, 0x1000);
    file[at..at + phdr.len()].copy_from_slice(&phdr);
    let plan = LoadPlan::main(&file).unwrap();
    let data = &plan.segments()[1];
    assert_eq!(
        (data.vaddr, data.len, data.data.len()),
        (0x1000, 0x2000, 0x600)
    );
    assert_eq!(data.data[..0x100], [0xaa; 0x100]);
}

#[test]
fn elf_headers_of_other_kinds_are_refused() {
    let file = Elf::main(Machine::AArch64).build();
    let change = |at: usize, value: u8| {
        let mut file = file.clone();
        file[at] = value;
        match LoadPlan::main(&file).unwrap_err() {
            PlanError::Elf(ElfError::Header { field, .. }) => field,
            other => panic!("{other}"),
        }
    };
    assert_eq!(change(4, 1), "class");
    assert_eq!(change(5, 2), "data encoding");
    assert_eq!(change(6, 0), "version");
    assert_eq!(change(7, 3), "OS ABI");
    assert_eq!(change(16, 2), "e_type");
    assert_eq!(change(18, 3), "e_machine");
    assert_eq!(change(48, 1), "e_flags");
    assert_eq!(change(54, 55), "e_phentsize");
    let error = LoadPlan::main(b"#!/bin/sh").unwrap_err();
    assert_eq!(error, PlanError::Elf(ElfError::NotElf));
}
