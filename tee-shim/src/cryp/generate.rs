//! Key generation.

use alloc::vec;

use litebox::{Platform, UserPtr};
use tee_abi::TeeResult;
use tee_abi::attributes as attr;
use tee_abi::objects::{
    ObjectType, TEE_HANDLE_FLAG_INITIALIZED, TEE_TYPE_DH_KEYPAIR, TEE_TYPE_DSA_KEYPAIR,
    TEE_TYPE_ECDH_KEYPAIR, TEE_TYPE_ECDSA_KEYPAIR, TEE_TYPE_ED25519_KEYPAIR, TEE_TYPE_RSA_KEYPAIR,
    TEE_TYPE_SM2_DSA_KEYPAIR, TEE_TYPE_SM2_KEP_KEYPAIR, TEE_TYPE_SM2_PKE_KEYPAIR,
    TEE_TYPE_X448_KEYPAIR, TEE_TYPE_X25519_KEYPAIR, is_legacy_des_size,
};
use tee_crypto::{Crypto, DhParameters, Rng};

use super::Object;
use super::objects::{Purpose, check_attributes};
use crate::SysResult;
use crate::instance::{Host, Instance};

/// The usual public exponent.
const F4: [u8; 3] = [1, 0, 1];
/// Longest public exponent in bytes (NIST SP 800-56B: below 2²⁵⁶).
const MAX_EXPONENT: usize = 32;

/// Checks a public exponent that a TA wants: odd, and from 65537 to 2²⁵⁶ − 1.
fn check_exponent(e: &[u8]) -> Result<(), TeeResult> {
    let odd = e.last().is_some_and(|last| last & 1 == 1);
    let large = e.len() > F4.len() || e.len() == F4.len() && *e >= F4[..];
    if odd && large && e.len() <= MAX_EXPONENT {
        Ok(())
    } else {
        Err(TeeResult::ERROR_BAD_PARAMETERS)
    }
}

/// A new key of an object's type and `bits`, with the parameters it holds.
struct Generator<'a> {
    object: &'a mut Object,
    ty: &'static ObjectType,
    bits: u32,
    rng: &'a mut dyn Rng,
}

impl Generator<'_> {
    fn set(&mut self, id: u32, bytes: &[u8]) {
        self.object.attrs.set_computed(self.ty, id, bytes);
        self.object.mark(id);
    }

    fn get(&self, id: u32) -> &[u8] {
        self.object.attrs.bytes(self.ty, id)
    }

    fn run<C: Crypto>(&mut self) -> Result<(), TeeResult> {
        match self.object.info.obj_type {
            _ if self.ty.is_plain_secret() => self.secret(),
            TEE_TYPE_RSA_KEYPAIR => self.rsa::<C>(),
            TEE_TYPE_DSA_KEYPAIR => self.dsa::<C>(),
            TEE_TYPE_DH_KEYPAIR => self.dh::<C>(),
            TEE_TYPE_ECDSA_KEYPAIR
            | TEE_TYPE_ECDH_KEYPAIR
            | TEE_TYPE_SM2_DSA_KEYPAIR
            | TEE_TYPE_SM2_KEP_KEYPAIR
            | TEE_TYPE_SM2_PKE_KEYPAIR => self.ecc::<C>(),
            TEE_TYPE_X25519_KEYPAIR => {
                let (private, public) = C::x25519_generate(self.rng);
                self.set(attr::TEE_ATTR_X25519_PRIVATE_VALUE, &private);
                self.set(attr::TEE_ATTR_X25519_PUBLIC_VALUE, &public);
                Ok(())
            }
            TEE_TYPE_X448_KEYPAIR => {
                let (private, public) = C::x448_generate(self.rng);
                self.set(attr::TEE_ATTR_X448_PRIVATE_VALUE, &private);
                self.set(attr::TEE_ATTR_X448_PUBLIC_VALUE, &public);
                Ok(())
            }
            TEE_TYPE_ED25519_KEYPAIR => {
                let (private, public) = C::ed25519_generate(self.rng);
                self.set(attr::TEE_ATTR_ED25519_PRIVATE_VALUE, &private);
                self.set(attr::TEE_ATTR_ED25519_PUBLIC_VALUE, &public);
                Ok(())
            }
            _ => Err(TeeResult::ERROR_BAD_FORMAT),
        }
    }

    fn secret(&mut self) -> Result<(), TeeResult> {
        let mut bits = self.bits;
        if is_legacy_des_size(self.object.info.obj_type, bits.into()) {
            bits += bits / 7;
        }
        let bytes = bits as usize / 8;
        if bytes > self.ty.room {
            return Err(TeeResult::ERROR_EXCESS_DATA);
        }
        let mut secret = zeroize::Zeroizing::new(vec![0; bytes]);
        self.rng.fill(&mut secret);
        self.set(attr::TEE_ATTR_SECRET_VALUE, &secret);
        Ok(())
    }

    fn rsa<C: Crypto>(&mut self) -> Result<(), TeeResult> {
        let given = self.get(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT);
        let e = if self.object.have_attrs == 0 {
            F4.to_vec()
        } else {
            check_exponent(given)?;
            given.to_vec()
        };
        let key = C::rsa_generate(self.bits, &e, self.rng)?;
        self.set(attr::TEE_ATTR_RSA_MODULUS, &key.n);
        self.set(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, &key.e);
        self.set(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT, &key.d);
        if let Some(crt) = &key.crt {
            self.set(attr::TEE_ATTR_RSA_PRIME1, &crt.p);
            self.set(attr::TEE_ATTR_RSA_PRIME2, &crt.q);
            self.set(attr::TEE_ATTR_RSA_EXPONENT1, &crt.dp);
            self.set(attr::TEE_ATTR_RSA_EXPONENT2, &crt.dq);
            self.set(attr::TEE_ATTR_RSA_COEFFICIENT, &crt.qp);
        }
        Ok(())
    }

    /// Whether a prime has as many bytes as the key is to have.
    fn check_prime(&self, id: u32) -> Result<(), TeeResult> {
        if self.bits as usize != 8 * self.get(id).len() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        Ok(())
    }

    fn dsa<C: Crypto>(&mut self) -> Result<(), TeeResult> {
        self.check_prime(attr::TEE_ATTR_DSA_PRIME)?;
        let (group, _, _) = self.object.dsa()?;
        let (private, public) = C::dsa_generate(&group, self.rng)?;
        self.set(attr::TEE_ATTR_DSA_PRIVATE_VALUE, &private);
        self.set(attr::TEE_ATTR_DSA_PUBLIC_VALUE, &public);
        Ok(())
    }

    fn dh<C: Crypto>(&mut self) -> Result<(), TeeResult> {
        self.check_prime(attr::TEE_ATTR_DH_PRIME)?;
        let attrs = &self.object.attrs;
        let q = attrs.bytes(self.ty, attr::TEE_ATTR_DH_SUBPRIME);
        let x_bits = attrs.number(self.ty, attr::TEE_ATTR_DH_X_BITS);
        let group = DhParameters {
            p: attrs.bytes(self.ty, attr::TEE_ATTR_DH_PRIME),
            g: attrs.bytes(self.ty, attr::TEE_ATTR_DH_BASE),
            q: (!q.is_empty()).then_some(q),
            x_bits: x_bits.unwrap_or(0),
        };
        let (private, public) = C::dh_generate(&group, self.rng)?;
        self.set(attr::TEE_ATTR_DH_PRIVATE_VALUE, &private);
        self.set(attr::TEE_ATTR_DH_PUBLIC_VALUE, &public);
        self.object.mark(attr::TEE_ATTR_DH_X_BITS);
        Ok(())
    }

    fn ecc<C: Crypto>(&mut self) -> Result<(), TeeResult> {
        let curve = self.object.curve()?;
        if curve.bits() != self.bits {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let [private, x, y] = C::ecc_generate(curve, self.rng)?;
        self.set(attr::TEE_ATTR_ECC_PRIVATE_VALUE, &private);
        self.set(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, &x);
        self.set(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, &y);
        Ok(())
    }
}

impl<H: Host> Instance<H> {
    /// `_utee_cryp_obj_generate_key`.
    pub(crate) fn obj_generate_key(
        &mut self,
        obj: u64,
        key_size: u64,
        params: UserPtr,
        param_count: u64,
    ) -> SysResult {
        let o = self.state.cryp.object(obj)?;
        if o.is_persistent() || o.is_initialized() {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let ty = o.ty().ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
        if !ty.allows(key_size) {
            return Err(TeeResult::ERROR_NOT_SUPPORTED.into());
        }
        let params = self.params(params, param_count)?;
        check_attributes(Purpose::Generate, ty, &params)?;
        let mut object = self.populated(obj, ty, &params)?;
        let platform = &mut self.platform;
        Generator {
            object: &mut object,
            ty,
            bits: key_size as u32,
            rng: &mut |out: &mut [u8]| platform.random(out),
        }
        .run::<H::Crypto>()?;
        object.info.size = key_size as u32;
        object.info.flags |= TEE_HANDLE_FLAG_INITIALIZED;
        *self.state.cryp.object_mut(obj)? = object;
        Ok(())
    }
}
