//! `teebox sign`: the command line of upstream's `sign_encrypt.py`, option for option: `sign-enc`
//! (also when no sub-command is named), `digest`, `stitch`, `verify`, `display`, `subkey-uuid` and
//! `sign-subkey`.
//!
//! Files are byte-equal to the script's where nothing is random. Standard output is the script's;
//! exit codes are teebox's.

mod display;

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use clap::{ArgMatches, Args, FromArgMatches, Subcommand, ValueEnum};
use ring::rand::SystemRandom;
use ta_loader::PublicKey;
use ta_loader::sign::{EncryptionKey, SignError, SigningKey, TaIdentity, TaImage};
use tee_abi::Uuid;
use tee_abi::shdr::{
    ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256, ENC_KEY_CLASS_WIDE, ENC_KEY_DEV_SPECIFIC,
};

use super::verify;
use crate::error::{CliError, Exit};

const EXAMPLES: &str =
    "Without a command: sign-enc. The command line is that of OP-TEE's sign_encrypt.py.

Examples:
  teebox sign --uuid UUID --in UUID.stripped.elf --out UUID.ta --key key.pem
  teebox sign digest --uuid UUID --key public.pem --dig UUID.dig
  teebox sign stitch --uuid UUID --key public.pem --sig UUID.sig --out UUID.ta";

/// The arguments of `teebox sign`: a command with its options, or the options of `sign-enc`.
pub struct SignArgs {
    command: Command,
}

impl Args for SignArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        SignEnc::augment_args(Command::augment_subcommands(command))
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .after_help(EXAMPLES)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SignArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let command = if matches.subcommand_name().is_some() {
            Command::from_arg_matches(matches)?
        } else {
            Command::SignEnc(SignEnc::from_arg_matches(matches)?)
        };
        Ok(Self { command })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Subcommand)]
enum Command {
    /// Make a signed and, with --enc-key, encrypted TA file
    SignEnc(SignEnc),
    /// Make the digest of a TA file, for signing elsewhere
    #[command(visible_alias = "generate-digest")]
    Digest(Digest),
    /// Make a TA file with a signature made elsewhere
    #[command(visible_alias = "stitch-ta")]
    Stitch(Stitch),
    /// Verify a TA file
    Verify(verify::Upstream),
    /// Show the headers of a TA file
    Display(Display),
    /// Compute the UUID of the next TA or subkey (not yet supported)
    SubkeyUuid(SubkeyUuid),
    /// Sign a subkey (not yet supported)
    SignSubkey(SignSubkey),
}

// What all three commands that make a header are told. No doc comment: clap would take it for help.
#[derive(Args)]
struct Identity {
    /// UUID of the TA
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    uuid: Uuid,
    /// Version of the TA, for rollback protection
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_u32)]
    ta_version: u32,
    /// The TA's ELF file [default: UUID.stripped.elf]
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// RSA key in PEM form: private for sign-enc, at least public for the others
    #[arg(long, value_name = "PEM")]
    key: PathBuf,
    /// Encrypt the TA with this AES key (32 or 64 hexadecimal digits)
    #[arg(long, value_name = "HEX")]
    enc_key: Option<String>,
    /// What the encryption key is bound to
    #[arg(long, value_name = "TYPE", value_enum, default_value_t = EncKeyType::DevSpecific)]
    enc_key_type: EncKeyType,
    /// Hash and signature algorithm
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t = Algo::Pss)]
    algo: Algo,
}

#[derive(Args)]
struct SignEnc {
    #[command(flatten)]
    identity: Identity,
    /// The TA file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Subkey to sign below (not yet supported)
    #[arg(long, value_name = "FILE")]
    subkey: Option<PathBuf>,
    /// Name of the TA in the subkey's name space (not yet supported)
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args)]
struct Digest {
    #[command(flatten)]
    identity: Identity,
    /// The digest file to write, in base64
    #[arg(long, value_name = "FILE")]
    dig: PathBuf,
}

#[derive(Args)]
struct Stitch {
    #[command(flatten)]
    identity: Identity,
    /// The signature, in base64
    #[arg(long, value_name = "FILE")]
    sig: PathBuf,
    /// The TA file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args)]
struct Display {
    /// The TA file
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
}

#[derive(Args)]
struct SubkeyUuid {
    /// The subkey file
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Name of the next TA or subkey
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args)]
struct SignSubkey {
    /// Name of the subkey in its parent's name space
    #[arg(long)]
    name: Option<String>,
    /// Public key of the new subkey, in PEM form
    #[arg(long = "in", value_name = "PEM")]
    input: PathBuf,
    /// UUID of the subkey
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    uuid: Uuid,
    /// Private key to sign with
    #[arg(long, value_name = "PEM")]
    key: PathBuf,
    /// The subkey file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Levels of subkeys allowed below
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    max_depth: Option<u32>,
    /// Bytes reserved for the name of what the subkey signs
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    name_size: u32,
    /// The subkey above
    #[arg(long, value_name = "FILE")]
    subkey: Option<PathBuf>,
    /// Version of the subkey, for rollback protection
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_u32)]
    subkey_version: u32,
    /// Hash and signature algorithm
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t = Algo::Pss)]
    algo: Algo,
}

#[derive(Clone, Copy, ValueEnum)]
enum Algo {
    #[value(name = "TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256")]
    Pss,
    #[value(name = "TEE_ALG_RSASSA_PKCS1_V1_5_SHA256")]
    V15,
}

impl Algo {
    const fn number(self) -> u32 {
        match self {
            Self::Pss => ALG_RSA_PSS_SHA256,
            Self::V15 => ALG_RSA_V1_5_SHA256,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum EncKeyType {
    #[value(name = "SHDR_ENC_KEY_DEV_SPECIFIC")]
    DevSpecific,
    #[value(name = "SHDR_ENC_KEY_CLASS_WIDE")]
    ClassWide,
}

impl EncKeyType {
    const fn flags(self) -> u32 {
        match self {
            Self::DevSpecific => ENC_KEY_DEV_SPECIFIC,
            Self::ClassWide => ENC_KEY_CLASS_WIDE,
        }
    }
}

/// Runs it.
///
/// # Errors
/// [`CliError`] for a file or key that is unusable, and for what is not yet supported.
pub fn run(args: &SignArgs) -> Result<Exit, CliError> {
    match &args.command {
        Command::SignEnc(args) => sign_enc(args),
        Command::Digest(args) => digest(args),
        Command::Stitch(args) => stitch(args),
        Command::Verify(args) => verify::upstream(args),
        Command::Display(args) => display::run(&args.input),
        Command::SubkeyUuid(_) => Err(not_yet("subkey-uuid")),
        Command::SignSubkey(_) => Err(not_yet("sign-subkey")),
    }
}

fn not_yet(what: &str) -> CliError {
    CliError::usage(
        format!("sign: {what} is not yet supported (subkeys, signed header type 3)"),
        "use sign_encrypt.py of OP-TEE for subkeys, or sign the TA with a trusted key itself",
    )
}

fn sign_enc(args: &SignEnc) -> Result<Exit, CliError> {
    if args.subkey.is_some() || args.name.is_some() {
        return Err(not_yet("--subkey"));
    }
    let identity = &args.identity;
    let key = SigningKey::from_pem(&read_pem(&identity.key)?)
        .map_err(|error| unusable_key(&identity.key, &error))?;
    let elf = identity.elf()?;
    let image = identity.image(&elf, key.public())?;
    let file = image
        .sign(&key, &SystemRandom::new())
        .map_err(|error| identity.cannot(&error))?;
    write(&args.out, &file)
}

fn digest(args: &Digest) -> Result<Exit, CliError> {
    let elf = args.identity.elf()?;
    let image = args
        .identity
        .image(&elf, &public_key(&args.identity.key)?)?;
    write(&args.dig, Base64::encode_string(&image.digest()).as_bytes())
}

fn stitch(args: &Stitch) -> Result<Exit, CliError> {
    let shown = args.sig.display();
    let text = read(&args.sig, "signature")?;
    let text: String = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte))
        .collect();
    let signature = Base64::decode_vec(&text).map_err(|_| {
        CliError::input(
            format!("signature file {shown} is not base64"),
            "encode the signature with `base64`",
        )
    })?;
    let key = public_key(&args.identity.key)?;
    let elf = args.identity.elf()?;
    let file = args
        .identity
        .image(&elf, &key)?
        .stitch(&key, &signature)
        .map_err(|error| CliError {
            exit: match error {
                SignError::SignatureMismatch => Exit::Refused,
                _ => Exit::Input,
            },
            what: format!("cannot stitch {shown} to the TA: {error}"),
            hint: "sign the digest that `teebox sign digest` made of the same file".to_owned(),
        })?;
    write(&args.out, &file)
}

impl Identity {
    fn elf(&self) -> Result<Vec<u8>, CliError> {
        let default = || PathBuf::from(format!("{}.stripped.elf", self.uuid));
        read(&self.input.clone().unwrap_or_else(default), "TA")
    }

    fn image<'a>(&self, elf: &'a [u8], key: &PublicKey) -> Result<TaImage<'a>, CliError> {
        let identity = TaIdentity {
            uuid: self.uuid,
            ta_version: self.ta_version,
            algo: self.algo.number(),
        };
        let image = match &self.enc_key {
            None => TaImage::plain(identity, elf, key),
            Some(digits) => {
                let encryption = EncryptionKey {
                    key: &parse_enc_key(digits)?,
                    flags: self.enc_key_type.flags(),
                };
                TaImage::encrypted(identity, elf, key, encryption, &SystemRandom::new())
            }
        };
        image.map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &SignError) -> CliError {
        CliError::input(format!("cannot sign TA {}: {error}", self.uuid), "")
    }
}

/// The public half of the key in a PEM file.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, CliError> {
    PublicKey::from_pem(&read_pem(path)?).map_err(|error| unusable_key(path, &error))
}

fn read_pem(path: &Path) -> Result<String, CliError> {
    if path.to_string_lossy().starts_with("arn:") {
        return Err(CliError::usage(
            format!("key {}: keys in AWS KMS are not supported", path.display()),
            "sign elsewhere between `teebox sign digest` and `teebox sign stitch`",
        ));
    }
    let bytes = read(path, "key")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unusable_key(path: &Path, error: &dyn std::error::Error) -> CliError {
    CliError::input(
        format!("key {}: {error}", path.display()),
        "give --key an RSA key in PEM form, private where something is to be signed",
    )
}

/// Reads a file, naming what it was for when that fails.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|error| {
        CliError::input(
            format!("cannot read {what} {}: {error}", path.display()),
            "",
        )
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<Exit, CliError> {
    fs::write(path, bytes).map_err(|error| {
        CliError::input(format!("cannot write {}: {error}", path.display()), "")
    })?;
    Ok(Exit::Ok)
}

/// The bytes of an AES key in hexadecimal digits.
pub(super) fn parse_enc_key(digits: &str) -> Result<Vec<u8>, CliError> {
    let wrong = || {
        CliError::usage(
            "--enc-key is not a sequence of hexadecimal digits",
            "give 32 or 64 digits",
        )
    };
    let nibbles: Option<Vec<u8>> = digits
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    let nibbles = nibbles.ok_or_else(wrong)?;
    let (pairs, rest) = nibbles.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// A UUID in any form that Python's `uuid.UUID` reads: with or without hyphens, braces, `urn:uuid:`.
pub(super) fn parse_uuid(text: &str) -> Result<Uuid, String> {
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let digits: Option<Vec<u8>> = bare
        .trim_matches(['{', '}'])
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.unwrap_or_default();
    let octets: Vec<u8> = digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| high << 4 | low)
        .collect();
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) if digits.len() == 32 => Ok(Uuid(octets)),
        _ => Err("a UUID has 32 hexadecimal digits".to_owned()),
    }
}

/// A number as Python's `int(text, 0)` reads it, within 32 bits.
fn parse_u32(text: &str) -> Result<u32, String> {
    let bare = text.trim().replace('_', "").to_ascii_lowercase();
    let (digits, radix) = match bare.get(..2) {
        Some("0x") => (bare.get(2..), 16),
        Some("0o") => (bare.get(2..), 8),
        Some("0b") => (bare.get(2..), 2),
        _ => (Some(bare.as_str()), 10),
    };
    u32::from_str_radix(digits.unwrap_or_default(), radix).map_err(|error| error.to_string())
}
