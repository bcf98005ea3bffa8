//! The four parameters of an operation.
//!
//! A memref lies in memory that the client may share and change at any time. [`Memref`] therefore
//! copies in and out and never lends a reference.

use alloc::vec::Vec;
use core::ptr;

use tee_abi::TeeResult;
use tee_abi::layout::NUM_PARAMS;
use tee_abi::param::ParamType;

use crate::Result;
use crate::layout::RawParams;

/// Two words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// `value.a`.
    pub a: u32,
    /// `value.b`.
    pub b: u32,
}

/// The parameters as the entry received them.
#[derive(Debug)]
pub struct Params<'a> {
    raw: &'a mut RawParams,
}

/// The type of an operation with these parameters.
#[must_use]
pub const fn param_types(types: [ParamType; NUM_PARAMS]) -> u32 {
    types[0] as u32 | (types[1] as u32) << 4 | (types[2] as u32) << 8 | (types[3] as u32) << 12
}

impl<'a> Params<'a> {
    pub(crate) fn new(raw: &'a mut RawParams) -> Self {
        Self { raw }
    }

    /// The structure that goes back to the TEE.
    pub const fn raw_mut(&mut self) -> &mut RawParams {
        self.raw
    }

    /// The type word, four nibbles.
    #[must_use]
    pub fn types(&self) -> u32 {
        self.raw.types as u32
    }

    /// Refuses all parameter types but these.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS`.
    pub fn expect(&self, types: [ParamType; NUM_PARAMS]) -> Result<()> {
        if self.types() == param_types(types) {
            Ok(())
        } else {
            Err(TeeResult::ERROR_BAD_PARAMETERS)
        }
    }

    fn kind(&self, index: usize) -> Option<ParamType> {
        ParamType::from_nibble(self.raw.types >> (index.min(NUM_PARAMS) * 4) & 0xf)
    }

    fn pair(&self, index: usize, wanted: impl Fn(ParamType) -> bool) -> Result<[u64; 2]> {
        match (self.kind(index), self.raw.vals.get(index)) {
            (Some(kind), Some(pair)) if wanted(kind) => Ok(*pair),
            _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
        }
    }

    /// The two words of a value parameter.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the parameter is no value.
    pub fn value(&self, index: usize) -> Result<Value> {
        let [a, b] = self.pair(index, ParamType::is_value)?;
        Ok(Value {
            a: a as u32,
            b: b as u32,
        })
    }

    /// Changes the two words of a value parameter that goes back to the client.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the parameter is no value for output.
    pub fn set_value(&mut self, index: usize, value: Value) -> Result<()> {
        self.pair(index, |kind| kind.is_value() && kind.is_output())?;
        if let Some(pair) = self.raw.vals.get_mut(index) {
            *pair = [u64::from(value.a), u64::from(value.b)];
        }
        Ok(())
    }

    /// The buffer of a memref parameter.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the parameter is no memref.
    pub fn memref(&self, index: usize) -> Result<Memref> {
        let [address, size] = self.pair(index, ParamType::is_memref)?;
        Ok(Memref {
            address: address as usize,
            size: size as usize,
        })
    }

    /// States the size of a memref parameter: what was written, or what would be needed.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the parameter is no memref for output.
    pub fn set_size(&mut self, index: usize, size: usize) -> Result<()> {
        self.pair(index, |kind| kind.is_memref() && kind.is_output())?;
        if let Some([_, slot]) = self.raw.vals.get_mut(index) {
            *slot = size as u64;
        }
        Ok(())
    }

    /// Writes `data` to the buffer of a memref parameter and states its size.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`, with the needed size stated, when it does not fit;
    /// `TEE_ERROR_BAD_PARAMETERS` when the parameter is no memref for output.
    pub fn write(&mut self, index: usize, data: &[u8]) -> Result<()> {
        let memref = self.memref(index)?;
        self.set_size(index, data.len())?;
        memref.write(data)
    }
}

/// A buffer of the client, or of a calling TA.
#[derive(Clone, Copy, Debug)]
pub struct Memref {
    address: usize,
    size: usize,
}

impl Memref {
    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.size
    }

    /// Whether its size is zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Its address; NULL for a NULL memref.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.address)
    }

    /// Copies the buffer's head into `to`; tells how much.
    pub fn read(&self, to: &mut [u8]) -> usize {
        let len = to.len().min(self.readable());
        // SAFETY: the TEE mapped the memref for this call, and `to` is ours.
        unsafe { ptr::copy(self.as_ptr(), to.as_mut_ptr(), len) };
        len
    }

    /// A copy of the whole buffer.
    ///
    /// # Errors
    /// `TEE_ERROR_OUT_OF_MEMORY`.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        let mut copy = zeroed(self.readable())?;
        self.read(&mut copy);
        Ok(copy)
    }

    /// Copies `data` to the buffer's head.
    ///
    /// # Errors
    /// `TEE_ERROR_SHORT_BUFFER`.
    pub fn write(&self, data: &[u8]) -> Result<()> {
        if data.len() > self.readable() {
            return Err(TeeResult::ERROR_SHORT_BUFFER);
        }
        // SAFETY: the TEE mapped the memref for this call, and it is large enough.
        unsafe { ptr::copy(data.as_ptr(), self.as_ptr(), data.len()) };
        Ok(())
    }

    /// A NULL memref states a size without memory behind it.
    fn readable(&self) -> usize {
        if self.address == 0 { 0 } else { self.size }
    }
}

/// Zeroed memory from the heap.
///
/// # Errors
/// `TEE_ERROR_OUT_OF_MEMORY`.
pub fn zeroed(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len)
        .map_err(|_| TeeResult::ERROR_OUT_OF_MEMORY)?;
    bytes.resize(len, 0);
    Ok(bytes)
}
