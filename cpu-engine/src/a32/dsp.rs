//! Multiplies of halves, parallel and saturating arithmetic: plain functions.
//!
//! Operands n and m travel as `m << 32 | n`. Results carry the flag they raise from bit 32 on:
//! whether they saturated or overflowed, or the four GE flags.

const fn low(both: u64) -> u32 {
    both as u32
}

const fn high(both: u64) -> u32 {
    (both >> 32) as u32
}

const fn half(v: u32, top: bool) -> i64 {
    (if top { (v >> 16) as i16 } else { v as i16 }) as i64
}

/// A 32-bit result, and whether it overflowed.
const fn overflowing(v: i64) -> u64 {
    v as u32 as u64 | ((v != v as i32 as i64) as u64) << 32
}

/// A saturated 32-bit result, and whether it saturated.
fn saturating(v: i64) -> u64 {
    let r = v.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    u64::from(r as u32) | u64::from(r != v) << 32
}

/// The saturated sum m + n, with n doubled if asked; or the difference.
pub fn saturating_sum(both: u64, double: bool, subtract: bool) -> u64 {
    let (n, m) = (low(both) as i32, high(both) as i32);
    let doubled = if double {
        saturating(2 * i64::from(n))
    } else {
        u64::from(n as u32)
    };
    let n = i64::from(doubled as u32 as i32);
    let m = i64::from(m);
    let r = saturating(if subtract { m - n } else { m + n });
    r | doubled & 1 << 32
}

/// Product of halves.
pub fn mul_halves(both: u64, top_n: bool, top_m: bool) -> u64 {
    (half(low(both), top_n) * half(high(both), top_m)) as u32 as u64
}

/// Product of halves, plus a.
pub fn mul_add_halves(both: u64, a: u64, top_n: bool, top_m: bool) -> u64 {
    let product = half(low(both), top_n) * half(high(both), top_m);
    overflowing(product + i64::from(a as i32))
}

/// Product of halves, plus 64 bits.
pub fn mul_add_halves_long(both: u64, old: u64, top_n: bool, top_m: bool) -> u64 {
    let product = half(low(both), top_n) * half(high(both), top_m);
    old.wrapping_add(product as u64)
}

/// The upper 32 bits of the 48-bit product of a word and a half.
pub fn mul_word(both: u64, top: bool) -> u64 {
    let product = i64::from(low(both) as i32) * half(high(both), top);
    (product >> 16) as u32 as u64
}

/// As [`mul_word`], plus a.
pub fn mul_add_word(both: u64, a: u64, top: bool) -> u64 {
    let product = i64::from(low(both) as i32) * half(high(both), top);
    overflowing((product >> 16) + i64::from(a as i32))
}

fn dual(both: u64, exchange: bool, subtract: bool) -> i64 {
    let (n, m) = (low(both), high(both));
    let m = if exchange { m.rotate_right(16) } else { m };
    let (first, second) = (
        half(n, false) * half(m, false),
        half(n, true) * half(m, true),
    );
    if subtract {
        first - second
    } else {
        first + second
    }
}

/// Two products of halves, added or subtracted, plus a.
pub fn mul_dual(both: u64, a: u64, exchange: bool, subtract: bool) -> u64 {
    overflowing(dual(both, exchange, subtract) + i64::from(a as i32))
}

/// Two products of halves, added or subtracted, plus 64 bits.
pub fn mul_dual_long(both: u64, old: u64, exchange: bool, subtract: bool) -> u64 {
    old.wrapping_add(dual(both, exchange, subtract) as u64)
}

/// The upper 32 bits of a plus or minus the product, rounded if asked.
pub fn mul_most(both: u64, a: u64, subtract: bool, round: bool) -> u64 {
    let product = i64::from(low(both) as i32) * i64::from(high(both) as i32);
    let a = (a as i64) << 32;
    let sum = if subtract {
        a.wrapping_sub(product)
    } else {
        a.wrapping_add(product)
    };
    let sum = sum.wrapping_add(if round { 1 << 31 } else { 0 });
    (sum >> 32) as u32 as u64
}

/// The sum of absolute differences of bytes, plus a.
pub fn sum_differences(both: u64, a: u64) -> u64 {
    let (n, m) = (low(both).to_le_bytes(), high(both).to_le_bytes());
    let sum: u32 = n.iter().zip(m).map(|(n, m)| u32::from(n.abs_diff(m))).sum();
    u64::from(sum.wrapping_add(a as u32))
}

/// Saturates n to `bits` bits, of a signed or unsigned number.
pub fn saturate(n: u64, bits: u64, signed: bool) -> u64 {
    let v = i64::from(n as i32);
    let r = saturated(v, bits as u32, signed);
    u64::from(r as u32) | u64::from(r != v) << 32
}

fn saturated(v: i64, bits: u32, signed: bool) -> i64 {
    let bits = bits & 63;
    if signed {
        let most = (1 << (bits.max(1) - 1)) - 1;
        v.clamp(-most - 1, most)
    } else {
        v.clamp(0, (1 << bits) - 1)
    }
}

/// As [`saturate`], both halves.
pub fn saturate_halves(n: u64, bits: u64, signed: bool) -> u64 {
    let (a, b) = (half(n as u32, false), half(n as u32, true));
    let (x, y) = (
        saturated(a, bits as u32, signed),
        saturated(b, bits as u32, signed),
    );
    let q = x != a || y != b;
    u64::from(x as u16) | u64::from(y as u16) << 16 | u64::from(q) << 32
}

/// Bytes of n where a flag is set, else of m.
pub fn select(both: u64, ge: u64) -> u64 {
    let mask = (0..4).fold(0, |mask, i| mask | ((ge as u32 >> i & 1) * 0xff) << (8 * i));
    u64::from(low(both) & mask | high(both) & !mask)
}

/// The low bytes of m added to the halves of n, each extended.
pub fn extend_add_halves(both: u64, rotation: u64, signed: bool) -> u64 {
    let (n, m) = (low(both), high(both).rotate_right(rotation as u32));
    let byte = |v: u32| {
        if signed {
            v as u8 as i8 as u16
        } else {
            u16::from(v as u8)
        }
    };
    let a = (n as u16).wrapping_add(byte(m));
    let b = ((n >> 16) as u16).wrapping_add(byte(m >> 16));
    u64::from(a) | u64::from(b) << 16
}

/// What parallel arithmetic does with a lane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// Signed, with GE flags.
    S,
    /// Saturated as signed numbers.
    Q,
    /// Signed, halved.
    Sh,
    /// Unsigned, with GE flags.
    U,
    /// Saturated as unsigned numbers.
    Uq,
    /// Unsigned, halved.
    Uh,
}

/// Which lanes are added and which subtracted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// All added.
    Add,
    /// All subtracted.
    Sub,
    /// Halves exchanged; the lower difference, the upper sum.
    Asx,
    /// Halves exchanged; the lower sum, the upper difference.
    Sax,
}

/// Parallel addition and subtraction of lanes of so many bits.
pub fn parallel(both: u64, bits: u32, lanes: Lanes, pattern: Pattern) -> u64 {
    let (n, mut m) = (low(both), high(both));
    if matches!(pattern, Pattern::Asx | Pattern::Sax) {
        m = m.rotate_right(16);
    }
    let signed = matches!(lanes, Lanes::S | Lanes::Q | Lanes::Sh);
    let take = |v: u32, at: u32| {
        let v = i64::from(v >> at) & ((1 << bits) - 1);
        if signed {
            v << (64 - bits) >> (64 - bits)
        } else {
            v
        }
    };
    let (mut result, mut ge) = (0, 0);
    for lane in 0..32 / bits {
        let at = lane * bits;
        let add = match pattern {
            Pattern::Add => true,
            Pattern::Sub => false,
            Pattern::Asx => lane == 1,
            Pattern::Sax => lane == 0,
        };
        let (a, b) = (take(n, at), take(m, at));
        let r = if add { a + b } else { a - b };
        let holds = match lanes {
            Lanes::U if add => r >> bits != 0,
            _ => r >= 0,
        };
        let r = match lanes {
            Lanes::S | Lanes::U => r,
            Lanes::Q => saturated(r, bits, true),
            Lanes::Uq => saturated(r, bits, false),
            Lanes::Sh | Lanes::Uh => r >> 1,
        };
        result |= (r as u64 & ((1 << bits) - 1)) << at;
        if holds {
            ge |= ((1 << (bits / 8)) - 1) << (at / 8);
        }
    }
    result | ge << 32
}
