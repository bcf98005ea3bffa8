//! Keys from the hardware unique key, as OP-TEE derives them.
//!
//! ```text
//! HUK ─HMAC(chip id ‖ label)─▶ SSK ─HMAC(TA UUID, or one zero byte)─▶ TSK ─AES-256─▶ FEK of a file
//!   └─HMAC(usage ‖ data)─▶ other subkeys
//! ```
//! Source: `core/kernel/huk_subkey.c` with `CFG_CORE_HUK_SUBKEY_COMPAT`, its default, and
//! `core/tee/tee_fs_key_manager.c`.

use tee_abi::Uuid;

use crate::crypto::StorageCrypto;

/// Length of the hardware unique key.
pub const HUK_LEN: usize = 16;
/// The hardware unique key of a platform that overrides nothing.
pub const STUB_HUK: [u8; HUK_LEN] = [0; HUK_LEN];
/// What stands for the chip's identity in the storage key's derivation.
pub const STUB_CHIP_ID: [u8; 32] = *b"BEEFBEEFBEEFBEEFBEEFBEEFBEEFBEEF";

const SSK_LABEL: &[u8] = b"ONLY_FOR_tee_fs_ssk\0";
const USAGE_UNIQUE_TA: u32 = 3;

/// The device that this secure world pretends to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// The hardware unique key.
    pub huk: [u8; HUK_LEN],
    /// The chip's identity.
    pub chip_id: [u8; 32],
    /// Whether the hash of `dirf.db` is kept in RPMB, so that no old state of the storage directory
    /// is taken for the present one (`CFG_REE_FS_INTEGRITY_RPMB`). It needs an RPMB device.
    pub anchored: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            huk: STUB_HUK,
            chip_id: STUB_CHIP_ID,
            anchored: false,
        }
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An object of this TA.
    Ta(Uuid),
    /// `dirf.db`, which is nobody's.
    Directory,
}

/// The keys of a world.
pub(crate) struct Keys {
    huk: [u8; HUK_LEN],
    ssk: [u8; 32],
}

impl Keys {
    pub(crate) fn new(crypto: &impl StorageCrypto, config: &Config) -> Self {
        Self {
            huk: config.huk,
            ssk: crypto.hmac_sha256(&config.huk, &[&config.chip_id, SSK_LABEL]),
        }
    }

    /// The key that wraps the file keys of this owner (TSK).
    pub(crate) fn storage_key(&self, crypto: &impl StorageCrypto, owner: Owner) -> [u8; 32] {
        match owner {
            Owner::Ta(uuid) => crypto.hmac_sha256(&self.ssk, &[&uuid.to_memory()]),
            Owner::Directory => crypto.hmac_sha256(&self.ssk, &[&[0]]),
        }
    }

    /// The key of the RPMB device with this identification.
    pub(crate) fn rpmb(&self, crypto: &impl StorageCrypto, cid: &[u8; 16]) -> [u8; 32] {
        crypto.hmac_sha256(&self.huk, &[cid])
    }

    /// The key that `PTA_SYSTEM_DERIVE_TA_UNIQUE_KEY` yields, before it is cut to length.
    pub(crate) fn ta_unique(
        &self,
        crypto: &impl StorageCrypto,
        uuid: Uuid,
        extra: &[u8],
    ) -> [u8; 32] {
        crypto.hmac_sha256(
            &self.huk,
            &[&USAGE_UNIQUE_TA.to_le_bytes(), &uuid.to_memory(), extra],
        )
    }
}
