//! The secure world: one value that all instances call into.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use tee_abi::core::storage::{
    ACCESS_READ, ACCESS_WRITE, ACCESS_WRITE_META, CREATE_FLAGS, OBJECT_ID_MAX_LEN, OPEN_FLAGS,
    OVERWRITE,
};
use tee_abi::core::{ObjectHandle, ObjectHead, Reply, Request, StorageId};
use tee_abi::ree::{self, Ree};
use tee_abi::{TeeResult, Uuid};

use crate::crypto::StorageCrypto;
use crate::error::{Damage, FsError};
use crate::keys::{Config, Keys};
use crate::objects::{
    HEAD, Handle, Holdings, Listing, Object, StoredHead, USAGE_OFFSET, check_sharing,
};
use crate::ree_fs::Env;
use crate::stores::{Key, Kind, OpenFile, Stores};

/// Fewest and most bytes of a TA's unique key, and most of the data bound into it
/// (`pta_system.h`).
const UNIQUE_KEY_LEN: core::ops::RangeInclusive<usize> = 16..=32;
const UNIQUE_KEY_EXTRA_MAX: usize = 1024;

/// A TA instance, as long as it lives. Never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u64);

/// What the secure world has once.
pub struct TeeCore<R, C> {
    ree: R,
    crypto: C,
    keys: Keys,
    fs: Stores,
    objects: BTreeMap<Key, Object>,
    instances: BTreeMap<InstanceId, Holdings>,
    last_instance: u64,
    ta_time: BTreeMap<Uuid, i64>,
}

type Answer = Result<Reply, TeeResult>;

impl<R: Ree, C: StorageCrypto> TeeCore<R, C> {
    /// A world on this device, with these files.
    pub fn new(ree: R, crypto: C, config: &Config) -> Self {
        Self {
            keys: Keys::new(&crypto, config),
            ree,
            crypto,
            fs: Stores::new(config.anchored),
            objects: BTreeMap::new(),
            instances: BTreeMap::new(),
            last_instance: 0,
            ta_time: BTreeMap::new(),
        }
    }

    /// Makes an instance of a TA known. The caller vouches for the identity.
    pub fn instance(&mut self, ta: Uuid) -> InstanceId {
        self.last_instance += 1;
        let id = InstanceId(self.last_instance);
        self.instances.insert(id, Holdings::new(ta));
        id
    }

    /// An instance has ended, however it did: its handles, locks and listings go with it.
    pub fn instance_gone(&mut self, instance: InstanceId) {
        if let Some(holdings) = self.instances.remove(&instance) {
            for handle in holdings.into_handles() {
                self.release(&handle.key);
            }
        }
    }

    /// The normal world, for the requests that are not storage.
    pub const fn ree_mut(&mut self) -> &mut R {
        &mut self.ree
    }

    /// Serves one request of an instance.
    ///
    /// # Errors
    /// What the TA shall see; `TEE_ERROR_BAD_STATE` for an instance or a handle that is not there.
    pub fn call(&mut self, instance: InstanceId, request: Request) -> Answer {
        self.holdings(instance)?;
        match request {
            Request::ObjectOpen { storage, id, flags } => {
                self.object_open(instance, storage, id, flags)
            }
            Request::ObjectCreate {
                storage,
                id,
                flags,
                head,
                attrs,
                data,
            } => {
                let kind = check_request(storage, &id, flags, CREATE_FLAGS)?;
                let content = NewObject { head, attrs, data };
                self.object_create(instance, kind, id, flags, &content)
            }
            Request::ObjectClose { object } => self.object_close(instance, object),
            Request::ObjectDelete { object } => self.object_delete(instance, object),
            Request::ObjectRename { object, id } => self.object_rename(instance, object, id),
            Request::ObjectRead { object, pos, len } => {
                self.object_read(instance, object, pos, len)
            }
            Request::ObjectWrite { object, pos, data } => {
                self.object_write(instance, object, pos, &data)
            }
            Request::ObjectTruncate { object, len } => self.object_truncate(instance, object, len),
            Request::ObjectRestrictUsage { object, usage } => {
                self.object_restrict_usage(instance, object, usage)
            }
            Request::ObjectCorrupt { object } => self.object_corrupt(instance, object),
            Request::EnumStart { storage } => self.enum_start(instance, storage),
            Request::EnumNext { enumerator } => self.enum_next(instance, enumerator),
            Request::EnumEnd { enumerator } => {
                self.holdings(instance)?.drop_listing(enumerator)?;
                Ok(Reply::Done)
            }
            Request::TaTimeOffset => self.ta_time_offset(instance),
            Request::SetTaTimeOffset { offset_ms } => {
                let ta = self.holdings(instance)?.ta;
                self.ta_time.insert(ta, offset_ms);
                Ok(Reply::Done)
            }
            Request::ReeTime => self.ree_time(),
            Request::DeriveTaUniqueKey { len, extra } => {
                self.derive_ta_unique_key(instance, len, &extra)
            }
        }
    }

    fn object_open(
        &mut self,
        instance: InstanceId,
        storage: StorageId,
        id: Vec<u8>,
        flags: u32,
    ) -> Answer {
        let kind = check_request(storage, &id, flags, OPEN_FLAGS)?;
        self.holdings(instance)?.check_room()?;
        let key = self.key(instance, kind, id)?;
        if let Some(object) = self.objects.get(&key) {
            check_sharing(object.flags, flags)?;
        } else {
            let file = self.with_fs(|fs, env| fs.open(env, &key));
            let file = file.map_err(|error| self.give_up_if_corrupt(&key, error))?;
            let object = Object {
                flags,
                handles: 0,
                head: StoredHead::default(),
                file: Some(file),
            };
            self.objects.insert(key.clone(), object);
        }
        let read = self.read_object(&key);
        if read.is_err() {
            self.close_if_unused(&key);
        }
        let (attrs, data_size) = read?;
        self.hold(instance, key, flags, attrs, data_size)
    }

    /// Reads header and attributes.
    fn read_object(&mut self, key: &Key) -> Result<(Vec<u8>, u64), TeeResult> {
        let (stored, size) = self.on_object(key, |fs, env, file| read_head(fs, env, file))?;
        let attr_size = u64::from(stored.attr_size);
        let attrs = self.on_object(key, |fs, env, file| fs.read(env, file, HEAD, attr_size))?;
        if let Some(object) = self.objects.get_mut(key) {
            object.head = stored;
        }
        Ok((attrs, size.saturating_sub(stored.data_offset())))
    }

    fn object_create(
        &mut self,
        instance: InstanceId,
        kind: Kind,
        id: Vec<u8>,
        flags: u32,
        new: &NewObject,
    ) -> Answer {
        self.holdings(instance)?.check_room()?;
        let key = self.key(instance, kind, id)?;
        if let Some(object) = self.objects.get(&key) {
            if flags & OVERWRITE == 0 {
                return Err(TeeResult::ERROR_ACCESS_CONFLICT);
            }
            check_sharing(object.flags, flags)?;
        }
        let stored = new.stored_head()?;
        let overwrite = flags & OVERWRITE != 0;
        let made = self.with_fs(|fs, env| {
            let content = [&stored.encode()[..], &new.attrs, &new.data];
            fs.create(env, &key, overwrite, &content)
        });
        let file = made.map_err(|error| self.give_up_if_corrupt(&key, error))?;
        let object = self.objects.entry(key.clone()).or_insert(Object {
            flags,
            handles: 0,
            head: stored,
            file: None,
        });
        object.head = stored;
        let replaced = object.file.replace(file);
        if let Some(old) = replaced {
            self.with_fs(|_, env| old.close(env));
        }
        self.hold(instance, key, flags, Vec::new(), new.data.len() as u64)
    }

    /// Hands out a handle of an object that is in the table.
    fn hold(
        &mut self,
        instance: InstanceId,
        key: Key,
        flags: u32,
        attrs: Vec<u8>,
        data_size: u64,
    ) -> Answer {
        let mut head = ObjectHead::default();
        if let Some(object) = self.objects.get_mut(&key) {
            object.handles = object.handles.saturating_add(1);
            head = object.head.head;
        }
        let object = self.holdings(instance)?.add_handle(Handle { key, flags });
        Ok(Reply::Object {
            object,
            head,
            attrs,
            data_size,
        })
    }

    fn object_close(&mut self, instance: InstanceId, object: ObjectHandle) -> Answer {
        let handle = self.holdings(instance)?.drop_handle(object)?;
        self.release(&handle.key);
        Ok(Reply::Done)
    }

    fn object_delete(&mut self, instance: InstanceId, object: ObjectHandle) -> Answer {
        let holdings = self.holdings(instance)?;
        let key = holdings.handle_for(object, ACCESS_WRITE_META)?.key.clone();
        let removed = self.with_fs(|fs, env| fs.remove(env, &key));
        self.object_close(instance, object)?;
        removed?;
        Ok(Reply::Done)
    }

    fn object_rename(&mut self, instance: InstanceId, object: ObjectHandle, id: Vec<u8>) -> Answer {
        check_id(&id)?;
        let holdings = self.holdings(instance)?;
        let old = holdings.handle_for(object, ACCESS_WRITE_META)?.key.clone();
        let new = self.key(instance, old.kind, id)?;
        if self.objects.contains_key(&new) {
            return Err(TeeResult::ERROR_ACCESS_CONFLICT);
        }
        self.on_object(&old, |fs, env, file| fs.rename(env, file, &new.id))?;
        if let Some(held) = self.objects.remove(&old) {
            self.objects.insert(new.clone(), held);
        }
        if let Some(handle) = self.holdings(instance)?.handle_mut(object) {
            handle.key = new;
        }
        Ok(Reply::Done)
    }

    fn object_read(
        &mut self,
        instance: InstanceId,
        object: ObjectHandle,
        pos: u64,
        len: u64,
    ) -> Answer {
        let (key, offset) = self.data_of(instance, object, ACCESS_READ)?;
        let pos = offset.checked_add(pos).ok_or(TeeResult::ERROR_OVERFLOW)?;
        let data = self.on_object(&key, |fs, env, file| fs.read(env, file, pos, len))?;
        Ok(Reply::Data(data))
    }

    fn object_write(
        &mut self,
        instance: InstanceId,
        object: ObjectHandle,
        pos: u64,
        data: &[u8],
    ) -> Answer {
        let (key, offset) = self.data_of(instance, object, ACCESS_WRITE)?;
        let pos = offset.checked_add(pos).ok_or(TeeResult::ERROR_OVERFLOW)?;
        self.on_object(&key, |fs, env, file| fs.write(env, file, pos, data))?;
        Ok(Reply::Done)
    }

    fn object_truncate(&mut self, instance: InstanceId, object: ObjectHandle, len: u64) -> Answer {
        let (key, offset) = self.data_of(instance, object, ACCESS_WRITE)?;
        let length = offset.checked_add(len).ok_or(TeeResult::ERROR_OVERFLOW)?;
        self.on_object(&key, |fs, env, file| fs.set_length(env, file, length))?;
        Ok(Reply::Done)
    }

    fn object_restrict_usage(
        &mut self,
        instance: InstanceId,
        object: ObjectHandle,
        usage: u32,
    ) -> Answer {
        let key = self.holdings(instance)?.handle(object)?.key.clone();
        let held = self.objects.get(&key).ok_or(TeeResult::ERROR_BAD_STATE)?;
        let now = held.head.head.usage;
        let restricted = now & usage;
        if restricted != now {
            let word = restricted.to_le_bytes();
            self.on_object(&key, |fs, env, file| {
                fs.write(env, file, USAGE_OFFSET, &word)
            })?;
            if let Some(held) = self.objects.get_mut(&key) {
                held.head.head.usage = restricted;
            }
        }
        Ok(Reply::Usage(restricted))
    }

    fn object_corrupt(&mut self, instance: InstanceId, object: ObjectHandle) -> Answer {
        let key = self.holdings(instance)?.handle(object)?.key.clone();
        self.give_up(&key);
        Ok(Reply::Done)
    }

    fn enum_start(&mut self, instance: InstanceId, storage: StorageId) -> Answer {
        let kind = Kind::of(storage)?;
        let holdings = self.holdings(instance)?;
        holdings.check_room()?;
        let ta = holdings.ta;
        self.with_fs(|fs, env| fs.next(env, kind, ta, 0))?
            .ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        Ok(Reply::Enumerator(
            self.holdings(instance)?.add_listing(kind),
        ))
    }

    fn enum_next(&mut self, instance: InstanceId, enumerator: u32) -> Answer {
        let holdings = self.holdings(instance)?;
        let ta = holdings.ta;
        let Listing { kind, next: from } = *holdings.listing(enumerator)?;
        let (slot, id) = self
            .with_fs(|fs, env| fs.next(env, kind, ta, from))?
            .ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        // Also past an object that turns out to be damaged, so that a listing ends.
        self.holdings(instance)?.listing(enumerator)?.next = slot.saturating_add(1);
        self.describe(&Key { kind, ta, id })
    }

    fn describe(&mut self, key: &Key) -> Answer {
        let flags = self.objects.get(key).map_or(0, |object| object.flags);
        let (stored, size) = if self.objects.contains_key(key) {
            self.with_fs_and(key, |fs, env, file| read_head(fs, env, file))?
        } else {
            self.with_fs(|fs, env| {
                let mut file = fs.open(env, key)?;
                let found = read_head(fs, env, &mut file);
                file.close(env);
                found
            })?
        };
        Ok(Reply::Entry {
            id: key.id.clone(),
            flags,
            head: stored.head,
            data_size: size.saturating_sub(stored.data_offset()),
        })
    }

    fn ta_time_offset(&mut self, instance: InstanceId) -> Answer {
        let ta = self.holdings(instance)?.ta;
        let offset = self.ta_time.get(&ta);
        offset
            .map(|&ms| Reply::TimeOffset(ms))
            .ok_or(TeeResult::ERROR_TIME_NOT_SET)
    }

    fn ree_time(&mut self) -> Answer {
        match self.ree.call(ree::Request::Time) {
            Ok(ree::Reply::Time { seconds, millis }) if millis < 1000 => {
                Ok(Reply::Time { seconds, millis })
            }
            _ => Err(TeeResult::ERROR_COMMUNICATION),
        }
    }

    fn derive_ta_unique_key(&mut self, instance: InstanceId, len: u32, extra: &[u8]) -> Answer {
        let len = len as usize;
        if !UNIQUE_KEY_LEN.contains(&len) || extra.len() > UNIQUE_KEY_EXTRA_MAX {
            return Err(TeeResult::ERROR_BAD_PARAMETERS);
        }
        let ta = self.holdings(instance)?.ta;
        let key = self.keys.ta_unique(&self.crypto, ta, extra);
        Ok(Reply::Data(key.into_iter().take(len).collect()))
    }

    fn holdings(&mut self, instance: InstanceId) -> Result<&mut Holdings, TeeResult> {
        self.instances
            .get_mut(&instance)
            .ok_or(TeeResult::ERROR_BAD_STATE)
    }

    fn key(&mut self, instance: InstanceId, kind: Kind, id: Vec<u8>) -> Result<Key, TeeResult> {
        let ta = self.holdings(instance)?.ta;
        Ok(Key { kind, ta, id })
    }

    /// The object behind a handle with this right, and where its data starts.
    fn data_of(
        &mut self,
        instance: InstanceId,
        object: ObjectHandle,
        right: u32,
    ) -> Result<(Key, u64), TeeResult> {
        let key = self
            .holdings(instance)?
            .handle_for(object, right)?
            .key
            .clone();
        let held = self.objects.get(&key).ok_or(TeeResult::ERROR_BAD_STATE)?;
        Ok((key, held.head.data_offset()))
    }

    pub(crate) fn is_open(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    pub(crate) fn with_fs<T>(
        &mut self,
        work: impl FnOnce(&mut Stores, &mut Env<'_, R, C>) -> T,
    ) -> T {
        let mut env = Env {
            ree: &mut self.ree,
            crypto: &mut self.crypto,
            keys: &self.keys,
        };
        work(&mut self.fs, &mut env)
    }

    fn with_fs_and<T>(
        &mut self,
        key: &Key,
        work: impl FnOnce(&mut Stores, &mut Env<'_, R, C>, &mut OpenFile) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let held = self.objects.get_mut(key);
        let file = held.and_then(|object| object.file.as_mut());
        let file = file.ok_or(FsError::Corrupt(Damage::Missing))?;
        let mut env = Env {
            ree: &mut self.ree,
            crypto: &mut self.crypto,
            keys: &self.keys,
        };
        work(&mut self.fs, &mut env, file)
    }

    /// Works on an open object, which is removed when it turns out to be corrupt.
    fn on_object<T>(
        &mut self,
        key: &Key,
        work: impl FnOnce(&mut Stores, &mut Env<'_, R, C>, &mut OpenFile) -> Result<T, FsError>,
    ) -> Result<T, TeeResult> {
        self.with_fs_and(key, work)
            .map_err(|error| self.give_up_if_corrupt(key, error))
    }

    fn give_up_if_corrupt(&mut self, key: &Key, error: FsError) -> TeeResult {
        if matches!(error, FsError::Corrupt(_)) {
            self.give_up(key);
        }
        error.into()
    }

    /// Removes a corrupt object, as upstream does: a TA can then make it anew. The handles that
    /// others have stay until they are closed, and answer `TEE_ERROR_CORRUPT_OBJECT`.
    fn give_up(&mut self, key: &Key) {
        let held = self.objects.get_mut(key);
        let file = held.and_then(|object| object.file.take());
        self.with_fs(|fs, env| {
            let _ = fs.remove(env, key);
            if let Some(file) = file {
                file.close(env);
            }
        });
    }

    /// Takes one handle off an object.
    fn release(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(key) {
            object.handles = object.handles.saturating_sub(1);
        }
        self.close_if_unused(key);
    }

    fn close_if_unused(&mut self, key: &Key) {
        if self.objects.get(key).is_some_and(|o| o.handles == 0) {
            let object = self.objects.remove(key);
            if let Some(file) = object.and_then(|object| object.file) {
                self.with_fs(|_, env| file.close(env));
            }
        }
    }
}

/// What a new object starts with.
struct NewObject {
    head: ObjectHead,
    attrs: Vec<u8>,
    data: Vec<u8>,
}

impl NewObject {
    fn stored_head(&self) -> Result<StoredHead, TeeResult> {
        let attr_size = u32::try_from(self.attrs.len()).map_err(|_| TeeResult::ERROR_OVERFLOW)?;
        Ok(StoredHead {
            attr_size,
            head: self.head,
        })
    }
}

fn read_head<R: Ree, C: StorageCrypto>(
    fs: &mut Stores,
    env: &mut Env<'_, R, C>,
    file: &mut OpenFile,
) -> Result<(StoredHead, u64), FsError> {
    let size = fs.length(env, file)?;
    let image = fs.read(env, file, 0, HEAD)?;
    Ok((StoredHead::decode(&image, size)?, size))
}

fn check_request(storage: StorageId, id: &[u8], flags: u32, valid: u32) -> Result<Kind, TeeResult> {
    if flags & !valid != 0 {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    let kind = Kind::of(storage)?;
    check_id(id)?;
    Ok(kind)
}

fn check_id(id: &[u8]) -> Result<(), TeeResult> {
    if id.len() > OBJECT_ID_MAX_LEN {
        return Err(TeeResult::ERROR_BAD_PARAMETERS);
    }
    Ok(())
}
