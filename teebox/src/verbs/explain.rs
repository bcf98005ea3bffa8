//! `teebox explain`: what a result means, and what usually causes it.

use clap::Args;
use serde::Serialize;
use tee_abi::{Origin, TeeResult};

use crate::error::{CliError, Exit};
use crate::scenario::result_code;

/// The arguments of `teebox explain`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  teebox explain 0xffff3024 --origin 3\n  teebox explain TEE_ERROR_BAD_PARAMETERS"
)]
pub struct ExplainArgs {
    /// A result: 0x…, decimal, or its name with or without TEE_ or TEEC_
    code: String,
    /// The origin beside it (1 API, 2 communication, 3 TEE, 4 Trusted Application)
    #[arg(long, value_name = "N")]
    origin: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Explanation {
    code: String,
    name: Option<String>,
    meaning: Option<&'static str>,
    origin: Option<&'static str>,
    causes: Vec<&'static str>,
}

/// Likely causes: result, origin where it matters, text.
const CAUSES: &[(TeeResult, Option<Origin>, &str)] = &[
    (
        TeeResult::ERROR_TARGET_DEAD,
        Some(Origin::Tee),
        "the TA panicked or aborted: its dump is in the TA log, with the call stack where --symbols finds the unstripped ELF",
    ),
    (
        TeeResult::ERROR_TARGET_DEAD,
        Some(Origin::Tee),
        "the session belongs to an instance that died in an earlier call: close it and open a new one",
    ),
    (
        TeeResult::ERROR_ITEM_NOT_FOUND,
        Some(Origin::Tee),
        "there is no UUID.ta on the TA search path: --ta, --ta-dir, $TEEBOX_TA_DIR, /lib/optee_armtz",
    ),
    (
        TeeResult::ERROR_ITEM_NOT_FOUND,
        Some(Origin::Tee),
        "the TA opens a pseudo-TA that is not there: the TA log names its UUID",
    ),
    (
        TeeResult::ERROR_ITEM_NOT_FOUND,
        Some(Origin::Api),
        "no world is listening: start the client by `teebox run`, or set TEEBOX_SOCKET to what `teebox serve` printed",
    ),
    (
        TeeResult::ERROR_ITEM_NOT_FOUND,
        Some(Origin::TrustedApp),
        "the TA looked for an object or a key that does not exist",
    ),
    (
        TeeResult::ERROR_SECURITY,
        Some(Origin::Tee),
        "the .ta file is damaged, signed by a key this world does not trust (--ta-key), or named after another UUID: `teebox verify FILE.ta` tells which",
    ),
    (
        TeeResult::ERROR_BUSY,
        Some(Origin::Tee),
        "a single-instance TA without multi-session already has a session, or a TA-to-TA call would close a circle",
    ),
    (
        TeeResult::ERROR_ACCESS_CONFLICT,
        None,
        "the persistent object is open with flags that exclude this access (TEE_DATA_FLAG_SHARE_READ, _SHARE_WRITE), or it exists and _OVERWRITE was not given",
    ),
    (
        TeeResult::ERROR_SHORT_BUFFER,
        None,
        "the output buffer is too small: the memref's size now holds what is needed",
    ),
    (
        TeeResult::ERROR_BAD_PARAMETERS,
        Some(Origin::TrustedApp),
        "the TA expected other parameter types: compare TEEC_PARAM_TYPES with its check of param_types",
    ),
    (
        TeeResult::ERROR_NOT_SUPPORTED,
        None,
        "a function that teebox lacks: the TA log names it once, `teebox syscalls` and `teebox algorithms` list what is there",
    ),
    (
        TeeResult::ERROR_OUT_OF_MEMORY,
        None,
        "the TA's heap (TA_DATA_SIZE) or stack is too small for the job",
    ),
    (
        TeeResult::ERROR_COMMUNICATION,
        Some(Origin::Comms),
        "the connection to the world broke: did `teebox serve` stop?",
    ),
    (
        TeeResult::ERROR_MAC_INVALID,
        None,
        "authenticated decryption or MAC comparison failed: wrong key, nonce, AAD or tag",
    ),
    (
        TeeResult::ERROR_CORRUPT_OBJECT,
        None,
        "an object's file in the storage directory was altered or belongs to another HUK",
    ),
];

/// Prints the explanation.
pub fn run(args: &ExplainArgs) -> Result<Exit, CliError> {
    let code = parse(&args.code)?;
    let origin = args.origin.map(origin).transpose()?;
    let explanation = Explanation {
        code: format!("{:#010x}", code.0),
        name: code.name().map(|name| format!("TEE_{name}")),
        meaning: code.meaning(),
        origin: origin.map(origin_text),
        causes: CAUSES
            .iter()
            .filter(|(c, o, _)| *c == code && (o.is_none() || origin.is_none() || *o == origin))
            .map(|(_, _, text)| *text)
            .collect(),
    };
    if args.json {
        println!("{}", super::json(&explanation)?);
    } else {
        print(&explanation);
    }
    Ok(Exit::Ok)
}

fn print(e: &Explanation) {
    let name = e
        .name
        .as_deref()
        .unwrap_or("(no GlobalPlatform or OP-TEE name)");
    println!("{} {name}", e.code);
    match e.meaning {
        Some(meaning) => println!("  {meaning}"),
        None => println!("  A value of the Trusted Application's own, or no result at all."),
    }
    if let Some(origin) = e.origin {
        println!("  {origin}");
    }
    for cause in &e.causes {
        println!("  - {cause}");
    }
}

fn parse(text: &str) -> Result<TeeResult, CliError> {
    result_code(text).map_err(|what| {
        CliError::usage(
            what,
            "give a number such as 0xffff0008, or a name such as TEE_ERROR_ITEM_NOT_FOUND",
        )
    })
}

fn origin(number: u32) -> Result<Origin, CliError> {
    Origin::from_number(number).ok_or_else(|| {
        CliError::usage(
            format!("`{number}` is no origin"),
            "origins are 1 (API) to 4 (Trusted Application)",
        )
    })
}

const fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Api => "Origin 1: the client library itself.",
        Origin::Comms => "Origin 2: between the client library and the TEE.",
        Origin::Tee => "Origin 3: the TEE, before or instead of the Trusted Application's code.",
        Origin::TrustedApp => "Origin 4: the Trusted Application returned it.",
    }
}
