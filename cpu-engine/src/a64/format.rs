//! Operand formats of A64: how the bits of a word become operands.
//!
//! A format holds the text template of the operands and the decoder. Decoders answer `None` for
//! field values that the architecture leaves unallocated.

use crate::op::{Op, Reg};

/// An operand format.
#[derive(Clone, Copy)]
pub struct Format {
    /// The template of the text; see [`super::print`].
    pub text: &'static str,
    /// Fills in the operands of a word at an address.
    pub decode: fn(Word, u64, &mut Op) -> Option<()>,
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

    /// Bits `high` down to `low`, sign-extended.
    pub const fn signed(self, high: u32, low: u32) -> i64 {
        let unused = 63 - (high - low);
        ((self.bits(high, low) as u64) << unused) as i64 >> unused
    }

    const fn wide(self) -> bool {
        self.bit(31)
    }

    /// log2 of the bytes a single-register load or store transfers.
    pub const fn scale(self) -> u32 {
        if self.bit(26) {
            self.bits(23, 23) << 2 | self.bits(31, 30)
        } else {
            self.bits(31, 30)
        }
    }

    /// log2 of the bytes each register of a load or store pair transfers.
    pub const fn pair_scale(self) -> u32 {
        if self.bit(26) {
            2 + self.bits(31, 30)
        } else {
            2 + self.bits(31, 31)
        }
    }
}

/// The mask of a logical immediate, or `None` where unallocated.
pub fn logical_immediate(word: Word) -> Option<u64> {
    let (n, r, s) = (word.bits(22, 22), word.bits(21, 16), word.bits(15, 10));
    let pattern = n << 6 | (!s & 63);
    if pattern < 2 || (n == 1 && !word.wide()) {
        return None;
    }
    let len = 31 - pattern.leading_zeros();
    let size = 1u32 << len;
    let (s, r) = (s & (size - 1), r & (size - 1));
    if s == size - 1 {
        return None;
    }
    let ones = (1u64 << (s + 1)) - 1;
    let element = ones >> r | if r == 0 { 0 } else { ones << (size - r) };
    let element = if size == 64 {
        element
    } else {
        element & ((1 << size) - 1)
    };
    let mut mask = 0;
    let mut at = 0;
    while at < 64 {
        mask |= element << at;
        at += size;
    }
    Some(mask)
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident $text:literal |$w:ident, $pc:ident, $o:ident| $body:block)*) => {
        $($(#[$doc])* pub const $name: Format = Format {
            text: $text,
            decode: |$w, $pc, $o| { let _ = $pc; $body Some(()) },
        };)*
    };
}

/// Destination, and two sources, each a general register or zero.
fn rrr(w: Word, o: &mut Op) {
    o.d = Reg::dst(w.bits(4, 0));
    o.n = Reg::src(w.bits(9, 5));
    o.m = Reg::src(w.bits(20, 16));
    o.a = Reg::src(w.bits(14, 10));
}

/// As [`rrr`], vector registers.
fn vvv(w: Word, o: &mut Op) {
    o.d = Reg::sp(w.bits(4, 0));
    o.n = Reg::sp(w.bits(9, 5));
    o.m = Reg::sp(w.bits(20, 16));
    o.a = Reg::sp(w.bits(14, 10));
}

/// The transfer registers of a load or store; `load` says which it is.
fn transfer(w: Word, o: &mut Op, load: bool) {
    o.n = Reg::sp(w.bits(9, 5));
    let pick = match (w.bit(26), load) {
        (true, _) => Reg::sp,
        (false, true) => Reg::dst,
        (false, false) => Reg::src,
    };
    o.d = pick(w.bits(4, 0));
    o.a = pick(w.bits(14, 10));
}

fn single(w: Word, o: &mut Op) {
    let load = if w.bit(26) {
        w.bit(22)
    } else {
        w.bits(23, 22) != 0
    };
    transfer(w, o, load);
}

fn branch(pc: u64, offset: i64) -> u64 {
    pc.wrapping_add((offset << 2) as u64)
}

/// The element size from bits 23:22 and the operand size from bit 30.
fn vector_size(w: Word, o: &mut Op) {
    o.k = w.bits(23, 22) as u8;
    o.l = 8 << w.bits(30, 30);
}

/// A vector of 64-bit elements needs 128 bits.
fn not_1d(o: &Op) -> Option<()> {
    (o.k != 3 || o.l == 16).then_some(())
}

/// The floating-point element size from bit 22, the operand size from bit 30.
fn fp_vector_size(w: Word, o: &mut Op) {
    o.k = 2 + w.bits(22, 22) as u8;
    o.l = 8 << w.bits(30, 30);
}

/// The floating-point type of scalar operations: single, double, half.
fn fp_type(w: Word, o: &mut Op) -> Option<()> {
    o.k = match w.bits(23, 22) {
        0 => 2,
        1 => 3,
        3 => 1,
        _ => return None,
    };
    o.l = 1 << o.k;
    Some(())
}

/// The eight bits of a floating-point immediate, expanded to a type.
pub fn fp_immediate(log2: u8, imm8: u32) -> u64 {
    let (exponent_bits, fraction_bits) = match log2 {
        1 => (5u32, 10u32),
        2 => (8, 23),
        _ => (11, 52),
    };
    let sign = u64::from(imm8 >> 7);
    let b = u64::from(imm8 >> 6 & 1);
    let run = if b == 1 {
        (1u64 << (exponent_bits - 3)) - 1
    } else {
        0
    };
    let exponent = (b ^ 1) << (exponent_bits - 1) | run << 2 | u64::from(imm8 >> 4 & 3);
    sign << (exponent_bits + fraction_bits)
        | exponent << fraction_bits
        | u64::from(imm8 & 15) << (fraction_bits - 4)
}

/// The 64-bit pattern of an Advanced SIMD modified immediate.
pub fn modified_immediate(w: Word) -> u64 {
    let imm8 = u64::from(w.bits(18, 16) << 5 | w.bits(9, 5));
    let (cmode, op) = (w.bits(15, 12), w.bit(29));
    let twice = |v: u64| v << 32 | v;
    let four = |v: u64| twice(v << 16 | v);
    match (cmode >> 1, cmode & 1, op) {
        (n @ 0..=3, _, _) => twice(imm8 << (8 * n)),
        (n @ 4..=5, _, _) => four(imm8 << (8 * (n - 4))),
        (6, 0, _) => twice(imm8 << 8 | 0xff),
        (6, _, _) => twice(imm8 << 16 | 0xffff),
        (_, 0, false) => imm8 * 0x0101_0101_0101_0101,
        (_, 0, true) => (0..8)
            .filter(|bit| imm8 >> bit & 1 != 0)
            .fold(0, |mask, bit| mask | 0xff << (8 * bit)),
        (_, _, false) => twice(fp_immediate(2, imm8 as u32)),
        (_, _, true) => fp_immediate(3, imm8 as u32),
    }
}

/// Element size and amount of a shift by immediate: `k`, and bits 22:16 in `imm`.
fn shift_size(w: Word, o: &mut Op) -> Option<()> {
    let high = w.bits(22, 19);
    if high == 0 {
        return None;
    }
    o.k = 31 - high.leading_zeros() as u8;
    o.imm = u64::from(w.bits(22, 16));
    Some(())
}

/// `imm` becomes the amount of a right shift.
fn right(o: &mut Op) {
    o.imm = (16 << o.k) - o.imm;
}

/// `imm` becomes the amount of a left shift.
fn left(o: &mut Op) {
    o.imm -= 8 << o.k;
}

/// The element of a by-element operation: its register and index.
fn element(w: Word, o: &mut Op) -> Option<()> {
    let (h, l, m) = (w.bits(11, 11), w.bits(21, 21), w.bits(20, 20));
    o.imm = u64::from(match o.k {
        1 => {
            o.m = Reg::sp(w.bits(19, 16));
            h << 2 | l << 1 | m
        }
        2 => h << 1 | l,
        3 if l == 0 => h,
        _ => return None,
    });
    Some(())
}

/// Element size and index of `imm5`, as copies between lanes have them.
fn lane(w: Word, o: &mut Op) -> Option<()> {
    let imm5 = w.bits(20, 16);
    if imm5 & 15 == 0 {
        return None;
    }
    o.k = imm5.trailing_zeros() as u8;
    o.imm = u64::from(imm5 >> (o.k + 1));
    Some(())
}

/// Registers and element size of a load or store of one structure to a lane: `k` is log2 of the
/// element's bytes, `imm` the lane.
fn structure_lane(w: Word, o: &mut Op) -> Option<()> {
    let index = w.bits(30, 30) << 3 | w.bits(12, 10);
    (o.k, o.imm) = match (w.bits(15, 14), w.bits(11, 10)) {
        (0, _) => (0, u64::from(index)),
        (1, size) if size & 1 == 0 => (1, u64::from(index >> 1)),
        (2, 0) => (2, u64::from(index >> 2)),
        (2, 1) if !w.bit(12) => (3, u64::from(index >> 3)),
        _ => return None,
    };
    Some(())
}

fn structure(w: Word, o: &mut Op) {
    o.d = Reg::sp(w.bits(4, 0));
    o.n = Reg::sp(w.bits(9, 5));
    o.m = Reg::src(w.bits(20, 16));
    o.k = w.bits(11, 10) as u8;
    o.l = 8 << w.bits(30, 30);
}

formats! {
    /// No operands.
    NONE "" |_w, _pc, _o| {}
    /// A 16-bit immediate.
    IMM16 "{imm16}" |w, _pc, o| { o.imm = u64::from(w.bits(15, 0)); }
    /// The immediate of an instruction that leaves.
    EXC "{exc}" |_w, _pc, _o| {}
    /// A hint's number.
    HINT "{hint}" |w, _pc, o| { o.imm = u64::from(w.bits(11, 5)); }
    /// A barrier's domain.
    BARRIER "{barrier}" |_w, _pc, _o| {}

    ADR "{xd}, {adr}" |w, pc, o| {
        rrr(w, o);
        o.imm = pc.wrapping_add((w.signed(23, 5) << 2) as u64 | u64::from(w.bits(30, 29)));
    }
    ADRP "{xd}, {adrp}" |w, pc, o| {
        rrr(w, o);
        let pages = (w.signed(23, 5) << 2) | i64::from(w.bits(30, 29));
        o.imm = (pc & !0xfff).wrapping_add((pages << 12) as u64);
    }
    ADD_IMM "{rd|sp}, {rn|sp}, {imm12}" |w, _pc, o| {
        o.d = Reg::sp(w.bits(4, 0));
        o.n = Reg::sp(w.bits(9, 5));
        o.imm = u64::from(w.bits(21, 10)) << (12 * w.bits(22, 22));
    }
    ADDS_IMM "{rd}, {rn|sp}, {imm12}" |w, _pc, o| {
        o.d = Reg::dst(w.bits(4, 0));
        o.n = Reg::sp(w.bits(9, 5));
        o.imm = u64::from(w.bits(21, 10)) << (12 * w.bits(22, 22));
    }
    LOGICAL_IMM "{rd|sp}, {rn}, {bitmask}" |w, _pc, o| {
        o.d = Reg::sp(w.bits(4, 0));
        o.n = Reg::src(w.bits(9, 5));
        o.imm = logical_immediate(w)?;
    }
    ANDS_IMM "{rd}, {rn}, {bitmask}" |w, _pc, o| {
        rrr(w, o);
        o.imm = logical_immediate(w)?;
    }
    MOV_WIDE "{rd}, {imm16w}" |w, _pc, o| {
        o.d = Reg::dst(w.bits(4, 0));
        o.n = Reg::src(w.bits(4, 0));
        o.k = 16 * w.bits(22, 21) as u8;
        if !w.wide() && o.k > 16 {
            return None;
        }
        o.imm = u64::from(w.bits(20, 5)) << o.k;
    }
    BITFIELD "{rd}, {rn}, {immr}, {imms}" |w, _pc, o| {
        rrr(w, o);
        o.a = Reg::src(w.bits(4, 0));
        (o.k, o.l) = (w.bits(21, 16) as u8, w.bits(15, 10) as u8);
        if w.bit(22) != w.wide() || (!w.wide() && (o.k | o.l) & 32 != 0) {
            return None;
        }
    }
    EXTRACT "{rd}, {rn}, {rm}, {imms}" |w, _pc, o| {
        rrr(w, o);
        o.k = w.bits(15, 10) as u8;
        if w.bit(22) != w.wide() || (!w.wide() && o.k & 32 != 0) {
            return None;
        }
    }
    BRANCH26 "{label26}" |w, pc, o| { o.imm = branch(pc, w.signed(25, 0)); }
    BRANCH_COND "{label19}" |w, pc, o| {
        o.k = w.bits(3, 0) as u8;
        o.imm = branch(pc, w.signed(23, 5));
    }
    BRANCH_ZERO "{rt}, {label19}" |w, pc, o| {
        o.d = Reg::src(w.bits(4, 0));
        o.imm = branch(pc, w.signed(23, 5));
    }
    BRANCH_BIT "{rtb}, {bit}, {label14}" |w, pc, o| {
        o.d = Reg::src(w.bits(4, 0));
        o.k = (w.bits(31, 31) << 5 | w.bits(23, 19)) as u8;
        o.imm = branch(pc, w.signed(18, 5));
    }
    BRANCH_REG "{xn}" |w, _pc, o| { o.n = Reg::src(w.bits(9, 5)); }
    SYSREG_READ "{xd}, {sysreg}" |w, _pc, o| { o.d = Reg::dst(w.bits(4, 0)); }
    SYSREG_WRITE "{sysreg}, {xd}" |w, _pc, o| { o.d = Reg::src(w.bits(4, 0)); }
    SYS_ADDR "{sysop}, {xd}" |w, _pc, o| { o.d = Reg::src(w.bits(4, 0)); }
    SHIFTED "{rd}, {rn}, {rm}{shift}" |w, _pc, o| {
        rrr(w, o);
        (o.k, o.l) = (w.bits(23, 22) as u8, w.bits(15, 10) as u8);
        if !w.wide() && o.l & 32 != 0 {
            return None;
        }
    }
    EXTENDED "{rd|sp}, {rn|sp}, {extended}" |w, _pc, o| {
        o.d = Reg::sp(w.bits(4, 0));
        o.n = Reg::sp(w.bits(9, 5));
        o.m = Reg::src(w.bits(20, 16));
        (o.k, o.l) = (w.bits(15, 13) as u8, w.bits(12, 10) as u8);
        if o.l > 4 {
            return None;
        }
    }
    EXTENDED_S "{rd}, {rn|sp}, {extended}" |w, _pc, o| {
        o.d = Reg::dst(w.bits(4, 0));
        o.n = Reg::sp(w.bits(9, 5));
        o.m = Reg::src(w.bits(20, 16));
        (o.k, o.l) = (w.bits(15, 13) as u8, w.bits(12, 10) as u8);
        if o.l > 4 {
            return None;
        }
    }
    RRR "{rd}, {rn}, {rm}" |w, _pc, o| { rrr(w, o); }
    RRRR "{rd}, {rn}, {rm}, {ra}" |w, _pc, o| { rrr(w, o); }
    RRRR_LONG "{xd}, {wn}, {wm}, {xa}" |w, _pc, o| { rrr(w, o); }
    RRR_LONG "{xd}, {xn}, {xm}" |w, _pc, o| { rrr(w, o); }
    RRR_CRC "{wd}, {wn}, {wm}" |w, _pc, o| { rrr(w, o); }
    RRR_CRCX "{wd}, {wn}, {xm}" |w, _pc, o| { rrr(w, o); }
    RR "{rd}, {rn}" |w, _pc, o| { rrr(w, o); }
    COMPARE_REG "{rn}, {rm}, {nzcv}, {cond}" |w, _pc, o| {
        rrr(w, o);
        (o.k, o.l) = (w.bits(15, 12) as u8, w.bits(3, 0) as u8);
    }
    COMPARE_IMM "{rn}, {imm5}, {nzcv}, {cond}" |w, _pc, o| {
        rrr(w, o);
        (o.k, o.l) = (w.bits(15, 12) as u8, w.bits(3, 0) as u8);
        o.imm = u64::from(w.bits(20, 16));
    }
    SELECT "{rd}, {rn}, {rm}, {cond}" |w, _pc, o| {
        rrr(w, o);
        o.k = w.bits(15, 12) as u8;
    }

    LOAD_LITERAL "{tl}, {label19}" |w, pc, o| {
        o.d = if w.bit(26) { Reg::sp(w.bits(4, 0)) } else { Reg::dst(w.bits(4, 0)) };
        o.imm = branch(pc, w.signed(23, 5));
    }
    OFFSET "{t}, [{xn|sp}{uimm}]" |w, _pc, o| {
        single(w, o);
        o.imm = u64::from(w.bits(21, 10)) << w.scale();
    }
    UNSCALED "{t}, [{xn|sp}{simm9}]" |w, _pc, o| {
        single(w, o);
        o.imm = w.signed(20, 12) as u64;
    }
    POST "{t}, [{xn|sp}], {simm9w}" |w, _pc, o| {
        single(w, o);
        o.imm = w.signed(20, 12) as u64;
    }
    PRE "{t}, [{xn|sp}, {simm9w}]!" |w, _pc, o| {
        single(w, o);
        o.imm = w.signed(20, 12) as u64;
    }
    INDEXED "{t}, [{xn|sp}, {index}]" |w, _pc, o| {
        single(w, o);
        o.m = Reg::src(w.bits(20, 16));
        o.k = w.bits(15, 13) as u8;
        o.l = (w.bits(12, 12) * w.scale()) as u8;
        if o.k & 2 == 0 {
            return None;
        }
    }
    PAIR "{t}, {t2}, [{xn|sp}{simm7}]" |w, _pc, o| {
        transfer(w, o, w.bit(22));
        o.imm = (w.signed(21, 15) << w.pair_scale()) as u64;
    }
    PAIR_POST "{t}, {t2}, [{xn|sp}], {simm7w}" |w, _pc, o| {
        transfer(w, o, w.bit(22));
        o.imm = (w.signed(21, 15) << w.pair_scale()) as u64;
    }
    PAIR_PRE "{t}, {t2}, [{xn|sp}, {simm7w}]!" |w, _pc, o| {
        transfer(w, o, w.bit(22));
        o.imm = (w.signed(21, 15) << w.pair_scale()) as u64;
    }
    /// As PAIR, words that are sign-extended.
    PAIR_SW "{xt}, {xt2}, [{xn|sp}{simm7}]" |w, _pc, o| {
        transfer(w, o, true);
        o.imm = (w.signed(21, 15) << 2) as u64;
    }
    PAIR_SW_POST "{xt}, {xt2}, [{xn|sp}], {simm7w}" |w, _pc, o| {
        transfer(w, o, true);
        o.imm = (w.signed(21, 15) << 2) as u64;
    }
    PAIR_SW_PRE "{xt}, {xt2}, [{xn|sp}, {simm7w}]!" |w, _pc, o| {
        transfer(w, o, true);
        o.imm = (w.signed(21, 15) << 2) as u64;
    }
    /// Exclusive and ordered loads.
    LOAD_ORDERED "{te}, [{xn|sp}]" |w, _pc, o| { transfer(w, o, true); }
    LOAD_ORDERED2 "{te}, {te2}, [{xn|sp}]" |w, _pc, o| { transfer(w, o, true); }
    STORE_ORDERED "{te}, [{xn|sp}]" |w, _pc, o| { transfer(w, o, false); }
    /// Exclusive stores: `m` takes the status.
    STORE_EXCLUSIVE "{ws}, {te}, [{xn|sp}]" |w, _pc, o| {
        transfer(w, o, false);
        o.m = Reg::dst(w.bits(20, 16));
    }
    STORE_EXCLUSIVE2 "{ws}, {te}, {te2}, [{xn|sp}]" |w, _pc, o| {
        transfer(w, o, false);
        o.m = Reg::dst(w.bits(20, 16));
    }
    /// Atomic read-modify-write: `m` gives, `d` takes.
    ATOMIC "{ts}, {te}, [{xn|sp}]" |w, _pc, o| {
        transfer(w, o, true);
        o.m = Reg::src(w.bits(20, 16));
    }
    /// Compare and swap: `a` is compared, `m` takes, `d` is stored.
    COMPARE_SWAP "{ts}, {te}, [{xn|sp}]" |w, _pc, o| {
        transfer(w, o, false);
        o.a = Reg::src(w.bits(20, 16));
        o.m = Reg::dst(w.bits(20, 16));
    }
    COMPARE_SWAP2 "{ts}, {ts1}, {te}, {te1}, [{xn|sp}]" |w, _pc, o| {
        transfer(w, o, false);
        o.a = Reg::src(w.bits(20, 16));
        o.m = Reg::dst(w.bits(20, 16));
        if w.bit(0) || w.bit(16) {
            return None;
        }
    }
    STRUCTURES "{list}, [{xn|sp}]" |w, _pc, o| {
        structure(w, o);
        if !matches!(w.bits(15, 12), 0b0010 | 0b0110 | 0b0111 | 0b1010) {
            not_1d(o)?;
        }
    }
    STRUCTURES_POST "{list}, [{xn|sp}], {postx}" |w, _pc, o| {
        structure(w, o);
        if !matches!(w.bits(15, 12), 0b0010 | 0b0110 | 0b0111 | 0b1010) {
            not_1d(o)?;
        }
    }
    STRUCTURE_LANE "{lanes}, [{xn|sp}]" |w, _pc, o| {
        structure(w, o);
        structure_lane(w, o)?;
    }
    STRUCTURE_LANE_POST "{lanes}, [{xn|sp}], {postl}" |w, _pc, o| {
        structure(w, o);
        structure_lane(w, o)?;
    }
    STRUCTURE_ALL "{listr}, [{xn|sp}]" |w, _pc, o| { structure(w, o); }
    STRUCTURE_ALL_POST "{listr}, [{xn|sp}], {postl}" |w, _pc, o| { structure(w, o); }

    /// Scalar floating point of the type in bits 23:22.
    F_RR "{fd}, {fn}" |w, _pc, o| { vvv(w, o); fp_type(w, o)?; }
    F_RRR "{fd}, {fn}, {fm}" |w, _pc, o| { vvv(w, o); fp_type(w, o)?; }
    F_RRRR "{fd}, {fn}, {fm}, {fa}" |w, _pc, o| { vvv(w, o); fp_type(w, o)?; }
    F_IMM "{fd}, {fimm}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.imm = fp_immediate(o.k, w.bits(20, 13));
    }
    /// `k` is the type converted from.
    F_CVT "{fcvtd}, {fn}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.l = match w.bits(16, 15) { 0 => 2, 1 => 3, 3 => 1, _ => return None };
        if o.l == o.k {
            return None;
        }
    }
    F_COMPARE "{fn}, {fm}" |w, _pc, o| { vvv(w, o); fp_type(w, o)?; }
    F_COMPARE_ZERO "{fn}, #0.0" |w, _pc, o| { vvv(w, o); fp_type(w, o)?; }
    F_COMPARE_IF "{fn}, {fm}, {nzcv}, {cond}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.a = Reg::Zero;
        o.l = w.bits(3, 0) as u8;
        o.imm = u64::from(w.bits(15, 12));
    }
    F_SELECT "{fd}, {fn}, {fm}, {cond}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.imm = u64::from(w.bits(15, 12));
    }
    /// Floating point to a general register: `l` is the width of the integer in bits.
    F_TO_INT "{rd}, {fn}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.d = Reg::dst(w.bits(4, 0));
        o.l = 32 << w.bits(31, 31);
    }
    F_FROM_INT "{fd}, {rn}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.n = Reg::src(w.bits(9, 5));
        o.l = 32 << w.bits(31, 31);
    }
    /// Fixed point: `imm` is the number of fraction bits.
    F_TO_FIXED "{rd}, {fn}, {fbits}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.d = Reg::dst(w.bits(4, 0));
        o.l = 32 << w.bits(31, 31);
        o.imm = 64 - u64::from(w.bits(15, 10));
        if o.imm > u64::from(o.l) {
            return None;
        }
    }
    F_FROM_FIXED "{fd}, {rn}, {fbits}" |w, _pc, o| {
        vvv(w, o);
        fp_type(w, o)?;
        o.n = Reg::src(w.bits(9, 5));
        o.l = 32 << w.bits(31, 31);
        o.imm = 64 - u64::from(w.bits(15, 10));
        if o.imm > u64::from(o.l) {
            return None;
        }
    }
    /// Bits between a general register and the top half of a vector register.
    F_TOP_TO_INT "{xd}, {vntop}" |w, _pc, o| { vvv(w, o); o.d = Reg::dst(w.bits(4, 0)); o.k = 3; }
    F_TOP_FROM_INT "{vdtop}, {xn}" |w, _pc, o| { vvv(w, o); o.n = Reg::src(w.bits(9, 5)); o.k = 3; }

    /// Three vectors of one arrangement.
    V3 "{vd}, {vn}, {vm}" |w, _pc, o| { vvv(w, o); vector_size(w, o); not_1d(o)?; }
    /// As V3, without 64-bit elements.
    V3_BHS "{vd}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V3_HS "{vd}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 || o.k == 0 { return None; }
    }
    V3_B "{vd}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k != 0 { return None; }
    }
    /// Bytes whatever bits 23:22 say.
    V3_BITS "{vdb}, {vnb}, {vmb}" |w, _pc, o| { vvv(w, o); vector_size(w, o); o.k = 0; }
    V3_FP "{vdf}, {vnf}, {vmf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); not_1d(o)?; }
    /// Dot products: `k` is the accumulator's element.
    V3_DOT "{vd}, {vnd}, {vmd}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k != 2 { return None; }
    }
    S3 "{sd}, {sn}, {sm}" |w, _pc, o| { vvv(w, o); vector_size(w, o); o.l = 1 << o.k; }
    S3_D "{sd}, {sn}, {sm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 8;
        if o.k != 3 { return None; }
    }
    S3_HS "{sd}, {sn}, {sm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 1 << o.k;
        if o.k == 3 || o.k == 0 { return None; }
    }
    S3_FP "{sdf}, {snf}, {smf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); o.l = 1 << o.k; }
    /// Different widths: `k` is the narrow element, `l` is 16 for the upper half.
    V3_LONG "{vdl}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V3_LONG_HS "{vdl}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 || o.k == 0 { return None; }
    }
    V3_WIDE "{vdl}, {vnl}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V3_NARROW "{vd}, {vnl}, {vml}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V3_PMULL "{vdl}, {vn}, {vm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 1 || o.k == 2 { return None; }
    }
    S3_LONG "{sdl}, {sn}, {sm}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 1 << o.k;
        if o.k == 3 || o.k == 0 { return None; }
    }
    V2 "{vd}, {vn}" |w, _pc, o| { vvv(w, o); vector_size(w, o); not_1d(o)?; }
    V2_BHS "{vd}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V2_BH "{vd}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k > 1 { return None; }
    }
    V2_B "{vd}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k != 0 { return None; }
    }
    V2_BITS "{vdb}, {vnb}" |w, _pc, o| { vvv(w, o); vector_size(w, o); o.k = 0; }
    V2_S "{vd}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k != 2 { return None; }
    }
    V2_ZERO "{vd}, {vn}, #0" |w, _pc, o| { vvv(w, o); vector_size(w, o); not_1d(o)?; }
    V2_FP "{vdf}, {vnf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); not_1d(o)?; }
    V2_FP_ZERO "{vdf}, {vnf}, #0.0" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); not_1d(o)?; }
    /// Pairs of lanes become one of twice the width.
    V2_PAIRS "{vdl2}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V2_NARROW "{vd}, {vnl}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    V2_LONG "{vdl}, {vn}, {shll}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 { return None; }
    }
    /// Floating-point narrowing and lengthening: `k` is the narrow type.
    V2_FP_NARROW "{vdfn}, {vnfl}" |w, _pc, o| { vvv(w, o); o.k = 1 + w.bits(22, 22) as u8; o.l = 8 << w.bits(30, 30); }
    V2_FP_LONG "{vdfl}, {vnfn}" |w, _pc, o| { vvv(w, o); o.k = 1 + w.bits(22, 22) as u8; o.l = 8 << w.bits(30, 30); }
    S2 "{sd}, {sn}" |w, _pc, o| { vvv(w, o); vector_size(w, o); o.l = 1 << o.k; }
    S2_D "{sd}, {sn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 8;
        if o.k != 3 { return None; }
    }
    S2_ZERO "{sd}, {sn}, #0" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 8;
        if o.k != 3 { return None; }
    }
    S2_FP "{sdf}, {snf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); o.l = 1 << o.k; }
    S2_FP_ZERO "{sdf}, {snf}, #0.0" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); o.l = 1 << o.k; }
    S2_NARROW "{sd}, {snl}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 1 << o.k;
        if o.k == 3 { return None; }
    }
    S2_FP_NARROW "{sdfn}, {snfl}" |w, _pc, o| { vvv(w, o); o.k = 2; o.l = 4; }
    /// Pairwise to a scalar.
    S_PAIR "{sd}, {vn2d}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        o.l = 16;
        if o.k != 3 { return None; }
    }
    S_PAIR_FP "{sdf}, {vnfp}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); o.l = 2 << o.k; }
    ACROSS "{sd}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 || (o.k == 2 && o.l == 8) { return None; }
    }
    ACROSS_LONG "{sdl}, {vn}" |w, _pc, o| {
        vvv(w, o);
        vector_size(w, o);
        if o.k == 3 || (o.k == 2 && o.l == 8) { return None; }
    }
    ACROSS_FP "{sdf}, {vnf}" |w, _pc, o| { vvv(w, o); o.k = 2; o.l = 16; }

    MODIFIED_IMM "{vdm}, {mimm}" |w, _pc, o| {
        vvv(w, o);
        o.l = 8 << w.bits(30, 30);
        o.imm = modified_immediate(w);
    }
    MODIFIED_IMM_D "{vdm}, {mimm}" |w, _pc, o| {
        vvv(w, o);
        o.l = 16;
        o.imm = modified_immediate(w);
    }
    MODIFIED_IMM_S "{dd}, {mimm}" |w, _pc, o| {
        vvv(w, o);
        o.l = 8;
        o.imm = modified_immediate(w);
    }
    V_RIGHT "{vdi}, {vni}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8 << w.bits(30, 30);
        not_1d(o)?;
        right(o);
    }
    V_LEFT "{vdi}, {vni}, {left}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8 << w.bits(30, 30);
        not_1d(o)?;
        left(o);
    }
    S_RIGHT_D "{sdi}, {sni}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8;
        if o.k != 3 { return None; }
        right(o);
    }
    S_LEFT_D "{sdi}, {sni}, {left}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8;
        if o.k != 3 { return None; }
        left(o);
    }
    S_LEFT "{sdi}, {sni}, {left}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 1 << o.k;
        left(o);
    }
    V_RIGHT_NARROW "{vdi}, {vnil}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8 << w.bits(30, 30);
        if o.k == 3 { return None; }
        right(o);
    }
    S_RIGHT_NARROW "{sdi}, {snil}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 1 << o.k;
        if o.k == 3 { return None; }
        right(o);
    }
    V_LEFT_LONG "{vdil}, {vni}, {left}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8 << w.bits(30, 30);
        if o.k == 3 { return None; }
        left(o);
    }
    /// Fixed point: `imm` is the number of fraction bits.
    V_FIXED "{vdi}, {vni}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 8 << w.bits(30, 30);
        not_1d(o)?;
        if o.k < 2 { return None; }
        right(o);
    }
    S_FIXED "{sdi}, {sni}, {right}" |w, _pc, o| {
        vvv(w, o);
        shift_size(w, o)?;
        o.l = 1 << o.k;
        if o.k < 2 { return None; }
        right(o);
    }
    /// By element: `imm` is the index.
    V_ELEMENT "{vd}, {vn}, {element}" |w, _pc, o| { vvv(w, o); vector_size(w, o); if o.k == 3 { return None; } element(w, o)?; }
    V_ELEMENT_LONG "{vdl}, {vn}, {element}" |w, _pc, o| { vvv(w, o); vector_size(w, o); if o.k == 3 { return None; } element(w, o)?; }
    V_ELEMENT_FP "{vdf}, {vnf}, {elementf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); not_1d(o)?; element(w, o)?; }
    V_ELEMENT_DOT "{vd}, {vnd}, {elementd}" |w, _pc, o| { vvv(w, o); vector_size(w, o); if o.k != 2 { return None; } element(w, o)?; }
    S_ELEMENT "{sd}, {sn}, {element}" |w, _pc, o| { vvv(w, o); vector_size(w, o); if o.k == 3 { return None; } o.l = 1 << o.k; element(w, o)?; }
    S_ELEMENT_LONG "{sdl}, {sn}, {element}" |w, _pc, o| { vvv(w, o); vector_size(w, o); if o.k == 3 { return None; } o.l = 1 << o.k; element(w, o)?; }
    S_ELEMENT_FP "{sdf}, {snf}, {elementf}" |w, _pc, o| { vvv(w, o); fp_vector_size(w, o); o.l = 1 << o.k; element(w, o)?; }

    DUP_ELEMENT "{vdx}, {vnx}" |w, _pc, o| {
        vvv(w, o);
        lane(w, o)?;
        o.l = 8 << w.bits(30, 30);
        not_1d(o)?;
    }
    DUP_SCALAR "{sdx}, {vnx}" |w, _pc, o| {
        vvv(w, o);
        lane(w, o)?;
        o.l = 1 << o.k;
    }
    DUP_GENERAL "{vdx}, {rnx}" |w, _pc, o| {
        vvv(w, o);
        o.n = Reg::src(w.bits(9, 5));
        lane(w, o)?;
        o.l = 8 << w.bits(30, 30);
        not_1d(o)?;
    }
    INS_GENERAL "{vdxi}, {rnx}" |w, _pc, o| {
        vvv(w, o);
        o.n = Reg::src(w.bits(9, 5));
        lane(w, o)?;
    }
    INS_ELEMENT "{vdxi}, {vnx4}" |w, _pc, o| {
        vvv(w, o);
        lane(w, o)?;
        o.l = (w.bits(14, 11) >> o.k) as u8;
    }
    /// Lane to general register, signed: sf is bit 30.
    SMOV "{rq}, {vnx}" |w, _pc, o| {
        vvv(w, o);
        o.d = Reg::dst(w.bits(4, 0));
        lane(w, o)?;
        if o.k > 1 + w.bits(30, 30) as u8 { return None; }
    }
    UMOV "{rq}, {vnx}" |w, _pc, o| {
        vvv(w, o);
        o.d = Reg::dst(w.bits(4, 0));
        lane(w, o)?;
        if w.bit(30) != (o.k == 3) { return None; }
    }
    EXT "{vdb}, {vnb}, {vmb}, {extimm}" |w, _pc, o| {
        vvv(w, o);
        o.k = 0;
        o.l = 8 << w.bits(30, 30);
        o.imm = u64::from(w.bits(14, 11));
        if o.imm >= u64::from(o.l) { return None; }
    }
    /// `k` is the number of table registers.
    TABLE "{vdb}, {tbl}, {vmb}" |w, _pc, o| {
        vvv(w, o);
        o.k = 1 + w.bits(14, 13) as u8;
        o.l = 8 << w.bits(30, 30);
    }
    CRYPTO2 "{vd16b}, {vn16b}" |w, _pc, o| { vvv(w, o); o.l = 16; }
    CRYPTO3 "{qd}, {qn}, {vm4s}" |w, _pc, o| { vvv(w, o); o.l = 16; }
    CRYPTO3_S "{qd}, {s_n}, {vm4s}" |w, _pc, o| { vvv(w, o); o.l = 16; }
    CRYPTO3_V "{vd4s}, {vn4s}, {vm4s}" |w, _pc, o| { vvv(w, o); o.l = 16; }
    CRYPTO2_S "{s_d}, {s_n}" |w, _pc, o| { vvv(w, o); o.l = 16; }
    CRYPTO2_V "{vd4s}, {vn4s}" |w, _pc, o| { vvv(w, o); o.l = 16; }
}
