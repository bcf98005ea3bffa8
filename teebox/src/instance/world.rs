//! What lies around the guest of an instance process: the daemon's secure world, and the session
//! whose entry runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cpu_engine::Engine;
use platform_linux::{LinuxPlatform, LinuxShared};
use tee_abi::core::{Reply, Request, SecureCore};
use tee_abi::{Origin, TeeResult, Uuid};
use tee_channel::{Callee, Delivery};
use tee_shim::{Host, Opened, Params, World};

use super::core_link::CoreLink;

/// The host of a guest in an instance process.
pub struct DaemonHost;

impl Host for DaemonHost {
    type Cpu = Engine;
    type Platform = LinuxPlatform;
    type World = DaemonWorld;
    type Crypto = tee_crypto::Provider;
}

/// The guest's surroundings.
pub struct DaemonWorld {
    core: CoreLink,
    current: Option<Rc<RefCell<Callee>>>,
}

impl DaemonWorld {
    /// With no entry running.
    pub const fn new(core: CoreLink) -> Self {
        Self {
            core,
            current: None,
        }
    }

    /// Says which session's entry runs.
    pub fn set_current(&mut self, session: Option<Rc<RefCell<Callee>>>) {
        self.current = session;
    }
}

impl SecureCore for DaemonWorld {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        self.core.call(request)
    }
}

impl World for DaemonWorld {
    type Shared = LinuxShared;

    fn cancel_requested(&mut self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|session| session.borrow().is_cancelled())
    }

    fn wait(&mut self, millis: u32, cancellable: bool) -> bool {
        let end = Instant::now() + Duration::from_millis(millis.into());
        let Some(session) = self.current.clone().filter(|_| cancellable) else {
            std::thread::sleep(Duration::from_millis(millis.into()));
            return false;
        };
        let session = session.borrow();
        loop {
            if session.is_cancelled() {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            // A caller that is gone cannot cancel any more; nor can one that cannot be heard.
            if left.is_zero() || session.wait(Some(left)).is_err() || !hear(&session) {
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
                return session.is_cancelled();
            }
        }
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

/// Takes the bells; a caller in the middle of a call has nothing else to send. Tells whether it is
/// still there.
fn hear(session: &Callee) -> bool {
    loop {
        match session.receive() {
            Delivery::Empty => return true,
            Delivery::Closed => return false,
            Delivery::Attach { .. } | Delivery::Detach { .. } => {}
        }
    }
}
