//! `teebox sign display`: the headers of a signed file in the words and layout of upstream's script.

use std::fmt::{self, Write as _};
use std::path::Path;

use ta_loader::header::{Bootstrap, Encrypted, Signed, SubHeader, Subkey};
use ta_loader::inspect::hex;
use ta_loader::verify::{signature_name, type_name};
use tee_abi::shdr::{ALG_AES_GCM, ENC_KEY_CLASS_WIDE, ENC_KEY_DEV_SPECIFIC, ImageType, SHDR_MAGIC};

use super::read;
use crate::error::{CliError, Exit};

/// Prints the headers of a file.
pub(super) fn run(path: &Path) -> Result<Exit, CliError> {
    let file = read(path, "TA")?;
    let mut out = String::new();
    let outcome = headers(&file, &mut out);
    print!("{out}");
    outcome.map(|()| Exit::Ok).map_err(|why| {
        CliError::input(
            format!("cannot display {}: {why}", path.display()),
            "give a file that `teebox sign` or sign_encrypt.py made",
        )
    })
}

/// Writes header after header; what was written before an error stays.
fn headers(file: &[u8], out: &mut String) -> Result<(), String> {
    let mut rest = file;
    loop {
        let start = file.len() - rest.len();
        let signed = Signed::parse(rest).map_err(|error| error.to_string())?;
        let offset = start + signed.image_range.start;
        // Writing to a String cannot fail.
        let _ = header(out, &signed, offset);
        let SubHeader::Subkey(subkey) = &signed.sub else {
            return Ok(());
        };
        if subkey.next.is_empty() {
            return Ok(());
        }
        rest = subkey.next;
        let _ = next(out, subkey, file.len() - rest.len());
    }
}

fn header(out: &mut String, signed: &Signed<'_>, offset: usize) -> fmt::Result {
    let title = match signed.img_type {
        ImageType::Ta => "TA",
        ImageType::Bootstrap => "Bootstrap TA",
        ImageType::Encrypted => "Encrypted TA",
        ImageType::Subkey => "Subkey",
    };
    writeln!(out, "{title}")?;
    writeln!(out, " struct shdr")?;
    writeln!(out, "  magic:      {SHDR_MAGIC:#010x}")?;
    let name = type_name(signed.img_type);
    writeln!(out, "  img_type:   {} ({name})", signed.img_type as u32)?;
    writeln!(out, "  img_size:   {} bytes", signed.img_size)?;
    writeln!(out, "  algo:       {}", algorithm(signed.algo))?;
    writeln!(out, "  hash_size:  {} bytes", signed.hash.len())?;
    writeln!(out, "  sig_size:   {} bytes", signed.signature.len())?;
    writeln!(out, "  hash:       {}", hex(signed.hash))?;
    match &signed.sub {
        SubHeader::None => {}
        SubHeader::Bootstrap(b) => bootstrap(out, b)?,
        SubHeader::Encrypted(b, e) => {
            bootstrap(out, b)?;
            encrypted(out, e)?;
        }
        SubHeader::Subkey(s) => return subkey(out, s),
    }
    let size = signed.image.len();
    writeln!(out, " TA offset:  {offset} ({offset:#x}) bytes")?;
    writeln!(out, " TA size:    {size} ({size:#x}) bytes")
}

fn algorithm(algo: u32) -> String {
    format!(
        "{algo:#010x} ({})",
        signature_name(algo).unwrap_or("Unknown")
    )
}

fn bootstrap(out: &mut String, b: &Bootstrap) -> fmt::Result {
    writeln!(out, " struct shdr_bootstrap_ta")?;
    writeln!(out, "  uuid:       {}", b.uuid)?;
    writeln!(out, "  ta_version: {}", b.ta_version)
}

fn encrypted(out: &mut String, e: &Encrypted<'_>) -> fmt::Result {
    let algo = if e.enc_algo == ALG_AES_GCM {
        "TEE_ALG_AES_GCM"
    } else {
        "Unknown"
    };
    let flags = match e.flags {
        ENC_KEY_DEV_SPECIFIC => "SHDR_ENC_KEY_DEV_SPECIFIC",
        ENC_KEY_CLASS_WIDE => "SHDR_ENC_KEY_CLASS_WIDE",
        _ => "Unknown",
    };
    writeln!(out, " struct shdr_encrypted_ta")?;
    writeln!(out, "  enc_algo:   {:#010x} ({algo})", e.enc_algo)?;
    writeln!(out, "  flags:      {:#x} ({flags})", e.flags)?;
    writeln!(out, "  iv_size:    {} (bytes)", e.iv.len())?;
    writeln!(out, "  iv:         {}", hex(e.iv))?;
    writeln!(out, "  tag_size:   {} (bytes)", e.tag.len())?;
    writeln!(out, "  tag:        {}", hex(e.tag))
}

fn subkey(out: &mut String, s: &Subkey<'_>) -> fmt::Result {
    writeln!(out, " struct shdr_subkey")?;
    writeln!(out, "  uuid:       {}", s.uuid)?;
    writeln!(out, "  name_size:  {}", s.name_size)?;
    writeln!(out, "  subkey_version: {}", s.version)?;
    writeln!(out, "  max_depth:  {}", s.max_depth)?;
    writeln!(out, "  algo:       {}", algorithm(s.algo))?;
    writeln!(out, "  attr_count: {}", s.attributes.len())
}

fn next(out: &mut String, subkey: &Subkey<'_>, offset: usize) -> fmt::Result {
    let name = subkey
        .name
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    writeln!(out, "  next name:  \"{name}\"")?;
    writeln!(out, "Next header at offset: {offset} ({offset:#x})")
}
