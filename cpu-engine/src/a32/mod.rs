//! AArch32: the A32 and T32 instruction sets. One decode table, from which decoding, meaning and
//! disassembly come; meanings and the text of operands are common to both sets.
//!
//! A row of `rows/` reads `"pattern" "mnemonic" FORMAT => meaning;`, as in [`crate::a64`], except
//! that the variant `s` says whether an instruction sets the flags. Patterns have 32 bits, those
//! of 16-bit T32 instructions 16. A32 patterns begin with `1110` for any condition, and with
//! `1111` where there is none. Floating point, Advanced SIMD and coprocessors are rows of their
//! A32 form; their T32 encodings are brought to it first.
//!
//! Where code goes on is a *location*: the address, the instruction set, and the IT state.
//!
//! ```text
//!  63      40 39     32 31                     1   0
//! |     0    | ITSTATE |      address[31:1]     | T |
//! ```
//!
//! A condition, and r15 as an operand, are not the business of meanings: [`meaning::before`] and
//! [`meaning::after`] go around them where [`Op::cond`] or [`Op::pc`] ask for it.

mod dsp;
pub(crate) mod format;
mod meaning;
mod print;
mod simd;
mod simd_format;
mod simd_print;
mod rows {
    pub mod integer;
    pub mod media;
    pub mod memory;
    pub mod neon;
    pub mod vfp;
}

use std::marker::PhantomData;
use std::sync::LazyLock;

use litebox::{Access, AddressSpace, Fault, FaultKind};

use crate::emit::{Emit, Halt, Step};
use crate::interp::{Control, Handler, Interp, NEXT_RUN, TABLE_LEN};
use crate::op::Op;
use crate::state::Regs;
use crate::t32::format as t32_format;
use crate::t32::rows::narrow::narrow_rows;
use crate::t32::rows::wide::wide_rows;
use format::{At, Format, Word};
pub use print::disassemble;
use rows::integer::integer_rows;
use rows::media::media_rows;
use rows::memory::memory_rows;
use rows::neon::neon_rows;
use rows::vfp::vfp_rows;

/// [`Op::pc`]: r15 is a source.
pub const READS: u8 = 1;
/// [`Op::pc`]: r15 is the destination.
pub const WRITES: u8 = 1 << 1;
/// [`Op::pc`]: what is written to r15 selects the instruction set.
pub const INTERWORKS: u8 = 1 << 2;
/// [`Op::pc`]: the instruction behind this one is reached otherwise, if at all.
pub const ENDS: u8 = 1 << 3;
/// [`Op::pc`]: writing r15 is a return.
pub const RETURNS: u8 = 1 << 4;

/// The address of a location.
#[must_use]
pub const fn address(location: u64) -> u64 {
    location & 0xffff_fffe
}

/// The location of an op.
pub const fn location(op: &Op) -> u64 {
    let at = (op.next as u32).wrapping_sub(op.len as u32);
    (op.it as u64) << 32 | at as u64
}

/// Which encodings a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// A32 alone.
    A32,
    /// T32, 16 bits.
    T16,
    /// T32, 32 bits.
    T32,
    /// Both sets, in A32's form.
    Both,
}

/// A row of the decode table.
pub struct Row {
    /// The bits, most significant first.
    pub pattern: &'static str,
    /// The instruction's name.
    pub mnemonic: &'static str,
    /// Whose encoding it is.
    pub set: Set,
    format: Format,
    mask: u32,
    value: u32,
    variant: u32,
}

impl Row {
    const fn new(set: Set, pattern: &'static str, mnemonic: &'static str, format: Format) -> Self {
        let bytes = pattern.as_bytes();
        let len = if set as u8 == Set::T16 as u8 { 16 } else { 32 };
        assert!(bytes.len() == len, "a pattern has as many bits as its set");
        let (mut mask, mut value, mut variant, mut i) = (0, 0, 0, 0);
        while i < len {
            let bit = 1 << (len - 1 - i);
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
            set,
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
    ($set:ident $from:ident [$e:ident $o:ident $s:ident] $($pattern:literal $mnemonic:literal $format:ident => $body:expr;)*) => {
        &[$(Row::new(Set::$set, $pattern, $mnemonic, $from::$format)),*]
    };
}

macro_rules! handlers {
    ($m:ident [$e:ident $o:ident $s:ident] $($pattern:literal $mnemonic:literal $format:ident => $body:expr;)*) => {
        &[$({
            fn meaning<E: Emit, const FLAGS: bool>($e: &mut E, $o: &Op) -> Step {
                let $s = FLAGS;
                let _ = (&$e, $o, $s);
                $body
            }
            fn kept<M: AddressSpace>(regs: &mut Regs, mem: &mut M, control: &mut Control, op: &Op) -> Step {
                meaning::<_, false>(&mut Interp { regs, mem, control }, op)
            }
            fn flagged<M: AddressSpace>(regs: &mut Regs, mem: &mut M, control: &mut Control, op: &Op) -> Step {
                meaning::<_, true>(&mut Interp { regs, mem, control }, op)
            }
            let pair: [Handler<$m>; 2] = [kept::<$m>, flagged::<$m>];
            pair
        }),*]
    };
}

const PARTS: [&[Row]; 7] = [
    integer_rows!(table A32 format),
    media_rows!(table A32 format),
    memory_rows!(table A32 format),
    narrow_rows!(table T16 t32_format),
    wide_rows!(table T32 t32_format),
    vfp_rows!(table Both simd_format),
    neon_rows!(table Both simd_format),
];

/// The entry of ops that take place under a condition, or have r15 among their operands.
const AROUND: u16 = NEXT_RUN - 1;
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
        use crate::crypto::{self, Sha1};
        use crate::emit::{Bin, Sys, Un};
        use crate::float::Rounding;
        use crate::vector::{
            Sign, Test, doubled_high, fp_test, leading_sign_bits, polynomial, shift, shift_right,
            shift_sat, splat, truth, unsigned_recip_estimate, unsigned_rsqrt_estimate,
        };
        use meaning::*;
        use simd::*;

        let parts: [&[[Handler<M>; 2]]; 7] = [
            integer_rows!(handlers M),
            media_rows!(handlers M),
            memory_rows!(handlers M),
            narrow_rows!(handlers M),
            wide_rows!(handlers M),
            vfp_rows!(handlers M),
            neon_rows!(handlers M),
        ];
        let mut table: [Handler<M>; TABLE_LEN] = [|_, _, _, _| Err(Halt::Taken); TABLE_LEN];
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
        assert!(at < AROUND as usize, "the table has room");
        table[AROUND as usize] = Self::around;
        table
    }

    /// What goes around a meaning: the condition, and r15.
    fn around(regs: &mut Regs, mem: &mut M, control: &mut Control, op: &Op) -> Step {
        let mut e = Interp {
            regs: &mut *regs,
            mem: &mut *mem,
            control: &mut *control,
        };
        if !e.cond(op.cond) {
            return Ok(());
        }
        meaning::before(&mut e, op);
        Self::TABLE[op.then as usize % TABLE_LEN](regs, mem, control, op)?;
        meaning::after(&mut Interp { regs, mem, control }, op)
    }
}

/// Rows by the bits that tell most of them apart.
struct Index {
    a32: Vec<Vec<u16>>,
    t16: Vec<Vec<u16>>,
    t32: Vec<Vec<u16>>,
}

const A32_LOW: u32 = 20;
const T16_LOW: u32 = 8;

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let bucket = |low: u32, len: u32, sets: &[Set]| {
        let mut buckets = vec![Vec::new(); len as usize];
        let rows = (0..).zip(rows()).filter(|(_, row)| sets.contains(&row.set));
        for (number, row) in rows {
            for (key, bucket) in (0u32..).zip(&mut buckets) {
                if (key << low ^ row.value) & row.mask & (len - 1) << low == 0 {
                    bucket.push(number);
                }
            }
        }
        buckets
    };
    Index {
        a32: bucket(A32_LOW, 512, &[Set::A32, Set::Both]),
        t16: bucket(T16_LOW, 256, &[Set::T16]),
        t32: bucket(A32_LOW, 512, &[Set::T32]),
    }
});

/// The A32 form of T32 encodings that are rows of both sets.
const fn both_form(word: u32) -> Option<u32> {
    match word >> 24 {
        0xef | 0xff => Some(0xf200_0000 | word >> 4 & 0x0100_0000 | word & 0x00ff_ffff),
        0xf9 if word >> 20 & 1 == 0 => Some(0xf400_0000 | word & 0x00ff_ffff),
        0xec..=0xee | 0xfc..=0xfe => Some(word),
        _ => None,
    }
}

/// Whether the first halfword of a T32 instruction is followed by another.
#[must_use]
pub const fn is_wide(half: u16) -> bool {
    half >> 11 > 0b11100
}

/// The encoding at a location: of T32, the first halfword is the more significant one.
///
/// # Errors
/// The refused access, or an alignment fault where A32 code is not aligned.
pub fn encoding_at(location: u64, fetch: impl Fn(u64) -> Result<u16, Fault>) -> Result<u32, Fault> {
    let pc = address(location);
    let thumb = location & 1 != 0;
    if !thumb && pc & 2 != 0 {
        return Err(Fault {
            addr: pc,
            access: Access::Execute,
            kind: FaultKind::Alignment,
        });
    }
    let first = fetch(pc)?;
    if thumb && !is_wide(first) {
        return Ok(u32::from(first));
    }
    let second = fetch((pc + 2) & 0xffff_ffff)?;
    Ok(match thumb {
        true => u32::from(first) << 16 | u32::from(second),
        false => u32::from(second) << 16 | u32::from(first),
    })
}

/// Decodes what lies at a location; also whether the instruction behind it is reached otherwise.
///
/// # Errors
/// As [`encoding_at`].
pub fn decode_at(
    location: u64,
    fetch: impl Fn(u64) -> Result<u16, Fault>,
) -> Result<(Op, bool), Fault> {
    let op = decode(encoding_at(location, fetch)?, location);
    Ok((op, op.pc & ENDS != 0))
}

/// Decodes a word at a location.
pub fn decode(word: u32, location: u64) -> Op {
    let mut op = lookup(word, location).unwrap_or_else(|| {
        let at = At::new(word, location);
        let mut op = at.op(UNALLOCATED);
        op.pc = ENDS;
        op.cond = 14;
        op
    });
    if op.cond < 14 || op.pc & (READS | WRITES) != 0 {
        (op.then, op.row) = (op.row, AROUND);
    }
    op
}

/// The row of a word, if it is an instruction.
#[must_use]
pub fn row_of(word: u32, location: u64) -> Option<usize> {
    lookup(word, location).map(|op| usize::from(op.row / 2))
}

/// Whether a word goes on at an address that it computes or loads into r15.
#[must_use]
pub fn leaves(word: u32, location: u64) -> bool {
    lookup(word, location).is_some_and(|op| op.pc & WRITES != 0)
}

/// The row and operands of a word, if it is an instruction.
fn lookup(word: u32, location: u64) -> Option<Op> {
    let at = At::new(word, location);
    let (candidates, word) = match (at.thumb, both_form(word)) {
        (false, _) => {
            let word = if word >> 28 == 15 {
                word
            } else {
                word & 0x0fff_ffff | 0xe000_0000
            };
            (INDEX.a32.get((word >> A32_LOW & 511) as usize)?, word)
        }
        (true, _) if at.len == 2 => (INDEX.t16.get((word >> T16_LOW & 255) as usize)?, word),
        (true, Some(word)) => (INDEX.a32.get((word >> A32_LOW & 511) as usize)?, word),
        (true, None) => (INDEX.t32.get((word >> A32_LOW & 511) as usize)?, word),
    };
    candidates.iter().find_map(|number| {
        let row = row(usize::from(*number))?;
        if word & row.mask != row.value || at.thumb && row.set == Set::A32 {
            return None;
        }
        let mut op = at.op(number * 2 + u16::from(word & row.variant != 0));
        (row.format.decode)(Word(word), at, &mut op)?;
        if op.pc & WRITES != 0 && op.cond == 14 {
            op.pc |= ENDS;
        }
        Some(op)
    })
}
