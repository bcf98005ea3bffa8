//! Digests and message authentication codes.

use alloc::vec;

use litebox::UserPtr;
use tee_abi::TeeResult;
use tee_abi::algorithms::{self as alg, Class};
use tee_crypto::Crypto;

use super::operations::Running;
use crate::SysResult;
use crate::instance::{Host, Instance};

/// Takes data into a digest or a code.
fn absorb(running: &mut Running, data: &[u8]) -> SysResult {
    match running {
        Running::Hash(hash) => hash.update(data),
        Running::Mac(mac) => mac.update(data),
        _ => return Err(TeeResult::ERROR_BAD_PARAMETERS.into()),
    }
    Ok(())
}

impl<H: Host> Instance<H> {
    /// `_utee_hash_init`: the initialisation vector is there for the specification's sake only.
    pub(crate) fn hash_init(&mut self, state: u64, _iv: UserPtr, _iv_len: u64) -> SysResult {
        let operation = self.state.cryp.operation(state)?;
        let algo = operation.algo;
        let running = match operation.class {
            Class::Digest => Running::Hash(H::Crypto::hash(algo)?),
            Class::Mac => {
                let key = self.operation_key(operation.keys[0])?;
                let mac = H::Crypto::mac(algo, key.attrs.secret());
                Running::Mac(mac?)
            }
            _ => return Err(TeeResult::ERROR_BAD_PARAMETERS.into()),
        };
        self.state.cryp.operation_mut(state)?.running = running;
        Ok(())
    }

    /// `_utee_hash_update`.
    pub(crate) fn hash_update(&mut self, state: u64, chunk: UserPtr, chunk_size: u64) -> SysResult {
        if chunk.is_null() && chunk_size != 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        if chunk_size == 0 {
            return Ok(());
        }
        self.check_input(chunk, chunk_size)?;
        self.check_started(state)?;
        self.absorb_all(state, chunk, chunk_size)
    }

    fn check_started(&self, state: u64) -> SysResult {
        match self.state.cryp.operation(state)?.running {
            Running::Nothing => Err(TeeResult::ERROR_BAD_STATE.into()),
            _ => Ok(()),
        }
    }

    fn absorb_all(&mut self, state: u64, chunk: UserPtr, len: u64) -> SysResult {
        self.with_running(state, |ta, running| {
            ta.feed(chunk, len, |_, piece| absorb(running, piece))
        })
    }

    /// `_utee_hash_final`.
    pub(crate) fn hash_final(
        &mut self,
        state: u64,
        chunk: UserPtr,
        chunk_size: u64,
        hash: UserPtr,
        hash_len: UserPtr,
    ) -> SysResult {
        if chunk.is_null() && chunk_size != 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        self.check_input(chunk, chunk_size)?;
        let room = self.size(hash_len)?;
        self.check_output(hash, room)?;
        self.check_started(state)?;
        let operation = self.state.cryp.operation(state)?;
        if !matches!(operation.class, Class::Digest | Class::Mac) {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        if matches!(
            operation.algo,
            alg::TEE_ALG_SHAKE128 | alg::TEE_ALG_SHAKE256
        ) {
            self.absorb_all(state, chunk, chunk_size)?;
            return self.squeeze(state, hash, room);
        }
        let size = alg::digest_size(operation.algo).ok_or(TeeResult::ERROR_NOT_SUPPORTED)?;
        if room < size as u64 {
            self.put_size(hash_len, size as u64)?;
            return Err(TeeResult::ERROR_SHORT_BUFFER.into());
        }
        self.absorb_all(state, chunk, chunk_size)?;
        self.squeeze(state, hash, size as u64)?;
        self.put_size(hash_len, size as u64)
    }

    /// Ends a digest or code and writes `len` bytes of it.
    fn squeeze(&mut self, state: u64, to: UserPtr, len: u64) -> SysResult {
        let mut out = vec![0; usize::try_from(len).unwrap_or(0)];
        match &mut self.state.cryp.operation_mut(state)?.running {
            Running::Hash(hash) => hash.finish(&mut out),
            Running::Mac(mac) => mac.finish(&mut out)?,
            _ => return Err(TeeResult::ERROR_BAD_STATE.into()),
        }
        self.output(to, &out)
    }
}
