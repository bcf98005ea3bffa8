//! Cryptographic objects: transient ones here, and what persistent ones share with them.
//!
//! An [`Object`] owns its handle and closes it when dropped.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem;

use tee_abi::TeeResult;

use crate::layout::{ObjectInfo, RawAttribute};
use crate::{Result, Value, param, syscall};
use tee_abi::attributes::TEE_ATTR_FLAG_VALUE;

/// A handle of an object.
#[derive(Debug)]
pub struct Object(u32);

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: no pointer involved. A handle that is gone already is no error here.
        let _ = unsafe { syscall::cryp_obj_close(self.handle()) };
    }
}

/// An attribute: a buffer or two words.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Attribute<'a> {
    raw: RawAttribute,
    buffer: PhantomData<&'a [u8]>,
}

impl<'a> Attribute<'a> {
    /// `TEE_InitRefAttribute`.
    #[must_use]
    pub fn buffer(id: u32, bytes: &'a [u8]) -> Self {
        Self {
            raw: RawAttribute {
                a: syscall::source(bytes).expose_provenance() as u64,
                b: bytes.len() as u64,
                id,
            },
            buffer: PhantomData,
        }
    }

    /// `TEE_InitValueAttribute`.
    #[must_use]
    pub fn value(id: u32, a: u32, b: u32) -> Self {
        Self {
            raw: RawAttribute {
                a: u64::from(a),
                b: u64::from(b),
                id,
            },
            buffer: PhantomData,
        }
    }
}

/// The array as the TEE reads it; NULL when empty, as [`syscall::source`].
pub(crate) fn raw(attributes: &[Attribute<'_>]) -> *const RawAttribute {
    if attributes.is_empty() {
        return core::ptr::null();
    }
    attributes.as_ptr().cast()
}

impl Object {
    pub(crate) const fn from_handle(handle: u32) -> Self {
        Self(handle)
    }

    /// The handle, for raw syscalls.
    #[must_use]
    pub const fn handle(&self) -> usize {
        self.0 as usize
    }

    /// Gives the handle to someone who closes it.
    pub(crate) fn into_handle(self) -> usize {
        let handle = self.handle();
        mem::forget(self);
        handle
    }

    /// `TEE_AllocateTransientObject`: room for a key of up to `max_bits`.
    ///
    /// # Errors
    /// `TEE_ERROR_NOT_SUPPORTED` for a type or size that does not exist, `TEE_ERROR_OUT_OF_MEMORY`.
    pub fn transient(object_type: u32, max_bits: u32) -> Result<Self> {
        let mut handle = 0;
        // SAFETY: `handle` is ours.
        unsafe { syscall::cryp_obj_alloc(object_type as usize, max_bits as usize, &mut handle) }
            .ok()?;
        Ok(Self(handle))
    }

    /// `TEE_PopulateTransientObject`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the attributes do not make a key of the object's type.
    pub fn populate(&mut self, attributes: &[Attribute<'_>]) -> Result<()> {
        // SAFETY: the attributes borrow what they point to.
        unsafe { syscall::cryp_obj_populate(self.handle(), raw(attributes), attributes.len()) }.ok()
    }

    /// A transient object that holds the secret `key`.
    ///
    /// # Errors
    /// As [`Object::transient`] and [`Object::populate`].
    pub fn secret(object_type: u32, key: &[u8]) -> Result<Self> {
        let mut object = Self::transient(object_type, key.len() as u32 * 8)?;
        object.populate(&[Attribute::buffer(
            tee_abi::attributes::TEE_ATTR_SECRET_VALUE,
            key,
        )])?;
        Ok(object)
    }

    /// `TEE_GenerateKey`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` for a size or parameters that the type does not have.
    pub fn generate_key(&mut self, bits: u32, params: &[Attribute<'_>]) -> Result<()> {
        // SAFETY: the attributes borrow what they point to.
        unsafe {
            syscall::obj_generate_key(self.handle(), bits as usize, raw(params), params.len())
        }
        .ok()
    }

    /// `TEE_ResetTransientObject`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the object is persistent.
    pub fn reset(&mut self) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::cryp_obj_reset(self.handle()) }.ok()
    }

    /// `TEE_CopyObjectAttributes1`: takes the attributes of `source`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` when the types do not fit.
    pub fn copy_attributes(&mut self, source: &Self) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::cryp_obj_copy(self.handle(), source.handle()) }.ok()
    }

    /// `TEE_GetObjectInfo1`.
    ///
    /// # Errors
    /// `TEE_ERROR_CORRUPT_OBJECT`, `TEE_ERROR_STORAGE_NOT_AVAILABLE`.
    pub fn info(&self) -> Result<ObjectInfo> {
        let mut info = ObjectInfo::default();
        // SAFETY: `info` is ours.
        unsafe { syscall::cryp_obj_get_info(self.handle(), &mut info) }.ok()?;
        Ok(info)
    }

    /// `TEE_RestrictObjectUsage1`.
    ///
    /// # Errors
    /// `TEE_ERROR_CORRUPT_OBJECT`, `TEE_ERROR_STORAGE_NOT_AVAILABLE`.
    pub fn restrict_usage(&mut self, usage: u32) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::cryp_obj_restrict_usage(self.handle(), usage as usize) }.ok()
    }

    /// `TEE_GetObjectBufferAttribute`.
    ///
    /// # Errors
    /// `TEE_ERROR_ITEM_NOT_FOUND` when it has no such attribute, `TEE_ERROR_BAD_PARAMETERS` when
    /// the attribute holds words or may not be extracted.
    pub fn buffer_attribute(&self, id: u32) -> Result<Vec<u8>> {
        if id & TEE_ATTR_FLAG_VALUE != 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let mut size = 0;
        // SAFETY: a NULL buffer of size 0; `size` is ours.
        let asked = unsafe {
            syscall::cryp_obj_get_attr(self.handle(), id as usize, core::ptr::null_mut(), &mut size)
        };
        if asked != TeeResult::ERROR_SHORT_BUFFER {
            return asked.ok().map(|()| Vec::new());
        }
        let mut bytes = param::zeroed(size as usize)?;
        // SAFETY: the buffer has `size` bytes.
        unsafe {
            syscall::cryp_obj_get_attr(self.handle(), id as usize, bytes.as_mut_ptr(), &mut size)
        }
        .ok()?;
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    /// `TEE_GetObjectValueAttribute`.
    ///
    /// # Errors
    /// `TEE_ERROR_ITEM_NOT_FOUND` when it has no such attribute, `TEE_ERROR_BAD_PARAMETERS` when
    /// the attribute holds a buffer or may not be extracted.
    pub fn value_attribute(&self, id: u32) -> Result<Value> {
        if id & TEE_ATTR_FLAG_VALUE == 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let mut words = [0u32; 2];
        let mut size = size_of_val(&words) as u64;
        // SAFETY: the buffer has `size` bytes.
        unsafe {
            syscall::cryp_obj_get_attr(
                self.handle(),
                id as usize,
                words.as_mut_ptr().cast(),
                &mut size,
            )
        }
        .ok()?;
        let [a, b] = words;
        Ok(Value { a, b })
    }
}
