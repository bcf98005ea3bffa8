//! Persistent objects as TAs hold them: handles, sharing, and the object header in front of the
//! data.
//!
//! An object that is open has one [`Object`], however many handles there are, of however many
//! instances of its TA; two TAs never share one. The TA's position in the data, its attributes in
//! memory and the order in which a syscall checks its arguments are the shim's.
//! Source: `core/tee/tee_pobj.c`, `core/tee/tee_svc_storage.c`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use tee_abi::core::storage::{
    ACCESS_READ, ACCESS_WRITE, ACCESS_WRITE_META, SHARE_READ, SHARE_WRITE,
};
use tee_abi::core::{ObjectHandle, ObjectHead};
use tee_abi::{TeeResult, Uuid};

use crate::error::{Damage, FsError};
use crate::stores::{Key, Kind, OpenFile};

/// Bytes of the header that precedes attributes and data.
pub(crate) const HEAD: u64 = 24;
/// Where in it the usage stands.
pub(crate) const USAGE_OFFSET: u64 = 12;
/// Most bytes of attributes that a stored object may claim.
const ATTRS_MAX: u32 = 1 << 20;
/// Most objects that one instance holds open at a time.
const HANDLES_MAX: usize = 4096;

/// An object that somebody holds open.
pub(crate) struct Object {
    /// The flags of whoever opened it first; all others agree with them in what matters.
    pub(crate) flags: u32,
    pub(crate) handles: u32,
    pub(crate) head: StoredHead,
    /// `None` once it was removed as corrupt.
    pub(crate) file: Option<OpenFile>,
}

/// The header as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredHead {
    pub(crate) attr_size: u32,
    pub(crate) head: ObjectHead,
}

/// One TA instance's grip on an object.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) key: Key,
    pub(crate) flags: u32,
}

/// A listing, and the slot of the directory where it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    pub(crate) kind: Kind,
    pub(crate) next: u32,
}

/// What one instance holds.
pub(crate) struct Holdings {
    pub(crate) ta: Uuid,
    handles: BTreeMap<ObjectHandle, Handle>,
    listings: BTreeMap<u32, Listing>,
    last: u32,
}

impl StoredHead {
    /// Its bytes in the file.
    pub(crate) const SIZE: usize = HEAD as usize;

    /// Where it lies in an object's file; shorter where the file is.
    pub(crate) fn image(content: &[u8]) -> &[u8] {
        content.get(..Self::SIZE).unwrap_or(content)
    }

    /// Checks it against the size of the object's file.
    pub(crate) fn decode(image: &[u8], size: u64) -> Result<Self, FsError> {
        let (words, rest) = image.as_chunks::<4>();
        let [attr_size, obj_size, max_size, usage, obj_type, have_attrs] = words else {
            return Err(FsError::Corrupt(Damage::ObjectHead));
        };
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        let stored = Self {
            attr_size: word(attr_size),
            head: ObjectHead {
                obj_type: word(obj_type),
                size: word(obj_size),
                max_size: word(max_size),
                usage: word(usage),
                have_attrs: word(have_attrs),
            },
        };
        if !rest.is_empty() || stored.attr_size > ATTRS_MAX || stored.data_offset() > size {
            return Err(FsError::Corrupt(Damage::ObjectHead));
        }
        Ok(stored)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            self.attr_size,
            self.head.size,
            self.head.max_size,
            self.head.usage,
            self.head.obj_type,
            self.head.have_attrs,
        ]
        .map(u32::to_le_bytes)
        .concat()
    }

    /// Where the data stream starts in the file.
    pub(crate) const fn data_offset(&self) -> u64 {
        HEAD + self.attr_size as u64
    }
}

impl Holdings {
    pub(crate) const fn new(ta: Uuid) -> Self {
        Self {
            ta,
            handles: BTreeMap::new(),
            listings: BTreeMap::new(),
            last: 0,
        }
    }

    /// # Errors
    /// `TEE_ERROR_OUT_OF_MEMORY` when the instance holds too many already.
    pub(crate) fn check_room(&self) -> Result<(), TeeResult> {
        if self.handles.len() + self.listings.len() < HANDLES_MAX {
            Ok(())
        } else {
            Err(TeeResult::ERROR_OUT_OF_MEMORY)
        }
    }

    fn fresh(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            let taken =
                self.handles.contains_key(&self.last) || self.listings.contains_key(&self.last);
            if self.last != 0 && !taken {
                return self.last;
            }
        }
    }

    pub(crate) fn add_handle(&mut self, handle: Handle) -> ObjectHandle {
        let number = self.fresh();
        self.handles.insert(number, handle);
        number
    }

    pub(crate) fn handle(&self, number: ObjectHandle) -> Result<&Handle, TeeResult> {
        self.handles.get(&number).ok_or(TeeResult::ERROR_BAD_STATE)
    }

    /// The handle, if it was opened with this right.
    pub(crate) fn handle_for(
        &self,
        number: ObjectHandle,
        right: u32,
    ) -> Result<&Handle, TeeResult> {
        let handle = self.handle(number)?;
        if handle.flags & right == 0 {
            return Err(TeeResult::ERROR_ACCESS_CONFLICT);
        }
        Ok(handle)
    }

    pub(crate) fn handle_mut(&mut self, number: ObjectHandle) -> Option<&mut Handle> {
        self.handles.get_mut(&number)
    }

    pub(crate) fn drop_handle(&mut self, number: ObjectHandle) -> Result<Handle, TeeResult> {
        self.handles
            .remove(&number)
            .ok_or(TeeResult::ERROR_BAD_STATE)
    }

    pub(crate) fn into_handles(self) -> impl Iterator<Item = Handle> {
        self.handles.into_values()
    }

    pub(crate) fn add_listing(&mut self, kind: Kind) -> u32 {
        let number = self.fresh();
        self.listings.insert(number, Listing { kind, next: 0 });
        number
    }

    pub(crate) fn listing(&mut self, number: u32) -> Result<&mut Listing, TeeResult> {
        self.listings
            .get_mut(&number)
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }

    pub(crate) fn drop_listing(&mut self, number: u32) -> Result<(), TeeResult> {
        match self.listings.remove(&number) {
            Some(_) => Ok(()),
            None => Err(TeeResult::ERROR_BAD_PARAMETERS),
        }
    }
}

/// Whether an object that is open with the flags `held` may be opened with `wanted` too.
/// GP TEE Internal Core API, section 5.7.3: what one handle reads or writes, all must share; who
/// may delete or rename is alone; and handles agree on what they share.
pub(crate) fn check_sharing(held: u32, wanted: u32) -> Result<(), TeeResult> {
    let any = held | wanted;
    let agreed = held & wanted;
    let shared = |access: u32, share: u32| {
        (any & access == 0 || agreed & share != 0) && any & share == agreed & share
    };
    let allowed = any & ACCESS_WRITE_META == 0
        && shared(ACCESS_READ, SHARE_READ)
        && shared(ACCESS_WRITE, SHARE_WRITE);
    if allowed {
        Ok(())
    } else {
        Err(TeeResult::ERROR_ACCESS_CONFLICT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_when_all_say_so() {
        let reader = ACCESS_READ | SHARE_READ;
        assert_eq!(check_sharing(reader, reader), Ok(()));
        assert!(check_sharing(reader, ACCESS_READ).is_err());
        assert!(check_sharing(ACCESS_READ, ACCESS_READ).is_err());
        assert!(check_sharing(reader, reader | SHARE_WRITE).is_err());
    }

    #[test]
    fn no_flags_lock_everybody_else_out() {
        assert_eq!(check_sharing(0, 0), Ok(()));
        assert!(check_sharing(0, ACCESS_READ | SHARE_READ).is_err());
    }

    #[test]
    fn meta_is_exclusive() {
        let all = SHARE_READ | SHARE_WRITE;
        assert!(check_sharing(all, all | ACCESS_WRITE_META).is_err());
        assert!(check_sharing(all | ACCESS_WRITE_META, all).is_err());
    }
}
