//! A module's dynamic symbols, found by name as ldelf finds them: a global definition first, then a
//! weak one, and a weak reference without definition stands for zero.

use alloc::collections::BTreeMap;

use goblin::elf::Sym;
use goblin::elf::section_header::{SHN_UNDEF, SHT_DYNSYM};
use goblin::elf::sym::{STB_GLOBAL, STB_WEAK, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_TLS};

use crate::elf::{Elf, cstr, record};
use crate::memory::{MAX_TEXT, Memory};
use crate::plan::PlanError;

const SHN_XINDEX: usize = 0xffff;

/// What a name stands for in one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definition {
    /// An address relative to the load address.
    Address(u64),
    /// An offset in the module's TLS block.
    Tls(u64),
    /// A weak reference that nothing defines: zero.
    WeakUndefined,
    /// A symbol of a kind that ldelf refuses to resolve.
    Unsupported {
        /// `STT_*`.
        kind: u8,
    },
}

/// The dynamic symbols of a module.
#[derive(Clone, Debug, Default)]
pub struct Symbols<'a> {
    table: &'a [u8],
    names: &'a [u8],
    by_name: BTreeMap<&'a [u8], Definition>,
}

impl<'a> Symbols<'a> {
    /// Reads `.dynsym`; a module without one has no symbols.
    pub(crate) fn read(elf: &Elf<'a>, memory: Memory<'_, 'a>) -> Result<Self, PlanError> {
        let Some(section) = elf.shdrs.iter().find(|s| s.sh_type == SHT_DYNSYM) else {
            return Ok(Self::default());
        };
        let table = memory
            .bytes(section.sh_addr, section.sh_size)
            .ok_or(PlanError::Table("dynamic symbol table"))?;
        let names = elf
            .shdrs
            .get(section.sh_link as usize)
            .and_then(|strings| memory.bytes(strings.sh_addr, strings.sh_size))
            .ok_or(PlanError::Table("dynamic string table"))?;
        let mut symbols = Self {
            table,
            names,
            by_name: BTreeMap::new(),
        };
        symbols.index(elf)?;
        Ok(symbols)
    }

    fn index(&mut self, elf: &Elf<'a>) -> Result<(), PlanError> {
        let mut strong = BTreeMap::new();
        let mut weak = BTreeMap::new();
        for sym in (0..self.count(elf)).filter_map(|i| self.get(elf, i)) {
            let Some(definition) = definition(&sym) else {
                continue;
            };
            let name = self.name(&sym).ok_or(PlanError::Table("symbol name"))?;
            if name.is_empty() {
                continue;
            }
            let level = if sym.st_bind() == STB_GLOBAL {
                &mut strong
            } else {
                &mut weak
            };
            level.entry(name).or_insert(definition);
        }
        weak.extend(strong);
        self.by_name = weak;
        Ok(())
    }

    /// How many symbols there are.
    #[must_use]
    pub fn count(&self, elf: &Elf<'_>) -> usize {
        self.table.len() / record_size(elf)
    }

    /// The symbol at an index.
    #[must_use]
    pub fn get(&self, elf: &Elf<'_>, index: usize) -> Option<Sym> {
        let offset = index.checked_mul(record_size(elf))?;
        record(self.table, offset as u64, elf.context())
    }

    /// A symbol's name.
    #[must_use]
    pub fn name(&self, sym: &Sym) -> Option<&'a [u8]> {
        cstr(self.names, sym.st_name as u64, MAX_TEXT)
    }

    /// What a name stands for in this module; none when the module does not know it.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Definition> {
        self.by_name.get(name).copied()
    }

    /// Every name that the module defines or weakly refers to.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Definition)> + '_ {
        self.by_name
            .iter()
            .map(|(name, definition)| (*name, *definition))
    }
}

fn record_size(elf: &Elf<'_>) -> usize {
    if elf.machine.is_32bit() { 16 } else { 24 }
}

/// What a symbol defines for others; none for local symbols and strong references.
fn definition(sym: &Sym) -> Option<Definition> {
    let weak = sym.st_bind() == STB_WEAK;
    if !weak && sym.st_bind() != STB_GLOBAL {
        return None;
    }
    match sym.st_shndx {
        shndx if shndx == SHN_UNDEF as usize => weak.then_some(Definition::WeakUndefined),
        SHN_XINDEX => None,
        _ => Some(match sym.st_type() {
            STT_NOTYPE | STT_OBJECT | STT_FUNC => Definition::Address(sym.st_value),
            STT_TLS => Definition::Tls(sym.st_value),
            kind => Definition::Unsupported { kind },
        }),
    }
}
