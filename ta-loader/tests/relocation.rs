//! The words that relocation patches, type by type, and what it refuses.

mod support;

use support::{DATA, Elf, Symbol, uuid};
use ta_loader::program::TLSDESC_RESOLVE;
use ta_loader::{Link, LoadPlan, Machine, Patch, Program, ProgramError, RelocError};
use tee_abi::{TeeResult, Uuid};

const BASE: u64 = 0x4000_0000;
const LIB_BASE: u64 = 0x5000_0000;
const AREA: u64 = 0x1000_0000;
const LIB: Uuid = Uuid([0x11; 16]);

mod a64 {
    pub const ABS64: u32 = 257;
    pub const GLOB_DAT: u32 = 1025;
    pub const JUMP_SLOT: u32 = 1026;
    pub const RELATIVE: u32 = 1027;
    pub const TLS_TPREL: u32 = 1030;
    pub const TLSDESC: u32 = 1031;
}

mod a32 {
    pub const NONE: u32 = 0;
    pub const ABS32: u32 = 2;
    pub const REL32: u32 = 3;
    pub const TLS_DTPMOD32: u32 = 17;
    pub const TLS_DTPOFF32: u32 = 18;
    pub const GLOB_DAT: u32 = 21;
    pub const JUMP_SLOT: u32 = 22;
    pub const RELATIVE: u32 = 23;
}

fn link(main: &Elf, library: Option<&Elf>) -> Result<Link, ProgramError> {
    let main = main.build();
    let library = library.map(Elf::build);
    let mut program = Program::new(uuid(), LoadPlan::main(&main)?);
    program.place(0, BASE)?;
    if let Some(library) = &library {
        program.add_library(LIB, LoadPlan::library(library)?)?;
        program.place(1, LIB_BASE)?;
    }
    program.link(AREA)
}

/// The value written at `offset` of the data page of the main module.
fn value(link: &Link, offset: u64) -> Option<u64> {
    let found = link
        .patches
        .iter()
        .rfind(|patch| patch.addr == BASE + DATA + offset);
    found.map(|patch| patch.value)
}

fn refusal(elf: &Elf) -> RelocError {
    match link(elf, None).unwrap_err() {
        ProgramError::Reloc { error, .. } => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a64_words_that_need_no_other_module() {
    let elf = Elf::main(Machine::AArch64)
        .symbol(Symbol::global("here", 0x44))
        .symbol(Symbol::weak("faint", 0x48))
        .symbol(Symbol::weak_undefined("__gmon_start__"))
        .rel(DATA, a64::RELATIVE, 0, 0x123)
        .rel(DATA + 8, a64::ABS64, 1, 2)
        .rel(DATA + 16, a64::GLOB_DAT, 1, 0)
        .rel(DATA + 24, a64::JUMP_SLOT, 2, 0)
        .rel(DATA + 32, a64::JUMP_SLOT, 3, 0)
        .rel(DATA + 40, 0, 0, 0);
    let link = link(&elf, None).unwrap();
    let words: Vec<_> = (0..6).map(|i| value(&link, 8 * i)).collect();
    let expected = [
        Some(BASE + 0x123),
        Some(BASE + 0x46),
        Some(BASE + 0x44),
        Some(BASE + 0x48),
        Some(0),
        None,
    ];
    assert_eq!(words, expected);
    assert!(link.patches.iter().all(|patch| patch.width == 8));
    assert_eq!(link.entry, BASE + 0x40);
}

#[test]
fn a32_addends_lie_in_the_words_themselves() {
    let elf = Elf::main(Machine::Arm)
        .at(DATA, [0x20, 0, 0, 0, 0x30, 0, 0, 0, 0x40, 0, 0, 0])
        .symbol(Symbol::global("here", 0x45))
        .rel(DATA, a32::RELATIVE, 0, 0)
        .rel(DATA + 4, a32::ABS32, 1, 0)
        .rel(DATA + 8, a32::REL32, 1, 0)
        .rel(DATA + 12, a32::GLOB_DAT, 1, 0)
        .rel(DATA + 16, a32::JUMP_SLOT, 1, 0)
        .rel(DATA + 20, a32::NONE, 0, 0)
        .rel(DATA, a32::RELATIVE, 0, 0);
    let link = link(&elf, None).unwrap();
    assert_eq!(
        value(&link, 0),
        Some(2 * BASE + 0x20),
        "the second finds what the first left"
    );
    assert_eq!(value(&link, 4), Some(BASE + 0x75));
    assert_eq!(
        value(&link, 8),
        Some(0x85u64.wrapping_sub(DATA + 8) & 0xffff_ffff)
    );
    assert_eq!(value(&link, 12), Some(BASE + 0x45));
    assert_eq!(value(&link, 16), Some(BASE + 0x45));
    assert_eq!(value(&link, 20), None);
    assert!(link.patches.iter().all(|patch| patch.width == 4));
}

#[test]
fn x86_64_words() {
    let elf = Elf::main(Machine::X86_64)
        .symbol(Symbol::global("here", 0x44))
        .rel(DATA, 8, 0, 0x123)
        .rel(DATA + 8, 1, 1, 4);
    let link = link(&elf, None).unwrap();
    assert_eq!(
        (value(&link, 0), value(&link, 8)),
        (Some(BASE + 0x123), Some(BASE + 0x48))
    );
}

#[test]
fn symbols_come_from_the_first_module_that_defines_them() {
    let main = Elf::main(Machine::AArch64)
        .symbol(Symbol::undefined("lib_only"))
        .symbol(Symbol::global("both", 0x50))
        .rel(DATA, a64::JUMP_SLOT, 1, 0)
        .rel(DATA + 8, a64::ABS64, 1, 99)
        .rel(DATA + 16, a64::GLOB_DAT, 2, 0);
    let library = Elf::library(Machine::AArch64)
        .symbol(Symbol::global("lib_only", 0x60))
        .symbol(Symbol::global("both", 0x70))
        .rel(DATA, a64::GLOB_DAT, 2, 0);
    let link = link(&main, Some(&library)).unwrap();
    assert_eq!(value(&link, 0), Some(LIB_BASE + 0x60));
    assert_eq!(
        value(&link, 8),
        Some(LIB_BASE + 0x60),
        "ldelf leaves out the addend"
    );
    assert_eq!(value(&link, 16), Some(BASE + 0x50));
    let from_library = Patch {
        addr: LIB_BASE + DATA,
        width: 8,
        value: BASE + 0x50,
    };
    assert!(link.patches.contains(&from_library));
}

#[test]
fn a64_thread_local_offsets_follow_the_modules_blocks() {
    let mut main = Elf::main(Machine::AArch64)
        .symbol(Symbol::tls("mine", 4))
        .symbol(Symbol {
            info: 0x16,
            ..Symbol::undefined("theirs")
        })
        .rel(DATA, a64::TLS_TPREL, 1, 0)
        .rel(DATA + 8, a64::TLS_TPREL, 2, 1)
        .rel(DATA + 16, a64::TLS_TPREL, 0, 2)
        .rel(DATA + 24, a64::TLSDESC, 2, 0);
    main.tls = Some((DATA + 0x100, 4, 24));
    let mut library = Elf::library(Machine::AArch64).symbol(Symbol::tls("theirs", 8));
    library.tls = Some((DATA + 0x100, 4, 16));
    let link = link(&main, Some(&library)).unwrap();
    assert_eq!(value(&link, 0), Some(16 + 4));
    assert_eq!(value(&link, 8), Some(16 + 24 + 8 + 1));
    assert_eq!(value(&link, 16), Some(16 + 2));
    assert_eq!(
        (value(&link, 24), value(&link, 32)),
        (Some(AREA), Some(16 + 24 + 8))
    );
    assert!(link.area[0].data.starts_with(&TLSDESC_RESOLVE));
}

#[test]
fn a32_thread_local_words_are_module_and_offset() {
    let mut main = Elf::main(Machine::Arm)
        .symbol(Symbol::tls("mine", 4))
        .symbol(Symbol {
            info: 0x16,
            ..Symbol::undefined("theirs")
        })
        .rel(DATA, a32::TLS_DTPMOD32, 1, 0)
        .rel(DATA + 4, a32::TLS_DTPOFF32, 1, 0)
        .rel(DATA + 8, a32::TLS_DTPMOD32, 2, 0)
        .rel(DATA + 12, a32::TLS_DTPOFF32, 2, 0);
    main.tls = Some((DATA + 0x100, 4, 24));
    let mut library = Elf::library(Machine::Arm).symbol(Symbol::tls("theirs", 8));
    library.tls = Some((DATA + 0x100, 4, 16));
    let link = link(&main, Some(&library)).unwrap();
    let words: Vec<_> = (0..4).map(|i| value(&link, 4 * i).unwrap()).collect();
    assert_eq!(words, [1, 4, 2, 8]);
}

#[test]
fn an_undefined_symbol_is_named() {
    let elf = Elf::main(Machine::AArch64)
        .symbol(Symbol::undefined("TEE_Imaginary"))
        .rel(DATA, a64::JUMP_SLOT, 1, 0);
    let error = link(&elf, None).unwrap_err();
    assert_eq!(error.result(), TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(
        error.to_string(),
        "module 12345678-1234-5678-9abc-def012345678: undefined symbol TEE_Imaginary: \
         neither the TA nor a library it needs defines it"
    );
}

#[test]
fn text_relocations_are_refused_except_in_legacy_tas() {
    let elf = Elf::main(Machine::AArch64).rel(0x48, a64::RELATIVE, 0, 0);
    let error = link(&elf, None).unwrap_err();
    assert_eq!(error.result(), TeeResult::ERROR_GENERIC);
    assert_eq!(refusal(&elf), RelocError::Text(0x48));
    let legacy = Elf {
        depr_entry: 0,
        ..elf
    };
    assert!(link(&legacy, None).is_ok());
}

#[test]
fn a_legacy_ta_is_entered_where_its_relocated_header_says() {
    let a64 = Elf {
        depr_entry: 0,
        ..Elf::main(Machine::AArch64)
    }
    .rel(24, a64::RELATIVE, 0, 0x80);
    assert_eq!(link(&a64, None).unwrap().entry, BASE + 0x80);
    let a32 = Elf {
        depr_entry: 0x91,
        ..Elf::main(Machine::Arm)
    }
    .rel(24, a32::RELATIVE, 0, 0);
    assert_eq!(link(&a32, None).unwrap().entry, BASE + 0x91);
}

#[test]
fn malformed_relocations_are_refused() {
    let elf = || Elf::main(Machine::AArch64);
    let unknown = RelocError::Type {
        machine: Machine::AArch64,
        kind: 1024,
    };
    assert_eq!(refusal(&elf().rel(DATA, 1024, 0, 0)), unknown);
    assert_eq!(
        unknown.to_string(),
        "relocation type R_AARCH64_COPY is not supported"
    );
    for offset in [0x3000, 0x2ff9, u64::MAX, u64::MAX - 7] {
        let found = refusal(&elf().rel(offset, a64::RELATIVE, 0, 0));
        assert_eq!(found, RelocError::OutOfRange(offset));
    }
    let descriptor = refusal(&elf().rel(0x2ff8, a64::TLSDESC, 0, 0));
    assert_eq!(descriptor, RelocError::OutOfRange(0x3000));
    let symbol = refusal(&elf().rel(DATA, a64::GLOB_DAT, 7, 0));
    assert_eq!(symbol, RelocError::SymbolIndex(7));
    let far = elf()
        .symbol(Symbol::global("far", 0x4000))
        .rel(DATA, a64::GLOB_DAT, 1, 0);
    assert_eq!(refusal(&far), RelocError::SymbolRange("far".to_owned()));
    let indirect = Symbol {
        info: 0x1a,
        ..Symbol::global("ifunc", 0x40)
    };
    let found = refusal(&elf().symbol(indirect).rel(DATA, a64::GLOB_DAT, 1, 0));
    assert_eq!(
        found,
        RelocError::SymbolKind {
            name: "ifunc".to_owned(),
            kind: 10
        }
    );
}
