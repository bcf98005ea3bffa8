//! Authenticated encryption.

use alloc::vec::Vec;

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::algorithms::{Class, Mode};
use tee_crypto::{Crypto, Error};

use super::cipher::direction;
use super::operations::Running;
use crate::SysResult;
use crate::Trap;
use crate::instance::{Host, Instance};

/// A length that the implementation is told; what does not fit is larger than any limit.
fn length(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

impl<H: Host> Instance<H> {
    /// `_utee_authenc_init`.
    pub(crate) fn authenc_init(
        &mut self,
        state: u64,
        nonce: UserPtr,
        nonce_len: u64,
        tag_len: u64,
        aad_len: u64,
        payload_len: u64,
    ) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        if operation.class != Class::Ae {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let key = self.operation_key(operation.keys[0])?;
        let nonce = self.vector(nonce, nonce_len)?;
        let ae = H::Crypto::ae(
            operation.algo,
            direction(operation.mode)?,
            key.attrs.secret(),
            &nonce,
            length(tag_len),
            length(aad_len),
            length(payload_len),
        );
        let running = Running::Ae(ae?);
        self.state.cryp.operation_mut(state)?.running = running;
        Ok(())
    }

    /// Checks that an authenticated encryption has started.
    fn check_ae(&self, state: u64) -> SysResult {
        match self.state.cryp.operation(state)?.running {
            Running::Ae(_) => Ok(()),
            _ => Err(TeeResult::ERROR_BAD_STATE.into()),
        }
    }

    /// Checks that one has started that ends in this mode.
    fn check_ae_end(&self, state: u64, mode: Mode) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        if matches!(operation.running, Running::Nothing) {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        if !operation.is_mode(mode) {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        self.check_ae(state)
    }

    /// `_utee_authenc_update_aad`.
    pub(crate) fn authenc_update_aad(
        &mut self,
        state: u64,
        aad_data: UserPtr,
        aad_data_len: u64,
    ) -> SysResult {
        self.check_input(aad_data, aad_data_len)?;
        self.check_ae(state)?;
        self.with_running(state, |ta, running| {
            let Running::Ae(ae) = running else {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            };
            if aad_data_len == 0 {
                return Ok(ae.update_aad(&[])?);
            }
            ta.feed(aad_data, aad_data_len, |_, piece| Ok(ae.update_aad(piece)?))
        })
    }

    /// Transforms payload from one buffer to another.
    fn payload(&mut self, state: u64, src: UserPtr, len: u64, dest: UserPtr) -> SysResult {
        self.with_running(state, |ta, running| {
            let Running::Ae(ae) = running else {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            };
            if len == 0 {
                return Ok(ae.update(&mut [])?);
            }
            ta.transform(src, len, dest, |_, piece, _| Ok(ae.update(piece)?))
        })
    }

    /// `_utee_authenc_update_payload`.
    pub(crate) fn authenc_update_payload(
        &mut self,
        state: u64,
        src_data: UserPtr,
        src_len: u64,
        dest_data: UserPtr,
        dest_len: UserPtr,
    ) -> SysResult {
        self.check_ae(state)?;
        self.check_input(src_data, src_len)?;
        let room = self.size(dest_len)?;
        self.check_output(dest_data, room)?;
        if room < src_len {
            // The size that is written back is the one that was given, as upstream does.
            self.put_size(dest_len, room)?;
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        self.payload(state, src_data, src_len, dest_data)?;
        self.put_size(dest_len, src_len)
    }

    /// `_utee_authenc_enc_final`.
    #[expect(clippy::too_many_arguments, reason = "the syscall's arguments")]
    pub(crate) fn authenc_enc_final(
        &mut self,
        state: u64,
        src_data: UserPtr,
        src_len: u64,
        dest_data: UserPtr,
        dest_len: UserPtr,
        tag: UserPtr,
        tag_len: UserPtr,
    ) -> SysResult {
        self.check_ae_end(state, Mode::Encrypt)?;
        self.check_input(src_data, src_len)?;
        let room = self.output_room(dest_data, dest_len)?;
        if room < src_len {
            return self.short_final(dest_len, room, tag_len, 0);
        }
        let tag_room = self.size(tag_len)?;
        self.check_output(tag, tag_room)?;
        match self.sealed(state, src_data, src_len, dest_data, tag_room)? {
            Ok(bytes) => {
                self.output(tag, &bytes)?;
                if !dest_len.is_null() {
                    self.put_size(dest_len, src_len)?;
                }
                self.put_size(tag_len, bytes.len() as u64)
            }
            Err(needed) => self.short_final(dest_len, src_len, tag_len, needed),
        }
    }

    /// Encrypts the last payload and gives the tag, or the size that is told for want of room.
    fn sealed(
        &mut self,
        state: u64,
        src: UserPtr,
        len: u64,
        dest: UserPtr,
        room: u64,
    ) -> Result<Result<Vec<u8>, u64>, Trap> {
        self.with_running(state, |ta, running| {
            let Running::Ae(ae) = running else {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            };
            let mut tag = Ok(Vec::new());
            let mut end = |ae: &mut dyn tee_crypto::Ae, piece: &mut [u8]| {
                match ae.finish_encrypt(piece, length(room)) {
                    Ok(bytes) => tag = Ok(bytes),
                    Err(Error::ShortBuffer(needed)) => tag = Err(needed as u64),
                    Err(error) => return Err(error.into()),
                }
                Ok(())
            };
            if len == 0 {
                end(&mut **ae, &mut [])?;
                return Ok(tag);
            }
            ta.transform(src, len, dest, |_, piece, last| {
                if last {
                    return end(&mut **ae, piece);
                }
                Ok(ae.update(piece)?)
            })?;
            Ok(tag)
        })
    }

    /// Tells both sizes and that they are not enough.
    fn short_final(
        &mut self,
        dest_len: UserPtr,
        dest_size: u64,
        tag_len: UserPtr,
        tag_size: u64,
    ) -> SysResult {
        if !dest_len.is_null() {
            self.put_size(dest_len, dest_size)?;
        }
        self.put_size(tag_len, tag_size)?;
        Err(TeeResult::ERROR_SHORT_BUFFER.into())
    }

    /// `_utee_authenc_dec_final`.
    #[expect(clippy::too_many_arguments, reason = "the syscall's arguments")]
    pub(crate) fn authenc_dec_final(
        &mut self,
        state: u64,
        src_data: UserPtr,
        src_len: u64,
        dest_data: UserPtr,
        dest_len: UserPtr,
        tag: UserPtr,
        tag_len: u64,
    ) -> SysResult {
        /// Longer than any tag.
        const MAX_TAG: u64 = 64;
        self.check_ae_end(state, Mode::Decrypt)?;
        self.check_input(src_data, src_len)?;
        let room = self.output_room(dest_data, dest_len)?;
        if room < src_len {
            if !dest_len.is_null() {
                self.put_size(dest_len, room)?;
            }
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        self.check_input(tag, tag_len)?;
        let tag = self.input(tag, tag_len.min(MAX_TAG))?;
        let end = self.opened(state, src_data, src_len, dest_data, &tag)?;
        let told = match end {
            Ok(()) | Err(Error::ShortBuffer(_)) => !dest_len.is_null(),
            Err(_) => false,
        };
        if told {
            self.put_size(dest_len, src_len)?;
        }
        Ok(end?)
    }

    /// Decrypts the last payload and checks the tag. What was decrypted is in the TA's memory even
    /// when the tag is wrong, as in OP-TEE.
    fn opened(
        &mut self,
        state: u64,
        src: UserPtr,
        len: u64,
        dest: UserPtr,
        tag: &[u8],
    ) -> Result<Result<(), Error>, Trap> {
        self.with_running(state, |ta, running| {
            let Running::Ae(ae) = running else {
                return Err(TeeResult::ERROR_BAD_STATE.into());
            };
            if len == 0 {
                return Ok(ae.finish_decrypt(&mut [], tag));
            }
            let mut end = Ok(());
            ta.transform(src, len, dest, |_, piece, last| {
                if last {
                    end = ae.finish_decrypt(piece, tag);
                    return match end {
                        Ok(()) | Err(Error::MacInvalid) => Ok(()),
                        Err(error) => Err(error.into()),
                    };
                }
                Ok(ae.update(piece)?)
            })?;
            Ok(end)
        })
    }
}
