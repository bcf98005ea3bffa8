//! Which files a world accepts, and what it says of the others.

mod support;

use support::{DEV_KEY, signed, signed_as, uuid};
use ta_loader::sign::{EncryptionKey, SigningKey, TaIdentity, TaImage};
use ta_loader::{HeaderError, KeyError, Provenance, PublicKey, Trust, VerifyError};
use tee_abi::shdr::{ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256, ImageType};
use tee_abi::{TeeResult, Uuid};

const IMAGE: &[u8] = b"not an ELF file, but that is not for the signature to say";

fn dev() -> Trust {
    let mut trust = Trust::upstream_default();
    trust.add("default_dev.pem", PublicKey::development_default());
    trust
}

#[test]
fn a_file_signed_with_a_trusted_key_is_accepted() {
    let file = signed(IMAGE);
    let verified = dev().verify(&file, Some(uuid())).unwrap();
    assert_eq!(&*verified.image, IMAGE);
    assert_eq!((verified.uuid, verified.version), (Some(uuid()), Some(7)));
    let Provenance::Signed {
        key,
        algo,
        fingerprint,
    } = verified.provenance
    else {
        panic!("it is signed");
    };
    assert_eq!(
        (key.as_str(), algo),
        ("default_dev.pem", ALG_RSA_PSS_SHA256)
    );
    assert_eq!(fingerprint, PublicKey::development_default().fingerprint());
}

#[test]
fn both_signature_algorithms_and_the_legacy_type_are_accepted() {
    let bootstrap = [&uuid().0[..], &3u32.to_le_bytes()].concat();
    for algo in [ALG_RSA_PSS_SHA256, ALG_RSA_V1_5_SHA256] {
        let file = signed_as(1, algo, &bootstrap, IMAGE);
        assert_eq!(&*dev().verify(&file, Some(uuid())).unwrap().image, IMAGE);
        let legacy = signed_as(0, algo, &[], IMAGE);
        let verified = dev().verify(&legacy, Some(uuid())).unwrap();
        assert_eq!((&*verified.image, verified.uuid), (IMAGE, None));
    }
}

#[test]
fn every_flipped_bit_is_refused_as_a_security_fault() {
    let mut file = signed(IMAGE);
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        let error = dev().verify(&file, Some(uuid())).unwrap_err();
        assert_eq!(
            error.result(),
            TeeResult::ERROR_SECURITY,
            "bit {bit}: {error}"
        );
        file[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(dev().verify(&file, Some(uuid())).is_ok());
}

#[test]
fn every_truncation_and_every_byte_too_many_is_refused() {
    let mut file = signed(IMAGE);
    for len in 0..file.len() {
        let error = dev().verify(&file[..len], Some(uuid())).unwrap_err();
        assert_eq!(
            error.result(),
            TeeResult::ERROR_SECURITY,
            "{len} bytes: {error}"
        );
    }
    file.push(0);
    let error = dev().verify(&file, Some(uuid())).unwrap_err();
    assert!(
        matches!(error, VerifyError::Header(HeaderError::ImageSize { .. })),
        "{error}"
    );
}

#[test]
fn a_key_that_is_not_trusted_is_refused_with_the_trusted_ones_named() {
    let error = Trust::upstream_default()
        .verify(&signed(IMAGE), None)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "its signature was made by none of the keys that this world trusts \
         (default_ta.pem ec00a6a57c4a34f1)"
    );
    assert_eq!(
        error.hint(),
        "pass --ta-key KEY.pem with the public key of its signer"
    );
    assert_eq!(error.result(), TeeResult::ERROR_SECURITY);
}

#[test]
fn a_file_named_after_another_ta_is_refused() {
    let error = dev().verify(&signed(IMAGE), Some(Uuid::NIL)).unwrap_err();
    assert_eq!(
        error,
        VerifyError::Uuid {
            header: uuid(),
            expected: Uuid::NIL
        }
    );
    assert_eq!(error.result(), TeeResult::ERROR_SECURITY);
}

#[test]
fn a_bare_elf_is_accepted_only_where_that_is_allowed() {
    let elf = b"\x7fELF and so on";
    let error = dev().verify(elf, None).unwrap_err();
    assert_eq!(
        (error.clone(), error.result()),
        (VerifyError::Unsigned, TeeResult::ERROR_SECURITY)
    );
    let trust = Trust {
        allow_unsigned: true,
        ..Trust::default()
    };
    let verified = trust.verify(elf, Some(uuid())).unwrap();
    assert_eq!(
        (&*verified.image, verified.provenance),
        (&elf[..], Provenance::Unsigned)
    );
}

#[test]
fn a_file_that_is_neither_says_so() {
    let error = dev().verify(b"#!/bin/sh\n", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a signed TA: it starts with 0x622f2123, a signed header with 0x4f545348 (\"HSTO\")"
    );
}

#[test]
fn a_subkey_is_named_as_not_supported() {
    let mut subkey = uuid().0.to_vec();
    for word in [0u32, 1, 0, ALG_RSA_PSS_SHA256, 0] {
        subkey.extend(word.to_le_bytes());
    }
    let mut file = signed_as(3, ALG_RSA_PSS_SHA256, &[], &subkey);
    file.extend(signed(IMAGE));
    let error = dev().verify(&file, Some(uuid())).unwrap_err();
    assert_eq!(error, VerifyError::NotSupported(ImageType::Subkey));
    assert_eq!(
        error.to_string(),
        "signed header type 3 (SHDR_SUBKEY) is not yet supported"
    );
}

#[test]
fn an_encrypted_ta_needs_its_key() {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    let random = ring::rand::SystemRandom::new();
    let identity = TaIdentity {
        uuid: uuid(),
        ta_version: 0,
        algo: ALG_RSA_PSS_SHA256,
    };
    for len in [16, 32] {
        let aes = vec![0x5a; len];
        let encryption = EncryptionKey {
            key: &aes,
            flags: 0,
        };
        let image = TaImage::encrypted(identity, IMAGE, key.public(), encryption, &random).unwrap();
        let file = image.sign(&key, &random).unwrap();
        assert!(!file.windows(IMAGE.len()).any(|window| window == IMAGE));
        let refused = dev().verify(&file, Some(uuid())).unwrap_err();
        assert_eq!(refused, VerifyError::NotSupported(ImageType::Encrypted));
        let verified = dev()
            .verify_with_key(&file, Some(uuid()), Some(&aes))
            .unwrap();
        assert_eq!(&*verified.image, IMAGE);
        let wrong = dev()
            .verify_with_key(&file, Some(uuid()), Some(&vec![0; len]))
            .unwrap_err();
        assert_eq!(wrong.result(), TeeResult::ERROR_SECURITY);
    }
}

#[test]
fn an_unknown_algorithm_is_named() {
    let mut file = signed(IMAGE);
    file[12..16].copy_from_slice(&0x7042_4930u32.to_le_bytes());
    let error = dev().verify(&file, None).unwrap_err();
    assert_eq!(error, VerifyError::Algorithm(0x7042_4930));
}

#[test]
fn a_key_is_read_from_each_form_of_pem() {
    let expected = PublicKey::development_default();
    for text in [
        DEV_KEY,
        include_str!("keys/dev_rsa_private.pem"),
        include_str!("keys/dev_public.pem"),
        include_str!("keys/dev_rsa_public.pem"),
    ] {
        assert_eq!(PublicKey::from_pem(text), Ok(expected.clone()));
        let surrounded = format!("some words\n{text}and more\n");
        assert_eq!(PublicKey::from_pem(&surrounded), Ok(expected.clone()));
    }
}

#[test]
fn unusable_keys_are_told_apart() {
    let of = |text| PublicKey::from_pem(text).unwrap_err();
    assert_eq!(of(""), KeyError::NotPem);
    assert_eq!(of("-----BEGIN PRIVATE KEY-----\n"), KeyError::NotPem);
    assert_eq!(
        of(include_str!("keys/small.pem")),
        KeyError::Size { bits: 1024 }
    );
    assert_eq!(of(include_str!("keys/elliptic.pem")), KeyError::NotRsa);
    let certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(of(certificate), KeyError::Label("CERTIFICATE".to_owned()));
    let hollow = "-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----\n";
    assert_eq!(of(hollow), KeyError::Content);
    let public = SigningKey::from_pem(include_str!("keys/dev_public.pem")).unwrap_err();
    assert_eq!(public, KeyError::NotPrivate);
    assert_eq!(PublicKey::new(&[0xff; 256], &[2]), Err(KeyError::Exponent));
}
