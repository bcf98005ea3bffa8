//! RSA in AWS-LC's arithmetic.
//!
//! Its own RSA interface is not used: it draws on the process-wide generator (blinding, key
//! generation), whose first use takes 40 ms, and refuses keys that OP-TEE takes (moduli from 256
//! bits, any odd exponent).

use alloc::vec::Vec;

use super::bn::{Bn, Montgomery, mod_exp_two};
use crate::keys::{RsaCrt, RsaKey};
use crate::{Error, Rng};

pub(super) fn public(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error> {
    let n = Bn::from_bytes(&key.n);
    let input = checked(input, &n)?;
    let output = input.mod_exp_public(&Bn::from_bytes(&key.e), &n)?;
    output.to_padded(n.bytes())
}

pub(super) fn private(key: &RsaKey, input: &[u8]) -> Result<Vec<u8>, Error> {
    let n = Bn::from_bytes(&key.n);
    let input = checked(input, &n)?;
    let Some(crt) = &key.crt else {
        return input
            .mod_exp(&Bn::from_bytes(&key.d), &n)?
            .to_padded(n.bytes());
    };
    let output = chinese_remainder(crt, &input)?;
    let again = output.mod_exp_public(&Bn::from_bytes(&key.e), &n)?;
    if again.cmp(&input).is_ne() {
        return Err(Error::Generic);
    }
    output.to_padded(n.bytes())
}

fn checked(input: &[u8], n: &Bn) -> Result<Bn, Error> {
    let input = Bn::from_bytes(input);
    if n.less(&input) {
        return Err(Error::BadParameters);
    }
    Ok(input)
}

fn chinese_remainder(crt: &RsaCrt, input: &Bn) -> Result<Bn, Error> {
    let (p, q) = (Bn::from_bytes(&crt.p), Bn::from_bytes(&crt.q));
    let (dp, dq) = (Bn::from_bytes(&crt.dp), Bn::from_bytes(&crt.dq));
    let (a, b) = mod_exp_two((input, &dp, &p), (input, &dq, &q))?;
    let h = a.mod_sub(&b.reduce(&p)?, &p)?;
    let h = h.mod_mul(&Bn::from_bytes(&crt.qp), &p)?;
    Ok(b.add(&q.mul(&h)?))
}

/// Largest public exponent in bits.
const MAX_E_BITS: u32 = 255;

pub(super) fn generate(bits: u32, e: &[u8], rng: &mut dyn Rng) -> Result<RsaKey, Error> {
    let e = Bn::from_bytes(e);
    if !bits.is_multiple_of(16) || !(2..=MAX_E_BITS).contains(&e.bits()) || !e.is_odd() {
        return Err(Error::BadParameters);
    }
    let one = Bn::from_word(1);
    let p = prime(bits / 2, &e, rng)?;
    let q = loop {
        let q = prime(bits / 2, &e, rng)?;
        if q.cmp(&p).is_ne() {
            break q;
        }
    };
    let (p1, q1) = (p.sub(&one), q.sub(&one));
    let lcm = p1.mul(&q1)?.div(&p1.gcd(&q1)?)?;
    let d = e.mod_inverse(&lcm)?;
    Ok(RsaKey {
        n: p.mul(&q)?.to_bytes(),
        e: e.to_bytes(),
        d: d.to_bytes(),
        crt: Some(RsaCrt {
            dp: d.reduce(&p1)?.to_bytes(),
            dq: d.reduce(&q1)?.to_bytes(),
            qp: q.mod_inverse(&p)?.to_bytes(),
            p: p.to_bytes(),
            q: q.to_bytes(),
        }),
    })
}

/// Bound of the primes that candidates are sieved by.
const SIEVE: u16 = 8192;
/// How far a search goes from one random start.
const REACH: u32 = 1 << 14;

/// A random prime whose two highest bits are set and whose predecessor has no factor in common
/// with `e`.
fn prime(bits: u32, e: &Bn, rng: &mut dyn Rng) -> Result<Bn, Error> {
    let sieve = small_primes();
    let one = Bn::from_word(1);
    loop {
        let mut start = Bn::random(bits.div_ceil(8) as usize, rng);
        start = start.shifted_right(bits.next_multiple_of(8) - bits);
        for bit in [0, bits - 2, bits - 1] {
            start.set_bit(bit);
        }
        let rests: Vec<(u32, u32)> = sieve
            .iter()
            .map(|p| (u32::from(*p), start.mod_word(u64::from(*p)) as u32))
            .collect();
        for delta in (0..REACH).step_by(2) {
            if rests.iter().any(|(p, rest)| (rest + delta) % p == 0) {
                continue;
            }
            let candidate = start.add(&Bn::from_word(u64::from(delta)));
            if candidate.bits() != bits {
                break;
            }
            if is_prime(&candidate, rng)? && candidate.sub(&one).gcd(e)?.is_one() {
                return Ok(candidate);
            }
        }
    }
}

/// Odd primes below [`SIEVE`], by Eratosthenes.
fn small_primes() -> Vec<u16> {
    let mut composite = alloc::vec![false; usize::from(SIEVE)];
    let mut primes = Vec::new();
    for n in (3..SIEVE).step_by(2) {
        if composite.get(usize::from(n)).copied().unwrap_or(true) {
            continue;
        }
        primes.push(n);
        for multiple in composite
            .iter_mut()
            .skip(usize::from(n))
            .step_by(usize::from(n))
        {
            *multiple = true;
        }
    }
    primes
}

/// The test of Miller and Rabin for an odd number above every sieved prime, with as many random
/// bases as FIPS 186-5 table B.1 asks for.
fn is_prime(n: &Bn, rng: &mut dyn Rng) -> Result<bool, Error> {
    let rounds = match n.bits() {
        1024.. => 5,
        512.. => 8,
        _ => 32,
    };
    let one = Bn::from_word(1);
    let minus_one = n.sub(&one);
    let twos = (0..n.bits())
        .find(|s| minus_one.shifted_right(*s).is_odd())
        .unwrap_or(0);
    let odd = minus_one.shifted_right(twos);
    let montgomery = Montgomery::new(n)?;
    for _ in 0..rounds {
        let base = Bn::random_below(&minus_one, rng).ok_or(Error::Generic)?;
        let mut power = montgomery.exp(&base, &odd)?;
        if power.is_one() || power.cmp(&minus_one).is_eq() {
            continue;
        }
        let mut witness = true;
        for _ in 1..twos {
            power = power.mod_mul(&power, n)?;
            if power.cmp(&minus_one).is_eq() {
                witness = false;
                break;
            }
        }
        if witness {
            return Ok(false);
        }
    }
    Ok(true)
}
