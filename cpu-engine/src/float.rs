//! IEEE 754 arithmetic as the Arm architecture has it: its NaN rules, all its rounding modes,
//! flushing of denormals, and the cumulative exception flags.
//!
//! Values travel as bit patterns in the low bits of a u64, whatever their type. Between unpacking
//! and packing, a finite number is `significand · 2^(exponent - 63)` with bit 63 of the
//! significand set; bits that no longer fit are kept as a sticky lowest bit.

/// A floating-point type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    exponent_bits: u32,
    fraction_bits: u32,
}

/// Half precision.
pub const F16: Type = Type::new(5, 10);
/// Single precision.
pub const F32: Type = Type::new(8, 23);
/// Double precision.
pub const F64: Type = Type::new(11, 52);

impl Type {
    const fn new(exponent_bits: u32, fraction_bits: u32) -> Self {
        Self {
            exponent_bits,
            fraction_bits,
        }
    }

    /// By log2 of its bytes: 1, 2 or 3.
    #[inline]
    pub const fn of(log2: u8) -> Self {
        match log2 {
            1 => F16,
            2 => F32,
            _ => F64,
        }
    }

    const fn bits(self) -> u32 {
        1 + self.exponent_bits + self.fraction_bits
    }

    const fn fraction_mask(self) -> u64 {
        (1 << self.fraction_bits) - 1
    }

    const fn exponent_max(self) -> u64 {
        (1 << self.exponent_bits) - 1
    }

    const fn bias(self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }

    /// The sign bit.
    pub const fn sign(self) -> u64 {
        1 << (self.bits() - 1)
    }

    const fn quiet(self) -> u64 {
        1 << (self.fraction_bits - 1)
    }

    const fn signed(self, negative: bool, rest: u64) -> u64 {
        if negative { rest | self.sign() } else { rest }
    }

    const fn infinity(self, negative: bool) -> u64 {
        self.signed(negative, self.exponent_max() << self.fraction_bits)
    }

    const fn largest(self, negative: bool) -> u64 {
        let rest = (self.exponent_max() << self.fraction_bits) - 1;
        self.signed(negative, rest)
    }

    const fn zero(self, negative: bool) -> u64 {
        self.signed(negative, 0)
    }

    const fn default_nan(self) -> u64 {
        self.infinity(false) | self.quiet()
    }

    const fn is_nan(self, a: u64) -> bool {
        a & !self.sign() > self.infinity(false)
    }

    const fn is_signalling(self, a: u64) -> bool {
        self.is_nan(a) && a & self.quiet() == 0
    }

    const fn is_quiet(self, a: u64) -> bool {
        self.is_nan(a) && a & self.quiet() != 0
    }

    /// A power of two, or 1.5 times one.
    const fn number(self, negative: bool, exponent: i32, and_half: bool) -> u64 {
        let rest = ((exponent + self.bias()) as u64) << self.fraction_bits;
        let half = if and_half { self.quiet() } else { 0 };
        self.signed(negative, rest | half)
    }
}

/// How a result that does not fit is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To nearest, ties to even.
    Nearest,
    /// Towards plus infinity.
    Up,
    /// Towards minus infinity.
    Down,
    /// Towards zero.
    Zero,
    /// To nearest, ties away from zero.
    Away,
    /// To odd: the lowest bit is set when inexact.
    Odd,
}

/// Invalid operation.
pub const IOC: u32 = 1;
/// Division by zero.
pub const DZC: u32 = 1 << 1;
/// Overflow.
pub const OFC: u32 = 1 << 2;
/// Underflow.
pub const UFC: u32 = 1 << 3;
/// Inexact.
pub const IXC: u32 = 1 << 4;
/// Denormal operand flushed to zero.
pub const IDC: u32 = 1 << 7;
/// Saturation.
pub const QC: u32 = 1 << 27;

const FZ16: u32 = 1 << 19;
const FZ: u32 = 1 << 24;
const DN: u32 = 1 << 25;
const AHP: u32 = 1 << 26;
const FPCR_MEANING: u32 = AHP | DN | FZ | 3 << 22 | FZ16;
/// With the lengths and strides of AArch32, which are only kept.
const FPCR_WRITABLE: u32 = FPCR_MEANING | 0x0037_0000;
const FPSR_WRITABLE: u32 = 0xf800_009f;

/// Control and status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Env {
    /// Control: rounding mode, flushing, NaNs, half-precision format.
    pub fpcr: u32,
    /// Status: cumulative flags.
    pub fpsr: u32,
}

/// The result of a comparison as N:Z:C:V.
pub const LESS: u8 = 8;
/// See [`LESS`].
pub const EQUAL: u8 = 6;
/// See [`LESS`].
pub const GREATER: u8 = 2;
/// See [`LESS`].
pub const UNORDERED: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zero,
    Finite,
    Infinite,
    Nan,
}

#[derive(Clone, Copy, Debug)]
struct Number {
    kind: Kind,
    negative: bool,
    exponent: i32,
    significand: u64,
}

impl Number {
    const fn is(&self, kind: Kind) -> bool {
        self.kind as u8 == kind as u8
    }
}

/// Shifts right, keeping what falls off as a sticky lowest bit.
const fn shift_sticky(value: u128, by: u32) -> u128 {
    match by {
        0 => value,
        1..=127 => value >> by | (value << (128 - by) != 0) as u128,
        _ => (value != 0) as u128,
    }
}

impl Env {
    /// Sets control; bits without meaning stay zero.
    pub fn set_fpcr(&mut self, value: u32) {
        self.fpcr = value & FPCR_WRITABLE;
    }

    /// Sets status; bits without meaning stay zero.
    pub fn set_fpsr(&mut self, value: u32) {
        self.fpsr = value & FPSR_WRITABLE;
    }

    /// The rounding mode of control.
    pub const fn rounding(&self) -> Rounding {
        match self.fpcr >> 22 & 3 {
            0 => Rounding::Nearest,
            1 => Rounding::Up,
            2 => Rounding::Down,
            _ => Rounding::Zero,
        }
    }

    fn raise(&mut self, flags: u32) {
        self.fpsr |= flags;
    }

    fn flushes(&self, t: Type) -> bool {
        self.fpcr & if t == F16 { FZ16 } else { FZ } != 0
    }

    /// Whether host arithmetic gives the right value, and any flag it may raise is set already.
    #[inline(always)]
    const fn host_agrees(&self) -> bool {
        self.fpcr & FPCR_MEANING == 0 && self.fpsr & IXC != 0
    }

    fn unpack(&mut self, t: Type, a: u64) -> Number {
        let flush = self.flushes(t);
        self.unpack_as(t, a, flush)
    }

    fn unpack_as(&mut self, t: Type, a: u64, flush: bool) -> Number {
        let negative = a & t.sign() != 0;
        let fraction = a & t.fraction_mask();
        let biased = a >> t.fraction_bits & t.exponent_max();
        let mut number = Number {
            kind: Kind::Zero,
            negative,
            exponent: 0,
            significand: 0,
        };
        if biased == t.exponent_max() {
            number.kind = if fraction == 0 {
                Kind::Infinite
            } else {
                Kind::Nan
            };
        } else if biased != 0 {
            number.kind = Kind::Finite;
            number.exponent = biased as i32 - t.bias();
            number.significand = 1 << 63 | fraction << (63 - t.fraction_bits);
        } else if fraction != 0 && flush {
            if t != F16 {
                self.raise(IDC);
            }
        } else if fraction != 0 {
            let shift = fraction.leading_zeros();
            number.kind = Kind::Finite;
            number.significand = fraction << shift;
            number.exponent = 1 - t.bias() + 63 - t.fraction_bits as i32 - shift as i32;
        }
        number
    }

    fn round(&mut self, t: Type, negative: bool, exponent: i32, significand: u64) -> u64 {
        let (mode, flush) = (self.rounding(), self.flushes(t));
        self.round_as(t, mode, flush, negative, exponent, significand)
    }

    fn round_wide(&mut self, t: Type, negative: bool, exponent: i32, wide: u128) -> u64 {
        let shift = wide.leading_zeros();
        let normal = shift_sticky(wide << shift, 64) as u64;
        self.round(t, negative, exponent - shift as i32, normal)
    }

    /// Rounds a normalised number to a type.
    fn round_as(
        &mut self,
        t: Type,
        mode: Rounding,
        flush: bool,
        negative: bool,
        exponent: i32,
        significand: u64,
    ) -> u64 {
        let least = 1 - t.bias();
        if exponent < least && flush {
            self.raise(UFC);
            return t.zero(negative);
        }
        let mut biased = (exponent - least + 1).max(0);
        let denormal = (least - exponent).max(0) as u32;
        let drop = 63 - t.fraction_bits;
        let fitted = shift_sticky(u128::from(significand), denormal) as u64;
        let mut mantissa = fitted >> drop;
        let error = fitted & ((1 << drop) - 1);
        if biased == 0 && error != 0 {
            self.raise(UFC);
        }
        if rounds_up(mode, negative, mantissa, error, 1 << (drop - 1)) {
            mantissa += 1;
            if mantissa == 1 << t.fraction_bits {
                biased = biased.max(1);
            }
            if mantissa == 1 << (t.fraction_bits + 1) {
                biased += 1;
                mantissa >>= 1;
            }
        }
        if mode == Rounding::Odd && error != 0 {
            mantissa |= 1;
        }
        if biased >= t.exponent_max() as i32 {
            self.raise(OFC | IXC);
            return overflow(t, mode, negative);
        }
        if error != 0 {
            self.raise(IXC);
        }
        let packed = (biased as u64) << t.fraction_bits | mantissa & t.fraction_mask();
        t.signed(negative, packed)
    }

    fn invalid(&mut self, t: Type) -> u64 {
        self.raise(IOC);
        t.default_nan()
    }

    fn nan(&mut self, t: Type, a: u64) -> u64 {
        if t.is_signalling(a) {
            self.raise(IOC);
        }
        if self.fpcr & DN != 0 {
            return t.default_nan();
        }
        a | t.quiet()
    }

    /// The NaN that an operation on these operands gives, if one of them is a NaN: the first
    /// signalling one, else the first quiet one.
    fn nans(&mut self, t: Type, operands: &[u64]) -> Option<u64> {
        let signalling = operands.iter().find(|a| t.is_signalling(**a));
        let any = signalling.or_else(|| operands.iter().find(|a| t.is_nan(**a)))?;
        Some(self.nan(t, *any))
    }

    /// The sum.
    #[inline]
    pub fn add(&mut self, t: Type, a: u64, b: u64) -> u64 {
        if self.host_agrees()
            && let Some(r) = host2(t, a, b, |a, b| a + b, |a, b| a + b)
        {
            return r;
        }
        self.add_slowly(t, a, b)
    }

    fn add_slowly(&mut self, t: Type, a: u64, b: u64) -> u64 {
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if let Some(nan) = self.nans(t, &[a, b]) {
            return nan;
        }
        match (x.kind, y.kind) {
            (Kind::Infinite, Kind::Infinite) if x.negative != y.negative => self.invalid(t),
            (Kind::Infinite, _) => t.infinity(x.negative),
            (_, Kind::Infinite) => t.infinity(y.negative),
            (Kind::Zero, Kind::Zero) if x.negative == y.negative => t.zero(x.negative),
            _ => {
                let wide = |n: &Number| u128::from(n.significand) << 62;
                self.add_wide(t, (x, wide(&x)), (y, wide(&y)))
            }
        }
    }

    /// Adds finite numbers or zeros, whose significands stand at bit 125.
    fn add_wide(&mut self, t: Type, x: (Number, u128), y: (Number, u128)) -> u64 {
        let key = |n: &(Number, u128)| (n.1 != 0, n.0.exponent, n.1);
        let (big, small) = if key(&x) >= key(&y) { (x, y) } else { (y, x) };
        let gap = if small.1 == 0 {
            0
        } else {
            big.0.exponent - small.0.exponent
        };
        let lesser = shift_sticky(small.1, gap as u32);
        let sum = if big.0.negative == small.0.negative {
            big.1 + lesser
        } else {
            big.1 - lesser
        };
        if sum == 0 {
            return t.zero(self.rounding() == Rounding::Down);
        }
        self.round_wide(t, big.0.negative, big.0.exponent + 2, sum)
    }

    /// The difference.
    pub fn sub(&mut self, t: Type, a: u64, b: u64) -> u64 {
        if self.host_agrees()
            && let Some(r) = host2(t, a, b, |a, b| a - b, |a, b| a - b)
        {
            return r;
        }
        if t.is_nan(b) {
            return self.add_slowly(t, a, b);
        }
        self.add_slowly(t, a, b ^ t.sign())
    }

    /// The product.
    pub fn mul(&mut self, t: Type, a: u64, b: u64) -> u64 {
        if self.host_agrees()
            && let Some(r) = host2(t, a, b, |a, b| a * b, |a, b| a * b)
        {
            return r;
        }
        let negative = (a ^ b) & t.sign() != 0;
        self.mul_or(t, a, b, |env| env.invalid(t), negative)
    }

    /// The product, where infinity times zero is two.
    pub fn mulx(&mut self, t: Type, a: u64, b: u64) -> u64 {
        let negative = (a ^ b) & t.sign() != 0;
        self.mul_or(t, a, b, |_| t.number(negative, 1, false), negative)
    }

    fn mul_or(
        &mut self,
        t: Type,
        a: u64,
        b: u64,
        infinity_times_zero: impl FnOnce(&mut Self) -> u64,
        negative: bool,
    ) -> u64 {
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if let Some(nan) = self.nans(t, &[a, b]) {
            return nan;
        }
        match (x.kind, y.kind) {
            (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite) => {
                infinity_times_zero(self)
            }
            (Kind::Infinite, _) | (_, Kind::Infinite) => t.infinity(negative),
            (Kind::Zero, _) | (_, Kind::Zero) => t.zero(negative),
            _ => {
                let product = u128::from(x.significand) * u128::from(y.significand);
                self.round_wide(t, negative, x.exponent + y.exponent + 1, product)
            }
        }
    }

    /// The quotient.
    pub fn div(&mut self, t: Type, a: u64, b: u64) -> u64 {
        if self.host_agrees()
            && b & !t.sign() != 0
            && let Some(r) = host2(t, a, b, |a, b| a / b, |a, b| a / b)
        {
            return r;
        }
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if let Some(nan) = self.nans(t, &[a, b]) {
            return nan;
        }
        let negative = x.negative != y.negative;
        match (x.kind, y.kind) {
            (Kind::Infinite, Kind::Infinite) | (Kind::Zero, Kind::Zero) => self.invalid(t),
            (Kind::Infinite, _) => t.infinity(negative),
            (_, Kind::Zero) => {
                self.raise(DZC);
                t.infinity(negative)
            }
            (Kind::Zero, _) | (_, Kind::Infinite) => t.zero(negative),
            _ => {
                let (top, bottom) = (u128::from(x.significand) << 63, u128::from(y.significand));
                let quotient = ((top / bottom) << 1) | u128::from(top % bottom != 0);
                // The quotient stands at bit 64 when the significands are equal.
                self.round_wide(t, negative, x.exponent - y.exponent + 63, quotient)
            }
        }
    }

    /// The square root.
    pub fn sqrt(&mut self, t: Type, a: u64) -> u64 {
        let x = self.unpack(t, a);
        if let Some(nan) = self.nans(t, &[a]) {
            return nan;
        }
        match x.kind {
            Kind::Zero => t.zero(x.negative),
            _ if x.negative => self.invalid(t),
            Kind::Infinite => t.infinity(false),
            _ => {
                let odd = x.exponent & 1 != 0;
                let value = u128::from(x.significand) << if odd { 64 } else { 63 };
                let root = value.isqrt();
                let sticky = u128::from(root * root != value);
                let exponent = (x.exponent - i32::from(odd)) / 2;
                self.round_wide(t, false, exponent + 63, root << 1 | sticky)
            }
        }
    }

    /// `c + a * b`, rounded once.
    pub fn mul_add(&mut self, t: Type, c: u64, a: u64, b: u64) -> u64 {
        if self.host_agrees()
            && let Some(r) = host3(t, a, b, c)
        {
            return r;
        }
        let (x, y, z) = (self.unpack(t, a), self.unpack(t, b), self.unpack(t, c));
        let undefined = matches!(
            (x.kind, y.kind),
            (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite)
        );
        if undefined && t.is_quiet(c) {
            return self.invalid(t);
        }
        if let Some(nan) = self.nans(t, &[c, a, b]) {
            return nan;
        }
        if undefined {
            return self.invalid(t);
        }
        self.fuse(t, x, y, z)
    }

    fn fuse(&mut self, t: Type, x: Number, y: Number, z: Number) -> u64 {
        let negative = x.negative != y.negative;
        let infinite = x.is(Kind::Infinite) || y.is(Kind::Infinite);
        let zero = x.is(Kind::Zero) || y.is(Kind::Zero);
        match (infinite, z.is(Kind::Infinite)) {
            (true, true) if negative != z.negative => return self.invalid(t),
            (true, _) => return t.infinity(negative),
            (_, true) => return t.infinity(z.negative),
            _ => {}
        }
        if zero && z.is(Kind::Zero) && negative == z.negative {
            return t.zero(negative);
        }
        let product = u128::from(x.significand) * u128::from(y.significand);
        let (product, exponent) = if product >> 127 != 0 {
            (shift_sticky(product, 2), x.exponent + y.exponent + 1)
        } else {
            (shift_sticky(product, 1), x.exponent + y.exponent)
        };
        let p = Number {
            kind: Kind::Finite,
            negative,
            exponent,
            significand: 0,
        };
        self.add_wide(t, (p, product), (z, u128::from(z.significand) << 62))
    }

    /// The reciprocal step: `2 - a * b`.
    pub fn recip_step(&mut self, t: Type, a: u64, b: u64) -> u64 {
        self.step(t, a, b, t.number(false, 1, false), 0)
    }

    /// The reciprocal square root step: `(3 - a * b) / 2`.
    pub fn rsqrt_step(&mut self, t: Type, a: u64, b: u64) -> u64 {
        self.step(t, a, b, t.number(false, 1, true), 1)
    }

    fn step(&mut self, t: Type, a: u64, b: u64, from: u64, halvings: i32) -> u64 {
        let a = a ^ t.sign();
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if let Some(nan) = self.nans(t, &[a, b]) {
            return nan;
        }
        match (x.kind, y.kind) {
            (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite) => {
                from - ((halvings as u64) << t.fraction_bits)
            }
            (Kind::Infinite, _) | (_, Kind::Infinite) => t.infinity(x.negative != y.negative),
            _ => {
                // Halving is exact on the operands: it lowers an exponent that is unbounded here.
                let mut z = self.unpack(t, from);
                z.exponent -= halvings;
                let mut x = x;
                x.exponent -= halvings;
                self.fuse(t, x, y, z)
            }
        }
    }

    /// The larger (or smaller) operand; a NaN operand gives a NaN.
    pub fn extreme(&mut self, t: Type, max: bool, a: u64, b: u64) -> u64 {
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if let Some(nan) = self.nans(t, &[a, b]) {
            return nan;
        }
        if x.is(Kind::Zero) && y.is(Kind::Zero) {
            let negative = if max {
                x.negative && y.negative
            } else {
                x.negative || y.negative
            };
            return t.zero(negative);
        }
        let a_greater = order(&x, &y) == core::cmp::Ordering::Greater;
        let (pick, number) = if a_greater == max { (a, x) } else { (b, y) };
        if number.is(Kind::Zero) {
            return t.zero(number.negative);
        }
        pick
    }

    /// The larger (or smaller) operand; a quiet NaN loses against a number.
    pub fn extreme_number(&mut self, t: Type, max: bool, a: u64, b: u64) -> u64 {
        let loser = t.infinity(max);
        match (t.is_quiet(a), t.is_quiet(b)) {
            (true, false) if !t.is_nan(b) => self.extreme(t, max, loser, b),
            (false, true) if !t.is_nan(a) => self.extreme(t, max, a, loser),
            _ => self.extreme(t, max, a, b),
        }
    }

    /// Compares; `quiet` raises invalid only for signalling NaNs.
    pub fn compare(&mut self, t: Type, a: u64, b: u64, quiet: bool) -> u8 {
        let (x, y) = (self.unpack(t, a), self.unpack(t, b));
        if x.is(Kind::Nan) || y.is(Kind::Nan) {
            if !quiet || t.is_signalling(a) || t.is_signalling(b) {
                self.raise(IOC);
            }
            return UNORDERED;
        }
        match order(&x, &y) {
            core::cmp::Ordering::Less => LESS,
            core::cmp::Ordering::Equal => EQUAL,
            core::cmp::Ordering::Greater => GREATER,
        }
    }

    /// The absolute difference.
    pub fn abs_diff(&mut self, t: Type, a: u64, b: u64) -> u64 {
        self.sub(t, a, b) & !t.sign()
    }

    /// Converts between types.
    pub fn convert(&mut self, from: Type, to: Type, a: u64) -> u64 {
        let mode = self.rounding();
        self.convert_as(from, to, a, mode)
    }

    /// Converts between types with a rounding mode.
    pub fn convert_as(&mut self, from: Type, to: Type, a: u64, mode: Rounding) -> u64 {
        let alternative = self.fpcr & AHP != 0;
        let flush = from != F16 && self.flushes(from);
        let x = match from == F16 && alternative {
            true => unpack_alternative(a),
            false => self.unpack_as(from, a, flush),
        };
        match x.kind {
            Kind::Nan if to == F16 && alternative => {
                self.raise(IOC);
                to.zero(x.negative)
            }
            Kind::Nan => self.convert_nan(from, to, a),
            Kind::Infinite if to == F16 && alternative => {
                self.raise(IOC);
                to.signed(x.negative, 0x7fff)
            }
            Kind::Infinite => to.infinity(x.negative),
            Kind::Zero => to.zero(x.negative),
            Kind::Finite if to == F16 && alternative => self.round_alternative(mode, &x),
            Kind::Finite => {
                let flush = to != F16 && self.flushes(to);
                self.round_as(to, mode, flush, x.negative, x.exponent, x.significand)
            }
        }
    }

    fn convert_nan(&mut self, from: Type, to: Type, a: u64) -> u64 {
        if from.is_signalling(a) {
            self.raise(IOC);
        }
        if self.fpcr & DN != 0 {
            return to.default_nan();
        }
        let payload = (a & from.fraction_mask()) << (63 - from.fraction_bits);
        let fraction = payload >> (63 - to.fraction_bits);
        let negative = a & from.sign() != 0;
        to.signed(negative, to.default_nan() | fraction)
    }

    /// Rounds to the alternative half-precision format, which has no infinity and no NaN.
    fn round_alternative(&mut self, mode: Rounding, x: &Number) -> u64 {
        const WIDE: Type = Type::new(6, 10);
        if x.exponent < 1 - F16.bias() {
            return self.round_as(F16, mode, false, x.negative, x.exponent, x.significand);
        }
        // A type with one more exponent bit never overflows before the test below does.
        let mut probe = Self { fpsr: 0, ..*self };
        let limited = x.exponent.min(30);
        let wide = probe.round_as(WIDE, mode, false, x.negative, limited, x.significand);
        let magnitude = wide & !WIDE.sign();
        let rebased = magnitude as i64 - (((WIDE.bias() - F16.bias()) as i64) << 10);
        if rebased >= 1 << 15 {
            self.raise(IOC);
            return F16.signed(x.negative, 0x7fff);
        }
        self.raise(probe.fpsr);
        F16.signed(x.negative, rebased as u64)
    }

    /// Rounds to an integral value; `exact` raises inexact where that changes it.
    pub fn round_integral(&mut self, t: Type, a: u64, mode: Rounding, exact: bool) -> u64 {
        let x = self.unpack(t, a);
        if let Some(nan) = self.nans(t, &[a]) {
            return nan;
        }
        match x.kind {
            Kind::Zero => return t.zero(x.negative),
            Kind::Finite if x.exponent < t.fraction_bits as i32 => {}
            _ => return a,
        }
        let (integer, error) = to_integer(&x, mode);
        if error && exact {
            self.raise(IXC);
        }
        if integer == 0 {
            return t.zero(x.negative);
        }
        let shift = (integer as u64).leading_zeros();
        let normal = (integer as u64) << shift;
        let saved = self.fpsr;
        let r = self.round(t, x.negative, 63 - shift as i32, normal);
        self.fpsr = saved;
        r
    }

    /// Converts to an integer of `bits` (16, 32 or 64) with `fraction` fraction bits, saturating.
    pub fn integer(
        &mut self,
        t: Type,
        a: u64,
        bits: u32,
        signed: bool,
        fraction: u32,
        mode: Rounding,
    ) -> u64 {
        let mut x = self.unpack(t, a);
        x.exponent += fraction as i32;
        let mask = u64::MAX >> (64 - bits);
        let (least, most) = if signed {
            (1u128 << (bits - 1), (1u128 << (bits - 1)) - 1)
        } else {
            (0, u128::from(mask))
        };
        let limit = if x.negative { least } else { most };
        let saturated = if x.negative {
            limit.wrapping_neg()
        } else {
            limit
        } as u64
            & mask;
        match x.kind {
            Kind::Zero => return 0,
            Kind::Nan => {
                self.raise(IOC);
                return 0;
            }
            Kind::Infinite => {
                self.raise(IOC);
                return saturated;
            }
            Kind::Finite => {}
        }
        if x.exponent > 64 {
            self.raise(IOC);
            return saturated;
        }
        let (integer, error) = to_integer(&x, mode);
        if integer > limit {
            self.raise(IOC);
            return saturated;
        }
        if error {
            self.raise(IXC);
        }
        let value = if x.negative {
            integer.wrapping_neg()
        } else {
            integer
        };
        value as u64 & mask
    }

    /// Converts from an integer of `bits` with `fraction` fraction bits.
    pub fn float(&mut self, t: Type, v: u64, bits: u32, signed: bool, fraction: u32) -> u64 {
        let unused = 64 - bits;
        let v = if signed {
            ((v << unused) as i64 >> unused) as u64
        } else {
            v << unused >> unused
        };
        let negative = signed && (v as i64) < 0;
        let magnitude = if negative { v.wrapping_neg() } else { v };
        if magnitude == 0 {
            return 0;
        }
        let shift = magnitude.leading_zeros();
        let exponent = 63 - shift as i32 - fraction as i32;
        self.round(t, negative, exponent, magnitude << shift)
    }

    /// The reciprocal estimate.
    pub fn recip_estimate(&mut self, t: Type, a: u64) -> u64 {
        let x = self.unpack(t, a);
        if let Some(nan) = self.nans(t, &[a]) {
            return nan;
        }
        match x.kind {
            Kind::Infinite => return t.zero(x.negative),
            Kind::Zero => {
                self.raise(DZC);
                return t.infinity(x.negative);
            }
            _ => {}
        }
        // The reciprocal overflows below a quarter of the least normal number.
        if x.exponent < 1 - t.bias() - 2 {
            self.raise(OFC | IXC);
            return overflow(t, self.rounding(), x.negative);
        }
        if self.flushes(t) && x.exponent >= t.bias() - 1 {
            self.raise(UFC);
            return t.zero(x.negative);
        }
        let estimate = u64::from(recip_table((x.significand >> 55) as u32));
        let exponent = -1 - x.exponent;
        let fraction = estimate << 55;
        let least = 1 - t.bias();
        // The estimate has eight bits: denormal results are exact.
        let saved = self.fpsr;
        let r = if exponent < least {
            let drop = (least - exponent) as u32 + 63 - t.fraction_bits;
            t.signed(x.negative, (1 << 63 | fraction) >> drop)
        } else {
            self.round(t, x.negative, exponent, 1 << 63 | fraction)
        };
        self.fpsr = saved;
        r
    }

    /// The reciprocal square root estimate.
    pub fn rsqrt_estimate(&mut self, t: Type, a: u64) -> u64 {
        let x = self.unpack(t, a);
        if let Some(nan) = self.nans(t, &[a]) {
            return nan;
        }
        match x.kind {
            Kind::Zero => {
                self.raise(DZC);
                return t.infinity(x.negative);
            }
            _ if x.negative => return self.invalid(t),
            Kind::Infinite => return t.zero(false),
            _ => {}
        }
        let odd = x.exponent & 1 != 0;
        let top = (x.significand >> 55) as u32;
        let scaled = if odd {
            256 | (top & 255)
        } else {
            128 | (top & 255) >> 1
        };
        let estimate = u64::from(rsqrt_table(scaled));
        let exponent = -1 - (x.exponent - i32::from(odd)) / 2;
        let saved = self.fpsr;
        let r = self.round(t, false, exponent, 1 << 63 | estimate << 55);
        self.fpsr = saved;
        r
    }

    /// The exponent of the reciprocal, roughly: what `frecpx` gives.
    pub fn recip_exponent(&mut self, t: Type, a: u64) -> u64 {
        self.unpack(t, a);
        if let Some(nan) = self.nans(t, &[a]) {
            return nan;
        }
        let biased = a >> t.fraction_bits & t.exponent_max();
        let flipped = if biased == 0 {
            t.exponent_max() - 1
        } else {
            !biased & t.exponent_max()
        };
        a & t.sign() | flipped << t.fraction_bits
    }
}

/// `(c + a * b) ` by the host, if both numbers and the result are ordinary.
#[inline(always)]
fn host3(t: Type, a: u64, b: u64, c: u64) -> Option<u64> {
    if t != F64 {
        return None;
    }
    let r = f64::from_bits(a)
        .mul_add(f64::from_bits(b), f64::from_bits(c))
        .to_bits();
    ordinary(F64, r).then_some(r)
}

/// An operation by the host, if the result says that nothing out of the ordinary happened: it is
/// a normal number, and larger than the least one.
#[inline(always)]
fn host2(
    t: Type,
    a: u64,
    b: u64,
    double: impl Fn(f64, f64) -> f64,
    single: impl Fn(f32, f32) -> f32,
) -> Option<u64> {
    let r = if t == F64 {
        double(f64::from_bits(a), f64::from_bits(b)).to_bits()
    } else if t == F32 {
        let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
        u64::from(single(a, b).to_bits())
    } else {
        return None;
    };
    ordinary(t, r).then_some(r)
}

#[inline(always)]
const fn ordinary(t: Type, r: u64) -> bool {
    let least = 1 << t.fraction_bits;
    let magnitude = r & !t.sign();
    magnitude > least && magnitude < t.infinity(false)
}

fn rounds_up(mode: Rounding, negative: bool, mantissa: u64, error: u64, half: u64) -> bool {
    match mode {
        Rounding::Nearest => error > half || (error == half && mantissa & 1 == 1),
        Rounding::Up => error != 0 && !negative,
        Rounding::Down => error != 0 && negative,
        Rounding::Away => error >= half,
        Rounding::Zero | Rounding::Odd => false,
    }
}

fn overflow(t: Type, mode: Rounding, negative: bool) -> u64 {
    let infinite = match mode {
        Rounding::Nearest | Rounding::Away => true,
        Rounding::Up => !negative,
        Rounding::Down => negative,
        Rounding::Zero | Rounding::Odd => false,
    };
    if infinite {
        t.infinity(negative)
    } else {
        t.largest(negative)
    }
}

/// The magnitude rounded to an integer, and whether that changed it. The exponent is at most 64.
fn to_integer(x: &Number, mode: Rounding) -> (u128, bool) {
    let wide = u128::from(x.significand) << 62;
    let point = 125 - x.exponent;
    let (integer, error) = if point > 126 {
        (0, 1)
    } else {
        (wide >> point, wide & ((1 << point) - 1))
    };
    let half = if point > 126 { 2 } else { 1u128 << (point - 1) };
    let up = match mode {
        Rounding::Nearest => error > half || (error == half && integer & 1 == 1),
        Rounding::Up => error != 0 && !x.negative,
        Rounding::Down => error != 0 && x.negative,
        Rounding::Away => error >= half,
        Rounding::Zero | Rounding::Odd => false,
    };
    (integer + u128::from(up), error != 0)
}

/// Orders numbers that are not NaN.
fn order(x: &Number, y: &Number) -> core::cmp::Ordering {
    let key = |n: &Number| match n.kind {
        Kind::Zero => (0, 0, 0),
        Kind::Finite => (1, n.exponent, n.significand),
        _ => (2, 0, 0),
    };
    let negative = |n: &Number| n.negative && !n.is(Kind::Zero);
    match (negative(x), negative(y)) {
        (false, false) => key(x).cmp(&key(y)),
        (true, true) => key(y).cmp(&key(x)),
        (true, false) => core::cmp::Ordering::Less,
        (false, true) => core::cmp::Ordering::Greater,
    }
}

/// Unpacks the alternative half-precision format, which has neither infinities nor NaNs.
fn unpack_alternative(a: u64) -> Number {
    let negative = a & F16.sign() != 0;
    let fraction = a & F16.fraction_mask();
    let biased = (a >> 10 & 31) as i32;
    let significand = if biased == 0 {
        fraction
    } else {
        fraction | 1 << 10
    };
    if significand == 0 {
        return Number {
            kind: Kind::Zero,
            negative,
            exponent: 0,
            significand: 0,
        };
    }
    let shift = significand.leading_zeros();
    Number {
        kind: Kind::Finite,
        negative,
        exponent: biased.max(1) - F16.bias() + 53 - shift as i32,
        significand: significand << shift,
    }
}

/// Eight fraction bits of the reciprocal of `a / 256` (256 to 511), doubled.
pub fn recip_table(a: u32) -> u32 {
    let a = a * 2 + 1;
    let b = (1 << 19) / a;
    b.div_ceil(2) & 255
}

/// Eight fraction bits of the reciprocal square root of `a / 512` (128 to 511).
pub fn rsqrt_table(a: u32) -> u32 {
    let a = if a < 256 {
        a * 2 + 1
    } else {
        ((a >> 1 << 1) + 1) * 2
    };
    let mut b = 512u64;
    while u64::from(a) * (b + 1) * (b + 1) < 1 << 28 {
        b += 1;
    }
    (b as u32).div_ceil(2) & 255
}
