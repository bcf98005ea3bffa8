//! Operations: what is allocated, copied and freed. The syscalls that feed them are beside.

use alloc::boxed::Box;

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::algorithms::{self as alg, Class, Mode, main_algo};
use tee_abi::objects::{
    TEE_TYPE_SM2_DSA_KEYPAIR, TEE_TYPE_SM2_DSA_PUBLIC_KEY, TEE_TYPE_SM2_KEP_KEYPAIR,
    TEE_TYPE_SM2_KEP_PUBLIC_KEY, TEE_TYPE_SM2_PKE_KEYPAIR, TEE_TYPE_SM2_PKE_PUBLIC_KEY,
};
use tee_abi::syscalls::Support;
use tee_crypto::{Ae, Cipher, Hash, Mac};

use super::Object;
use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

/// What is computed, once it has started.
#[derive(Clone, Default)]
pub(super) enum Running {
    /// Not started, or nothing that goes on from call to call.
    #[default]
    Nothing,
    Hash(Box<dyn Hash>),
    Mac(Box<dyn Mac>),
    Cipher(Box<dyn Cipher>),
    Ae(Box<dyn Ae>),
}

/// An operation of an instance.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) algo: u32,
    pub(super) mode: u32,
    pub(super) class: Class,
    /// Handles of its keys, 0 for none.
    pub(super) keys: [u32; 2],
    pub(super) running: Running,
}

impl Operation {
    pub(super) const fn is_mode(&self, mode: Mode) -> bool {
        self.mode == mode as u32
    }
}

/// The key types that an algorithm takes in a mode, as the core tells them apart.
fn key_types(algo: u32, mode: u32) -> Option<[u32; 2]> {
    const PRIVATE: u32 = 0xA100_0000;
    const PUBLIC: u32 = 0xA000_0000;
    let main = alg::main(algo);
    let is = |wanted: &[Mode]| wanted.iter().any(|m| *m as u32 == mode);
    let pair = |public_too| {
        let public = if public_too {
            PUBLIC | main
        } else {
            PRIVATE | main
        };
        [PRIVATE | main, public]
    };
    Some(match main {
        main_algo::MD5..=main_algo::SHA3_512 => [PUBLIC | main; 2],
        main_algo::AES | main_algo::DES | main_algo::DES3 | main_algo::SM4 => [PUBLIC | main; 2],
        main_algo::RSA | main_algo::DSA => pair(is(&[Mode::Encrypt, Mode::Verify])),
        main_algo::ECDSA | main_algo::ED25519 => pair(is(&[Mode::Verify])),
        main_algo::DH | main_algo::ECDH | main_algo::X25519 | main_algo::X448 => pair(false),
        main_algo::HKDF | main_algo::CONCAT_KDF | main_algo::PBKDF2 => pair(false),
        main_algo::SM2_PKE if is(&[Mode::Encrypt]) => [TEE_TYPE_SM2_PKE_PUBLIC_KEY; 2],
        main_algo::SM2_PKE => [TEE_TYPE_SM2_PKE_KEYPAIR; 2],
        main_algo::SM2_DSA_SM3 if is(&[Mode::Verify]) => [TEE_TYPE_SM2_DSA_PUBLIC_KEY; 2],
        main_algo::SM2_DSA_SM3 => [TEE_TYPE_SM2_DSA_KEYPAIR; 2],
        main_algo::SM2_KEP => [TEE_TYPE_SM2_KEP_KEYPAIR, TEE_TYPE_SM2_KEP_PUBLIC_KEY],
        _ => return None,
    })
}

/// Whether an algorithm of a class that is computed piece by piece is offered, with the answer
/// that the core gives when it is not.
fn offered(algo: u32, class: Class) -> Result<(), TeeResult> {
    let row = alg::find(algo).filter(|row| row.class == class && row.support == Support::Full);
    match (row, class) {
        (Some(_), _) => Ok(()),
        (None, Class::Mac) => Err(TeeResult::ERROR_NOT_SUPPORTED),
        (None, _) => Err(TeeResult::ERROR_NOT_IMPLEMENTED),
    }
}

/// Checks that an algorithm has as many keys as it takes, and is there.
fn check_operation(algo: u32, [first, second]: [bool; 2]) -> Result<Class, TeeResult> {
    let class = alg::class(algo).ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
    let two = match class {
        Class::Cipher => alg::is_xts(algo),
        Class::KeyDerivation => algo == alg::TEE_ALG_SM2_KEP,
        _ => false,
    };
    if first != (class != Class::Digest) || second != two {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    match class {
        Class::Cipher | Class::Ae | Class::Mac | Class::Digest => offered(algo, class)?,
        Class::AsymmetricCipher | Class::AsymmetricSignature | Class::KeyDerivation => {}
    }
    Ok(class)
}

impl<H: Host> Instance<H> {
    /// `_utee_cryp_state_alloc`.
    pub(crate) fn cryp_state_alloc(
        &mut self,
        algo: u64,
        op_mode: u64,
        key1: u64,
        key2: u64,
        state: UserPtr,
    ) -> SysResult {
        let algo = alg::modern(algo as u32);
        let mode = op_mode as u32;
        for key in [key1, key2].into_iter().filter(|key| *key != 0) {
            let key = self.state.cryp.object(key)?;
            let fits = key_types(algo, mode).is_some_and(|t| t.contains(&key.info.obj_type));
            if key.busy || !fits {
                return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
            }
        }
        let class = check_operation(algo, [key1 != 0, key2 != 0])?;
        let handle = self.state.cryp.new_handle()?;
        self.put_private(state, &handle.to_le_bytes())?;
        let operation = Operation {
            algo,
            mode,
            class,
            keys: [key1 as u32, key2 as u32],
            running: Running::Nothing,
        };
        self.state.cryp.operations.insert(handle, operation);
        for key in [key1, key2].into_iter().filter(|key| *key != 0) {
            self.state.cryp.object_mut(key)?.busy = true;
        }
        Ok(())
    }

    /// `_utee_cryp_state_copy`.
    pub(crate) fn cryp_state_copy(&mut self, dst: u64, src: u64) -> SysResult {
        let to = self.state.cryp.operation(dst)?;
        let from = self.state.cryp.operation(src)?;
        if to.algo != from.algo || to.mode != from.mode {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        match from.class {
            Class::Cipher | Class::Ae | Class::Digest | Class::Mac => {}
            Class::AsymmetricCipher | Class::AsymmetricSignature | Class::KeyDerivation => {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            }
        }
        let running = from.running.clone();
        self.state.cryp.operation_mut(dst)?.running = running;
        Ok(())
    }

    /// `_utee_cryp_state_free`: its keys go with it.
    pub(crate) fn cryp_state_free(&mut self, state: u64) -> SysResult {
        let keys = self.state.cryp.operation(state)?.keys;
        self.state.cryp.operations.remove(&(state as u32));
        for key in keys {
            self.close_object(key.into());
        }
        Ok(())
    }

    /// The key of an operation, which must have its attributes.
    pub(super) fn operation_key(&self, key: u32) -> Result<&Object, TeeResult> {
        let key = self.state.cryp.object(key.into())?;
        if !key.is_initialized() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        Ok(key)
    }

    /// Runs a computation that needs the instance beside it: takes it out of its operation and
    /// puts it back.
    pub(super) fn with_running<T>(
        &mut self,
        state: u64,
        run: impl FnOnce(&mut Self, &mut Running) -> Result<T, Trap>,
    ) -> Result<T, Trap> {
        let mut running = core::mem::take(&mut self.state.cryp.operation_mut(state)?.running);
        let result = run(self, &mut running);
        self.state.cryp.operation_mut(state)?.running = running;
        result
    }
}
