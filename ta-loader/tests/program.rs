//! A TA with its libraries, and what the loader leaves for libutee.

mod support;

use support::{DATA, Elf, Symbol, uuid};
use ta_loader::memory::prot;
use ta_loader::{LoadPlan, Machine, Program, ProgramError};
use tee_abi::{TeeResult, Uuid};

const BASE: u64 = 0x4000_0000;
const LIB_BASE: u64 = 0x5000_0000;
const AREA: u64 = 0x1000_0000;
const LIB: Uuid = Uuid([0x11; 16]);

fn words(data: &[u8], width: usize) -> Vec<u64> {
    data.chunks_exact(width)
        .map(|chunk| {
            chunk
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        })
        .collect()
}

#[test]
fn libraries_are_asked_for_until_none_is_missing() {
    let mut main = Elf::main(Machine::AArch64);
    main.needed = vec![LIB.to_string()];
    let mut library = Elf::library(Machine::AArch64);
    library.needed = vec![LIB.to_string(), Uuid([0x22; 16]).to_string()];
    let (main, library) = (main.build(), library.build());
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    assert_eq!(program.missing(), Some(LIB));
    program
        .add_library(LIB, LoadPlan::library(&library).unwrap())
        .unwrap();
    assert_eq!(program.missing(), Some(Uuid([0x22; 16])));
    program
        .add_library(Uuid([0x22; 16]), LoadPlan::library(&library).unwrap())
        .unwrap();
    assert_eq!(program.missing(), None);
}

#[test]
fn a_library_for_another_machine_is_refused() {
    let (main, library) = (
        Elf::main(Machine::AArch64).build(),
        Elf::library(Machine::Arm).build(),
    );
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    let error = program
        .add_library(LIB, LoadPlan::library(&library).unwrap())
        .unwrap_err();
    assert_eq!(error.result(), TeeResult::ERROR_BAD_FORMAT);
    assert_eq!(
        error.to_string(),
        "library 11111111-1111-1111-1111-111111111111 is made for arm, the TA for aarch64"
    );
}

#[test]
fn a_module_must_fit_where_it_is_placed() {
    let main = Elf::main(Machine::Arm).build();
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    for base in [0x4000_0001, 0xffff_e000, u64::MAX - 0xfff] {
        assert_eq!(
            program.place(0, base),
            Err(ProgramError::Place(uuid(), base))
        );
    }
    assert_eq!(program.place(0, 0xffff_d000), Ok(()));
    let (module, offset) = program.module_at(0xffff_d004).unwrap();
    assert_eq!((module.uuid, offset), (uuid(), 4));
    assert!(program.module_at(0xffff_cfff).is_none());
}

#[test]
fn libutee_finds_each_modules_headers_in_64_bits() {
    let mut main = Elf::main(Machine::AArch64).symbol(Symbol::global("__elf_phdr_info", DATA));
    main.tls = Some((DATA + 0x100, 4, 24));
    let mut library = Elf::library(Machine::AArch64);
    library.soname = Some("lib.so");
    let (main, library) = (main.build(), library.build());
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    program
        .add_library(LIB, LoadPlan::library(&library).unwrap())
        .unwrap();
    program.place(0, BASE).unwrap();
    program.place(1, LIB_BASE).unwrap();
    let link = program.link(AREA).unwrap();

    let at = |addr| {
        link.patches
            .iter()
            .find(|p| p.addr == addr)
            .map(|p| (p.width, p.value))
    };
    assert_eq!(at(BASE + DATA + 4), Some((4, 2)), "count");
    assert_eq!(at(BASE + DATA + 8), Some((8, AREA + 0x2000)), "dlpi");

    let shape: Vec<_> = link
        .area
        .iter()
        .map(|part| (part.addr, part.len, part.prot))
        .collect();
    let expected = [
        (AREA, 0x1000, prot::R | prot::X),
        (AREA + 0x1000, 0x1000, prot::R),
        (AREA + 0x2000, 0x1000, prot::R | prot::W),
    ];
    assert_eq!(shape, expected);
    assert_eq!(program.area_len(), 0x3000);
    assert!(link.area[1].data.starts_with(b"\x7fELF"));

    let soname = LIB_BASE + program.modules()[1].plan.soname().unwrap();
    #[rustfmt::skip]
    let expected = [
        BASE, BASE + DATA + 7, AREA + 0x1000 + 64, 4, 1, 0, 0, DATA + 0x100,
        LIB_BASE, soname, LIB_BASE + 64, 3, 1, 0, 0, 0,
    ];
    assert_eq!(words(&link.area[2].data, 8), expected);
}

#[test]
fn libutee_finds_each_modules_headers_in_32_bits() {
    let mut main = Elf::main(Machine::Arm).symbol(Symbol::global("__elf_phdr_info", DATA));
    main.tls = Some((DATA + 0x100, 4, 24));
    let main = main.build();
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    program.place(0, BASE).unwrap();
    let link = program.link(AREA).unwrap();
    let at = |addr| {
        link.patches
            .iter()
            .find(|p| p.addr == addr)
            .map(|p| (p.width, p.value))
    };
    assert_eq!(at(BASE + DATA + 4), Some((4, 1)));
    assert_eq!(at(BASE + DATA + 8), Some((4, AREA + 0x2000)));
    let expected = [
        BASE,
        BASE + DATA + 7,
        AREA + 0x1000 + 52,
        4,
        1,
        0,
        0,
        0,
        1,
        0,
    ];
    assert_eq!(words(&link.area[2].data, 4), expected);
}

#[test]
fn a_ta_of_3_9_finds_its_initialisers() {
    const DT_INIT_ARRAY: u64 = 25;
    const DT_INIT_ARRAYSZ: u64 = 27;
    let mut main = Elf::main(Machine::AArch64).symbol(Symbol::global("__init_fini_info", DATA));
    main.dynamic = vec![(DT_INIT_ARRAY, DATA + 0x80), (DT_INIT_ARRAYSZ, 24)];
    let main = main.build();
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    program.place(0, BASE).unwrap();
    let link = program.link(AREA).unwrap();
    assert_eq!(
        words(&link.area[2].data, 8),
        [1 | 3 << 32, BASE + DATA + 0x80, 0]
    );
}

#[test]
fn an_information_structure_of_another_version_is_refused() {
    let main = Elf::main(Machine::AArch64)
        .symbol(Symbol::global("__elf_phdr_info", DATA))
        .at(DATA, [1])
        .build();
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    program.place(0, BASE).unwrap();
    let error = program.link(AREA).unwrap_err();
    assert_eq!(error, ProgramError::InfoVersion("__elf_phdr_info"));
}

#[test]
fn an_old_ta_without_the_structures_needs_nothing() {
    let main = Elf::main(Machine::AArch64).build();
    let mut program = Program::new(uuid(), LoadPlan::main(&main).unwrap());
    program.place(0, BASE).unwrap();
    assert!(program.link(AREA).unwrap().patches.is_empty());
}
