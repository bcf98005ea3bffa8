//! Writes, reads and deletes objects in the TA's private storage.
//!
//! | command | parameters | effect |
//! |---|---|---|
//! | 0 `READ_RAW` | memref input: identifier, memref output: data | reads the whole object |
//! | 1 `WRITE_RAW` | memref input: identifier, memref input: data | creates or replaces it |
//! | 2 `DELETE` | memref input: identifier | deletes it |
//!
//! A buffer that is too short answers TEE_ERROR_SHORT_BUFFER with the size that is needed.
#![no_std]
#![no_main]

use utee::storage::{
    TEE_DATA_FLAG_ACCESS_READ, TEE_DATA_FLAG_ACCESS_WRITE, TEE_DATA_FLAG_ACCESS_WRITE_META,
    TEE_DATA_FLAG_OVERWRITE, TEE_DATA_FLAG_SHARE_READ, TEE_STORAGE_PRIVATE,
};
use utee::{Object, ParamType, Params, Result, TeeResult, TrustedApp, emsg, param};

const CMD_READ_RAW: u32 = 0;
const CMD_WRITE_RAW: u32 = 1;
const CMD_DELETE: u32 = 2;

struct SecureStorage;

impl TrustedApp for SecureStorage {
    type Session = ();

    fn create() -> Result<Self> {
        Ok(Self)
    }

    fn open_session(&mut self, _params: &mut Params<'_>) -> Result<()> {
        Ok(())
    }

    fn invoke_command(&mut self, (): &mut (), command: u32, params: &mut Params<'_>) -> Result<()> {
        match command {
            CMD_READ_RAW => read(params),
            CMD_WRITE_RAW => write(params),
            CMD_DELETE => delete(params),
            _ => {
                emsg!("Command ID {command:#x} is not supported");
                Err(TeeResult::ERROR_NOT_SUPPORTED)
            }
        }
    }
}

fn read(params: &mut Params<'_>) -> Result<()> {
    let none = ParamType::None;
    params.expect([ParamType::MemrefInput, ParamType::MemrefOutput, none, none])?;
    let mut object = open(params, TEE_DATA_FLAG_ACCESS_READ | TEE_DATA_FLAG_SHARE_READ)?;
    let size = object.info()?.data_size as usize;
    if size > params.memref(1)?.len() {
        params.set_size(1, size)?;
        return Err(TeeResult::ERROR_SHORT_BUFFER);
    }
    let mut data = param::zeroed(size)?;
    let read = object.read(&mut data)?;
    params.write(1, data.get(..read).unwrap_or_default())
}

fn write(params: &mut Params<'_>) -> Result<()> {
    let none = ParamType::None;
    params.expect([ParamType::MemrefInput, ParamType::MemrefInput, none, none])?;
    let id = params.memref(0)?.to_vec()?;
    let data = params.memref(1)?.to_vec()?;
    let flags = TEE_DATA_FLAG_ACCESS_READ
        | TEE_DATA_FLAG_ACCESS_WRITE
        | TEE_DATA_FLAG_ACCESS_WRITE_META
        | TEE_DATA_FLAG_OVERWRITE;
    let mut object = Object::create(TEE_STORAGE_PRIVATE, &id, flags, None, &[])
        .inspect_err(|error| emsg!("cannot create the object: {:#010x}", error.0))?;
    match object.write(&data) {
        Ok(()) => Ok(()),
        Err(error) => {
            emsg!("cannot write the object: {:#010x}", error.0);
            object.delete()?;
            Err(error)
        }
    }
}

fn delete(params: &mut Params<'_>) -> Result<()> {
    let none = ParamType::None;
    params.expect([ParamType::MemrefInput, none, none, none])?;
    let flags = TEE_DATA_FLAG_ACCESS_READ | TEE_DATA_FLAG_ACCESS_WRITE_META;
    open(params, flags)?.delete()
}

/// The object whose identifier is the first parameter.
fn open(params: &Params<'_>, flags: u32) -> Result<Object> {
    let id = params.memref(0)?.to_vec()?;
    Object::open(TEE_STORAGE_PRIVATE, &id, flags)
        .inspect_err(|error| emsg!("cannot open the object: {:#010x}", error.0))
}

utee::ta! {
    app: SecureStorage,
    uuid: "c24b1c91-c81c-4fce-a9aa-42eaaddca97f",
    version: "1.0",
    description: "Example of private storage",
}
