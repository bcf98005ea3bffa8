//! What lies around an instance: the secure world it shares, the caller of the entry that runs,
//! and the other Trusted Applications it may call.

use tee_abi::core::SecureCore;
use tee_abi::{Origin, TeeResult, Uuid};

use crate::params::Params;

/// The answer to an attempt to open a session to another Trusted Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What came of it.
    pub result: TeeResult,
    /// Who says so.
    pub origin: Origin,
    /// The session, meaningful when `result` is `TEE_SUCCESS`.
    pub session: u32,
}

impl Opened {
    /// An attempt that failed before it reached the Trusted Application.
    pub const fn refused(result: TeeResult) -> Self {
        Self {
            result,
            origin: Origin::Tee,
            session: 0,
        }
    }
}

/// The surroundings of an instance, as its host provides them.
pub trait World: SecureCore {
    /// Memory that instances and clients share.
    type Shared: Clone;

    /// Whether the caller of the running entry has asked to cancel it, or its time is up.
    fn cancel_requested(&mut self) -> bool;

    /// Waits `millis` milliseconds. With `cancellable`, returns early and tells `true` when the
    /// caller asks to cancel.
    fn wait(&mut self, millis: u32, cancellable: bool) -> bool;

    /// Opens a session to another Trusted Application; `timeout` in milliseconds, `u32::MAX` for
    /// none. Outputs in `params` are updated.
    fn open_session(
        &mut self,
        dest: Uuid,
        timeout: u32,
        params: &mut Params<Self::Shared>,
    ) -> Opened;

    /// Invokes a command in a session that [`World::open_session`] opened.
    fn invoke(
        &mut self,
        session: u32,
        timeout: u32,
        command: u32,
        params: &mut Params<Self::Shared>,
    ) -> (TeeResult, Origin);

    /// Closes such a session.
    fn close_session(&mut self, session: u32) -> TeeResult;
}
