//! Addresses of a dump as function, file and line, from the unstripped ELF file of a TA.
//!
//! The symbol table answers for the function, DWARF for file, line and what was inlined there; each
//! works without the other.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use addr2line::gimli::{EndianSlice, LittleEndian, SectionId};
use addr2line::{Context, LookupResult, demangle_auto};
use goblin::elf::Sym;
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_SYMTAB};
use goblin::elf::sym::STT_FUNC;

use crate::elf::{Elf, ElfError, cstr, record};
use crate::memory::MAX_TEXT;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// A function that an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its name, demangled; none where nothing names it.
    pub function: Option<String>,
    /// Distance of the address from the function's start; none for inlined functions.
    pub offset: Option<u64>,
    /// Source file.
    pub file: Option<String>,
    /// Line in it.
    pub line: Option<u32>,
    /// Whether the function was inlined into the next frame's.
    pub is_inlined: bool,
}

/// A function of the symbol table.
#[derive(Debug)]
struct Function<'a> {
    start: u64,
    size: u64,
    name: &'a [u8],
}

/// The names and lines of one ELF file.
pub struct Symbolizer<'a> {
    functions: Vec<Function<'a>>,
    dwarf: Option<Context<Reader<'a>>>,
}

impl core::fmt::Debug for Symbolizer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Symbolizer")
            .field("functions", &self.functions.len())
            .field("dwarf", &self.dwarf.is_some())
            .finish()
    }
}

impl<'a> Symbolizer<'a> {
    /// Reads the tables of an ELF file.
    ///
    /// # Errors
    /// [`ElfError`]; an ELF file without symbols or DWARF is none.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ElfError> {
        let elf = Elf::parse(bytes)?;
        Ok(Self {
            functions: functions(&elf),
            dwarf: dwarf(&elf),
        })
    }

    /// The frames of an address relative to the load address, innermost first; empty when nothing
    /// is known of it. For a return address ask for the byte before.
    #[must_use]
    pub fn frames(&self, addr: u64) -> Vec<Frame> {
        let mut frames = self.dwarf_frames(addr);
        let function = self.function_at(addr);
        if let Some(outermost) = frames.last_mut() {
            outermost.is_inlined = false;
            outermost.offset = function.map(|f| addr.saturating_sub(f.start));
            if outermost.function.is_none() {
                outermost.function = function.map(Function::demangled);
            }
            return frames;
        }
        function
            .map(|f| Frame {
                function: Some(f.demangled()),
                offset: Some(addr.saturating_sub(f.start)),
                file: None,
                line: None,
                is_inlined: false,
            })
            .into_iter()
            .collect()
    }

    fn dwarf_frames(&self, addr: u64) -> Vec<Frame> {
        let Some(LookupResult::Output(Ok(mut found))) =
            self.dwarf.as_ref().map(|dwarf| dwarf.find_frames(addr))
        else {
            return Vec::new();
        };
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let function = frame.function.as_ref();
            let name = function.and_then(|function| function.demangle().ok());
            let location = frame.location.as_ref();
            if name.is_none() && location.is_none() {
                continue;
            }
            frames.push(Frame {
                function: name.map(Cow::into_owned),
                offset: None,
                file: location.and_then(|l| l.file).map(ToOwned::to_owned),
                line: location.and_then(|l| l.line),
                is_inlined: true,
            });
        }
        frames
    }

    /// The function that an address lies in; one without size reaches to the next.
    fn function_at(&self, addr: u64) -> Option<&Function<'a>> {
        let after = self.functions.partition_point(|f| f.start <= addr);
        let function = self.functions.get(after.checked_sub(1)?)?;
        let within = function.size == 0 || addr - function.start < function.size;
        within.then_some(function)
    }
}

impl Function<'_> {
    fn demangled(&self) -> String {
        demangle_auto(String::from_utf8_lossy(self.name), None).to_string()
    }
}

/// The functions of `.symtab`, by ascending address.
fn functions<'a>(elf: &Elf<'a>) -> Vec<Function<'a>> {
    let Some(section) = elf.shdrs.iter().find(|s| s.sh_type == SHT_SYMTAB) else {
        return Vec::new();
    };
    let table = elf.section_bytes(section).unwrap_or_default();
    let names = elf
        .shdrs
        .get(section.sh_link as usize)
        .and_then(|names| elf.section_bytes(names))
        .unwrap_or_default();
    let is_arm = elf.machine.is_32bit();
    let size = if is_arm { 16 } else { 24 };
    let mut functions: Vec<_> = table
        .chunks_exact(size)
        .filter_map(|chunk| record::<Sym, _>(chunk, 0, elf.context()))
        .filter(|sym| sym.st_type() == STT_FUNC && sym.st_shndx != 0)
        .filter_map(|sym| {
            Some(Function {
                // Bit 0 of a T32 function's address tells the instruction set.
                start: if is_arm {
                    sym.st_value & !1
                } else {
                    sym.st_value
                },
                size: sym.st_size,
                name: cstr(names, sym.st_name as u64, MAX_TEXT)?,
            })
        })
        .collect();
    functions.sort_by_key(|f| (f.start, f.size));
    functions
}

fn dwarf<'a>(elf: &Elf<'a>) -> Option<Context<Reader<'a>>> {
    let load = |id: SectionId| -> Result<Reader<'a>, addr2line::gimli::Error> {
        let bytes = elf
            .section(id.name())
            .filter(|section| section.sh_flags & u64::from(SHF_COMPRESSED) == 0)
            .and_then(|section| elf.section_bytes(section))
            .unwrap_or_default();
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = addr2line::gimli::Dwarf::load(load).ok()?;
    Context::from_dwarf(dwarf).ok()
}
