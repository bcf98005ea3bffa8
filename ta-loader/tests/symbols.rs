//! Addresses become functions and lines. The unstripped ELF file at hand is this very test.

mod support;

use support::Elf;
use ta_loader::Machine;
use ta_loader::symbolize::Symbolizer;

/// What the test looks up; a name that no other function has.
#[inline(never)]
fn a_landmark_to_look_up(n: u64) -> u64 {
    std::hint::black_box(n) + 1
}
/// The line that the function above starts at.
const LANDMARK_LINE: u32 = line!() - 5;

fn landmark(bytes: &[u8]) -> u64 {
    let elf = goblin::elf::Elf::parse(bytes).unwrap();
    let is_landmark = |sym: &goblin::elf::Sym| {
        let name = elf.strtab.get_at(sym.st_name).unwrap_or_default();
        sym.is_function() && name.contains("a_landmark_to_look_up")
    };
    elf.syms.iter().find(is_landmark).unwrap().st_value
}

#[test]
fn an_address_becomes_function_file_and_line() {
    assert_eq!(a_landmark_to_look_up(1), 2);
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let symbolizer = Symbolizer::new(&bytes).unwrap();
    let frames = symbolizer.frames(landmark(&bytes));
    let frame = frames.last().unwrap();
    assert_eq!((frame.offset, frame.is_inlined), (Some(0), false));
    let function = frame.function.as_deref().unwrap();
    assert!(function.contains("a_landmark_to_look_up"), "{function}");
    let file = frame.file.as_deref().unwrap();
    assert!(file.ends_with("symbols.rs"), "{file}");
    let line = frame.line.unwrap();
    assert!((LANDMARK_LINE..LANDMARK_LINE + 3).contains(&line), "{line}");
}

#[test]
fn an_address_within_a_function_tells_the_distance_from_its_start() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let symbolizer = Symbolizer::new(&bytes).unwrap();
    let frames = symbolizer.frames(landmark(&bytes) + 1);
    assert_eq!(frames.last().unwrap().offset, Some(1));
}

#[test]
fn a_stripped_file_knows_no_address() {
    let file = Elf::main(Machine::AArch64).build();
    assert!(Symbolizer::new(&file).unwrap().frames(0x40).is_empty());
    assert!(Symbolizer::new(b"not an ELF file").is_err());
}
