//! ECDSA, ECDH and SM2 over the curves of [`super::ec`].

use alloc::vec;
use alloc::vec::Vec;

use super::bn::Bn;
use super::ec::{Group, Point, SM2_A, SM2_B, SM2_X, SM2_Y};
use super::evp::equal;
use super::sm::Sm3;
use crate::keys::{Curve, EccPoint, Sm2Exchange};
use crate::{Error, Hash, Rng};

pub(super) fn generate(curve: Curve, rng: &mut dyn Rng) -> Result<[Vec<u8>; 3], Error> {
    let group = Group::new(curve)?;
    let (private, point) = group.generate(rng)?;
    let (x, y) = group.coordinates(&point)?;
    Ok([private.to_bytes(), x.to_bytes(), y.to_bytes()])
}

pub(super) fn check(curve: Curve, point: EccPoint<'_>) -> Result<(), Error> {
    Group::new(curve)?.point(point).map(|_| ())
}

pub(super) fn ecdsa_sign(
    curve: Curve,
    private: &[u8],
    digest: &[u8],
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let group = Group::new(curve)?;
    let nonce = Bn::random_below(&group.order, rng).ok_or(Error::Generic)?;
    let nonce = nonce.to_padded(group.order.bytes())?;
    let (r, s) = group.ecdsa_sign(&Bn::from_bytes(private), digest, &nonce)?;
    pair(&r, &s, group.width)
}

fn pair(a: &Bn, b: &Bn, width: usize) -> Result<Vec<u8>, Error> {
    let mut out = a.to_padded(width)?;
    out.extend(b.to_padded(width)?);
    Ok(out)
}

fn halves(signature: &[u8]) -> (Bn, Bn) {
    let (r, s) = signature.split_at(signature.len() / 2);
    (Bn::from_bytes(r), Bn::from_bytes(s))
}

pub(super) fn ecdsa_verify(
    curve: Curve,
    public: EccPoint<'_>,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let group = Group::new(curve)?;
    let public = group.point(public).map_err(|_| Error::SignatureInvalid)?;
    group.ecdsa_verify(&public, digest, halves(signature))
}

pub(super) fn ecdh(curve: Curve, private: &[u8], peer: EccPoint<'_>) -> Result<Vec<u8>, Error> {
    let group = Group::new(curve)?;
    let shared = group.mul(&Bn::from_bytes(private), &group.point(peer)?);
    let (x, _) = shared
        .and_then(|shared| group.coordinates(&shared))
        .map_err(|_| Error::BadParameters)?;
    x.to_padded(group.width)
}

/// A point of SM2's curve; one that is not on it is a bad state here.
fn sm2_point(group: &Group, point: EccPoint<'_>) -> Result<Point, Error> {
    group.point(point).map_err(|_| Error::BadState)
}

/// How often a random number is drawn before the key is held to be none.
const TRIES: usize = 32;

pub(super) fn sm2_sign(private: &[u8], digest: &[u8], rng: &mut dyn Rng) -> Result<Vec<u8>, Error> {
    let group = Group::new(Curve::Sm2)?;
    let n = &group.order;
    let (d, e) = (Bn::from_bytes(private), Bn::from_bytes(digest));
    let inverse = d.add(&Bn::from_word(1)).mod_inverse(n);
    let inverse = inverse.map_err(|_| Error::BadState)?;
    for _ in 0..TRIES {
        let (k, point) = group.generate(rng)?;
        let (x, _) = group.coordinates(&point)?;
        let r = e.mod_add(&x, n)?;
        if r.is_zero() || r.mod_add(&k, n)?.is_zero() {
            continue;
        }
        let s = k.mod_sub(&r.mod_mul(&d, n)?, n)?.mod_mul(&inverse, n)?;
        if !s.is_zero() {
            return pair(&r, &s, group.width);
        }
    }
    Err(Error::BadState)
}

pub(super) fn sm2_verify(
    public: EccPoint<'_>,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let group = Group::new(Curve::Sm2)?;
    let n = &group.order;
    let (r, s) = halves(signature);
    let fits = |v: &Bn| !v.is_zero() && v.less(n);
    let t = r.mod_add(&s, n)?;
    if !fits(&r) || !fits(&s) || t.is_zero() {
        return Err(Error::SignatureInvalid);
    }
    let public = group.point(public).map_err(|_| Error::SignatureInvalid)?;
    let sum = group.mul_add(Some(&s), Some((&t, &public)))?;
    let (x, _) = group
        .coordinates(&sum)
        .map_err(|_| Error::SignatureInvalid)?;
    if Bn::from_bytes(digest).mod_add(&x, n)?.cmp(&r).is_eq() {
        Ok(())
    } else {
        Err(Error::SignatureInvalid)
    }
}

/// The key derivation function of SM2 (GB/T 32918.3 5.4.3).
fn derive(z: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    for (counter, block) in (1u32..).zip(out.chunks_mut(32)) {
        block.copy_from_slice(&sm3(&[z, &counter.to_be_bytes()])[..block.len()]);
    }
    out
}

fn sm3(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sm3::default();
    for part in parts {
        hash.update(part);
    }
    let mut out = [0; 32];
    hash.finish(&mut out);
    out
}

/// The mask of a message, and the shared point's coordinates.
fn mask(group: &Group, shared: &Point, len: usize) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (x, y) = group.coordinates(shared)?;
    let z = pair(&x, &y, group.width)?;
    let mask = derive(&z, len);
    if mask.iter().all(|byte| *byte == 0) {
        return Err(Error::CiphertextInvalid);
    }
    Ok((mask, z))
}

fn masked(data: &[u8], mask: &[u8]) -> Vec<u8> {
    data.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

/// Form byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

pub(super) fn sm2_encrypt(
    public: EccPoint<'_>,
    plain: &[u8],
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, Error> {
    let group = Group::new(Curve::Sm2)?;
    let public = sm2_point(&group, public)?;
    let (k, c1) = group.generate(rng)?;
    let (x, y) = group.coordinates(&c1)?;
    let (mask, z) = mask(&group, &group.mul(&k, &public)?, plain.len())?;
    let mut out = vec![UNCOMPRESSED];
    out.extend(pair(&x, &y, group.width)?);
    out.extend(masked(plain, &mask));
    let (x2, y2) = z.split_at(group.width);
    out.extend(sm3(&[x2, plain, y2]));
    Ok(out)
}

pub(super) fn sm2_decrypt(private: &[u8], cipher: &[u8]) -> Result<Vec<u8>, Error> {
    let group = Group::new(Curve::Sm2)?;
    let (form, rest) = cipher.split_first().ok_or(Error::BadParameters)?;
    match *form {
        UNCOMPRESSED => {}
        2 | 3 | 6 | 7 => return Err(Error::NotSupported),
        _ => return Err(Error::BadParameters),
    }
    let coordinates = rest.split_at_checked(2 * group.width);
    let (coordinates, rest) = coordinates.ok_or(Error::BadParameters)?;
    let (x, y) = coordinates.split_at(group.width);
    let c1 = group.point(EccPoint { x, y })?;
    let shared = group.mul(&Bn::from_bytes(private), &c1)?;
    let len = rest.len().checked_sub(32).filter(|len| *len > 0);
    let (c2, c3) = rest.split_at(len.ok_or(Error::BadParameters)?);
    let (mask, z) = mask(&group, &shared, c2.len())?;
    let plain = masked(c2, &mask);
    let (x2, y2) = z.split_at(group.width);
    if equal(&sm3(&[x2, &plain, y2]), c3) {
        Ok(plain)
    } else {
        Err(Error::CiphertextInvalid)
    }
}

/// The digest of an identity and its key (GB/T 32918.2 5.5).
fn identity(id: &[u8], point: &[u8]) -> [u8; 32] {
    let bits = (id.len() as u16).wrapping_mul(8).to_be_bytes();
    sm3(&[&bits, id, SM2_A, SM2_B, SM2_X, SM2_Y, point])
}

/// 2¹²⁷ plus the lower 127 bits of a first coordinate.
fn bar(x: &[u8]) -> Bn {
    let mut low = x.get(x.len() / 2..).unwrap_or(x).to_vec();
    if let Some(first) = low.first_mut() {
        *first |= 0x80;
    }
    Bn::from_bytes(&low)
}

/// A point's coordinates at full width.
fn wide(group: &Group, point: EccPoint<'_>) -> Result<Vec<u8>, Error> {
    let numbers = (Bn::from_bytes(point.x), Bn::from_bytes(point.y));
    pair(&numbers.0, &numbers.1, group.width)
}

pub(super) fn sm2_exchange(
    exchange: &Sm2Exchange<'_>,
    len: usize,
) -> Result<(Vec<u8>, [u8; 32]), Error> {
    let group = Group::new(Curve::Sm2)?;
    let n = &group.order;
    let own_ephemeral = wide(&group, exchange.own_ephemeral.1)?;
    let peer_ephemeral = wide(&group, exchange.peer_ephemeral)?;
    let x_of = |point: &[u8]| bar(point.get(..32).unwrap_or(point));
    let t = x_of(&own_ephemeral).mod_mul(&Bn::from_bytes(exchange.own_ephemeral.0), n)?;
    let t = t.mod_add(&Bn::from_bytes(exchange.own.0), n)?;
    let ephemeral = sm2_point(&group, exchange.peer_ephemeral)?;
    let peer = sm2_point(&group, exchange.peer)?;
    let sum = group.mul(&x_of(&peer_ephemeral), &ephemeral)?;
    let shared = group.mul(&t, &group.add(&peer, &sum)?)?;
    let (x, y) = group.coordinates(&shared)?;
    let (x, y) = (x.to_padded(group.width)?, y.to_padded(group.width)?);

    let own = wide(&group, exchange.own.1)?;
    let other = wide(&group, exchange.peer)?;
    let order = |mine, theirs| {
        if exchange.initiator {
            (mine, theirs)
        } else {
            (theirs, mine)
        }
    };
    let (first, second) = order(&own, &other);
    let za = identity(exchange.initiator_id, first);
    let zb = identity(exchange.responder_id, second);
    let key = derive(&[&x[..], &y, &za, &zb].concat(), len);

    let (first, second) = order(&own_ephemeral, &peer_ephemeral);
    let inner = sm3(&[&x, &za, &zb, first, second]);
    let confirmation = |flag: u8| sm3(&[&[flag], &y, &inner]);
    let (incoming, outgoing) = if exchange.initiator { (2, 3) } else { (3, 2) };
    if let Some(given) = exchange.confirmation_in {
        let given = given.get(..32).ok_or(Error::BadParameters)?;
        if !equal(&confirmation(incoming), given) {
            return Err(Error::BadState);
        }
    }
    Ok((key, confirmation(outgoing)))
}
