//! What `sign` writes: the layout of upstream's script, bit by bit.

mod support;

use ring::rand::SystemRandom;
use support::{DEV_KEY, uuid};
use ta_loader::key::sha256;
use ta_loader::sign::{SignError, SigningKey, TaIdentity, TaImage};
use ta_loader::{PublicKey, Signed, Trust};
use tee_abi::shdr::{ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256};

const ELF: &[u8] = b"the image";

fn identity(algo: u32) -> TaIdentity {
    TaIdentity {
        uuid: uuid(),
        ta_version: 0x0102_0304,
        algo,
    }
}

#[test]
fn a_signed_file_is_header_hash_signature_uuid_version_image() {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    let image = TaImage::plain(identity(ALG_RSA_V1_5_SHA256), ELF, key.public()).unwrap();
    let file = image.sign(&key, &SystemRandom::new()).unwrap();
    #[rustfmt::skip]
    let shdr = [
        0x48, 0x53, 0x54, 0x4f, 1, 0, 0, 0, 9, 0, 0, 0, 0x30, 0x48, 0x00, 0x70, 32, 0, 0, 1,
    ];
    let tail = [&uuid().0[..], &[4, 3, 2, 1], ELF].concat();
    assert_eq!(file[..20], shdr);
    assert_eq!(file[20..52], sha256(&[&shdr, &tail]));
    assert_eq!(file[52 + 256..], tail);
    let again = image.sign(&key, &SystemRandom::new()).unwrap();
    assert_eq!(file, again, "PKCS#1 v1.5 signatures are deterministic");
}

#[test]
fn a_signature_made_elsewhere_is_stitched_once_it_fits() {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    let public = PublicKey::from_pem(include_str!("keys/dev_public.pem")).unwrap();
    let image = TaImage::plain(identity(ALG_RSA_PSS_SHA256), ELF, &public).unwrap();
    assert_eq!(image.digest(), sha256(&[&image.message()]));
    let elsewhere = key
        .sign(ALG_RSA_PSS_SHA256, &image.message(), &SystemRandom::new())
        .unwrap();
    let file = image.stitch(&public, &elsewhere).unwrap();
    let mut trust = Trust::default();
    trust.add("public", public.clone());
    assert!(trust.verify(&file, Some(uuid())).is_ok());
    let short = image.stitch(&public, &elsewhere[1..]).unwrap_err();
    assert_eq!(
        short,
        SignError::SignatureSize {
            found: 255,
            expected: 256
        }
    );
    let other = TaImage::plain(identity(ALG_RSA_PSS_SHA256), b"another image", &public).unwrap();
    assert_eq!(
        other.stitch(&public, &elsewhere),
        Err(SignError::SignatureMismatch)
    );
}

#[test]
fn a_key_in_pkcs1_form_signs_as_well() {
    let key = SigningKey::from_pem(include_str!("keys/dev_rsa_private.pem")).unwrap();
    let image = TaImage::plain(identity(ALG_RSA_PSS_SHA256), ELF, key.public()).unwrap();
    let file = image.sign(&key, &SystemRandom::new()).unwrap();
    let signed = Signed::parse(&file).unwrap();
    assert_eq!(
        (signed.image, signed.uuid(), signed.version()),
        (ELF, Some(uuid()), Some(0x0102_0304))
    );
}

#[test]
fn algorithms_and_key_lengths_beyond_the_format_are_refused() {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    assert_eq!(
        TaImage::plain(identity(1), ELF, key.public()).unwrap_err(),
        SignError::Algorithm(1)
    );
    assert_eq!(
        key.sign(1, b"", &SystemRandom::new()),
        Err(SignError::Algorithm(1))
    );
    let encryption = ta_loader::sign::EncryptionKey {
        key: &[0; 24],
        flags: 0,
    };
    let random = SystemRandom::new();
    let identity = identity(ALG_RSA_PSS_SHA256);
    assert_eq!(
        TaImage::encrypted(identity, ELF, key.public(), encryption, &random).unwrap_err(),
        SignError::EncryptionKey(24)
    );
}
