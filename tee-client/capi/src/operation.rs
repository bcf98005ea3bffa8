//! `TEEC_Operation`: read before a call, written after it.
//!
//! # Safety
//! This file reads C structures behind pointers of the client program, which promises that they are
//! null or live and of the types that the operation says.

use std::sync::Arc;

use tee_abi::client::{ClientParam, Direction, PARAM_COUNT};
use tee_client::{NO_PARAMS, Outcome, Param, Params, SharedMemory, TeeResult};

use crate::buffer::RawBuffer;
use crate::registry;
use crate::types::{TeecOperation, TeecParameter, TeecRegisteredMemoryReference};

/// A parameter as it was when the call began.
#[derive(Clone, Default)]
pub(crate) enum Taken {
    #[default]
    None,
    Value(Direction, u32, u32),
    Null(Direction),
    Temp(Direction, RawBuffer),
    Memory {
        direction: Direction,
        memory: Arc<SharedMemory>,
        offset: u64,
        size: u64,
    },
    /// A reference to memory that is not registered.
    Unknown,
}

/// Why an operation cannot be passed on.
pub(crate) enum Refusal {
    /// The operation contradicts itself.
    BadParameters,
    /// It names memory that does not exist.
    UnknownMemory,
}

/// The parameters of an operation as they were when the call began.
pub(crate) struct TakenOperation {
    params: [Taken; PARAM_COUNT],
}

impl TakenOperation {
    /// Reads an operation.
    ///
    /// # Safety
    /// `operation` is null or points to a `TEEC_Operation` whose parameters are of the types that
    /// it says, as the client API demands.
    pub(crate) unsafe fn read(operation: *const TeecOperation) -> Result<Self, Refusal> {
        let mut params: [Taken; PARAM_COUNT] = Default::default();
        if operation.is_null() {
            return Ok(Self { params });
        }
        // SAFETY: not null, hence a live operation (see above).
        let (types, given) = unsafe { ((*operation).param_types, (*operation).params) };
        for (i, (taken, given)) in params.iter_mut().zip(&given).enumerate() {
            let kind = ClientParam::of(types, i as u32).ok_or(Refusal::BadParameters)?;
            // SAFETY: the parameter is of the type that the operation says.
            *taken = unsafe { read_param(kind, given) }?;
        }
        if params.iter().any(|param| matches!(param, Taken::Unknown)) {
            return Err(Refusal::UnknownMemory);
        }
        Ok(Self { params })
    }

    /// The parameters in the client library's terms.
    pub(crate) fn params(&self) -> Params<'_> {
        let mut params = NO_PARAMS;
        for (param, taken) in params.iter_mut().zip(&self.params) {
            *param = match taken {
                Taken::None | Taken::Unknown => Param::None,
                Taken::Value(direction, a, b) => Param::Value {
                    direction: *direction,
                    a: *a,
                    b: *b,
                },
                Taken::Null(direction) => Param::Null {
                    direction: *direction,
                },
                Taken::Temp(direction, buffer) => Param::Temp {
                    direction: *direction,
                    buffer,
                },
                Taken::Memory {
                    direction,
                    memory,
                    offset,
                    size,
                } => Param::Shared {
                    direction: *direction,
                    memory,
                    offset: *offset,
                    size: *size,
                },
            };
        }
        params
    }

    /// Writes values and sizes back.
    ///
    /// # Safety
    /// `operation` is what [`TakenOperation::read`] read.
    pub(crate) unsafe fn write_back(&self, operation: *mut TeecOperation, outcome: &Outcome) {
        if operation.is_null() {
            return;
        }
        // SAFETY: not null, hence a live operation that nobody else uses during the call.
        let params = unsafe { &mut (*operation).params };
        for ((param, taken), (a, b)) in params.iter_mut().zip(&self.params).zip(outcome.params) {
            match taken {
                Taken::Value(direction, ..) if direction.is_output() => {
                    param.value.a = a as u32;
                    param.value.b = b as u32;
                }
                Taken::Temp(direction, _) | Taken::Null(direction) if direction.is_output() => {
                    param.tmpref.size = b as usize;
                }
                Taken::Memory { direction, .. } if direction.is_output() => {
                    param.memref.size = b as usize;
                }
                _ => {}
            }
        }
    }
}

/// # Safety
/// The parameter is of the kind given.
unsafe fn read_param(kind: ClientParam, given: &TeecParameter) -> Result<Taken, Refusal> {
    match kind {
        ClientParam::None => Ok(Taken::None),
        ClientParam::Value(direction) => {
            // SAFETY: by its kind the parameter is a value.
            let value = unsafe { given.value };
            Ok(Taken::Value(direction, value.a, value.b))
        }
        ClientParam::Temp(direction) => {
            // SAFETY: by its kind the parameter is a temporary reference.
            let temp = unsafe { given.tmpref };
            match (temp.buffer.is_null(), temp.size) {
                (true, 0) => Ok(Taken::Null(direction)),
                (true, _) => Err(Refusal::BadParameters),
                (false, size) => {
                    // SAFETY: the client promises that buffer for the duration of the call.
                    let buffer = unsafe { RawBuffer::new(temp.buffer, size) };
                    Ok(Taken::Temp(direction, buffer))
                }
            }
        }
        // SAFETY: by its kind the parameter is a registered reference.
        ClientParam::Whole => unsafe { read_whole(given.memref) },
        // SAFETY: as above.
        ClientParam::Partial(direction) => unsafe { read_partial(direction, given.memref) },
    }
}

/// # Safety
/// The parent is null or a live `TEEC_SharedMemory`.
unsafe fn read_whole(given: TeecRegisteredMemoryReference) -> Result<Taken, Refusal> {
    // SAFETY: see above.
    let parent = unsafe { given.parent.as_ref() }.ok_or(Refusal::BadParameters)?;
    let direction = Direction::from_flags(parent.flags).ok_or(Refusal::BadParameters)?;
    Ok(memory(direction, parent.imp.id, 0, parent.size))
}

/// # Safety
/// The parent is null or a live `TEEC_SharedMemory`.
unsafe fn read_partial(
    direction: Direction,
    given: TeecRegisteredMemoryReference,
) -> Result<Taken, Refusal> {
    // SAFETY: see above.
    let parent = unsafe { given.parent.as_ref() }.ok_or(Refusal::BadParameters)?;
    let end = given.offset.checked_add(given.size);
    if parent.flags & direction.flags() != direction.flags()
        || end.is_none_or(|end| end > parent.size)
    {
        return Err(Refusal::BadParameters);
    }
    Ok(memory(direction, parent.imp.id, given.offset, given.size))
}

fn memory(direction: Direction, id: i32, offset: usize, size: usize) -> Taken {
    registry::memory(id).map_or(Taken::Unknown, |memory| Taken::Memory {
        direction,
        memory,
        offset: offset as u64,
        size: size as u64,
    })
}

impl Refusal {
    /// What the client gets: the library refuses contradictions, the driver unknown memory.
    pub(crate) const fn answer(&self) -> (TeeResult, tee_client::Origin) {
        let origin = match self {
            Self::BadParameters => tee_client::Origin::Api,
            Self::UnknownMemory => tee_client::Origin::Comms,
        };
        (TeeResult::ERROR_BAD_PARAMETERS, origin)
    }
}
