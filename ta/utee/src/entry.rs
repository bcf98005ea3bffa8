//! From `__ta_entry` to the TA's own functions, with the sessions in between.
//!
//! ```text
//! first open  → create, open_session      last close → close_session, destroy
//! ```
//! `destroy` is left out for a single instance that is kept alive. A failing `create` is tried
//! again at the next open. Order and results are those of upstream's `user_ta_entry.c`.

use alloc::vec::Vec;
use core::cell::UnsafeCell;

use tee_abi::TeeResult;
use tee_abi::ta::{TA_FLAG_INSTANCE_KEEP_ALIVE, TA_FLAG_SINGLE_INSTANCE};

use crate::layout::RawParams;
use crate::param::Params;
use crate::{Result, heap, memory, syscall};

const OPEN_SESSION: usize = tee_abi::ta::EntryFunc::OpenSession as usize;
const CLOSE_SESSION: usize = tee_abi::ta::EntryFunc::CloseSession as usize;
const INVOKE_COMMAND: usize = tee_abi::ta::EntryFunc::InvokeCommand as usize;

/// A Trusted Application: one value of this type is one instance.
pub trait TrustedApp: Sized {
    /// What the TA keeps for each session.
    type Session;

    /// `TA_CreateEntryPoint`.
    ///
    /// # Errors
    /// What the client shall see; the session is not opened.
    fn create() -> Result<Self>;

    /// `TA_OpenSessionEntryPoint`.
    ///
    /// # Errors
    /// What the client shall see; the session is not opened.
    fn open_session(&mut self, params: &mut Params<'_>) -> Result<Self::Session>;

    /// `TA_InvokeCommandEntryPoint`.
    ///
    /// # Errors
    /// What the client shall see; sizes and values set so far go back to it.
    fn invoke_command(
        &mut self,
        session: &mut Self::Session,
        command: u32,
        params: &mut Params<'_>,
    ) -> Result<()>;

    /// `TA_CloseSessionEntryPoint`.
    fn close_session(&mut self, session: Self::Session) {
        drop(session);
    }

    /// `TA_DestroyEntryPoint`.
    fn destroy(self) {}
}

/// The memory that [`crate::ta!`] sets aside for the heap.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct HeapArea<const N: usize>(UnsafeCell<[u8; N]>);

// SAFETY: only the allocator touches it.
unsafe impl<const N: usize> Sync for HeapArea<N> {}

impl<const N: usize> HeapArea<N> {
    /// Zeroed.
    #[expect(clippy::new_without_default, reason = "a static of N bytes, made once")]
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; N]))
    }
}

struct State<T: TrustedApp> {
    heap_ready: bool,
    app: Option<T>,
    sessions: Vec<(u32, T::Session)>,
}

/// The instance and its sessions. [`crate::ta!`] makes one.
pub struct Instance<T: TrustedApp>(UnsafeCell<State<T>>);

// SAFETY: a TA is single-threaded and its entry is never re-entered.
unsafe impl<T: TrustedApp> Sync for Instance<T> {}

impl<T: TrustedApp> Instance<T> {
    /// No session yet.
    #[expect(clippy::new_without_default, reason = "a static, made once")]
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(State {
            heap_ready: false,
            app: None,
            sessions: Vec::new(),
        }))
    }

    /// Serves one entry of the TEE and leaves by the return syscall.
    ///
    /// # Safety
    /// Only for `__ta_entry`: the words must be those that the TEE passed, and this function must
    /// not be active already.
    pub unsafe fn enter<const N: usize>(
        &self,
        area: &'static HeapArea<N>,
        flags: u32,
        [func, session, params, command]: [usize; 4],
    ) -> ! {
        // SAFETY: never re-entered, so this is the only reference.
        let state = unsafe { &mut *self.0.get() };
        if !state.heap_ready {
            // SAFETY: the area is given once, and nobody else knows it.
            state.heap_ready = unsafe { heap::claim(area.0.get().cast(), N) };
        }
        // SAFETY: for open and invoke the TEE passes a pointer to `utee_params` on the TA's stack.
        let params =
            unsafe { core::ptr::with_exposed_provenance_mut::<RawParams>(params).as_mut() };
        let result =
            TeeResult::from(state.serve(flags, func, session as u32, params, command as u32));
        loop {
            // SAFETY: no pointer involved.
            let _ = unsafe { syscall::sys_return(result.0 as usize) };
        }
    }
}

impl<T: TrustedApp> State<T> {
    fn serve(
        &mut self,
        flags: u32,
        func: usize,
        id: u32,
        raw: Option<&mut RawParams>,
        command: u32,
    ) -> Result<()> {
        match (func, raw) {
            (OPEN_SESSION, Some(raw)) => self.open(flags, id, raw),
            (CLOSE_SESSION, _) => self.close(flags, id),
            (INVOKE_COMMAND, Some(raw)) => self.invoke(id, raw, command),
            (OPEN_SESSION | INVOKE_COMMAND, None) => Err(TeeResult::ERROR_BAD_PARAMETERS),
            _ => Err(TeeResult::ERROR_NOT_SUPPORTED),
        }
    }

    fn open(&mut self, flags: u32, id: u32, raw: &mut RawParams) -> Result<()> {
        let app = match &mut self.app {
            Some(app) => app,
            none => none.insert(T::create()?),
        };
        self.sessions
            .try_reserve(1)
            .map_err(|_| TeeResult::ERROR_OUT_OF_MEMORY)?;
        memory::note_params(raw);
        let opened = app.open_session(&mut Params::new(raw));
        memory::forget_params();
        match opened {
            Ok(session) => {
                self.sessions.push((id, session));
                Ok(())
            }
            Err(error) => {
                self.destroy_if_unused(flags);
                Err(error)
            }
        }
    }

    fn close(&mut self, flags: u32, id: u32) -> Result<()> {
        let at = self.position(id)?;
        let (_, session) = self.sessions.swap_remove(at);
        if let Some(app) = &mut self.app {
            app.close_session(session);
        }
        self.destroy_if_unused(flags);
        Ok(())
    }

    fn invoke(&mut self, id: u32, raw: &mut RawParams, command: u32) -> Result<()> {
        let at = self.position(id)?;
        let (Some(app), Some((_, session))) = (&mut self.app, self.sessions.get_mut(at)) else {
            return Err(TeeResult::ERROR_BAD_STATE);
        };
        memory::note_params(raw);
        let result = app.invoke_command(session, command, &mut Params::new(raw));
        memory::forget_params();
        result
    }

    fn position(&self, id: u32) -> Result<usize> {
        self.sessions
            .iter()
            .position(|(known, _)| *known == id)
            .ok_or(TeeResult::ERROR_BAD_STATE)
    }

    fn destroy_if_unused(&mut self, flags: u32) {
        let kept = TA_FLAG_SINGLE_INSTANCE | TA_FLAG_INSTANCE_KEEP_ALIVE;
        if self.sessions.is_empty()
            && flags & kept != kept
            && let Some(app) = self.app.take()
        {
            app.destroy();
        }
    }
}
