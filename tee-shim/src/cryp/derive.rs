//! Key derivation.

use alloc::vec::Vec;

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::algorithms::{self as alg, main_algo};
use tee_abi::attributes as attr;
use tee_abi::objects::TEE_HANDLE_FLAG_INITIALIZED;
use tee_crypto::{Crypto, Curve, EccPoint, Error, Sm2Exchange, kdf};

use super::Object;
use super::transfer::Param;
use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

const BAD: Trap = Trap::Error(TeeResult::ERROR_BAD_PARAMETERS);

/// What a derivation works with.
struct Derivation<'a> {
    algo: u32,
    key: &'a Object,
    params: &'a [Param],
    /// Bytes of room in the object that is derived into.
    room: usize,
    /// Size in bits that it was allocated for.
    max_size: u32,
}

impl Derivation<'_> {
    /// Checks that a secret fits where it is to go.
    fn fitting(&self, secret: Vec<u8>) -> Result<Vec<u8>, Trap> {
        if secret.len() > self.room {
            return Err(BAD);
        }
        Ok(secret)
    }

    /// Checks a size that a TA asks for.
    fn length(&self, length: Option<u32>) -> Result<usize, Trap> {
        let length = length.ok_or(BAD)? as usize;
        if length > self.room {
            return Err(BAD);
        }
        Ok(length)
    }
}

/// Parameters by their identifiers: of several of a kind the first counts, and any other is an
/// error.
struct Found<const N: usize>([Option<Param>; N]);

fn found<const N: usize>(params: &[Param], kinds: [&[u32]; N]) -> Result<Found<N>, Trap> {
    let mut found = [None; N];
    for param in params {
        let kind = kinds.iter().position(|kind| kind.contains(&param.id));
        let slot = kind.and_then(|kind| found.get_mut(kind)).ok_or(BAD)?;
        slot.get_or_insert(*param);
    }
    Ok(Found(found))
}

impl<H: Host> Instance<H> {
    /// `_utee_cryp_derive_key`.
    pub(crate) fn cryp_derive_key(
        &mut self,
        state: u64,
        params: UserPtr,
        param_count: u64,
        derived_key: u64,
    ) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        let params = self.params(params, param_count)?;
        let key = self.state.cryp.object(operation.keys[0].into())?;
        let target = self.state.cryp.object(derived_key)?;
        let ty = target.ty().filter(|ty| ty.is_plain_secret());
        let ty = ty.ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
        let derivation = Derivation {
            algo: operation.algo,
            key,
            params: &params,
            room: ty.room,
            max_size: target.info.max_size,
        };
        let mut confirmation = None;
        let secret = match alg::main(operation.algo) {
            main_algo::DH => self.derive_dh(&derivation),
            main_algo::ECDH => self.derive_ecdh(&derivation),
            main_algo::HKDF => self.derive_hkdf(&derivation),
            main_algo::CONCAT_KDF => self.derive_concat(&derivation),
            main_algo::PBKDF2 => self.derive_pbkdf2(&derivation),
            main_algo::X25519 => self.derive_x25519(&derivation),
            main_algo::X448 => self.derive_x448(&derivation),
            main_algo::SM2_KEP => {
                let ephemeral = self.state.cryp.object(operation.keys[1].into())?;
                self.derive_sm2(&derivation, ephemeral, &mut confirmation)
            }
            _ => Err(TeeResult::ERROR_NOT_SUPPORTED.into()),
        };
        let secret = zeroize::Zeroizing::new(secret?);
        let target = self.state.cryp.object_mut(derived_key)?;
        target
            .attrs
            .set_computed(ty, attr::TEE_ATTR_SECRET_VALUE, &secret);
        target.mark(attr::TEE_ATTR_SECRET_VALUE);
        target.info.flags |= TEE_HANDLE_FLAG_INITIALIZED;
        match confirmation {
            Some((at, bytes)) => self.output(at, &bytes),
            None => Ok(()),
        }
    }

    fn derive_dh(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let [param] = derivation.params else {
            return Err(BAD);
        };
        if param.id != attr::TEE_ATTR_DH_PUBLIC_VALUE {
            return Err(BAD);
        }
        let peer = self.param_bytes(*param)?;
        let ty = derivation.key.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let part = |id| derivation.key.attrs.bytes(ty, id);
        let (p, x) = (
            part(attr::TEE_ATTR_DH_PRIME),
            part(attr::TEE_ATTR_DH_PRIVATE_VALUE),
        );
        derivation.fitting(H::Crypto::dh_derive(p, x, &peer)?)
    }

    fn derive_ecdh(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let [x, y] = derivation.params else {
            return Err(BAD);
        };
        if x.id != attr::TEE_ATTR_ECC_PUBLIC_VALUE_X || y.id != attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y {
            return Err(BAD);
        }
        let curve = Curve::from_number(derivation.key.curve_number());
        let curve = curve.filter(|curve| *curve != Curve::Sm2);
        let curve = curve.ok_or(TeeResult::ERROR_NOT_IMPLEMENTED)?;
        let (x, y) = (self.param_bytes(*x)?, self.param_bytes(*y)?);
        let (private, _) = derivation.key.ecc()?;
        derivation.fitting(H::Crypto::ecdh(curve, private, EccPoint { x: &x, y: &y })?)
    }

    /// The only parameter of a derivation on a curve of fixed size, which is the peer's key.
    fn peer<const N: usize>(&self, derivation: &Derivation<'_>, id: u32) -> Result<[u8; N], Trap> {
        let [param] = derivation.params else {
            return Err(BAD);
        };
        if param.id != id || param.len() != N as u64 {
            return Err(BAD);
        }
        Ok(UserPtr(param.at()).read(self.mm.space())?)
    }

    fn derive_x25519(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let peer = self.peer(derivation, attr::TEE_ATTR_X25519_PUBLIC_VALUE)?;
        let private = derivation.key.fixed(attr::TEE_ATTR_X25519_PRIVATE_VALUE)?;
        derivation.fitting(H::Crypto::x25519(&private, &peer)?.to_vec())
    }

    fn derive_x448(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let peer = self.peer(derivation, attr::TEE_ATTR_X448_PUBLIC_VALUE)?;
        let private = derivation.key.fixed(attr::TEE_ATTR_X448_PRIVATE_VALUE)?;
        derivation.fitting(H::Crypto::x448(&private, &peer)?.to_vec())
    }

    /// The buffer of a parameter; empty when it was not given.
    fn optional_bytes(&self, param: Option<Param>) -> Result<Vec<u8>, Trap> {
        param.map_or(Ok(Vec::new()), |param| self.param_bytes(param))
    }

    fn derive_hkdf(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let Found([salt, info, length, hash]) = found(
            derivation.params,
            [
                &[attr::TEE_ATTR_HKDF_SALT, attr::OPTEE_ATTR_HKDF_SALT],
                &[attr::TEE_ATTR_HKDF_INFO, attr::OPTEE_ATTR_HKDF_INFO],
                &[attr::TEE_ATTR_KDF_KEY_SIZE, attr::TEE_ATTR_HKDF_OKM_LENGTH],
                &[attr::TEE_ATTR_HKDF_HASH_ALGORITHM],
            ],
        )?;
        let (salt, info) = (self.optional_bytes(salt)?, self.optional_bytes(info)?);
        let length = derivation.length(length.map(Param::a))?;
        let digest = match (derivation.algo, hash) {
            (alg::TEE_ALG_HKDF, Some(hash)) => alg::digest_of(hash.a()),
            (alg::TEE_ALG_HKDF, None) => alg::TEE_ALG_SHA256,
            (algo, _) => alg::digest(algo),
        };
        let ikm = derivation.key.attrs.secret();
        Ok(kdf::hkdf::<H::Crypto>(digest, ikm, &salt, &info, length)?)
    }

    fn derive_concat(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let Found([info, length]) = found(
            derivation.params,
            [
                &[attr::TEE_ATTR_CONCAT_KDF_OTHER_INFO],
                &[attr::TEE_ATTR_CONCAT_KDF_DKM_LENGTH],
            ],
        )?;
        let info = self.optional_bytes(info)?;
        let length = derivation.length(length.map(Param::a))?;
        let digest = alg::digest(derivation.algo);
        let secret = derivation.key.attrs.secret();
        Ok(kdf::concat_kdf::<H::Crypto>(digest, secret, &info, length)?)
    }

    fn derive_pbkdf2(&self, derivation: &Derivation<'_>) -> Result<Vec<u8>, Trap> {
        let Found([salt, length, count]) = found(
            derivation.params,
            [
                &[attr::TEE_ATTR_PBKDF2_SALT],
                &[attr::TEE_ATTR_PBKDF2_DKM_LENGTH],
                &[attr::TEE_ATTR_PBKDF2_ITERATION_COUNT],
            ],
        )?;
        let salt = self.optional_bytes(salt)?;
        let count = count.ok_or(BAD)?.a();
        let length = derivation.length(length.map(Param::a))?;
        let hmac = alg::hmac(derivation.algo);
        let password = derivation.key.attrs.secret();
        Ok(kdf::pbkdf2::<H::Crypto>(
            hmac, password, &salt, count, length,
        )?)
    }

    fn derive_sm2(
        &self,
        derivation: &Derivation<'_>,
        ephemeral: &Object,
        confirmation: &mut Option<(UserPtr, [u8; 32])>,
    ) -> Result<Vec<u8>, Trap> {
        let kinds = [
            &[attr::TEE_ATTR_SM2_KEP_USER][..],
            &[attr::TEE_ATTR_ECC_PUBLIC_VALUE_X],
            &[attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y],
            &[
                attr::TEE_ATTR_ECC_EPHEMERAL_PUBLIC_VALUE_X,
                attr::OPTEE_SM2_KEP_EPHEMERAL_X,
            ],
            &[
                attr::TEE_ATTR_ECC_EPHEMERAL_PUBLIC_VALUE_Y,
                attr::OPTEE_SM2_KEP_EPHEMERAL_Y,
            ],
            &[attr::TEE_ATTR_SM2_ID_INITIATOR],
            &[attr::TEE_ATTR_SM2_ID_RESPONDER],
            &[attr::TEE_ATTR_SM2_KEP_CONFIRMATION_IN],
            &[attr::TEE_ATTR_SM2_KEP_CONFIRMATION_OUT],
        ];
        let Found([role, rest @ .., incoming, outgoing]) = found(derivation.params, kinds)?;
        let role = role.ok_or(BAD)?.a();
        let needed: Result<Vec<Vec<u8>>, Trap> = rest
            .into_iter()
            .map(|param| self.param_bytes(param.ok_or(BAD)?))
            .collect();
        let needed = needed?;
        let [x, y, eph_x, eph_y, initiator_id, responder_id] = &needed[..] else {
            return Err(BAD);
        };
        let incoming = incoming.map(|param| self.param_bytes(param)).transpose()?;
        let exchange = Sm2Exchange {
            initiator: role == 0,
            own: derivation.key.ecc()?,
            own_ephemeral: ephemeral.ecc()?,
            peer: EccPoint { x, y },
            peer_ephemeral: EccPoint { x: eph_x, y: eph_y },
            initiator_id,
            responder_id,
            confirmation_in: incoming.as_deref(),
        };
        // Upstream takes the size in bits for one in bytes.
        let len = derivation.room.min(derivation.max_size as usize);
        let (key, confirm) = H::Crypto::sm2_exchange(&exchange, len)?;
        if let Some(out) = outgoing {
            if out.len() < confirm.len() as u64 {
                return Err(Error::BadParameters.into());
            }
            *confirmation = Some((UserPtr(out.at()), confirm));
        }
        Ok(key)
    }
}
