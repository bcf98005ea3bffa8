//! System calls as safe functions: descriptors are owned, sizes are checked, errors are [`Errno`].

mod confine;
mod file;
mod process;
#[cfg(test)]
mod test_calls;

pub(crate) use confine::*;
pub(crate) use file::*;
pub(crate) use process::*;
#[cfg(test)]
pub(crate) use test_calls::*;

use crate::Errno;

/// A result that is negative on error.
fn check(result: i64) -> Result<i64, Errno> {
    if result < 0 {
        Err(Errno::last())
    } else {
        Ok(result)
    }
}
