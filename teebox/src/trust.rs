//! What a world trusts and finds: keys and TA files from the world options.

use std::fs;
use std::path::Path;

use ta_loader::{PublicKey, Trust};
use tee_abi::Uuid;

use crate::cli::WorldOptions;
use crate::error::CliError;

/// Largest TA file that is read.
const MAX_TA: u64 = 256 << 20;

/// Upstream's default key, the development key of teebox's own kit, and those of `--ta-key`.
///
/// # Errors
/// A key file that cannot be read or is no RSA key.
pub fn trust(options: &WorldOptions) -> Result<Trust, CliError> {
    let mut trust = Trust::upstream_default();
    trust.add("default_dev.pem", PublicKey::development_default());
    trust.allow_unsigned = options.allow_unsigned;
    for path in &options.ta_key {
        let text = fs::read_to_string(path).map_err(|error| {
            CliError::input(
                format!("cannot read key {}: {error}", path.display()),
                "give --ta-key the PEM file of the key that signed the TA",
            )
        })?;
        let key = PublicKey::from_pem(&text).map_err(|error| {
            CliError::input(
                format!("{} is no key of a TA's signature: {error}", path.display()),
                "give --ta-key an RSA key in PEM form, public or private",
            )
        })?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        trust.add(name.to_string_lossy(), key);
    }
    Ok(trust)
}

/// The bytes of a TA file.
///
/// # Errors
/// When it cannot be read, or is too large to be one.
pub fn read_ta(path: &Path) -> Result<Vec<u8>, CliError> {
    let shown = path.display();
    let wrong = |why: String| {
        CliError::input(
            format!("cannot load {shown}: {why}"),
            "give the path of a signed TA, UUID.ta",
        )
    };
    let facts = fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !facts.is_file() {
        return Err(wrong("it is no file".to_owned()));
    }
    if facts.len() > MAX_TA {
        return Err(wrong(format!(
            "{} bytes; {MAX_TA} is the most",
            facts.len()
        )));
    }
    fs::read(path).map_err(|error| wrong(error.to_string()))
}

/// The UUID that a file's name promises, where it promises one.
#[must_use]
pub fn uuid_of_name(path: &Path) -> Option<Uuid> {
    path.file_stem()?.to_str()?.parse().ok()
}
