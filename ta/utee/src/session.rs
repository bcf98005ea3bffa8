//! Sessions with other TAs and pseudo-TAs.
//!
//! The TEE refuses a TA's private memory as a parameter. As upstream's libutee does, buffers are
//! copied to a shareable mapping of the system pseudo-TA for the call, and back after it.

use core::ptr;

use tee_abi::layout::NUM_PARAMS;
use tee_abi::{Origin, TeeResult, Uuid};

use crate::layout::{RawParams, RawUuid};
use crate::{Result, Value, syscall};
use tee_abi::param::ParamType;

/// No timeout (`TEE_TIMEOUT_INFINITE`).
pub const TEE_TIMEOUT_INFINITE: u32 = u32::MAX;

/// Why a call failed, and who said so (`None` when the TEE told no origin).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The result.
    pub result: TeeResult,
    /// `TEE_ORIGIN_*`.
    pub origin: Option<Origin>,
}

impl From<Failure> for TeeResult {
    fn from(failure: Failure) -> Self {
        failure.result
    }
}

/// A parameter for the other TA.
#[derive(Debug, Default)]
pub enum Argument<'a> {
    /// Unused.
    #[default]
    None,
    /// Two words to it.
    ValueInput(Value),
    /// Two words from it.
    ValueOutput(&'a mut Value),
    /// Two words both ways.
    ValueInout(&'a mut Value),
    /// A buffer that it reads.
    MemrefInput(&'a [u8]),
    /// A buffer that it writes.
    MemrefOutput(Buffer<'a>),
    /// A buffer that it reads and writes.
    MemrefInout(Buffer<'a>),
}

/// A buffer, and the size that the other TA states after the call.
#[derive(Debug)]
pub struct Buffer<'a> {
    /// The bytes.
    pub bytes: &'a mut [u8],
    /// What was written, or would be needed.
    pub size: &'a mut usize,
}

impl Argument<'_> {
    const fn kind(&self) -> ParamType {
        match self {
            Self::None => ParamType::None,
            Self::ValueInput(_) => ParamType::ValueInput,
            Self::ValueOutput(_) => ParamType::ValueOutput,
            Self::ValueInout(_) => ParamType::ValueInout,
            Self::MemrefInput(_) => ParamType::MemrefInput,
            Self::MemrefOutput(_) => ParamType::MemrefOutput,
            Self::MemrefInout(_) => ParamType::MemrefInout,
        }
    }

    const fn buffer_len(&self) -> usize {
        match self {
            Self::MemrefInput(bytes) => bytes.len(),
            Self::MemrefOutput(buffer) | Self::MemrefInout(buffer) => buffer.bytes.len(),
            _ => 0,
        }
    }

    const fn value(&self) -> Value {
        match self {
            Self::ValueInput(value) => *value,
            Self::ValueInout(value) => **value,
            _ => Value { a: 0, b: 0 },
        }
    }

    /// Takes back what the other TA changed.
    fn update(&mut self, pair: [u64; 2], mapped: &Mapped) {
        match self {
            Self::ValueOutput(value) | Self::ValueInout(value) => {
                **value = Value {
                    a: pair[0] as u32,
                    b: pair[1] as u32,
                };
            }
            Self::MemrefOutput(buffer) | Self::MemrefInout(buffer) => {
                *buffer.size = pair[1] as usize;
                mapped.copy_out(pair[0] as usize, *buffer.size, buffer.bytes);
            }
            _ => {}
        }
    }
}

/// Pieces in the mapping start at multiples of this.
const ALIGN: usize = 2 * size_of::<usize>();

/// A shareable mapping for the buffers of one call; unmapped when dropped.
struct Mapped {
    base: usize,
    len: usize,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.len != 0 {
            // Nothing can be done about memory that does not go away.
            let _ = SystemPta::open().and_then(|pta| pta.unmap(self.base, self.len));
        }
    }
}

impl Mapped {
    fn new(arguments: &[Argument<'_>; NUM_PARAMS]) -> Result<Self> {
        let len = arguments
            .iter()
            .try_fold(0usize, |sum, argument| {
                sum.checked_add(argument.buffer_len().checked_next_multiple_of(ALIGN)?)
            })
            .ok_or(TeeResult::ERROR_OUT_OF_MEMORY)?;
        let base = match len {
            0 => 0,
            _ => SystemPta::open()?.map_zeroed(len)?,
        };
        Ok(Self { base, len })
    }

    /// Fills the mapping with what goes in, and tells the TEE's parameters.
    fn fill(&self, arguments: &[Argument<'_>; NUM_PARAMS]) -> RawParams {
        let mut raw = RawParams::default();
        let mut at = self.base;
        for (i, (argument, pair)) in arguments.iter().zip(&mut raw.vals).enumerate() {
            let kind = argument.kind();
            raw.types |= (kind as u64) << (i * 4);
            if kind.is_memref() {
                *pair = [at as u64, argument.buffer_len() as u64];
                match argument {
                    Argument::MemrefInput(bytes) => Self::copy_in(at, bytes),
                    Argument::MemrefInout(buffer) => Self::copy_in(at, buffer.bytes),
                    _ => {}
                }
                at += argument.buffer_len().next_multiple_of(ALIGN);
            } else {
                let Value { a, b } = argument.value();
                *pair = [u64::from(a), u64::from(b)];
            }
        }
        raw
    }

    fn copy_in(to: usize, bytes: &[u8]) {
        // SAFETY: `to` is where `new` made room for these bytes.
        unsafe {
            ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                ptr::with_exposed_provenance_mut(to),
                bytes.len(),
            );
        }
    }

    fn copy_out(&self, from: usize, len: usize, to: &mut [u8]) {
        let len = len.min(to.len());
        let offset = from.wrapping_sub(self.base);
        if offset > self.len || len > self.len - offset {
            return;
        }
        // SAFETY: the range lies in the mapping.
        unsafe {
            ptr::copy_nonoverlapping(ptr::with_exposed_provenance(from), to.as_mut_ptr(), len);
        }
    }
}

/// A session with another TA; closed when dropped.
#[derive(Debug)]
pub struct Session(u32);

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: no pointer involved.
        let _ = unsafe { syscall::close_ta_session(self.0 as usize) };
    }
}

fn call(
    arguments: &mut [Argument<'_>; NUM_PARAMS],
    make: impl FnOnce(&mut RawParams, &mut u32) -> TeeResult,
) -> core::result::Result<(), Failure> {
    let mapped = Mapped::new(arguments).map_err(|result| Failure {
        result,
        origin: Some(Origin::Tee),
    })?;
    let mut raw = mapped.fill(arguments);
    let mut origin = 0;
    let result = make(&mut raw, &mut origin);
    for (argument, pair) in arguments.iter_mut().zip(raw.vals) {
        argument.update(pair, &mapped);
    }
    result.ok().map_err(|result| Failure {
        result,
        origin: Origin::from_number(origin),
    })
}

impl Session {
    /// `TEE_OpenTASession`; a cancellation is requested after `timeout` milliseconds.
    ///
    /// # Errors
    /// The other TA's or the TEE's result.
    pub fn open(
        uuid: Uuid,
        timeout: u32,
        arguments: &mut [Argument<'_>; NUM_PARAMS],
    ) -> core::result::Result<Self, Failure> {
        let uuid = RawUuid(uuid.to_memory());
        let mut session = 0;
        call(arguments, |raw, origin| {
            // SAFETY: all pointers are ours; memrefs lie in the mapping.
            unsafe { syscall::open_ta_session(&uuid, timeout as usize, raw, &mut session, origin) }
        })?;
        Ok(Self(session))
    }

    /// `TEE_InvokeTACommand`.
    ///
    /// # Errors
    /// The other TA's or the TEE's result.
    pub fn invoke(
        &self,
        timeout: u32,
        command: u32,
        arguments: &mut [Argument<'_>; NUM_PARAMS],
    ) -> core::result::Result<(), Failure> {
        let session = self.0 as usize;
        call(arguments, |raw, origin| {
            // SAFETY: all pointers are ours; memrefs lie in the mapping.
            unsafe {
                syscall::invoke_ta_command(session, timeout as usize, command as usize, raw, origin)
            }
        })
    }
}

/// `PTA_SYSTEM_UUID`.
const PTA_SYSTEM: &str = "3a2f8978-5dc0-11e8-9c2d-fa7ae01bbebc";
const PTA_SYSTEM_MAP_ZI: u32 = 2;
const PTA_SYSTEM_UNMAP: u32 = 3;
const PTA_SYSTEM_MAP_FLAG_SHAREABLE: u32 = 1;

/// A session with the system pseudo-TA.
struct SystemPta(Session);

impl SystemPta {
    fn open() -> Result<Self> {
        let uuid = Uuid::from_memory(const { crate::head::uuid(PTA_SYSTEM) }.0);
        Ok(Self(Session::open(
            uuid,
            TEE_TIMEOUT_INFINITE,
            &mut Default::default(),
        )?))
    }

    fn map_zeroed(&self, len: usize) -> Result<usize> {
        let a = u32::try_from(len).map_err(|_| TeeResult::ERROR_OUT_OF_MEMORY)?;
        let mut address = Value::default();
        self.0.invoke(
            TEE_TIMEOUT_INFINITE,
            PTA_SYSTEM_MAP_ZI,
            &mut [
                Argument::ValueInput(Value {
                    a,
                    b: PTA_SYSTEM_MAP_FLAG_SHAREABLE,
                }),
                Argument::ValueInout(&mut address),
                Argument::ValueInput(Value::default()),
                Argument::None,
            ],
        )?;
        Ok((u64::from(address.a) << 32 | u64::from(address.b)) as usize)
    }

    fn unmap(&self, base: usize, len: usize) -> Result<()> {
        let base = base as u64;
        self.0.invoke(
            TEE_TIMEOUT_INFINITE,
            PTA_SYSTEM_UNMAP,
            &mut [
                Argument::ValueInput(Value {
                    a: len as u32,
                    b: 0,
                }),
                Argument::ValueInput(Value {
                    a: (base >> 32) as u32,
                    b: base as u32,
                }),
                Argument::None,
                Argument::None,
            ],
        )?;
        Ok(())
    }
}
