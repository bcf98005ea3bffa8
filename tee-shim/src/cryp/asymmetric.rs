//! Asymmetric encryption and signatures.

use alloc::vec::Vec;

use litebox::{Platform, UserPtr};
use tee_abi::TeeResult;
use tee_abi::algorithms::{self as alg, Mode, main_algo};
use tee_abi::attributes as attr;
use tee_crypto::rsa::{self, Oaep};
use tee_crypto::{Crypto, Curve, Error, Rng};

use super::Object;
use super::transfer::Param;
use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

/// Longest context of an Ed25519 signature in bytes.
const MAX_CONTEXT: u64 = 255;

/// What an Ed25519 signature depends on besides key and message.
#[derive(Default)]
struct Ed25519 {
    prehash: bool,
    context: Vec<u8>,
}

/// What a TA asks for, with everything copied in.
struct Request {
    algo: u32,
    mode: u32,
    /// Salt length of RSASSA-PSS, where given.
    salt_len: Option<usize>,
    label: Vec<u8>,
    mgf: Option<u32>,
    ed25519: Ed25519,
}

impl Request {
    const fn is_mode(&self, mode: Mode) -> bool {
        self.mode == mode as u32
    }

    /// Runs `encrypt` or `decrypt`, as the mode says; another one is `otherwise`.
    fn either<T>(
        &self,
        otherwise: Error,
        encrypt: impl FnOnce() -> Result<T, Error>,
        decrypt: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match Mode::from_number(self.mode) {
            Some(Mode::Encrypt) => encrypt(),
            Some(Mode::Decrypt) => decrypt(),
            _ => Err(otherwise),
        }
    }

    fn oaep(&self) -> Oaep<'_> {
        Oaep {
            label: &self.label,
            mgf: self.mgf.unwrap_or_else(|| alg::internal_digest(self.algo)),
        }
    }
}

/// The salt length that a TA asks for.
fn salt_len(params: &[Param]) -> Option<usize> {
    let given = params
        .iter()
        .find(|p| p.id == attr::TEE_ATTR_RSA_PSS_SALT_LENGTH)?;
    (given.a() < i32::MAX as u32).then_some(given.a() as usize)
}

/// The digest whose ECDSA algorithm belongs to a curve.
const fn ecdsa_algo(curve: Curve) -> u32 {
    match curve {
        Curve::P192 => alg::TEE_ALG_ECDSA_SHA1,
        Curve::P224 => alg::TEE_ALG_ECDSA_SHA224,
        Curve::P256 => alg::TEE_ALG_ECDSA_SHA256,
        Curve::P384 => alg::TEE_ALG_ECDSA_SHA384,
        Curve::P521 => alg::TEE_ALG_ECDSA_SHA512,
        Curve::Sm2 => alg::TEE_ALG_SM2_DSA_SM3,
    }
}

/// The curve of a key, when it is one that the algorithm is used with.
fn signing_curve(algo: u32, key: &Object) -> Result<Curve, TeeResult> {
    let curve = key.curve()?;
    if ecdsa_algo(curve) == algo {
        Ok(curve)
    } else {
        Err(TeeResult::ERROR_BAD_PARAMETERS)
    }
}

/// A computation's output, or the size that it needs.
type Output = Result<Vec<u8>, Error>;

fn room_for(size: usize, room: usize) -> Result<(), Error> {
    if room < size {
        return Err(Error::ShortBuffer(size));
    }
    Ok(())
}

fn rsa_operate<C: Crypto>(
    request: &Request,
    key: &Object,
    input: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Output, TeeResult> {
    let (algo, key) = (request.algo, key.rsa()?);
    if algo == alg::TEE_ALG_RSA_NOPAD {
        return Ok(request.either(
            Error::Generic,
            || rsa::no_padding::<C>(&key, false, input, room),
            || rsa::no_padding::<C>(&key, true, input, room),
        ));
    }
    if alg::class(algo) == Some(alg::Class::AsymmetricCipher) {
        return Ok(request.either(
            Error::BadParameters,
            || rsa::encrypt::<C>(algo, &key, request.oaep(), input, room, rng),
            || rsa::decrypt::<C>(algo, &key, request.oaep(), input, room),
        ));
    }
    if !request.is_mode(Mode::Sign) {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    let salt_len = request.salt_len.unwrap_or(input.len());
    Ok(rsa::sign::<C>(algo, &key, salt_len, input, room, rng))
}

fn dsa_sign<C: Crypto>(
    algo: u32,
    key: &Object,
    digest: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Output, TeeResult> {
    let (group, private, _) = key.dsa()?;
    let size = alg::digest_size(alg::digest(algo)).ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
    if digest.len() != size.min(group.q.len()) {
        return Err(TeeResult::ERROR_SECURITY);
    }
    let mut sign = || {
        room_for(2 * group.q.len(), room)?;
        C::dsa_sign(&group, private, digest, rng)
    };
    Ok(sign())
}

/// How much an SM2 ciphertext is longer than its message: a point and a digest.
const SM2_POINT: usize = 65;
const SM2_OVERHEAD: usize = SM2_POINT + 32;

fn sm2_encrypt<C: Crypto>(key: &Object, input: &[u8], room: usize, rng: &mut dyn Rng) -> Output {
    let (_, public) = key.ecc().map_err(|_| Error::BadState)?;
    if room < SM2_POINT {
        return Err(Error::BadState);
    }
    room_for(input.len().saturating_add(SM2_OVERHEAD), room)?;
    C::sm2_encrypt(public, input, rng)
}

/// An output buffer that is too short gets as much as fits, as upstream does.
fn sm2_decrypt<C: Crypto>(key: &Object, input: &[u8], room: usize) -> Output {
    let (private, _) = key.ecc().map_err(|_| Error::BadState)?;
    let mut plain = C::sm2_decrypt(private, input)?;
    plain.truncate(room);
    Ok(plain)
}

fn ec_sign<C: Crypto>(
    algo: u32,
    key: &Object,
    digest: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Output, TeeResult> {
    let curve = signing_curve(algo, key)?;
    let (private, _) = key.ecc()?;
    let mut sign = || {
        room_for(2 * curve.bytes(), room)?;
        if curve == Curve::Sm2 {
            C::sm2_sign(private, digest, rng)
        } else {
            C::ecdsa_sign(curve, private, digest, rng)
        }
    };
    Ok(sign())
}

fn ed25519_sign<C: Crypto>(
    request: &Request,
    key: &Object,
    message: &[u8],
    room: usize,
) -> Result<Output, TeeResult> {
    let seed = key.fixed(attr::TEE_ATTR_ED25519_PRIVATE_VALUE)?;
    let public = key.fixed(attr::TEE_ATTR_ED25519_PUBLIC_VALUE)?;
    let Ed25519 { prehash, context } = &request.ed25519;
    let sign = || {
        room_for(64, room)?;
        let signature = C::ed25519_sign(&seed, &public, message, *prehash, context)?;
        Ok(signature.to_vec())
    };
    Ok(sign())
}

/// What `TEE_AsymmetricEncrypt` and its kin compute.
fn operate<C: Crypto>(
    request: &Request,
    key: &Object,
    input: &[u8],
    room: usize,
    rng: &mut dyn Rng,
) -> Result<Output, TeeResult> {
    let row = alg::find(request.algo).filter(|row| !row.modes.is_empty());
    let algo = row.ok_or(TeeResult::ERROR_BAD_PARAMETERS)?.id;
    match alg::main(algo) {
        main_algo::RSA => rsa_operate::<C>(request, key, input, room, rng),
        main_algo::DSA => dsa_sign::<C>(algo, key, input, room, rng),
        main_algo::ECDSA | main_algo::SM2_DSA_SM3 => ec_sign::<C>(algo, key, input, room, rng),
        main_algo::ED25519 => ed25519_sign::<C>(request, key, input, room),
        main_algo::SM2_PKE => Ok(request.either(
            Error::Generic,
            || sm2_encrypt::<C>(key, input, room, rng),
            || sm2_decrypt::<C>(key, input, room),
        )),
        _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
    }
}

/// What `TEE_AsymmetricVerifyDigest` computes.
fn verify<C: Crypto>(
    request: &Request,
    key: &Object,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), TeeResult> {
    let algo = request.algo;
    match alg::main(algo) {
        main_algo::RSA => {
            let salt_len = request.salt_len.unwrap_or(digest.len());
            Ok(rsa::verify::<C>(
                algo,
                &key.rsa()?,
                salt_len,
                digest,
                signature,
            )?)
        }
        main_algo::DSA => {
            let (group, _, public) = key.dsa()?;
            let size = alg::digest_size(alg::digest(algo)).ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
            if digest.len() != size && digest.len() != group.q.len() {
                return Err(TeeResult::ERROR_BAD_PARAMETERS);
            }
            Ok(C::dsa_verify(&group, public, digest, signature)?)
        }
        main_algo::ED25519 => {
            let public = key.fixed(attr::TEE_ATTR_ED25519_PUBLIC_VALUE)?;
            let Ed25519 { prehash, context } = &request.ed25519;
            Ok(C::ed25519_verify(
                &public, digest, *prehash, context, signature,
            )?)
        }
        main_algo::ECDSA | main_algo::SM2_DSA_SM3 => {
            let curve = signing_curve(algo, key)?;
            let (_, public) = key.ecc()?;
            if signature.len() != 2 * curve.bytes() {
                return Err(TeeResult::ERROR_BAD_PARAMETERS);
            }
            match curve {
                Curve::Sm2 => C::sm2_verify(public, digest, signature)?,
                _ => C::ecdsa_verify(curve, public, digest, signature)?,
            }
            Ok(())
        }
        _ => Err(TeeResult::ERROR_NOT_SUPPORTED),
    }
}

impl<H: Host> Instance<H> {
    /// Copies in what an operation's parameters say.
    fn request(&self, algo: u32, mode: u32, params: &[Param]) -> Result<Request, Trap> {
        let mut request = Request {
            algo,
            mode,
            salt_len: salt_len(params),
            label: Vec::new(),
            mgf: None,
            ed25519: Ed25519::default(),
        };
        match alg::class(algo) {
            Some(alg::Class::AsymmetricCipher) => self.oaep_params(&mut request, params)?,
            _ if algo == alg::TEE_ALG_ED25519 => request.ed25519 = self.ed25519_params(params)?,
            _ => {}
        }
        Ok(request)
    }

    /// The label, and the mask's digest where it stands before the label.
    fn oaep_params(&self, request: &mut Request, params: &[Param]) -> SysResult {
        for param in params {
            match param.id {
                attr::TEE_ATTR_RSA_OAEP_LABEL => {
                    request.label = self.param_bytes(*param)?;
                    break;
                }
                attr::TEE_ATTR_RSA_OAEP_MGF_HASH
                    if request.algo != alg::TEE_ALG_RSAES_PKCS1_V1_5 =>
                {
                    if param.len() != 4 {
                        return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
                    }
                    let mgf = UserPtr(param.at()).read_u32(self.mm.space())?;
                    request.mgf = (mgf != 0).then_some(mgf);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn ed25519_params(&self, params: &[Param]) -> Result<Ed25519, Trap> {
        const BAD: Trap = Trap::Error(TeeResult::ERROR_BAD_PARAMETERS);
        let mut found = Ed25519::default();
        for param in params {
            match param.id {
                attr::TEE_ATTR_EDDSA_PREHASH if param.b() == 0 && param.a() <= 1 => {
                    found.prehash = param.a() == 1;
                }
                attr::TEE_ATTR_EDDSA_CTX => {
                    let wrong = param.len() != 0 && param.at() == 0;
                    if !found.context.is_empty() || param.len() > MAX_CONTEXT || wrong {
                        return Err(BAD);
                    }
                    found.context = self.param_bytes(*param)?;
                }
                _ => return Err(BAD),
            }
        }
        Ok(found)
    }

    /// `_utee_asymm_operate`.
    #[expect(clippy::too_many_arguments, reason = "the syscall's arguments")]
    pub(crate) fn asymm_operate(
        &mut self,
        state: u64,
        params: UserPtr,
        num_params: u64,
        src_data: UserPtr,
        src_len: u64,
        dest_data: UserPtr,
        dest_len: UserPtr,
    ) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        let (algo, mode, key) = (operation.algo, operation.mode, operation.keys[0]);
        self.check_input(src_data, src_len)?;
        let room = self.size(dest_len)?;
        self.check_output(dest_data, room)?;
        let params = self.params(params, num_params)?;
        let key = self.state.cryp.object(key.into())?;
        if !key.is_initialized() {
            return Err(TeeResult::ERROR_GENERIC.into());
        }
        let request = self.request(algo, mode, &params)?;
        let input = self.input(src_data, src_len)?;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let platform = &mut self.platform;
        let mut rng = |out: &mut [u8]| platform.random(out);
        match operate::<H::Crypto>(&request, key, &input, room, &mut rng)? {
            Ok(output) => {
                self.output(dest_data, &output)?;
                self.put_size(dest_len, output.len() as u64)
            }
            Err(error) => {
                if let Error::ShortBuffer(needed) = error {
                    self.put_size(dest_len, needed as u64)?;
                }
                Err(error.into())
            }
        }
    }

    /// `_utee_asymm_verify`.
    #[expect(clippy::too_many_arguments, reason = "the syscall's arguments")]
    pub(crate) fn asymm_verify(
        &mut self,
        state: u64,
        params: UserPtr,
        num_params: u64,
        data: UserPtr,
        data_len: u64,
        sig: UserPtr,
        sig_len: u64,
    ) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        if !operation.is_mode(Mode::Verify) {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let (algo, mode, key) = (operation.algo, operation.mode, operation.keys[0]);
        self.check_input(data, data_len)?;
        self.check_input(sig, sig_len)?;
        let params = self.params(params, num_params)?;
        let key = self.operation_key(key)?;
        let request = self.request(algo, mode, &params)?;
        let (data, sig) = (self.input(data, data_len)?, self.input(sig, sig_len)?);
        Ok(verify::<H::Crypto>(&request, key, &data, &sig)?)
    }
}
