//! Relocation: the words of a module to patch once its load address is known.
//!
//! The meaning of each type is ldelf's (`ta_elf_rel.c`), which here and there differs from the ELF
//! supplements: the addend of a reference to another module's symbol is ignored. Tables are found
//! through section headers, as ldelf finds them; the dynamic section describes but a part of them in
//! real TAs.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use goblin::elf::reloc::{
    R_AARCH64_ABS64, R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT, R_AARCH64_NONE, R_AARCH64_RELATIVE,
    R_AARCH64_TLS_TPREL, R_AARCH64_TLSDESC, R_ARM_ABS32, R_ARM_GLOB_DAT, R_ARM_JUMP_SLOT,
    R_ARM_NONE, R_ARM_REL32, R_ARM_RELATIVE, R_ARM_TLS_DTPMOD32, R_ARM_TLS_DTPOFF32, R_X86_64_64,
    R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_NONE, R_X86_64_RELATIVE, r_to_str,
};
use goblin::elf::section_header::{SHF_ALLOC, SHN_UNDEF, SHT_DYNSYM, SHT_REL, SHT_RELA};
use goblin::elf::{Reloc, SectionHeader, Sym, dynamic, header};
use tee_abi::TeeResult;
use thiserror::Error;

use crate::elf::{Machine, record};
use crate::memory::prot;
use crate::plan::LoadPlan;
use crate::symbols::Definition;

/// Why a module cannot be relocated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RelocError {
    /// No module defines a symbol.
    #[error("undefined symbol {0}: neither the TA nor a library it needs defines it")]
    Undefined(String),
    /// A relocation would write where nothing is mapped.
    #[error("the relocation at {0:#x} lies outside the TA's memory")]
    OutOfRange(u64),
    /// A relocation would write into code or constants.
    #[error(
        "text relocation at {0:#x}: link the TA as position-independent code (-fPIC, for Rust -Crelocation-model=pic)"
    )]
    Text(u64),
    /// A type that ldelf does not know.
    #[error("relocation type {} is not supported", name(*.machine, *.kind))]
    Type {
        /// The module's machine.
        machine: Machine,
        /// `R_*`.
        kind: u32,
    },
    /// A symbol index beyond the symbol table.
    #[error("a relocation refers to symbol {0}, beyond the dynamic symbol table")]
    SymbolIndex(usize),
    /// A symbol of a kind that cannot be resolved.
    #[error("symbol {name} is of type {kind}, which is not supported")]
    SymbolKind {
        /// Its name.
        name: String,
        /// `STT_*`.
        kind: u8,
    },
    /// A symbol's value lies outside its module.
    #[error("symbol {0} lies outside its module")]
    SymbolRange(String),
    /// A relocation table lies outside the loaded segments or is malformed.
    #[error("the relocation table at {0:#x} is malformed or lies outside the loaded segments")]
    Table(u64),
}

impl RelocError {
    /// What a client of a board sees. Writing to a read-only page ends ldelf itself:
    /// `TEE_ERROR_GENERIC`.
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::Undefined(_) => TeeResult::ERROR_ITEM_NOT_FOUND,
            Self::Text(_) => TeeResult::ERROR_GENERIC,
            Self::SymbolKind { .. } => TeeResult::ERROR_NOT_SUPPORTED,
            _ => TeeResult::ERROR_BAD_FORMAT,
        }
    }
}

/// The name of a relocation type.
#[must_use]
pub fn name(machine: Machine, kind: u32) -> String {
    let e_machine = match machine {
        Machine::AArch64 => header::EM_AARCH64,
        Machine::Arm => header::EM_ARM,
        Machine::X86_64 => header::EM_X86_64,
    };
    match r_to_str(kind, e_machine) {
        unknown if unknown.starts_with("R_UNKNOWN") => format!("{kind} of {machine}"),
        known => format!("R_{}", known.trim_start_matches("R_")),
    }
}

/// Where a module lies and what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Load address.
    pub base: u64,
    /// Module identifier for `__tls_get_addr` (A32).
    pub tls_module: u32,
    /// Offset of the module's TLS block from the thread pointer (A64).
    pub tls_offset: u64,
    /// Address of code that loads the second word of a TLS descriptor (A64), as
    /// [`crate::program::TLSDESC_RESOLVE`] does.
    pub tlsdesc_resolver: u64,
}

/// A word to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Absolute guest address.
    pub addr: u64,
    /// Bytes: 4 or 8.
    pub width: u8,
    /// What, little endian.
    pub value: u64,
}

impl Patch {
    /// The value as bytes; the first [`Patch::width`] count.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 8] {
        self.value.to_le_bytes()
    }
}

/// What a name stands for in the whole program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Absolute address, offset in a TLS block, or 0 for a weak reference.
    pub value: u64,
    /// The place of the module that answered.
    pub place: Place,
}

/// Finds names over all modules of a program, in load order.
pub trait Resolver {
    /// What a name stands for; none when no module knows it.
    ///
    /// # Errors
    /// [`RelocError`] when a module defines it in a way that cannot be used.
    fn resolve(&self, name: &[u8]) -> Result<Option<Resolved>, RelocError>;
}

impl LoadPlan<'_> {
    /// What a name stands for in this module once it lies at `place`.
    ///
    /// # Errors
    /// [`RelocError::SymbolKind`] and [`RelocError::SymbolRange`].
    pub fn resolve_at(&self, name: &[u8], place: &Place) -> Result<Option<Resolved>, RelocError> {
        let text = || String::from_utf8_lossy(name).into_owned();
        let value = match self.symbols.find(name) {
            None => return Ok(None),
            Some(Definition::WeakUndefined) => 0,
            Some(Definition::Tls(offset)) => offset,
            Some(Definition::Address(vaddr)) if vaddr <= self.span() => {
                place.base.wrapping_add(vaddr)
            }
            Some(Definition::Address(_)) => return Err(RelocError::SymbolRange(text())),
            Some(Definition::Unsupported { kind }) => {
                return Err(RelocError::SymbolKind { name: text(), kind });
            }
        };
        Ok(Some(Resolved {
            value,
            place: *place,
        }))
    }

    /// The words to patch in this module, in order.
    ///
    /// # Errors
    /// [`RelocError`].
    pub fn relocate(
        &self,
        place: &Place,
        resolver: &dyn Resolver,
    ) -> Result<Vec<Patch>, RelocError> {
        let mut relocator = Relocator {
            plan: self,
            place,
            resolver,
            patches: Vec::new(),
            words: BTreeMap::new(),
        };
        for (reloc, has_symbols) in self.relocations()? {
            relocator.apply(&reloc, has_symbols)?;
        }
        Ok(relocator.patches)
    }

    /// Every relocation in order, each with whether its table is linked to the symbol table.
    ///
    /// # Errors
    /// [`RelocError::Table`].
    pub fn relocations(&self) -> Result<Vec<(Reloc, bool)>, RelocError> {
        let mut all = Vec::new();
        if self.sections().is_empty() {
            for (vaddr, size) in self.dynamic_tables() {
                self.read_table(vaddr, size, true, true, &mut all)?;
            }
            return Ok(all);
        }
        for section in self.sections() {
            if section.sh_flags & u64::from(SHF_ALLOC) == 0 {
                continue;
            }
            let is_rela = match section.sh_type {
                SHT_RELA => true,
                SHT_REL => false,
                _ => continue,
            };
            let linked = self.is_linked(section)?;
            let (vaddr, size) = (section.sh_addr, section.sh_size);
            self.read_table(vaddr, size, is_rela, linked, &mut all)?;
        }
        Ok(all)
    }

    fn is_linked(&self, section: &SectionHeader) -> Result<bool, RelocError> {
        if section.sh_link == 0 {
            return Ok(false);
        }
        match self.sections().get(section.sh_link as usize) {
            Some(symbols) if symbols.sh_type == SHT_DYNSYM => Ok(true),
            _ => Err(RelocError::Table(section.sh_addr)),
        }
    }

    fn dynamic_tables(&self) -> Vec<(u64, u64)> {
        [
            (dynamic::DT_RELA, dynamic::DT_RELASZ),
            (dynamic::DT_JMPREL, dynamic::DT_PLTRELSZ),
        ]
        .into_iter()
        .filter_map(|(table, size)| self.dynamic_value(table).zip(self.dynamic_value(size)))
        .collect()
    }

    fn read_table(
        &self,
        vaddr: u64,
        size: u64,
        is_rela: bool,
        linked: bool,
        out: &mut Vec<(Reloc, bool)>,
    ) -> Result<(), RelocError> {
        if size == 0 {
            return Ok(());
        }
        if is_rela == self.machine().is_32bit() {
            return Err(RelocError::Table(vaddr));
        }
        let record_size = if is_rela { 24 } else { 8 };
        let bytes = self
            .memory()
            .bytes(vaddr, size)
            .filter(|bytes| bytes.len() % record_size == 0)
            // Tables do not overlap, so all of them together are no larger than the file.
            .filter(|bytes| (out.len() * record_size + bytes.len()) <= self.elf.bytes.len())
            .ok_or(RelocError::Table(vaddr))?;
        let ctx = (is_rela, self.elf.context());
        out.extend(
            bytes
                .chunks_exact(record_size)
                .filter_map(|chunk| record::<Reloc, _>(chunk, 0, ctx))
                .map(|reloc| (reloc, linked)),
        );
        Ok(())
    }
}

/// The state of relocating one module.
struct Relocator<'r, 'a> {
    plan: &'r LoadPlan<'a>,
    place: &'r Place,
    resolver: &'r dyn Resolver,
    patches: Vec<Patch>,
    /// Words patched so far: an A32 addend is read from the word itself.
    words: BTreeMap<u64, u32>,
}

impl Relocator<'_, '_> {
    fn apply(&mut self, reloc: &Reloc, linked: bool) -> Result<(), RelocError> {
        match self.plan.machine() {
            Machine::AArch64 => self.apply_a64(reloc, linked),
            Machine::Arm => self.apply_a32(reloc, linked),
            Machine::X86_64 => self.apply_x86(reloc, linked),
        }
    }

    fn apply_a64(&mut self, reloc: &Reloc, linked: bool) -> Result<(), RelocError> {
        let addend = addend(reloc);
        match reloc.r_type {
            R_AARCH64_NONE => Ok(()),
            R_AARCH64_RELATIVE => self.put(reloc, 0, self.place.base.wrapping_add(addend)),
            R_AARCH64_ABS64 => {
                let sym = self.symbol(reloc, linked)?;
                let value = if is_undefined(&sym) {
                    self.external(&sym)?
                } else {
                    addend.wrapping_add(self.local(&sym))
                };
                self.put(reloc, 0, value)
            }
            R_AARCH64_GLOB_DAT | R_AARCH64_JUMP_SLOT => {
                let sym = self.symbol(reloc, linked)?;
                let value = self.external(&sym)?;
                self.put(reloc, 0, value)
            }
            R_AARCH64_TLS_TPREL => {
                let offset = self.thread_offset(reloc, linked)?;
                self.put(reloc, 0, offset)
            }
            R_AARCH64_TLSDESC => {
                let offset = self.thread_offset(reloc, linked)?;
                self.put(reloc, 0, self.place.tlsdesc_resolver)?;
                self.put(reloc, 8, offset)
            }
            kind => self.unknown(kind),
        }
    }

    fn apply_a32(&mut self, reloc: &Reloc, linked: bool) -> Result<(), RelocError> {
        match reloc.r_type {
            R_ARM_NONE => Ok(()),
            R_ARM_RELATIVE => self.add(reloc, self.place.base),
            R_ARM_ABS32 => {
                let sym = self.symbol(reloc, linked)?;
                if is_undefined(&sym) {
                    let value = self.external(&sym)?;
                    self.put(reloc, 0, value)
                } else {
                    self.add(reloc, self.local(&sym))
                }
            }
            R_ARM_REL32 => {
                let sym = self.symbol(reloc, linked)?;
                self.add(reloc, sym.st_value.wrapping_sub(reloc.r_offset))
            }
            R_ARM_GLOB_DAT | R_ARM_JUMP_SLOT => {
                let sym = self.symbol(reloc, linked)?;
                let value = self.external(&sym)?;
                self.put(reloc, 0, value)
            }
            R_ARM_TLS_DTPMOD32 => {
                let module = self.tls_module(reloc, linked)?;
                self.put(reloc, 0, module.into())
            }
            R_ARM_TLS_DTPOFF32 => {
                let sym = self.symbol(reloc, linked)?;
                let found = self.resolver.resolve(self.name(&sym)?)?;
                self.put(reloc, 0, found.map_or(0, |found| found.value))
            }
            kind => self.unknown(kind),
        }
    }

    fn apply_x86(&mut self, reloc: &Reloc, linked: bool) -> Result<(), RelocError> {
        let addend = addend(reloc);
        match reloc.r_type {
            R_X86_64_NONE => Ok(()),
            R_X86_64_RELATIVE => self.put(reloc, 0, self.place.base.wrapping_add(addend)),
            R_X86_64_64 => {
                let sym = self.symbol(reloc, linked)?;
                let value = if is_undefined(&sym) {
                    self.external(&sym)?
                } else {
                    self.local(&sym)
                };
                self.put(reloc, 0, value.wrapping_add(addend))
            }
            R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT => {
                let sym = self.symbol(reloc, linked)?;
                let value = self.external(&sym)?;
                self.put(reloc, 0, value)
            }
            kind => self.unknown(kind),
        }
    }

    fn unknown(&self, kind: u32) -> Result<(), RelocError> {
        Err(RelocError::Type {
            machine: self.plan.machine(),
            kind,
        })
    }

    /// Patches the word `ahead` bytes behind a relocation's place.
    fn put(&mut self, reloc: &Reloc, ahead: u64, value: u64) -> Result<(), RelocError> {
        let vaddr = reloc
            .r_offset
            .checked_add(ahead)
            .ok_or(RelocError::OutOfRange(reloc.r_offset))?;
        let is_32bit = self.plan.machine().is_32bit();
        let width: u8 = if is_32bit { 4 } else { 8 };
        let memory = self.plan.memory();
        let segment = memory
            .segment_at(vaddr)
            .filter(|segment| vaddr - segment.vaddr <= segment.len - u64::from(width))
            .ok_or(RelocError::OutOfRange(vaddr))?;
        if segment.prot & prot::W == 0 && !self.plan.is_legacy() {
            return Err(RelocError::Text(vaddr));
        }
        let value = if is_32bit {
            self.words.insert(vaddr, value as u32);
            value & u64::from(u32::MAX)
        } else {
            value
        };
        self.patches.push(Patch {
            addr: self.place.base.wrapping_add(vaddr),
            width,
            value,
        });
        Ok(())
    }

    /// Adds to the word at a relocation's place.
    fn add(&mut self, reloc: &Reloc, value: u64) -> Result<(), RelocError> {
        let word = match self.words.get(&reloc.r_offset) {
            Some(word) => *word,
            None => self
                .plan
                .memory()
                .array(reloc.r_offset)
                .map(u32::from_le_bytes)
                .ok_or(RelocError::OutOfRange(reloc.r_offset))?,
        };
        self.put(reloc, 0, u64::from(word).wrapping_add(value))
    }

    fn symbol(&self, reloc: &Reloc, linked: bool) -> Result<Sym, RelocError> {
        let found = self.plan.symbols.get(&self.plan.elf, reloc.r_sym);
        found
            .filter(|_| linked)
            .ok_or(RelocError::SymbolIndex(reloc.r_sym))
    }

    fn name(&self, sym: &Sym) -> Result<&[u8], RelocError> {
        self.plan
            .symbols
            .name(sym)
            .ok_or(RelocError::SymbolIndex(sym.st_name))
    }

    /// The address of a symbol of this very module.
    fn local(&self, sym: &Sym) -> u64 {
        self.place.base.wrapping_add(sym.st_value)
    }

    /// What a symbol's name stands for in the whole program: zero if nothing, and weak.
    fn external(&self, sym: &Sym) -> Result<u64, RelocError> {
        Ok(self.lookup(sym)?.map_or(0, |found| found.value))
    }

    fn lookup(&self, sym: &Sym) -> Result<Option<Resolved>, RelocError> {
        let name = self.name(sym)?;
        let found = self.resolver.resolve(name)?;
        if found.is_none() && !is_weak_reference(sym) {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(RelocError::Undefined(name));
        }
        Ok(found)
    }

    /// Offset of a thread-local variable from the thread pointer (A64).
    fn thread_offset(&self, reloc: &Reloc, linked: bool) -> Result<u64, RelocError> {
        let found = if reloc.r_sym == 0 {
            None
        } else {
            self.lookup(&self.symbol(reloc, linked)?)?
        };
        let (value, offset) = found.map_or((0, self.place.tls_offset), |found| {
            (found.value, found.place.tls_offset)
        });
        Ok(value.wrapping_add(offset).wrapping_add(addend(reloc)))
    }

    /// Identifier of the module that holds a thread-local variable (A32).
    fn tls_module(&self, reloc: &Reloc, linked: bool) -> Result<u32, RelocError> {
        let sym = self.symbol(reloc, linked)?;
        if reloc.r_sym == 0 || !is_undefined(&sym) {
            return Ok(self.place.tls_module);
        }
        let found = self.resolver.resolve(self.name(&sym)?)?;
        Ok(found.map_or(self.place.tls_module, |found| found.place.tls_module))
    }
}

fn addend(reloc: &Reloc) -> u64 {
    reloc.r_addend.unwrap_or_default().cast_unsigned()
}

const fn is_undefined(sym: &Sym) -> bool {
    sym.st_shndx == SHN_UNDEF as usize
}

fn is_weak_reference(sym: &Sym) -> bool {
    is_undefined(sym) && sym.st_bind() == goblin::elf::sym::STB_WEAK
}
