//! The four parameters of an operation, and their way into TA memory and back.
//!
//! ```text
//! caller's memrefs (shared memory, offset, size)
//!    │ pages that touch or overlap in one piece of memory are mapped once, as the board does
//!    ▼
//! TA memory: (param) regions, read-write     stack top: struct utee_params ◀── x2
//! ```

use alloc::vec::Vec;

use litebox::mem::PAGE_SIZE;
use litebox::{AddressSpace, Mm, Placement, Prot, UserPtr};
use tee_abi::TeeResult;
use tee_abi::layout::{NUM_PARAMS, UTEE_PARAMS_SIZE, UteeParams};
use tee_abi::param::ParamType;

use crate::instance::{LABEL_PARAM, VA_BASE};

/// A buffer parameter.
#[derive(Clone, Debug)]
pub struct MemRef<S> {
    /// The memory it lies in and where; `None` for a NULL buffer.
    pub memory: Option<(S, u64)>,
    /// Its size in bytes; after the call, the size the TA left there.
    pub size: u64,
}

/// A parameter.
#[derive(Clone, Debug, Default)]
pub enum Param<S> {
    /// Unused.
    #[default]
    None,
    /// Two words.
    Value {
        /// Direction.
        ty: ParamType,
        /// First word.
        a: u32,
        /// Second word.
        b: u32,
    },
    /// A buffer.
    MemRef {
        /// Direction.
        ty: ParamType,
        /// The buffer.
        mem: MemRef<S>,
    },
}

impl<S> Param<S> {
    /// Its type.
    #[must_use]
    pub const fn ty(&self) -> ParamType {
        match self {
            Self::None => ParamType::None,
            Self::Value { ty, .. } | Self::MemRef { ty, .. } => *ty,
        }
    }
}

/// The parameters of an operation.
pub type Params<S> = [Param<S>; NUM_PARAMS];

/// The type word of `struct utee_params`.
pub fn type_word<S>(params: &Params<S>) -> u64 {
    params
        .iter()
        .enumerate()
        .fold(0, |word, (i, p)| word | (p.ty() as u64) << (4 * i))
}

/// The page range of a buffer within its memory, at least one page.
fn pages(offset: u64, size: u64) -> Option<(u64, u64)> {
    let start = offset & !(PAGE_SIZE - 1);
    let end = offset
        .checked_add(size.max(1))?
        .checked_add(PAGE_SIZE - 1)?
        & !(PAGE_SIZE - 1);
    Some((start, end))
}

/// One stretch of shared memory to be mapped for some of the parameters.
struct Stretch<S> {
    memory: S,
    start: u64,
    end: u64,
    at: u64,
}

/// Mapped parameters of a running entry.
pub struct Mapped {
    /// Starts of the regions made for it.
    regions: Vec<u64>,
    /// What the TA finds on its stack.
    utee: UteeParams,
}

/// Maps the buffers and makes the structure that tells the TA where they are.
///
/// # Errors
/// `TEE_ERROR_OUT_OF_MEMORY` when there is no room, `TEE_ERROR_BAD_PARAMETERS` when a buffer does
/// not lie in its memory; nothing stays mapped then.
pub fn map<A: AddressSpace>(mm: &mut Mm<A>, params: &Params<A::Shared>) -> Result<Mapped, TeeResult>
where
    A::Shared: PartialEq,
{
    let mut mapped = Mapped {
        regions: Vec::new(),
        utee: UteeParams::default(),
    };
    mapped.utee.types = type_word(params);
    let mut stretches = stretches(params)?;
    for stretch in &mut stretches {
        let place = Placement::Above {
            hint: VA_BASE,
            guard: PAGE_SIZE,
        };
        let len = stretch.end - stretch.start;
        match mm.map_shared(
            place,
            len,
            Prot::RW,
            LABEL_PARAM,
            &stretch.memory,
            stretch.start,
        ) {
            Ok(at) => {
                stretch.at = at;
                mapped.regions.push(at);
            }
            Err(litebox::MapError::BadRange) => {
                unmap(mm, &mapped);
                return Err(TeeResult::ERROR_BAD_PARAMETERS);
            }
            Err(_) => {
                unmap(mm, &mapped);
                return Err(TeeResult::ERROR_OUT_OF_MEMORY);
            }
        }
    }
    for (pair, param) in mapped.utee.vals.iter_mut().zip(params) {
        *pair = words(param, &stretches);
    }
    Ok(mapped)
}

/// The words of one parameter as the TA sees them.
fn words<S: PartialEq>(param: &Param<S>, stretches: &[Stretch<S>]) -> (u64, u64) {
    match param {
        Param::Value { ty, a, b } if ty.is_input() => (u64::from(*a), u64::from(*b)),
        Param::None | Param::Value { .. } => (0, 0),
        Param::MemRef { mem, .. } => {
            let at = mem.memory.as_ref().and_then(|(memory, offset)| {
                stretches
                    .iter()
                    .find(|s| s.memory == *memory && s.start <= *offset && *offset < s.end)
                    .map(|s| s.at + (offset - s.start))
            });
            (at.unwrap_or(0), mem.size)
        }
    }
}

/// The page ranges of all buffers; ranges of one memory that touch or overlap are one.
fn stretches<S: Clone + PartialEq>(params: &Params<S>) -> Result<Vec<Stretch<S>>, TeeResult> {
    let mut all: Vec<Stretch<S>> = Vec::new();
    for param in params {
        let Param::MemRef {
            mem:
                MemRef {
                    memory: Some((memory, offset)),
                    size,
                },
            ..
        } = param
        else {
            continue;
        };
        let (mut start, mut end) = pages(*offset, *size).ok_or(TeeResult::ERROR_BAD_PARAMETERS)?;
        all.retain(|s| {
            let joins = s.memory == *memory && s.start <= end && start <= s.end;
            if joins {
                start = start.min(s.start);
                end = end.max(s.end);
            }
            !joins
        });
        all.push(Stretch {
            memory: memory.clone(),
            start,
            end,
            at: 0,
        });
    }
    Ok(all)
}

/// Unmaps what [`map`] mapped.
pub fn unmap<A: AddressSpace>(mm: &mut Mm<A>, mapped: &Mapped) {
    for start in &mapped.regions {
        // The book holds every region listed here: they were made by `map` and are unmapped once.
        let _ = mm.unmap(*start);
    }
}

impl Mapped {
    /// Writes the structure to the TA's stack.
    ///
    /// # Errors
    /// `TEE_ERROR_ACCESS_DENIED` when the stack is not there.
    pub fn store<A: AddressSpace>(&self, mm: &mut Mm<A>, at: u64) -> Result<(), TeeResult> {
        UserPtr(at)
            .write(mm.space_mut(), &self.utee.to_bytes())
            .map_err(|_| TeeResult::ERROR_ACCESS_DENIED)
    }
}

/// Takes the outputs the TA left in its structure over into the parameters.
pub fn update<A: AddressSpace>(mm: &Mm<A>, at: u64, params: &mut Params<A::Shared>) {
    let Ok(bytes) = UserPtr(at).read::<UTEE_PARAMS_SIZE, A>(mm.space()) else {
        return;
    };
    let utee = UteeParams::from_bytes(&bytes);
    for (param, (x, y)) in params.iter_mut().zip(utee.vals) {
        match param {
            Param::Value { ty, a, b } if ty.is_output() => {
                *a = x as u32;
                *b = y as u32;
            }
            Param::MemRef { ty, mem } if ty.is_output() => mem.size = y,
            _ => {}
        }
    }
}
