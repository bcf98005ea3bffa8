//! Random operands, with a liking for what is special.

use super::Random;

const SPECIAL_64: [u64; 20] = [
    0,
    1,
    u64::MAX,
    1 << 63,
    i64::MAX as u64,
    0x3ff0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_1234,
    0xfff0_0000_0000_0001,
    0x0010_0000_0000_0000,
    0x000f_ffff_ffff_ffff,
    0x8000_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0x4330_0000_0000_0001,
    0x41e0_0000_0000_0000,
    0xc1e0_0000_0010_0000,
    0x43e0_0000_0000_0000,
    0xbfe0_0000_0000_0000,
    0x3810_0000_0000_0000,
];

const SPECIAL_32: [u32; 20] = [
    0,
    1,
    u32::MAX,
    1 << 31,
    i32::MAX as u32,
    0x3f80_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_1234,
    0xff80_0001,
    0x0080_0000,
    0x007f_ffff,
    0x8000_0001,
    0x7f7f_ffff,
    0x4b00_0001,
    0x4f00_0000,
    0xcf00_0001,
    0x5f00_0000,
    0xbf00_0000,
    0x3380_0000,
];

const SPECIAL_16: [u16; 16] = [
    0, 1, 0xffff, 0x8000, 0x7fff, 0x3c00, 0x7c00, 0xfc00, 0x7e12, 0xfc01, 0x0400, 0x03ff, 0x8001,
    0x7bff, 0x6401, 0xb800,
];

pub fn number(r: &mut Random) -> u64 {
    match r.below(8) {
        0..3 => r.next(),
        3 => r.pick(&SPECIAL_64),
        4 => r.next() >> r.below(64),
        5 => (r.next() as i64 >> r.below(64)) as u64,
        6 => u64::from(r.pick(&SPECIAL_32)) << 32 | u64::from(r.pick(&SPECIAL_32)),
        _ => r.below(128),
    }
}

pub fn double(r: &mut Random) -> u64 {
    match r.below(6) {
        0 => r.pick(&SPECIAL_64),
        1 => r.pick(&SPECIAL_64).wrapping_add(r.below(5)).wrapping_sub(2),
        2 => r.next(),
        3 => ((r.below(1 << 20) as i64 - (1 << 19)) as f64 / 8.0).to_bits(),
        // Exponents close to each other, around those of half and single precision too.
        4 => r.next() & 0x800f_ffff_ffff_ffff | (1023 + r.below(64) - 32) << 52,
        _ => r.next() & 0x800f_ffff_ffff_ffff | (1023 + r.below(320) - 160) << 52,
    }
}

pub fn single(r: &mut Random) -> u32 {
    match r.below(6) {
        0 => r.pick(&SPECIAL_32),
        1 => r
            .pick(&SPECIAL_32)
            .wrapping_add(r.below(5) as u32)
            .wrapping_sub(2),
        2 => r.next() as u32,
        3 => ((r.below(1 << 16) as i64 - (1 << 15)) as f32 / 8.0).to_bits(),
        _ => r.next() as u32 & 0x807f_ffff | (127 + r.below(64) as u32 - 32) << 23,
    }
}

pub fn half(r: &mut Random) -> u16 {
    match r.below(3) {
        0 => r.pick(&SPECIAL_16),
        _ => r.next() as u16,
    }
}

pub fn vector(r: &mut Random) -> u128 {
    let two = |low: u64, high: u64| u128::from(high) << 64 | u128::from(low);
    match r.below(8) {
        0 => two(r.next(), r.next()),
        1 | 2 => two(double(r), double(r)),
        3 | 4 => (0..4).fold(0, |v, i| v | u128::from(single(r)) << (32 * i)),
        5 => (0..8).fold(0, |v, i| v | u128::from(half(r)) << (16 * i)),
        6 => two(number(r), number(r)),
        _ => (0..16).fold(0, |v, i| {
            v | u128::from(r.pick(&[0u8, 1, 0x7f, 0x80, 0xff, 3, 0xfe])) << (8 * i)
        }),
    }
}
