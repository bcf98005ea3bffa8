//! A program: the main module and the libraries it needs, each at an address, relocated against
//! each other, and the data that ldelf leaves for libutee.
//!
//! ```text
//! Program::new(main)
//!   while let Some(uuid) = program.missing() { program.add_library(uuid, plan) }
//!   program.place(i, base) for each module
//!   program.link(area) ─▶ Link { modules: patches, area pages, patches of __elf_phdr_info }
//!
//! the loader's area, at an address of the caller's choice (page-aligned):
//!   page 0   R-X  code: TLS descriptor resolver
//!   page 1   R--  the main module's ELF header and program headers
//!   page 2…  RW-  struct dl_phdr_info[modules], struct __init_fini[modules]
//! ```
//! Source: ldelf's `ta_elf.c` (`ta_elf_set_elf_phdr_info`, `ta_elf_set_init_fini_info_compat`,
//! `set_tls_offset`, `assign_tls_mod_id`).

use alloc::vec;
use alloc::vec::Vec;

use goblin::elf::dynamic;
use tee_abi::{TeeResult, Uuid};
use thiserror::Error;

use crate::elf::{Machine, PAGE};
use crate::memory::prot;
use crate::plan::{LoadPlan, PlanError};
use crate::reloc::{Patch, Place, RelocError, Resolved, Resolver};

/// A64 code of a TLS descriptor's resolver: `ldr x0, [x0, #8]; ret`.
pub const TLSDESC_RESOLVE: [u8; 8] = [0x00, 0x04, 0x40, 0xf9, 0xc0, 0x03, 0x5f, 0xd6];

/// Most modules in a program.
pub const MAX_MODULES: usize = 64;

/// Offset of the writable part in the loader's area.
const DATA_OFFSET: u64 = 2 * PAGE;

/// Bytes that ldelf leaves at the start of the thread control block for its two words.
const TCB_HEAD_SIZE: u64 = 16;

/// Why modules make no program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProgramError {
    /// A library is made for another machine.
    #[error("library {uuid} is made for {library}, the TA for {main}")]
    Machine {
        /// The library.
        uuid: Uuid,
        /// Its machine.
        library: Machine,
        /// The TA's machine.
        main: Machine,
    },
    /// More modules than a program may have.
    #[error("the TA needs more than {MAX_MODULES} modules")]
    TooMany,
    /// A module has no place in the address space, or a place that it does not fit.
    #[error("module {0} cannot be placed at {1:#x}")]
    Place(Uuid, u64),
    /// A module cannot be relocated.
    #[error("module {uuid}: {error}")]
    Reloc {
        /// The module.
        uuid: Uuid,
        /// Why.
        error: RelocError,
    },
    /// `__elf_phdr_info` or `__init_fini_info` is of a version that upstream's ldelf does not know.
    #[error("{0} in the TA is of an unknown version")]
    InfoVersion(&'static str),
    /// A module's plan failed.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl ProgramError {
    /// What a client of a board sees.
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::Machine { .. } => TeeResult::ERROR_BAD_FORMAT,
            Self::TooMany | Self::Place(..) => TeeResult::ERROR_OUT_OF_MEMORY,
            Self::Reloc { error, .. } => error.result(),
            Self::InfoVersion(_) => TeeResult::ERROR_NOT_SUPPORTED,
            Self::Plan(error) => error.result(),
        }
    }
}

/// A module of a program.
#[derive(Clone, Debug)]
pub struct Module<'a> {
    /// Its identity: the TA's, or the one a library is needed by.
    pub uuid: Uuid,
    /// Its plan.
    pub plan: LoadPlan<'a>,
    /// Where it lies.
    pub place: Place,
}

/// A TA with its libraries.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    modules: Vec<Module<'a>>,
    /// Identifier that the next A32 module with TLS gets.
    next_tls_module: u32,
    /// Where the next A64 module's TLS block begins.
    next_tls_offset: u64,
}

/// Pages of the loader's own area to map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaPart {
    /// First address, page-aligned.
    pub addr: u64,
    /// Bytes to map, a multiple of the page size.
    pub len: u64,
    /// [`prot`] bits.
    pub prot: u8,
    /// What to copy there; the rest is zero.
    pub data: Vec<u8>,
}

/// What to write once the modules' segments are mapped.
#[derive(Clone, Debug)]
pub struct Link {
    /// Words to patch in all modules, in order.
    pub patches: Vec<Patch>,
    /// The loader's own pages.
    pub area: Vec<AreaPart>,
    /// Entry point.
    pub entry: u64,
}

impl<'a> Program<'a> {
    /// A program of one module.
    #[must_use]
    pub fn new(uuid: Uuid, main: LoadPlan<'a>) -> Self {
        let mut program = Self {
            modules: Vec::new(),
            next_tls_module: 1,
            next_tls_offset: TCB_HEAD_SIZE,
        };
        program.push(uuid, main);
        program
    }

    /// The modules in load order, the main one first.
    #[must_use]
    pub fn modules(&self) -> &[Module<'a>] {
        &self.modules
    }

    /// The next library to add, if one is still missing.
    #[must_use]
    pub fn missing(&self) -> Option<Uuid> {
        self.modules
            .iter()
            .flat_map(|module| module.plan.needed())
            .find(|needed| self.modules.iter().all(|module| module.uuid != **needed))
            .copied()
    }

    /// Adds a library.
    ///
    /// # Errors
    /// [`ProgramError::Machine`], [`ProgramError::TooMany`].
    pub fn add_library(&mut self, uuid: Uuid, plan: LoadPlan<'a>) -> Result<(), ProgramError> {
        let main = self.machine();
        if plan.machine() != main {
            return Err(ProgramError::Machine {
                uuid,
                library: plan.machine(),
                main,
            });
        }
        if self.modules.len() >= MAX_MODULES {
            return Err(ProgramError::TooMany);
        }
        self.push(uuid, plan);
        Ok(())
    }

    /// Says where a module lies. Segments must not overlap other modules': that is the caller's
    /// care, who maps them.
    ///
    /// # Errors
    /// [`ProgramError::Place`] when the module does not fit there.
    pub fn place(&mut self, index: usize, base: u64) -> Result<(), ProgramError> {
        let limit = if self.machine().is_32bit() {
            1 << 32
        } else {
            1 << 48
        };
        let Some(module) = self.modules.get_mut(index) else {
            return Err(ProgramError::Place(Uuid::NIL, base));
        };
        let fits = base
            .checked_add(module.plan.span())
            .is_some_and(|end| end <= limit);
        if !fits || !base.is_multiple_of(PAGE) {
            return Err(ProgramError::Place(module.uuid, base));
        }
        module.place.base = base;
        Ok(())
    }

    /// Bytes that the loader's area takes.
    #[must_use]
    pub fn area_len(&self) -> u64 {
        DATA_OFFSET + self.data_len().next_multiple_of(PAGE)
    }

    /// Relocates every module for the places given and fills the loader's area at `area`.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn link(&mut self, area: u64) -> Result<Link, ProgramError> {
        for module in &mut self.modules {
            module.place.tlsdesc_resolver = area;
        }
        let mut patches = Vec::new();
        for index in 0..self.modules.len() {
            patches.extend(self.relocate(index)?);
        }
        let entry = self.entry(&patches);
        let data = area.wrapping_add(DATA_OFFSET);
        let mut content = Vec::new();
        patches.extend(self.phdr_info(area, data, &mut content)?);
        let init_fini = data.wrapping_add(content.len() as u64);
        patches.extend(self.init_fini_info(init_fini, &mut content)?);
        Ok(Link {
            patches,
            area: self.area_parts(area, content),
            entry,
        })
    }

    /// The words to patch in one module.
    ///
    /// # Errors
    /// [`ProgramError::Reloc`].
    pub fn relocate(&self, index: usize) -> Result<Vec<Patch>, ProgramError> {
        let Some(module) = self.modules.get(index) else {
            return Ok(Vec::new());
        };
        module
            .plan
            .relocate(&module.place, self)
            .map_err(|error| ProgramError::Reloc {
                uuid: module.uuid,
                error,
            })
    }

    /// The module that holds an address, with the offset from its load address.
    #[must_use]
    pub fn module_at(&self, addr: u64) -> Option<(&Module<'a>, u64)> {
        self.modules.iter().find_map(|module| {
            let offset = addr.checked_sub(module.place.base)?;
            (offset < module.plan.span()).then_some((module, offset))
        })
    }

    fn machine(&self) -> Machine {
        self.modules
            .first()
            .map_or(Machine::AArch64, |module| module.plan.machine())
    }

    /// Appends a module and gives it its place in thread-local storage: ldelf numbers A32 modules
    /// and lays A64 blocks one behind the other, without regard to alignment.
    fn push(&mut self, uuid: Uuid, plan: LoadPlan<'a>) {
        let mut place = Place::default();
        if let Some(tls) = plan.tls() {
            if plan.machine().is_32bit() {
                place.tls_module = self.next_tls_module;
                self.next_tls_module = self.next_tls_module.saturating_add(1);
            } else if tls.vaddr != 0 {
                place.tls_offset = self.next_tls_offset;
                self.next_tls_offset = self.next_tls_offset.wrapping_add(tls.memsz);
            }
        }
        self.modules.push(Module { uuid, plan, place });
    }

    fn entry(&self, patches: &[Patch]) -> u64 {
        let Some(main) = self.modules.first() else {
            return 0;
        };
        let base = main.place.base;
        let Some(word) = main.plan.legacy_entry_word() else {
            return base.wrapping_add(main.plan.elf_entry());
        };
        let addr = base.wrapping_add(word);
        let unrelocated = || main.plan.head().map_or(0, |head| head.depr_entry);
        patches
            .iter()
            .rfind(|patch| patch.addr == addr)
            .map_or_else(unrelocated, |patch| patch.value)
    }

    fn data_len(&self) -> u64 {
        let (phdr_info, init_fini) = if self.machine().is_32bit() {
            (40, 16)
        } else {
            (64, 24)
        };
        (phdr_info + init_fini) * self.modules.len() as u64
    }

    fn area_parts(&self, area: u64, content: Vec<u8>) -> Vec<AreaPart> {
        let header = self
            .modules
            .first()
            .map_or(&[][..], |main| main.plan.header_page());
        let part = |addr, len, prot, data| AreaPart {
            addr,
            len,
            prot,
            data,
        };
        let code = TLSDESC_RESOLVE.to_vec();
        let len = self.data_len().next_multiple_of(PAGE);
        vec![
            part(area, PAGE, prot::R | prot::X, code),
            part(area.wrapping_add(PAGE), PAGE, prot::R, header.to_vec()),
            part(
                area.wrapping_add(DATA_OFFSET),
                len,
                prot::R | prot::W,
                content,
            ),
        ]
    }

    /// The address of an information structure of libutee, if the TA has it in a known version.
    fn info(&self, name: &'static str) -> Result<Option<u64>, ProgramError> {
        let found = self
            .resolve(name.as_bytes())
            .map_err(|error| ProgramError::Reloc {
                uuid: self.modules.first().map_or(Uuid::NIL, |main| main.uuid),
                error,
            })?;
        let Some(addr) = found.map(|found| found.value).filter(|addr| *addr != 0) else {
            return Ok(None);
        };
        let head = self
            .module_at(addr)
            .and_then(|(module, vaddr)| module.plan.memory().array::<16>(vaddr));
        if !matches!(head, Some([0, 0, 0, 0, ..])) {
            return Err(ProgramError::InfoVersion(name));
        }
        Ok(Some(addr))
    }

    /// `struct dl_phdr_info` of each module, and the words of `__elf_phdr_info` that announce them:
    /// `{ u32 reserved; u16 count; u8 reserved2; char zero; pointer dlpi; }`.
    fn phdr_info(
        &self,
        area: u64,
        data: u64,
        content: &mut Vec<u8>,
    ) -> Result<Vec<Patch>, ProgramError> {
        let Some(info) = self.info("__elf_phdr_info")? else {
            return Ok(Vec::new());
        };
        let zero = info.wrapping_add(7);
        for (index, module) in self.modules.iter().enumerate() {
            self.push_phdr_info(module, index == 0, area, zero, content);
        }
        Ok(self.announce(info, data))
    }

    fn push_phdr_info(
        &self,
        module: &Module<'_>,
        is_main: bool,
        area: u64,
        zero: u64,
        content: &mut Vec<u8>,
    ) {
        let base = module.place.base;
        let header = if is_main && !module.plan.header_is_mapped() {
            area.wrapping_add(PAGE)
        } else {
            base
        };
        let name = module
            .plan
            .soname()
            .map_or(zero, |vaddr| base.wrapping_add(vaddr));
        let phdr = header.wrapping_add(module.plan.elf.phoff);
        let phnum = module.plan.elf.phdrs.len() as u64;
        // dlpi_addr, dlpi_name, dlpi_phdr, dlpi_phnum, dlpi_adds = 1, dlpi_subs = 0,
        // dlpi_tls_modid, dlpi_tls_data: ldelf tells the last but one to A32 modules, the last to
        // 64-bit ones.
        if self.machine().is_32bit() {
            for word in [base, name, phdr, phnum, 1, 0, 0, 0] {
                content.extend((word as u32).to_le_bytes());
            }
            content.extend(module.place.tls_module.to_le_bytes());
            content.extend(0u32.to_le_bytes());
        } else {
            let tls = module.plan.tls().map_or(0, |tls| tls.vaddr);
            for word in [base, name, phdr, phnum, 1, 0, 0, tls] {
                content.extend(word.to_le_bytes());
            }
        }
    }

    /// `struct __init_fini` of each module for TAs linked against libutee of OP-TEE 3.9, and the
    /// words of `__init_fini_info` that announce them.
    fn init_fini_info(&self, data: u64, content: &mut Vec<u8>) -> Result<Vec<Patch>, ProgramError> {
        let Some(info) = self.info("__init_fini_info")? else {
            return Ok(Vec::new());
        };
        for module in &self.modules {
            self.push_init_fini(module, content);
        }
        Ok(self.announce(info, data))
    }

    fn push_init_fini(&self, module: &Module<'_>, content: &mut Vec<u8>) {
        const VALID: u32 = 1;
        let word: u64 = if self.machine().is_32bit() { 4 } else { 8 };
        let array = |table, size| {
            let addr = module.plan.dynamic_value(table);
            let count = module.plan.dynamic_value(size).unwrap_or_default() / word;
            (
                addr.map_or(0, |vaddr| module.place.base.wrapping_add(vaddr)),
                count as u16,
            )
        };
        let (init, init_count) = array(dynamic::DT_INIT_ARRAY, dynamic::DT_INIT_ARRAYSZ);
        let (fini, fini_count) = array(dynamic::DT_FINI_ARRAY, dynamic::DT_FINI_ARRAYSZ);
        content.extend(VALID.to_le_bytes());
        content.extend(init_count.to_le_bytes());
        content.extend(fini_count.to_le_bytes());
        for addr in [init, fini] {
            content.extend(addr.to_le_bytes().iter().take(word as usize));
        }
    }

    /// `count` at offset 4 and the pointer at offset 8 of an information structure.
    fn announce(&self, info: u64, data: u64) -> Vec<Patch> {
        let width = if self.machine().is_32bit() { 4 } else { 8 };
        vec![
            Patch {
                addr: info.wrapping_add(4),
                width: 4,
                value: self.modules.len() as u64,
            },
            Patch {
                addr: info.wrapping_add(8),
                width,
                value: data,
            },
        ]
    }
}

impl Resolver for Program<'_> {
    fn resolve(&self, name: &[u8]) -> Result<Option<Resolved>, RelocError> {
        for module in &self.modules {
            if let Some(found) = module.plan.resolve_at(name, &module.place)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
