//! Sessions with other TAs: with [`MISBEHAVE`], and with another instance of this one.

use utee::session::TEE_TIMEOUT_INFINITE;
use utee::session::{Argument, Buffer, Session};
use utee::tee_abi::Origin;
use utee::{Result, TeeResult, Uuid, Value, syscall};

use crate::{CMD_ECHO, UUID, check, check_eq};

/// The TA of `ta/misbehave`.
const MISBEHAVE: Uuid =
    Uuid::from_memory(utee::head::uuid("bf76e5f6-6546-4e4c-89b5-3b750acbccd8").0);
const MISBEHAVE_PANIC: u32 = 0;
const MISBEHAVE_RETURN: u32 = 64;
const MISBEHAVE_ADD: u32 = 75;

/// A UUID that no TA has.
const NOBODY: Uuid = Uuid::from_memory(utee::head::uuid("ba5eba11-0000-4000-8000-00000000dead").0);

fn open(uuid: Uuid) -> Result<Session> {
    Ok(Session::open(
        uuid,
        TEE_TIMEOUT_INFINITE,
        &mut Default::default(),
    )?)
}

pub fn open_ta_session() -> Result<()> {
    let missing = Session::open(NOBODY, TEE_TIMEOUT_INFINITE, &mut Default::default()).err();
    let Some(missing) = missing else {
        return Err(TeeResult::ERROR_BAD_STATE);
    };
    check_eq!(missing.result, TeeResult::ERROR_ITEM_NOT_FOUND);
    check_eq!(missing.origin, Some(Origin::Tee));
    let refusal = Value {
        a: 3,
        b: TeeResult::ERROR_EXCESS_DATA.0,
    };
    let mut arguments = [
        Argument::ValueInput(refusal),
        Argument::None,
        Argument::None,
        Argument::None,
    ];
    let Some(refused) = Session::open(MISBEHAVE, TEE_TIMEOUT_INFINITE, &mut arguments).err() else {
        return Err(TeeResult::ERROR_BAD_STATE);
    };
    check_eq!(refused.result, TeeResult::ERROR_EXCESS_DATA);
    check_eq!(refused.origin, Some(Origin::TrustedApp));
    let (first, second) = (open(MISBEHAVE)?, open(MISBEHAVE)?);
    drop(first);
    drop(second);
    Ok(())
}

pub fn close_ta_session() -> Result<()> {
    drop(open(MISBEHAVE)?);
    // SAFETY: no pointer involved.
    let unknown = unsafe { syscall::close_ta_session(0xffff) };
    check!(!unknown.is_success());
    Ok(())
}

pub fn invoke_ta_command() -> Result<()> {
    values()?;
    results()?;
    death()?;
    buffers()
}

fn values() -> Result<()> {
    let mut value = Value { a: 40, b: 2 };
    open(MISBEHAVE)?.invoke(
        TEE_TIMEOUT_INFINITE,
        MISBEHAVE_ADD,
        &mut [
            Argument::ValueInout(&mut value),
            Argument::None,
            Argument::None,
            Argument::None,
        ],
    )?;
    check_eq!(value, Value { a: 42, b: 2 });
    Ok(())
}

/// What [`MISBEHAVE`] says to a command with one value.
fn failure(command: u32, a: u32) -> Result<utee::session::Failure> {
    let mut arguments = [
        Argument::ValueInput(Value { a, b: 0 }),
        Argument::None,
        Argument::None,
        Argument::None,
    ];
    open(MISBEHAVE)?
        .invoke(TEE_TIMEOUT_INFINITE, command, &mut arguments)
        .err()
        .ok_or(TeeResult::ERROR_BAD_STATE)
}

fn results() -> Result<()> {
    let said = failure(MISBEHAVE_RETURN, 0x1234_5678)?;
    check_eq!(said.result, TeeResult(0x1234_5678));
    check_eq!(said.origin, Some(Origin::TrustedApp));
    Ok(())
}

fn death() -> Result<()> {
    let dead = failure(MISBEHAVE_PANIC, 0x0bad_c0de)?;
    check_eq!(dead.result, TeeResult::ERROR_TARGET_DEAD);
    check_eq!(dead.origin, Some(Origin::Tee));
    values()
}

fn buffers() -> Result<()> {
    let mut bytes = [0u8; 16];
    let mut size = 0;
    open(UUID)?.invoke(
        TEE_TIMEOUT_INFINITE,
        CMD_ECHO,
        &mut [
            Argument::MemrefInput(b"to and fro"),
            Argument::MemrefOutput(Buffer {
                bytes: &mut bytes,
                size: &mut size,
            }),
            Argument::None,
            Argument::None,
        ],
    )?;
    check_eq!(bytes.get(..size), Some(&b"to and fro"[..]));
    Ok(())
}
