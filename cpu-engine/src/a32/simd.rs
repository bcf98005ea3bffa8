//! The shapes that meanings of AArch32 floating-point and Advanced SIMD instructions share.
//!
//! The first half of [`Vfp::v`] holds Q0 to Q15, of which D and S registers are parts. What A64
//! computes on whole registers is computed here on copies of the operands in the other half:
//!
//! ```text
//! v0 .. v15   Q0 .. Q15 (D0 .. D31, S0 .. S31)      v16 d    v17 n    v18 m
//! ```

use crate::emit::{Bin, Emit, Step, Sys, W};
use crate::float::{Env, Rounding, Type};
use crate::op::{Op, Reg};
use crate::vector::{self, Sign, Vfp};

use W::{W32, W64};

/// A size of register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    S,
    D,
    Q,
}

use Size::{D, Q, S};

/// The value of a register of a size.
pub fn get(f: &Vfp, reg: Reg, size: Size) -> u128 {
    let n = reg.v();
    match size {
        S => f.v[n >> 2] >> (32 * (n & 3)) & 0xffff_ffff,
        D => f.v[n >> 1] >> (64 * (n & 1)) & u128::from(u64::MAX),
        Q => f.v[n & 15],
    }
}

/// Sets a register of a size.
pub fn put(f: &mut Vfp, reg: Reg, size: Size, value: u128) {
    let n = reg.v();
    match size {
        S => f.v[n >> 2] = vector::insert(f.v[n >> 2], 2, n as u32 & 3, value as u64),
        D => f.v[n >> 1] = vector::insert(f.v[n >> 1], 3, n as u32 & 1, value as u64),
        Q => f.v[n & 15] = value,
    }
}

const AT_D: Reg = Reg::R16;
const AT_N: Reg = Reg::R17;
const AT_M: Reg = Reg::R18;

/// Computes on copies of d, n, m of these sizes; d becomes the result.
#[inline(always)]
pub fn on(f: &mut Vfp, o: &Op, sizes: [Size; 3], g: impl FnOnce(&mut Vfp, &Op)) {
    f.v[AT_D.v()] = get(f, o.d, sizes[0]);
    f.v[AT_N.v()] = get(f, o.n, sizes[1]);
    f.v[AT_M.v()] = get(f, o.m, sizes[2]);
    let mut op = *o;
    (op.d, op.n, op.m) = (AT_D, AT_N, AT_M);
    g(f, &op);
    put(f, o.d, sizes[0], f.v[AT_D.v()]);
}

/// The size of `l` bytes.
const fn whole(o: &Op) -> Size {
    if o.l == 16 { Q } else { D }
}

/// The size of a scalar of `k`.
const fn scalar_size(o: &Op) -> Size {
    if o.k == 3 { D } else { S }
}

/// Operands of `l` bytes.
#[inline(always)]
pub fn same(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [whole(o); 3], g);
}

/// Wide from narrow lanes.
#[inline(always)]
pub fn long(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [Q, D, D], g);
}

/// Wide from wide and narrow lanes.
#[inline(always)]
pub fn wide(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [Q, Q, D], g);
}

/// Narrow from wide lanes.
#[inline(always)]
pub fn narrow(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [D, Q, Q], g);
}

/// Scalars of type `k`.
#[inline(always)]
pub fn scalar(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [scalar_size(o); 3], g);
}

/// Lane `imm` of m in all lanes.
#[inline(always)]
fn broadcast(f: &mut Vfp, o: &Op, op: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    let lane = vector::get(get(f, o.m, D), o.k, o.imm as u32, Sign::U);
    f.v[AT_M.v()] = vector::splat(o.k, lane as u64);
    g(f, op);
}

/// As [`same`], m being a lane.
#[inline(always)]
pub fn lane(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [whole(o), whole(o), D], |f, op| {
        broadcast(f, o, op, g)
    });
}

/// As [`long`], m being a lane.
#[inline(always)]
pub fn lane_long(f: &mut Vfp, o: &Op, g: impl FnOnce(&mut Vfp, &Op)) {
    on(f, o, [Q, D, D], |f, op| broadcast(f, o, op, g));
}

/// Flushing, default NaNs.
const STANDARD: u32 = 3 << 24;
const HALF_FORMAT: u32 = 1 << 26;
const MODE: u32 = 3 << 22;

#[inline(always)]
fn with_control(f: &mut Vfp, control: u32, g: impl FnOnce(&mut Vfp)) {
    let saved = f.env.fpcr;
    f.env.fpcr = control;
    g(f);
    f.env.fpcr = saved;
}

/// Under the control that Advanced SIMD arithmetic has.
#[inline(always)]
pub fn standard(f: &mut Vfp, g: impl FnOnce(&mut Vfp)) {
    let control = STANDARD | f.env.fpcr & HALF_FORMAT;
    with_control(f, control, g);
}

/// Rounding to nearest.
#[inline(always)]
pub fn nearest(f: &mut Vfp, g: impl FnOnce(&mut Vfp)) {
    let control = f.env.fpcr & !MODE;
    with_control(f, control, g);
}

/// Calls a plain function on the vector registers.
#[inline(always)]
pub fn vfp<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op)) -> Step {
    e.vfp(o, f);
    Ok(())
}

// Lane operations that A64 lacks.

/// The reciprocal step, rounded after each operation.
pub fn recip_step(e: &mut Env, t: Type, a: u64, b: u64) -> u64 {
    const TWO: u64 = 0x4000_0000;
    if infinity_by_zero(e, t, a, b) {
        return TWO;
    }
    let product = e.mul(t, a, b);
    e.sub(t, TWO, product)
}

/// The reciprocal square root step, rounded after each operation.
pub fn rsqrt_step(e: &mut Env, t: Type, a: u64, b: u64) -> u64 {
    const THREE: u64 = 0x4040_0000;
    const THREE_HALVES: u64 = 0x3fc0_0000;
    const HALF: u64 = 0x3f00_0000;
    if infinity_by_zero(e, t, a, b) {
        return THREE_HALVES;
    }
    let product = e.mul(t, a, b);
    let difference = e.sub(t, THREE, product);
    e.mul(t, difference, HALF)
}

/// Whether one is infinite and the other zero or flushed to it.
fn infinity_by_zero(e: &mut Env, t: Type, a: u64, b: u64) -> bool {
    const EXPONENT: u64 = 0x7f80_0000;
    let infinite = |x: u64| x & !t.sign() == EXPONENT;
    let small = |x: u64| x & EXPONENT == 0;
    if !(infinite(a) && small(b) || infinite(b) && small(a)) {
        return false;
    }
    // A number that is flushed is told.
    let fraction = (if infinite(a) { b } else { a }) & !t.sign();
    if fraction != 0 {
        e.fpsr |= crate::float::IDC;
    }
    true
}

/// n * m added to d in two roundings; either negated if asked.
pub fn chained(e: &mut Env, t: Type, d: u64, n: u64, m: u64, negate: [bool; 2]) -> u64 {
    let flip = |x: u64, negate: bool| if negate { x ^ t.sign() } else { x };
    let product = e.mul(t, n, m);
    e.add(t, flip(d, negate[0]), flip(product, negate[1]))
}

/// Lanes rounded to integral values; by control without a mode.
pub fn integral(f: &mut Vfp, o: &Op, mode: Option<Rounding>, exact: bool) {
    f.fp1(o, |e: &mut Env, t, n| {
        let mode = mode.unwrap_or(e.rounding());
        e.round_integral(t, n, mode, exact)
    });
}

/// Compares d with m, or with zero, into the flags of status.
pub fn compare(f: &mut Vfp, o: &Op, zero: bool, quiet: bool) {
    let size = scalar_size(o);
    let d = get(f, o.d, size) as u64;
    let m = if zero { 0 } else { get(f, o.m, size) as u64 };
    let flags = f.env.compare(Type::of(o.k), d, m, quiet);
    f.env.fpsr = f.env.fpsr & 0x0fff_ffff | u32::from(flags) << 28;
}

/// Converts the scalar m to an integer in an S register.
pub fn to_integer(f: &mut Vfp, o: &Op, sign: Sign, mode: Option<Rounding>) {
    let m = get(f, o.m, scalar_size(o)) as u64;
    let mode = mode.unwrap_or(f.env.rounding());
    let r = f
        .env
        .integer(Type::of(o.k), m, 32, sign == Sign::S, 0, mode);
    put(f, o.d, S, u128::from(r));
}

/// Converts an integer in an S register to a scalar.
pub fn from_integer(f: &mut Vfp, o: &Op, sign: Sign) {
    let m = get(f, o.m, S) as u64;
    let r = f.env.float(Type::of(o.k), m, 32, sign == Sign::S, 0);
    put(f, o.d, scalar_size(o), u128::from(r));
}

/// Converts d to fixed point of `l` bits, `imm` of them fraction bits.
pub fn to_fixed(f: &mut Vfp, o: &Op, sign: Sign) {
    let d = get(f, o.d, scalar_size(o)) as u64;
    let (bits, signed) = (u32::from(o.l), sign == Sign::S);
    let fraction = o.imm as u32;
    let r = f
        .env
        .integer(Type::of(o.k), d, bits, signed, fraction, Rounding::Zero);
    let unused = 64 - bits;
    let extended = if signed {
        ((r << unused) as i64 >> unused) as u64
    } else {
        r
    };
    put(f, o.d, scalar_size(o), u128::from(extended));
}

/// Converts d from fixed point.
pub fn from_fixed(f: &mut Vfp, o: &Op, sign: Sign) {
    let d = get(f, o.d, scalar_size(o)) as u64;
    let (bits, signed) = (u32::from(o.l), sign == Sign::S);
    nearest(f, |f| {
        let r = f.env.float(Type::of(o.k), d, bits, signed, o.imm as u32);
        put(f, o.d, scalar_size(o), u128::from(r));
    });
}

/// Converts between single and double precision; `k` is what is converted from.
pub fn convert(f: &mut Vfp, o: &Op) {
    let (from, to) = if o.k == 2 { (S, D) } else { (D, S) };
    let m = get(f, o.m, from) as u64;
    let r = f.env.convert(Type::of(o.k), Type::of(5 - o.k), m);
    put(f, o.d, to, u128::from(r));
}

/// Converts half precision in half `imm` of the S register m to type `k`.
pub fn from_half(f: &mut Vfp, o: &Op) {
    let m = get(f, o.m, S) as u64 >> (16 * o.imm) & 0xffff;
    let r = f.env.convert(Type::of(1), Type::of(o.k), m);
    put(f, o.d, scalar_size(o), u128::from(r));
}

/// Converts type `k` to half precision in half `imm` of the S register d.
pub fn to_half(f: &mut Vfp, o: &Op) {
    let m = get(f, o.m, scalar_size(o)) as u64;
    let r = f.env.convert(Type::of(o.k), Type::of(1), m);
    let d = get(f, o.d, S);
    put(f, o.d, S, vector::insert(d, 1, o.imm as u32, r));
}

/// d = n if condition `l` holds, else m.
pub fn select<E: Emit>(e: &mut E, o: &Op) -> Step {
    let c = e.cond(o.l);
    let (yes, no) = (e.k(W64, 1), e.k(W64, 0));
    let taken = e.select(W64, c, yes, no);
    e.vfp_x(o, taken, |f, o, taken| {
        let from = if taken != 0 { o.n } else { o.m };
        put(f, o.d, scalar_size(o), get(f, from, scalar_size(o)));
        0
    });
    Ok(())
}

// Permutations.

/// d and m = two permutations of their lanes.
pub fn exchange(
    f: &mut Vfp,
    o: &Op,
    first: impl Fn(u32, u32) -> u32,
    second: impl Fn(u32, u32) -> u32,
) {
    let size = whole(o);
    let mut op = *o;
    (op.d, op.n, op.m) = (AT_D, AT_N, AT_M);
    f.v[AT_N.v()] = get(f, o.d, size);
    f.v[AT_M.v()] = get(f, o.m, size);
    f.permute(&op, first);
    let r = f.v[AT_D.v()];
    f.permute(&op, second);
    put(f, o.d, size, r);
    put(f, o.m, size, f.v[AT_D.v()]);
}

/// The op on bytes.
pub fn bytes(o: &Op) -> Op {
    let mut op = *o;
    op.k = 0;
    op
}

/// Bytes of a table of `k` D registers by index; out of range gives zero, or keeps d.
pub fn table(f: &mut Vfp, o: &Op, keep: bool) {
    let index = (get(f, o.m, D) as u64).to_le_bytes();
    let old = (get(f, o.d, D) as u64).to_le_bytes();
    let byte = |i: usize| {
        let at = index[i];
        if at < 8 * o.k {
            (get(f, o.n.plus(at / 8), D) >> (8 * (at % 8))) as u8
        } else if keep {
            old[i]
        } else {
            0
        }
    };
    let r: [u8; 8] = core::array::from_fn(byte);
    put(f, o.d, D, u128::from(u64::from_le_bytes(r)));
}

/// Every lane of d = lane `imm` of the D register n.
pub fn repeat(f: &mut Vfp, o: &Op) {
    let x = vector::get(get(f, o.n, D), o.k, o.imm as u32, Sign::U);
    put(f, o.d, whole(o), vector::splat(o.k, x as u64));
}

// Between register files.

fn set_d(f: &mut Vfp, o: &Op, x: u64) -> u64 {
    put(f, o.d, D, u128::from(x));
    0
}

fn get_d(f: &mut Vfp, o: &Op, _: u64) -> u64 {
    get(f, o.d, D) as u64
}

fn set_scalar(f: &mut Vfp, o: &Op, x: u64) -> u64 {
    put(f, o.d, scalar_size(o), u128::from(x));
    0
}

fn get_scalar(f: &mut Vfp, o: &Op, _: u64) -> u64 {
    get(f, o.d, scalar_size(o)) as u64
}

#[inline(always)]
fn asked<E: Emit>(e: &mut E, o: &Op, f: fn(&mut Vfp, &Op, u64) -> u64) -> E::V {
    let zero = e.k(W64, 0);
    e.vfp_x(o, zero, f)
}

/// The scalar d = the general register n.
pub fn to_scalar<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = e.x(W64, o.n);
    e.vfp_x(o, v, set_scalar);
    Ok(())
}

/// The general register n = the scalar d.
pub fn from_scalar<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = asked(e, o, get_scalar);
    let v = e.ext(W32, 32, false, v);
    e.set_x(W32, o.n, v);
    Ok(())
}

/// D register d, or S registers d and its successor, = general registers n and a.
pub fn to_double<E: Emit>(e: &mut E, o: &Op) -> Step {
    let (low, high) = (e.x(W64, o.n), e.x(W64, o.a));
    let by = e.k(W64, 32);
    let high = e.bin(W64, Bin::Shl, high, by);
    let both = e.bin(W64, Bin::Or, low, high);
    e.vfp_x(o, both, |f, o, x| {
        if o.k == 3 {
            return set_d(f, o, x);
        }
        put(f, o.d, S, u128::from(x as u32));
        put(f, o.d.plus(1), S, u128::from(x >> 32));
        0
    });
    Ok(())
}

/// General registers n and a = D register d, or S registers d and its successor.
pub fn from_double<E: Emit>(e: &mut E, o: &Op) -> Step {
    let both = asked(e, o, |f, o, _| {
        if o.k == 3 {
            return get_d(f, o, 0);
        }
        (get(f, o.d, S) | get(f, o.d.plus(1), S) << 32) as u64
    });
    let by = e.k(W64, 32);
    let low = e.ext(W32, 32, false, both);
    let high = e.bin(W64, Bin::Shr, both, by);
    let high = e.ext(W32, 32, false, high);
    e.set_x(W32, o.n, low);
    e.set_x(W32, o.a, high);
    Ok(())
}

/// Lane `imm` of the D register d = the general register n.
pub fn to_lane<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = e.x(W64, o.n);
    e.vfp_x(o, v, set_lane);
    Ok(())
}

fn set_lane(f: &mut Vfp, o: &Op, x: u64) -> u64 {
    let d = get(f, o.d, D);
    put(f, o.d, D, vector::insert(d, o.k, o.imm as u32, x));
    0
}

fn get_lane(f: &mut Vfp, o: &Op, _: u64) -> u64 {
    vector::get(get(f, o.d, D), o.k, o.imm as u32, Sign::U) as u64
}

/// The general register n = lane `imm` of the D register d.
pub fn from_lane<E: Emit>(e: &mut E, o: &Op, signed: bool) -> Step {
    let v = asked(e, o, get_lane);
    let v = e.ext(W32, 8 << o.k, signed, v);
    e.set_x(W32, o.n, v);
    Ok(())
}

/// Every lane of d = the general register n.
pub fn repeat_general<E: Emit>(e: &mut E, o: &Op) -> Step {
    let v = e.x(W64, o.n);
    e.vfp_x(o, v, |f, o, x| {
        put(f, o.d, whole(o), vector::splat(o.k, x));
        0
    });
    Ok(())
}

/// The flags = those of floating-point status.
pub fn flags_from_status<E: Emit>(e: &mut E) -> Step {
    let v = e.mrs(Sys::Fpscr)?;
    e.set_nzcv(v);
    Ok(())
}

// Loads and stores.

#[inline(always)]
fn further<E: Emit>(e: &mut E, addr: E::V, bytes: u64) -> E::V {
    let offset = e.k(W32, bytes);
    e.bin(W32, Bin::Add, addr, offset)
}

/// Loads a scalar.
pub fn load_scalar<E: Emit>(
    e: &mut E,
    o: &Op,
    address: impl Fn(&mut E, &Op) -> super::meaning::Address<E>,
) -> Step {
    let (addr, _) = address(e, o);
    e.aligned(2, addr, false)?;
    let v = e.load(o.k, addr)?;
    e.vfp_x(o, v, set_scalar);
    Ok(())
}

/// Stores a scalar.
pub fn store_scalar<E: Emit>(e: &mut E, o: &Op) -> Step {
    let (addr, _) = super::meaning::off(e, o);
    e.aligned(2, addr, true)?;
    let v = asked(e, o, get_scalar);
    e.store(o.k, addr, v)
}

/// Most registers that a list has.
const LISTED: usize = 32;

/// The first address of a list of `l` registers, and where the base moves.
#[inline(always)]
fn span<E: Emit>(e: &mut E, o: &Op, down: bool) -> (E::V, E::V) {
    let base = e.x(W32, o.n);
    let moved = further(e, base, o.imm);
    (if down { moved } else { base }, moved)
}

/// Loads the list of `l` registers from d; the base moves by `imm` if asked.
pub fn load_list<E: Emit>(e: &mut E, o: &Op, down: bool, moves: bool) -> Step {
    let (first, moved) = span(e, o, down);
    e.aligned(2, first, false)?;
    let mut values = [None; LISTED];
    for (i, value) in (0u64..).zip(values.iter_mut().take(usize::from(o.l))) {
        let addr = further(e, first, i << o.k);
        *value = Some(e.load(o.k, addr)?);
    }
    if moves {
        e.set_x(W32, o.n, moved);
    }
    for (i, value) in (0..).zip(values.into_iter().flatten()) {
        let mut op = *o;
        op.d = o.d.plus(i);
        e.vfp_x(&op, value, set_scalar);
    }
    Ok(())
}

/// Stores the list of `l` registers from d; the base moves by `imm` if asked.
pub fn store_list<E: Emit>(e: &mut E, o: &Op, down: bool, moves: bool) -> Step {
    let (first, moved) = span(e, o, down);
    e.aligned(2, first, true)?;
    for i in 0..o.l {
        let mut op = *o;
        op.d = o.d.plus(i);
        let v = asked(e, &op, get_scalar);
        let addr = further(e, first, u64::from(i) << o.k);
        e.store(o.k, addr, v)?;
    }
    if moves {
        e.set_x(W32, o.n, moved);
    }
    Ok(())
}

/// How structures lie in registers: `groups` of `count` registers that are `stride` apart.
#[derive(Clone, Copy)]
pub struct Structures {
    /// How many sets of structures.
    pub groups: u8,
    /// Elements of a structure.
    pub count: u8,
    /// From one element's register to the next.
    pub stride: u8,
    /// log2 of the alignment asked for.
    pub align: u8,
    /// The lane, for one structure.
    pub lane: u8,
}

impl Structures {
    /// As [`Op::imm`].
    pub const fn packed(self) -> u64 {
        u64::from_le_bytes([
            self.groups,
            self.count,
            self.stride,
            self.align,
            self.lane,
            0,
            0,
            0,
        ])
    }

    /// From [`Op::imm`].
    pub const fn of(o: &Op) -> Self {
        let [groups, count, stride, align, lane, ..] = o.imm.to_le_bytes();
        Self {
            groups,
            count,
            stride,
            align,
            lane,
        }
    }
}

/// Moves the base by what m says: nothing, the bytes transferred, or a register.
fn move_base<E: Emit>(e: &mut E, o: &Op, bytes: u64) {
    let base = e.x(W32, o.n);
    let by = match o.m {
        Reg::R15 => return,
        Reg::R13 => e.k(W32, bytes),
        m => e.x(W32, m),
    };
    let moved = e.bin(W32, Bin::Add, base, by);
    e.set_x(W32, o.n, moved);
}

/// The registers of a group, packed as memory has them, or unpacked.
fn turn(f: &mut Vfp, o: &Op, unpack: bool) {
    let s = Structures::of(o);
    let (count, per) = (u32::from(s.count), 8u32 >> o.k);
    let reg = |i: u32| o.d.plus(i as u8 * s.stride);
    let old: [u128; 4] = core::array::from_fn(|i| get(f, reg(i as u32), D));
    let mut new = [0; 4];
    for at in 0..count * per {
        let packed = ((at / per) as usize & 3, at % per);
        let element = ((at % count) as usize & 3, at / count);
        let (from, to) = if unpack {
            (packed, element)
        } else {
            (element, packed)
        };
        let x = vector::get(old[from.0], o.k, from.1, Sign::U);
        new[to.0] = vector::insert(new[to.0], o.k, to.1, x as u64);
    }
    for i in 0..count {
        put(f, reg(i), D, new[i as usize & 3]);
    }
}

fn unpack_group(f: &mut Vfp, o: &Op) {
    turn(f, o, true);
}

/// Word `l` of a group of structures.
fn packed_word(f: &mut Vfp, o: &Op, _: u64) -> u64 {
    let s = Structures::of(o);
    let (count, per) = (u32::from(s.count), 8u32 >> o.k);
    (0..per).fold(0, |word, i| {
        let at = u32::from(o.l) * per + i;
        let reg = o.d.plus((at % count) as u8 * s.stride);
        let x = vector::get(get(f, reg, D), o.k, at / count, Sign::U);
        word | (x as u64) << (i * (8 << o.k))
    })
}

/// The register of element `element` in group `group`.
fn structure_reg(o: &Op, s: Structures, group: u8, element: u8) -> Reg {
    o.d.plus(group + element * s.stride)
}

/// Loads multiple structures.
pub fn load_structures<E: Emit>(e: &mut E, o: &Op) -> Step {
    let s = Structures::of(o);
    let base = e.x(W32, o.n);
    e.aligned(s.align, base, false)?;
    let total = s.groups * s.count;
    let mut words = [None; 4];
    for (i, word) in (0u64..).zip(words.iter_mut().take(usize::from(total))) {
        let addr = further(e, base, 8 * i);
        *word = Some(e.load(3, addr)?);
    }
    move_base(e, o, 8 * u64::from(total));
    for (i, word) in (0..).zip(words.into_iter().flatten()) {
        let mut op = *o;
        op.d = structure_reg(o, s, i / s.count, i % s.count);
        e.vfp_x(&op, word, set_d);
    }
    for group in 0..s.groups {
        let mut op = *o;
        op.d = o.d.plus(group);
        if s.count > 1 {
            e.vfp(&op, unpack_group);
        }
    }
    Ok(())
}

/// Stores multiple structures.
pub fn store_structures<E: Emit>(e: &mut E, o: &Op) -> Step {
    let s = Structures::of(o);
    let base = e.x(W32, o.n);
    e.aligned(s.align, base, true)?;
    let total = s.groups * s.count;
    for i in 0..total {
        let mut op = *o;
        op.d = o.d.plus(i / s.count);
        op.l = i % s.count;
        let word = asked(e, &op, packed_word);
        let addr = further(e, base, 8 * u64::from(i));
        e.store(3, addr, word)?;
    }
    move_base(e, o, 8 * u64::from(total));
    Ok(())
}

#[inline(always)]
fn load_elements<E: Emit>(
    e: &mut E,
    o: &Op,
    s: Structures,
) -> Result<[Option<E::V>; 4], crate::emit::Halt> {
    let base = e.x(W32, o.n);
    e.aligned(s.align, base, false)?;
    let mut parts = [None; 4];
    for (i, part) in (0u64..).zip(parts.iter_mut().take(usize::from(s.count))) {
        let addr = further(e, base, i << o.k);
        *part = Some(e.load(o.k, addr)?);
    }
    move_base(e, o, u64::from(s.count) << o.k);
    Ok(parts)
}

/// Loads one structure to a lane.
pub fn load_lane<E: Emit>(e: &mut E, o: &Op) -> Step {
    let s = Structures::of(o);
    let parts = load_elements(e, o, s)?;
    for (i, part) in (0..).zip(parts.into_iter().flatten()) {
        let mut op = *o;
        op.d = structure_reg(o, s, 0, i);
        op.imm = u64::from(s.lane);
        e.vfp_x(&op, part, set_lane);
    }
    Ok(())
}

/// Loads one structure to all lanes, of `groups` registers each.
pub fn load_all<E: Emit>(e: &mut E, o: &Op) -> Step {
    let s = Structures::of(o);
    let parts = load_elements(e, o, s)?;
    for (i, part) in (0..).zip(parts.into_iter().flatten()) {
        for group in 0..s.groups {
            let mut op = *o;
            op.d = structure_reg(o, s, group, i);
            e.vfp_x(&op, part, |f, o, x| {
                put(f, o.d, D, vector::splat(o.k, x));
                0
            });
        }
    }
    Ok(())
}

/// Stores one structure from a lane.
pub fn store_lane<E: Emit>(e: &mut E, o: &Op) -> Step {
    let s = Structures::of(o);
    let base = e.x(W32, o.n);
    e.aligned(s.align, base, true)?;
    for i in 0..s.count {
        let mut op = *o;
        op.d = structure_reg(o, s, 0, i);
        op.imm = u64::from(s.lane);
        let v = asked(e, &op, get_lane);
        let addr = further(e, base, u64::from(i) << o.k);
        e.store(o.k, addr, v)?;
    }
    move_base(e, o, u64::from(s.count) << o.k);
    Ok(())
}
