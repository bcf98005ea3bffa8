//! Trusted storage as a TA sees it: the syscalls 41 to 53.
//!
//! Here are handles, positions, the order of checks, and the TA's memory; the objects themselves,
//! who may share them and what is on the disk are behind [`Request`]. Source:
//! `core/tee/tee_svc_storage.c`, whose answers libutee turns into errors and panics.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use litebox::{Access, AddressSpace, UserPtr};
use tee_abi::TeeResult;
use tee_abi::core::storage::{
    ACCESS_READ, ACCESS_WRITE, ACCESS_WRITE_META, CREATE_FLAGS, MAX_POSITION, OBJECT_ID_MAX_LEN,
    OPEN_FLAGS, PRIVATE, PRIVATE_REE, PRIVATE_RPMB, SEEK_CUR, SEEK_END, SEEK_SET,
};
use tee_abi::core::{ObjectHandle, ObjectHead, Reply, Request, SecureCore, StorageId};
use tee_abi::layout::{UTEE_OBJECT_INFO_SIZE, UteeObjectInfo};
use tee_abi::objects::{
    ObjectType, TEE_HANDLE_FLAG_INITIALIZED, TEE_HANDLE_FLAG_PERSISTENT, TEE_TYPE_DATA,
};
use tee_abi::ta::TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT;

use crate::cryp::{Object, attrs_from_bytes, attrs_to_bytes};
use crate::instance::{Host, Instance};
use crate::{SysResult, Trap};

/// Bytes read from the secure world at a time.
const READ_PIECE: u64 = 1 << 20;
/// Most enumerators an instance may hold at a time.
const ENUMERATORS_MAX: usize = 1024;

/// The enumerators of an instance, each with its listing in the secure world once it is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Enumerators {
    all: BTreeMap<u32, Option<u32>>,
    last: u32,
}

impl Enumerators {
    fn add(&mut self) -> Result<u32, TeeResult> {
        if self.all.len() >= ENUMERATORS_MAX {
            return Err(TeeResult::ERROR_OUT_OF_MEMORY);
        }
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.all.contains_key(&self.last) {
                self.all.insert(self.last, None);
                return Ok(self.last);
            }
        }
    }

    fn get(&mut self, number: u64) -> Result<&mut Option<u32>, TeeResult> {
        u32::try_from(number)
            .ok()
            .and_then(|number| self.all.get_mut(&number))
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }
}

/// What the secure world tells of an object that it has opened.
struct Opened {
    object: ObjectHandle,
    head: ObjectHead,
    attrs: Vec<u8>,
    data_size: u64,
}

impl<H: Host> Instance<H> {
    /// `_utee_storage_obj_open`.
    pub(crate) fn storage_obj_open(
        &mut self,
        storage_id: u64,
        object_id: UserPtr,
        object_id_len: u64,
        flags: u64,
        obj: UserPtr,
    ) -> SysResult {
        let flags = check_flags(flags, OPEN_FLAGS)?;
        let storage = check_storage(storage_id)?;
        let id = self.object_id(object_id, object_id_len)?;
        let opened = self.ask_object(Request::ObjectOpen { storage, id, flags })?;
        let handle = opened.object;
        let object = match self.object_of(opened, flags) {
            Ok(object) => object,
            Err(error) => {
                self.give_back(handle, error);
                return Err(error.into());
            }
        };
        self.hand_out(object, obj)
    }

    /// `_utee_storage_obj_create`. Where no handle is asked for, a transient object given for its
    /// attributes becomes the persistent one.
    #[expect(clippy::too_many_arguments, reason = "the syscall's words")]
    pub(crate) fn storage_obj_create(
        &mut self,
        storage_id: u64,
        object_id: UserPtr,
        object_id_len: u64,
        flags: u64,
        attr: u64,
        data: UserPtr,
        len: u64,
        obj: UserPtr,
    ) -> SysResult {
        let flags = check_flags(flags, CREATE_FLAGS)?;
        let storage = check_storage(storage_id)?;
        check_id_len(object_id_len)?;
        if len != 0 && data.is_null() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let id = self.object_id(object_id, object_id_len)?;
        let source = self.attribute_source(attr)?;
        let data = self.mm.space().read_vec(data.0, len)?;
        let transforms = obj.is_null() && source.as_ref().is_some_and(|o| o.persistent.is_none());
        let mut object = persistent_from(source);
        let data_size = data.len() as u64;
        let request = Request::ObjectCreate {
            storage,
            id,
            flags,
            head: head_of(&object),
            attrs: attrs_to_bytes(&object),
            data,
        };
        let opened = self.ask_object(request)?;
        object.persistent = Some(opened.object);
        object.info.data_size = data_size;
        object.info.flags = TEE_HANDLE_FLAG_PERSISTENT | TEE_HANDLE_FLAG_INITIALIZED | flags;
        if transforms {
            *self.state.cryp.object_mut(attr)? = object;
            return Ok(());
        }
        if obj.is_null() {
            self.close_core_object(opened.object);
            return Ok(());
        }
        self.hand_out(object, obj)
    }

    /// `_utee_storage_obj_del`.
    pub(crate) fn storage_obj_del(&mut self, obj: u64) -> SysResult {
        let o = self.state.cryp.object(obj)?;
        if o.info.flags & ACCESS_WRITE_META == 0 {
            return Err(TeeResult::ERROR_ACCESS_CONFLICT.into());
        }
        let object = o.persistent.ok_or(TeeResult::ERROR_BAD_STATE)?;
        self.state.cryp.remove_object(obj);
        self.order(Request::ObjectDelete { object })
    }

    /// `_utee_storage_obj_rename`.
    pub(crate) fn storage_obj_rename(
        &mut self,
        obj: u64,
        new_obj_id: UserPtr,
        new_obj_id_len: u64,
    ) -> SysResult {
        check_id_len(new_obj_id_len)?;
        let o = self.state.cryp.object(obj)?;
        let object = o.persistent.ok_or(TeeResult::ERROR_BAD_STATE)?;
        if o.info.flags & ACCESS_WRITE_META == 0 {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let id = self.object_id(new_obj_id, new_obj_id_len)?;
        self.order(Request::ObjectRename { object, id })
    }

    /// `_utee_storage_alloc_enum`.
    pub(crate) fn storage_alloc_enum(&mut self, obj_enum: UserPtr) -> SysResult {
        if obj_enum.is_null() {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let number = self.state.enumerators.add()?;
        self.put_private(obj_enum, &number.to_le_bytes())
    }

    /// `_utee_storage_free_enum`.
    pub(crate) fn storage_free_enum(&mut self, obj_enum: u64) -> SysResult {
        self.storage_reset_enum(obj_enum)?;
        if let Ok(number) = u32::try_from(obj_enum) {
            self.state.enumerators.all.remove(&number);
        }
        Ok(())
    }

    /// `_utee_storage_reset_enum`.
    pub(crate) fn storage_reset_enum(&mut self, obj_enum: u64) -> SysResult {
        let listing = self.state.enumerators.get(obj_enum)?.take();
        if let Some(enumerator) = listing {
            // It is over for the TA whatever the secure world makes of it.
            let _ = self.world.call(Request::EnumEnd { enumerator });
        }
        Ok(())
    }

    /// `_utee_storage_start_enum`.
    pub(crate) fn storage_start_enum(&mut self, obj_enum: u64, storage_id: u64) -> SysResult {
        self.storage_reset_enum(obj_enum)?;
        let storage = check_storage(storage_id)?;
        match self.world.call(Request::EnumStart { storage })? {
            Reply::Enumerator(listing) => {
                *self.state.enumerators.get(obj_enum)? = Some(listing);
                Ok(())
            }
            _ => Err(NONSENSE),
        }
    }

    /// `_utee_storage_next_enum`.
    pub(crate) fn storage_next_enum(
        &mut self,
        obj_enum: u64,
        info: UserPtr,
        obj_id: UserPtr,
        len: UserPtr,
    ) -> SysResult {
        let listing = *self.state.enumerators.get(obj_enum)?;
        self.check_private_output(info, UTEE_OBJECT_INFO_SIZE as u64)?;
        self.check_private_output(obj_id, OBJECT_ID_MAX_LEN as u64)?;
        let enumerator = listing.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        let entry = self.world.call(Request::EnumNext { enumerator })?;
        let Reply::Entry {
            id,
            flags,
            head,
            data_size,
        } = entry
        else {
            return Err(NONSENSE);
        };
        let told = UteeObjectInfo {
            obj_type: head.obj_type,
            obj_size: head.size,
            max_obj_size: head.max_size,
            obj_usage: head.usage,
            data_size: data_size as u32,
            data_pos: 0,
            handle_flags: flags | TEE_HANDLE_FLAG_PERSISTENT | TEE_HANDLE_FLAG_INITIALIZED,
        };
        if id.len() > OBJECT_ID_MAX_LEN {
            return Err(NONSENSE);
        }
        self.put_private(info, &told.to_bytes())?;
        self.put_private(obj_id, &id)?;
        self.put_private(len, &(id.len() as u64).to_le_bytes())
    }

    /// `_utee_storage_obj_read`.
    pub(crate) fn storage_obj_read(
        &mut self,
        obj: u64,
        data: UserPtr,
        len: u64,
        count: UserPtr,
    ) -> SysResult {
        let (object, pos) = self.data_of(obj, ACCESS_READ)?;
        pos.checked_add(len).ok_or(TeeResult::ERROR_OVERFLOW)?;
        let mut done = 0;
        while done < len {
            let piece = (len - done).min(READ_PIECE);
            let request = Request::ObjectRead {
                object,
                pos: pos + done,
                len: piece,
            };
            let bytes = match self.ask_of_object(obj, request)? {
                Reply::Data(bytes) if bytes.len() as u64 <= piece => bytes,
                _ => return Err(NONSENSE),
            };
            let to = data
                .0
                .checked_add(done)
                .ok_or(TeeResult::ERROR_ACCESS_DENIED)?;
            UserPtr(to).write(self.mm.space_mut(), &bytes)?;
            done += bytes.len() as u64;
            if (bytes.len() as u64) < piece {
                break;
            }
        }
        self.state.cryp.object_mut(obj)?.info.data_pos = pos + done;
        self.put_private(count, &done.to_le_bytes())
    }

    /// `_utee_storage_obj_write`.
    pub(crate) fn storage_obj_write(&mut self, obj: u64, data: UserPtr, len: u64) -> SysResult {
        let (object, pos) = self.data_of(obj, ACCESS_WRITE)?;
        let end = pos.checked_add(len).ok_or(TeeResult::ERROR_OVERFLOW)?;
        if len > 0 {
            let data = self.mm.space().read_vec(data.0, len)?;
            self.ask_of_object(obj, Request::ObjectWrite { object, pos, data })?;
        }
        let info = &mut self.state.cryp.object_mut(obj)?.info;
        info.data_pos = end;
        info.data_size = info.data_size.max(end);
        Ok(())
    }

    /// `_utee_storage_obj_trunc`.
    pub(crate) fn storage_obj_trunc(&mut self, obj: u64, len: u64) -> SysResult {
        let (object, _) = self.data_of(obj, ACCESS_WRITE)?;
        self.ask_of_object(obj, Request::ObjectTruncate { object, len })?;
        self.state.cryp.object_mut(obj)?.info.data_size = len;
        Ok(())
    }

    /// `_utee_storage_obj_seek`. A position before the start is the start.
    pub(crate) fn storage_obj_seek(&mut self, obj: u64, offset: i32, whence: u64) -> SysResult {
        let o = self.state.cryp.object_mut(obj)?;
        if o.persistent.is_none() {
            return Err(TeeResult::ERROR_BAD_STATE.into());
        }
        let from = match u32::try_from(whence) {
            Ok(SEEK_SET) => 0,
            Ok(SEEK_CUR) => o.info.data_pos,
            Ok(SEEK_END) => o.info.data_size,
            _ => return Err(TeeResult::ERROR_BAD_PARAMETERS.into()),
        };
        let to = if offset < 0 {
            from.saturating_sub(u64::from(offset.unsigned_abs()))
        } else {
            from.saturating_add(u64::from(offset.unsigned_abs()))
        };
        if to > MAX_POSITION {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        o.info.data_pos = to;
        Ok(())
    }

    /// An identifier, which must lie in the TA's own memory.
    fn object_id(&self, at: UserPtr, len: u64) -> Result<Vec<u8>, Trap> {
        check_id_len(len)?;
        let end =
            at.0.checked_add(len)
                .ok_or(TeeResult::ERROR_ACCESS_DENIED)?;
        if !self.is_private(at.0, end) {
            return Err(TeeResult::ERROR_ACCESS_DENIED.into());
        }
        Ok(self.mm.space().read_vec(at.0, len)?)
    }

    fn check_private_output(&self, at: UserPtr, len: u64) -> SysResult {
        let end =
            at.0.checked_add(len)
                .ok_or(TeeResult::ERROR_ACCESS_DENIED)?;
        if !self.is_private(at.0, end) {
            return Err(TeeResult::ERROR_ACCESS_DENIED.into());
        }
        Ok(self.mm.space().check(at.0..end, Access::Write)?)
    }

    /// The object whose attributes a new one takes; none for a null handle.
    fn attribute_source(&self, attr: u64) -> Result<Option<Object>, TeeResult> {
        if attr == 0 {
            return Ok(None);
        }
        let source = self.state.cryp.object(attr)?;
        if source.info.flags & TEE_HANDLE_FLAG_INITIALIZED == 0 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        Ok(Some(source.clone()))
    }

    /// The secure world's handle of a persistent object with this right, and the TA's position.
    fn data_of(&self, obj: u64, right: u32) -> Result<(ObjectHandle, u64), TeeResult> {
        let o = self.state.cryp.object(obj)?;
        let object = o.persistent.ok_or(TeeResult::ERROR_BAD_STATE)?;
        if o.info.flags & right == 0 {
            return Err(TeeResult::ERROR_ACCESS_CONFLICT);
        }
        Ok((object, o.info.data_pos))
    }

    /// Asks about an object that is open. Where it turns out to be corrupt, its handle is closed,
    /// unless the TA's flags say otherwise.
    fn ask_of_object(&mut self, obj: u64, request: Request) -> Result<Reply, TeeResult> {
        let answer = self.world.call(request);
        let keeps = self.config.flags & TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT != 0;
        if answer == Err(TeeResult::ERROR_CORRUPT_OBJECT) && !keeps {
            self.close_object(obj);
        }
        answer
    }

    fn ask_object(&mut self, request: Request) -> Result<Opened, Trap> {
        match self.world.call(request)? {
            Reply::Object {
                object,
                head,
                attrs,
                data_size,
            } => Ok(Opened {
                object,
                head,
                attrs,
                data_size,
            }),
            _ => Err(NONSENSE),
        }
    }

    fn order(&mut self, request: Request) -> SysResult {
        match self.world.call(request)? {
            Reply::Done => Ok(()),
            _ => Err(NONSENSE),
        }
    }

    fn object_of(&self, opened: Opened, flags: u32) -> Result<Object, TeeResult> {
        let head = opened.head;
        let allowed = match ObjectType::find(head.obj_type) {
            Some(ty) => ty.allows(head.max_size.into()),
            None => head.obj_type == TEE_TYPE_DATA && head.max_size == 0,
        };
        if !allowed {
            return Err(TeeResult::ERROR_NOT_SUPPORTED);
        }
        let mut object = Object::new(head.obj_type, head.max_size);
        if head.obj_type != TEE_TYPE_DATA {
            object.attrs = attrs_from_bytes(head.obj_type, &opened.attrs)?;
        }
        object.have_attrs = head.have_attrs;
        object.info.size = head.size;
        object.info.usage = head.usage;
        object.info.data_size = opened.data_size;
        object.info.flags = TEE_HANDLE_FLAG_PERSISTENT | TEE_HANDLE_FLAG_INITIALIZED | flags;
        object.persistent = Some(opened.object);
        Ok(object)
    }

    /// Takes an object into the table and tells the TA its handle; where it cannot be told, the
    /// object is closed again.
    fn hand_out(&mut self, object: Object, obj: UserPtr) -> SysResult {
        let core_handle = object.persistent;
        let handle = match self.state.cryp.add_object(object) {
            Ok(handle) => handle,
            Err(error) => {
                core_handle
                    .into_iter()
                    .for_each(|h| self.close_core_object(h));
                return Err(error.into());
            }
        };
        let told = self.put_private(obj, &handle.to_le_bytes());
        if told.is_err() {
            self.close_object(handle.into());
        }
        told
    }

    /// Closes an object that the TA never got a handle of.
    fn give_back(&mut self, object: ObjectHandle, error: TeeResult) {
        if error == TeeResult::ERROR_CORRUPT_OBJECT {
            let _ = self.world.call(Request::ObjectCorrupt { object });
        }
        self.close_core_object(object);
    }

    fn close_core_object(&mut self, object: ObjectHandle) {
        let _ = self.world.call(Request::ObjectClose { object });
    }
}

/// The secure world answered something else than was asked.
const NONSENSE: Trap = Trap::Error(TeeResult::ERROR_COMMUNICATION);

fn check_flags(flags: u64, valid: u32) -> Result<u32, TeeResult> {
    match u32::try_from(flags) {
        Ok(flags) if flags & !valid == 0 => Ok(flags),
        _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
    }
}

/// The identifier is 32 bits wide, in whatever word it comes.
fn check_storage(storage_id: u64) -> Result<StorageId, TeeResult> {
    match storage_id as u32 {
        id @ (PRIVATE | PRIVATE_REE | PRIVATE_RPMB) => Ok(id),
        _ => Err(TeeResult::ERROR_ITEM_NOT_FOUND),
    }
}

fn check_id_len(len: u64) -> Result<(), TeeResult> {
    if len > OBJECT_ID_MAX_LEN as u64 {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    Ok(())
}

/// A persistent object with the attributes of another object, or one of pure data. As upstream
/// has it, what is copied from a persistent object has no usage.
fn persistent_from(source: Option<Object>) -> Object {
    let Some(mut object) = source else {
        return Object::new(TEE_TYPE_DATA, 0);
    };
    if object.persistent.is_some() {
        object.info.usage = 0;
    }
    object.info.data_pos = 0;
    object.busy = false;
    object
}

fn head_of(object: &Object) -> ObjectHead {
    ObjectHead {
        obj_type: object.info.obj_type,
        size: object.info.size,
        max_size: object.info.max_size,
        usage: object.info.usage,
        have_attrs: object.have_attrs,
    }
}
