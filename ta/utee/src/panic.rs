//! Ways for a TA to end itself: `TEE_Panic`, and what a Rust panic becomes.

use core::panic::PanicInfo;

use tee_abi::TeeResult;

use crate::trace::{self, Level};

/// `TEE_Panic`: the TA ends here, with all its sessions; clients see `TEE_ERROR_TARGET_DEAD`.
pub fn panic(code: TeeResult) -> ! {
    crate::arch::panic(code.0 as usize)
}

/// Logs where and why, then panics with code 0 as upstream's `abort` does.
#[cfg(target_os = "none")]
#[panic_handler]
fn rust_panic(info: &PanicInfo<'_>) -> ! {
    report(info);
    panic(TeeResult(0))
}

#[cfg_attr(
    not(target_os = "none"),
    expect(dead_code, reason = "std has the handler")
)]
fn report(info: &PanicInfo<'_>) {
    let (file, line) = info.location().map_or(("", 0), |l| (l.file(), l.line()));
    let name = file.as_bytes().rsplit(|byte| *byte == b'/').next();
    let name = name.and_then(|name| core::str::from_utf8(name).ok());
    trace::print(
        Level::Error,
        name.unwrap_or(file),
        line,
        format_args!("panic: {}", info.message()),
    );
}
