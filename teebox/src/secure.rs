//! The cryptography that `tee-core` asks for, from the libraries that provide it, and the world's
//! device identity from the world options.

use std::fs;

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::U16;
use hmac::{Hmac, Mac};
use litebox::Platform;
use platform_linux::LinuxPlatform;
use sha2::{Digest, Sha256};
use tee_core::{Config, HUK_LEN, StorageCrypto};

use crate::cli::WorldOptions;
use crate::error::CliError;

type Gcm = AesGcm<aes::Aes128, U16>;

/// RustCrypto's primitives, random bytes of the kernel.
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
        Ok(Self { platform })
    }
}

impl StorageCrypto for WorldCrypto {
    fn random(&mut self, out: &mut [u8]) {
        self.platform.random(out);
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().into()
    }

    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes a key of any length, so this cannot fail.
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(key) else { return [0; 32] };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    fn aes256_encrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        aes::Aes256::new(key.into()).encrypt_block(block.into());
    }

    fn aes256_decrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        aes::Aes256::new(key.into()).decrypt_block(block.into());
    }

    fn aes128_gcm_seal(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> [u8; 16] {
        // Only lengths beyond 2^36 bytes are refused, and blocks have 4096.
        Gcm::new(key.into())
            .encrypt_in_place_detached(iv.into(), aad, data)
            .map_or([0; 16], Into::into)
    }

    fn aes128_gcm_open(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        Gcm::new(key.into()).decrypt_in_place_detached(iv.into(), aad, data, tag.into()).is_ok()
    }
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
    let Some(dir) = &options.storage else { return Ok(huk) };
    let path = dir.join(HUK_FILE);
    if let Ok(bytes) = fs::read(&path) {
        return parse_huk(&bytes).ok_or_else(|| {
            CliError::input(format!("{} holds no HUK", path.display()), "remove it, with the storage it belongs to")
        });
    }
    let cannot = |error: std::io::Error| {
        CliError::host(format!("cannot keep the HUK in {}: {error}", path.display()), "")
    };
    fs::create_dir_all(dir).map_err(cannot)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(cannot)?;
    file.write_all(&huk).and_then(|()| file.sync_all()).map_err(cannot)?;
    Ok(huk)
}
