//! Access rights of memory: what the TEE says of a range, and what the current parameters allow.

use core::cell::Cell;
use core::ffi::c_void;

use tee_abi::TeeResult;
use tee_abi::param::ParamType;

use crate::layout::RawParams;
use crate::{Result, syscall};

/// `TEE_MEMORY_ACCESS_READ`.
pub const ACCESS_READ: u32 = 1;
/// `TEE_MEMORY_ACCESS_WRITE`.
pub const ACCESS_WRITE: u32 = 2;
/// `TEE_MEMORY_ACCESS_ANY_OWNER`.
pub const ACCESS_ANY_OWNER: u32 = 4;

/// The parameters of the entry being served.
struct Current(Cell<RawParams>);

// SAFETY: a TA is single-threaded.
unsafe impl Sync for Current {}

static CURRENT: Current = Current(Cell::new(RawParams {
    types: 0,
    vals: [[0; 2]; 4],
}));

pub(crate) fn note_params(params: &RawParams) {
    CURRENT.0.set(*params);
}

pub(crate) fn forget_params() {
    CURRENT.0.set(RawParams::default());
}

/// `TEE_CheckMemoryAccessRights`: whether the TA may access `[address, address + size)` so.
///
/// # Errors
/// `TEE_ERROR_ACCESS_DENIED`.
pub fn check_access_rights(flags: u32, address: *const u8, size: usize) -> Result<()> {
    if size == 0 {
        return Ok(());
    }
    // SAFETY: the address is examined, not dereferenced.
    unsafe { syscall::check_access_rights(flags as usize, address.cast::<c_void>(), size) }
        .ok()
        .and_then(|()| check_params(flags & 7, address.addr() as u64, size as u64))
        .map_err(|_| TeeResult::ERROR_ACCESS_DENIED)
}

/// A range that touches a memref must ask for no more than the memref's type allows.
fn check_params(flags: u32, start: u64, size: u64) -> Result<()> {
    let params = CURRENT.0.get();
    for (i, [address, len]) in params.vals.iter().copied().enumerate() {
        let allowed = match ParamType::from_nibble(params.types >> (i * 4) & 0xf) {
            Some(ParamType::MemrefInput) => ACCESS_ANY_OWNER | ACCESS_READ,
            Some(ParamType::MemrefOutput | ParamType::MemrefInout) => {
                ACCESS_ANY_OWNER | ACCESS_READ | ACCESS_WRITE
            }
            _ => continue,
        };
        let apart = len == 0
            || start >= address.saturating_add(len)
            || address >= start.saturating_add(size);
        if !apart && flags & !allowed != 0 {
            return Err(TeeResult::ERROR_ACCESS_DENIED);
        }
    }
    Ok(())
}
