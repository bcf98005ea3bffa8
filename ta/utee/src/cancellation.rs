//! Cancellation of the running operation by the client.

use crate::{Result, syscall};

/// `TEE_GetCancellationFlag`: whether the client asked, and cancellation is unmasked.
#[must_use]
pub fn requested() -> bool {
    let mut flag = 0;
    // SAFETY: `flag` is ours.
    unsafe { syscall::get_cancellation_flag(&mut flag) }.is_success() && flag != 0
}

/// `TEE_UnmaskCancellation`; tells whether it was masked.
///
/// # Errors
/// None that a correct TA meets.
pub fn unmask() -> Result<bool> {
    let mut old = 0;
    // SAFETY: `old` is ours.
    unsafe { syscall::unmask_cancellation(&mut old) }.ok()?;
    Ok(old != 0)
}

/// `TEE_MaskCancellation`; tells whether it was masked.
///
/// # Errors
/// None that a correct TA meets.
pub fn mask() -> Result<bool> {
    let mut old = 0;
    // SAFETY: `old` is ours.
    unsafe { syscall::mask_cancellation(&mut old) }.ok()?;
    Ok(old != 0)
}
