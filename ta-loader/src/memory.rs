//! The TA's memory as it will lie relative to its load address, before relocation: where segments
//! go and which file bytes fill them, by the rules of ldelf's `adjust_segments`.
//!
//! ```text
//!  vaddr 0        page                                   span
//!  │ segment 0    │ hole │ segment 1 (file bytes│ zeros)  │
//! ```

use alloc::vec::Vec;

use goblin::elf::ProgramHeader;
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD};

use crate::elf::{Elf, Machine, PAGE, cstr, slice};
use crate::plan::PlanError;

/// Largest extent of a module: far above what a board's secure memory holds.
pub const MAX_SPAN: u64 = 512 << 20;

/// Longest text that is read: names of symbols and libraries, values of properties.
pub const MAX_TEXT: usize = 4096;

/// Protection bits as `litebox::Prot::from_bits` takes them.
pub mod prot {
    /// Readable.
    pub const R: u8 = 1;
    /// Writable.
    pub const W: u8 = 2;
    /// Executable.
    pub const X: u8 = 4;
}

/// A part of the TA to be mapped. Segments are disjoint, ascending and page-aligned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// First address relative to the load address, page-aligned.
    pub vaddr: u64,
    /// Bytes to map, a multiple of the page size.
    pub len: u64,
    /// [`prot`] bits. What is writable is never executable.
    pub prot: u8,
    /// Bytes to copy to `vaddr`; the rest is zero.
    pub data: &'a [u8],
}

/// A PT_LOAD on its way to becoming a [`Segment`].
#[derive(Clone, Copy)]
struct Load {
    offset: u64,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
    flags: u32,
}

/// Makes segments of the program headers.
///
/// # Errors
/// [`PlanError`] as ldelf refuses.
pub(crate) fn segments<'a>(elf: &Elf<'a>, is_main: bool) -> Result<Vec<Segment<'a>>, PlanError> {
    let loads = loads(elf)?;
    let first = loads.first().ok_or(PlanError::NoSegments)?;
    if is_main && elf.machine != Machine::X86_64 && first.offset < PAGE {
        return Err(PlanError::HeaderInSegment);
    }
    if !is_main && (first.offset != 0 || first.vaddr != 0) {
        return Err(PlanError::HeaderNotInSegment);
    }
    merge(&loads)?
        .iter()
        .map(|load| segment(elf, load))
        .collect()
}

fn loads(elf: &Elf<'_>) -> Result<Vec<Load>, PlanError> {
    let mut loads: Vec<Load> = Vec::new();
    let mut align = None;
    for phdr in elf.phdrs.iter().filter(|phdr| phdr.p_type == PT_LOAD) {
        let load = checked_load(phdr)?;
        if *align.get_or_insert(phdr.p_align) != phdr.p_align {
            return Err(PlanError::segment(
                phdr,
                "has another alignment than the first",
            ));
        }
        if let Some(previous) = loads.last() {
            if load.vaddr < previous.vaddr.saturating_add(previous.memsz) {
                return Err(PlanError::segment(
                    phdr,
                    "overlaps the one before it, or precedes it",
                ));
            }
            if load.offset < previous.offset.saturating_add(previous.filesz) {
                return Err(PlanError::segment(
                    phdr,
                    "overlaps the one before it in the file",
                ));
            }
        }
        loads.push(load);
    }
    Ok(loads)
}

fn checked_load(phdr: &ProgramHeader) -> Result<Load, PlanError> {
    let refuse = |why| Err(PlanError::segment(phdr, why));
    if phdr.p_memsz < phdr.p_filesz {
        return refuse("is smaller in memory than in the file");
    }
    if phdr.p_align < PAGE || !phdr.p_align.is_power_of_two() {
        return refuse("is not aligned to pages");
    }
    if phdr.p_offset % PAGE != phdr.p_vaddr % PAGE {
        return refuse("lies differently within a page in memory and in the file");
    }
    if phdr.p_flags & PF_R == 0 {
        return Err(PlanError::NotReadable {
            vaddr: phdr.p_vaddr,
        });
    }
    match phdr.p_vaddr.checked_add(phdr.p_memsz) {
        Some(end) if end <= MAX_SPAN => {}
        _ => return Err(PlanError::TooLarge { limit: MAX_SPAN }),
    }
    Ok(Load {
        offset: phdr.p_offset,
        vaddr: phdr.p_vaddr,
        filesz: phdr.p_filesz,
        memsz: phdr.p_memsz,
        flags: phdr.p_flags,
    })
}

/// Joins segments that share a page and aligns the others to pages.
fn merge(loads: &[Load]) -> Result<Vec<Load>, PlanError> {
    let mut merged: Vec<Load> = Vec::new();
    for load in loads {
        let within = load.vaddr % PAGE;
        match merged.last_mut() {
            Some(last) if load.vaddr - within < last.vaddr + last.memsz => {
                if last.memsz != last.filesz {
                    return Err(PlanError::SharedPage { vaddr: load.vaddr });
                }
                last.filesz = load.vaddr + load.filesz - last.vaddr;
                last.memsz = load.vaddr + load.memsz - last.vaddr;
                last.flags |= load.flags;
            }
            _ => merged.push(Load {
                offset: load.offset - within,
                vaddr: load.vaddr - within,
                filesz: load.filesz + within,
                memsz: load.memsz + within,
                flags: load.flags,
            }),
        }
    }
    Ok(merged)
}

fn segment<'a>(elf: &Elf<'a>, load: &Load) -> Result<Segment<'a>, PlanError> {
    let data = slice(elf.bytes, load.offset, load.filesz)
        .ok_or(PlanError::SegmentBytes { vaddr: load.vaddr })?;
    let prot = if load.flags & PF_W != 0 {
        prot::R | prot::W
    } else {
        if load.filesz != load.memsz {
            return Err(PlanError::ReadOnlyZeros { vaddr: load.vaddr });
        }
        prot::R | if load.flags & PF_X != 0 { prot::X } else { 0 }
    };
    Ok(Segment {
        vaddr: load.vaddr,
        len: load.memsz.next_multiple_of(PAGE),
        prot,
        data,
    })
}

/// Reads of a module's memory before relocation, by address relative to the load address.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'p, 'a> {
    pub(crate) segments: &'p [Segment<'a>],
}

impl<'a> Memory<'_, 'a> {
    /// The segment that holds an address.
    #[must_use]
    pub fn segment_at(&self, vaddr: u64) -> Option<&Segment<'a>> {
        self.segments.iter().find(|segment| {
            vaddr
                .checked_sub(segment.vaddr)
                .is_some_and(|at| at < segment.len)
        })
    }

    /// `len` bytes that the file holds for an address; none where the file has none.
    #[must_use]
    pub fn bytes(&self, vaddr: u64, len: u64) -> Option<&'a [u8]> {
        let segment = self.segment_at(vaddr)?;
        slice(segment.data, vaddr - segment.vaddr, len)
    }

    /// `N` bytes at an address, zeros where the file has none; nothing where nothing is mapped.
    #[must_use]
    pub fn array<const N: usize>(&self, vaddr: u64) -> Option<[u8; N]> {
        let segment = self.segment_at(vaddr)?;
        let at = vaddr - segment.vaddr;
        if at.checked_add(N as u64)? > segment.len {
            return None;
        }
        let mut out = [0; N];
        let tail = segment
            .data
            .get(usize::try_from(at).ok()?..)
            .unwrap_or_default();
        for (to, from) in out.iter_mut().zip(tail) {
            *to = *from;
        }
        Some(out)
    }

    /// The zero-terminated text at an address, without the zero, if it is no longer than
    /// [`MAX_TEXT`].
    #[must_use]
    pub fn cstr(&self, vaddr: u64) -> Option<&'a [u8]> {
        let segment = self.segment_at(vaddr)?;
        cstr(segment.data, vaddr - segment.vaddr, MAX_TEXT)
    }
}
