//! Operand formats of A32 integer instructions, and what formats of all sets share.
//!
//! A format holds the text template of the operands (see [`super::print`]) and the decoder.
//! Decoders answer `None` for field values that the architecture leaves unallocated.

use super::{ENDS, INTERWORKS, READS, RETURNS, WRITES};
use crate::op::{Op, Reg};

/// An operand format.
#[derive(Clone, Copy)]
pub struct Format {
    /// The template of the text.
    pub text: &'static str,
    /// Fills in the operands.
    pub decode: fn(Word, At, &mut Op) -> Option<()>,
}

/// An instruction word.
#[derive(Clone, Copy)]
pub struct Word(pub u32);

impl Word {
    /// Bits `high` down to `low`.
    pub const fn bits(self, high: u32, low: u32) -> u32 {
        (self.0 >> low) & (u32::MAX >> (31 - (high - low)))
    }

    /// One bit.
    pub const fn bit(self, at: u32) -> bool {
        self.0 >> at & 1 != 0
    }
}

/// Where an instruction lies, and what it takes place under.
#[derive(Clone, Copy)]
pub struct At {
    /// Its address.
    pub pc: u32,
    /// Whether it is T32.
    pub thumb: bool,
    /// The IT state.
    pub it: u8,
    /// Its condition, 14 for none.
    pub cond: u8,
    /// Its bytes.
    pub len: u8,
}

impl At {
    /// Of a word at a location.
    pub const fn new(word: u32, location: u64) -> Self {
        let it = (location >> 32) as u8;
        let thumb = location & 1 != 0;
        let cond = match (thumb, word >> 28) {
            (true, _) if it & 15 != 0 => it >> 4,
            (true, _) | (false, 15) => 14,
            (false, cond) => cond as u8,
        };
        Self {
            pc: super::address(location) as u32,
            thumb,
            it,
            cond,
            len: if thumb && word >> 16 == 0 { 2 } else { 4 },
        }
    }

    /// What r15 reads as.
    pub const fn pc_value(self) -> u32 {
        self.pc.wrapping_add(if self.thumb { 4 } else { 8 })
    }

    /// What r15 reads as where it is the base of a literal.
    pub const fn aligned(self) -> u32 {
        self.pc_value() & !3
    }

    /// Whether it is in an IT block.
    pub const fn in_it(self) -> bool {
        self.it & 15 != 0
    }

    /// The location of a branch target in the same instruction set.
    pub const fn target(self, offset: u32) -> u64 {
        self.pc_value().wrapping_add(offset) as u64 | self.thumb as u64
    }

    /// An op of a row, with every operand at rest.
    pub const fn op(self, row: u16) -> Op {
        let mut op = Op::new(row, 0);
        op.len = self.len;
        op.cond = self.cond;
        op.it = self.it;
        op.next = self.next(if self.it & 7 == 0 {
            0
        } else {
            self.it & 0xe0 | self.it << 1 & 0x1f
        });
        op
    }

    /// The location behind, with an IT state.
    pub const fn next(self, it: u8) -> u64 {
        let pc = self.pc.wrapping_add(self.len as u32);
        (it as u64) << 32 | (pc | self.thumb as u32) as u64
    }
}

/// A source register.
pub fn src(o: &mut Op, number: u32) -> Reg {
    if number == 15 {
        o.pc |= READS;
    }
    Reg::sp(number)
}

/// A destination register; r15 selects the instruction set.
pub fn dst(o: &mut Op, number: u32) -> Reg {
    if number == 15 {
        o.pc |= WRITES | INTERWORKS;
    }
    Reg::sp(number)
}

/// The location behind is reached otherwise, unless a condition fails.
pub fn ends(o: &mut Op, at: At) {
    if at.cond == 14 {
        o.pc |= ENDS;
    }
}

/// Type and amount of a shift by immediate.
pub fn shift(o: &mut Op, kind: u32, amount: u32) {
    (o.k, o.l) = match (kind, amount) {
        (3, 0) => (4, 0),
        (1 | 2, 0) => (kind as u8, 32),
        _ => (kind as u8, amount as u8),
    };
}

/// The low `bits` of a number, sign-extended.
pub const fn signed(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as u32
}

/// An immediate that is subtracted unless `up`.
pub const fn offset(up: bool, value: u32) -> u64 {
    if up {
        value as u64
    } else {
        value.wrapping_neg() as u64
    }
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident $text:literal |$w:ident, $at:ident, $o:ident| $body:block)*) => {
        $($(#[$doc])* pub const $name: $crate::a32::format::Format = $crate::a32::format::Format {
            text: $text,
            decode: |$w, $at, $o| { let _ = ($w, $at, &$o); $body Some(()) },
        };)*
    };
}
pub(crate) use formats;

/// Destination of data processing.
fn d(w: Word, o: &mut Op) {
    o.d = dst(o, w.bits(15, 12));
}

fn n(w: Word, o: &mut Op) {
    o.n = src(o, w.bits(19, 16));
}

fn m_shift(w: Word, o: &mut Op) {
    o.m = src(o, w.bits(3, 0));
    shift(o, w.bits(6, 5), w.bits(11, 7));
    if o.d == Reg::R15 && o.m == Reg::R14 {
        o.pc |= RETURNS;
    }
}

fn m_by(w: Word, o: &mut Op) {
    o.m = src(o, w.bits(3, 0));
    o.a = src(o, w.bits(11, 8));
    o.k = w.bits(6, 5) as u8;
}

/// A rotated byte; `l` tells whether it gives the carry.
fn rotated(w: Word, o: &mut Op) {
    let by = 2 * w.bits(11, 8);
    o.imm = u64::from(w.bits(7, 0).rotate_right(by));
    o.l = u8::from(by != 0);
}

/// Flags do not come with a new program counter at EL0.
fn no_flags_to_pc(w: Word, o: &Op) -> Option<()> {
    (o.d != Reg::R15 || !w.bit(20)).then_some(())
}

/// Multiplies: d in 19:16, a in 15:12, m in 11:8, n in 3:0.
fn multiply(w: Word, o: &mut Op) {
    o.d = Reg::sp(w.bits(19, 16));
    o.a = src(o, w.bits(15, 12));
    o.m = src(o, w.bits(11, 8));
    o.n = src(o, w.bits(3, 0));
}

/// Multiplies to 64 bits: the upper word in 19:16, the lower in 15:12.
fn multiply_long(w: Word, o: &mut Op) {
    multiply(w, o);
    (o.a, o.d) = (o.d, o.a);
}

/// d in 15:12, n in 19:16, m in 3:0.
fn dnm(w: Word, o: &mut Op) {
    o.d = Reg::sp(w.bits(15, 12));
    o.n = src(o, w.bits(19, 16));
    o.m = src(o, w.bits(3, 0));
}

fn extend(w: Word, o: &mut Op) {
    dnm(w, o);
    o.l = 8 * w.bits(11, 10) as u8;
}

fn load_target(w: Word, o: &mut Op) {
    o.d = dst(o, w.bits(15, 12));
    if o.n == Reg::R13 && o.d == Reg::R15 {
        o.pc |= RETURNS;
    }
}

fn store_source(w: Word, o: &mut Op) {
    o.d = src(o, w.bits(15, 12));
}

fn imm12(w: Word, o: &mut Op) {
    o.n = src(o, w.bits(19, 16));
    o.imm = offset(w.bit(23), w.bits(11, 0));
}

fn imm8(w: Word, o: &mut Op) {
    o.n = src(o, w.bits(19, 16));
    o.imm = offset(w.bit(23), w.bits(11, 8) << 4 | w.bits(3, 0));
}

fn index(w: Word, o: &mut Op) {
    o.n = src(o, w.bits(19, 16));
    o.m = src(o, w.bits(3, 0));
    o.imm = u64::from(!w.bit(23));
}

fn index_shift(w: Word, o: &mut Op) {
    index(w, o);
    shift(o, w.bits(6, 5), w.bits(11, 7));
}

/// The second register of a pair; the first one has to be even.
fn pair(o: &mut Op) -> Option<()> {
    let first = o.d as u32;
    o.a = Reg::sp(first + 1);
    (first & 1 == 0 && first != 14).then_some(())
}

fn literal(at: At, up: bool, imm: u32) -> u64 {
    let imm = if up { imm } else { imm.wrapping_neg() };
    u64::from(at.aligned().wrapping_add(imm))
}

/// The registers of a list; loading r15 branches.
pub fn list(o: &mut Op, list: u32, load: bool) -> Option<()> {
    o.imm = u64::from(list);
    if list >> 15 != 0 {
        o.pc |= if load { WRITES | INTERWORKS } else { READS };
        if load && o.n == Reg::R13 {
            o.pc |= RETURNS;
        }
    }
    (list != 0).then_some(())
}

fn many(w: Word, o: &mut Op, load: bool) -> Option<()> {
    o.n = src(o, w.bits(19, 16));
    o.k = w.bits(21, 21) as u8;
    list(o, w.bits(15, 0), load)
}

formats! {
    NONE "" |w, at, o| {}
    D_N_IMM "{d}, {n}, {imm}" |w, at, o| { d(w, o); n(w, o); rotated(w, o); no_flags_to_pc(w, o)?; }
    D_N_SH "{d}, {n}, {m}{shift}" |w, at, o| { d(w, o); n(w, o); m_shift(w, o); no_flags_to_pc(w, o)?; }
    D_N_RS "{d}, {n}, {m}{by}" |w, at, o| { d(w, o); n(w, o); m_by(w, o); no_flags_to_pc(w, o)?; }
    N_IMM "{n}, {imm}" |w, at, o| { n(w, o); rotated(w, o); }
    N_SH "{n}, {m}{shift}" |w, at, o| { n(w, o); m_shift(w, o); }
    N_RS "{n}, {m}{by}" |w, at, o| { n(w, o); m_by(w, o); }
    D_IMM "{d}, {imm}" |w, at, o| { d(w, o); rotated(w, o); no_flags_to_pc(w, o)?; }
    D_SH "{d}, {m}{shift}" |w, at, o| { d(w, o); m_shift(w, o); no_flags_to_pc(w, o)?; }
    D_RS "{d}, {m}{by}" |w, at, o| { d(w, o); m_by(w, o); no_flags_to_pc(w, o)?; }
    /// An address near the instruction.
    ADR "{d}, {near}" |w, at, o| {
        d(w, o);
        rotated(w, o);
        let imm = o.imm as u32;
        o.imm = literal(at, w.bit(23), imm);
    }
    D_IMM16 "{d}, {imm}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.imm = u64::from(w.bits(19, 16) << 12 | w.bits(11, 0));
    }

    MUL "{d}, {n}, {m}" |w, at, o| { multiply(w, o); o.a = Reg::Zero; o.pc &= !READS; }
    MUL_A "{d}, {n}, {m}, {a}" |w, at, o| { multiply(w, o); }
    /// As MUL_A; register 15 is another instruction.
    MUL_A14 "{d}, {n}, {m}, {a}" |w, at, o| {
        multiply(w, o);
        if o.a == Reg::R15 { return None; }
    }
    MUL_LONG "{d}, {a}, {n}, {m}" |w, at, o| { multiply_long(w, o); }
    /// Saturating arithmetic.
    D_M_N "{d}, {m}, {n}" |w, at, o| { dnm(w, o); }
    D_N_M "{d}, {n}, {m}" |w, at, o| { dnm(w, o); }
    /// Never under a condition.
    CRC "{d}, {n}, {m}" |w, at, o| {
        dnm(w, o);
        if at.cond != 14 { return None; }
    }
    D_M "{d}, {m}" |w, at, o| { dnm(w, o); o.n = Reg::Zero; o.pc &= !READS; }
    D_N_EXT "{d}, {n}, {m}{ror}" |w, at, o| { extend(w, o); }
    D_EXT "{d}, {m}{ror}" |w, at, o| { extend(w, o); o.n = Reg::Zero; o.pc &= !READS; }
    D_N_EXT16 "{d}, {n}, {m}{ror}" |w, at, o| { extend(w, o); o.imm = u64::from(o.l); }
    D_EXT16 "{d}, {m}{ror}" |w, at, o| {
        extend(w, o);
        (o.n, o.imm) = (Reg::Zero, u64::from(o.l));
        o.pc &= !READS;
    }
    PACK "{d}, {n}, {m}{shift}" |w, at, o| {
        dnm(w, o);
        shift(o, w.bits(6, 6) << 1, w.bits(11, 7));
    }
    /// Saturation: the number of bits in `imm`, the source m shifted.
    SSAT "{d}, {imm}, {m}{shift}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.m = src(o, w.bits(3, 0));
        shift(o, w.bits(6, 6) << 1, w.bits(11, 7));
        o.imm = u64::from(w.bits(20, 16) + 1);
    }
    USAT "{d}, {imm}, {m}{shift}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.m = src(o, w.bits(3, 0));
        shift(o, w.bits(6, 6) << 1, w.bits(11, 7));
        o.imm = u64::from(w.bits(20, 16));
    }
    SSAT16 "{d}, {imm}, {m}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.m = src(o, w.bits(3, 0));
        o.imm = u64::from(w.bits(19, 16) + 1);
    }
    USAT16 "{d}, {imm}, {m}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.m = src(o, w.bits(3, 0));
        o.imm = u64::from(w.bits(19, 16));
    }
    /// A bit field: from bit `k`, `l` bits.
    BFX "{d}, {n}, {lsb}, {width}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.n = src(o, w.bits(3, 0));
        (o.k, o.l) = (w.bits(11, 7) as u8, w.bits(20, 16) as u8 + 1);
        if o.k + o.l > 32 { return None; }
    }
    BFI "{d}, {n}, {lsb}, {width}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.n = src(o, w.bits(3, 0));
        (o.k, o.l) = (w.bits(11, 7) as u8, (w.bits(20, 16) + 1).checked_sub(w.bits(11, 7))? as u8);
        if o.l == 0 { return None; }
    }
    BFC "{d}, {lsb}, {width}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        (o.k, o.l) = (w.bits(11, 7) as u8, (w.bits(20, 16) + 1).checked_sub(w.bits(11, 7))? as u8);
        if o.l == 0 { return None; }
    }

    BRANCH "{target}" |w, at, o| {
        (o.k, o.cond) = (at.cond, 14);
        o.imm = at.target(signed(w.bits(23, 0), 24) << 2);
        ends(o, at);
    }
    CALL "{target}" |w, at, o| { o.imm = at.target(signed(w.bits(23, 0), 24) << 2); }
    /// To T32.
    CALL_OTHER "{target}" |w, at, o| {
        o.imm = at.target(signed(w.bits(23, 0), 24) << 2 | w.bits(24, 24) << 1) | 1;
    }
    JUMP_REG "{m}" |w, at, o| { o.m = src(o, w.bits(3, 0)); ends(o, at); }
    CALL_REG "{m}" |w, at, o| { o.m = src(o, w.bits(3, 0)); }
    SVC "{imm}" |w, at, o| { o.imm = u64::from(w.bits(23, 0)); }
    BKPT "{imm}" |w, at, o| {
        o.imm = u64::from(w.bits(19, 8) << 4 | w.bits(3, 0));
        o.cond = 14;
    }
    UDF "{imm}" |w, at, o| {
        o.imm = u64::from(w.bits(19, 8) << 4 | w.bits(3, 0));
        ends(o, at);
    }
    HINT "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 0)); }
    BARRIER "{barrier}" |w, at, o| { o.imm = u64::from(w.bits(3, 0)); }
    /// Byte order: `imm` is 1 for big endian.
    SETEND "{endian}" |w, at, o| { o.imm = u64::from(w.bits(9, 9)); }
    D "{d}, CPSR" |w, at, o| { o.d = Reg::sp(w.bits(15, 12)); }
    MSR "{apsr}, {n}" |w, at, o| { o.n = src(o, w.bits(3, 0)); o.k = w.bits(19, 16) as u8; }
    MSR_IMM "{apsr}, {imm}" |w, at, o| {
        rotated(w, o);
        o.k = w.bits(19, 16) as u8;
        if o.k == 0 { return None; }
    }

    L_OFF "{d}, {off}" |w, at, o| { imm12(w, o); load_target(w, o); }
    L_PRE "{d}, {pre}" |w, at, o| { imm12(w, o); load_target(w, o); }
    L_POST "{d}, {post}" |w, at, o| { imm12(w, o); load_target(w, o); }
    L_LITERAL "{d}, {literal}" |w, at, o| {
        load_target(w, o);
        o.imm = literal(at, w.bit(23), w.bits(11, 0));
    }
    L_OFF_R "{d}, {offr}" |w, at, o| { index_shift(w, o); load_target(w, o); }
    L_PRE_R "{d}, {prer}" |w, at, o| { index_shift(w, o); load_target(w, o); }
    L_POST_R "{d}, {postr}" |w, at, o| { index_shift(w, o); load_target(w, o); }
    S_OFF "{d}, {off}" |w, at, o| { imm12(w, o); store_source(w, o); }
    S_PRE "{d}, {pre}" |w, at, o| { imm12(w, o); store_source(w, o); }
    S_POST "{d}, {post}" |w, at, o| { imm12(w, o); store_source(w, o); }
    S_OFF_R "{d}, {offr}" |w, at, o| { index_shift(w, o); store_source(w, o); }
    S_PRE_R "{d}, {prer}" |w, at, o| { index_shift(w, o); store_source(w, o); }
    S_POST_R "{d}, {postr}" |w, at, o| { index_shift(w, o); store_source(w, o); }
    /// Halves, signed bytes: an immediate of eight bits, or a register unshifted.
    H_OFF "{d}, {off}" |w, at, o| { imm8(w, o); store_source(w, o); }
    H_PRE "{d}, {pre}" |w, at, o| { imm8(w, o); store_source(w, o); }
    H_POST "{d}, {post}" |w, at, o| { imm8(w, o); store_source(w, o); }
    H_LITERAL "{d}, {literal}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.imm = literal(at, w.bit(23), w.bits(11, 8) << 4 | w.bits(3, 0));
    }
    H_OFF_R "{d}, {offr}" |w, at, o| { index(w, o); store_source(w, o); }
    H_PRE_R "{d}, {prer}" |w, at, o| { index(w, o); store_source(w, o); }
    H_POST_R "{d}, {postr}" |w, at, o| { index(w, o); store_source(w, o); }
    /// Two words.
    P_OFF "{d}, {a}, {off}" |w, at, o| { imm8(w, o); store_source(w, o); pair(o)?; }
    P_PRE "{d}, {a}, {pre}" |w, at, o| { imm8(w, o); store_source(w, o); pair(o)?; }
    P_POST "{d}, {a}, {post}" |w, at, o| { imm8(w, o); store_source(w, o); pair(o)?; }
    P_LITERAL "{d}, {a}, {literal}" |w, at, o| {
        o.d = Reg::sp(w.bits(15, 12));
        o.imm = literal(at, w.bit(23), w.bits(11, 8) << 4 | w.bits(3, 0));
        pair(o)?;
    }
    P_OFF_R "{d}, {a}, {offr}" |w, at, o| { index(w, o); store_source(w, o); pair(o)?; }
    P_PRE_R "{d}, {a}, {prer}" |w, at, o| { index(w, o); store_source(w, o); pair(o)?; }
    P_POST_R "{d}, {a}, {postr}" |w, at, o| { index(w, o); store_source(w, o); pair(o)?; }
    PRELOAD "{off}" |w, at, o| { imm12(w, o); }
    PRELOAD_R "{offr}" |w, at, o| { index_shift(w, o); }
    L_MANY "{n}{moves}, {list}" |w, at, o| { many(w, o, true)?; }
    S_MANY "{n}{moves}, {list}" |w, at, o| { many(w, o, false)?; }
    POP "{list}" |w, at, o| { many(w, o, true)?; }
    PUSH "{list}" |w, at, o| { many(w, o, false)?; }
    /// Exclusives and ordered accesses: d is transferred, m is the status.
    L_BASE "{d}, [{n}]" |w, at, o| { o.n = src(o, w.bits(19, 16)); o.d = Reg::sp(w.bits(15, 12)); }
    L_BASE2 "{d}, {a}, [{n}]" |w, at, o| {
        o.n = src(o, w.bits(19, 16));
        o.d = Reg::sp(w.bits(15, 12));
        pair(o)?;
    }
    S_BASE "{d}, [{n}]" |w, at, o| { o.n = src(o, w.bits(19, 16)); o.d = src(o, w.bits(3, 0)); }
    S_STATUS "{m}, {d}, [{n}]" |w, at, o| {
        o.n = src(o, w.bits(19, 16));
        o.d = src(o, w.bits(3, 0));
        o.m = Reg::sp(w.bits(15, 12));
    }
    S_STATUS2 "{m}, {d}, {a}, [{n}]" |w, at, o| {
        o.n = src(o, w.bits(19, 16));
        o.d = src(o, w.bits(3, 0));
        o.m = Reg::sp(w.bits(15, 12));
        pair(o)?;
    }
}
