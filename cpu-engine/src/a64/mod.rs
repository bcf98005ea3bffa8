//! The A64 instruction set: one decode table, from which decoding, meaning and disassembly come.
//!
//! A row of `rows/` reads `"pattern" "mnemonic" FORMAT => meaning;`. The pattern gives the 32
//! bits, most significant first; what is neither `0` nor `1` is a field, named for the reader.
//! A field `s` selects the width `w` of the meaning (`W64` where it is 1). The first row whose
//! pattern fits and whose format accepts the fields is the instruction.

mod format;
mod meaning;
mod print;
mod rows {
    pub mod integer;
    pub mod memory;
    pub mod scalar;
    pub mod simd;
    pub mod system;
}

use std::marker::PhantomData;
use std::sync::LazyLock;

use litebox::AddressSpace;

use crate::crypto::{self, Sha1};
use crate::emit::{Bin, Emit, Halt, Kind, Rmw, Step, Sys, Un, W::W32, W::W64};
use crate::float::{Rounding, Type};
use crate::interp::{Control, Handler, Interp, NEXT_RUN, TABLE_LEN};
use crate::op::Op;
use crate::state::Regs;
use crate::translate::Emitter;
use crate::vector::{
    self, Sign, Test, doubled_accumulate, doubled_high, fp_test, leading_sign_bits, polynomial,
    shift, shift_right, shift_sat, splat, truth, unsigned_recip_estimate, unsigned_rsqrt_estimate,
};
pub(crate) use format::fp_immediate;
use format::{Format, Word};
use meaning::*;
pub use print::disassemble;
use rows::integer::integer_rows;
use rows::memory::memory_rows;
use rows::scalar::scalar_rows;
use rows::simd::simd_rows;
use rows::system::system_rows;

/// What `ctr_el0` reads: 64-byte lines, caches that need cleaning.
pub const CTR_EL0: u64 = 0x8444_c004;
/// What `dczid_el0` reads: `dc zva` zeroes 64 bytes.
pub const DCZID_EL0: u64 = 4;

/// A row of the decode table.
pub struct Row {
    /// The 32 bits, most significant first.
    pub pattern: &'static str,
    /// The instruction's name.
    pub mnemonic: &'static str,
    format: Format,
    mask: u32,
    value: u32,
    variant: u32,
}

impl Row {
    const fn new(pattern: &'static str, mnemonic: &'static str, format: Format) -> Self {
        let bytes = pattern.as_bytes();
        assert!(bytes.len() == 32, "a pattern has 32 bits");
        let (mut mask, mut value, mut variant, mut i) = (0, 0, 0, 0);
        while i < 32 {
            let bit = 1 << (31 - i);
            match bytes[i] {
                b'0' => mask |= bit,
                b'1' => (mask, value) = (mask | bit, value | bit),
                b's' => variant |= bit,
                _ => {}
            }
            i += 1;
        }
        Self {
            pattern,
            mnemonic,
            format,
            mask,
            value,
            variant,
        }
    }

    /// The bits that are the same in every encoding of the row, and what they are.
    #[must_use]
    pub const fn fixed(&self) -> (u32, u32) {
        (self.mask, self.value)
    }
}

macro_rules! table {
    ([$e:ident $o:ident $w:ident] $($pattern:literal $mnemonic:literal $format:ident => $body:expr;)*) => {
        &[$(Row::new($pattern, $mnemonic, format::$format)),*]
    };
}

macro_rules! handlers {
    ($m:ident [$e:ident $o:ident $w:ident] $($pattern:literal $mnemonic:literal $format:ident => $body:expr;)*) => {
        &[$({
            fn meaning<E: Emit, const WIDE: bool>($e: &mut E, $o: &Op) -> Step {
                let $w = if WIDE { W64 } else { W32 };
                let _ = (&$e, $o, $w);
                $body
            }
            fn narrow<M: AddressSpace>(regs: &mut Regs, mem: &mut M, control: &mut Control, op: &Op) -> Step {
                meaning::<_, false>(&mut Interp { regs, mem, control }, op)
            }
            fn wide<M: AddressSpace>(regs: &mut Regs, mem: &mut M, control: &mut Control, op: &Op) -> Step {
                meaning::<_, true>(&mut Interp { regs, mem, control }, op)
            }
            let pair: [Handler<$m>; 2] = [narrow::<$m>, wide::<$m>];
            pair
        }),*]
    };
}

macro_rules! translators {
    ([$e:ident $o:ident $w:ident] $($pattern:literal $mnemonic:literal $format:ident => $body:expr;)*) => {
        &[$({
            fn meaning<const WIDE: bool>($e: &mut Emitter<'_>, $o: &Op) -> Step {
                let $w = if WIDE { W64 } else { W32 };
                let _ = (&$e, $o, $w);
                $body
            }
            let pair: [TranslatorHandler; 2] = [meaning::<false>, meaning::<true>];
            pair
        }),*]
    };
}

/// A meaning, bound to the translator.
pub type TranslatorHandler = fn(&mut Emitter<'_>, &Op) -> Step;

const PARTS: [&[Row]; 5] = [
    integer_rows!(table),
    system_rows!(table),
    memory_rows!(table),
    scalar_rows!(table),
    simd_rows!(table),
];

/// The entry of words that no row accepts.
const UNALLOCATED: u16 = 0;

/// Every row, in decode order.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    PARTS.into_iter().flatten()
}

fn row(number: usize) -> Option<&'static Row> {
    let mut number = number;
    for part in PARTS {
        if let Some(row) = part.get(number) {
            return Some(row);
        }
        number -= part.len();
    }
    None
}

/// Meanings bound to the interpreter over a kind of memory.
pub struct Handlers<M>(PhantomData<M>);

impl<M: AddressSpace> Handlers<M> {
    /// By [`Op::row`].
    pub const TABLE: &'static [Handler<M>; TABLE_LEN] = &Self::table();

    const fn table() -> [Handler<M>; TABLE_LEN] {
        let parts: [&[[Handler<M>; 2]]; 5] = [
            integer_rows!(handlers M),
            system_rows!(handlers M),
            memory_rows!(handlers M),
            scalar_rows!(handlers M),
            simd_rows!(handlers M),
        ];
        joined(parts, |_, _, _, _| Err(Halt::Taken))
    }
}

/// Meanings bound to the translator, by [`Op::row`].
pub const TRANSLATORS: &[TranslatorHandler; TABLE_LEN] = &joined(
    [
        integer_rows!(translators),
        system_rows!(translators),
        memory_rows!(translators),
        scalar_rows!(translators),
        simd_rows!(translators),
    ],
    |_, _| Err(Halt::Exit),
);

const fn joined<T: Copy>(parts: [&[[T; 2]]; 5], rest: T) -> [T; TABLE_LEN] {
    let mut table = [rest; TABLE_LEN];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            table[at] = parts[part][i][0];
            table[at + 1] = parts[part][i][1];
            at += 2;
            i += 1;
        }
        part += 1;
    }
    assert!(at < NEXT_RUN as usize, "the table has room");
    table
}

/// Rows by the bits that tell most of them apart: 28 to 21.
struct Index(Vec<Vec<u16>>);

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut buckets = vec![Vec::new(); 256];
    for (number, row) in (0..).zip(rows()) {
        for (key, bucket) in (0u32..).zip(&mut buckets) {
            if (key << 21 ^ row.value) & row.mask & 0x1fe0_0000 == 0 {
                bucket.push(number);
            }
        }
    }
    Index(buckets)
});

/// The 64-bit pattern of the modified immediate in a word.
pub(crate) fn modified_immediate(word: u32) -> u64 {
    format::modified_immediate(Word(word))
}

/// Decodes a word at an address.
pub fn decode(word: u32, pc: u64) -> Op {
    lookup(word, pc).unwrap_or(Op::new(UNALLOCATED, pc))
}

/// The row and operands of a word, if it is an instruction.
pub fn lookup(word: u32, pc: u64) -> Option<Op> {
    let candidates = INDEX.0.get((word >> 21 & 0xff) as usize)?;
    candidates.iter().find_map(|number| {
        let row = row(usize::from(*number))?;
        if word & row.mask != row.value {
            return None;
        }
        let variant = u16::from(word & row.variant != 0);
        let mut op = Op::new(number * 2 + variant, pc);
        (row.format.decode)(Word(word), pc, &mut op)?;
        Some(op)
    })
}

/// Which row of [`rows`] a word is, if it is an instruction.
#[must_use]
pub fn row_of(word: u32) -> Option<usize> {
    lookup(word, 0).map(|op| usize::from(op.row / 2))
}

/// Where control goes behind an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// To the next instruction.
    Next,
    /// To the target in the operands.
    Branch,
    /// To the target in the operands, or to the next instruction.
    Conditional,
    /// Elsewhere.
    Ends,
}

/// Where control goes behind a word.
pub const fn flow(word: u32) -> Flow {
    if word & 0xfc00_0000 == 0x1400_0000 {
        Flow::Branch
    } else if word & 0xff00_0010 == 0x5400_0000 || word & 0x7c00_0000 == 0x3400_0000 {
        Flow::Conditional
    } else if word & 0xfc00_0000 == 0x9400_0000
        || word & 0xfe00_0000 == 0xd600_0000
        || word & 0xff00_0000 == 0xd400_0000
        || word >> 16 == 0
    {
        Flow::Ends
    } else {
        Flow::Next
    }
}

/// Whether the instruction behind this one is reached otherwise, if at all.
pub const fn ends_run(word: u32) -> bool {
    let branch = word & 0xfc00_0000 == 0x1400_0000;
    let indirect = word & 0xfe00_0000 == 0xd600_0000;
    let exception = word & 0xff00_0000 == 0xd400_0000 && word & 3 != 1;
    branch || indirect && word & 0x0060_0000 != 0x0020_0000 || exception || word >> 16 == 0
}
