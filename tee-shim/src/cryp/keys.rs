//! Keys of objects in the words of `tee-crypto`.

use tee_abi::TeeResult;
use tee_abi::attributes as attr;
use tee_abi::objects::{ObjectType, TEE_ECC_CURVE_SM2};
use tee_crypto::{Curve, DsaParameters, EccPoint, RsaCrt, RsaKey};

use super::Object;
use super::objects::is_sm2;

impl Object {
    fn bytes_of(&self, ty: &ObjectType, id: u32) -> &[u8] {
        self.attrs.bytes(ty, id)
    }

    pub(super) fn rsa(&self) -> Result<RsaKey, TeeResult> {
        let ty = self.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let part = |id| self.bytes_of(ty, id).to_vec();
        let p = part(attr::TEE_ATTR_RSA_PRIME1);
        let crt = (!p.is_empty()).then(|| RsaCrt {
            p,
            q: part(attr::TEE_ATTR_RSA_PRIME2),
            dp: part(attr::TEE_ATTR_RSA_EXPONENT1),
            dq: part(attr::TEE_ATTR_RSA_EXPONENT2),
            qp: part(attr::TEE_ATTR_RSA_COEFFICIENT),
        });
        let whole = |crt: &RsaCrt| {
            [&crt.q, &crt.dp, &crt.dq, &crt.qp]
                .iter()
                .all(|part| !part.is_empty())
        };
        Ok(RsaKey {
            n: part(attr::TEE_ATTR_RSA_MODULUS),
            e: part(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT),
            d: part(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT),
            crt: crt.filter(whole),
        })
    }

    pub(super) fn dsa(&self) -> Result<(DsaParameters<'_>, &[u8], &[u8]), TeeResult> {
        let ty = self.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let group = DsaParameters {
            p: self.bytes_of(ty, attr::TEE_ATTR_DSA_PRIME),
            q: self.bytes_of(ty, attr::TEE_ATTR_DSA_SUBPRIME),
            g: self.bytes_of(ty, attr::TEE_ATTR_DSA_BASE),
        };
        let private = self.bytes_of(ty, attr::TEE_ATTR_DSA_PRIVATE_VALUE);
        let public = self.bytes_of(ty, attr::TEE_ATTR_DSA_PUBLIC_VALUE);
        Ok((group, private, public))
    }

    /// The number of the curve a key is on.
    pub(super) fn curve_number(&self) -> u32 {
        if is_sm2(self.info.obj_type) {
            return TEE_ECC_CURVE_SM2;
        }
        let number = self
            .ty()
            .and_then(|ty| self.attrs.number(ty, attr::TEE_ATTR_ECC_CURVE));
        number.unwrap_or(0)
    }

    /// The curve a key is on.
    pub(super) fn curve(&self) -> Result<Curve, TeeResult> {
        Curve::from_number(self.curve_number()).ok_or(TeeResult::ERROR_NOT_SUPPORTED)
    }

    /// The private value and the point of a key on a curve.
    pub(super) fn ecc(&self) -> Result<(&[u8], EccPoint<'_>), TeeResult> {
        let ty = self.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let private = self.bytes_of(ty, attr::TEE_ATTR_ECC_PRIVATE_VALUE);
        let point = EccPoint {
            x: self.bytes_of(ty, attr::TEE_ATTR_ECC_PUBLIC_VALUE_X),
            y: self.bytes_of(ty, attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y),
        };
        Ok((private, point))
    }

    /// An attribute of fixed size.
    pub(super) fn fixed<const N: usize>(&self, id: u32) -> Result<[u8; N], TeeResult> {
        let ty = self.ty().ok_or(TeeResult::ERROR_BAD_STATE)?;
        let bytes = self.bytes_of(ty, id);
        bytes.try_into().map_err(|_| TeeResult::ERROR_BAD_STATE)
    }
}
