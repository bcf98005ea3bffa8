//! `sign`, `verify` and `inspect` as users call them: files, standard output, exit codes.

#[path = "../../ta-loader/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{Elf, uuid};
use ta_loader::Machine;

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ta-loader/tests/keys");
const DEV_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ta/keys/default_dev.pem");

/// A folder of a test's own, with the ELF file that upstream's script takes by default.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let elf = Elf::main(Machine::AArch64).build();
        fs::write(path.join(format!("{}.stripped.elf", uuid())), elf).unwrap();
        Self(path)
    }

    /// Runs teebox in the folder.
    fn teebox(&self, line: &str) -> (i32, String, String) {
        let line = line.replace("UUID", &uuid().to_string());
        let output: Output = Command::new(env!("CARGO_BIN_EXE_teebox"))
            .args(line.split_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn good(&self, line: &str) -> String {
        let (code, out, err) = self.teebox(line);
        assert_eq!((code, err.as_str()), (0, ""), "{line}");
        out
    }

    /// Exit code and standard error.
    fn bad(&self, line: &str) -> (i32, String) {
        let (code, out, err) = self.teebox(line);
        assert_eq!(out, "", "{line}");
        (code, err)
    }
}

#[test]
fn what_sign_writes_verify_accepts() {
    let folder = Folder::new("what_sign_writes");
    for options in [
        "",
        "sign-enc",
        "--algo TEE_ALG_RSASSA_PKCS1_V1_5_SHA256 --ta-version 0x10",
    ] {
        folder.good(&format!(
            "sign {options} --uuid UUID --out UUID.ta --key {DEV_KEY}"
        ));
        let out = folder.good("verify UUID.ta");
        assert!(
            out.contains(
                "UUID.ta: good, signed by default_dev.pem bc3c0338fef60e71"
                    .replace("UUID", &uuid().to_string())
                    .as_str()
            ),
            "{out}"
        );
        let upstream = folder.good(&format!("verify --uuid UUID --in UUID.ta --key {DEV_KEY}"));
        assert_eq!(upstream, format!("TA UUID: {}\n", uuid()));
        let upstream = folder.good(&format!(
            "sign verify --uuid UUID --in UUID.ta --key {DEV_KEY}"
        ));
        assert_eq!(upstream, format!("TA UUID: {}\n", uuid()));
    }
}

#[test]
fn display_prints_what_upstreams_script_prints() {
    let folder = Folder::new("display");
    folder.good(&format!(
        "sign --uuid UUID --out x.ta --key {DEV_KEY} --ta-version 5"
    ));
    let out = folder.good("sign display --in x.ta");
    let file = fs::read(folder.0.join("x.ta")).unwrap();
    let hash: String = file[20..52]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let size = file.len() - 328;
    let expected = format!(
        "Bootstrap TA\n struct shdr\n  magic:      0x4f545348\n  img_type:   1 (SHDR_BOOTSTRAP_TA)\n  \
         img_size:   {size} bytes\n  algo:       0x70414930 (TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256)\n  \
         hash_size:  32 bytes\n  sig_size:   256 bytes\n  hash:       {hash}\n struct shdr_bootstrap_ta\n  \
         uuid:       {}\n  ta_version: 5\n TA offset:  328 (0x148) bytes\n TA size:    {size} ({size:#x}) bytes\n",
        uuid()
    );
    assert_eq!(out, expected);
}

#[test]
fn a_ta_is_signed_elsewhere_between_digest_and_stitch() {
    let folder = Folder::new("stitch");
    let v15 = "--algo TEE_ALG_RSASSA_PKCS1_V1_5_SHA256";
    folder.good(&format!(
        "sign --uuid UUID --out online.ta --key {DEV_KEY} {v15}"
    ));
    let public = format!("--key {KEYS}/dev_public.pem");
    folder.good(&format!("sign digest --uuid UUID --dig d {public} {v15}"));
    let online = fs::read(folder.0.join("online.ta")).unwrap();
    let digest = base64(&online[20..52]);
    assert_eq!(fs::read_to_string(folder.0.join("d")).unwrap(), digest);
    // Wrapped, as `base64` prints it.
    let signature = base64(&online[52..308]);
    let (first, second) = signature.split_at(76);
    fs::write(folder.0.join("s"), format!("{first}\n{second}\n")).unwrap();
    folder.good(&format!(
        "sign stitch --uuid UUID --sig s --out offline.ta {public} {v15}"
    ));
    assert_eq!(fs::read(folder.0.join("offline.ta")).unwrap(), online);
    let (code, err) = folder.bad(&format!(
        "sign stitch-ta --uuid UUID --ta-version 1 --sig s --out no.ta {public} {v15}"
    ));
    assert_eq!(code, 1);
    assert!(
        err.contains("the signature was not made by this key over this image"),
        "{err}"
    );
    assert!(!folder.0.join("no.ta").exists());
}

#[test]
fn an_encrypted_ta_is_verified_with_its_key() {
    let folder = Folder::new("encrypted");
    let key = "000102030405060708090a0b0c0d0e0f";
    folder.good(&format!(
        "sign --uuid UUID --out UUID.ta --key {DEV_KEY} --enc-key {key}"
    ));
    let verify = format!("verify --uuid UUID --in UUID.ta --key {DEV_KEY}");
    assert_eq!(
        folder.good(&format!("{verify} --enc-key {key}")),
        format!("TA UUID: {}\n", uuid())
    );
    let (code, err) = folder.bad(&format!("{verify} --enc-key {}", key.replace('0', "1")));
    assert_eq!(code, 1);
    assert!(
        err.contains("hint: give the AES key that the TA was encrypted with"),
        "{err}"
    );
    let (code, out, _) = folder.teebox("verify UUID.ta");
    assert_eq!(code, 1);
    assert!(
        out.contains("signed header type 2 (SHDR_ENCRYPTED_TA) is not yet supported"),
        "{out}"
    );
}

#[test]
fn a_refused_file_is_told_with_reason_result_and_hint() {
    let folder = Folder::new("refused");
    folder.good(&format!(
        "sign --uuid UUID --out UUID.ta --key {KEYS}/stranger.pem"
    ));
    let (code, out, _) = folder.teebox("verify UUID.ta");
    assert_eq!(code, 1);
    let expected = format!(
        "{}.ta: REFUSED: its signature was made by none of the keys that this world trusts \
         (default_ta.pem ec00a6a57c4a34f1, default_dev.pem bc3c0338fef60e71)\n  \
         a client sees 0xffff000f (TEE_ERROR_SECURITY), origin 3 (TEE)\n  \
         hint: pass --ta-key KEY.pem with the public key of its signer\n",
        uuid()
    );
    assert_eq!(out, expected);
    folder.good(&format!("verify --ta-key {KEYS}/stranger.pem UUID.ta"));
    let other = "00000000-0000-0000-0000-000000000001.ta";
    fs::copy(
        folder.0.join(format!("{}.ta", uuid())),
        folder.0.join(other),
    )
    .unwrap();
    let (code, out, _) = folder.teebox(&format!(
        "verify --ta-key {KEYS}/stranger.pem {other} --json"
    ));
    assert_eq!(code, 1);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[0]["accepted"], false);
    assert_eq!(
        json[0]["hint"],
        "name the file UUID.ta after the UUID in its header"
    );
}

#[test]
fn unusable_input_ends_with_a_line_and_a_hint() {
    let folder = Folder::new("unusable");
    let sign = "sign --uuid UUID --out x.ta --key";
    let cases = [
        (
            format!("{sign} {KEYS}/dev_public.pem"),
            3,
            "it is a public key, signing needs a private one",
        ),
        (
            format!("{sign} {KEYS}/small.pem"),
            3,
            "an RSA key of 1024 bits; 2048 to 8192 are accepted",
        ),
        (
            format!("{sign} {KEYS}/elliptic.pem"),
            3,
            "the key is not an RSA key",
        ),
        (
            format!("{sign} {KEYS}/README.md"),
            3,
            "no PEM text of a public or private key",
        ),
        (
            format!("{sign} nowhere.pem"),
            3,
            "cannot read key nowhere.pem: No such file",
        ),
        (
            format!("{sign} arn:aws:kms:x"),
            2,
            "keys in AWS KMS are not supported",
        ),
        (
            format!("{sign} {DEV_KEY} --in nowhere"),
            3,
            "cannot read TA nowhere: No such file",
        ),
        (
            format!("{sign} {DEV_KEY} --enc-key 0g"),
            2,
            "not a sequence of hexadecimal digits",
        ),
        (
            format!("{sign} {DEV_KEY} --enc-key 00"),
            3,
            "an encryption key of 1 bytes",
        ),
        (
            format!("{sign} {DEV_KEY} --subkey k"),
            2,
            "--subkey is not yet supported",
        ),
        (
            "sign subkey-uuid --in k".to_owned(),
            2,
            "subkey-uuid is not yet supported",
        ),
        (
            "sign --uuid 12 --out x --key y".to_owned(),
            2,
            "a UUID has 32 hexadecimal digits",
        ),
        ("sign".to_owned(), 2, "required arguments were not provided"),
        (
            "verify".to_owned(),
            2,
            "required arguments were not provided",
        ),
        (
            "verify nowhere.ta".to_owned(),
            3,
            "cannot load nowhere.ta: No such file",
        ),
        (
            "inspect nowhere.ta".to_owned(),
            3,
            "cannot load nowhere.ta: No such file",
        ),
    ];
    for (line, code, message) in cases {
        let (found, err) = folder.bad(&line);
        assert_eq!(found, code, "{line}: {err}");
        assert!(err.contains(message), "{line}: {err}");
    }
    assert!(!folder.0.join("x.ta").exists());
}

#[test]
fn uuids_and_numbers_are_read_as_python_reads_them() {
    let folder = Folder::new("python");
    let digits = uuid().to_string().replace('-', "").to_uppercase();
    for form in [
        digits.clone(),
        format!("{{{digits}}}"),
        format!("urn:uuid:{}", uuid()),
    ] {
        folder.good(&format!(
            "sign --uuid {form} --out x.ta --key {DEV_KEY} --ta-version 0b1_01"
        ));
        let out = folder.good("sign display --in x.ta");
        assert!(
            out.contains(&format!("uuid:       {}\n  ta_version: 5\n", uuid())),
            "{out}"
        );
    }
}

#[test]
fn inspect_shows_a_file_as_text_and_as_json() {
    let folder = Folder::new("inspect");
    folder.good(&format!("sign --uuid UUID --out UUID.ta --key {DEV_KEY}"));
    let text = folder.good("inspect UUID.ta");
    assert!(text.contains("  verdict      accepted\n"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&folder.good("inspect --json UUID.ta")).unwrap();
    assert_eq!(json[0]["file"], format!("{}.ta", uuid()));
    assert_eq!(json[0]["headers"][0]["uuid"], uuid().to_string());
    assert_eq!(json[0]["elf"]["machine"], "aarch64");
    let bare = folder.good("inspect UUID.stripped.elf");
    assert!(
        bare.contains("refused: it is an ELF without a signed header"),
        "{bare}"
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(bytes)
}
