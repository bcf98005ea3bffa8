//! Operand formats of T32 integer instructions, of 16 and of 32 bits.

use crate::a32::format::{At, Word, dst, ends, formats, list, offset, shift, signed, src};
use crate::a32::{READS, RETURNS, WRITES};
use crate::op::{Op, Reg};

/// A destination; r15 branches within T32.
fn dst_here(o: &mut Op, number: u32) -> Reg {
    if number == 15 {
        o.pc |= WRITES;
    }
    Reg::sp(number)
}

/// The variant with flags, unless in an IT block.
fn flags(o: &mut Op, at: At) {
    if !at.in_it() {
        o.row |= 1;
    }
}

const fn low(w: Word, at: u32) -> Reg {
    Reg::sp(w.bits(at + 2, at))
}

/// d in 2:0, m in 5:3.
fn low_dm(w: Word, o: &mut Op) {
    (o.d, o.m) = (low(w, 0), low(w, 3));
}

/// d in 2:0, which is also n, and m in 5:3.
fn low_dnm(w: Word, o: &mut Op) {
    low_dm(w, o);
    o.n = o.d;
}

/// Transfer register in 2:0, base in 5:3, immediate in 10:6 scaled.
fn low_imm5(w: Word, o: &mut Op, log2: u32) {
    (o.d, o.n) = (low(w, 0), low(w, 3));
    o.imm = u64::from(w.bits(10, 6) << log2);
}

fn high_d(w: Word) -> u32 {
    w.bits(7, 7) << 3 | w.bits(2, 0)
}

fn literal(at: At, up: bool, imm: u32) -> u64 {
    let imm = if up { imm } else { imm.wrapping_neg() };
    u64::from(at.aligned().wrapping_add(imm))
}

/// The twelve bits of a wide immediate.
const fn imm12(w: Word) -> u32 {
    w.bits(26, 26) << 11 | w.bits(14, 12) << 8 | w.bits(7, 0)
}

/// A modified immediate; `l` tells whether it gives the carry.
fn modified(w: Word, o: &mut Op) {
    let imm12 = imm12(w);
    let byte = imm12 & 0xff;
    let value = match imm12 >> 8 {
        0 => byte,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte * 0x0101_0101,
        _ => (0x80 | imm12 & 0x7f).rotate_right(imm12 >> 7),
    };
    o.imm = u64::from(value);
    o.l = u8::from(imm12 >> 10 != 0);
}

fn d(w: Word, o: &mut Op) {
    o.d = Reg::sp(w.bits(11, 8));
}

fn n(w: Word, o: &mut Op) {
    o.n = src(o, w.bits(19, 16));
}

fn m(w: Word, o: &mut Op) {
    o.m = src(o, w.bits(3, 0));
}

fn m_shift(w: Word, o: &mut Op) {
    m(w, o);
    shift(o, w.bits(5, 4), w.bits(14, 12) << 2 | w.bits(7, 6));
}

/// Register 15 as destination is another instruction.
fn not_15(reg: Reg) -> Option<()> {
    (reg != Reg::R15).then_some(())
}

/// d in 11:8, a in 15:12, n in 19:16, m in 3:0.
fn multiply(w: Word, o: &mut Op) {
    d(w, o);
    n(w, o);
    m(w, o);
    o.a = src(o, w.bits(15, 12));
}

fn multiply_long(w: Word, o: &mut Op) {
    multiply(w, o);
    (o.d, o.a) = (o.a, o.d);
}

fn transfer(w: Word, o: &mut Op, load: bool) {
    let number = w.bits(15, 12);
    o.d = if load { dst(o, number) } else { src(o, number) };
    if load && o.n == Reg::R13 && number == 15 {
        o.pc |= RETURNS;
    }
}

fn memory12(w: Word, o: &mut Op, load: bool) {
    n(w, o);
    o.imm = u64::from(w.bits(11, 0));
    transfer(w, o, load);
}

fn memory8(w: Word, o: &mut Op, load: bool) {
    n(w, o);
    o.imm = offset(w.bit(9), w.bits(7, 0));
    transfer(w, o, load);
}

fn memory_reg(w: Word, o: &mut Op, load: bool) {
    n(w, o);
    m(w, o);
    shift(o, 0, w.bits(5, 4));
    transfer(w, o, load);
}

fn pair(w: Word, o: &mut Op) {
    n(w, o);
    o.d = src(o, w.bits(15, 12));
    o.a = src(o, w.bits(11, 8));
    o.imm = offset(w.bit(23), w.bits(7, 0) << 2);
}

fn many(w: Word, o: &mut Op, load: bool) -> Option<()> {
    n(w, o);
    o.k = w.bits(21, 21) as u8;
    list(o, w.bits(15, 0), load)?;
    // A list of one has another encoding.
    (o.imm.count_ones() > 1).then_some(())
}

/// The offset of `b.w`, `bl` and `blx`.
const fn far(w: Word) -> u32 {
    let s = w.bits(26, 26);
    let (i1, i2) = (w.bits(13, 13) ^ s ^ 1, w.bits(11, 11) ^ s ^ 1);
    signed(
        s << 24 | i1 << 23 | i2 << 22 | w.bits(25, 16) << 12 | w.bits(10, 0) << 1,
        25,
    )
}

formats! {
    NONE "" |w, at, o| {}

    // 16 bits.
    SHIFT_IMM "{d}, {m}, {amount}" |w, at, o| {
        low_dm(w, o);
        shift(o, w.bits(12, 11), w.bits(10, 6));
        flags(o, at);
    }
    MOVS "{d}, {m}" |w, at, o| {
        low_dm(w, o);
        flags(o, at);
    }
    LOW3 "{d}, {n}, {m}" |w, at, o| {
        (o.d, o.n, o.m) = (low(w, 0), low(w, 3), low(w, 6));
        flags(o, at);
    }
    LOW_IMM3 "{d}, {n}, {imm}" |w, at, o| {
        (o.d, o.n) = (low(w, 0), low(w, 3));
        o.imm = u64::from(w.bits(8, 6));
        flags(o, at);
    }
    MOV_IMM8 "{d}, {imm}" |w, at, o| {
        o.d = low(w, 8);
        o.imm = u64::from(w.bits(7, 0));
        flags(o, at);
    }
    CMP_IMM8 "{n}, {imm}" |w, at, o| { o.n = low(w, 8); o.imm = u64::from(w.bits(7, 0)); }
    LOW_IMM8 "{d}, {imm}" |w, at, o| {
        (o.d, o.n) = (low(w, 8), low(w, 8));
        o.imm = u64::from(w.bits(7, 0));
        flags(o, at);
    }
    LOW2 "{d}, {m}" |w, at, o| { low_dnm(w, o); flags(o, at); }
    /// The amount in a, the value in m and d.
    LOW_BY "{d}, {a}" |w, at, o| {
        (o.d, o.m, o.a) = (low(w, 0), low(w, 0), low(w, 3));
        o.k = match w.bits(9, 6) { 2 => 0, 3 => 1, 4 => 2, _ => 3 };
        flags(o, at);
    }
    LOW_NM "{n}, {m}" |w, at, o| { low_dnm(w, o); o.d = Reg::Sink; }
    /// From zero.
    NEGATE "{d}, {n}, #0" |w, at, o| { (o.d, o.n) = (low(w, 0), low(w, 3)); flags(o, at); }
    LOW_MUL "{d}, {m}, {d}" |w, at, o| {
        (o.d, o.n, o.m) = (low(w, 0), low(w, 0), low(w, 3));
        flags(o, at);
    }
    LOW_MVN "{d}, {m}" |w, at, o| { low_dm(w, o); flags(o, at); }
    HIGH_ADD "{d}, {m}" |w, at, o| {
        o.n = src(o, high_d(w));
        o.m = src(o, w.bits(6, 3));
        o.d = dst_here(o, high_d(w));
    }
    HIGH_CMP "{n}, {m}" |w, at, o| { o.n = src(o, high_d(w)); o.m = src(o, w.bits(6, 3)); }
    HIGH_MOV "{d}, {m}" |w, at, o| {
        o.m = src(o, w.bits(6, 3));
        o.d = dst_here(o, high_d(w));
        if o.d == Reg::R15 && o.m == Reg::R14 { o.pc |= RETURNS; }
    }
    JUMP_REG "{m}" |w, at, o| { o.m = src(o, w.bits(6, 3)); ends(o, at); }
    CALL_REG "{m}" |w, at, o| { o.m = src(o, w.bits(6, 3)); }
    LOW_LITERAL "{d}, {literal}" |w, at, o| {
        o.d = low(w, 8);
        o.imm = literal(at, true, w.bits(7, 0) << 2);
    }
    LOW_INDEX "{d}, {offr}" |w, at, o| { (o.d, o.n, o.m) = (low(w, 0), low(w, 3), low(w, 6)); }
    LOW_OFF0 "{d}, {off}" |w, at, o| { low_imm5(w, o, 0); }
    LOW_OFF1 "{d}, {off}" |w, at, o| { low_imm5(w, o, 1); }
    LOW_OFF2 "{d}, {off}" |w, at, o| { low_imm5(w, o, 2); }
    SP_OFF "{d}, {off}" |w, at, o| {
        (o.d, o.n) = (low(w, 8), Reg::R13);
        o.imm = u64::from(w.bits(7, 0) << 2);
    }
    LOW_ADR "{d}, {near}" |w, at, o| {
        o.d = low(w, 8);
        o.imm = literal(at, true, w.bits(7, 0) << 2);
    }
    SP_ADD "{d}, {n}, {imm}" |w, at, o| {
        (o.d, o.n) = (low(w, 8), Reg::R13);
        o.imm = u64::from(w.bits(7, 0) << 2);
    }
    SP_MOVE "{d}, {imm}" |w, at, o| {
        (o.d, o.n) = (Reg::R13, Reg::R13);
        o.imm = u64::from(w.bits(6, 0) << 2);
    }
    LOW_DM "{d}, {m}" |w, at, o| { low_dm(w, o); }
    COMPARE_BRANCH "{n}, {target}" |w, at, o| {
        o.n = low(w, 0);
        o.imm = at.target(w.bits(9, 9) << 6 | w.bits(7, 3) << 1);
        if at.in_it() { return None; }
    }
    LOW_PUSH "{list}" |w, at, o| {
        (o.n, o.k) = (Reg::R13, 1);
        list(o, w.bits(8, 8) << 14 | w.bits(7, 0), false)?;
    }
    LOW_POP "{list}" |w, at, o| {
        (o.n, o.k) = (Reg::R13, 1);
        list(o, w.bits(8, 8) << 15 | w.bits(7, 0), true)?;
    }
    LOW_STORE_MANY "{n}{moves}, {list}" |w, at, o| {
        (o.n, o.k) = (low(w, 8), 1);
        list(o, w.bits(7, 0), false)?;
    }
    /// The base moves unless it is loaded.
    LOW_LOAD_MANY "{n}{moves}, {list}" |w, at, o| {
        o.n = low(w, 8);
        o.k = u8::from(w.bits(7, 0) >> w.bits(10, 8) & 1 == 0);
        list(o, w.bits(7, 0), true)?;
    }
    LOW_SETEND "{endian}" |w, at, o| { o.imm = u64::from(w.bits(3, 3)); }
    IMM8 "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 0)); }
    LOW_UDF "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 0)); ends(o, at); }
    BKPT "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 0)); o.cond = 14; }
    LOW_HINT "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 4)); }
    IT "{it}" |w, at, o| {
        if at.in_it() || w.bits(7, 5) == 7 && w.bits(3, 0).count_ones() != 1 || w.bits(7, 4) == 15 {
            return None;
        }
        o.imm = u64::from(w.bits(7, 0));
        o.next = at.next(w.bits(7, 0) as u8);
    }
    LOW_BRANCH_IF "{target}" |w, at, o| {
        o.k = w.bits(11, 8) as u8;
        o.imm = at.target(signed(w.bits(7, 0), 8) << 1);
        if at.in_it() || o.k >= 14 { return None; }
    }
    LOW_BRANCH "{target}" |w, at, o| {
        (o.k, o.cond) = (at.cond, 14);
        o.imm = at.target(signed(w.bits(10, 0), 11) << 1);
        ends(o, at);
    }

    // 32 bits.
    D_N_IMM "{d}, {n}, {imm}" |w, at, o| { d(w, o); n(w, o); modified(w, o); not_15(o.d)?; }
    D_N_SH "{d}, {n}, {m}{shift}" |w, at, o| { d(w, o); n(w, o); m_shift(w, o); not_15(o.d)?; }
    D_IMM "{d}, {imm}" |w, at, o| { d(w, o); modified(w, o); }
    D_SH "{d}, {m}{shift}" |w, at, o| { d(w, o); m_shift(w, o); }
    N_IMM "{n}, {imm}" |w, at, o| { n(w, o); modified(w, o); }
    N_SH "{n}, {m}{shift}" |w, at, o| { n(w, o); m_shift(w, o); }
    D_N_IMM12 "{d}, {n}, {imm}" |w, at, o| {
        d(w, o);
        n(w, o);
        o.imm = u64::from(imm12(w));
    }
    ADR "{d}, {near}" |w, at, o| { d(w, o); o.imm = literal(at, !w.bit(23), imm12(w)); }
    D_IMM16 "{d}, {imm}" |w, at, o| { d(w, o); o.imm = u64::from(w.bits(19, 16) << 12 | imm12(w)); }
    PACK "{d}, {n}, {m}{shift}" |w, at, o| {
        d(w, o);
        n(w, o);
        m(w, o);
        shift(o, w.bits(5, 5) << 1, w.bits(14, 12) << 2 | w.bits(7, 6));
    }
    SSAT "{d}, {imm}, {m}{shift}" |w, at, o| {
        d(w, o);
        o.m = src(o, w.bits(19, 16));
        shift(o, w.bits(21, 21) << 1, w.bits(14, 12) << 2 | w.bits(7, 6));
        // Nothing shifted right is where the saturation of halves stands.
        if (o.k, o.l) == (2, 32) { return None; }
        o.imm = u64::from(w.bits(4, 0) + 1);
    }
    USAT "{d}, {imm}, {m}{shift}" |w, at, o| {
        d(w, o);
        o.m = src(o, w.bits(19, 16));
        shift(o, w.bits(21, 21) << 1, w.bits(14, 12) << 2 | w.bits(7, 6));
        // Nothing shifted right is where the saturation of halves stands.
        if (o.k, o.l) == (2, 32) { return None; }
        o.imm = u64::from(w.bits(4, 0));
    }
    SSAT16 "{d}, {imm}, {m}" |w, at, o| {
        d(w, o);
        o.m = src(o, w.bits(19, 16));
        o.imm = u64::from(w.bits(3, 0) + 1);
    }
    USAT16 "{d}, {imm}, {m}" |w, at, o| {
        d(w, o);
        o.m = src(o, w.bits(19, 16));
        o.imm = u64::from(w.bits(3, 0));
    }
    BFX "{d}, {n}, {lsb}, {width}" |w, at, o| {
        d(w, o);
        n(w, o);
        o.k = (w.bits(14, 12) << 2 | w.bits(7, 6)) as u8;
        o.l = w.bits(4, 0) as u8 + 1;
        if o.k + o.l > 32 { return None; }
    }
    BFI "{d}, {n}, {lsb}, {width}" |w, at, o| {
        d(w, o);
        n(w, o);
        let lsb = w.bits(14, 12) << 2 | w.bits(7, 6);
        (o.k, o.l) = (lsb as u8, (w.bits(4, 0) + 1).checked_sub(lsb)? as u8);
        if o.l == 0 { return None; }
    }
    BFC "{d}, {lsb}, {width}" |w, at, o| {
        d(w, o);
        let lsb = w.bits(14, 12) << 2 | w.bits(7, 6);
        (o.k, o.l) = (lsb as u8, (w.bits(4, 0) + 1).checked_sub(lsb)? as u8);
        if o.l == 0 { return None; }
    }
    /// The value in m, the amount in a.
    SHIFT_REG "{d}, {m}, {a}" |w, at, o| {
        d(w, o);
        o.m = src(o, w.bits(19, 16));
        o.a = src(o, w.bits(3, 0));
        o.k = w.bits(22, 21) as u8;
    }
    D_N_EXT "{d}, {n}, {m}{ror}" |w, at, o| {
        d(w, o);
        n(w, o);
        m(w, o);
        o.l = 8 * w.bits(5, 4) as u8;
    }
    D_EXT "{d}, {m}{ror}" |w, at, o| { d(w, o); m(w, o); o.l = 8 * w.bits(5, 4) as u8; }
    D_N_EXT16 "{d}, {n}, {m}{ror}" |w, at, o| {
        d(w, o);
        n(w, o);
        m(w, o);
        o.imm = u64::from(8 * w.bits(5, 4));
        o.l = o.imm as u8;
    }
    D_EXT16 "{d}, {m}{ror}" |w, at, o| {
        d(w, o);
        m(w, o);
        o.imm = u64::from(8 * w.bits(5, 4));
        o.l = o.imm as u8;
    }
    D_N_M "{d}, {n}, {m}" |w, at, o| { d(w, o); n(w, o); m(w, o); }
    D_M_N "{d}, {m}, {n}" |w, at, o| { d(w, o); n(w, o); m(w, o); }
    /// Never in an IT block.
    CRC "{d}, {n}, {m}" |w, at, o| {
        d(w, o);
        n(w, o);
        m(w, o);
        if at.in_it() { return None; }
    }
    /// The source twice.
    D_M "{d}, {m}" |w, at, o| { d(w, o); m(w, o); }
    MUL_A "{d}, {n}, {m}, {a}" |w, at, o| { multiply(w, o); not_15(o.a)?; }
    MUL "{d}, {n}, {m}" |w, at, o| { multiply(w, o); o.a = Reg::Zero; o.pc &= !READS; }
    MLS "{d}, {n}, {m}, {a}" |w, at, o| { multiply(w, o); }
    MUL_LONG "{d}, {a}, {n}, {m}" |w, at, o| { multiply_long(w, o); }

    BRANCH_IF "{target}" |w, at, o| {
        o.k = w.bits(25, 22) as u8;
        let offset = w.bits(26, 26) << 20
            | w.bits(11, 11) << 19
            | w.bits(13, 13) << 18
            | w.bits(21, 16) << 12
            | w.bits(10, 0) << 1;
        o.imm = at.target(signed(offset, 21));
        if at.in_it() || o.k >= 14 { return None; }
    }
    BRANCH "{target}" |w, at, o| {
        (o.k, o.cond) = (at.cond, 14);
        o.imm = at.target(far(w));
        ends(o, at);
    }
    CALL "{target}" |w, at, o| { o.imm = at.target(far(w)); }
    /// To A32.
    CALL_OTHER "{target}" |w, at, o| { o.imm = u64::from(at.aligned().wrapping_add(far(w))); }
    TABLE_B "[{n}, {m}]" |w, at, o| { n(w, o); m(w, o); ends(o, at); }
    TABLE_H "[{n}, {m}, lsl #1]" |w, at, o| { n(w, o); m(w, o); ends(o, at); }
    HINT "{imm}" |w, at, o| { o.imm = u64::from(w.bits(7, 0)); }
    BARRIER "{barrier}" |w, at, o| { o.imm = u64::from(w.bits(3, 0)); }
    D "{d}, CPSR" |w, at, o| { d(w, o); }
    MSR "{apsr}, {n}" |w, at, o| { n(w, o); o.k = w.bits(11, 8) as u8; }
    BXJ "{m}" |w, at, o| { o.m = src(o, w.bits(19, 16)); ends(o, at); }
    UDF "{imm}" |w, at, o| { o.imm = u64::from(w.bits(19, 16) << 12 | w.bits(11, 0)); ends(o, at); }

    L_OFF "{d}, {off}" |w, at, o| { memory12(w, o, true); }
    S_OFF "{d}, {off}" |w, at, o| { memory12(w, o, false); }
    L_OFF8 "{d}, {off}" |w, at, o| { memory8(w, o, true); }
    S_OFF8 "{d}, {off}" |w, at, o| { memory8(w, o, false); }
    L_PRE "{d}, {pre}" |w, at, o| { memory8(w, o, true); }
    S_PRE "{d}, {pre}" |w, at, o| { memory8(w, o, false); }
    L_POST "{d}, {post}" |w, at, o| { memory8(w, o, true); }
    S_POST "{d}, {post}" |w, at, o| { memory8(w, o, false); }
    L_OFF_R "{d}, {offr}" |w, at, o| { memory_reg(w, o, true); }
    S_OFF_R "{d}, {offr}" |w, at, o| { memory_reg(w, o, false); }
    L_LITERAL "{d}, {literal}" |w, at, o| {
        o.imm = literal(at, w.bit(23), w.bits(11, 0));
        transfer(w, o, true);
    }
    PRELOAD "{off}" |w, at, o| { n(w, o); o.imm = u64::from(w.bits(11, 0)); }
    PRELOAD8 "{off}" |w, at, o| { n(w, o); o.imm = offset(false, w.bits(7, 0)); }
    PRELOAD_R "{offr}" |w, at, o| { n(w, o); m(w, o); shift(o, 0, w.bits(5, 4)); }
    PRELOAD_LITERAL "{literal}" |w, at, o| { o.imm = literal(at, w.bit(23), w.bits(11, 0)); }
    P_OFF "{d}, {a}, {off}" |w, at, o| { pair(w, o); }
    P_PRE "{d}, {a}, {pre}" |w, at, o| { pair(w, o); }
    P_POST "{d}, {a}, {post}" |w, at, o| { pair(w, o); }
    P_LITERAL "{d}, {a}, {literal}" |w, at, o| {
        pair(w, o);
        o.pc &= !READS;
        o.imm = literal(at, w.bit(23), w.bits(7, 0) << 2);
    }
    L_MANY "{n}{moves}, {list}" |w, at, o| { many(w, o, true)?; }
    S_MANY "{n}{moves}, {list}" |w, at, o| { many(w, o, false)?; }
    POP "{list}" |w, at, o| { many(w, o, true)?; }
    PUSH "{list}" |w, at, o| { many(w, o, false)?; }
    L_BASE "{d}, [{n}]" |w, at, o| { n(w, o); not_15(o.n)?; o.d = Reg::sp(w.bits(15, 12)); }
    L_BASE2 "{d}, {a}, [{n}]" |w, at, o| {
        n(w, o); not_15(o.n)?;
        (o.d, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(11, 8)));
    }
    S_BASE "{d}, [{n}]" |w, at, o| { n(w, o); not_15(o.n)?; o.d = src(o, w.bits(15, 12)); }
    S_STATUS "{m}, {d}, [{n}]" |w, at, o| {
        n(w, o); not_15(o.n)?;
        (o.d, o.m) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(3, 0)));
    }
    S_STATUS2 "{m}, {d}, {a}, [{n}]" |w, at, o| {
        n(w, o); not_15(o.n)?;
        (o.d, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(11, 8)));
        o.m = Reg::sp(w.bits(3, 0));
    }
    L_EXCLUSIVE "{d}, {off}" |w, at, o| {
        n(w, o); not_15(o.n)?;
        o.d = Reg::sp(w.bits(15, 12));
        o.imm = u64::from(w.bits(7, 0) << 2);
    }
    S_EXCLUSIVE "{m}, {d}, {off}" |w, at, o| {
        n(w, o); not_15(o.n)?;
        (o.d, o.m) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(11, 8)));
        o.imm = u64::from(w.bits(7, 0) << 2);
    }
}
