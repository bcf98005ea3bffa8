//! The cryptography that `tee-core` asks for, from the libraries that provide it, and the world's
//! device identity from the world options.

use std::fs;

use litebox::Platform;
use platform_linux::LinuxPlatform;
use tee_abi::Uuid;
use tee_abi::algorithms::{
    TEE_ALG_AES_ECB_NOPAD as AES_ECB_NOPAD, TEE_ALG_AES_GCM as AES_GCM,
    TEE_ALG_HMAC_SHA256 as HMAC_SHA256, TEE_ALG_SHA256 as SHA256,
};
use tee_core::{Config, HUK_LEN, StorageCrypto};
use tee_crypto::{Crypto, Direction, Error, Provider};

use crate::cli::WorldOptions;
use crate::error::CliError;

/// The provider's primitives, random bytes of the kernel.
pub struct WorldCrypto {
    platform: LinuxPlatform,
}

impl WorldCrypto {
    /// With the kernel's random bytes.
    ///
    /// # Errors
    /// When standard error cannot be duplicated for the platform's log.
    pub fn new() -> Result<Self, CliError> {
        let platform = LinuxPlatform::with_stderr()
            .map_err(|errno| CliError::host(format!("no standard error to log to: {errno}"), ""))?;
        Provider::init();
        Ok(Self { platform })
    }
}

fn sha256(parts: &[&[u8]]) -> Result<[u8; 32], Error> {
    let mut hash = Provider::hash(SHA256)?;
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 32];
    hash.finish(&mut out);
    Ok(out)
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], Error> {
    let mut mac = Provider::mac(HMAC_SHA256, key)?;
    parts.iter().for_each(|part| mac.update(part));
    let mut out = [0; 32];
    mac.finish(&mut out)?;
    Ok(out)
}

fn ecb(direction: Direction, key: &[u8], block: &mut [u8; 16]) -> Result<(), Error> {
    Provider::cipher(AES_ECB_NOPAD, direction, key, &[], &[])?.update(block, true)
}

fn gcm_seal(key: &[u8; 16], iv: &[u8; 16], aad: &[u8], data: &mut [u8]) -> Result<[u8; 16], Error> {
    let mut ae = Provider::ae(
        AES_GCM,
        Direction::Encrypt,
        key,
        iv,
        16,
        aad.len(),
        data.len(),
    )?;
    ae.update_aad(aad)?;
    let tag = ae.finish_encrypt(data, 16)?;
    tag.try_into().map_err(|_| Error::Generic)
}

fn gcm_open(
    key: &[u8; 16],
    iv: &[u8; 16],
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8; 16],
) -> Result<(), Error> {
    let mut ae = Provider::ae(
        AES_GCM,
        Direction::Decrypt,
        key,
        iv,
        16,
        aad.len(),
        data.len(),
    )?;
    ae.update_aad(aad)?;
    ae.finish_decrypt(data, tag)
}

/// The provider knows these algorithms at these key sizes and these lengths; what it answers
/// otherwise is its defect, and no key may be made of it.
fn known<T>(done: Result<T, Error>) -> T {
    done.unwrap_or_else(|error| {
        eprintln!("teebox: a defect: the cryptographic library refuses trusted storage: {error:?}");
        std::process::abort()
    })
}

/// The authentication code of an emulated RPMB device's frames.
#[must_use]
pub fn rpmb_mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    known(hmac_sha256(key, parts))
}

impl StorageCrypto for WorldCrypto {
    fn random(&mut self, out: &mut [u8]) {
        self.platform.random(out);
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        known(sha256(parts))
    }

    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        known(hmac_sha256(key, parts))
    }

    fn aes128_encrypt(&self, key: &[u8; 16], block: &mut [u8; 16]) {
        known(ecb(Direction::Encrypt, key, block));
    }

    fn aes128_decrypt(&self, key: &[u8; 16], block: &mut [u8; 16]) {
        known(ecb(Direction::Decrypt, key, block));
    }

    fn aes256_encrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        known(ecb(Direction::Encrypt, key, block));
    }

    fn aes256_decrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        known(ecb(Direction::Decrypt, key, block));
    }

    fn aes128_gcm_seal(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> [u8; 16] {
        known(gcm_seal(key, iv, aad, data))
    }

    fn aes128_gcm_open(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        gcm_open(key, iv, aad, data, tag).is_ok()
    }
}

/// `HUK_SUBKEY_DIE_ID`.
const USAGE_DIE_ID: u32 = 2;
/// Bytes of the die's identity that go into the device's.
const DIE_ID_LEN: usize = 12;

/// `gpd.tee.deviceID`: a version-5 UUID of `OPTEE` and the die's identity, which is derived from the
/// HUK. The fields are those of a `TEE_UUID` in memory.
#[must_use]
pub fn device_id(device: &Config) -> Uuid {
    let die = known(hmac_sha256(&device.huk, &[&USAGE_DIE_ID.to_le_bytes()]));
    let hash = known(sha256(&[b"OPTEE", &die[..DIE_ID_LEN]]));
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&hash[..16]);
    uuid[7] = uuid[7] & 0x0f | 0x50;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    Uuid::from_memory(uuid)
}

/// Name of the file beside the storage directory's files that holds a random HUK.
const HUK_FILE: &str = ".huk";

/// The device: upstream's stub, a key from a file, or a random one kept beside the storage.
///
/// # Errors
/// A key file that cannot be read or does not hold a key.
pub fn device(options: &WorldOptions) -> Result<Config, CliError> {
    let mut config = Config::default();
    match options.huk.as_deref() {
        None => {}
        Some("random") => config.huk = random_huk(options)?,
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| {
                CliError::input(format!("cannot read HUK {path}: {error}"), HUK_HINT)
            })?;
            config.huk = parse_huk(&bytes)
                .ok_or_else(|| CliError::input(format!("{path} holds no HUK"), HUK_HINT))?;
        }
    }
    Ok(config)
}

const HUK_HINT: &str = "give --huk a file of 16 bytes or 32 hexadecimal digits, or `random`";

fn parse_huk(bytes: &[u8]) -> Option<[u8; HUK_LEN]> {
    if let Ok(huk) = bytes.try_into() {
        return Some(huk);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let mut huk = [0; HUK_LEN];
    if text.len() != 2 * HUK_LEN || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in huk.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(huk)
}

/// A key that is made once for a storage directory; a temporary world gets a new one.
fn random_huk(options: &WorldOptions) -> Result<[u8; HUK_LEN], CliError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let mut huk = [0; HUK_LEN];
    WorldCrypto::new()?.random(&mut huk);
    let Some(dir) = &options.storage else {
        return Ok(huk);
    };
    let path = dir.join(HUK_FILE);
    if let Ok(bytes) = fs::read(&path) {
        return parse_huk(&bytes).ok_or_else(|| {
            CliError::input(
                format!("{} holds no HUK", path.display()),
                "remove it, with the storage it belongs to",
            )
        });
    }
    let cannot = |error: std::io::Error| {
        CliError::host(
            format!("cannot keep the HUK in {}: {error}", path.display()),
            "",
        )
    };
    fs::create_dir_all(dir).map_err(cannot)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(cannot)?;
    file.write_all(&huk)
        .and_then(|()| file.sync_all())
        .map_err(cannot)?;
    Ok(huk)
}
