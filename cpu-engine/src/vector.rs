//! Advanced SIMD and scalar floating point: plain functions on the vector registers.
//!
//! A function applies to every instruction of its shape: `Op::k` is log2 of the element's bytes,
//! `Op::l` the bytes of the operand (16, 8, or one element for scalar forms). Results narrower
//! than a register clear the rest of it. Lanes travel as `i128`, wide enough that the sums and
//! products of 64-bit lanes are exact; closures say what happens to one lane.

use crate::float::{self, Env, QC, Rounding, Type};
use crate::op::{Op, Reg};

/// The vector registers, with control and status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Vfp {
    /// Registers as little-endian numbers.
    pub v: [u128; 32],
    /// Control and status.
    pub env: Env,
}

/// How a lane's bits are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// As a signed number.
    S,
    /// As an unsigned number.
    U,
}

/// What a lane's closure may use besides the lanes.
pub struct Lane<'a> {
    /// Bits in the result's lanes.
    pub bits: u32,
    /// Control and status.
    pub env: &'a mut Env,
}

impl Lane<'_> {
    /// Saturates to a signed lane.
    pub fn sat_s(&mut self, v: i128) -> i128 {
        let most = (1 << (self.bits - 1)) - 1;
        self.clamp(v, -most - 1, most)
    }

    /// Saturates to an unsigned lane.
    pub fn sat_u(&mut self, v: i128) -> i128 {
        self.clamp(v, 0, (1 << self.bits) - 1)
    }

    /// Saturates to a lane.
    pub fn sat(&mut self, sign: Sign, v: i128) -> i128 {
        match sign {
            Sign::S => self.sat_s(v),
            Sign::U => self.sat_u(v),
        }
    }

    fn clamp(&mut self, v: i128, least: i128, most: i128) -> i128 {
        let r = v.clamp(least, most);
        if r != v {
            self.env.fpsr |= QC;
        }
        r
    }
}

/// All ones or all zeros.
pub const fn truth(holds: bool) -> i128 {
    -(holds as i128)
}

/// The low bits set; `bits` is at most 128 and not 0.
const fn ones(bits: u32) -> u128 {
    u128::MAX >> (128 - bits)
}

/// Reads lane `i` of `1 << k` bytes.
#[inline(always)]
pub const fn get(v: u128, k: u8, i: u32, sign: Sign) -> i128 {
    let bits = 8u32 << k;
    let low = v >> (bits * i) & ones(bits);
    match sign {
        Sign::U => low as i128,
        Sign::S => (low << (128 - bits)) as i128 >> (128 - bits),
    }
}

/// Sets lane `i` of `1 << k` bytes; the lane's old bits are zero.
#[inline(always)]
const fn put(v: &mut u128, k: u8, i: u32, value: i128) {
    let bits = 8u32 << k;
    *v |= (value as u128 & ones(bits)) << (bits * i);
}

/// Replaces lane `i`.
pub const fn insert(v: u128, k: u8, i: u32, value: u64) -> u128 {
    let bits = 8u32 << k;
    let mask = ones(bits) << (bits * i);
    v & !mask | ((value as u128) << (bits * i)) & mask
}

const fn lanes(o: &Op) -> u32 {
    (o.l >> o.k) as u32
}

/// The low bytes of a vector.
const fn cut(v: u128, bytes: u8) -> u128 {
    if bytes >= 16 {
        v
    } else {
        v & ((1 << (8 * bytes as u32)) - 1)
    }
}

impl Vfp {
    fn of(&self, reg: Reg) -> u128 {
        self.v[reg.v()]
    }

    fn set(&mut self, reg: Reg, value: u128) {
        self.v[reg.v()] = value;
    }

    /// d = f(d, n, m), lane by lane.
    #[inline(always)]
    pub fn map3(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128, i128, i128) -> i128) {
        let (d, n, m) = (self.of(o.d), self.of(o.n), self.of(o.m));
        let mut lane = Lane {
            bits: 8 << o.k,
            env: &mut self.env,
        };
        let mut r = 0;
        for i in 0..lanes(o) {
            let x = |v| get(v, o.k, i, sign);
            put(&mut r, o.k, i, f(&mut lane, x(d), x(n), x(m)));
        }
        self.set(o.d, r);
    }

    /// d = f(n, m), lane by lane.
    #[inline(always)]
    pub fn map2(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128, i128) -> i128) {
        self.map3(o, sign, |l, _, n, m| f(l, n, m));
    }

    /// d = f(n), lane by lane.
    #[inline(always)]
    pub fn map1(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128) -> i128) {
        self.map3(o, sign, |l, _, n, _| f(l, n));
    }

    /// Neighbours of the concatenation n:m become one lane.
    #[inline(always)]
    pub fn pairwise(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128, i128) -> i128) {
        let (n, m, count) = (self.of(o.n), self.of(o.m), lanes(o));
        let mut lane = Lane {
            bits: 8 << o.k,
            env: &mut self.env,
        };
        let mut r = 0;
        for i in 0..count {
            let (v, at) = if 2 * i < count {
                (n, 2 * i)
            } else {
                (m, 2 * i - count)
            };
            let (a, b) = (get(v, o.k, at, sign), get(v, o.k, at + 1, sign));
            put(&mut r, o.k, i, f(&mut lane, a, b));
        }
        self.set(o.d, r);
    }

    /// Narrow lanes of n and m become wide lanes of d: f(d, n, m). The upper half for `l` of 16.
    #[inline(always)]
    pub fn long3(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128, i128, i128) -> i128) {
        let (d, n, m) = (self.of(o.d), self.of(o.n), self.of(o.m));
        let mut lane = Lane {
            bits: 16 << o.k,
            env: &mut self.env,
        };
        let scalar = o.l < 8;
        let (count, base) = match (scalar, o.l) {
            (true, _) => (1, 0),
            (_, 16) => (8 >> o.k, 8u32 >> o.k),
            _ => (8 >> o.k, 0),
        };
        let mut r = 0;
        for i in 0..count {
            let x = |v| get(v, o.k, base + i, sign);
            let old = get(d, o.k + 1, i, sign);
            put(&mut r, o.k + 1, i, f(&mut lane, old, x(n), x(m)));
        }
        self.set(o.d, r);
    }

    /// Wide lanes of n and narrow lanes of m become wide lanes of d.
    #[inline(always)]
    pub fn wide(&mut self, o: &Op, sign: Sign, f: impl Fn(i128, i128) -> i128) {
        let (n, m) = (self.of(o.n), self.of(o.m));
        let base = if o.l == 16 { 8u32 >> o.k } else { 0 };
        let mut r = 0;
        for i in 0..8 >> o.k {
            let narrow = get(m, o.k, base + i, sign);
            put(&mut r, o.k + 1, i, f(get(n, o.k + 1, i, sign), narrow));
        }
        self.set(o.d, r);
    }

    /// Wide lanes of n and m become narrow lanes of d, into its upper half for `l` of 16.
    #[inline(always)]
    pub fn narrow(&mut self, o: &Op, sign: Sign, f: impl Fn(&mut Lane, i128, i128) -> i128) {
        let (n, m) = (self.of(o.n), self.of(o.m));
        let mut lane = Lane {
            bits: 8 << o.k,
            env: &mut self.env,
        };
        let count = if o.l < 8 { 1 } else { 8 >> o.k };
        let mut r = 0;
        for i in 0..count {
            let x = |v| get(v, o.k + 1, i, sign);
            put(&mut r, o.k, i, f(&mut lane, x(n), x(m)));
        }
        let old = self.of(o.d);
        self.set(o.d, if o.l == 16 { r << 64 | cut(old, 8) } else { r });
    }

    /// Neighbouring lanes of n become one lane of twice the width: f(d, a, b).
    #[inline(always)]
    pub fn pairs_long(&mut self, o: &Op, sign: Sign, f: impl Fn(i128, i128, i128) -> i128) {
        let (d, n) = (self.of(o.d), self.of(o.n));
        let mut r = 0;
        for i in 0..lanes(o) / 2 {
            let (a, b) = (get(n, o.k, 2 * i, sign), get(n, o.k, 2 * i + 1, sign));
            put(&mut r, o.k + 1, i, f(get(d, o.k + 1, i, sign), a, b));
        }
        self.set(o.d, r);
    }

    /// Folds all lanes of n into one of `1 << k` bytes.
    #[inline(always)]
    pub fn across(&mut self, o: &Op, sign: Sign, k: u8, f: impl Fn(i128, i128) -> i128) {
        let n = self.of(o.n);
        let first = get(n, o.k, 0, sign);
        let all = (1..lanes(o)).fold(first, |sum, i| f(sum, get(n, o.k, i, sign)));
        let mut r = 0;
        put(&mut r, k, 0, all);
        self.set(o.d, r);
    }

    /// d = f(d, n, m), bits at once.
    #[inline(always)]
    pub fn bits(&mut self, o: &Op, f: impl Fn(u128, u128, u128) -> u128) {
        let r = f(self.of(o.d), self.of(o.n), self.of(o.m));
        self.set(o.d, cut(r, o.l));
    }

    /// The operand with element `imm` of m in every lane, as an instruction of three vectors.
    #[inline(always)]
    pub fn by_element(&mut self, o: &Op, f: impl FnOnce(&mut Self, &Op)) {
        self.by_element_of(o, o.k, f);
    }

    /// As [`Vfp::by_element`], with the element's size.
    pub fn by_element_of(&mut self, o: &Op, k: u8, f: impl FnOnce(&mut Self, &Op)) {
        // The broadcast goes through the register, which then gets its value back.
        let saved = self.of(o.m);
        let broadcast = splat(k, get(saved, k, o.imm as u32, Sign::U) as u64);
        let (d, n) = (self.of(o.d), self.of(o.n));
        let mut temporary = Self {
            v: [0; 32],
            env: self.env,
        };
        (temporary.v[0], temporary.v[1], temporary.v[2]) = (d, n, broadcast);
        let mut op = *o;
        (op.d, op.n, op.m) = (Reg::R0, Reg::R1, Reg::R2);
        f(&mut temporary, &op);
        self.env = temporary.env;
        self.set(o.d, temporary.v[0]);
    }

    /// d = f(d, n, m) on floating-point lanes.
    #[inline(always)]
    pub fn fp3(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64, u64) -> u64) {
        let t = Type::of(o.k);
        self.map3(o, Sign::U, |l, d, n, m| {
            i128::from(f(l.env, t, d as u64, n as u64, m as u64))
        });
    }

    /// d = f(n, m) on floating-point lanes.
    #[inline(always)]
    pub fn fp2(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64) -> u64) {
        self.fp3(o, |e, t, _, n, m| f(e, t, n, m));
    }

    /// d = f(n) on floating-point lanes.
    #[inline(always)]
    pub fn fp1(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64) -> u64) {
        self.fp3(o, |e, t, _, n, _| f(e, t, n));
    }

    /// Neighbours of n:m become one floating-point lane.
    #[inline(always)]
    pub fn fp_pairwise(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64) -> u64) {
        let t = Type::of(o.k);
        self.pairwise(o, Sign::U, |l, a, b| {
            i128::from(f(l.env, t, a as u64, b as u64))
        });
    }

    /// The two lanes of n become a floating-point scalar.
    #[inline(always)]
    pub fn fp_pair(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64) -> u64) {
        let n = self.of(o.n);
        let (a, b) = (get(n, o.k, 0, Sign::U), get(n, o.k, 1, Sign::U));
        let r = f(&mut self.env, Type::of(o.k), a as u64, b as u64);
        self.set(o.d, u128::from(r));
    }

    /// Folds the four lanes of n by a tree.
    #[inline(always)]
    pub fn fp_across(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64) -> u64) {
        let n = self.of(o.n);
        let t = Type::of(o.k);
        let x = |i| get(n, o.k, i, Sign::U) as u64;
        let low = f(&mut self.env, t, x(0), x(1));
        let high = f(&mut self.env, t, x(2), x(3));
        let r = f(&mut self.env, t, low, high);
        self.set(o.d, u128::from(r));
    }

    /// d = where(f(compare(n, m))) on floating-point lanes.
    #[inline(always)]
    pub fn fp_test(&mut self, o: &Op, f: impl Fn(&mut Env, Type, u64, u64) -> bool) {
        self.fp2(o, |e, t, n, m| truth(f(e, t, n, m)) as u64);
    }

    /// Converts floating-point lanes to integers.
    pub fn fp_to_int(&mut self, o: &Op, sign: Sign, mode: Rounding) {
        let fraction = o.imm as u32;
        let bits = 8 << o.k;
        self.fp1(o, |e, t, n| {
            e.integer(t, n, bits, sign == Sign::S, fraction, mode)
        });
    }

    /// Converts integer lanes to floating point.
    pub fn int_to_fp(&mut self, o: &Op, sign: Sign) {
        let fraction = o.imm as u32;
        let bits = 8 << o.k;
        self.fp1(o, |e, t, n| e.float(t, n, bits, sign == Sign::S, fraction));
    }

    /// Converts wide floating-point lanes to narrow ones.
    pub fn fp_narrow(&mut self, o: &Op, odd: bool) {
        let (from, to) = (Type::of(o.k + 1), Type::of(o.k));
        self.narrow(o, Sign::U, |l, n, _| {
            let mode = if odd { Rounding::Odd } else { l.env.rounding() };
            i128::from(l.env.convert_as(from, to, n as u64, mode))
        });
    }

    /// Converts narrow floating-point lanes to wide ones.
    pub fn fp_long(&mut self, o: &Op) {
        let (from, to) = (Type::of(o.k), Type::of(o.k + 1));
        self.long3(o, Sign::U, |l, _, n, _| {
            i128::from(l.env.convert(from, to, n as u64))
        });
    }

    /// Takes lanes of the concatenation n:m by index.
    #[inline(always)]
    pub fn permute(&mut self, o: &Op, f: impl Fn(u32, u32) -> u32) {
        let (n, m, count) = (self.of(o.n), self.of(o.m), lanes(o));
        let mut r = 0;
        for i in 0..count {
            let at = f(i, count);
            let (v, at) = if at < count { (n, at) } else { (m, at - count) };
            put(&mut r, o.k, i, get(v, o.k, at, Sign::U));
        }
        self.set(o.d, r);
    }

    /// Bytes of a table of `k` registers by index; out of range gives zero, or keeps d.
    pub fn table(&mut self, o: &Op, keep: bool) {
        let (d, m) = (self.of(o.d), self.of(o.m));
        let mut r = 0;
        for i in 0..u32::from(o.l) {
            let at = get(m, 0, i, Sign::U) as usize;
            let byte = if at < 16 * o.k as usize {
                let reg = o.n.plus((at / 16) as u8);
                get(self.of(reg), 0, (at % 16) as u32, Sign::U)
            } else if keep {
                get(d, 0, i, Sign::U)
            } else {
                0
            };
            put(&mut r, 0, i, byte);
        }
        self.set(o.d, r);
    }

    /// Sets a register to the low `l` bytes of a value.
    pub fn set_low(&mut self, o: &Op, value: u128) {
        self.set(o.d, cut(value, o.l));
    }

    /// Each of four 32-bit lanes: d plus the sum of four products of bytes.
    pub fn dot(&mut self, o: &Op, sign: Sign, m: impl Fn(u128, u32) -> u128) {
        let (d, n, all) = (self.of(o.d), self.of(o.n), self.of(o.m));
        let mut r = 0;
        for i in 0..lanes(o) {
            let lane = m(all, i);
            let product = |j| get(n, 0, 4 * i + j, sign) * get(lane, 0, j, sign);
            let sum: i128 = (0..4).map(product).sum();
            put(&mut r, 2, i, get(d, 2, i, sign) + sum);
        }
        self.set(o.d, r);
    }
}

/// A value in every lane.
pub const fn splat(k: u8, value: u64) -> u128 {
    let mut r = 0;
    let mut i = 0;
    while i < 16 >> k {
        put(&mut r, k, i, value as i128);
        i += 1;
    }
    r
}

/// Shifts by a signed amount, left if positive; rounds right shifts if asked.
pub fn shift(bits: u32, v: i128, amount: i128, round: bool) -> i128 {
    let amount = amount as i8 as i32;
    if amount >= 0 {
        // Lanes are at most 64 bits wide: beyond 64 nothing of them is left.
        return if amount as u32 >= bits {
            0
        } else {
            v << amount
        };
    }
    shift_right(v, amount.unsigned_abs(), round)
}

/// As [`shift`], saturating.
pub fn shift_sat(l: &mut Lane, sign: Sign, v: i128, amount: i128, round: bool) -> i128 {
    let amount = amount as i8 as i32;
    if amount < 0 {
        return shift_right(v, amount.unsigned_abs(), round);
    }
    let wide = if amount as u32 >= l.bits {
        v.signum() << 100
    } else {
        v << amount
    };
    l.sat(sign, wide)
}

/// An arithmetic right shift by up to 128.
pub fn shift_right(v: i128, by: u32, round: bool) -> i128 {
    let half = if round && (1..=126).contains(&by) {
        1 << (by - 1)
    } else {
        0
    };
    match by {
        0..=126 => (v + half) >> by,
        _ if round => 0,
        _ => v >> 127,
    }
}

/// Which kind of comparison of floating-point numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Test {
    Equal,
    GreaterEqual,
    Greater,
}

/// Compares as vector instructions do.
pub fn fp_test(e: &mut Env, t: Type, test: Test, a: u64, b: u64) -> bool {
    let order = e.compare(t, a, b, test == Test::Equal);
    match test {
        Test::Equal => order == float::EQUAL,
        Test::GreaterEqual => order == float::EQUAL || order == float::GREATER,
        Test::Greater => order == float::GREATER,
    }
}

/// Product of polynomials over {0, 1}.
pub fn polynomial(a: i128, b: i128, bits: u32) -> i128 {
    (0..bits).fold(
        0,
        |sum, i| if b >> i & 1 != 0 { sum ^ (a << i) } else { sum },
    )
}

/// Leading bits equal to the sign, not counting it.
pub fn leading_sign_bits(v: i128, bits: u32) -> i128 {
    i128::from((v ^ v >> 1).leading_zeros() + bits - 129)
}

/// The unsigned reciprocal estimate.
pub fn unsigned_recip_estimate(v: i128) -> i128 {
    let v = v as u32;
    if v >> 31 == 0 {
        return 0xffff_ffff;
    }
    i128::from((256 + float::recip_table(v >> 23)) << 23)
}

/// The unsigned reciprocal square root estimate.
pub fn unsigned_rsqrt_estimate(v: i128) -> i128 {
    let v = v as u32;
    if v >> 30 == 0 {
        return 0xffff_ffff;
    }
    i128::from((256 + float::rsqrt_table(v >> 23)) << 23)
}

/// The high half of twice the product, saturated.
pub fn doubled_high(l: &mut Lane, n: i128, m: i128, round: bool) -> i128 {
    let half = if round { 1 << (l.bits - 1) } else { 0 };
    l.sat_s((2 * n * m + half) >> l.bits)
}

/// `d` plus the rounded high half of twice the product, saturated.
pub fn doubled_accumulate(l: &mut Lane, d: i128, product: i128) -> i128 {
    let sum = (d << l.bits) + 2 * product + (1 << (l.bits - 1));
    l.sat_s(sum >> l.bits)
}
