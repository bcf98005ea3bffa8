//! The facts of a TA file, for people and for JSON: headers, who signed them, what the ELF asks for.
//!
//! Nothing here decides whether a TA is loaded, and nothing here fails: a part that cannot be read
//! is reported as the reason why.

mod calls;
mod properties;
mod syscalls;
mod text;

use alloc::borrow::{Cow, ToOwned};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use tee_abi::shdr::ImageType;
use tee_abi::ta::{FLAGS, TaHead};
use tee_abi::{TeeResult, Uuid};

pub use properties::Property;
pub use syscalls::LinkedSyscall;

use crate::elf::{Elf, PAGE};
use crate::header::{Signed, SubHeader};
use crate::key::{Fingerprint, PublicKey, sha256};
use crate::memory::prot;
use crate::plan::{LoadPlan, PlanError};
use crate::reloc;
use crate::verify::{Trust, checked_message, signature_name, type_name};

/// `TEE_ATTR_RSA_MODULUS`.
const ATTR_RSA_MODULUS: u32 = 0xd000_0130;
/// `TEE_ATTR_RSA_PUBLIC_EXPONENT`.
const ATTR_RSA_PUBLIC_EXPONENT: u32 = 0xd000_0230;

/// Most signed headers that are followed.
const MAX_HEADERS: usize = 16;

/// Everything about a file.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Bytes in the file.
    pub size: usize,
    /// SHA-256 of the whole file.
    pub sha256: String,
    /// Signed headers, outermost first; none in a bare ELF.
    pub headers: Vec<Header>,
    /// Why no further header could be read.
    pub header_error: Option<String>,
    /// Whether a world with these keys would load it.
    pub verdict: Verdict,
    /// The ELF file inside.
    pub elf: Option<ElfFacts>,
    /// Why the ELF file could not be read.
    pub elf_error: Option<String>,
}

/// What a world says to a file.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Whether it is accepted.
    pub accepted: bool,
    /// The reason for refusing.
    pub reason: Option<String>,
    /// The next step.
    pub hint: Option<String>,
    /// What the client would see.
    pub result: Option<String>,
}

impl Verdict {
    fn of(outcome: Result<(), (String, Option<String>, TeeResult)>) -> Self {
        let (reason, hint, result) = match outcome {
            Ok(()) => (None, None, None),
            Err((reason, hint, result)) => (Some(reason), hint, Some(result.to_string())),
        };
        Self {
            accepted: reason.is_none(),
            reason,
            hint,
            result,
        }
    }
}

/// A signed header.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    /// Where it starts in the file.
    pub offset: usize,
    /// `img_type`.
    pub img_type: u32,
    /// Its name.
    pub type_name: &'static str,
    /// Bytes of the image.
    pub img_size: u32,
    /// Where the image starts in the file.
    pub img_offset: usize,
    /// Signature algorithm, `TEE_ALG_*`.
    pub algo: String,
    /// Its name.
    pub algo_name: Option<&'static str>,
    /// The stored hash.
    pub hash: String,
    /// Whether header and image hash to it; none where that cannot be told (encrypted).
    pub hash_matches: Option<bool>,
    /// Bytes of the signature.
    pub sig_size: usize,
    /// The key that made the signature, if it is known.
    pub signed_by: Option<Signer>,
    /// The TA's or the subkey's UUID.
    pub uuid: Option<Uuid>,
    /// The TA's or the subkey's version.
    pub version: Option<u32>,
    /// How the image is encrypted.
    pub encryption: Option<Encryption>,
    /// The key that the header carries.
    pub subkey: Option<SubkeyFacts>,
}

/// A key that made a signature.
#[derive(Clone, Debug, Serialize)]
pub struct Signer {
    /// The name it is trusted under, or `subkey` and its UUID.
    pub name: String,
    /// SHA-256 of its modulus.
    pub fingerprint: String,
    /// Its size.
    pub bits: usize,
}

/// `struct shdr_encrypted_ta`.
#[derive(Clone, Debug, Serialize)]
pub struct Encryption {
    /// `TEE_ALG_*`.
    pub algo: String,
    /// `SHDR_ENC_KEY_*`.
    pub flags: u32,
    /// Initialization vector.
    pub iv: String,
    /// Authentication tag.
    pub tag: String,
}

/// `struct shdr_subkey`.
#[derive(Clone, Debug, Serialize)]
pub struct SubkeyFacts {
    /// SHA-256 of its modulus.
    pub fingerprint: Option<String>,
    /// How many levels of subkeys may follow.
    pub max_depth: u32,
    /// The name from which the UUID of what follows is made.
    pub next_name: String,
}

/// The ELF file inside.
#[derive(Clone, Debug, Serialize)]
pub struct ElfFacts {
    /// `aarch64`, `arm` or `x86_64`.
    pub machine: &'static str,
    /// Whether it is a shared library, which has no `.ta_head`.
    pub is_library: bool,
    /// Entry point relative to the load address.
    pub entry: u64,
    /// Whether the entry point stands in `.ta_head`, as before OP-TEE 3.11.
    pub is_legacy: bool,
    /// `.ta_head`.
    pub head: Option<HeadFacts>,
    /// Properties of `gpd.tee.currentTA`.
    pub properties: Vec<Property>,
    /// Bytes of address space from the load address.
    pub span: u64,
    /// What is mapped.
    pub segments: Vec<SegmentFacts>,
    /// Sections by name.
    pub sections: Vec<SectionFacts>,
    /// Libraries it needs, by UUID.
    pub needed: Vec<Uuid>,
    /// Bytes of thread-local storage.
    pub tls_size: Option<u64>,
    /// How often each relocation type occurs.
    pub relocations: BTreeMap<String, usize>,
    /// Symbols that other modules must define.
    pub undefined: Vec<String>,
    /// Syscall stubs in its code.
    pub syscalls: Vec<LinkedSyscall>,
    /// Whether it carries the symbols and line tables that dumps are decoded with.
    pub has_debug_info: bool,
}

/// `struct ta_head`.
#[derive(Clone, Debug, Serialize)]
pub struct HeadFacts {
    /// The TA's identity.
    pub uuid: Uuid,
    /// Stack size in bytes.
    pub stack_size: u32,
    /// `TA_FLAG_*` as a number.
    pub flags: u32,
    /// `TA_FLAG_*` by name.
    pub flag_names: Vec<&'static str>,
}

/// A mapped segment.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentFacts {
    /// Address relative to the load address.
    pub vaddr: u64,
    /// Bytes from the file.
    pub filesz: usize,
    /// Bytes mapped.
    pub memsz: u64,
    /// As in `r-x`.
    pub prot: String,
}

/// A section.
#[derive(Clone, Debug, Serialize)]
pub struct SectionFacts {
    /// Its name.
    pub name: String,
    /// Address relative to the load address.
    pub vaddr: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Report {
    /// Looks at a file with the eyes of a world that trusts `trust`; `expected` is the UUID that
    /// its name promises.
    #[must_use]
    pub fn new(file: &[u8], expected: Option<Uuid>, trust: &Trust) -> Self {
        let mut headers = Vec::new();
        let walked = walk(file, trust, &mut headers);
        let (image, header_error) = match walked {
            Ok(image) => (image, None),
            Err(reason) => (None, Some(reason)),
        };
        let plan = image.map(LoadPlan::detect);
        let verdict = verdict(file, expected, trust);
        let (elf, elf_error) = match &plan {
            Some(Ok(plan)) => (Some(ElfFacts::new(plan)), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self {
            size: file.len(),
            sha256: hex(&sha256(&[file])),
            headers,
            header_error,
            verdict,
            elf,
            elf_error,
        }
    }

    /// As text for people.
    #[must_use]
    pub fn to_text(&self, name: &str) -> String {
        text::render(self, name)
    }
}

/// What a world says: signature, then whether the ELF can be loaded.
fn verdict(file: &[u8], expected: Option<Uuid>, trust: &Trust) -> Verdict {
    let verified = match trust.verify(file, expected) {
        Ok(verified) => verified,
        Err(error) => {
            let hint = Some(error.hint().to_owned());
            return Verdict::of(Err((error.to_string(), hint, error.result())));
        }
    };
    let planned = LoadPlan::detect(&verified.image).and_then(|plan| {
        if let Some(expected) = expected.or(verified.uuid) {
            plan.check_uuid(expected)?;
        }
        // An undefined symbol may be in a library, so only what lies within counts.
        plan.relocations().map_err(PlanError::from)
    });
    Verdict::of(
        planned
            .map(|_| ())
            .map_err(|error| (error.to_string(), None, error.result())),
    )
}

/// Follows the signed headers to the image: none when it is encrypted or the file ends before.
fn walk<'a>(
    file: &'a [u8],
    trust: &Trust,
    headers: &mut Vec<Header>,
) -> Result<Option<&'a [u8]>, String> {
    if file.starts_with(b"\x7fELF") {
        return Ok(Some(file));
    }
    let mut trust = Cow::Borrowed(trust);
    let mut rest = file;
    while headers.len() < MAX_HEADERS {
        let offset = file.len() - rest.len();
        let signed = Signed::parse(rest).map_err(|error| error.to_string())?;
        headers.push(Header::new(&signed, offset, &trust));
        match &signed.sub {
            SubHeader::None | SubHeader::Bootstrap(_) => return Ok(Some(signed.image)),
            SubHeader::Encrypted(..) => return Ok(None),
            SubHeader::Subkey(subkey) => {
                let mut next = Trust::default();
                if let Some(key) = subkey_key(&subkey.attributes) {
                    next.add(format!("subkey {}", subkey.uuid), key);
                }
                trust = Cow::Owned(next);
                rest = subkey.next;
            }
        }
        if rest.is_empty() {
            return Ok(None);
        }
    }
    Err(format!("more than {MAX_HEADERS} signed headers"))
}

fn subkey_key(attributes: &[(u32, &[u8])]) -> Option<PublicKey> {
    let find = |wanted| {
        attributes
            .iter()
            .find(|(id, _)| *id == wanted)
            .map(|(_, value)| *value)
    };
    PublicKey::new(find(ATTR_RSA_MODULUS)?, find(ATTR_RSA_PUBLIC_EXPONENT)?).ok()
}

impl Header {
    fn new(signed: &Signed<'_>, offset: usize, trust: &Trust) -> Self {
        let message = checked_message(signed, signed.image);
        let signed_by = message.as_ref().ok().and_then(|(message, _)| {
            trust
                .keys
                .iter()
                .find(|trusted| trusted.key.verify(signed.algo, message, signed.signature))
                .map(|trusted| Signer {
                    name: trusted.name.clone(),
                    fingerprint: long(&trusted.key.fingerprint()),
                    bits: trusted.key.modulus().len() * 8,
                })
        });
        let is_encrypted = signed.img_type == ImageType::Encrypted;
        let (encryption, subkey) = sub_header(&signed.sub);
        Self {
            offset,
            img_type: signed.img_type as u32,
            type_name: type_name(signed.img_type),
            img_size: signed.img_size,
            img_offset: offset.saturating_add(signed.image_range.start),
            algo: format!("{:#010x}", signed.algo),
            algo_name: signature_name(signed.algo),
            hash: hex(signed.hash),
            hash_matches: (!is_encrypted).then_some(message.is_ok()),
            sig_size: signed.signature.len(),
            signed_by,
            uuid: signed.uuid(),
            version: signed.version(),
            encryption,
            subkey,
        }
    }
}

fn sub_header(sub: &SubHeader<'_>) -> (Option<Encryption>, Option<SubkeyFacts>) {
    match sub {
        SubHeader::None | SubHeader::Bootstrap(_) => (None, None),
        SubHeader::Encrypted(_, e) => {
            let encryption = Encryption {
                algo: format!("{:#010x}", e.enc_algo),
                flags: e.flags,
                iv: hex(e.iv),
                tag: hex(e.tag),
            };
            (Some(encryption), None)
        }
        SubHeader::Subkey(s) => {
            let name = s.name.split(|byte| *byte == 0).next().unwrap_or_default();
            let facts = SubkeyFacts {
                fingerprint: subkey_key(&s.attributes).map(|key| long(&key.fingerprint())),
                max_depth: s.max_depth,
                next_name: String::from_utf8_lossy(name).into_owned(),
            };
            (None, Some(facts))
        }
    }
}

fn long(fingerprint: &Fingerprint) -> String {
    format!("{fingerprint:#}")
}

impl ElfFacts {
    fn new(plan: &LoadPlan<'_>) -> Self {
        let elf = plan.elf();
        let pointers = properties::pointers(plan);
        Self {
            machine: plan.machine().arch(),
            is_library: plan.head().is_none(),
            entry: plan.elf_entry(),
            is_legacy: plan.is_legacy(),
            head: plan.head().map(head),
            properties: properties::read(plan, &pointers),
            span: plan.span(),
            segments: plan.segments().iter().map(segment).collect(),
            sections: sections(elf),
            needed: plan.needed().to_vec(),
            tls_size: plan.tls().map(|tls| tls.memsz),
            relocations: relocations(plan),
            undefined: undefined(plan),
            syscalls: syscalls::linked(plan, &pointers),
            has_debug_info: elf.section(".debug_line").is_some(),
        }
    }
}

fn head(head: &TaHead) -> HeadFacts {
    HeadFacts {
        uuid: head.uuid,
        stack_size: head.stack_size,
        flags: head.flags,
        flag_names: FLAGS
            .iter()
            .filter(|(bit, _, _)| head.flags & bit != 0)
            .map(|(_, name, _)| *name)
            .collect(),
    }
}

fn segment(segment: &crate::Segment<'_>) -> SegmentFacts {
    let bit = |bit, c| if segment.prot & bit != 0 { c } else { '-' };
    SegmentFacts {
        vaddr: segment.vaddr,
        filesz: segment.data.len(),
        memsz: segment.len.next_multiple_of(PAGE),
        prot: [bit(prot::R, 'r'), bit(prot::W, 'w'), bit(prot::X, 'x')]
            .into_iter()
            .collect(),
    }
}

fn sections(elf: &Elf<'_>) -> Vec<SectionFacts> {
    elf.shdrs
        .iter()
        .skip(1)
        .map(|section| SectionFacts {
            name: elf.section_name(section).to_owned(),
            vaddr: section.sh_addr,
            size: section.sh_size,
        })
        .collect()
}

fn relocations(plan: &LoadPlan<'_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (relocation, _) in plan.relocations().unwrap_or_default() {
        *counts
            .entry(reloc::name(plan.machine(), relocation.r_type))
            .or_default() += 1;
    }
    counts
}

fn undefined(plan: &LoadPlan<'_>) -> Vec<String> {
    let symbols = plan.symbols();
    (1..symbols.count(plan.elf()))
        .filter_map(|index| symbols.get(plan.elf(), index))
        .filter(|sym| sym.st_shndx == 0 && sym.st_bind() != goblin::elf::sym::STB_LOCAL)
        .filter_map(|sym| symbols.name(&sym))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
