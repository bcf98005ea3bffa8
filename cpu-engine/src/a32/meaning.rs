//! The shapes that meanings of A32 and T32 integer instructions share.

use super::{INTERWORKS, READS, RETURNS, WRITES};
use crate::emit::{Bin, Emit, Kind, Step, Sys, Un, W};
use crate::op::{Op, Reg};

use W::{W32, W64};

const LINK: Reg = Reg::R14;
const PC: Reg = Reg::R15;
const THUMB: u64 = 1;

/// What r15 reads as.
#[inline(always)]
pub const fn pc_value(o: &Op) -> u64 {
    // Two instructions on: 8 bytes in A32, 4 in T32.
    let ahead = if o.next & THUMB != 0 {
        4 - o.len as u32
    } else {
        4
    };
    (o.next as u32 & !1).wrapping_add(ahead) as u64
}

/// Before the meaning of an op whose condition holds.
#[inline(always)]
pub fn before<E: Emit>(e: &mut E, o: &Op) {
    if o.pc & READS != 0 {
        let pc = e.k(W32, pc_value(o));
        e.set_x(W32, PC, pc);
    }
}

/// After the meaning of an op whose condition holds.
#[inline(always)]
pub fn after<E: Emit>(e: &mut E, o: &Op) -> Step {
    if o.pc & WRITES == 0 {
        return Ok(());
    }
    let mut target = e.x(W32, PC);
    if o.pc & INTERWORKS == 0 {
        let thumb = e.k(W32, THUMB);
        target = e.bin(W32, Bin::Or, target, thumb);
    }
    let kind = if o.pc & RETURNS != 0 {
        Kind::Return
    } else {
        Kind::Jump
    };
    e.jump_to(target, kind)
}

// Second operands: a value, and the carry of the shifter where it has one.

/// A second operand.
pub type Second<E> = (<E as Emit>::V, Option<<E as Emit>::C>);

/// The immediate; its bit 31 is the carry if `l` says so.
#[inline(always)]
pub fn imm<E: Emit>(e: &mut E, o: &Op, carry: bool) -> Second<E> {
    let v = e.k(W32, o.imm);
    let c = (carry && o.l != 0).then(|| e.has_bit(v, 31));
    (v, c)
}

/// The register m.
#[inline(always)]
pub fn reg<E: Emit>(e: &mut E, o: &Op, _carry: bool) -> Second<E> {
    (e.x(W32, o.m), None)
}

/// The register m, shifted by type `k` (4 is `rrx`) and amount `l`.
#[inline(always)]
pub fn shifted<E: Emit>(e: &mut E, o: &Op, carry: bool) -> Second<E> {
    let m = e.x(W32, o.m);
    let amount = u32::from(o.l);
    if o.k == 4 {
        let (top, one) = (e.k(W32, 31), e.k(W32, 1));
        let high = e.carry(W32);
        let high = e.bin(W32, Bin::Shl, high, top);
        let low = e.bin(W32, Bin::Shr, m, one);
        let c = carry.then(|| e.has_bit(m, 0));
        return (e.bin(W32, Bin::Or, high, low), c);
    }
    if amount == 0 {
        return (m, None);
    }
    let out = if o.k == 0 { 32 - amount } else { amount - 1 };
    let c = carry.then(|| e.has_bit(m, out));
    let by = e.k(W32, u64::from(amount.min(31)));
    let v = match o.k {
        0 => e.bin(W32, Bin::Shl, m, by),
        1 if amount == 32 => e.k(W32, 0),
        1 => e.bin(W32, Bin::Shr, m, by),
        2 => e.bin(W32, Bin::Sar, m, by),
        _ => e.bin(W32, Bin::Ror, m, by),
    };
    (v, c)
}

/// The register m, shifted by type `k` and the low byte of the register a.
#[inline(always)]
pub fn shifted_reg<E: Emit>(e: &mut E, o: &Op, carry: bool) -> Second<E> {
    let m = e.x(W32, o.m);
    let by = e.x(W32, o.a);
    let by = e.ext(W64, 8, false, by);
    if o.k == 3 {
        let v = e.bin(W32, Bin::Ror, m, by);
        let c = carry.then(|| {
            // Nothing is shifted out by nothing.
            let none = e.is_zero(W64, by);
            let top = e.k(W32, 31);
            let out = e.bin(W32, Bin::Shr, v, top);
            let old = e.carry(W32);
            let c = e.select(W32, none, old, out);
            e.has_bit(c, 0)
        });
        return (v, c);
    }
    // Beyond 63 the result is that of 63, in 64 bits.
    let (beyond, most) = (e.k(W64, 0xc0), e.k(W64, 63));
    let beyond = e.bin(W64, Bin::And, by, beyond);
    let within = e.is_zero(W64, beyond);
    let by = e.select(W64, within, by, most);
    let wide = e.ext(W64, 32, o.k == 2, m);
    let op = match o.k {
        0 => Bin::Shl,
        1 => Bin::Shr,
        _ => Bin::Sar,
    };
    let v = e.bin(W64, op, wide, by);
    let v = e.ext(W32, 32, false, v);
    let c = carry.then(|| {
        // The old carry stands where the bit shifted out will: a shift by nothing keeps it.
        let old = e.carry(W64);
        if o.k == 0 {
            let up = e.k(W64, 32);
            let old = e.bin(W64, Bin::Shl, old, up);
            let both = e.bin(W64, Bin::Or, wide, old);
            let out = e.bin(W64, op, both, by);
            return e.has_bit(out, 32);
        }
        let one = e.k(W64, 1);
        let up = e.bin(W64, Bin::Shl, wide, one);
        let both = e.bin(W64, Bin::Or, up, old);
        let out = e.bin(W64, op, both, by);
        e.has_bit(out, 0)
    });
    (v, c)
}

// Data processing.

/// What data processing computes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alu {
    And,
    Eor,
    Sub,
    Rsb,
    Add,
    Adc,
    Sbc,
    Rsc,
    Orr,
    Mov,
    Bic,
    Mvn,
    Orn,
}

#[inline(always)]
fn logic<E: Emit>(e: &mut E, alu: Alu, n: E::V, b: E::V) -> E::V {
    match alu {
        Alu::And => e.bin(W32, Bin::And, n, b),
        Alu::Eor => e.bin(W32, Bin::Xor, n, b),
        Alu::Orr => e.bin(W32, Bin::Or, n, b),
        Alu::Mov => b,
        Alu::Mvn => e.un(W32, Un::Not, b),
        Alu::Bic => {
            let b = e.un(W32, Un::Not, b);
            e.bin(W32, Bin::And, n, b)
        }
        _ => {
            let b = e.un(W32, Un::Not, b);
            e.bin(W32, Bin::Or, n, b)
        }
    }
}

#[inline(always)]
fn with_carry<E: Emit>(e: &mut E, s: bool, a: E::V, b: E::V, invert: bool) -> E::V {
    let b = if invert { e.un(W32, Un::Not, b) } else { b };
    if s {
        return e.adcs(W32, a, b);
    }
    let c = e.carry(W32);
    let sum = e.bin(W32, Bin::Add, a, b);
    e.bin(W32, Bin::Add, sum, c)
}

#[inline(always)]
fn arithmetic<E: Emit>(e: &mut E, s: bool, alu: Alu, n: E::V, b: E::V) -> E::V {
    match alu {
        Alu::Add if s => e.adds(W32, n, b),
        Alu::Add => e.bin(W32, Bin::Add, n, b),
        Alu::Sub if s => e.subs(W32, n, b),
        Alu::Sub => e.bin(W32, Bin::Sub, n, b),
        Alu::Rsb if s => e.subs(W32, b, n),
        Alu::Rsb => e.bin(W32, Bin::Sub, b, n),
        Alu::Adc => with_carry(e, s, n, b, false),
        Alu::Sbc => with_carry(e, s, n, b, true),
        _ => with_carry(e, s, b, n, true),
    }
}

const fn is_arithmetic(alu: Alu) -> bool {
    matches!(
        alu,
        Alu::Sub | Alu::Rsb | Alu::Add | Alu::Adc | Alu::Sbc | Alu::Rsc
    )
}

#[inline(always)]
fn computed<E: Emit>(
    e: &mut E,
    o: &Op,
    s: bool,
    alu: Alu,
    second: impl Fn(&mut E, &Op, bool) -> Second<E>,
) -> E::V {
    let n = e.x(W32, o.n);
    if is_arithmetic(alu) {
        let (b, _) = second(e, o, false);
        return arithmetic(e, s, alu, n, b);
    }
    let (b, c) = second(e, o, s);
    let r = logic(e, alu, n, b);
    if s {
        e.flags_logic(W32, r, c);
    }
    r
}

/// d = n alu second, with flags if asked.
#[inline(always)]
pub fn dp<E: Emit>(
    e: &mut E,
    o: &Op,
    s: bool,
    alu: Alu,
    second: impl Fn(&mut E, &Op, bool) -> Second<E>,
) -> Step {
    let r = computed(e, o, s, alu, second);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// The flags of n alu second.
#[inline(always)]
pub fn test<E: Emit>(
    e: &mut E,
    o: &Op,
    alu: Alu,
    second: impl Fn(&mut E, &Op, bool) -> Second<E>,
) -> Step {
    computed(e, o, true, alu, second);
    Ok(())
}

/// d = op m.
#[inline(always)]
pub fn un<E: Emit>(e: &mut E, o: &Op, op: Un) -> Step {
    let m = e.x(W32, o.m);
    let r = e.un(W32, op, m);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// d = the bytes of m's low half reversed, sign-extended.
#[inline(always)]
pub fn revsh<E: Emit>(e: &mut E, o: &Op) -> Step {
    let m = e.x(W32, o.m);
    let r = e.un(W32, Un::Rev16, m);
    let r = e.ext(W32, 16, true, r);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// d = the immediate.
#[inline(always)]
pub fn constant<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = e.k(W32, o.imm);
    e.set_x(W32, o.d, v);
    Ok(())
}

/// The upper half of d = the immediate.
#[inline(always)]
pub fn movt<E: Emit>(e: &mut E, o: &Op) -> Step {
    let low = e.x(W32, o.d);
    let low = e.ext(W32, 16, false, low);
    let high = e.k(W32, o.imm << 16);
    let r = e.bin(W32, Bin::Or, low, high);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// d = `l` bits of n from bit `k`.
#[inline(always)]
pub fn extract<E: Emit>(e: &mut E, o: &Op, signed: bool) -> Step {
    let n = e.x(W32, o.n);
    let (width, from) = (u64::from(o.l), u64::from(o.k));
    let (up, down) = (e.k(W32, 32 - width - from), e.k(W32, 32 - width));
    let high = e.bin(W32, Bin::Shl, n, up);
    let r = e.bin(W32, if signed { Bin::Sar } else { Bin::Shr }, high, down);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// `l` bits of d from bit `k` = the low bits of n.
#[inline(always)]
pub fn insert<E: Emit>(e: &mut E, o: &Op) -> Step {
    let mask = (u64::MAX >> (64 - u32::from(o.l))) << o.k;
    let n = e.x(W32, o.n);
    let by = e.k(W32, u64::from(o.k));
    let field = e.bin(W32, Bin::Shl, n, by);
    let (inside, outside) = (e.k(W32, mask), e.k(W32, !mask));
    let field = e.bin(W32, Bin::And, field, inside);
    let old = e.x(W32, o.d);
    let rest = e.bin(W32, Bin::And, old, outside);
    let r = e.bin(W32, Bin::Or, rest, field);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// d = n + the low bits of m rotated right by `l`, extended.
#[inline(always)]
pub fn extend_add<E: Emit>(e: &mut E, o: &Op, bits: u32, signed: bool) -> Step {
    let mut v = e.x(W32, o.m);
    if o.l != 0 {
        let by = e.k(W32, u64::from(o.l));
        v = e.bin(W32, Bin::Ror, v, by);
    }
    let mut v = e.ext(W32, bits, signed, v);
    if o.n != Reg::Zero {
        let n = e.x(W32, o.n);
        v = e.bin(W32, Bin::Add, n, v);
    }
    e.set_x(W32, o.d, v);
    Ok(())
}

/// d = one half of n and the other of m shifted.
#[inline(always)]
pub fn pack<E: Emit>(e: &mut E, o: &Op, top: bool) -> Step {
    let n = e.x(W32, o.n);
    let (m, _) = shifted(e, o, false);
    let (low, high) = if top { (m, n) } else { (n, m) };
    let low = e.ext(W32, 16, false, low);
    let mask = e.k(W32, 0xffff_0000);
    let high = e.bin(W32, Bin::And, high, mask);
    let r = e.bin(W32, Bin::Or, low, high);
    e.set_x(W32, o.d, r);
    Ok(())
}

// Multiplication.

/// d = n * m, plus a or subtracted from it.
#[inline(always)]
pub fn mul<E: Emit>(e: &mut E, o: &Op, s: bool, with: Option<Bin>) -> Step {
    let (n, m) = (e.x(W32, o.n), e.x(W32, o.m));
    let mut r = e.bin(W32, Bin::Mul, n, m);
    if let Some(op) = with {
        let a = e.x(W32, o.a);
        r = e.bin(W32, op, a, r);
    }
    if s {
        e.flags_logic(W32, r, None);
    }
    e.set_x(W32, o.d, r);
    Ok(())
}

#[inline(always)]
fn set_pair<E: Emit>(e: &mut E, o: &Op, v: E::V) {
    let by = e.k(W64, 32);
    let low = e.ext(W32, 32, false, v);
    let high = e.bin(W64, Bin::Shr, v, by);
    let high = e.ext(W32, 32, false, high);
    e.set_x(W32, o.d, low);
    e.set_x(W32, o.a, high);
}

#[inline(always)]
fn pair<E: Emit>(e: &mut E, low: Reg, high: Reg) -> E::V {
    let (low, high) = (e.x(W32, low), e.x(W32, high));
    let low = e.ext(W64, 32, false, low);
    let high = e.ext(W64, 32, false, high);
    let by = e.k(W64, 32);
    let high = e.bin(W64, Bin::Shl, high, by);
    e.bin(W64, Bin::Or, low, high)
}

/// a:d = n * m, plus a:d if asked.
#[inline(always)]
pub fn mul_long<E: Emit>(e: &mut E, o: &Op, s: bool, signed: bool, add: bool) -> Step {
    let (n, m) = (e.x(W32, o.n), e.x(W32, o.m));
    let n = e.ext(W64, 32, signed, n);
    let m = e.ext(W64, 32, signed, m);
    let mut r = e.bin(W64, Bin::Mul, n, m);
    if add {
        let old = pair(e, o.d, o.a);
        r = e.bin(W64, Bin::Add, old, r);
    }
    if s {
        e.flags_logic(W64, r, None);
    }
    set_pair(e, o, r);
    Ok(())
}

/// a:d = n * m + a + d.
#[inline(always)]
pub fn umaal<E: Emit>(e: &mut E, o: &Op) -> Step {
    let mut r = e.k(W64, 0);
    for reg in [o.d, o.a] {
        let v = e.x(W32, reg);
        let v = e.ext(W64, 32, false, v);
        r = e.bin(W64, Bin::Add, r, v);
    }
    let (n, m) = (e.x(W32, o.n), e.x(W32, o.m));
    let n = e.ext(W64, 32, false, n);
    let m = e.ext(W64, 32, false, m);
    let product = e.bin(W64, Bin::Mul, n, m);
    let r = e.bin(W64, Bin::Add, r, product);
    set_pair(e, o, r);
    Ok(())
}

/// d = n / m.
#[inline(always)]
pub fn divide<E: Emit>(e: &mut E, o: &Op, op: Bin) -> Step {
    let (n, m) = (e.x(W32, o.n), e.x(W32, o.m));
    let r = e.bin(W32, op, n, m);
    e.set_x(W32, o.d, r);
    Ok(())
}

// Plain functions: of m:n and a third value, giving the result and above it what becomes of flags.

/// What the bits above a plain function's result are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// Nothing.
    Nothing,
    /// Whether it saturated.
    Q,
    /// The GE flags.
    Ge,
}

/// d = f(m:n, a).
#[inline(always)]
pub fn plain<E: Emit>(e: &mut E, o: &Op, above: Above, f: fn(u64, u64) -> u64) -> Step {
    let both = pair(e, o.n, o.m);
    let a = e.x(W64, o.a);
    finish(e, o, above, both, a, f)
}

/// d = f(n, the immediate and `l` in bits 63 to 32).
#[inline(always)]
pub fn plain_imm<E: Emit>(e: &mut E, o: &Op, above: Above, f: fn(u64, u64) -> u64) -> Step {
    let n = if o.m == Reg::Zero {
        e.x(W64, o.n)
    } else {
        let (m, _) = shifted(e, o, false);
        e.ext(W64, 32, false, m)
    };
    let k = e.k(W64, o.imm);
    finish(e, o, above, n, k, f)
}

/// d = f(m:n, the immediate).
#[inline(always)]
pub fn plain_rotated<E: Emit>(e: &mut E, o: &Op, f: fn(u64, u64) -> u64) -> Step {
    let both = pair(e, o.n, o.m);
    let k = e.k(W64, o.imm);
    finish(e, o, Above::Nothing, both, k, f)
}

#[inline(always)]
fn finish<E: Emit>(
    e: &mut E,
    o: &Op,
    above: Above,
    x: E::V,
    y: E::V,
    f: fn(u64, u64) -> u64,
) -> Step {
    let r = e.pure2(x, y, f);
    let low = e.ext(W32, 32, false, r);
    e.set_x(W32, o.d, low);
    if above != Above::Nothing {
        let by = e.k(W64, 32);
        let high = e.bin(W64, Bin::Shr, r, by);
        let sys = if above == Above::Q {
            Sys::Saturated
        } else {
            Sys::Ge
        };
        e.msr(sys, high)?;
    }
    Ok(())
}

/// a:d = f(m:n, a:d).
#[inline(always)]
pub fn plain_long<E: Emit>(e: &mut E, o: &Op, f: fn(u64, u64) -> u64) -> Step {
    let both = pair(e, o.n, o.m);
    let old = pair(e, o.d, o.a);
    let r = e.pure2(both, old, f);
    set_pair(e, o, r);
    Ok(())
}

/// d = bytes of n where GE is set, else of m.
#[inline(always)]
pub fn select_bytes<E: Emit>(e: &mut E, o: &Op) -> Step {
    let both = pair(e, o.n, o.m);
    let ge = e.mrs(Sys::Ge)?;
    let r = e.pure2(both, ge, super::dsp::select);
    e.set_x(W32, o.d, r);
    Ok(())
}

/// d = a step of CRC-32 from n over m.
#[inline(always)]
pub fn crc<E: Emit>(e: &mut E, o: &Op, f: fn(u64, u64) -> u64) -> Step {
    let (n, m) = (e.x(W64, o.n), e.x(W64, o.m));
    let r = e.pure2(n, m, f);
    e.set_x(W32, o.d, r);
    Ok(())
}

// Branches.

/// Branches to the target under condition `k`.
#[inline(always)]
pub fn branch<E: Emit>(e: &mut E, o: &Op) -> Step {
    if o.k >= 14 {
        return e.jump(o.imm, Kind::Jump);
    }
    let c = e.cond(o.k);
    e.jump_if(c, o.imm)
}

/// Calls the target.
#[inline(always)]
pub fn call<E: Emit>(e: &mut E, o: &Op) -> Step {
    let link = e.k(W32, o.next);
    e.set_x(W32, LINK, link);
    e.jump(o.imm, Kind::Call)
}

/// Calls the location in m.
#[inline(always)]
pub fn call_reg<E: Emit>(e: &mut E, o: &Op) -> Step {
    let target = e.x(W32, o.m);
    let link = e.k(W32, o.next);
    e.set_x(W32, LINK, link);
    e.jump_to(target, Kind::Call)
}

/// Branches to the location in m.
#[inline(always)]
pub fn jump_reg<E: Emit>(e: &mut E, o: &Op) -> Step {
    let target = e.x(W32, o.m);
    let kind = if o.m == LINK {
        Kind::Return
    } else {
        Kind::Jump
    };
    e.jump_to(target, kind)
}

/// Branches if n is zero, or is not.
#[inline(always)]
pub fn branch_zero<E: Emit>(e: &mut E, o: &Op, zero: bool) -> Step {
    let v = e.x(W32, o.n);
    let c = e.is_zero(W32, v);
    let c = if zero { c } else { e.not_c(c) };
    e.jump_if(c, o.imm)
}

/// Branches forward by twice the number in a table.
#[inline(always)]
pub fn branch_table<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let base = e.x(W32, o.n);
    let index = e.x(W32, o.m);
    let by = e.k(W32, u64::from(log2));
    let index = e.bin(W32, Bin::Shl, index, by);
    let addr = e.bin(W32, Bin::Add, base, index);
    let v = e.load(log2, addr)?;
    let one = e.k(W32, 1);
    let twice = e.bin(W32, Bin::Shl, v, one);
    let pc = e.k(W32, pc_value(o) | THUMB);
    let target = e.bin(W32, Bin::Add, pc, twice);
    e.jump_to(target, Kind::Jump)
}

// System.

/// d = a system register.
#[inline(always)]
pub fn mrs<E: Emit>(e: &mut E, o: &Op, sys: Sys) -> Step {
    let v = e.mrs(sys)?;
    let v = e.ext(W32, 32, false, v);
    e.set_x(W32, o.d, v);
    Ok(())
}

/// d and a = the halves of a system register.
#[inline(always)]
pub fn mrs_pair<E: Emit>(e: &mut E, o: &Op, sys: Sys) -> Step {
    let v = e.mrs(sys)?;
    set_pair(e, o, v);
    Ok(())
}

/// A system register = d.
#[inline(always)]
pub fn msr<E: Emit>(e: &mut E, o: &Op, sys: Sys) -> Step {
    let v = e.x(W32, o.d);
    e.msr(sys, v)
}

/// The fields of the status register that `k` names = n or the immediate.
#[inline(always)]
pub fn msr_apsr<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = if o.n == Reg::Zero {
        e.k(W32, o.imm)
    } else {
        e.x(W32, o.n)
    };
    if o.k & 8 != 0 {
        e.msr(Sys::ApsrNzcvq, v)?;
    }
    if o.k & 4 != 0 {
        let by = e.k(W32, 16);
        let ge = e.bin(W32, Bin::Shr, v, by);
        e.msr(Sys::Ge, ge)?;
    }
    Ok(())
}

/// A memory barrier.
#[inline(always)]
pub fn barrier<E: Emit>(e: &mut E) -> Step {
    e.barrier();
    Ok(())
}

// Loads and stores.

/// An address, and what the base register becomes.
pub type Address<E> = (<E as Emit>::V, Option<<E as Emit>::V>);

/// Base and immediate.
#[inline(always)]
pub fn off<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let base = e.x(W32, o.n);
    let imm = e.k(W32, o.imm);
    (e.bin(W32, Bin::Add, base, imm), None)
}

/// Base and immediate; the base moves.
#[inline(always)]
pub fn pre<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let (addr, _) = off(e, o);
    (addr, Some(addr))
}

/// Base; then it moves by the immediate.
#[inline(always)]
pub fn post<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let base = e.x(W32, o.n);
    let (moved, _) = off(e, o);
    (base, Some(moved))
}

/// A constant address.
#[inline(always)]
pub fn literal<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    (e.k(W32, o.imm), None)
}

/// Base and register, shifted; subtracted if `imm` is not 0.
#[inline(always)]
pub fn off_reg<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let base = e.x(W32, o.n);
    let (m, _) = shifted(e, o, false);
    let op = if o.imm == 0 { Bin::Add } else { Bin::Sub };
    (e.bin(W32, op, base, m), None)
}

/// As [`off_reg`]; the base moves.
#[inline(always)]
pub fn pre_reg<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let (addr, _) = off_reg(e, o);
    (addr, Some(addr))
}

/// Base; then it moves as in [`off_reg`].
#[inline(always)]
pub fn post_reg<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let base = e.x(W32, o.n);
    let (moved, _) = off_reg(e, o);
    (base, Some(moved))
}

/// Base and register.
#[inline(always)]
pub fn index<E: Emit>(e: &mut E, o: &Op) -> Address<E> {
    let (base, m) = (e.x(W32, o.n), e.x(W32, o.m));
    (e.bin(W32, Bin::Add, base, m), None)
}

#[inline(always)]
fn write_back<E: Emit>(e: &mut E, o: &Op, moved: Option<E::V>) {
    if let Some(base) = moved {
        e.set_x(W32, o.n, base);
    }
}

/// Loads `1 << log2` bytes.
#[inline(always)]
pub fn load<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    signed: bool,
    address: impl Fn(&mut E, &Op) -> Address<E>,
) -> Step {
    let (addr, moved) = address(e, o);
    let v = e.load(log2, addr)?;
    let v = e.ext(W32, 8 << log2, signed, v);
    write_back(e, o, moved);
    e.set_x(W32, o.d, v);
    Ok(())
}

/// Stores the low bytes.
#[inline(always)]
pub fn store<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E>,
) -> Step {
    let (addr, moved) = address(e, o);
    let v = e.x(W32, o.d);
    e.store(log2, addr, v)?;
    write_back(e, o, moved);
    Ok(())
}

/// Loads two words.
#[inline(always)]
pub fn load_pair<E: Emit>(e: &mut E, o: &Op, address: impl Fn(&mut E, &Op) -> Address<E>) -> Step {
    let (addr, moved) = address(e, o);
    e.aligned(2, addr, false)?;
    let (a, b) = e.load2(2, addr)?;
    let a = e.ext(W32, 32, false, a);
    let b = e.ext(W32, 32, false, b);
    write_back(e, o, moved);
    e.set_x(W32, o.d, a);
    e.set_x(W32, o.a, b);
    Ok(())
}

/// Stores two words.
#[inline(always)]
pub fn store_pair<E: Emit>(e: &mut E, o: &Op, address: impl Fn(&mut E, &Op) -> Address<E>) -> Step {
    let (addr, moved) = address(e, o);
    e.aligned(2, addr, true)?;
    let (a, b) = (e.x(W32, o.d), e.x(W32, o.a));
    let a = e.ext(W64, 32, false, a);
    let b = e.ext(W64, 32, false, b);
    e.store2(2, addr, a, b)?;
    write_back(e, o, moved);
    Ok(())
}

/// Where registers of a list go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the base upward.
    IncrementAfter,
    /// From behind the base upward.
    IncrementBefore,
    /// Up to the base.
    DecrementAfter,
    /// Up to below the base.
    DecrementBefore,
}

use Order::{DecrementAfter, DecrementBefore, IncrementAfter, IncrementBefore};

/// The lowest address, and where the base moves.
#[inline(always)]
fn span<E: Emit>(e: &mut E, o: &Op, order: Order) -> (E::V, E::V) {
    let base = e.x(W32, o.n);
    let bytes = 4 * u64::from((o.imm as u16).count_ones());
    let (first, end) = match order {
        IncrementAfter => (0, bytes),
        IncrementBefore => (4, bytes),
        DecrementAfter => (4u64.wrapping_sub(bytes), bytes.wrapping_neg()),
        DecrementBefore => (bytes.wrapping_neg(), bytes.wrapping_neg()),
    };
    let (first, end) = (e.k(W32, first), e.k(W32, end));
    let first = e.bin(W32, Bin::Add, base, first);
    (first, e.bin(W32, Bin::Add, base, end))
}

fn listed(list: u64) -> impl Iterator<Item = Reg> {
    (0..16).filter(move |n| list >> n & 1 != 0).map(Reg::sp)
}

#[inline(always)]
fn further<E: Emit>(e: &mut E, addr: E::V, bytes: u64) -> E::V {
    let offset = e.k(W32, bytes);
    e.bin(W32, Bin::Add, addr, offset)
}

/// Loads the registers in the list `imm`; the base moves if `k` is 1.
pub fn load_many<E: Emit>(e: &mut E, o: &Op, order: Order) -> Step {
    let (first, end) = span(e, o, order);
    e.aligned(2, first, false)?;
    let mut values = [None; 16];
    for (i, value) in (0u64..).zip(values.iter_mut().take((o.imm as u16).count_ones() as usize)) {
        let addr = further(e, first, 4 * i);
        *value = Some(e.load(2, addr)?);
    }
    if o.k != 0 {
        e.set_x(W32, o.n, end);
    }
    for (reg, value) in listed(o.imm).zip(values.into_iter().flatten()) {
        let value = e.ext(W32, 32, false, value);
        e.set_x(W32, reg, value);
    }
    Ok(())
}

/// Stores the registers in the list `imm`; the base moves if `k` is 1.
pub fn store_many<E: Emit>(e: &mut E, o: &Op, order: Order) -> Step {
    let (first, end) = span(e, o, order);
    e.aligned(2, first, true)?;
    for (i, reg) in (0u64..).zip(listed(o.imm)) {
        let addr = further(e, first, 4 * i);
        let v = e.x(W32, reg);
        e.store(2, addr, v)?;
    }
    if o.k != 0 {
        e.set_x(W32, o.n, end);
    }
    Ok(())
}

// Exclusives and ordered accesses.

/// A load that is ordered.
pub fn load_ordered<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W32, o.n);
    e.aligned(log2, addr, false)?;
    let v = e.load(log2, addr)?;
    e.barrier();
    let v = e.ext(W32, 8 << log2, false, v);
    e.set_x(W32, o.d, v);
    Ok(())
}

/// A store that is ordered.
pub fn store_ordered<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W32, o.n);
    e.aligned(log2, addr, true)?;
    e.barrier();
    let v = e.x(W32, o.d);
    e.store(log2, addr, v)?;
    e.barrier();
    Ok(())
}

/// A load that takes the monitor.
pub fn load_exclusive<E: Emit>(e: &mut E, o: &Op, log2: u8, two: bool) -> Step {
    let (addr, _) = off(e, o);
    let (a, b) = e.load_exclusive(log2, two, addr)?;
    e.barrier();
    let a = e.ext(W32, 32, false, a);
    e.set_x(W32, o.d, a);
    if two {
        let b = e.ext(W32, 32, false, b);
        e.set_x(W32, o.a, b);
    }
    Ok(())
}

/// A store that needs the monitor; m tells whether it took place.
pub fn store_exclusive<E: Emit>(e: &mut E, o: &Op, log2: u8, two: bool) -> Step {
    let (addr, _) = off(e, o);
    let (a, b) = (e.x(W64, o.d), e.x(W64, o.a));
    let status = e.store_exclusive(log2, two, addr, (a, b))?;
    e.set_x(W32, o.m, status);
    Ok(())
}
