//! Numbers of AWS-LC as values. Private ones are wiped when dropped.
//!
//! # Safety
//! Every number, point and context is [`Owned`] and initialised by its constructor. The library
//! reads its inputs and writes the one output; an output is always a fresh number.
#![expect(unsafe_code, reason = "calls into a C library")]

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ptr::null;

use aws_lc_sys as lc;

use super::owned::{Owned, done, must};
use crate::{Error, Rng};

/// A number that is not negative.
pub(super) struct Bn(pub(super) Owned<lc::BIGNUM>);

/// Working memory of the library.
fn scratch() -> Owned<lc::BN_CTX> {
    // SAFETY: a constructor and its destructor.
    unsafe { Owned::allocated(lc::BN_CTX_new(), lc::BN_CTX_free) }
}

impl Clone for Bn {
    fn clone(&self) -> Self {
        // SAFETY: the number is valid; the copy is owned by nobody.
        Self(unsafe { Owned::allocated(lc::BN_dup(self.0.get()), lc::BN_clear_free) })
    }
}

/// A call with an output, two inputs and working memory.
type Binary = unsafe extern "C" fn(
    *mut lc::BIGNUM,
    *const lc::BIGNUM,
    *const lc::BIGNUM,
    *mut lc::BN_CTX,
) -> core::ffi::c_int;

/// A call with an output, three inputs and working memory.
type Ternary = unsafe extern "C" fn(
    *mut lc::BIGNUM,
    *const lc::BIGNUM,
    *const lc::BIGNUM,
    *const lc::BIGNUM,
    *mut lc::BN_CTX,
) -> core::ffi::c_int;

impl Bn {
    /// 0.
    pub(super) fn zero() -> Self {
        // SAFETY: a constructor and its destructor.
        Self(unsafe { Owned::allocated(lc::BN_new(), lc::BN_clear_free) })
    }

    /// From big-endian bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut new = Self::zero();
        // SAFETY: the pointer and length are those of the slice.
        let at = unsafe { lc::BN_bin2bn(bytes.as_ptr(), bytes.len(), new.0.get_mut()) };
        must((!at.is_null()).into());
        new
    }

    /// From a small number.
    pub(super) fn from_word(word: u64) -> Self {
        let mut new = Self::zero();
        // SAFETY: the number is valid.
        must(unsafe { lc::BN_set_word(new.0.get_mut(), word) });
        new
    }

    /// A number of exactly `bytes` random bytes.
    pub(super) fn random(bytes: usize, rng: &mut dyn Rng) -> Self {
        let mut buffer = zeroize::Zeroizing::new(vec![0; bytes]);
        rng.fill(&mut buffer);
        Self::from_bytes(&buffer)
    }

    /// A random number of at least 1 and less than `bound`; `None` when there is none, or chance
    /// is against it.
    pub(super) fn random_below(bound: &Self, rng: &mut dyn Rng) -> Option<Self> {
        let bits = bound.bits();
        let excess = bits.next_multiple_of(8) - bits;
        (0..128)
            .map(|_| Self::random(bits.div_ceil(8) as usize, rng).shifted_right(excess))
            .find(|n| !n.is_zero() && n.less(bound))
    }

    /// Big-endian bytes without leading zeros.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.bits().div_ceil(8) as usize];
        // SAFETY: the slice has room for every byte of the number.
        let len = unsafe { lc::BN_bn2bin(self.0.get(), bytes.as_mut_ptr()) };
        bytes.truncate(len);
        bytes
    }

    /// Big-endian bytes of a fixed width.
    pub(super) fn to_padded(&self, width: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; width];
        // SAFETY: the pointer and length are those of the slice; a number too large is refused.
        let answer = unsafe { lc::BN_bn2bin_padded(bytes.as_mut_ptr(), width, self.0.get()) };
        done(answer, Error::Generic)?;
        Ok(bytes)
    }

    /// Bits without leading zeros.
    pub(super) fn bits(&self) -> u32 {
        // SAFETY: the number is valid.
        unsafe { lc::BN_num_bits(self.0.get()) }
    }

    /// Bytes without leading zeros.
    pub(super) fn bytes(&self) -> usize {
        self.bits().div_ceil(8) as usize
    }

    pub(super) fn is_zero(&self) -> bool {
        self.bits() == 0
    }

    pub(super) fn is_one(&self) -> bool {
        // SAFETY: the number is valid.
        unsafe { lc::BN_is_one(self.0.get()) == 1 }
    }

    pub(super) fn is_odd(&self) -> bool {
        // SAFETY: the number is valid.
        unsafe { lc::BN_is_odd(self.0.get()) == 1 }
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        // SAFETY: both numbers are valid.
        unsafe { lc::BN_ucmp(self.0.get(), other.0.get()) }.cmp(&0)
    }

    pub(super) fn less(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Less
    }

    pub(super) fn set_bit(&mut self, bit: u32) {
        // SAFETY: the number is valid; bits are far below the range of a C int.
        must(unsafe { lc::BN_set_bit(self.0.get_mut(), bit as core::ffi::c_int) });
    }

    pub(super) fn shifted_right(&self, bits: u32) -> Self {
        let mut out = Self::zero();
        // SAFETY: both numbers are valid; bits are far below the range of a C int.
        let answer =
            unsafe { lc::BN_rshift(out.0.get_mut(), self.0.get(), bits as core::ffi::c_int) };
        must(answer);
        out
    }

    /// The remainder by a small number.
    pub(super) fn mod_word(&self, word: u64) -> u64 {
        // SAFETY: the number is valid and the divisor is not 0 by the contract of this module.
        unsafe { lc::BN_mod_word(self.0.get(), word.max(1)) }
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let mut out = Self::zero();
        // SAFETY: all numbers are valid.
        must(unsafe { lc::BN_add(out.0.get_mut(), self.0.get(), other.0.get()) });
        out
    }

    /// The difference, where `other` is not larger.
    pub(super) fn sub(&self, other: &Self) -> Self {
        let mut out = Self::zero();
        // SAFETY: all numbers are valid.
        must(unsafe { lc::BN_usub(out.0.get_mut(), self.0.get(), other.0.get()) });
        out
    }

    fn binary(&self, call: Binary, other: &Self) -> Result<Self, Error> {
        let mut out = Self::zero();
        // SAFETY: all numbers are valid, and `call` is a function of that shape.
        let answer = unsafe {
            call(
                out.0.get_mut(),
                self.0.get(),
                other.0.get(),
                scratch().get_mut(),
            )
        };
        done(answer, Error::Generic)?;
        Ok(out)
    }

    fn ternary(&self, call: Ternary, other: &Self, modulus: &Self) -> Result<Self, Error> {
        let mut out = Self::zero();
        // SAFETY: all numbers are valid, and `call` is a function of that shape.
        let answer = unsafe {
            call(
                out.0.get_mut(),
                self.0.get(),
                other.0.get(),
                modulus.0.get(),
                scratch().get_mut(),
            )
        };
        done(answer, Error::Generic)?;
        Ok(out)
    }

    pub(super) fn mul(&self, other: &Self) -> Result<Self, Error> {
        self.binary(lc::BN_mul, other)
    }

    pub(super) fn gcd(&self, other: &Self) -> Result<Self, Error> {
        self.binary(lc::BN_gcd, other)
    }

    /// The remainder.
    ///
    /// # Errors
    /// [`Error::Generic`] for a modulus of 0, as everywhere below.
    pub(super) fn reduce(&self, modulus: &Self) -> Result<Self, Error> {
        self.binary(lc::BN_nnmod, modulus)
    }

    /// The quotient.
    pub(super) fn div(&self, divisor: &Self) -> Result<Self, Error> {
        let (mut quotient, mut rest) = (Self::zero(), Self::zero());
        // SAFETY: all numbers are valid.
        let answer = unsafe {
            lc::BN_div(
                quotient.0.get_mut(),
                rest.0.get_mut(),
                self.0.get(),
                divisor.0.get(),
                scratch().get_mut(),
            )
        };
        done(answer, Error::Generic)?;
        Ok(quotient)
    }

    pub(super) fn mod_mul(&self, other: &Self, modulus: &Self) -> Result<Self, Error> {
        self.ternary(lc::BN_mod_mul, other, modulus)
    }

    pub(super) fn mod_add(&self, other: &Self, modulus: &Self) -> Result<Self, Error> {
        self.ternary(lc::BN_mod_add, other, modulus)
    }

    pub(super) fn mod_sub(&self, other: &Self, modulus: &Self) -> Result<Self, Error> {
        self.ternary(lc::BN_mod_sub, other, modulus)
    }

    /// The inverse.
    pub(super) fn mod_inverse(&self, modulus: &Self) -> Result<Self, Error> {
        let reduced = self.reduce(modulus)?;
        let mut out = Self::zero();
        // SAFETY: all numbers are valid; the answer is `out` or NULL.
        let at = unsafe {
            lc::BN_mod_inverse(
                out.0.get_mut(),
                reduced.0.get(),
                modulus.0.get(),
                scratch().get_mut(),
            )
        };
        done((!at.is_null()).into(), Error::Generic)?;
        Ok(out)
    }

    /// The power by a secret exponent, for an odd modulus, in time that depends on sizes alone.
    pub(super) fn mod_exp(&self, exponent: &Self, modulus: &Self) -> Result<Self, Error> {
        Montgomery::new(modulus)?.exp(self, exponent)
    }

    /// The power by a public exponent, for an odd modulus.
    pub(super) fn mod_exp_public(&self, exponent: &Self, modulus: &Self) -> Result<Self, Error> {
        if !modulus.is_odd() {
            return Err(Error::Generic);
        }
        let base = self.reduce(modulus)?;
        let mut out = Self::zero();
        // SAFETY: all numbers are valid; without a context the library makes one.
        let answer = unsafe {
            lc::BN_mod_exp_mont(
                out.0.get_mut(),
                base.0.get(),
                exponent.0.get(),
                modulus.0.get(),
                scratch().get_mut(),
                null(),
            )
        };
        done(answer, Error::Generic)?;
        Ok(out)
    }
}

/// Two powers at once, each by a secret exponent for an odd modulus of its own.
pub(super) fn mod_exp_two(
    first: (&Bn, &Bn, &Bn),
    second: (&Bn, &Bn, &Bn),
) -> Result<(Bn, Bn), Error> {
    if first.2.bits() != second.2.bits() {
        return Ok((
            first.0.mod_exp(first.1, first.2)?,
            second.0.mod_exp(second.1, second.2)?,
        ));
    }
    let (mont1, mont2) = (Montgomery::new(first.2)?, Montgomery::new(second.2)?);
    let (base1, base2) = (first.0.reduce(first.2)?, second.0.reduce(second.2)?);
    let (mut out1, mut out2) = (Bn::zero(), Bn::zero());
    // SAFETY: all numbers and contexts are valid, and the bases are reduced.
    let answer = unsafe {
        lc::BN_mod_exp_mont_consttime_x2(
            out1.0.get_mut(),
            base1.0.get(),
            first.1.0.get(),
            first.2.0.get(),
            mont1.context.get(),
            out2.0.get_mut(),
            base2.0.get(),
            second.1.0.get(),
            second.2.0.get(),
            mont2.context.get(),
            scratch().get_mut(),
        )
    };
    done(answer, Error::Generic)?;
    Ok((out1, out2))
}

/// An odd modulus prepared for many powers.
pub(super) struct Montgomery<'a> {
    modulus: &'a Bn,
    context: Owned<lc::BN_MONT_CTX>,
}

impl<'a> Montgomery<'a> {
    pub(super) fn new(modulus: &'a Bn) -> Result<Self, Error> {
        if !modulus.is_odd() {
            return Err(Error::Generic);
        }
        // SAFETY: the modulus is valid and odd.
        let context = unsafe {
            Owned::new(
                lc::BN_MONT_CTX_new_for_modulus(modulus.0.get(), scratch().get_mut()),
                lc::BN_MONT_CTX_free,
            )
        };
        let context = context.map_err(|_| Error::Generic)?;
        Ok(Self { modulus, context })
    }

    /// The power by a secret exponent.
    pub(super) fn exp(&self, base: &Bn, exponent: &Bn) -> Result<Bn, Error> {
        let base = base.reduce(self.modulus)?;
        let mut out = Bn::zero();
        // SAFETY: all numbers and the context are valid, and the base is reduced.
        let answer = unsafe {
            lc::BN_mod_exp_mont_consttime(
                out.0.get_mut(),
                base.0.get(),
                exponent.0.get(),
                self.modulus.0.get(),
                scratch().get_mut(),
                self.context.get(),
            )
        };
        done(answer, Error::Generic)?;
        Ok(out)
    }
}
