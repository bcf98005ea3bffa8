//! The three clocks: system time, the TA's persistent time, REE time; and waiting.
//!
//! Persistent time is an offset to system time that the secure world keeps for each TA, as
//! upstream does. Times are `TEE_Time`: u32 seconds, u32 milliseconds below 1000.

use litebox::{AddressSpace, Platform, UserPtr};
use tee_abi::TeeResult;
use tee_abi::core::{Reply, Request, SecureCore};

use crate::SysResult;
use crate::instance::{Host, Instance};
use crate::world::World;

const CAT_SYSTEM: u64 = 0;
const CAT_TA_PERSISTENT: u64 = 1;
const CAT_REE: u64 = 2;

/// Milliseconds of a full turn of the u32 seconds.
const TURN_MS: i128 = (1 << 32) * 1000;

impl<H: Host> Instance<H> {
    fn system_ms(&self) -> i128 {
        i128::from(u64::try_from(self.platform.monotonic().as_millis()).unwrap_or(u64::MAX))
    }

    /// Writes a time; the seconds wrap.
    fn put_time(&mut self, time: UserPtr, ms: i128) -> SysResult {
        let ms = ms.rem_euclid(TURN_MS);
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&((ms / 1000) as u32).to_le_bytes());
        bytes[4..].copy_from_slice(&((ms % 1000) as u32).to_le_bytes());
        Ok(time.write(self.mm.space_mut(), &bytes)?)
    }

    /// `_utee_get_time`.
    pub(crate) fn get_time(&mut self, cat: u64, time: UserPtr) -> SysResult {
        match cat {
            CAT_SYSTEM => self.put_time(time, self.system_ms()),
            CAT_TA_PERSISTENT => self.get_ta_time(time),
            CAT_REE => match self.world.call(Request::ReeTime)? {
                Reply::Time { seconds, millis } => {
                    let ms = i128::from(seconds) * 1000 + i128::from(millis.min(999));
                    self.put_time(time, ms)
                }
                _ => Err(TeeResult::ERROR_COMMUNICATION.into()),
            },
            _ => Err(TeeResult::ERROR_BAD_PARAMETERS.into()),
        }
    }

    fn get_ta_time(&mut self, time: UserPtr) -> SysResult {
        let Reply::TimeOffset(offset) = self.world.call(Request::TaTimeOffset)? else {
            return Err(TeeResult::ERROR_COMMUNICATION.into());
        };
        let ms = self.system_ms() + i128::from(offset);
        self.put_time(time, ms)?;
        if (0..TURN_MS).contains(&ms) {
            Ok(())
        } else {
            Err(TeeResult::ERROR_OVERFLOW.into())
        }
    }

    /// `_utee_set_ta_time`.
    pub(crate) fn set_ta_time(&mut self, time: UserPtr) -> SysResult {
        let bytes: [u8; 8] = self.mm.space().load(time.0)?;
        let word = u64::from_le_bytes(bytes);
        let (seconds, millis) = (word as u32, (word >> 32) as u32);
        if millis >= 1000 {
            return Err(TeeResult::ERROR_BAD_PARAMETERS.into());
        }
        let wanted = i128::from(seconds) * 1000 + i128::from(millis);
        let offset_ms =
            i64::try_from(wanted - self.system_ms()).map_err(|_| TeeResult::ERROR_OVERFLOW)?;
        self.world.call(Request::SetTaTimeOffset { offset_ms })?;
        Ok(())
    }

    /// `_utee_wait`.
    pub(crate) fn wait(&mut self, timeout: u64) -> SysResult {
        let cancellable = !self.session()?.cancel_masked;
        let millis = u32::try_from(timeout).unwrap_or(u32::MAX);
        if self.world.wait(millis, cancellable) {
            return Err(TeeResult::ERROR_CANCEL.into());
        }
        Ok(())
    }
}
