//! Persistent objects, their data streams, and listings of them.

use tee_abi::TeeResult;
use tee_abi::core::storage as abi;

use crate::layout::ObjectInfo;
use crate::object::Object;
use crate::syscall::{source, target};
use crate::{Result, syscall};

macro_rules! numbers {
    ($( $name:ident = $value:expr; )*) => {
        $( #[doc = concat!("`", stringify!($name), "`.")] pub const $name: u32 = $value; )*
    };
}

numbers! {
    TEE_STORAGE_PRIVATE = abi::PRIVATE;
    TEE_STORAGE_PRIVATE_REE = abi::PRIVATE_REE;
    TEE_STORAGE_PRIVATE_RPMB = abi::PRIVATE_RPMB;

    TEE_DATA_FLAG_ACCESS_READ = abi::ACCESS_READ;
    TEE_DATA_FLAG_ACCESS_WRITE = abi::ACCESS_WRITE;
    TEE_DATA_FLAG_ACCESS_WRITE_META = abi::ACCESS_WRITE_META;
    TEE_DATA_FLAG_SHARE_READ = abi::SHARE_READ;
    TEE_DATA_FLAG_SHARE_WRITE = abi::SHARE_WRITE;
    TEE_DATA_FLAG_OVERWRITE = abi::OVERWRITE;
}

/// Longest identifier of a persistent object (`TEE_OBJECT_ID_MAX_LEN`).
pub const OBJECT_ID_MAX_LEN: usize = abi::OBJECT_ID_MAX_LEN;

/// Where a seek starts (`TEE_DATA_SEEK_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Whence {
    /// The beginning.
    Set = 0,
    /// The present position.
    Current = 1,
    /// The end.
    End = 2,
}

impl Object {
    /// `TEE_OpenPersistentObject`.
    ///
    /// # Errors
    /// `TEE_ERROR_ITEM_NOT_FOUND`, `TEE_ERROR_ACCESS_CONFLICT`, `TEE_ERROR_CORRUPT_OBJECT`, …
    pub fn open(storage: u32, id: &[u8], flags: u32) -> Result<Self> {
        let mut handle = 0;
        // SAFETY: `id` is valid for its length; `handle` is ours.
        unsafe {
            syscall::storage_obj_open(
                storage as usize,
                source(id),
                id.len(),
                flags as usize,
                &mut handle,
            )
        }
        .ok()?;
        Ok(Self::from_handle(handle))
    }

    /// `TEE_CreatePersistentObject`, with the attributes of `attributes` if given.
    ///
    /// # Errors
    /// `TEE_ERROR_ACCESS_CONFLICT` when it exists and may not be overwritten,
    /// `TEE_ERROR_STORAGE_NO_SPACE`, …
    pub fn create(
        storage: u32,
        id: &[u8],
        flags: u32,
        attributes: Option<&Self>,
        data: &[u8],
    ) -> Result<Self> {
        let mut handle = 0;
        // SAFETY: `id` and `data` are valid for their lengths; `handle` is ours.
        unsafe {
            syscall::storage_obj_create(
                storage as usize,
                source(id),
                id.len(),
                flags as usize,
                attributes.map_or(0, Self::handle),
                source(data),
                data.len(),
                &mut handle,
            )
        }
        .ok()?;
        Ok(Self::from_handle(handle))
    }

    /// `TEE_CloseAndDeletePersistentObject1`. The handle is closed in any case.
    ///
    /// # Errors
    /// `TEE_ERROR_ACCESS_CONFLICT` when it was not opened for `TEE_DATA_FLAG_ACCESS_WRITE_META`,
    /// `TEE_ERROR_STORAGE_NOT_AVAILABLE`.
    pub fn delete(self) -> Result<()> {
        // SAFETY: no pointer involved.
        let deleted = unsafe { syscall::storage_obj_del(self.handle()) }.ok();
        if deleted.is_ok() {
            // The TEE has closed the handle; where it refused, dropping the object does.
            let _ = self.into_handle();
        }
        deleted
    }

    /// `TEE_RenamePersistentObject`.
    ///
    /// # Errors
    /// `TEE_ERROR_ACCESS_CONFLICT` when the new identifier exists.
    pub fn rename(&mut self, id: &[u8]) -> Result<()> {
        // SAFETY: `id` is valid for its length.
        unsafe { syscall::storage_obj_rename(self.handle(), source(id), id.len()) }.ok()
    }

    /// `TEE_ReadObjectData`: reads at the position; tells how much.
    ///
    /// # Errors
    /// `TEE_ERROR_CORRUPT_OBJECT`, `TEE_ERROR_STORAGE_NOT_AVAILABLE`.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        // SAFETY: `to` is valid for its length; `count` is ours.
        unsafe { syscall::storage_obj_read(self.handle(), target(to), to.len(), &mut count) }
            .ok()?;
        Ok(count as usize)
    }

    /// `TEE_WriteObjectData`: writes at the position, growing the stream.
    ///
    /// # Errors
    /// `TEE_ERROR_STORAGE_NO_SPACE`, `TEE_ERROR_OVERFLOW`, …
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: `data` is valid for its length.
        unsafe { syscall::storage_obj_write(self.handle(), source(data), data.len()) }.ok()
    }

    /// `TEE_TruncateObjectData`.
    ///
    /// # Errors
    /// `TEE_ERROR_STORAGE_NO_SPACE`, …
    pub fn truncate(&mut self, len: usize) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::storage_obj_trunc(self.handle(), len) }.ok()
    }

    /// `TEE_SeekObjectData`.
    ///
    /// # Errors
    /// `TEE_ERROR_OVERFLOW`.
    pub fn seek(&mut self, offset: i32, whence: Whence) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::storage_obj_seek(self.handle(), offset, whence as usize) }.ok()
    }
}

/// A listing of the TA's persistent objects; freed when dropped.
#[derive(Debug)]
pub struct Enumerator(u32);

impl Drop for Enumerator {
    fn drop(&mut self) {
        // SAFETY: no pointer involved.
        let _ = unsafe { syscall::storage_free_enum(self.handle()) };
    }
}

/// An object in a listing.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is.
    pub info: ObjectInfo,
    id: [u8; OBJECT_ID_MAX_LEN],
    id_len: usize,
}

impl Entry {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        self.id.get(..self.id_len).unwrap_or(&self.id)
    }
}

impl Enumerator {
    /// `TEE_AllocatePersistentObjectEnumerator`.
    ///
    /// # Errors
    /// `TEE_ERROR_OUT_OF_MEMORY`.
    pub fn allocate() -> Result<Self> {
        let mut handle = 0;
        // SAFETY: `handle` is ours.
        unsafe { syscall::storage_alloc_enum(&mut handle) }.ok()?;
        Ok(Self(handle))
    }

    const fn handle(&self) -> usize {
        self.0 as usize
    }

    /// `TEE_StartPersistentObjectEnumerator`.
    ///
    /// # Errors
    /// `TEE_ERROR_ITEM_NOT_FOUND` when there are no objects.
    pub fn start(&mut self, storage: u32) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::storage_start_enum(self.handle(), storage as usize) }.ok()
    }

    /// `TEE_ResetPersistentObjectEnumerator`.
    ///
    /// # Errors
    /// `TEE_ERROR_BAD_PARAMETERS` for an unknown handle.
    pub fn reset(&mut self) -> Result<()> {
        // SAFETY: no pointer involved.
        unsafe { syscall::storage_reset_enum(self.handle()) }.ok()
    }

    /// `TEE_GetNextPersistentObject`; none at the end.
    ///
    /// # Errors
    /// `TEE_ERROR_CORRUPT_OBJECT`, `TEE_ERROR_STORAGE_NOT_AVAILABLE`.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut entry = Entry {
            info: ObjectInfo::default(),
            id: [0; OBJECT_ID_MAX_LEN],
            id_len: 0,
        };
        let mut len = OBJECT_ID_MAX_LEN as u64;
        // SAFETY: `entry` and `len` are ours, the buffer has `len` bytes.
        let result = unsafe {
            syscall::storage_next_enum(
                self.handle(),
                &mut entry.info,
                entry.id.as_mut_ptr(),
                &mut len,
            )
        };
        if result == TeeResult::ERROR_ITEM_NOT_FOUND {
            return Ok(None);
        }
        result.ok()?;
        entry.id_len = len as usize;
        Ok(Some(entry))
    }
}
