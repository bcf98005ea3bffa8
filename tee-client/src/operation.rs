//! Operations: what a client passes to a TA, and what comes back.

use std::cell::RefCell;

use tee_abi::client::{Direction, PARAM_COUNT};
use tee_abi::{Origin, TeeResult};
use tee_channel::Mapping;

use crate::memory::SharedMemory;

/// Ordinary memory of the client, copied to shared memory before a call and back after it.
pub trait Buffer {
    /// Where it starts: the TA sees the same offset within a page, and buffers that overlap here
    /// overlap for the TA.
    fn address(&self) -> usize;

    /// Its bytes.
    fn len(&self) -> usize;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies `len` bytes from its `start` to the mapping's `at`.
    fn load(&self, start: usize, len: usize, to: &Mapping, at: usize);

    /// Copies `len` bytes from the mapping's `at` to its `start`.
    fn store(&self, start: usize, len: usize, from: &Mapping, at: usize);
}

impl Buffer for &[u8] {
    fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn load(&self, start: usize, len: usize, to: &Mapping, at: usize) {
        if let Some(bytes) = self.get(start..).and_then(|rest| rest.get(..len)) {
            let _ = to.write(at, bytes);
        }
    }

    fn store(&self, _start: usize, _len: usize, _from: &Mapping, _at: usize) {}
}

impl Buffer for RefCell<&mut [u8]> {
    fn address(&self) -> usize {
        self.borrow().as_ptr().addr()
    }

    fn len(&self) -> usize {
        self.borrow().len()
    }

    fn load(&self, start: usize, len: usize, to: &Mapping, at: usize) {
        if let Some(bytes) = self.borrow().get(start..).and_then(|rest| rest.get(..len)) {
            let _ = to.write(at, bytes);
        }
    }

    fn store(&self, start: usize, len: usize, from: &Mapping, at: usize) {
        let mut bytes = self.borrow_mut();
        if let Some(bytes) = bytes.get_mut(start..).and_then(|rest| rest.get_mut(..len)) {
            let _ = from.read(at, bytes);
        }
    }
}

/// A parameter of an operation.
#[derive(Clone, Copy, Default)]
pub enum Param<'a> {
    /// Unused.
    #[default]
    None,
    /// Two words.
    Value {
        /// Which way.
        direction: Direction,
        /// First word.
        a: u32,
        /// Second word.
        b: u32,
    },
    /// A buffer at NULL of no bytes.
    Null {
        /// Which way.
        direction: Direction,
    },
    /// Ordinary memory for this call alone. For outputs, [`RefCell`] around the slice.
    Temp {
        /// Which way.
        direction: Direction,
        /// The memory.
        buffer: &'a dyn Buffer,
    },
    /// Part of shared memory, or all of it.
    Shared {
        /// Which way.
        direction: Direction,
        /// The memory.
        memory: &'a SharedMemory,
        /// Where the part starts.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
}

/// The parameters of an operation.
pub type Params<'a> = [Param<'a>; PARAM_COUNT];

/// An operation without parameters.
pub const NO_PARAMS: Params<'static> = [Param::None; PARAM_COUNT];

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was answered.
    pub result: TeeResult,
    /// Who answered.
    pub origin: Origin,
    /// Each parameter after the call: the words of a value; for a buffer, in `.1`, the size that
    /// the TA set, which with `ERROR_SHORT_BUFFER` is the size that it needs.
    pub params: [(u64, u64); PARAM_COUNT],
}

impl Outcome {
    /// The operation did not reach the TA: parameters come back as they were.
    pub(crate) fn failed(result: TeeResult, origin: Origin, params: &Params<'_>) -> Self {
        let params = params.map(|param| match param {
            Param::Value { a, b, .. } => (a.into(), b.into()),
            Param::Temp { buffer, .. } => (0, buffer.len() as u64),
            Param::Shared { size, .. } => (0, size),
            Param::None | Param::Null { .. } => (0, 0),
        });
        Self {
            result,
            origin,
            params,
        }
    }

    /// `Ok` for `TEE_SUCCESS`.
    ///
    /// # Errors
    /// The outcome itself otherwise.
    pub const fn ok(self) -> Result<Self, Self> {
        if self.result.is_success() {
            Ok(self)
        } else {
            Err(self)
        }
    }
}
