//! The ELF file of a TA: header, program headers and section headers, each checked by ldelf's
//! rules before anything else looks at them.
//!
//! `goblin` knows the layouts of single records; tables are walked here, so that no count in a file
//! decides how much memory is taken.

use alloc::vec::Vec;
use core::fmt;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{self, Header};
use goblin::elf::{ProgramHeader, SectionHeader};
use scroll::ctx::TryFromCtx;
use tee_abi::TeeResult;
use thiserror::Error;

/// Bytes in a page; segments are placed by it.
pub const PAGE: u64 = 4096;

/// Longest section name that is read.
const MAX_SECTION_NAME: usize = 256;

/// What a TA is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A64 code, 64-bit ELF.
    AArch64,
    /// A32 and T32 code, 32-bit ELF.
    Arm,
    /// x86-64 code, 64-bit ELF.
    X86_64,
}

impl Machine {
    /// Whether addresses have 32 bits.
    #[must_use]
    pub const fn is_32bit(self) -> bool {
        matches!(self, Self::Arm)
    }

    /// As ldelf names it in a dump.
    #[must_use]
    pub const fn arch(self) -> &'static str {
        match self {
            Self::AArch64 => "aarch64",
            Self::Arm => "arm",
            Self::X86_64 => "x86_64",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.arch())
    }
}

/// Why bytes are no ELF file of a TA.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// No ELF header.
    #[error("the TA's image is not an ELF file")]
    NotElf,
    /// A field of the ELF header has a value that ldelf refuses.
    #[error("unusable ELF header: {field} is {value:#x}")]
    Header {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// Program headers must lie in the file's first page.
    #[error("the program headers end at offset {end:#x}, beyond the file's first page")]
    ProgramHeaders {
        /// Offset of their end.
        end: u64,
    },
    /// A table or record lies outside the file.
    #[error("truncated: the {0} lies outside the file")]
    Truncated(&'static str),
}

impl ElfError {
    /// What a client of a board sees.
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::ProgramHeaders { .. } => TeeResult::ERROR_NOT_SUPPORTED,
            _ => TeeResult::ERROR_BAD_FORMAT,
        }
    }
}

/// An ELF file with its headers read.
#[derive(Clone, Debug)]
pub struct Elf<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// What it is made for.
    pub machine: Machine,
    /// Entry point relative to the load address.
    pub entry: u64,
    /// Offset of the program headers in the file.
    pub phoff: u64,
    /// Program headers in file order.
    pub phdrs: Vec<ProgramHeader>,
    /// Section headers in file order.
    pub shdrs: Vec<SectionHeader>,
    /// Index of the section that names sections.
    pub shstrndx: usize,
}

impl<'a> Elf<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`ElfError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        if !bytes.starts_with(header::ELFMAG) {
            return Err(ElfError::NotElf);
        }
        let head: Header =
            record(bytes, 0, Endian::Little).ok_or(ElfError::Truncated("ELF header"))?;
        let machine = checked_machine(&head)?;
        let phsize = u64::from(head.e_phentsize);
        let phend = head
            .e_phoff
            .saturating_add(u64::from(head.e_phnum) * phsize);
        if phend > PAGE {
            return Err(ElfError::ProgramHeaders { end: phend });
        }
        let shsize = u64::from(head.e_shentsize);
        let ctx = context(machine);
        Ok(Self {
            bytes,
            machine,
            entry: head.e_entry,
            phoff: head.e_phoff,
            phdrs: table(bytes, head.e_phoff, phsize, head.e_phnum, ctx)
                .ok_or(ElfError::Truncated("program header table"))?,
            shdrs: table(bytes, head.e_shoff, shsize, head.e_shnum, ctx)
                .ok_or(ElfError::Truncated("section header table"))?,
            shstrndx: head.e_shstrndx.into(),
        })
    }

    /// The context in which `goblin` reads records of this file.
    #[must_use]
    pub fn context(&self) -> Ctx {
        context(self.machine)
    }

    /// The bytes of a section in the file; none for sections without.
    #[must_use]
    pub fn section_bytes(&self, section: &SectionHeader) -> Option<&'a [u8]> {
        if section.sh_type == goblin::elf::section_header::SHT_NOBITS {
            return None;
        }
        slice(self.bytes, section.sh_offset, section.sh_size)
    }

    /// The name of a section; empty when it has none.
    #[must_use]
    pub fn section_name(&self, section: &SectionHeader) -> &'a str {
        self.shdrs
            .get(self.shstrndx)
            .and_then(|names| self.section_bytes(names))
            .and_then(|names| cstr(names, section.sh_name as u64, MAX_SECTION_NAME))
            .and_then(|name| core::str::from_utf8(name).ok())
            .unwrap_or_default()
    }

    /// The first section with a name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&SectionHeader> {
        self.shdrs
            .iter()
            .find(|section| self.section_name(section) == name)
    }
}

fn context(machine: Machine) -> Ctx {
    let container = if machine.is_32bit() {
        Container::Little
    } else {
        Container::Big
    };
    Ctx::new(container, Endian::Little)
}

/// ldelf's checks of the ELF header, and their like for x86-64.
fn checked_machine(head: &Header) -> Result<Machine, ElfError> {
    let ident = |at: usize| head.e_ident.get(at).copied().unwrap_or_default();
    let expect = |field, value: u64, ok: bool| {
        if ok {
            Ok(())
        } else {
            Err(ElfError::Header { field, value })
        }
    };
    // First, because every field behind it is read by it.
    let found = ident(header::EI_DATA);
    expect("data encoding", found.into(), found == header::ELFDATA2LSB)?;
    let machine = match head.e_machine {
        header::EM_AARCH64 => Machine::AArch64,
        header::EM_ARM => Machine::Arm,
        header::EM_X86_64 => Machine::X86_64,
        other => {
            return Err(ElfError::Header {
                field: "e_machine",
                value: other.into(),
            });
        }
    };
    let (class, phsize, shsize) = if machine.is_32bit() {
        (header::ELFCLASS32, 32, 40)
    } else {
        (header::ELFCLASS64, 56, 64)
    };
    let found = ident(header::EI_CLASS);
    expect("class", found.into(), found == class)?;
    let found = ident(header::EI_VERSION);
    expect("version", found.into(), found == header::EV_CURRENT)?;
    check_abi(machine, ident(header::EI_OSABI), head.e_flags)?;
    let found = head.e_type;
    expect("e_type", found.into(), found == header::ET_DYN)?;
    let found = head.e_phentsize;
    expect("e_phentsize", found.into(), found == phsize)?;
    let found = head.e_shentsize;
    let ok = found == shsize || (machine == Machine::X86_64 && head.e_shnum == 0);
    expect("e_shentsize", found.into(), ok)?;
    Ok(machine)
}

/// The OS ABI and flags that go together for a machine.
fn check_abi(machine: Machine, osabi: u8, flags: u32) -> Result<(), ElfError> {
    const EF_ARM_ABIMASK: u32 = 0xff00_0000;
    const EF_ARM_ABI_V5: u32 = 0x0500_0000;
    let flags_ok = match (machine, osabi) {
        (Machine::Arm, header::ELFOSABI_NONE) => flags & EF_ARM_ABIMASK == EF_ARM_ABI_V5,
        (Machine::Arm, header::ELFOSABI_ARM) => flags & EF_ARM_ABIMASK == 0,
        (Machine::AArch64 | Machine::X86_64, header::ELFOSABI_NONE) => flags == 0,
        (Machine::X86_64, header::ELFOSABI_GNU) => flags == 0,
        _ => {
            return Err(ElfError::Header {
                field: "OS ABI",
                value: osabi.into(),
            });
        }
    };
    if flags_ok {
        Ok(())
    } else {
        Err(ElfError::Header {
            field: "e_flags",
            value: flags.into(),
        })
    }
}

/// `count` records of `size` bytes from `offset`; none when they do not all lie in the file.
fn table<T>(bytes: &[u8], offset: u64, size: u64, count: u16, ctx: Ctx) -> Option<Vec<T>>
where
    T: for<'b> TryFromCtx<'b, Ctx>,
{
    (0..u64::from(count))
        .map(|i| record(bytes, offset.checked_add(i * size)?, ctx))
        .collect()
}

/// The record at an offset, if it lies in the file.
pub(crate) fn record<T, C: Copy>(bytes: &[u8], offset: u64, ctx: C) -> Option<T>
where
    T: for<'b> TryFromCtx<'b, C>,
{
    let tail = bytes.get(usize::try_from(offset).ok()?..)?;
    T::try_from_ctx(tail, ctx).ok().map(|(value, _)| value)
}

/// `len` bytes from `offset`, if they are there.
pub(crate) fn slice(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(len)?).ok()?;
    bytes.get(start..end)
}

/// The zero-terminated text at an offset, without the zero, if it is no longer than `max`.
pub(crate) fn cstr(bytes: &[u8], offset: u64, max: usize) -> Option<&[u8]> {
    let tail = bytes.get(usize::try_from(offset).ok()?..)?;
    let end = tail
        .iter()
        .take(max.saturating_add(1))
        .position(|byte| *byte == 0)?;
    tail.get(..end)
}
