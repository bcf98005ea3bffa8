//! Clocks and waiting.

use tee_abi::TeeResult;

pub use crate::layout::Time;
use crate::{Result, syscall};

const CAT_SYSTEM: usize = 0;
const CAT_TA_PERSISTENT: usize = 1;
const CAT_REE: usize = 2;

fn get(category: usize) -> Result<Time> {
    let mut time = Time::default();
    // SAFETY: `time` is ours.
    unsafe { syscall::get_time(category, &mut time) }.ok()?;
    Ok(time)
}

/// `TEE_GetSystemTime`.
///
/// # Errors
/// None that a correct TA meets.
pub fn system() -> Result<Time> {
    get(CAT_SYSTEM)
}

/// `TEE_GetREETime`.
///
/// # Errors
/// None that a correct TA meets.
pub fn ree() -> Result<Time> {
    get(CAT_REE)
}

/// `TEE_GetTAPersistentTime`.
///
/// # Errors
/// `TEE_ERROR_TIME_NOT_SET`, `TEE_ERROR_TIME_NEEDS_RESET`, `TEE_ERROR_OVERFLOW`.
pub fn ta_persistent() -> Result<Time> {
    get(CAT_TA_PERSISTENT)
}

/// `TEE_SetTAPersistentTime`.
///
/// # Errors
/// `TEE_ERROR_STORAGE_NO_SPACE`.
pub fn set_ta_persistent(time: Time) -> Result<()> {
    // SAFETY: `time` is ours.
    unsafe { syscall::set_ta_time(&time) }.ok()
}

/// `TEE_Wait`, in milliseconds.
///
/// # Errors
/// `TEE_ERROR_CANCEL` when the client cancelled meanwhile.
pub fn wait(milliseconds: u32) -> Result<()> {
    let result: TeeResult =
        // SAFETY: no pointer involved.
        unsafe { syscall::wait(milliseconds as usize) };
    result.ok()
}
