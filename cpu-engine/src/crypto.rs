//! The rounds of AES, SHA-1 and SHA-256, and the steps of CRC-32, as instructions have them.

const fn times_two(x: u8) -> u8 {
    (x << 1) ^ ((x >> 7) * 0x1b)
}

const fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut r) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            r ^= a;
        }
        a = times_two(a);
        b >>= 1;
    }
    r
}

const fn substitution() -> [u8; 256] {
    let mut table = [0x63; 256];
    let mut x = 1;
    while x < 256 {
        // The inverse is the 254th power.
        let (mut inverse, mut i) = (1, 0);
        while i < 254 {
            inverse = times(inverse, x as u8);
            i += 1;
        }
        let i = inverse;
        table[x] =
            0x63 ^ i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4);
        x += 1;
    }
    table
}

const fn inverse(table: &[u8; 256]) -> [u8; 256] {
    let mut r = [0; 256];
    let mut i = 0;
    while i < 256 {
        r[table[i] as usize] = i as u8;
        i += 1;
    }
    r
}

static SBOX: [u8; 256] = substitution();
static INVERSE: [u8; 256] = inverse(&SBOX);

fn bytes(v: u128, f: impl Fn(usize, &[u8; 16]) -> u8) -> u128 {
    let old = v.to_le_bytes();
    u128::from_le_bytes(core::array::from_fn(|i| f(i, &old)))
}

/// `aese`: adds the key, shifts rows, substitutes.
pub fn aes_encrypt(state: u128, key: u128) -> u128 {
    bytes(state ^ key, |i, s| SBOX[s[(i + 4 * (i % 4)) % 16] as usize])
}

/// `aesd`: adds the key, shifts rows back, substitutes back.
pub fn aes_decrypt(state: u128, key: u128) -> u128 {
    bytes(state ^ key, |i, s| {
        INVERSE[s[(i + 12 * (i % 4)) % 16] as usize]
    })
}

fn mix(v: u128, factors: [u8; 4]) -> u128 {
    bytes(v, |i, s| {
        let column = i & !3;
        (0..4).fold(0, |sum, j| {
            sum ^ times(factors[(4 + j - i % 4) % 4], s[column + j])
        })
    })
}

/// `aesmc`.
pub fn aes_mix(v: u128) -> u128 {
    mix(v, [2, 3, 1, 1])
}

/// `aesimc`.
pub fn aes_unmix(v: u128) -> u128 {
    mix(v, [14, 11, 13, 9])
}

/// A lane of four 32-bit ones.
pub const fn word(v: u128, i: u32) -> u32 {
    (v >> (32 * i)) as u32
}

fn words(f: impl Fn(u32) -> u32) -> u128 {
    (0..4).fold(0, |v, i| v | u128::from(f(i)) << (32 * i))
}

/// Which function a SHA-1 round uses.
#[derive(Clone, Copy)]
pub enum Sha1 {
    Choose,
    Parity,
    Majority,
}

/// `sha1c`, `sha1p`, `sha1m`: four rounds on the hash x and y with the schedule w.
pub fn sha1_rounds(x: u128, y: u32, w: u128, f: Sha1) -> u128 {
    let (mut a, mut b, mut c, mut d) = (word(x, 0), word(x, 1), word(x, 2), word(x, 3));
    let mut e = y;
    for i in 0..4 {
        let t = match f {
            Sha1::Choose => ((c ^ d) & b) ^ d,
            Sha1::Parity => b ^ c ^ d,
            Sha1::Majority => (b & c) | ((b | c) & d),
        };
        let new = e
            .wrapping_add(a.rotate_left(5))
            .wrapping_add(t)
            .wrapping_add(word(w, i));
        (a, b, c, d, e) = (new, a, b.rotate_left(30), c, d);
    }
    let all = [a, b, c, d];
    words(|i| all[i as usize])
}

/// `sha1su0`.
pub fn sha1_schedule0(d: u128, n: u128, m: u128) -> u128 {
    (n << 64 | d >> 64) ^ d ^ m
}

/// `sha1su1`.
pub fn sha1_schedule1(d: u128, n: u128) -> u128 {
    let t = d ^ (n >> 32);
    let first = word(t, 0).rotate_left(1);
    words(|i| match i {
        3 => word(t, 3).rotate_left(1) ^ first.rotate_left(1),
        _ => word(t, i).rotate_left(1),
    })
}

/// `sha256h` and `sha256h2`: four rounds; gives both halves of the hash.
pub fn sha256_rounds(x: u128, y: u128, w: u128) -> (u128, u128) {
    let mut s = [0; 8];
    for i in 0..4 {
        (s[i as usize], s[4 + i as usize]) = (word(x, i), word(y, i));
    }
    for i in 0..4 {
        let [a, b, c, d, e, f, g, h] = s;
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t = h
            .wrapping_add(sum1)
            .wrapping_add(((f ^ g) & e) ^ g)
            .wrapping_add(word(w, i));
        let majority = (a & b) | ((a | b) & c);
        s = [
            t.wrapping_add(sum0).wrapping_add(majority),
            a,
            b,
            c,
            d.wrapping_add(t),
            e,
            f,
            g,
        ];
    }
    (words(|i| s[i as usize]), words(|i| s[4 + i as usize]))
}

/// `sha256su0`.
pub fn sha256_schedule0(d: u128, n: u128) -> u128 {
    let t = n << 96 | d >> 32;
    words(|i| {
        let x = word(t, i);
        let s = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
        word(d, i).wrapping_add(s)
    })
}

/// `sha256su1`.
pub fn sha256_schedule1(d: u128, n: u128, m: u128) -> u128 {
    let t0 = m << 96 | n >> 32;
    let sigma = |x: u32| x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
    let mut r = [0u32; 4];
    for i in 0..4 {
        let from = if i < 2 {
            word(m, i + 2)
        } else {
            r[i as usize - 2]
        };
        r[i as usize] = sigma(from)
            .wrapping_add(word(d, i))
            .wrapping_add(word(t0, i));
    }
    words(|i| r[i as usize])
}

/// A step of CRC-32 over the low `bytes` of a value, with a reflected polynomial.
pub const fn crc32(crc: u64, value: u64, bytes: u32, polynomial: u32) -> u64 {
    let mut r = (crc as u32 as u64) ^ (value & (u64::MAX >> (64 - 8 * bytes)));
    let mut i = 0;
    while i < 8 * bytes {
        r = r >> 1 ^ (if r & 1 != 0 { polynomial as u64 } else { 0 });
        i += 1;
    }
    r
}

/// The polynomial of `crc32`, reflected.
pub const CRC32: u32 = 0xedb8_8320;
/// The polynomial of `crc32c`, reflected.
pub const CRC32C: u32 = 0x82f6_3b78;
