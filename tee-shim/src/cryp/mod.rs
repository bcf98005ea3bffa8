//! The cryptographic API: objects and operations behind the syscalls 15 to 40 and 54.
//!
//! Every check, its order and its answer are those of OP-TEE's core (`core/tee/tee_svc_cryp.c`), so
//! that libutee, which turns some answers into panics, behaves as on a board. What is computed is
//! behind [`tee_crypto::Crypto`].
//!
//! [`CrypState`] owns every object and operation of an instance; it is `Clone`, a part of the
//! instance's snapshot. Persistent objects are here with their in-memory half.

mod ae;
mod asymmetric;
pub mod attrs;
mod cipher;
mod derive;
mod digest;
mod generate;
mod keys;
mod objects;
mod operations;
mod transfer;

use alloc::collections::BTreeMap;

use tee_abi::TeeResult;

use crate::Trap;

pub use attrs::{Attrs, attrs_from_bytes, attrs_to_bytes};
pub use objects::{Object, ObjectInfo};

use self::operations::Operation;
use self::transfer::Scratch;

impl From<tee_crypto::Error> for Trap {
    fn from(error: tee_crypto::Error) -> Self {
        Self::Error(error.into())
    }
}

/// Most objects and operations an instance may hold at a time.
const MAX_HANDLES: usize = 1 << 16;

/// Every object and operation of an instance.
#[derive(Clone, Default)]
pub struct CrypState {
    objects: BTreeMap<u32, Object>,
    operations: BTreeMap<u32, Operation>,
    last_handle: u32,
    scratch: Scratch,
}

impl core::fmt::Debug for CrypState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CrypState")
            .field("objects", &self.objects.len())
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
    }
}

impl CrypState {
    /// Takes in an object and gives its handle.
    ///
    /// # Errors
    /// `TEE_ERROR_OUT_OF_MEMORY` when there are too many.
    pub fn add_object(&mut self, object: Object) -> Result<u32, TeeResult> {
        let handle = self.new_handle()?;
        self.objects.insert(handle, object);
        Ok(handle)
    }

    /// The object of a handle.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_STATE` when it names none, as in OP-TEE.
    pub fn object(&self, handle: u64) -> Result<&Object, TeeResult> {
        u32::try_from(handle)
            .ok()
            .and_then(|handle| self.objects.get(&handle))
            .ok_or(TeeResult::ERROR_BAD_STATE)
    }

    /// As [`CrypState::object`], to change it.
    ///
    /// # Errors
    /// As [`CrypState::object`].
    pub fn object_mut(&mut self, handle: u64) -> Result<&mut Object, TeeResult> {
        u32::try_from(handle)
            .ok()
            .and_then(|handle| self.objects.get_mut(&handle))
            .ok_or(TeeResult::ERROR_BAD_STATE)
    }

    /// Takes an object out; its handle names nothing any more.
    pub fn remove_object(&mut self, handle: u64) -> Option<Object> {
        self.objects.remove(&u32::try_from(handle).ok()?)
    }

    /// Every object with its handle.
    pub fn objects_mut(&mut self) -> impl Iterator<Item = (u32, &mut Object)> {
        self.objects
            .iter_mut()
            .map(|(handle, object)| (*handle, object))
    }

    fn new_handle(&mut self) -> Result<u32, TeeResult> {
        if self.objects.len() + self.operations.len() >= MAX_HANDLES {
            return Err(TeeResult::ERROR_OUT_OF_MEMORY);
        }
        loop {
            self.last_handle = self.last_handle.wrapping_add(1);
            let handle = self.last_handle;
            let taken = self.objects.contains_key(&handle) || self.operations.contains_key(&handle);
            if handle != 0 && !taken {
                return Ok(handle);
            }
        }
    }

    fn operation(&self, handle: u64) -> Result<&Operation, TeeResult> {
        u32::try_from(handle)
            .ok()
            .and_then(|handle| self.operations.get(&handle))
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }

    fn operation_mut(&mut self, handle: u64) -> Result<&mut Operation, TeeResult> {
        u32::try_from(handle)
            .ok()
            .and_then(|handle| self.operations.get_mut(&handle))
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }
}
