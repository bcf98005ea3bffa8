//! Which A64 code a TA can reach: a call graph of stripped code, made of branches and of addresses
//! that are formed or stored.
//!
//! A function is what lies between two addresses that something calls or points to. Pointers in
//! data count as reached, those in the global offset table only where code loads them. This errs on
//! the side of too much, but for code that computes addresses in ways not known here: it is a hint
//! for people, not a proof.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

use crate::elf::Machine;
use crate::memory::prot;
use crate::plan::LoadPlan;

/// How many instructions may lie between the two that form an address.
const REACH: usize = 12;

/// A run of code and the address of its first byte.
pub(super) struct Code<'a> {
    pub(super) base: u64,
    pub(super) bytes: &'a [u8],
}

/// What an instruction leads to.
#[derive(Clone, Copy)]
enum Edge {
    /// A call, which a function starts at.
    Call(u64),
    /// A jump, within a function or to the start of another.
    Jump(u64),
    /// The address of something.
    Address(u64),
    /// A load of the word at an address.
    Load(u64),
}

impl<'a> Code<'a> {
    /// The code of a module: `.text`, or whatever is executable in a file without section names.
    pub(super) fn of(plan: &LoadPlan<'a>) -> Vec<Self> {
        let text = plan.elf().section(".text").and_then(|section| {
            let bytes = plan.memory().bytes(section.sh_addr, section.sh_size)?;
            let base = section.sh_addr;
            base.is_multiple_of(4).then_some(Self { base, bytes })
        });
        if let Some(text) = text {
            return [text].into();
        }
        let executable = plan.segments().iter().filter(|s| s.prot & prot::X != 0);
        executable
            .map(|segment| Self {
                base: segment.vaddr,
                bytes: segment.data,
            })
            .collect()
    }

    fn range(&self) -> Range<u64> {
        self.base..self.base.saturating_add(self.bytes.len() as u64)
    }

    /// The aligned words with their addresses.
    pub(super) fn words(&self) -> Vec<(u64, u32)> {
        let (words, _) = self.bytes.as_chunks::<4>();
        (self.base..)
            .step_by(4)
            .zip(words.iter().map(|b| u32::from_le_bytes(*b)))
            .collect()
    }
}

/// The functions that can be reached, by the address they start at.
pub(super) struct Reached {
    starts: BTreeSet<u64>,
    reached: BTreeSet<u64>,
}

impl Reached {
    /// Whether the function that holds an address can be reached.
    pub(super) fn holds(&self, addr: u64) -> bool {
        self.starts
            .range(..=addr)
            .next_back()
            .is_some_and(|start| self.reached.contains(start))
    }
}

/// Follows a module's code from its entry and, in a library, from what it exports; none for
/// machines whose instructions are not read here.
pub(super) fn reach(
    plan: &LoadPlan<'_>,
    code: &[Code<'_>],
    pointers: &BTreeMap<u64, u64>,
    stubs: impl Iterator<Item = u64>,
) -> Option<Reached> {
    if plan.machine() != Machine::AArch64 {
        return None;
    }
    let edges: Vec<_> = code.iter().flat_map(edges).collect();
    let in_code = |addr: &u64| code.iter().any(|code| code.range().contains(addr));
    let target = |edge: &Edge| match edge {
        Edge::Call(to) | Edge::Jump(to) | Edge::Address(to) => Some(*to).filter(in_code),
        Edge::Load(from) => pointers.get(from).copied().filter(in_code),
    };
    let table = plan.elf().section(".got").map_or(0..0, |section| {
        section.sh_addr..section.sh_addr.saturating_add(section.sh_size)
    });
    let stored = pointers.iter().filter(|(at, _)| !table.contains(at));
    let mut open: Vec<u64> = stored.map(|(_, to)| *to).filter(in_code).collect();
    open.push(plan.elf_entry());
    open.extend(exported(plan).filter(in_code));

    let mut starts: BTreeSet<u64> = open.iter().copied().chain(stubs).collect();
    let starting = edges
        .iter()
        .filter(|(_, edge)| !matches!(edge, Edge::Jump(_)));
    starts.extend(starting.filter_map(|(_, edge)| target(edge)));

    let mut out: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (from, edge) in &edges {
        if let (Some(start), Some(to)) = (starts.range(..=*from).next_back(), target(edge)) {
            out.entry(*start).or_default().push(to);
        }
    }
    let mut reached = BTreeSet::new();
    while let Some(addr) = open.pop() {
        let start = starts.range(..=addr).next_back();
        if let Some(start) = start.filter(|start| reached.insert(**start)) {
            open.extend(out.get(start).into_iter().flatten());
        }
    }
    Some(Reached { starts, reached })
}

/// The functions that other modules may call.
fn exported(plan: &LoadPlan<'_>) -> impl Iterator<Item = u64> {
    let is_library = plan.head().is_none();
    let definitions = plan.symbols().iter().filter(move |_| is_library);
    definitions.filter_map(|(_, definition)| match definition {
        crate::symbols::Definition::Address(vaddr) => Some(vaddr),
        _ => None,
    })
}

/// Sign-extends the lowest `bits` of a field and scales it.
const fn signed(field: u32, bits: u32, scale: i64) -> i64 {
    (((field << (32 - bits)).cast_signed()) >> (32 - bits)) as i64 * scale
}

fn edges(code: &Code<'_>) -> Vec<(u64, Edge)> {
    let mut edges = Vec::new();
    let words = code.words();
    for (i, (addr, word)) in words.iter().enumerate() {
        let relative = |offset| addr.wrapping_add_signed(offset);
        let edge = if word & 0xfc00_0000 == 0x9400_0000 {
            Edge::Call(relative(signed(*word, 26, 4)))
        } else if word & 0xfc00_0000 == 0x1400_0000 {
            Edge::Jump(relative(signed(*word, 26, 4)))
        } else if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
            Edge::Jump(relative(signed(word >> 5, 19, 4)))
        } else if word & 0x7e00_0000 == 0x3600_0000 {
            Edge::Jump(relative(signed(word >> 5, 14, 4)))
        } else if word & 0x1f00_0000 == 0x1000_0000 {
            let imm = (word >> 5 & 0x7_ffff) << 2 | (word >> 29 & 3);
            if word >> 31 == 0 {
                Edge::Address(relative(signed(imm, 21, 1)))
            } else {
                let page = (addr & !0xfff).wrapping_add_signed(signed(imm, 21, 4096));
                let after = words.iter().skip(i + 1).take(REACH);
                let register = word & 31;
                let found = after.filter_map(|(_, next)| page_edge(*next, register, page));
                edges.extend(found.map(|edge| (*addr, edge)));
                continue;
            }
        } else {
            continue;
        };
        edges.push((*addr, edge));
    }
    edges
}

/// What an instruction makes of the page that `adrp` left in a register.
fn page_edge(word: u32, register: u32, page: u64) -> Option<Edge> {
    if word >> 5 & 31 != register {
        return None;
    }
    let imm = u64::from(word >> 10 & 0xfff);
    if word & 0xffc0_0000 == 0x9100_0000 {
        Some(Edge::Address(page.wrapping_add(imm)))
    } else if word & 0xffc0_0000 == 0xf940_0000 {
        Some(Edge::Load(page.wrapping_add(imm * 8)))
    } else {
        None
    }
}
