//! X448 by the `x448` crate.

use crate::{Error, Rng};

/// The base point.
const BASE: [u8; 56] = {
    let mut base = [0; 56];
    base[0] = 5;
    base
};

pub(super) fn generate(rng: &mut dyn Rng) -> ([u8; 56], [u8; 56]) {
    let mut private = [0; 56];
    rng.fill(&mut private);
    let [first, .., last] = &mut private;
    *first &= 252;
    *last |= 128;
    let public = ::x448::x448_unchecked(private, BASE);
    (private, public)
}

pub(super) fn derive(private: &[u8; 56], peer: &[u8; 56]) -> Result<[u8; 56], Error> {
    let secret = ::x448::x448_unchecked(*private, *peer);
    if secret == [0; 56] {
        return Err(Error::Security);
    }
    Ok(secret)
}
