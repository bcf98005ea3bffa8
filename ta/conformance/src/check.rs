//! Checks that name the place where a case failed.

use utee::{Result, TeeResult};

/// Logs what failed, and where; the case ends with `TEE_ERROR_GENERIC`.
pub fn failed(file: &str, line: u32, what: core::fmt::Arguments<'_>) -> TeeResult {
    utee::trace::print(utee::trace::Level::Error, file, line, what);
    TeeResult::ERROR_GENERIC
}

/// Ends the case unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err($crate::check::failed(
                file!(),
                line!(),
                format_args!("not so: {}", stringify!($condition)),
            ));
        }
    };
}

/// Ends the case unless both are equal.
#[macro_export]
macro_rules! check_eq {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    return Err($crate::check::failed(
                        file!(),
                        line!(),
                        format_args!("{}: {left:x?}, not {right:x?}", stringify!($left)),
                    ));
                }
            }
        }
    };
}

/// The result that a call ended with.
pub fn code<T>(result: Result<T>) -> TeeResult {
    result.err().unwrap_or(TeeResult::SUCCESS)
}
