//! The shapes that meanings of A64 instructions share.

use crate::emit::{Bin, Emit, Kind, Rmw, Step, Sys, Un, W};
use crate::float::{Env, Rounding, Type};
use crate::op::{Op, Reg};
use crate::vector::{self, Sign, Vfp};

use W::{W32, W64};

/// log2 of the bytes of a register.
pub const fn word(w: W) -> u8 {
    match w {
        W32 => 2,
        W64 => 3,
    }
}

// Second operands.

/// The immediate.
#[inline(always)]
pub fn imm<E: Emit>(e: &mut E, o: &Op, w: W) -> E::V {
    e.k(w, o.imm)
}

/// The register m.
#[inline(always)]
pub fn reg<E: Emit>(e: &mut E, o: &Op, w: W) -> E::V {
    e.x(w, o.m)
}

/// The register m, shifted by type `k` and amount `l`.
#[inline(always)]
pub fn shifted<E: Emit>(e: &mut E, o: &Op, w: W) -> E::V {
    let m = e.x(w, o.m);
    let amount = e.k(w, u64::from(o.l));
    match o.k {
        0 => e.bin(w, Bin::Shl, m, amount),
        1 => e.bin(w, Bin::Shr, m, amount),
        2 => e.bin(w, Bin::Sar, m, amount),
        _ => e.bin(w, Bin::Ror, m, amount),
    }
}

/// The complement of [`shifted`].
#[inline(always)]
pub fn inverted<E: Emit>(e: &mut E, o: &Op, w: W) -> E::V {
    let m = shifted(e, o, w);
    e.un(w, Un::Not, m)
}

/// The register m, extended by option `k` and shifted left by `l`.
#[inline(always)]
pub fn extended<E: Emit>(e: &mut E, o: &Op, w: W) -> E::V {
    let m = e.x(W64, o.m);
    let m = e.ext(w, 8 << (o.k & 3), o.k & 4 != 0, m);
    if o.l == 0 {
        return m;
    }
    let amount = e.k(w, u64::from(o.l));
    e.bin(w, Bin::Shl, m, amount)
}

// Integer arithmetic.

/// d = n op second.
#[inline(always)]
pub fn bin<E: Emit>(
    e: &mut E,
    o: &Op,
    w: W,
    op: Bin,
    second: impl Fn(&mut E, &Op, W) -> E::V,
) -> Step {
    let n = e.x(w, o.n);
    let b = second(e, o, w);
    let r = e.bin(w, op, n, b);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = n + second, with flags.
#[inline(always)]
pub fn adds<E: Emit>(e: &mut E, o: &Op, w: W, second: impl Fn(&mut E, &Op, W) -> E::V) -> Step {
    let n = e.x(w, o.n);
    let b = second(e, o, w);
    let r = e.adds(w, n, b);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = n - second, with flags.
#[inline(always)]
pub fn subs<E: Emit>(e: &mut E, o: &Op, w: W, second: impl Fn(&mut E, &Op, W) -> E::V) -> Step {
    let n = e.x(w, o.n);
    let b = second(e, o, w);
    let r = e.subs(w, n, b);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = n & second, with flags.
#[inline(always)]
pub fn ands<E: Emit>(e: &mut E, o: &Op, w: W, second: impl Fn(&mut E, &Op, W) -> E::V) -> Step {
    let n = e.x(w, o.n);
    let b = second(e, o, w);
    let r = e.bin(w, Bin::And, n, b);
    e.flags_nz(w, r);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = n + m + carry, or n + !m + carry.
#[inline(always)]
pub fn adc<E: Emit>(e: &mut E, o: &Op, w: W, invert: bool, flags: bool) -> Step {
    let n = e.x(w, o.n);
    let m = e.x(w, o.m);
    let m = if invert { e.un(w, Un::Not, m) } else { m };
    let r = if flags {
        e.adcs(w, n, m)
    } else {
        let c = e.carry(w);
        let sum = e.bin(w, Bin::Add, n, m);
        e.bin(w, Bin::Add, sum, c)
    };
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = op n.
#[inline(always)]
pub fn un<E: Emit>(e: &mut E, o: &Op, w: W, op: Un) -> Step {
    let n = e.x(w, o.n);
    let r = e.un(w, op, n);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = a constant.
#[inline(always)]
pub fn constant<E: Emit>(e: &mut E, o: &Op, w: W, value: u64) -> Step {
    let v = e.k(w, value);
    e.set_x(w, o.d, v);
    Ok(())
}

/// Replaces sixteen bits of d.
#[inline(always)]
pub fn movk<E: Emit>(e: &mut E, o: &Op, w: W) -> Step {
    let old = e.x(w, o.n);
    let mask = e.k(w, !(0xffff << o.k));
    let kept = e.bin(w, Bin::And, old, mask);
    let new = e.k(w, o.imm);
    let r = e.bin(w, Bin::Or, kept, new);
    e.set_x(w, o.d, r);
    Ok(())
}

/// What a bit-field move fills the rest with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Zeros.
    Zero,
    /// The field's sign.
    Sign,
    /// What the destination held.
    Keep,
}

/// Moves a bit field: `k` is immr, `l` is imms.
#[inline(always)]
pub fn bitfield<E: Emit>(e: &mut E, o: &Op, w: W, fill: Fill) -> Step {
    let bits = w.bits();
    let (r, s) = (u32::from(o.k), u32::from(o.l));
    let n = e.x(w, o.n);
    // The field's length, and where it comes from and goes to.
    let (len, to) = if s >= r {
        (s - r + 1, 0)
    } else {
        (s + 1, bits - r)
    };
    let top = e.k(w, u64::from(bits - 1 - s));
    let down = e.k(w, u64::from(bits - len - to));
    let high = e.bin(w, Bin::Shl, n, top);
    let result = match fill {
        Fill::Sign => e.bin(w, Bin::Sar, high, down),
        Fill::Zero => e.bin(w, Bin::Shr, high, down),
        Fill::Keep => {
            let mask = (w.mask() >> (bits - len)) << to;
            let field = e.bin(w, Bin::Shr, high, down);
            let field_mask = e.k(w, mask);
            let field = e.bin(w, Bin::And, field, field_mask);
            let old = e.x(w, o.a);
            let rest_mask = e.k(w, !mask);
            let rest = e.bin(w, Bin::And, old, rest_mask);
            e.bin(w, Bin::Or, field, rest)
        }
    };
    let result = if fill != Fill::Keep && to != 0 {
        // The bits below the field are zero.
        let mask = e.k(w, w.mask() << to);
        e.bin(w, Bin::And, result, mask)
    } else {
        result
    };
    e.set_x(w, o.d, result);
    Ok(())
}

/// d = the register pair n:m from bit `k`.
#[inline(always)]
pub fn extract<E: Emit>(e: &mut E, o: &Op, w: W) -> Step {
    let low = e.x(w, o.m);
    let high = e.x(w, o.n);
    let r = if o.k == 0 {
        low
    } else {
        let down = e.k(w, u64::from(o.k));
        let up = e.k(w, u64::from(w.bits()) - u64::from(o.k));
        let low = e.bin(w, Bin::Shr, low, down);
        let high = e.bin(w, Bin::Shl, high, up);
        e.bin(w, Bin::Or, low, high)
    };
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = a + n * m, or a - n * m.
#[inline(always)]
pub fn mul_add<E: Emit>(e: &mut E, o: &Op, w: W, op: Bin) -> Step {
    let (n, m) = (e.x(w, o.n), e.x(w, o.m));
    let a = e.x(w, o.a);
    let product = e.bin(w, Bin::Mul, n, m);
    let r = e.bin(w, op, a, product);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = a op n * m, from 32-bit factors to 64 bits.
#[inline(always)]
pub fn mul_add_long<E: Emit>(e: &mut E, o: &Op, op: Bin, signed: bool) -> Step {
    let (n, m) = (e.x(W64, o.n), e.x(W64, o.m));
    let n = e.ext(W64, 32, signed, n);
    let m = e.ext(W64, 32, signed, m);
    let a = e.x(W64, o.a);
    let product = e.bin(W64, Bin::Mul, n, m);
    let r = e.bin(W64, op, a, product);
    e.set_x(W64, o.d, r);
    Ok(())
}

/// Compares under a condition.
#[inline(always)]
pub fn compare_if<E: Emit>(
    e: &mut E,
    o: &Op,
    w: W,
    sub: bool,
    second: impl Fn(&mut E, &Op, W) -> E::V,
) -> Step {
    let c = e.cond(o.k);
    let n = e.x(w, o.n);
    let b = second(e, o, w);
    e.compare_if(w, c, sub, n, b, o.l);
    Ok(())
}

/// d = n, or m after the changes asked for.
#[inline(always)]
pub fn select<E: Emit>(e: &mut E, o: &Op, w: W, invert: bool, increment: bool) -> Step {
    let c = e.cond(o.k);
    let n = e.x(w, o.n);
    let mut m = e.x(w, o.m);
    if invert {
        m = e.un(w, Un::Not, m);
    }
    if increment {
        let one = e.k(w, 1);
        m = e.bin(w, Bin::Add, m, one);
    }
    let r = e.select(w, c, n, m);
    e.set_x(w, o.d, r);
    Ok(())
}

/// d = f(n, m), a plain function.
#[inline(always)]
pub fn pure2<E: Emit>(e: &mut E, o: &Op, f: fn(u64, u64) -> u64) -> Step {
    let (n, m) = (e.x(W64, o.n), e.x(W64, o.m));
    let r = e.pure2(n, m, f);
    e.set_x(W32, o.d, r);
    Ok(())
}

// Branches.

/// Branches under condition `cond`.
#[inline(always)]
pub fn branch_cond<E: Emit>(e: &mut E, o: &Op, cond: u8) -> Step {
    let c = e.cond(cond);
    e.jump_if(c, o.imm)
}

/// Branches if a register is zero, or is not.
#[inline(always)]
pub fn branch_zero<E: Emit>(e: &mut E, o: &Op, w: W, zero: bool) -> Step {
    let v = e.x(w, o.d);
    let c = e.is_zero(w, v);
    let c = if zero { c } else { e.not_c(c) };
    e.jump_if(c, o.imm)
}

/// Branches if a bit is set, or is not.
#[inline(always)]
pub fn branch_bit<E: Emit>(e: &mut E, o: &Op, set: bool) -> Step {
    let v = e.x(W64, o.d);
    let c = e.has_bit(v, u32::from(o.k));
    let c = if set { c } else { e.not_c(c) };
    e.jump_if(c, o.imm)
}

/// Calls the target.
#[inline(always)]
pub fn call<E: Emit>(e: &mut E, o: &Op) -> Step {
    let link = e.k(W64, o.next);
    e.set_x(W64, Reg::R30, link);
    e.jump(o.imm, Kind::Call)
}

/// Calls the address in n.
#[inline(always)]
pub fn call_reg<E: Emit>(e: &mut E, o: &Op) -> Step {
    let target = e.x(W64, o.n);
    let link = e.k(W64, o.next);
    e.set_x(W64, Reg::R30, link);
    e.jump_to(target, Kind::Call)
}

/// Branches to the address in n.
#[inline(always)]
pub fn jump_reg<E: Emit>(e: &mut E, o: &Op, kind: Kind) -> Step {
    let target = e.x(W64, o.n);
    e.jump_to(target, kind)
}

// System.

/// d = a system register.
#[inline(always)]
pub fn mrs<E: Emit>(e: &mut E, o: &Op, sys: Sys) -> Step {
    let v = e.mrs(sys)?;
    e.set_x(W64, o.d, v);
    Ok(())
}

/// A system register = d.
#[inline(always)]
pub fn msr<E: Emit>(e: &mut E, o: &Op, sys: Sys) -> Step {
    let v = e.x(W64, o.d);
    e.msr(sys, v)
}

/// Zeroes the 64-byte block around an address.
pub fn zero_block<E: Emit>(e: &mut E, o: &Op) -> Step {
    let addr = e.x(W64, o.d);
    let mask = e.k(W64, !63);
    let base = e.bin(W64, Bin::And, addr, mask);
    let zero = e.k(W64, 0);
    for at in 0..4 {
        let offset = e.k(W64, 16 * at);
        let addr = e.bin(W64, Bin::Add, base, offset);
        e.store2(3, addr, zero, zero)?;
    }
    Ok(())
}

/// A cache operation on an address: a readable one, or it faults.
pub fn cache_line<E: Emit>(e: &mut E, o: &Op) -> Step {
    let addr = e.x(W64, o.d);
    e.load(0, addr)?;
    Ok(())
}

// Loads and stores.

/// An address, and what the base register becomes.
pub type Address<V> = (V, Option<V>);

/// Base and immediate.
#[inline(always)]
pub fn off<E: Emit>(e: &mut E, o: &Op) -> Address<E::V> {
    let base = e.x(W64, o.n);
    let imm = e.k(W64, o.imm);
    (e.bin(W64, Bin::Add, base, imm), None)
}

/// Base and immediate; the base moves.
#[inline(always)]
pub fn pre<E: Emit>(e: &mut E, o: &Op) -> Address<E::V> {
    let (addr, _) = off(e, o);
    (addr, Some(addr))
}

/// Base; then it moves by the immediate.
#[inline(always)]
pub fn post<E: Emit>(e: &mut E, o: &Op) -> Address<E::V> {
    let base = e.x(W64, o.n);
    let (moved, _) = off(e, o);
    (base, Some(moved))
}

/// Base and extended, shifted register.
#[inline(always)]
pub fn idx<E: Emit>(e: &mut E, o: &Op) -> Address<E::V> {
    let base = e.x(W64, o.n);
    let offset = extended(e, o, W64);
    (e.bin(W64, Bin::Add, base, offset), None)
}

#[inline(always)]
fn write_back<E: Emit>(e: &mut E, o: &Op, moved: Option<E::V>) {
    if let Some(base) = moved {
        e.set_x(W64, o.n, base);
    }
}

/// Loads `1 << log2` bytes, zero-extended.
#[inline(always)]
pub fn load<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let v = e.load(log2, addr)?;
    write_back(e, o, moved);
    e.set_x(W64, o.d, v);
    Ok(())
}

/// Loads `1 << log2` bytes, sign-extended to a width.
#[inline(always)]
pub fn load_signed<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    w: W,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let v = e.load(log2, addr)?;
    let v = e.ext(w, 8 << log2, true, v);
    write_back(e, o, moved);
    e.set_x(w, o.d, v);
    Ok(())
}

/// Stores the low bytes.
#[inline(always)]
pub fn store<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let v = e.x(W64, o.d);
    e.store(log2, addr, v)?;
    write_back(e, o, moved);
    Ok(())
}

/// Loads from a constant address.
#[inline(always)]
pub fn load_literal<E: Emit>(e: &mut E, o: &Op, log2: u8, signed: bool) -> Step {
    let addr = e.k(W64, o.imm);
    let v = e.load(log2, addr)?;
    let v = e.ext(W64, 8 << log2, signed, v);
    e.set_x(W64, o.d, v);
    Ok(())
}

/// Loads a pair.
#[inline(always)]
pub fn load_pair<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    signed: bool,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let (a, b) = e.load2(log2, addr)?;
    let a = e.ext(W64, 8 << log2, signed, a);
    let b = e.ext(W64, 8 << log2, signed, b);
    write_back(e, o, moved);
    e.set_x(W64, o.d, a);
    e.set_x(W64, o.a, b);
    Ok(())
}

/// Stores a pair.
#[inline(always)]
pub fn store_pair<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let (a, b) = (e.x(W64, o.d), e.x(W64, o.a));
    e.store2(log2, addr, a, b)?;
    write_back(e, o, moved);
    Ok(())
}

/// Loads a vector register.
#[inline(always)]
pub fn load_v<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let q = e.load_q(log2, addr)?;
    write_back(e, o, moved);
    e.set_v(o.d, q);
    Ok(())
}

/// Stores a vector register.
#[inline(always)]
pub fn store_v<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let q = e.v(o.d);
    e.store_q(log2, addr, q)?;
    write_back(e, o, moved);
    Ok(())
}

#[inline(always)]
fn further<E: Emit>(e: &mut E, addr: E::V, bytes: u64) -> E::V {
    let offset = e.k(W64, bytes);
    e.bin(W64, Bin::Add, addr, offset)
}

/// Loads a vector register from a constant address.
#[inline(always)]
pub fn load_literal_v<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.k(W64, o.imm);
    let q = e.load_q(log2, addr)?;
    e.set_v(o.d, q);
    Ok(())
}

/// Loads a pair of vector registers.
#[inline(always)]
pub fn load_pair_v<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let a = e.load_q(log2, addr)?;
    let second = further(e, addr, 1 << log2);
    let b = e.load_q(log2, second)?;
    write_back(e, o, moved);
    e.set_v(o.d, a);
    e.set_v(o.a, b);
    Ok(())
}

/// Stores a pair of vector registers.
#[inline(always)]
pub fn store_pair_v<E: Emit>(
    e: &mut E,
    o: &Op,
    log2: u8,
    address: impl Fn(&mut E, &Op) -> Address<E::V>,
) -> Step {
    let (addr, moved) = address(e, o);
    let (a, b) = (e.v(o.d), e.v(o.a));
    e.store_q(log2, addr, a)?;
    let second = further(e, addr, 1 << log2);
    e.store_q(log2, second, b)?;
    write_back(e, o, moved);
    Ok(())
}

// Exclusives, ordered accesses, atomics.

/// A load that is ordered.
pub fn load_ordered<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W64, o.n);
    e.aligned(log2, addr, false)?;
    let v = e.load(log2, addr)?;
    e.barrier();
    e.set_x(W64, o.d, v);
    Ok(())
}

/// A store that is ordered.
pub fn store_ordered<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W64, o.n);
    e.aligned(log2, addr, true)?;
    e.barrier();
    let v = e.x(W64, o.d);
    e.store(log2, addr, v)?;
    e.barrier();
    Ok(())
}

/// A load that takes the monitor.
pub fn load_exclusive<E: Emit>(e: &mut E, o: &Op, log2: u8, pair: bool) -> Step {
    let addr = e.x(W64, o.n);
    let (a, b) = e.load_exclusive(log2, pair, addr)?;
    e.barrier();
    e.set_x(W64, o.d, a);
    if pair {
        e.set_x(W64, o.a, b);
    }
    Ok(())
}

/// A store that needs the monitor.
pub fn store_exclusive<E: Emit>(e: &mut E, o: &Op, log2: u8, pair: bool) -> Step {
    let addr = e.x(W64, o.n);
    let (a, b) = (e.x(W64, o.d), e.x(W64, o.a));
    let status = e.store_exclusive(log2, pair, addr, (a, b))?;
    e.set_x(W32, o.m, status);
    Ok(())
}

/// Atomic read-modify-write.
pub fn atomic<E: Emit>(e: &mut E, o: &Op, log2: u8, op: Rmw) -> Step {
    let addr = e.x(W64, o.n);
    let v = e.x(W64, o.m);
    let old = e.rmw(op, log2, addr, v)?;
    e.set_x(W64, o.d, old);
    Ok(())
}

const fn next(reg: Reg) -> Reg {
    match reg {
        Reg::Sink | Reg::Zero => reg,
        _ => Reg::sp(reg as u32 + 1),
    }
}

/// The odd register of a pair that starts at an even one; 31 is zero here.
const fn odd(reg: Reg) -> Reg {
    Reg::src(next(reg) as u32)
}

/// Compare and swap.
pub fn compare_swap<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W64, o.n);
    let (old, new) = (e.x(W64, o.a), e.x(W64, o.d));
    let zero = e.k(W64, 0);
    let (was, _) = e.compare_swap(log2, false, addr, (old, zero), (new, zero))?;
    e.set_x(W64, o.m, was);
    Ok(())
}

/// Compare and swap of a pair.
pub fn compare_swap2<E: Emit>(e: &mut E, o: &Op, log2: u8) -> Step {
    let addr = e.x(W64, o.n);
    let old = (e.x(W64, o.a), e.x(W64, odd(o.a)));
    let new = (e.x(W64, o.d), e.x(W64, odd(o.d)));
    let was = e.compare_swap(log2, true, addr, old, new)?;
    e.set_x(W64, o.m, was.0);
    e.set_x(W64, Reg::dst(next(o.m) as u32), was.1);
    Ok(())
}

// Structures.

/// Adds to the base what a post-indexed form says: register m, or the bytes transferred.
fn post_structures<E: Emit>(e: &mut E, o: &Op, bytes: u64) {
    let base = e.x(W64, o.n);
    let by = match o.m {
        Reg::Zero => e.k(W64, bytes),
        m => e.x(W64, m),
    };
    let moved = e.bin(W64, Bin::Add, base, by);
    e.set_x(W64, o.n, moved);
}

/// Loads `count` registers; `each` structures of that many elements are spread over them.
pub fn load_structures<E: Emit>(e: &mut E, o: &Op, count: u8, spread: bool, moves: bool) -> Step {
    let base = e.x(W64, o.n);
    let log2 = if o.l == 16 { 4 } else { 3 };
    let mut parts = [None; 4];
    for (i, part) in (0u64..).zip(parts.iter_mut().take(count as usize)) {
        let addr = further(e, base, i << log2);
        *part = Some(e.load_q(log2, addr)?);
    }
    if moves {
        post_structures(e, o, u64::from(count) << log2);
    }
    for (i, part) in (0..).zip(parts.into_iter().flatten()) {
        e.set_v(o.d.plus(i), part);
    }
    if spread {
        match count {
            2 => e.vfp(o, |f, o| spread_registers(f, o, 2)),
            3 => e.vfp(o, |f, o| spread_registers(f, o, 3)),
            _ => e.vfp(o, |f, o| spread_registers(f, o, 4)),
        }
    }
    Ok(())
}

/// Takes registers that hold structures one behind the other apart into elements.
fn spread_registers(f: &mut Vfp, o: &Op, count: u8) {
    let per = u32::from(o.l >> o.k);
    let packed: [u128; 4] = core::array::from_fn(|i| f.v[o.d.plus(i as u8).v()]);
    for r in 0..count {
        let mut v = 0;
        for i in 0..per {
            let at = i * u32::from(count) + u32::from(r);
            let source = packed[(at / per) as usize];
            let x = vector::get(source, o.k, at % per, Sign::U);
            v = vector::insert(v, o.k, i, x as u64);
        }
        f.v[o.d.plus(r).v()] = v;
    }
}

/// Stores `count` registers; `join` makes structures of their elements.
pub fn store_structures<E: Emit>(e: &mut E, o: &Op, count: u8, join: bool, moves: bool) -> Step {
    let base = e.x(W64, o.n);
    if !join {
        let log2 = if o.l == 16 { 4 } else { 3 };
        for i in 0..count {
            let addr = further(e, base, u64::from(i) << log2);
            let q = e.v(o.d.plus(i));
            e.store_q(log2, addr, q)?;
        }
    } else {
        for half in 0..u64::from(count) * u64::from(o.l) / 8 {
            let mut op = *o;
            op.imm = half | u64::from(count) << 32;
            let zero = e.k(W64, 0);
            let v = e.vfp_x(&op, zero, |f, o, _| joined(f, o));
            let addr = further(e, base, 8 * half);
            e.store(3, addr, v)?;
        }
    }
    if moves {
        post_structures(e, o, u64::from(count) * u64::from(o.l));
    }
    Ok(())
}

/// Eight bytes of the structures that registers make, `imm` says which.
fn joined(f: &mut Vfp, o: &Op) -> u64 {
    let (half, count) = (o.imm as u32, (o.imm >> 32) as u32);
    let per = 8u32 >> o.k;
    (0..per).fold(0, |v, i| {
        let at = half * per + i;
        let reg = o.d.plus((at % count) as u8);
        let x = vector::get(f.v[reg.v()], o.k, at / count, Sign::U);
        v | (x as u64) << (i * (8 << o.k))
    })
}

/// Loads one structure of `count` elements to a lane.
pub fn load_lane<E: Emit>(e: &mut E, o: &Op, count: u8, moves: bool) -> Step {
    let base = e.x(W64, o.n);
    let mut parts = [None; 4];
    for (i, part) in (0u64..).zip(parts.iter_mut().take(count as usize)) {
        let addr = further(e, base, i << o.k);
        *part = Some(e.load(o.k, addr)?);
    }
    if moves {
        post_structures(e, o, u64::from(count) << o.k);
    }
    for (i, part) in (0..).zip(parts.into_iter().flatten()) {
        let mut op = *o;
        op.d = o.d.plus(i);
        e.vfp_x(&op, part, set_lane);
    }
    Ok(())
}

fn set_lane(f: &mut Vfp, o: &Op, x: u64) -> u64 {
    let d = &mut f.v[o.d.v()];
    *d = vector::insert(*d, o.k, o.imm as u32, x);
    0
}

/// Loads one structure and repeats it in all lanes.
pub fn load_all<E: Emit>(e: &mut E, o: &Op, count: u8, moves: bool) -> Step {
    let base = e.x(W64, o.n);
    let mut parts = [None; 4];
    for (i, part) in (0u64..).zip(parts.iter_mut().take(count as usize)) {
        let addr = further(e, base, i << o.k);
        *part = Some(e.load(o.k, addr)?);
    }
    if moves {
        post_structures(e, o, u64::from(count) << o.k);
    }
    for (i, part) in (0..).zip(parts.into_iter().flatten()) {
        let mut op = *o;
        op.d = o.d.plus(i);
        e.vfp_x(&op, part, |f, o, x| {
            f.set_low(o, vector::splat(o.k, x));
            0
        });
    }
    Ok(())
}

/// Stores one structure of `count` elements from a lane.
pub fn store_lane<E: Emit>(e: &mut E, o: &Op, count: u8, moves: bool) -> Step {
    let base = e.x(W64, o.n);
    for i in 0..count {
        let mut op = *o;
        op.n = o.d.plus(i);
        let zero = e.k(W64, 0);
        let v = e.vfp_x(&op, zero, get_lane_u);
        let addr = further(e, base, u64::from(i) << o.k);
        e.store(o.k, addr, v)?;
    }
    if moves {
        post_structures(e, o, u64::from(count) << o.k);
    }
    Ok(())
}

// Between register files.

/// d = the low bits of x, as a scalar.
pub fn set_scalar(f: &mut Vfp, o: &Op, x: u64) -> u64 {
    f.v[o.d.v()] = vector::insert(0, o.k, 0, x);
    0
}

/// Lane `imm` of n, zero-extended.
pub fn get_lane_u(f: &mut Vfp, o: &Op, _x: u64) -> u64 {
    vector::get(f.v[o.n.v()], o.k, o.imm as u32, Sign::U) as u64
}

/// Lane `imm` of n, sign-extended.
pub fn get_lane_s(f: &mut Vfp, o: &Op, _x: u64) -> u64 {
    vector::get(f.v[o.n.v()], o.k, o.imm as u32, Sign::S) as u64
}

/// d = f of the vector registers.
#[inline(always)]
pub fn from_v<E: Emit>(e: &mut E, o: &Op, w: W, f: fn(&mut Vfp, &Op, u64) -> u64) -> Step {
    let zero = e.k(W64, 0);
    let v = e.vfp_x(o, zero, f);
    let v = e.ext(w, w.bits(), false, v);
    e.set_x(w, o.d, v);
    Ok(())
}

/// Vector registers = f of n.
#[inline(always)]
pub fn to_v<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op, u64) -> u64) -> Step {
    let n = e.x(W64, o.n);
    e.vfp_x(o, n, f);
    Ok(())
}

/// Sets lane `imm` of d to the register n.
#[inline(always)]
pub fn insert_general<E: Emit>(e: &mut E, o: &Op) -> Step {
    to_v(e, o, set_lane)
}

/// Calls a plain function on the vector registers.
#[inline(always)]
pub fn vfp<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op)) -> Step {
    e.vfp(o, f);
    Ok(())
}

/// Compares floating-point numbers and sets the flags.
#[inline(always)]
pub fn fcmp<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op, u64) -> u64) -> Step {
    let zero = e.k(W64, 0);
    let flags = e.vfp_x(o, zero, f);
    e.set_nzcv(flags);
    Ok(())
}

/// Compares under a condition; `imm` is the condition, `l` the flags otherwise.
#[inline(always)]
pub fn fccmp<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op, u64) -> u64) -> Step {
    // A comparison that does not take place raises nothing, so the helper has to know.
    let c = e.cond(o.imm as u8);
    let (yes, no) = (e.k(W64, 1), e.k(W64, 0));
    let taken = e.select(W64, c, yes, no);
    let flags = e.vfp_x(o, taken, f);
    e.set_nzcv(flags);
    Ok(())
}

/// d = n if the condition `imm` holds, else m.
#[inline(always)]
pub fn fcsel<E: Emit>(e: &mut E, o: &Op) -> Step {
    let c = e.cond(o.imm as u8);
    let (yes, no) = (e.k(W64, 1), e.k(W64, 0));
    let taken = e.select(W64, c, yes, no);
    e.vfp_x(o, taken, |f, o, taken| {
        let from = if taken != 0 { o.n } else { o.m };
        f.set_low(o, f.v[from.v()]);
        0
    });
    Ok(())
}

/// The operands of scalar floating point.
pub fn scalars(f: &Vfp, o: &Op) -> (Type, u64, u64) {
    let x = |reg: Reg| vector::get(f.v[reg.v()], o.k, 0, Sign::U) as u64;
    (Type::of(o.k), x(o.n), x(o.m))
}

/// Compares n with m, or with zero; gives flags in bits 31 to 28.
pub fn compare(f: &mut Vfp, o: &Op, zero: bool, quiet: bool) -> u64 {
    let (t, n, m) = scalars(f, o);
    let m = if zero { 0 } else { m };
    u64::from(f.env.compare(t, n, m, quiet)) << 28
}

/// As [`compare`], or the flags `l` when not taken.
pub fn compare_taken(f: &mut Vfp, o: &Op, taken: u64, quiet: bool) -> u64 {
    if taken == 0 {
        return u64::from(o.l) << 28;
    }
    compare(f, o, false, quiet)
}

/// Converts n to an integer of `l` bits.
pub fn to_int(f: &mut Vfp, o: &Op, signed: bool, mode: Rounding) -> u64 {
    let (t, n, _) = scalars(f, o);
    f.env
        .integer(t, n, u32::from(o.l), signed, o.imm as u32, mode)
}

/// Converts an integer of `l` bits to d.
pub fn from_int(f: &mut Vfp, o: &Op, x: u64, signed: bool) -> u64 {
    let r = f
        .env
        .float(Type::of(o.k), x, u32::from(o.l), signed, o.imm as u32);
    f.v[o.d.v()] = u128::from(r);
    0
}

/// Fused multiply-add with either factor or addend negated.
pub fn fused(f: &mut Vfp, o: &Op, negate_product: bool, negate_addend: bool) {
    let (t, n, m) = scalars(f, o);
    let a = vector::get(f.v[o.a.v()], o.k, 0, Sign::U) as u64;
    let n = if negate_product { n ^ t.sign() } else { n };
    let a = if negate_addend { a ^ t.sign() } else { a };
    let r = f.env.mul_add(t, a, n, m);
    f.v[o.d.v()] = u128::from(r);
}

/// Lanes rounded to integral values.
pub fn integral(f: &mut Vfp, o: &Op, mode: Option<Rounding>, exact: bool) {
    f.fp1(o, |e: &mut Env, t, n| {
        let mode = mode.unwrap_or(e.rounding());
        e.round_integral(t, n, mode, exact)
    });
}
