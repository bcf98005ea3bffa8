//! The load plan of one ELF module: what to map, where it is entered, what it needs.
//!
//! A plan is relative to a load address that the caller chooses. Source: ldelf's `ta_elf.c`.

use alloc::string::String;
use alloc::vec::Vec;

use goblin::elf::dynamic::{self, Dyn};
use goblin::elf::program_header::{PT_ARM_EXIDX, PT_DYNAMIC, PT_LOAD, PT_TLS};
use goblin::elf::{ProgramHeader, SectionHeader};
use tee_abi::ta::{NO_DEPRECATED_ENTRY, TA_FLAG_CONCURRENT, TA_FLAGS_MASK, TA_HEAD_SIZE, TaHead};
use tee_abi::{TeeResult, Uuid};
use thiserror::Error;

use crate::elf::{Elf, ElfError, Machine, PAGE, record};
pub use crate::memory::Segment;
use crate::memory::{Memory, segments};
use crate::reloc::RelocError;
use crate::symbols::{Definition, Symbols};

/// Why an ELF file cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// It is no ELF file of a TA.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// A relocation cannot be applied.
    #[error(transparent)]
    Reloc(#[from] RelocError),
    /// No PT_LOAD.
    #[error("the ELF file has no loadable segment")]
    NoSegments,
    /// The first segment of a TA starts in the file's first page.
    #[error("the first segment covers the ELF header: the TA was not linked with ta.ld")]
    HeaderInSegment,
    /// The first segment of a library does not hold the ELF header.
    #[error("the first segment of the library does not start with the ELF header")]
    HeaderNotInSegment,
    /// A segment breaks a rule of ldelf.
    #[error("the segment at {vaddr:#x} {why}")]
    Segment {
        /// Its address.
        vaddr: u64,
        /// Which rule.
        why: &'static str,
    },
    /// A segment must be readable.
    #[error("the segment at {vaddr:#x} is not readable")]
    NotReadable {
        /// Its address.
        vaddr: u64,
    },
    /// The segments reach too far.
    #[error("the TA needs more than {limit} bytes of memory")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Two segments share a page, and the first ends in zeros.
    #[error("the segment at {vaddr:#x} starts in a page of the one before, which ends in zeros")]
    SharedPage {
        /// Address of the second.
        vaddr: u64,
    },
    /// A segment's bytes are not in the file.
    #[error("truncated: the bytes of the segment at {vaddr:#x} lie outside the file")]
    SegmentBytes {
        /// Its address.
        vaddr: u64,
    },
    /// A segment that is not writable is longer in memory than in the file.
    #[error("the segment at {vaddr:#x} is read-only and longer in memory than in the file")]
    ReadOnlyZeros {
        /// Its address.
        vaddr: u64,
    },
    /// A table lies outside the loaded segments.
    #[error("the {0} lies outside the loaded segments")]
    Table(&'static str),
    /// `DT_NEEDED` names no UUID.
    #[error("the TA needs a library {0:?}, whose name is no UUID")]
    Needed(String),
    /// There is no room for `.ta_head`.
    #[error("no .ta_head at {vaddr:#x}")]
    NoHead {
        /// Where it should be.
        vaddr: u64,
    },
    /// The stack size is 0, unaligned or overflows.
    #[error("the stack size {0:#x} in .ta_head is zero or not a multiple of {1}")]
    StackSize(u32, u32),
    /// Flags that no TA may carry.
    #[error("the flags in .ta_head have bits that no TA may carry: {0:#x}")]
    Flags(u32),
    /// `.ta_head` names another TA.
    #[error("its .ta_head names TA {head}, {expected} was asked for")]
    HeadUuid {
        /// In `.ta_head`.
        head: Uuid,
        /// Asked for.
        expected: Uuid,
    },
}

impl PlanError {
    pub(crate) const fn segment(phdr: &ProgramHeader, why: &'static str) -> Self {
        Self::Segment {
            vaddr: phdr.p_vaddr,
            why,
        }
    }

    /// What a client of a board sees (origin 3, the TEE). Where ldelf stops at an assertion, that
    /// is `TEE_ERROR_GENERIC`.
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::Elf(error) => error.result(),
            Self::Reloc(error) => error.result(),
            Self::NotReadable { .. } => TeeResult::ERROR_NOT_SUPPORTED,
            Self::TooLarge { .. } => TeeResult::ERROR_OUT_OF_MEMORY,
            Self::HeaderInSegment
            | Self::HeaderNotInSegment
            | Self::Segment { .. }
            | Self::SharedPage { .. } => TeeResult::ERROR_GENERIC,
            Self::HeadUuid { .. } => TeeResult::ERROR_SECURITY,
            _ => TeeResult::ERROR_BAD_FORMAT,
        }
    }
}

/// `PT_TLS`: the initial image of thread-local storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Address of `.tdata` relative to the load address.
    pub vaddr: u64,
    /// Bytes of `.tdata`.
    pub filesz: u64,
    /// Bytes of `.tdata` and `.tbss`.
    pub memsz: u64,
    /// Alignment of the block.
    pub align: u64,
}

/// What to do with one ELF module.
#[derive(Clone, Debug)]
pub struct LoadPlan<'a> {
    pub(crate) elf: Elf<'a>,
    segments: Vec<Segment<'a>>,
    pub(crate) symbols: Symbols<'a>,
    dynamic: Vec<Dyn>,
    head: Option<TaHead>,
    head_vaddr: u64,
    needed: Vec<Uuid>,
    soname: Option<u64>,
}

impl<'a> LoadPlan<'a> {
    /// Plans a TA's main module, which has a `.ta_head`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn main(image: &'a [u8]) -> Result<Self, PlanError> {
        let mut plan = Self::read(image, true)?;
        plan.head_vaddr = plan.find_head();
        let head = plan
            .memory()
            .array::<TA_HEAD_SIZE>(plan.head_vaddr)
            .map(|bytes| TaHead::from_bytes(&bytes))
            .ok_or(PlanError::NoHead {
                vaddr: plan.head_vaddr,
            })?;
        check_head(&head, plan.machine())?;
        plan.head = Some(head);
        Ok(plan)
    }

    /// Plans a shared library, which has none.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn library(image: &'a [u8]) -> Result<Self, PlanError> {
        Self::read(image, false)
    }

    /// Plans whatever the file is: a TA, or a library, which holds its ELF header in the first
    /// segment and has no `.ta_head`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn detect(image: &'a [u8]) -> Result<Self, PlanError> {
        let elf = Elf::parse(image)?;
        let first = elf.phdrs.iter().find(|phdr| phdr.p_type == PT_LOAD);
        let holds_header = first.is_some_and(|phdr| phdr.p_offset < PAGE);
        if holds_header && elf.section(".ta_head").is_none() {
            Self::library(image)
        } else {
            Self::main(image)
        }
    }

    fn read(image: &'a [u8], is_main: bool) -> Result<Self, PlanError> {
        let elf = Elf::parse(image)?;
        let segments = segments(&elf, is_main)?;
        let memory = Memory {
            segments: &segments,
        };
        let dynamic = read_dynamic(&elf, memory)?;
        let symbols = Symbols::read(&elf, memory)?;
        let mut plan = Self {
            elf,
            segments,
            symbols,
            dynamic,
            head: None,
            head_vaddr: 0,
            needed: Vec::new(),
            soname: None,
        };
        plan.needed = plan.read_needed()?;
        plan.soname = plan
            .dynamic_value(dynamic::DT_SONAME)
            .zip(plan.dynamic_value(dynamic::DT_STRTAB))
            .and_then(|(name, strings)| strings.checked_add(name));
        Ok(plan)
    }

    /// What the module is made for.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.elf.machine
    }

    /// What to map: disjoint, ascending, page-aligned.
    #[must_use]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// Bytes from the load address to the end of the last segment, a multiple of the page size.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.segments
            .last()
            .map_or(0, |segment| segment.vaddr + segment.len)
    }

    /// The module's memory before relocation.
    #[must_use]
    pub fn memory(&self) -> Memory<'_, 'a> {
        Memory {
            segments: &self.segments,
        }
    }

    /// `.ta_head`; libraries have none.
    #[must_use]
    pub const fn head(&self) -> Option<&TaHead> {
        self.head.as_ref()
    }

    /// Whether the TA is one of OP-TEE before 3.11: its entry point stands in `.ta_head` and is
    /// relocated there, and its segments are writable while relocations are applied.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.head
            .is_some_and(|head| head.depr_entry != NO_DEPRECATED_ENTRY)
            && self.machine() != Machine::X86_64
    }

    /// Address, relative to the load address, of the word that holds a legacy TA's entry point
    /// once relocations are applied.
    #[must_use]
    pub fn legacy_entry_word(&self) -> Option<u64> {
        self.is_legacy().then_some(self.head_vaddr + 24)
    }

    /// Entry point relative to the load address, as the ELF header says.
    #[must_use]
    pub const fn elf_entry(&self) -> u64 {
        self.elf.entry
    }

    /// Thread-local storage, where there is any.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.phdr(PT_TLS).map(|phdr| Tls {
            vaddr: phdr.p_vaddr,
            filesz: phdr.p_filesz,
            memsz: phdr.p_memsz,
            align: phdr.p_align,
        })
    }

    /// Address relative to the load address and size of the A32 unwind index.
    #[must_use]
    pub fn exidx(&self) -> Option<(u64, u64)> {
        self.phdr(PT_ARM_EXIDX)
            .map(|phdr| (phdr.p_vaddr, phdr.p_filesz))
    }

    /// The libraries named by `DT_NEEDED`, in order.
    #[must_use]
    pub fn needed(&self) -> &[Uuid] {
        &self.needed
    }

    /// Address of `DT_SONAME`'s text relative to the load address.
    #[must_use]
    pub const fn soname(&self) -> Option<u64> {
        self.soname
    }

    /// The page that starts with the ELF header and holds the program headers.
    #[must_use]
    pub fn header_page(&self) -> &'a [u8] {
        let len = self.elf.bytes.len().min(PAGE as usize);
        self.elf.bytes.get(..len).unwrap_or_default()
    }

    /// Whether the header page is part of the first segment, as in libraries.
    #[must_use]
    pub fn header_is_mapped(&self) -> bool {
        self.elf
            .phdrs
            .iter()
            .find(|phdr| phdr.p_type == PT_LOAD)
            .is_some_and(|phdr| phdr.p_offset == 0 && phdr.p_vaddr == 0)
    }

    /// The headers of the file.
    #[must_use]
    pub const fn elf(&self) -> &Elf<'a> {
        &self.elf
    }

    /// What a name stands for in this module.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<Definition> {
        self.symbols.find(name.as_bytes())
    }

    /// The dynamic symbols.
    #[must_use]
    pub const fn symbols(&self) -> &Symbols<'a> {
        &self.symbols
    }

    /// Entries of the dynamic section before its end mark.
    #[must_use]
    pub fn dynamic(&self) -> &[Dyn] {
        &self.dynamic
    }

    /// Checks that `.ta_head`, where there is one, names the TA asked for.
    ///
    /// # Errors
    /// [`PlanError::HeadUuid`].
    pub fn check_uuid(&self, expected: Uuid) -> Result<(), PlanError> {
        match self.head {
            Some(TaHead { uuid: head, .. }) if head != expected => {
                Err(PlanError::HeadUuid { head, expected })
            }
            _ => Ok(()),
        }
    }

    /// The first value of a tag in the dynamic section.
    #[must_use]
    pub(crate) fn dynamic_value(&self, tag: u64) -> Option<u64> {
        self.dynamic
            .iter()
            .find(|entry| entry.d_tag == tag)
            .map(|entry| entry.d_val)
    }

    pub(crate) fn sections(&self) -> &[SectionHeader] {
        &self.elf.shdrs
    }

    fn phdr(&self, p_type: u32) -> Option<&ProgramHeader> {
        self.elf.phdrs.iter().find(|phdr| phdr.p_type == p_type)
    }

    /// Where `.ta_head` is: the symbol `ta_head`, else the load address, as ldelf looks for it.
    fn find_head(&self) -> u64 {
        match self.symbol("ta_head") {
            Some(Definition::Address(vaddr)) => vaddr,
            _ => 0,
        }
    }

    fn read_needed(&self) -> Result<Vec<Uuid>, PlanError> {
        let strings = self.dynamic_value(dynamic::DT_STRTAB);
        self.dynamic
            .iter()
            .filter(|entry| entry.d_tag == dynamic::DT_NEEDED)
            .map(|entry| {
                let name = strings
                    .and_then(|strings| strings.checked_add(entry.d_val))
                    .and_then(|vaddr| self.memory().cstr(vaddr))
                    .ok_or(PlanError::Table("name of a needed library"))?;
                let name = String::from_utf8_lossy(name);
                name.parse()
                    .map_err(|_| PlanError::Needed(name.chars().take(64).collect()))
            })
            .collect()
    }
}

fn read_dynamic(elf: &Elf<'_>, memory: Memory<'_, '_>) -> Result<Vec<Dyn>, PlanError> {
    let Some(phdr) = elf.phdrs.iter().find(|phdr| phdr.p_type == PT_DYNAMIC) else {
        return Ok(Vec::new());
    };
    let bytes = memory
        .bytes(phdr.p_vaddr, phdr.p_filesz)
        .ok_or(PlanError::Table("dynamic section"))?;
    let size = if elf.machine.is_32bit() { 8 } else { 16 };
    Ok(bytes
        .chunks_exact(size)
        .map_while(|chunk| record::<Dyn, _>(chunk, 0, elf.context()))
        .take_while(|entry| entry.d_tag != dynamic::DT_NULL)
        .collect())
}

/// ldelf's rules for `.ta_head`.
fn check_head(head: &TaHead, machine: Machine) -> Result<(), PlanError> {
    let align = if machine.is_32bit() { 8 } else { 16 };
    let overflows = head.stack_size > u32::MAX - PAGE as u32;
    if head.stack_size == 0 || !head.stack_size.is_multiple_of(align) || overflows {
        return Err(PlanError::StackSize(head.stack_size, align));
    }
    let refused = head.flags & (!TA_FLAGS_MASK | TA_FLAG_CONCURRENT);
    if refused != 0 {
        return Err(PlanError::Flags(refused));
    }
    Ok(())
}
