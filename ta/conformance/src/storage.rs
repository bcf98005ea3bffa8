//! Persistent objects. Each case has an object of its own and leaves nothing behind.

use utee::attributes::TEE_ATTR_SECRET_VALUE;
use utee::objects::{TEE_HANDLE_FLAG_PERSISTENT, TEE_TYPE_AES, TEE_TYPE_DATA};
use utee::storage::{Enumerator, Whence};
use utee::storage::{
    TEE_DATA_FLAG_ACCESS_READ, TEE_DATA_FLAG_ACCESS_WRITE, TEE_DATA_FLAG_ACCESS_WRITE_META,
    TEE_DATA_FLAG_OVERWRITE, TEE_DATA_FLAG_SHARE_READ, TEE_STORAGE_PRIVATE,
};
use utee::{Object, Result, TeeResult, syscall};

use crate::check::code;
use crate::ciphers::KEY;
use crate::{check, check_eq};

const READ: u32 = TEE_DATA_FLAG_ACCESS_READ;
const META: u32 = TEE_DATA_FLAG_ACCESS_WRITE_META;
const ALL: u32 = READ | TEE_DATA_FLAG_ACCESS_WRITE | META;

fn create(id: &[u8], data: &[u8]) -> Result<Object> {
    let flags = ALL | TEE_DATA_FLAG_OVERWRITE;
    Object::create(TEE_STORAGE_PRIVATE, id, flags, None, data)
}

fn open(id: &[u8], flags: u32) -> Result<Object> {
    Object::open(TEE_STORAGE_PRIVATE, id, flags)
}

/// The object's bytes from the position on.
fn rest<'a>(object: &mut Object, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let len = object.read(buffer)?;
    Ok(buffer.get(..len).unwrap_or_default())
}

/// The whole data stream.
fn content<'a>(object: &mut Object, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    object.seek(0, Whence::Set)?;
    rest(object, buffer)
}

pub fn obj_open() -> Result<()> {
    let id = b"conformance open";
    check_eq!(code(open(id, ALL)), TeeResult::ERROR_ITEM_NOT_FOUND);
    drop(create(id, b"content")?);
    let mut buffer = [0; 16];
    let mut object = open(id, READ | TEE_DATA_FLAG_SHARE_READ)?;
    check_eq!(content(&mut object, &mut buffer)?, b"content");
    let second = open(id, READ | TEE_DATA_FLAG_SHARE_READ)?;
    check_eq!(code(open(id, ALL)), TeeResult::ERROR_ACCESS_CONFLICT);
    drop((object, second));
    check_eq!(code(open(id, 1 << 20)), TeeResult::ERROR_BAD_PARAMETERS);
    check_eq!(
        code(open(&[b'x'; 65], READ)),
        TeeResult::ERROR_BAD_PARAMETERS
    );
    check_eq!(
        code(Object::open(0x77, id, READ)),
        TeeResult::ERROR_ITEM_NOT_FOUND
    );
    open(id, ALL)?.delete()
}

pub fn obj_create() -> Result<()> {
    let id = [b'c'; 64];
    drop(create(&id, b"first")?);
    let again = Object::create(TEE_STORAGE_PRIVATE, &id, ALL, None, b"second");
    check_eq!(code(again), TeeResult::ERROR_ACCESS_CONFLICT);
    let mut buffer = [0; 16];
    let mut object = create(&id, b"third")?;
    check_eq!(content(&mut object, &mut buffer)?, b"third");
    let info = object.info()?;
    check_eq!(info.obj_type, TEE_TYPE_DATA);
    check_eq!((info.data_size, info.data_pos), (5, 5));
    check!(info.handle_flags & TEE_HANDLE_FLAG_PERSISTENT != 0);
    object.delete()?;
    key_object()
}

/// A key with its attributes, and data beside it.
fn key_object() -> Result<()> {
    let id = b"conformance key";
    let key = Object::secret(TEE_TYPE_AES, &KEY)?;
    let flags = ALL | TEE_DATA_FLAG_OVERWRITE;
    drop(Object::create(
        TEE_STORAGE_PRIVATE,
        id,
        flags,
        Some(&key),
        b"note",
    )?);
    let mut stored = open(id, ALL)?;
    let info = stored.info()?;
    check_eq!((info.obj_type, info.obj_size), (TEE_TYPE_AES, 128));
    check_eq!(stored.buffer_attribute(TEE_ATTR_SECRET_VALUE)?, KEY);
    check_eq!(content(&mut stored, &mut [0; 16])?, b"note");
    stored.delete()
}

pub fn obj_del() -> Result<()> {
    let id = b"conformance delete";
    drop(create(id, b"x")?);
    let forbidden = open(id, READ)?.delete();
    check_eq!(code(forbidden), TeeResult::ERROR_ACCESS_CONFLICT);
    open(id, META)?.delete()?;
    check_eq!(code(open(id, READ)), TeeResult::ERROR_ITEM_NOT_FOUND);
    Ok(())
}

pub fn obj_rename() -> Result<()> {
    let (old, new) = (b"conformance old", b"conformance new");
    let other = create(b"conformance other", b"other")?;
    let mut object = create(old, b"renamed")?;
    let taken = object.rename(b"conformance other");
    check_eq!(code(taken), TeeResult::ERROR_ACCESS_CONFLICT);
    object.rename(new)?;
    drop(object);
    check_eq!(code(open(old, READ)), TeeResult::ERROR_ITEM_NOT_FOUND);
    let mut object = open(new, ALL)?;
    check_eq!(content(&mut object, &mut [0; 16])?, b"renamed");
    object.delete()?;
    other.delete()
}

pub fn alloc_enum() -> Result<()> {
    let (one, other) = (Enumerator::allocate()?, Enumerator::allocate()?);
    drop((one, other));
    Ok(())
}

pub fn free_enum() -> Result<()> {
    let mut handle = 0;
    // SAFETY: `handle` is ours.
    unsafe {
        syscall::storage_alloc_enum(&mut handle).ok()?;
        syscall::storage_free_enum(handle as usize).ok()?;
        check!(!syscall::storage_free_enum(handle as usize).is_success());
    }
    Ok(())
}

pub fn reset_enum() -> Result<()> {
    let object = create(b"conformance reset", b"")?;
    let mut listing = Enumerator::allocate()?;
    listing.start(TEE_STORAGE_PRIVATE)?;
    check!(listing.next_entry()?.is_some());
    listing.reset()?;
    check!(listing.next_entry()?.is_none());
    object.delete()
}

pub fn start_enum() -> Result<()> {
    let object = create(b"conformance start", b"")?;
    let mut listing = Enumerator::allocate()?;
    let nowhere = listing.start(0x77);
    check_eq!(code(nowhere), TeeResult::ERROR_ITEM_NOT_FOUND);
    for _ in 0..2 {
        listing.start(TEE_STORAGE_PRIVATE)?;
        check!(listing.next_entry()?.is_some());
    }
    object.delete()
}

pub fn next_enum() -> Result<()> {
    let objects = [
        create(b"conformance next 1", b"1")?,
        create(b"conformance next 22", b"22")?,
    ];
    let mut listing = Enumerator::allocate()?;
    check!(listing.next_entry()?.is_none());
    listing.start(TEE_STORAGE_PRIVATE)?;
    let mut seen = 0;
    while let Some(entry) = listing.next_entry()? {
        match entry.id() {
            b"conformance next 1" => check_eq!(entry.info.data_size, 1),
            b"conformance next 22" => check_eq!(entry.info.data_size, 2),
            _ => continue,
        }
        seen += 1;
    }
    check_eq!(seen, objects.len());
    objects.into_iter().try_for_each(Object::delete)
}

pub fn obj_read() -> Result<()> {
    let mut object = create(b"conformance read", b"0123456789")?;
    let mut buffer = [0; 4];
    object.seek(0, Whence::Set)?;
    check_eq!(rest(&mut object, &mut buffer)?, b"0123");
    check_eq!(rest(&mut object, &mut buffer)?, b"4567");
    check_eq!(rest(&mut object, &mut buffer)?, b"89");
    check_eq!(rest(&mut object, &mut buffer)?, b"");
    let transient = Object::transient(TEE_TYPE_AES, 128)?.read(&mut buffer);
    check_eq!(code(transient), TeeResult::ERROR_BAD_STATE);
    object.delete()
}

pub fn obj_write() -> Result<()> {
    let id = b"conformance write";
    let mut object = create(id, b"0123456789")?;
    object.seek(2, Whence::Set)?;
    object.write(b"ab")?;
    object.write(b"cd")?;
    let mut buffer = [0; 32];
    check_eq!(content(&mut object, &mut buffer)?, b"01abcd6789");
    object.write(b"!")?;
    check_eq!(content(&mut object, &mut buffer)?, b"01abcd6789!");
    drop(object);
    let forbidden = open(id, READ)?.write(b"x");
    check_eq!(code(forbidden), TeeResult::ERROR_ACCESS_CONFLICT);
    open(id, ALL)?.delete()
}

pub fn obj_trunc() -> Result<()> {
    let mut object = create(b"conformance truncate", b"0123456789")?;
    let mut buffer = [0xff; 32];
    object.truncate(4)?;
    check_eq!(content(&mut object, &mut buffer)?, b"0123");
    object.truncate(6)?;
    check_eq!(content(&mut object, &mut buffer)?, b"0123\0\0");
    object.truncate(0)?;
    check_eq!(object.info()?.data_size, 0);
    object.delete()
}

pub fn obj_seek() -> Result<()> {
    let mut object = create(b"conformance seek", b"0123")?;
    let mut buffer = [0xff; 32];
    object.seek(-2, Whence::End)?;
    check_eq!(rest(&mut object, &mut buffer)?, b"23");
    object.seek(-100, Whence::Current)?;
    check_eq!(object.info()?.data_pos, 0);
    object.seek(2, Whence::End)?;
    check_eq!(object.info()?.data_pos, 6);
    object.write(b"6")?;
    check_eq!(content(&mut object, &mut buffer)?, b"0123\0\x006");
    // SAFETY: no pointer involved.
    let nowhere = unsafe { syscall::storage_obj_seek(object.handle(), 0, 3) };
    check_eq!(nowhere, TeeResult::ERROR_BAD_PARAMETERS);
    object.delete()
}
