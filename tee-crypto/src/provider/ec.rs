//! Curves and points of AWS-LC as values.
//!
//! P-192 and SM2 are not among the library's curves; their parameters (FIPS 186-4 D.1.2.1, GB/T
//! 32918.5 / RFC 8998) are handed to its arithmetic for any curve over a prime field.
//!
//! # Safety
//! Groups, points and keys are [`Owned`]; a point or key is used only with the group it was made
//! for, which its owner holds.
#![expect(unsafe_code, reason = "calls into a C library")]

use core::ptr::{null, null_mut};

use aws_lc_sys as lc;

use super::bn::Bn;
use super::owned::{Owned, done};
use crate::keys::{Curve, EccPoint};
use crate::{Error, Rng};

/// p, a, b, the generator's coordinates, and its order.
type Parameters = [&'static [u8]; 6];

const P192: Parameters = [
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xfc",
    b"\x64\x21\x05\x19\xe5\x9c\x80\xe7\x0f\xa7\xe9\xab\x72\x24\x30\x49\xfe\xb8\xde\xec\xc1\x46\xb9\xb1",
    b"\x18\x8d\xa8\x0e\xb0\x30\x90\xf6\x7c\xbf\x20\xeb\x43\xa1\x88\x00\xf4\xff\x0a\xfd\x82\xff\x10\x12",
    b"\x07\x19\x2b\x95\xff\xc8\xda\x78\x63\x10\x11\xed\x6b\x24\xcd\xd5\x73\xf9\x77\xa1\x1e\x79\x48\x11",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x99\xde\xf8\x36\x14\x6b\xc9\xb1\xb4\xd2\x28\x31",
];

/// SM2's `a`.
pub(super) const SM2_A: &[u8; 32] =
    b"\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc";
/// SM2's `b`.
pub(super) const SM2_B: &[u8; 32] =
    b"\x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7\xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93";
/// SM2's generator.
pub(super) const SM2_X: &[u8; 32] =
    b"\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7";
/// SM2's generator.
pub(super) const SM2_Y: &[u8; 32] =
    b"\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0";

const SM2: Parameters = [
    b"\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff",
    SM2_A,
    SM2_B,
    SM2_X,
    SM2_Y,
    b"\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x72\x03\xdf\x6b\x21\xc6\x05\x2b\x53\xbb\xf4\x09\x39\xd5\x41\x23",
];

/// A curve with its generator.
pub(super) struct Group {
    at: Owned<lc::EC_GROUP>,
    /// Bytes in a coordinate.
    pub(super) width: usize,
    /// Order of the generator.
    pub(super) order: Bn,
}

/// A point, valid with the group it was made for.
pub(super) struct Point(Owned<lc::EC_POINT>);

impl Group {
    pub(super) fn new(curve: Curve) -> Result<Self, Error> {
        let at = match curve {
            Curve::P192 => custom(&P192)?,
            Curve::Sm2 => custom(&SM2)?,
            Curve::P224 => named(lc::NID_secp224r1)?,
            Curve::P256 => named(lc::NID_X9_62_prime256v1)?,
            Curve::P384 => named(lc::NID_secp384r1)?,
            Curve::P521 => named(lc::NID_secp521r1)?,
        };
        // SAFETY: the group is valid and owns its order, which is copied.
        let order = unsafe {
            let order = lc::EC_GROUP_get0_order(at.get());
            Owned::new(lc::BN_dup(order), lc::BN_clear_free)?
        };
        Ok(Self {
            at,
            width: curve.bytes(),
            order: Bn(order),
        })
    }

    fn infinity(&self) -> Result<Point, Error> {
        point(&self.at)
    }

    /// The point of two coordinates.
    ///
    /// # Errors
    /// [`Error::BadParameters`] when it is not on the curve.
    pub(super) fn point(&self, coordinates: EccPoint<'_>) -> Result<Point, Error> {
        let (x, y) = (Bn::from_bytes(coordinates.x), Bn::from_bytes(coordinates.y));
        let mut point = self.infinity()?;
        set_coordinates(&self.at, &mut point, &x, &y)?;
        Ok(point)
    }

    /// The coordinates of a point.
    ///
    /// # Errors
    /// [`Error::BadState`] at infinity.
    pub(super) fn coordinates(&self, point: &Point) -> Result<(Bn, Bn), Error> {
        let (mut x, mut y) = (Bn::zero(), Bn::zero());
        // SAFETY: all objects are valid, and the point is of this group.
        let answer = unsafe {
            lc::EC_POINT_get_affine_coordinates_GFp(
                self.at.get(),
                point.0.get(),
                x.0.get_mut(),
                y.0.get_mut(),
                null_mut(),
            )
        };
        done(answer, Error::BadState)?;
        Ok((x, y))
    }

    /// `factor` times the generator.
    pub(super) fn mul_base(&self, factor: &Bn) -> Result<Point, Error> {
        self.mul_add(Some(factor), None)
    }

    /// `factor` times a point.
    pub(super) fn mul(&self, factor: &Bn, point: &Point) -> Result<Point, Error> {
        self.mul_add(None, Some((factor, point)))
    }

    /// A multiple of the generator plus a multiple of a point.
    pub(super) fn mul_add(
        &self,
        base: Option<&Bn>,
        other: Option<(&Bn, &Point)>,
    ) -> Result<Point, Error> {
        let base = base.map(|n| n.reduce(&self.order)).transpose()?;
        let factor = other.map(|(n, _)| n.reduce(&self.order)).transpose()?;
        let mut out = self.infinity()?;
        // SAFETY: all objects are valid, and the points are of this group; NULL stands for a
        // summand that is not there.
        let answer = unsafe {
            lc::EC_POINT_mul(
                self.at.get(),
                out.0.get_mut(),
                base.as_ref().map_or(null(), |n| n.0.get()),
                other.map_or(null(), |(_, point)| point.0.get()),
                factor.as_ref().map_or(null(), |n| n.0.get()),
                null_mut(),
            )
        };
        done(answer, Error::BadState)?;
        Ok(out)
    }

    /// The sum of two points.
    pub(super) fn add(&self, a: &Point, b: &Point) -> Result<Point, Error> {
        let mut out = self.infinity()?;
        // SAFETY: all objects are valid, and the points are of this group.
        let answer = unsafe {
            lc::EC_POINT_add(
                self.at.get(),
                out.0.get_mut(),
                a.0.get(),
                b.0.get(),
                null_mut(),
            )
        };
        done(answer, Error::BadState)?;
        Ok(out)
    }

    /// A new private value and its point.
    pub(super) fn generate(&self, rng: &mut dyn Rng) -> Result<(Bn, Point), Error> {
        let private = Bn::random_below(&self.order, rng).ok_or(Error::BadParameters)?;
        let point = self.mul_base(&private)?;
        Ok((private, point))
    }

    fn key(&self) -> Result<Owned<lc::EC_KEY>, Error> {
        // SAFETY: a constructor and its destructor.
        let mut key = unsafe { Owned::new(lc::EC_KEY_new(), lc::EC_KEY_free)? };
        // SAFETY: both are valid; the key keeps a reference of its own.
        let answer = unsafe { lc::EC_KEY_set_group(key.get_mut(), self.at.get()) };
        done(answer, Error::Generic)?;
        Ok(key)
    }

    /// An ECDSA signature with the nonce given: r and s.
    pub(super) fn ecdsa_sign(
        &self,
        private: &Bn,
        digest: &[u8],
        nonce: &[u8],
    ) -> Result<(Bn, Bn), Error> {
        let mut key = self.key()?;
        // SAFETY: key and number are valid; the number is copied, one out of range refused.
        let answer = unsafe { lc::EC_KEY_set_private_key(key.get_mut(), private.0.get()) };
        done(answer, Error::Generic)?;
        // SAFETY: pointers and lengths are those of the slices. The library's name for it warns
        // of a nonce used twice; this one is random.
        let signature = unsafe {
            Owned::new(
                lc::ECDSA_sign_with_nonce_and_leak_private_key_for_testing(
                    digest.as_ptr(),
                    digest.len(),
                    key.get(),
                    nonce.as_ptr(),
                    nonce.len(),
                ),
                lc::ECDSA_SIG_free,
            )
        };
        let signature = signature.map_err(|_| {
            let failed = done(0, Error::Generic);
            failed.err().unwrap_or(Error::Generic)
        })?;
        // SAFETY: the signature owns both numbers, which are copied.
        unsafe {
            let r = lc::BN_dup(lc::ECDSA_SIG_get0_r(signature.get()));
            let s = lc::BN_dup(lc::ECDSA_SIG_get0_s(signature.get()));
            Ok((
                Bn(Owned::allocated(r, lc::BN_clear_free)),
                Bn(Owned::allocated(s, lc::BN_clear_free)),
            ))
        }
    }

    /// Checks an ECDSA signature.
    pub(super) fn ecdsa_verify(
        &self,
        public: &Point,
        digest: &[u8],
        (r, s): (Bn, Bn),
    ) -> Result<(), Error> {
        let mut key = self.key()?;
        // SAFETY: key and point are valid; the point is copied.
        let answer = unsafe { lc::EC_KEY_set_public_key(key.get_mut(), public.0.get()) };
        done(answer, Error::Generic)?;
        // SAFETY: a constructor and its destructor.
        let mut signature = unsafe { Owned::new(lc::ECDSA_SIG_new(), lc::ECDSA_SIG_free)? };
        // SAFETY: the signature takes over copies of both numbers.
        let answer = unsafe {
            lc::ECDSA_SIG_set0(
                signature.get_mut(),
                lc::BN_dup(r.0.get()),
                lc::BN_dup(s.0.get()),
            )
        };
        done(answer, Error::OutOfMemory)?;
        // SAFETY: pointer and length are those of the slice.
        let answer = unsafe {
            lc::ECDSA_do_verify(digest.as_ptr(), digest.len(), signature.get(), key.get())
        };
        done(answer, Error::SignatureInvalid)
    }
}

fn named(nid: core::ffi::c_int) -> Result<Owned<lc::EC_GROUP>, Error> {
    // SAFETY: the library's own curves are static; giving one back does nothing.
    unsafe { Owned::new(lc::EC_GROUP_new_by_curve_name(nid), lc::EC_GROUP_free) }
}

fn custom(parameters: &Parameters) -> Result<Owned<lc::EC_GROUP>, Error> {
    let [p, a, b, x, y, order] = parameters.map(Bn::from_bytes);
    // SAFETY: all numbers are valid and copied.
    let mut group = unsafe {
        Owned::new(
            lc::EC_GROUP_new_curve_GFp(p.0.get(), a.0.get(), b.0.get(), null_mut()),
            lc::EC_GROUP_free,
        )?
    };
    let mut generator = point(&group)?;
    set_coordinates(&group, &mut generator, &x, &y)?;
    let one = Bn::from_word(1);
    // SAFETY: all objects are valid and copied; the point is of this group.
    let answer = unsafe {
        lc::EC_GROUP_set_generator(
            group.get_mut(),
            generator.0.get(),
            order.0.get(),
            one.0.get(),
        )
    };
    done(answer, Error::Generic)?;
    Ok(group)
}

fn point(group: &Owned<lc::EC_GROUP>) -> Result<Point, Error> {
    // SAFETY: the group is valid; a constructor and its destructor.
    Ok(Point(unsafe {
        Owned::new(lc::EC_POINT_new(group.get()), lc::EC_POINT_free)?
    }))
}

fn set_coordinates(
    group: &Owned<lc::EC_GROUP>,
    point: &mut Point,
    x: &Bn,
    y: &Bn,
) -> Result<(), Error> {
    // SAFETY: all objects are valid, and the point is of this group.
    let answer = unsafe {
        lc::EC_POINT_set_affine_coordinates_GFp(
            group.get(),
            point.0.get_mut(),
            x.0.get(),
            y.0.get(),
            null_mut(),
        )
    };
    done(answer, Error::BadParameters)
}
