//! A world in one process, for `invoke`: no daemon, no client program, the secure world in process.

use std::time::Duration;

use cpu_engine::Engine;
use litebox::Platform;
use platform_linux::{LinuxPlatform, LinuxShared};
use tee_abi::core::{Reply, Request, SecureCore};
use tee_abi::{Origin, TeeResult, Uuid};
use tee_shim::{Host, Opened, Params, World};

/// The host of an instance in this process.
pub struct LocalHost<C>(std::marker::PhantomData<C>);

impl<C: SecureCore> Host for LocalHost<C> {
    type Cpu = Engine;
    type Crypto = tee_crypto::Provider;
    type Platform = LinuxPlatform;
    type World = LocalWorld<C>;
}

/// What lies around an instance in this process: a secure world, and no other TA.
pub struct LocalWorld<C> {
    core: C,
}

impl<C: SecureCore> LocalWorld<C> {
    /// Around one instance.
    pub const fn new(core: C) -> Self {
        Self { core }
    }
}

impl<C: SecureCore> SecureCore for LocalWorld<C> {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        self.core.call(request)
    }
}

impl<C: SecureCore> World for LocalWorld<C> {
    type Shared = LinuxShared;

    fn cancel_requested(&mut self) -> bool {
        false
    }

    fn wait(&mut self, millis: u32, _cancellable: bool) -> bool {
        std::thread::sleep(Duration::from_millis(u64::from(millis)));
        false
    }

    fn open_session(
        &mut self,
        _dest: Uuid,
        _timeout: u32,
        _params: &mut Params<LinuxShared>,
    ) -> Opened {
        Opened::refused(TeeResult::ERROR_ITEM_NOT_FOUND)
    }

    fn invoke(
        &mut self,
        _session: u32,
        _timeout: u32,
        _command: u32,
        _params: &mut Params<LinuxShared>,
    ) -> (TeeResult, Origin) {
        (TeeResult::ERROR_ITEM_NOT_FOUND, Origin::Tee)
    }

    fn close_session(&mut self, _session: u32) -> TeeResult {
        TeeResult::ERROR_ITEM_NOT_FOUND
    }
}

/// The type of `P`'s memory, spelled out for makers of instances.
pub type SpaceOf<P> = <P as Platform>::Space;
