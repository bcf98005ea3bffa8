//! Operand formats of coprocessor registers, floating point and Advanced SIMD, in A32's form.

use super::format::{At, Word, formats, offset, src};
use super::simd::Structures;
use crate::a64::{fp_immediate, modified_immediate};
use crate::op::{Op, Reg};

/// The number of a D register: the extra bit and the four bits from `low` up.
const fn double(w: Word, extra: u32, low: u32) -> u32 {
    w.bits(extra, extra) << 4 | w.bits(low + 3, low)
}

/// The number of an S register.
const fn single(w: Word, extra: u32, low: u32) -> u32 {
    w.bits(low + 3, low) << 1 | w.bits(extra, extra)
}

/// A register of `l` bytes; a quad register has an even number.
fn vector(number: u32, quad: bool) -> Option<Reg> {
    match (quad, number & 1) {
        (false, _) => Some(Reg::sp(number)),
        (true, 0) => Some(Reg::sp(number >> 1)),
        _ => None,
    }
}

const fn d_of(w: Word) -> u32 {
    double(w, 22, 12)
}

const fn n_of(w: Word) -> u32 {
    double(w, 7, 16)
}

const fn m_of(w: Word) -> u32 {
    double(w, 5, 0)
}

fn quad(w: Word, o: &mut Op) -> bool {
    o.l = 8 << w.bits(6, 6);
    w.bit(6)
}

/// d, n, m of one size.
fn same3(w: Word, o: &mut Op) -> Option<()> {
    let q = quad(w, o);
    o.d = vector(d_of(w), q)?;
    o.n = vector(n_of(w), q)?;
    o.m = vector(m_of(w), q)?;
    Some(())
}

/// d and n of one size, n standing where m does.
fn same2(w: Word, o: &mut Op) -> Option<()> {
    let q = quad(w, o);
    o.d = vector(d_of(w), q)?;
    o.n = vector(m_of(w), q)?;
    Some(())
}

/// d, n, m quad or not.
fn mixed(w: Word, o: &mut Op, quads: [bool; 3]) -> Option<()> {
    o.l = 8;
    o.d = vector(d_of(w), quads[0])?;
    o.n = vector(n_of(w), quads[1])?;
    o.m = vector(m_of(w), quads[2])?;
    Some(())
}

/// d and n, quad or not, n standing where m does.
fn mixed2(w: Word, o: &mut Op, quads: [bool; 2]) -> Option<()> {
    o.l = 8;
    o.d = vector(d_of(w), quads[0])?;
    o.n = vector(m_of(w), quads[1])?;
    Some(())
}

fn size3(w: Word, o: &mut Op, least: u8, most: u8) -> Option<()> {
    o.k = w.bits(21, 20) as u8;
    (least <= o.k && o.k <= most).then_some(())
}

fn size2(w: Word, o: &mut Op, least: u8, most: u8) -> Option<()> {
    o.k = w.bits(19, 18) as u8;
    (least <= o.k && o.k <= most).then_some(())
}

/// Size and amount of a shift by immediate: `k`, and in `imm` the amount and the size.
fn shift_size(w: Word, o: &mut Op) -> Option<()> {
    let amount = w.bits(7, 7) << 6 | w.bits(21, 16);
    if amount < 8 {
        return None;
    }
    o.k = 28 - amount.leading_zeros() as u8;
    o.imm = u64::from(amount);
    Some(())
}

fn right(w: Word, o: &mut Op) -> Option<()> {
    shift_size(w, o)?;
    o.imm = (16 << o.k) - o.imm;
    Some(())
}

fn left(w: Word, o: &mut Op) -> Option<()> {
    shift_size(w, o)?;
    o.imm -= 8 << o.k;
    Some(())
}

/// A lane of m: its D register, and the index in `imm`.
fn lane(w: Word, o: &mut Op) -> Option<()> {
    let m = m_of(w);
    (o.m, o.imm) = match o.k {
        1 => (Reg::sp(m & 7), u64::from(m >> 3)),
        2 => (Reg::sp(m & 15), u64::from(m >> 4)),
        _ => return None,
    };
    Some(())
}

/// The modified immediate, whose bits A64 has elsewhere.
fn modified(w: Word) -> u64 {
    let imm8 = w.bits(24, 24) << 7 | w.bits(18, 16) << 4 | w.bits(3, 0);
    let there = imm8 >> 5 << 16 | (imm8 & 31) << 5 | w.bits(11, 8) << 12 | w.bits(5, 5) << 29;
    modified_immediate(there)
}

/// The scalar type of a floating-point instruction.
fn precision(w: Word, o: &mut Op) -> bool {
    o.k = 2 + w.bits(8, 8) as u8;
    o.l = 1 << o.k;
    w.bit(8)
}

fn scalar(w: Word, is_double: bool, extra: u32, low: u32) -> Reg {
    Reg::sp(if is_double {
        double(w, extra, low)
    } else {
        single(w, extra, low)
    })
}

/// d, n, m of one precision.
fn scalars(w: Word, o: &mut Op) {
    let z = precision(w, o);
    o.d = scalar(w, z, 22, 12);
    o.n = scalar(w, z, 7, 16);
    o.m = scalar(w, z, 5, 0);
}

/// d and n of one precision, n standing where m does.
fn scalars2(w: Word, o: &mut Op) {
    scalars(w, o);
    o.n = o.m;
}

/// The fraction bits of fixed point, and its size in `l`.
fn fixed(w: Word, o: &mut Op) -> Option<()> {
    let z = precision(w, o);
    o.d = scalar(w, z, 22, 12);
    o.l = 16 << w.bits(7, 7);
    let imm5 = w.bits(3, 0) << 1 | w.bits(5, 5);
    o.imm = u64::from(u32::from(o.l).checked_sub(imm5)?);
    Some(())
}

fn memory(w: Word, o: &mut Op) {
    let z = precision(w, o);
    o.d = scalar(w, z, 22, 12);
    o.n = src(o, w.bits(19, 16));
    o.imm = offset(w.bit(23), w.bits(7, 0) << 2);
}

/// A list of `l` registers; `imm` is what the base moves by.
fn list(w: Word, o: &mut Op) -> Option<()> {
    memory(w, o);
    o.l = (w.bits(7, 0) >> (o.k - 2)) as u8;
    let end = o.d.v() + usize::from(o.l);
    (o.l != 0 && end <= 32 && (o.k == 2 || o.l <= 16)).then_some(())
}

/// A general register and a lane of a D register.
fn general_lane(w: Word, o: &mut Op) -> Option<()> {
    let code = w.bits(22, 21) << 2 | w.bits(6, 5);
    let (k, index) = match code {
        8.. => (0, code & 7),
        _ if code & 1 == 1 => (1, code >> 1 & 3),
        _ if code & 2 == 0 => (2, code >> 2 & 1),
        _ => return None,
    };
    (o.k, o.imm) = (k, u64::from(index));
    o.d = Reg::sp(n_of(w));
    o.n = Reg::sp(w.bits(15, 12));
    Some(())
}

/// Base and what it moves by.
fn structure_base(w: Word, o: &mut Op) {
    o.d = Reg::sp(d_of(w));
    o.n = src(o, w.bits(19, 16));
    o.m = Reg::sp(w.bits(3, 0));
}

/// The last register exists.
fn fits(o: &mut Op, s: Structures) -> Option<()> {
    let last = o.d.v() + usize::from(s.groups - 1 + (s.count - 1) * s.stride);
    o.imm = s.packed();
    (last < 32).then_some(())
}

fn structures(w: Word, o: &mut Op) -> Option<()> {
    structure_base(w, o);
    let (groups, count, stride) = match w.bits(11, 8) {
        0b0111 => (1, 1, 1),
        0b1010 => (2, 1, 1),
        0b0110 => (3, 1, 1),
        0b0010 => (4, 1, 1),
        0b1000 => (1, 2, 1),
        0b1001 => (1, 2, 2),
        0b0011 => (2, 2, 2),
        0b0100 => (1, 3, 1),
        0b0101 => (1, 3, 2),
        0b0000 => (1, 4, 1),
        0b0001 => (1, 4, 2),
        _ => return None,
    };
    o.k = w.bits(7, 6) as u8;
    let align = w.bits(5, 4) as u8;
    let total = groups * count;
    if count > 1 && o.k == 3 || align == 3 && total != 4 || align == 2 && total & 1 == 1 {
        return None;
    }
    fits(
        o,
        Structures {
            groups,
            count,
            stride,
            align: if align == 0 { 0 } else { 2 + align },
            lane: 0,
        },
    )
}

fn structure_lane(w: Word, o: &mut Op) -> Option<()> {
    structure_base(w, o);
    o.k = w.bits(11, 10) as u8;
    let count = w.bits(9, 8) as u8 + 1;
    let index = w.bits(7, 4) as u8;
    let lane = index >> (o.k + 1);
    let stride = 1 + match o.k {
        0 => 0,
        k => index >> k & 1,
    };
    let align = match (count, o.k, index & 3) {
        (1, 0, x) if x & 1 == 1 => return None,
        (1, 1, x) => x & 1,
        (1, 2, 0) => 0,
        (1, 2, 3) => 2,
        (1, 2, _) => return None,
        (2, 2, x) if x & 2 != 0 => return None,
        (2, k, x) => (x & 1) * (k + 1),
        (3, 2, x) if x != 0 => return None,
        (3, _, x) if x & 1 != 0 => return None,
        (3, ..) => 0,
        (4, 2, 3) => return None,
        (4, 2, x) => [0, 3, 4, 0][usize::from(x)],
        (_, k, x) => (x & 1) * (k + 2),
    };
    if count == 1 && stride == 2 {
        return None;
    }
    fits(
        o,
        Structures {
            groups: 1,
            count,
            stride,
            align,
            lane,
        },
    )
}

fn structure_all(w: Word, o: &mut Op) -> Option<()> {
    structure_base(w, o);
    let count = w.bits(9, 8) as u8 + 1;
    let (size, two, aligned) = (w.bits(7, 6) as u8, w.bit(5), w.bit(4));
    if size == 3 && !(count == 4 && aligned)
        || count == 3 && aligned
        || count == 1 && size == 0 && aligned
    {
        return None;
    }
    o.k = size.min(2);
    let align = match (aligned, count, size) {
        (false, ..) => 0,
        (_, 4, 3) => 4,
        (_, 4, 2) => 3,
        (_, 4, k) => k + 2,
        (_, 2, k) => k + 1,
        (_, _, k) => k,
    };
    fits(
        o,
        Structures {
            groups: if count == 1 && two { 2 } else { 1 },
            count,
            stride: if count > 1 && two { 2 } else { 1 },
            align,
            lane: 0,
        },
    )
}

/// Not under a condition, nor in an IT block.
fn always(at: At) -> Option<()> {
    (at.cond == 14).then_some(())
}

formats! {
    /// A coprocessor register.
    CP "{cp}" |w, at, o| { o.d = Reg::sp(w.bits(15, 12)); o.imm = u64::from(w.0); }
    /// A coprocessor register of 64 bits.
    CP2 "{cp2}" |w, at, o| {
        (o.d, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(19, 16)));
        o.imm = u64::from(w.0);
    }

    F3 "{fd}, {fn}, {fm}" |w, at, o| { scalars(w, o); }
    F3_ALWAYS "{fd}, {fn}, {fm}" |w, at, o| { scalars(w, o); always(at)?; }
    F2 "{fd}, {fn}" |w, at, o| { scalars2(w, o); }
    F2_ALWAYS "{fd}, {fn}" |w, at, o| { scalars2(w, o); always(at)?; }
    F_COMPARE "{fd}, {fm}" |w, at, o| { scalars(w, o); }
    F_COMPARE_ZERO "{fd}, #0.0" |w, at, o| { scalars(w, o); }
    /// `l` is the condition.
    F_SELECT "{fd}, {fn}, {fm}" |w, at, o| {
        scalars(w, o);
        o.l = [0, 6, 10, 12][w.bits(21, 20) as usize & 3];
        always(at)?;
    }
    F_IMM "{fd}, {fimm}" |w, at, o| {
        scalars(w, o);
        o.imm = fp_immediate(o.k, w.bits(19, 16) << 4 | w.bits(3, 0));
    }
    /// `k` is the type converted from.
    F_CONVERT "{cd}, {fm}" |w, at, o| {
        scalars(w, o);
        o.d = scalar(w, !w.bit(8), 22, 12);
    }
    /// The half in `imm`.
    F_FROM_HALF "{fd}, {sm}" |w, at, o| {
        scalars(w, o);
        o.m = Reg::sp(single(w, 5, 0));
        o.imm = u64::from(w.bits(7, 7));
    }
    F_TO_HALF "{sd}, {fm}" |w, at, o| {
        scalars(w, o);
        o.d = Reg::sp(single(w, 22, 12));
        o.imm = u64::from(w.bits(7, 7));
    }
    F_TO_INT "{sd}, {fm}" |w, at, o| { scalars(w, o); o.d = Reg::sp(single(w, 22, 12)); }
    F_TO_INT_ALWAYS "{sd}, {fm}" |w, at, o| {
        scalars(w, o);
        o.d = Reg::sp(single(w, 22, 12));
        always(at)?;
    }
    F_FROM_INT "{fd}, {sm}" |w, at, o| { scalars(w, o); o.m = Reg::sp(single(w, 5, 0)); }
    F_FIXED "{fd}, {fd}, {bits}" |w, at, o| { fixed(w, o)?; }
    F_MEMORY "{fd}, {off}" |w, at, o| { memory(w, o); }
    F_LITERAL "{fd}, {literal}" |w, at, o| {
        memory(w, o);
        o.pc = 0;
        o.imm = u64::from(at.aligned().wrapping_add(o.imm as u32));
    }
    F_LIST "{n}, {flist}" |w, at, o| { list(w, o)?; }
    F_LIST_MOVES "{n}!, {flist}" |w, at, o| { list(w, o)?; }
    F_STACK "{flist}" |w, at, o| { list(w, o)?; }
    TO_SINGLE "{fd}, {n}" |w, at, o| {
        (o.d, o.n, o.k) = (Reg::sp(single(w, 7, 16)), Reg::sp(w.bits(15, 12)), 2);
    }
    FROM_SINGLE "{n}, {fd}" |w, at, o| {
        (o.d, o.n, o.k) = (Reg::sp(single(w, 7, 16)), Reg::sp(w.bits(15, 12)), 2);
    }
    TO_DOUBLE "{fpair}, {n}, {a}" |w, at, o| {
        let z = precision(w, o);
        o.d = scalar(w, z, 5, 0);
        (o.n, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(19, 16)));
        if !z && o.d.v() == 31 { return None; }
    }
    FROM_DOUBLE "{n}, {a}, {fpair}" |w, at, o| {
        let z = precision(w, o);
        o.d = scalar(w, z, 5, 0);
        (o.n, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(19, 16)));
        if !z && o.d.v() == 31 { return None; }
    }
    TO_LANE "{dlane}, {n}" |w, at, o| { general_lane(w, o)?; }
    /// Words have no sign.
    FROM_LANE_S "{n}, {dlane}" |w, at, o| { general_lane(w, o)?; if o.k == 2 { return None; } }
    FROM_LANE_U "{n}, {dlane}" |w, at, o| { general_lane(w, o)?; if o.k == 2 { return None; } }
    FROM_LANE "{n}, {dlane}" |w, at, o| { general_lane(w, o)?; if o.k != 2 { return None; } }
    REPEAT_GENERAL "{vd}, {n}" |w, at, o| {
        o.k = match (w.bit(22), w.bit(5)) {
            (false, false) => 2,
            (false, true) => 1,
            (true, false) => 0,
            _ => return None,
        };
        o.l = 8 << w.bits(21, 21);
        o.d = vector(n_of(w), w.bit(21))?;
        o.n = Reg::sp(w.bits(15, 12));
    }
    VMRS "{n}, fpscr" |w, at, o| { o.n = Reg::sp(w.bits(15, 12)); o.d = o.n; }
    VMRS_FLAGS "APSR_nzcv, fpscr" |w, at, o| {}
    VMSR "fpscr, {n}" |w, at, o| { o.n = Reg::sp(w.bits(15, 12)); o.d = o.n; }

    V3 "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; size3(w, o, 0, 3)?; }
    V3_BHS "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; size3(w, o, 0, 2)?; }
    V3_HS "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; size3(w, o, 1, 2)?; }
    V3_B "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; size3(w, o, 0, 0)?; }
    /// Bytes whatever the size says.
    V3_BITS "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; }
    V3_F "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; o.k = 2; if w.bit(20) { return None; } }
    /// D registers only.
    P3_BHS "{vd}, {vn}, {vm}" |w, at, o| {
        same3(w, o)?;
        size3(w, o, 0, 2)?;
        if o.l == 16 { return None; }
    }
    P3_F "{vd}, {vn}, {vm}" |w, at, o| {
        same3(w, o)?;
        o.k = 2;
        if w.bit(20) || o.l == 16 { return None; }
    }
    /// The amount in m, the value in n.
    V_SHIFT "{vd}, {vn}, {vm}" |w, at, o| {
        same3(w, o)?;
        size3(w, o, 0, 3)?;
        (o.n, o.m) = (o.m, o.n);
    }
    LONG "{qd}, {dn}, {dm}" |w, at, o| { mixed(w, o, [true, false, false])?; size3(w, o, 0, 2)?; }
    LONG_HS "{qd}, {dn}, {dm}" |w, at, o| { mixed(w, o, [true, false, false])?; size3(w, o, 1, 2)?; }
    LONG_B "{qd}, {dn}, {dm}" |w, at, o| { mixed(w, o, [true, false, false])?; size3(w, o, 0, 0)?; }
    LONG_P64 "{qd}, {dn}, {dm}" |w, at, o| {
        mixed(w, o, [true, false, false])?;
        size3(w, o, 2, 2)?;
        o.k = 3;
    }
    WIDE "{qd}, {qn}, {dm}" |w, at, o| { mixed(w, o, [true, true, false])?; size3(w, o, 0, 2)?; }
    NARROW "{dd}, {qn}, {qm}" |w, at, o| { mixed(w, o, [false, true, true])?; size3(w, o, 0, 2)?; }
    LANE "{vd}, {vn}, {lane}" |w, at, o| {
        size3(w, o, 1, 2)?;
        o.l = 8 << w.bits(24, 24);
        o.d = vector(d_of(w), w.bit(24))?;
        o.n = vector(n_of(w), w.bit(24))?;
        lane(w, o)?;
    }
    LANE_F "{vd}, {vn}, {lane}" |w, at, o| {
        size3(w, o, 2, 2)?;
        o.l = 8 << w.bits(24, 24);
        o.d = vector(d_of(w), w.bit(24))?;
        o.n = vector(n_of(w), w.bit(24))?;
        lane(w, o)?;
    }
    LANE_LONG "{qd}, {dn}, {lane}" |w, at, o| {
        mixed(w, o, [true, false, false])?;
        size3(w, o, 1, 2)?;
        lane(w, o)?;
    }
    V_RIGHT "{vd}, {vn}, {bits}" |w, at, o| { same2(w, o)?; right(w, o)?; }
    V_LEFT "{vd}, {vn}, {bits}" |w, at, o| { same2(w, o)?; left(w, o)?; }
    RIGHT_NARROW "{dd}, {qn}, {bits}" |w, at, o| {
        mixed2(w, o, [false, true])?;
        right(w, o)?;
        if o.k == 3 { return None; }
    }
    LEFT_LONG "{qd}, {dn}, {bits}" |w, at, o| {
        mixed2(w, o, [true, false])?;
        left(w, o)?;
        if o.k == 3 { return None; }
    }
    /// By nothing.
    MOVE_LONG "{qd}, {dn}" |w, at, o| {
        mixed2(w, o, [true, false])?;
        left(w, o)?;
        if o.k == 3 || o.imm != 0 { return None; }
    }
    V_FIXED "{vd}, {vn}, {bits}" |w, at, o| {
        same2(w, o)?;
        right(w, o)?;
        if o.k == 3 || !w.bit(21) { return None; }
        o.k = 2;
    }
    MODIFIED "{vd}, {mimm}" |w, at, o| {
        let q = quad(w, o);
        o.d = vector(d_of(w), q)?;
        o.imm = modified(w);
        o.k = match w.bits(11, 8) {
            8..=11 => 1,
            14 if w.bit(5) => 3,
            14 => 0,
            _ => 2,
        };
    }
    V2 "{vd}, {vn}" |w, at, o| { same2(w, o)?; size2(w, o, 0, 2)?; }
    V2_BH "{vd}, {vn}" |w, at, o| { same2(w, o)?; size2(w, o, 0, 1)?; }
    V2_B "{vd}, {vn}" |w, at, o| { same2(w, o)?; size2(w, o, 0, 0)?; }
    V2_S "{vd}, {vn}" |w, at, o| { same2(w, o)?; size2(w, o, 2, 2)?; }
    V2_F "{vd}, {vn}" |w, at, o| { same2(w, o)?; size2(w, o, 2, 2)?; }
    V2_ZERO "{vd}, {vn}, #0" |w, at, o| { same2(w, o)?; size2(w, o, 0, 2)?; }
    V2_F_ZERO "{vd}, {vn}, #0" |w, at, o| { same2(w, o)?; size2(w, o, 2, 2)?; }
    V2_NARROW "{dd}, {qn}" |w, at, o| { mixed2(w, o, [false, true])?; size2(w, o, 0, 2)?; }
    /// By the size of an element.
    V2_LONG "{qd}, {dn}, {size}" |w, at, o| { mixed2(w, o, [true, false])?; size2(w, o, 0, 2)?; }
    /// Between single and half precision.
    V2_TO_HALF "{dd}, {qn}" |w, at, o| { mixed2(w, o, [false, true])?; size2(w, o, 1, 1)?; }
    V2_FROM_HALF "{qd}, {dn}" |w, at, o| { mixed2(w, o, [true, false])?; size2(w, o, 1, 1)?; }
    /// Both change.
    BOTH "{vd}, {vm}" |w, at, o| {
        same2(w, o)?;
        o.m = o.n;
        size2(w, o, 0, 2)?;
    }
    BOTH_BITS "{vd}, {vm}" |w, at, o| {
        same2(w, o)?;
        o.m = o.n;
        size2(w, o, 0, 0)?;
    }
    /// Words of D registers are another instruction's business.
    BOTH_ZIP "{vd}, {vm}" |w, at, o| {
        same2(w, o)?;
        o.m = o.n;
        size2(w, o, 0, 2)?;
        if o.k == 2 && o.l == 8 { return None; }
    }
    EXT "{vd}, {vn}, {vm}, {bits}" |w, at, o| {
        same3(w, o)?;
        o.imm = u64::from(w.bits(11, 8));
        if o.imm >= u64::from(o.l) { return None; }
    }
    /// `k` is the number of table registers.
    TABLE "{dd}, {table}, {dm}" |w, at, o| {
        mixed(w, o, [false, false, false])?;
        o.k = w.bits(9, 8) as u8 + 1;
        if o.n.v() + usize::from(o.k) > 32 { return None; }
    }
    REPEAT "{vd}, {nlane}" |w, at, o| {
        let imm4 = w.bits(19, 16);
        o.k = match imm4.trailing_zeros() {
            k @ 0..=2 => k as u8,
            _ => return None,
        };
        o.imm = u64::from(imm4 >> (o.k + 1));
        let q = quad(w, o);
        o.d = vector(d_of(w), q)?;
        o.n = Reg::sp(m_of(w));
    }
    CRYPTO2 "{vd}, {vn}" |w, at, o| {
        o.l = 16;
        o.d = vector(d_of(w), true)?;
        o.n = vector(m_of(w), true)?;
    }
    CRYPTO3 "{vd}, {vn}, {vm}" |w, at, o| { same3(w, o)?; }

    STRUCTURES "{structures}" |w, at, o| { structures(w, o)?; }
    STRUCTURE_LANE "{structures}" |w, at, o| { structure_lane(w, o)?; o.l = 1; }
    STRUCTURE_ALL "{structures}" |w, at, o| { structure_all(w, o)?; o.l = 2; }
}
