//! Symmetric ciphers.

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::algorithms::{self as alg, Class, Mode};
use tee_crypto::{Crypto, Direction};

use super::operations::Running;
use crate::SysResult;
use crate::instance::{Host, Instance};

/// Which way a mode runs a cipher.
pub(super) fn direction(mode: u32) -> Result<Direction, TeeResult> {
    match Mode::from_number(mode) {
        Some(Mode::Encrypt) => Ok(Direction::Encrypt),
        Some(Mode::Decrypt) => Ok(Direction::Decrypt),
        _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
    }
}

/// Whether a piece may be as long as it is. All but the last are whole blocks; the last need not
/// be in the modes that steal ciphertext, nor any in counter mode.
fn check_length(algo: u32, last: bool, len: u64) -> Result<(), TeeResult> {
    let block = alg::block_size(algo).ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
    if len.is_multiple_of(block as u64) {
        return Ok(());
    }
    match algo {
        alg::TEE_ALG_AES_CTR => Ok(()),
        _ if !last => Err(TeeResult::ERROR_BAD_PARAMETERS),
        alg::TEE_ALG_AES_XTS | alg::TEE_ALG_AES_CTS | alg::TEE_ALG_SM4_XTS => Ok(()),
        alg::TEE_ALG_SM4_CTR => Err(TeeResult::ERROR_NOT_SUPPORTED),
        _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
    }
}

/// Longest initialisation vector that is read; none is longer than a block.
const MAX_IV: u64 = 4096;

impl<H: Host> Instance<H> {
    /// Copies an initialisation vector or a nonce in.
    pub(super) fn vector(&self, at: UserPtr, len: u64) -> Result<alloc::vec::Vec<u8>, crate::Trap> {
        self.check_input(at, len)?;
        if len > MAX_IV {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        self.input(at, len)
    }

    /// `_utee_cipher_init`.
    pub(crate) fn cipher_init(&mut self, state: u64, iv: UserPtr, iv_len: u64) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        if operation.class != Class::Cipher {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let key = self.operation_key(operation.keys[0])?;
        let iv = self.vector(iv, iv_len)?;
        let key2 = match operation.keys[1] {
            0 => &[],
            second => self.operation_key(second)?.attrs.secret(),
        };
        let way = direction(operation.mode)?;
        let cipher = H::Crypto::cipher(operation.algo, way, key.attrs.secret(), key2, &iv);
        let running = Running::Cipher(cipher?);
        self.state.cryp.operation_mut(state)?.running = running;
        Ok(())
    }

    /// `_utee_cipher_update`.
    pub(crate) fn cipher_update(
        &mut self,
        state: u64,
        src: UserPtr,
        src_len: u64,
        dest: UserPtr,
        dest_len: UserPtr,
    ) -> SysResult {
        self.cipher_piece(state, false, (src, src_len), (dest, dest_len))
    }

    /// `_utee_cipher_final`.
    pub(crate) fn cipher_final(
        &mut self,
        state: u64,
        src: UserPtr,
        src_len: u64,
        dest: UserPtr,
        dest_len: UserPtr,
    ) -> SysResult {
        self.cipher_piece(state, true, (src, src_len), (dest, dest_len))
    }

    fn cipher_piece(
        &mut self,
        state: u64,
        last: bool,
        (src, src_len): (UserPtr, u64),
        (dest, dest_len): (UserPtr, UserPtr),
    ) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        if matches!(operation.running, Running::Nothing) {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let (algo, mode) = (operation.algo, operation.mode);
        self.check_input(src, src_len)?;
        let room = self.output_room(dest, dest_len)?;
        if room < src_len {
            if !dest_len.is_null() {
                self.put_size(dest_len, src_len)?;
            }
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        if src_len > 0 {
            direction(mode)?;
            check_length(algo, last, src_len)?;
            self.with_running(state, |ta, running| {
                let Running::Cipher(cipher) = running else {
                    return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
                };
                ta.transform(src, src_len, dest, |_, piece, end| {
                    Ok(cipher.update(piece, last && end)?)
                })
            })?;
        }
        if dest_len.is_null() {
            return Ok(());
        }
        self.put_size(dest_len, src_len)
    }

    /// The size of an output buffer that a TA gave, checked; none where it gave none.
    pub(super) fn output_room(&self, dest: UserPtr, dest_len: UserPtr) -> Result<u64, crate::Trap> {
        if dest_len.is_null() {
            return Ok(0);
        }
        let room = self.size(dest_len)?;
        self.check_output(dest, room)?;
        Ok(room)
    }
}
