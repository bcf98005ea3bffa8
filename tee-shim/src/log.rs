//! The log: TA output as the TA wrote it, and lines of our own in OP-TEE's layout.

use alloc::format;
use alloc::string::String;

use litebox::{AddressSpace, Platform, UserPtr};
use tee_abi::TeeResult;

use crate::SysResult;
use crate::instance::{Host, Instance};

/// Longest text one `_utee_log` may carry.
const MAX_LOG: u64 = 64 * 1024;

/// The level of a line in OP-TEE's layout (`D/TA: …`); what is in another layout is always printed.
fn level(line: &str) -> u8 {
    match line.as_bytes() {
        [b'I', b'/', ..] => 2,
        [b'D', b'/', ..] => 3,
        [b'F', b'/', ..] => 4,
        _ => 0,
    }
}

impl<H: Host> Instance<H> {
    /// `_utee_log`: text of any length, newlines included, from a TA that formatted it.
    pub(crate) fn log(&mut self, buf: UserPtr, len: u64) -> SysResult {
        if len == 0 {
            return Ok(());
        }
        if len > MAX_LOG {
            return Err(TeeResult::ERROR_OUT_OF_MEMORY.into());
        }
        let bytes = self.mm.space().read_vec(buf.0, len)?;
        let text = bytes.split(|b| *b == 0).next().unwrap_or(&[]);
        for line in String::from_utf8_lossy(text)
            .trim_end_matches('\n')
            .split('\n')
        {
            if level(line) <= self.config.log_level {
                self.platform.log(line);
            }
        }
        Ok(())
    }

    /// A line of the core's, at error level.
    pub(crate) fn log_core(&mut self, text: &str) {
        self.platform.log(&format!("E/TC:? 0 {text}"));
    }

    /// Names a syscall that is not there, once for each instance.
    #[allow(
        dead_code,
        reason = "no row of the table is missing; one that is would call it"
    )]
    pub(crate) fn log_unsupported(&mut self, name: &'static str, why: &'static str) {
        if self.state.reported.insert(name) {
            let uuid = self.config.uuid;
            self.log_core(&format!(
                "syscall {name} is not supported ({why}): TA {uuid}"
            ));
        }
    }

    /// Names a number that is no live syscall, once for each instance.
    pub(crate) fn log_unsupported_number(&mut self, number: u64) {
        if self.state.reported.insert("number") {
            let uuid = self.config.uuid;
            let what = if tee_abi::syscalls::is_deprecated(number) {
                "of the removed Secure Element API"
            } else {
                "unknown"
            };
            self.log_core(&format!("syscall number {number} is {what}: TA {uuid}"));
        }
    }
}
