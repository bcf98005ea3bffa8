//! Ed25519 and X25519 of AWS-LC.
//!
//! # Safety
//! Buffers are arrays of the sizes that the library documents; messages and contexts are slices
//! handed over with their lengths.
#![expect(unsafe_code, reason = "calls into a C library")]

use aws_lc_sys as lc;

use super::owned::done;
use crate::{Error, Rng};

/// Longest context of Ed25519ctx and Ed25519ph in bytes.
const MAX_CONTEXT: usize = 255;

pub(super) fn ed25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]) {
    let mut seed = [0; 32];
    rng.fill(&mut seed);
    let (mut public, mut private) = ([0; 32], [0; 64]);
    // SAFETY: 32 bytes of public value, 64 of private key, 32 of seed.
    unsafe {
        lc::ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr());
    }
    (seed, public)
}

pub(super) fn ed25519_sign(
    seed: &[u8; 32],
    public: &[u8; 32],
    message: &[u8],
    prehash: bool,
    context: &[u8],
) -> Result<[u8; 64], Error> {
    if context.len() > MAX_CONTEXT {
        return Err(Error::BadParameters);
    }
    let mut private = zeroize::Zeroizing::new([0; 64]);
    for (to, from) in private.iter_mut().zip(seed.iter().chain(public)) {
        *to = *from;
    }
    let mut out = [0; 64];
    let (to, key) = (out.as_mut_ptr(), private.as_ptr());
    let (at, len) = (message.as_ptr(), message.len());
    let (context_at, context_len) = (context.as_ptr(), context.len());
    // SAFETY: 64 bytes of signature and of private key; slices with their lengths.
    let answer = unsafe {
        if prehash {
            lc::ED25519ph_sign(to, at, len, key, context_at, context_len)
        } else if context.is_empty() {
            lc::ED25519_sign(to, at, len, key)
        } else {
            lc::ED25519ctx_sign(to, at, len, key, context_at, context_len)
        }
    };
    done(answer, Error::BadParameters)?;
    Ok(out)
}

pub(super) fn ed25519_verify(
    public: &[u8; 32],
    message: &[u8],
    prehash: bool,
    context: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    if context.len() > MAX_CONTEXT {
        return Err(Error::BadParameters);
    }
    let signature: &[u8; 64] = signature.try_into().map_err(|_| Error::BadParameters)?;
    let (sig, key) = (signature.as_ptr(), public.as_ptr());
    let (at, len) = (message.as_ptr(), message.len());
    let (context_at, context_len) = (context.as_ptr(), context.len());
    // SAFETY: 64 bytes of signature, 32 of public value; slices with their lengths.
    let answer = unsafe {
        if prehash {
            lc::ED25519ph_verify(at, len, sig, key, context_at, context_len)
        } else if context.is_empty() {
            lc::ED25519_verify(at, len, sig, key)
        } else {
            lc::ED25519ctx_verify(at, len, sig, key, context_at, context_len)
        }
    };
    done(answer, Error::SignatureInvalid)
}

pub(super) fn x25519_generate(rng: &mut dyn Rng) -> ([u8; 32], [u8; 32]) {
    let mut private = [0; 32];
    rng.fill(&mut private);
    let [first, .., last] = &mut private;
    *first &= 248;
    *last = *last & 127 | 64;
    let mut public = [0; 32];
    // SAFETY: 32 bytes each.
    unsafe { lc::X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
    (private, public)
}

pub(super) fn x25519(private: &[u8; 32], peer: &[u8; 32]) -> Result<[u8; 32], Error> {
    let mut secret = [0; 32];
    // SAFETY: 32 bytes each.
    let answer = unsafe { lc::X25519(secret.as_mut_ptr(), private.as_ptr(), peer.as_ptr()) };
    done(answer, Error::Security)?;
    Ok(secret)
}
