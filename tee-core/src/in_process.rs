//! The secure world in the process of the instance: for `teebox invoke`, fuzzing and tests.

use alloc::rc::Rc;
use core::cell::RefCell;

use tee_abi::core::{Reply, Request, SecureCore};
use tee_abi::ree::Ree;
use tee_abi::{TeeResult, Uuid};

use crate::crypto::StorageCrypto;
use crate::world::{InstanceId, TeeCore};

/// One instance's way to a secure world that several instances of one thread share. The instance
/// is gone when this is dropped.
pub struct InProcess<R: Ree, C: StorageCrypto> {
    core: Rc<RefCell<TeeCore<R, C>>>,
    instance: InstanceId,
}

impl<R: Ree, C: StorageCrypto> InProcess<R, C> {
    /// Makes an instance of this TA known to the secure world.
    pub fn new(core: Rc<RefCell<TeeCore<R, C>>>, ta: Uuid) -> Self {
        let instance = core.borrow_mut().instance(ta);
        Self { core, instance }
    }
}

impl<R: Ree, C: StorageCrypto> SecureCore for InProcess<R, C> {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        let mut core = self
            .core
            .try_borrow_mut()
            .map_err(|_| TeeResult::ERROR_BUSY)?;
        core.call(self.instance, request)
    }
}

impl<R: Ree, C: StorageCrypto> Drop for InProcess<R, C> {
    fn drop(&mut self) {
        if let Ok(mut core) = self.core.try_borrow_mut() {
            core.instance_gone(self.instance);
        }
    }
}
