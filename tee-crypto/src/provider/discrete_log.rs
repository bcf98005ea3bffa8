//! DSA and Diffie-Hellman in AWS-LC's arithmetic, with random numbers from outside.

use alloc::vec::Vec;

use super::bn::Bn;
use crate::keys::{DhParameters, DsaParameters};
use crate::{Error, Rng};

/// The group as numbers.
struct Group {
    p: Bn,
    q: Bn,
    g: Bn,
}

impl Group {
    fn new(group: &DsaParameters<'_>) -> Self {
        Self {
            p: Bn::from_bytes(group.p),
            q: Bn::from_bytes(group.q),
            g: Bn::from_bytes(group.g),
        }
    }

    /// The leftmost bytes of a digest that q has room for, as a number.
    fn digest(&self, digest: &[u8]) -> Bn {
        Bn::from_bytes(digest.get(..self.q.bytes()).unwrap_or(digest))
    }
}

pub(super) fn dsa_generate(
    group: &DsaParameters<'_>,
    rng: &mut dyn Rng,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let group = Group::new(group);
    let x = Bn::random_below(&group.q, rng).ok_or(Error::BadParameters)?;
    let y = group
        .g
        .mod_exp(&x, &group.p)
        .map_err(|_| Error::BadParameters)?;
    Ok((x.to_bytes(), y.to_bytes()))
}

/// How often a signature is tried before the group is held to be none.
const TRIES: usize = 32;

pub(super) fn dsa_sign(
    group: &DsaParameters<'_>,
    x: &[u8],
    digest: &[u8],
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let group = Group::new(group);
    let (x, m) = (Bn::from_bytes(x), group.digest(digest));
    for _ in 0..TRIES {
        let k = Bn::random_below(&group.q, rng).ok_or(Error::Generic)?;
        let r = group.g.mod_exp(&k, &group.p)?.reduce(&group.q)?;
        let Ok(inverse) = k.mod_inverse(&group.q) else {
            continue;
        };
        let s = x.mod_mul(&r, &group.q)?.mod_add(&m, &group.q)?;
        let s = s.mod_mul(&inverse, &group.q)?;
        if !r.is_zero() && !s.is_zero() {
            let mut out = r.to_padded(group.q.bytes())?;
            out.extend(s.to_padded(group.q.bytes())?);
            return Ok(out);
        }
    }
    Err(Error::Generic)
}

pub(super) fn dsa_verify(
    group: &DsaParameters<'_>,
    y: &[u8],
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let group = Group::new(group);
    let half = signature.len() / 2;
    let (r, s) = signature.split_at(half);
    let (r, s) = (
        Bn::from_bytes(r),
        Bn::from_bytes(s.get(..half).unwrap_or(s)),
    );
    let fits = |n: &Bn| !n.is_zero() && n.less(&group.q);
    if !fits(&r) || !fits(&s) {
        return Err(Error::SignatureInvalid);
    }
    let w = s.mod_inverse(&group.q)?;
    let u1 = group.digest(digest).mod_mul(&w, &group.q)?;
    let u2 = r.mod_mul(&w, &group.q)?;
    let v = group.g.mod_exp_public(&u1, &group.p)?;
    let v = v.mod_mul(&Bn::from_bytes(y).mod_exp_public(&u2, &group.p)?, &group.p)?;
    if v.reduce(&group.q)?.cmp(&r).is_eq() {
        Ok(())
    } else {
        Err(Error::SignatureInvalid)
    }
}

pub(super) fn dh_generate(
    group: &DhParameters<'_>,
    rng: &mut dyn Rng,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let p = Bn::from_bytes(group.p);
    let q = group.q.map(Bn::from_bytes);
    let room = q.as_ref().map_or(p.bytes(), |q| q.bytes().min(p.bytes()));
    let size = match group.x_bits {
        0 => room,
        bits if bits.is_multiple_of(8) && (bits / 8) as usize <= room => (bits / 8) as usize,
        _ => return Err(Error::BadParameters),
    };
    let modulus = q.as_ref().filter(|q| q.bytes() < p.bytes()).unwrap_or(&p);
    let mut power = || {
        let x = Bn::random(size, rng).reduce(modulus)?;
        let y = Bn::from_bytes(group.g).mod_exp(&x, &p)?;
        Ok((x.to_bytes(), y.to_bytes()))
    };
    power().map_err(|_: Error| Error::BadParameters)
}

pub(super) fn dh_derive(p: &[u8], x: &[u8], peer: &[u8]) -> Result<Vec<u8>, Error> {
    let secret = Bn::from_bytes(peer).mod_exp(&Bn::from_bytes(x), &Bn::from_bytes(p));
    Ok(secret.map_err(|_| Error::BadParameters)?.to_bytes())
}
