//! Project Wycheproof's vectors: known answers, and attempts that must be refused.

use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::algorithms as alg;
use tee_abi::attributes as attr;
use tee_abi::objects as obj;
use wycheproof::{EllipticCurve, HashFunction, TestResult};

use super::ta::{Attr, Ta};

const ENCRYPT: u32 = 0;
const DECRYPT: u32 = 1;

/// Whether an outcome is one that a vector allows.
fn fits<T>(result: TestResult, outcome: &Result<T, TeeResult>) -> bool {
    match result {
        TestResult::Valid => outcome.is_ok(),
        TestResult::Invalid => outcome.is_err(),
        TestResult::Acceptable => true,
    }
}

fn digest(ta: &mut Ta, algo: u32, data: &[u8]) -> Vec<u8> {
    ta.digest(algo, 5, 0, &[data], 64).unwrap()
}

const fn hash_algo(hash: HashFunction) -> Option<u32> {
    Some(match hash {
        HashFunction::Sha1 => alg::TEE_ALG_SHA1,
        HashFunction::Sha2_224 => alg::TEE_ALG_SHA224,
        HashFunction::Sha2_256 => alg::TEE_ALG_SHA256,
        HashFunction::Sha2_384 => alg::TEE_ALG_SHA384,
        HashFunction::Sha2_512 => alg::TEE_ALG_SHA512,
        _ => return None,
    })
}

#[test]
fn aead() {
    use wycheproof::aead::{TestName, TestSet};
    for (name, algo) in [
        (TestName::AesGcm, alg::TEE_ALG_AES_GCM),
        (TestName::AesCcm, alg::TEE_ALG_AES_CCM),
    ] {
        let mut ta = Ta::new();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let what = alloc::format!("{name:?} {} {}", test.tc_id, test.comment);
                // OP-TEE shortens a nonce that leaves no room for the length; see `Ccm`.
                if algo == alg::TEE_ALG_AES_CCM && !(7..=13).contains(&(group.nonce_size / 8)) {
                    continue;
                }
                let key = ta.secret(obj::TEE_TYPE_AES, &test.key).unwrap();
                let op = ta.op(algo, DECRYPT, key, 0).unwrap();
                let tag_len = test.tag.len() as u64;
                let (aad_len, len) = (test.aad.len() as u64, test.ct.len() as u64);
                let opened = ta
                    .ae_init(op, &test.nonce, tag_len, aad_len, len)
                    .and_then(|()| ta.ae_aad(op, &test.aad))
                    .and_then(|()| ta.ae_open(op, &test.ct, &test.tag));
                ta.free(op).unwrap();
                assert!(fits(test.result, &opened), "{what}: {opened:?}");
                if test.result == TestResult::Valid {
                    assert_eq!(opened.unwrap(), *test.pt, "{what}");
                    let key = ta.secret(obj::TEE_TYPE_AES, &test.key).unwrap();
                    let op = ta.op(algo, ENCRYPT, key, 0).unwrap();
                    ta.ae_init(op, &test.nonce, tag_len, aad_len, len).unwrap();
                    ta.ae_aad(op, &test.aad).unwrap();
                    let (ct, tag) = ta.ae_seal(op, &test.pt, 16).0.unwrap();
                    ta.free(op).unwrap();
                    assert_eq!((&ct[..], &tag[..]), (&test.ct[..], &test.tag[..]), "{what}");
                }
            }
        }
    }
}

#[test]
fn xts() {
    use wycheproof::cipher::{TestName, TestSet};
    let mut ta = Ta::new();
    for group in TestSet::load(TestName::AesXts).unwrap().test_groups {
        for test in group.tests.iter().filter(|t| t.result == TestResult::Valid) {
            let (key, tweak) = test.key.split_at(test.key.len() / 2);
            for (mode, from, to) in [(ENCRYPT, &test.pt, &test.ct), (DECRYPT, &test.ct, &test.pt)] {
                let keys = [key, tweak].map(|k| ta.secret(obj::TEE_TYPE_AES, k).unwrap());
                let mut iv = test.nonce.to_vec();
                iv.resize(16, 0);
                let out = ta.cipher(alg::TEE_ALG_AES_XTS, mode, keys, &iv, &[from]);
                assert_eq!(out.unwrap(), **to, "{}", test.tc_id);
            }
        }
    }
}

#[test]
fn macs() {
    use wycheproof::mac::{TestName, TestSet};
    let mut ta = Ta::new();
    for (name, algo, ty) in [
        (TestName::AesCmac, alg::TEE_ALG_AES_CMAC, obj::TEE_TYPE_AES),
        (
            TestName::HmacSha1,
            alg::TEE_ALG_HMAC_SHA1,
            obj::TEE_TYPE_HMAC_SHA1,
        ),
        (
            TestName::HmacSha224,
            alg::TEE_ALG_HMAC_SHA224,
            obj::TEE_TYPE_HMAC_SHA224,
        ),
        (
            TestName::HmacSha256,
            alg::TEE_ALG_HMAC_SHA256,
            obj::TEE_TYPE_HMAC_SHA256,
        ),
        (
            TestName::HmacSha384,
            alg::TEE_ALG_HMAC_SHA384,
            obj::TEE_TYPE_HMAC_SHA384,
        ),
        (
            TestName::HmacSha512,
            alg::TEE_ALG_HMAC_SHA512,
            obj::TEE_TYPE_HMAC_SHA512,
        ),
        (
            TestName::HmacSha3_224,
            alg::TEE_ALG_HMAC_SHA3_224,
            obj::TEE_TYPE_HMAC_SHA3_224,
        ),
        (
            TestName::HmacSha3_256,
            alg::TEE_ALG_HMAC_SHA3_256,
            obj::TEE_TYPE_HMAC_SHA3_256,
        ),
        (
            TestName::HmacSha3_384,
            alg::TEE_ALG_HMAC_SHA3_384,
            obj::TEE_TYPE_HMAC_SHA3_384,
        ),
        (
            TestName::HmacSha3_512,
            alg::TEE_ALG_HMAC_SHA3_512,
            obj::TEE_TYPE_HMAC_SHA3_512,
        ),
        (
            TestName::HmacSm3,
            alg::TEE_ALG_HMAC_SM3,
            obj::TEE_TYPE_HMAC_SM3,
        ),
    ] {
        let row = obj::ObjectType::find(ty).unwrap();
        let mut ran = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                if !row.allows(test.key.len() as u64 * 8) {
                    assert!(ta.secret(ty, &test.key).is_err());
                    continue;
                }
                if test.key.len() > row.room {
                    continue;
                }
                let key = ta.secret(ty, &test.key).unwrap();
                let mut code = ta.digest(algo, 4, key, &[&test.msg], 64).unwrap();
                code.truncate(test.tag.len());
                assert_eq!(
                    code == *test.tag,
                    test.result == TestResult::Valid,
                    "{name:?} {} {}",
                    test.tc_id,
                    test.comment
                );
                ran += 1;
            }
        }
        assert!(ran > 0, "{name:?}");
    }
}

/// The coordinates in an encoded point, as an ASN.1 key or bare.
fn coordinates(encoded: &[u8], width: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let point = encoded.get(encoded.len().checked_sub(2 * width + 1)?..)?;
    let (form, rest) = point.split_first()?;
    let (x, y) = rest.split_at(width);
    (*form == 4).then(|| (x.to_vec(), y.to_vec()))
}

const fn curve(curve: EllipticCurve) -> Option<(u32, usize, u32)> {
    Some(match curve {
        EllipticCurve::Secp192r1 => (obj::TEE_ECC_CURVE_NIST_P192, 24, alg::TEE_ALG_ECDSA_SHA1),
        EllipticCurve::Secp224r1 => (obj::TEE_ECC_CURVE_NIST_P224, 28, alg::TEE_ALG_ECDSA_SHA224),
        EllipticCurve::Secp256r1 => (obj::TEE_ECC_CURVE_NIST_P256, 32, alg::TEE_ALG_ECDSA_SHA256),
        EllipticCurve::Secp384r1 => (obj::TEE_ECC_CURVE_NIST_P384, 48, alg::TEE_ALG_ECDSA_SHA384),
        EllipticCurve::Secp521r1 => (obj::TEE_ECC_CURVE_NIST_P521, 66, alg::TEE_ALG_ECDSA_SHA512),
        _ => return None,
    })
}

#[test]
fn ecdh() {
    use wycheproof::ecdh::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in [
        TestName::EcdhSecp224r1Ecpoint,
        TestName::EcdhSecp256r1Ecpoint,
        TestName::EcdhSecp384r1Ecpoint,
        TestName::EcdhSecp521r1Ecpoint,
    ] {
        let mut ran = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            let (number, width, _) = curve(group.curve).unwrap();
            let bits = u64::from(obj::curve_bits(number).unwrap());
            for test in &group.tests {
                let bare = test.public_key.len() == 2 * width + 1;
                let Some((x, y)) = coordinates(&test.public_key, width).filter(|_| bare) else {
                    continue;
                };
                // The public half of the own key is not looked at.
                let key = ta.key(
                    obj::TEE_TYPE_ECDH_KEYPAIR,
                    bits,
                    &[
                        Attr::Ref(attr::TEE_ATTR_ECC_PRIVATE_VALUE, &test.private_key),
                        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, &x),
                        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, &y),
                        Attr::Val(attr::TEE_ATTR_ECC_CURVE, number, 0),
                    ],
                );
                let peer = [
                    Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, &x),
                    Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, &y),
                ];
                let algo = alg::TEE_ALG_ECDH_DERIVE_SHARED_SECRET;
                let shared = ta.derive(algo, [key.unwrap(), 0], &peer, 1024);
                assert!(
                    fits(test.result, &shared),
                    "{name:?} {}: {shared:?}",
                    test.tc_id
                );
                if let Ok(shared) = shared {
                    assert_eq!(shared, *test.shared_secret, "{name:?} {}", test.tc_id);
                }
                ran += 1;
            }
        }
        assert!(ran > 100, "{name:?}");
    }
}

#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in [
        TestName::EcdsaSecp192r1Sha256P1363,
        TestName::EcdsaSecp224r1Sha224P1363,
        TestName::EcdsaSecp224r1Sha256P1363,
        TestName::EcdsaSecp256r1Sha256P1363,
        TestName::EcdsaSecp256r1Sha512P1363,
        TestName::EcdsaSecp384r1Sha384P1363,
        TestName::EcdsaSecp384r1Sha512P1363,
        TestName::EcdsaSecp521r1Sha512P1363,
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let (number, width, algo) = curve(group.key.curve).unwrap();
            let bits = u64::from(obj::curve_bits(number).unwrap());
            let (x, y) = coordinates(&group.key.key, width).unwrap();
            for test in &group.tests {
                let hash = digest(&mut ta, hash_algo(group.hash).unwrap(), &test.msg);
                let key = ta.key(
                    obj::TEE_TYPE_ECDSA_PUBLIC_KEY,
                    bits,
                    &[
                        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, &x),
                        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, &y),
                        Attr::Val(attr::TEE_ATTR_ECC_CURVE, number, 0),
                    ],
                );
                let verified = ta.verify(algo, key.unwrap(), &[], &hash, &test.sig);
                assert!(
                    fits(test.result, &verified),
                    "{name:?} {}: {verified:?}",
                    test.tc_id
                );
            }
        }
    }
}

#[test]
fn eddsa() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut ta = Ta::new();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        for test in &group.tests {
            let public = [Attr::Ref(
                attr::TEE_ATTR_ED25519_PUBLIC_VALUE,
                &group.key.pk,
            )];
            let key = ta
                .key(obj::TEE_TYPE_ED25519_PUBLIC_KEY, 256, &public)
                .unwrap();
            let verified = ta.verify(alg::TEE_ALG_ED25519, key, &[], &test.msg, &test.sig);
            assert!(fits(test.result, &verified), "{}: {verified:?}", test.tc_id);
        }
    }
}

#[test]
fn xdh() {
    use wycheproof::xdh::{TestName, TestSet};
    let mut ta = Ta::new();
    for (name, algo, ty, bits, private, public) in [
        (
            TestName::X25519,
            alg::TEE_ALG_X25519,
            obj::TEE_TYPE_X25519_KEYPAIR,
            256,
            attr::TEE_ATTR_X25519_PRIVATE_VALUE,
            attr::TEE_ATTR_X25519_PUBLIC_VALUE,
        ),
        (
            TestName::X448,
            alg::TEE_ALG_X448,
            obj::TEE_TYPE_X448_KEYPAIR,
            448,
            attr::TEE_ATTR_X448_PRIVATE_VALUE,
            attr::TEE_ATTR_X448_PUBLIC_VALUE,
        ),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let whole = bits as usize / 8;
                if test.public_key.len() != whole {
                    continue;
                }
                let zeros = alloc::vec![0; whole];
                let own = [
                    Attr::Ref(private, &test.private_key),
                    Attr::Ref(public, &zeros),
                ];
                let key = ta.key(ty, bits, &own).unwrap();
                let peer = [Attr::Ref(public, &test.public_key)];
                let shared = ta.derive(algo, [key, 0], &peer, 512);
                if test.shared_secret.iter().all(|b| *b == 0) {
                    assert_eq!(shared, Err(TeeResult::ERROR_SECURITY), "{}", test.tc_id);
                } else {
                    assert_eq!(shared.unwrap(), *test.shared_secret, "{}", test.tc_id);
                }
            }
        }
    }
}

#[test]
fn hkdf() {
    use wycheproof::hkdf::{TestName, TestSet};
    let mut ta = Ta::new();
    for (name, algo, hash) in [
        (
            TestName::HkdfSha1,
            alg::TEE_ALG_HKDF_SHA1_DERIVE_KEY,
            alg::TEE_ALG_SHA1,
        ),
        (
            TestName::HkdfSha256,
            alg::TEE_ALG_HKDF_SHA256_DERIVE_KEY,
            alg::TEE_ALG_SHA256,
        ),
        (
            TestName::HkdfSha384,
            alg::TEE_ALG_HKDF_SHA384_DERIVE_KEY,
            alg::TEE_ALG_SHA384,
        ),
        (
            TestName::HkdfSha512,
            alg::TEE_ALG_HKDF_SHA512_DERIVE_KEY,
            alg::TEE_ALG_SHA512,
        ),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests.iter().filter(|test| test.size <= 512) {
                let key = ta.secret(obj::TEE_TYPE_HKDF_IKM, &test.ikm).unwrap();
                let by_name = [
                    Attr::Ref(attr::OPTEE_ATTR_HKDF_SALT, &test.salt),
                    Attr::Ref(attr::OPTEE_ATTR_HKDF_INFO, &test.info),
                    Attr::Val(attr::TEE_ATTR_HKDF_OKM_LENGTH, test.size as u32, 0),
                ];
                let okm = ta.derive(algo, [key, 0], &by_name, 4096);
                assert_eq!(okm.unwrap(), *test.okm, "{name:?} {}", test.tc_id);
                let key = ta.secret(obj::TEE_TYPE_HKDF_IKM, &test.ikm).unwrap();
                let by_attribute = [
                    Attr::Ref(attr::TEE_ATTR_HKDF_SALT, &test.salt),
                    Attr::Ref(attr::TEE_ATTR_HKDF_INFO, &test.info),
                    Attr::Val(attr::TEE_ATTR_KDF_KEY_SIZE, test.size as u32, 0),
                    Attr::Val(attr::TEE_ATTR_HKDF_HASH_ALGORITHM, hash, 0),
                ];
                let okm = ta.derive(alg::TEE_ALG_HKDF, [key, 0], &by_attribute, 4096);
                assert_eq!(okm.unwrap(), *test.okm, "{name:?} {}", test.tc_id);
            }
        }
    }
}

#[test]
fn pbkdf2() {
    use wycheproof::pbkdf2::{TestName, TestSet};
    let mut ta = Ta::new();
    for (name, algo) in [
        (
            TestName::Pbkdf2HmacSha1,
            alg::TEE_ALG_PBKDF2_HMAC_SHA1_DERIVE_KEY,
        ),
        (
            TestName::Pbkdf2HmacSha224,
            alg::TEE_ALG_PBKDF2_HMAC_SHA224_DERIVE_KEY,
        ),
        (
            TestName::Pbkdf2HmacSha256,
            alg::TEE_ALG_PBKDF2_HMAC_SHA256_DERIVE_KEY,
        ),
        (
            TestName::Pbkdf2HmacSha384,
            alg::TEE_ALG_PBKDF2_HMAC_SHA384_DERIVE_KEY,
        ),
        (
            TestName::Pbkdf2HmacSha512,
            alg::TEE_ALG_PBKDF2_HMAC_SHA512_DERIVE_KEY,
        ),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group
                .tests
                .iter()
                .filter(|test| test.iteration_count <= 4096)
            {
                let key = ta
                    .secret(obj::TEE_TYPE_PBKDF2_PASSWORD, &test.password)
                    .unwrap();
                let params = [
                    Attr::Ref(attr::TEE_ATTR_PBKDF2_SALT, &test.salt),
                    Attr::Val(
                        attr::TEE_ATTR_PBKDF2_ITERATION_COUNT,
                        test.iteration_count as u32,
                        0,
                    ),
                    Attr::Val(attr::TEE_ATTR_PBKDF2_DKM_LENGTH, test.dk_len as u32, 0),
                ];
                let dk = ta.derive(algo, [key, 0], &params, 4096);
                if test.password.is_empty() {
                    // OP-TEE's HMAC takes no empty key.
                    assert_eq!(
                        dk,
                        Err(TeeResult::ERROR_BAD_STATE),
                        "{name:?} {}",
                        test.tc_id
                    );
                } else {
                    assert_eq!(dk.unwrap(), *test.dk, "{name:?} {}", test.tc_id);
                }
            }
        }
    }
}

/// A signature algorithm's row by the digest in it.
fn rsa_signature(hash: u32, pss: bool) -> u32 {
    let fits = |row: &&alg::Algorithm| {
        let kind = row.id >> 8 & 0xf;
        row.class == alg::Class::AsymmetricSignature
            && alg::main(row.id) == alg::main_algo::RSA
            && alg::digest(row.id) == hash
            && kind == if pss { 9 } else { 8 }
            && row.id != alg::TEE_ALG_RSASSA_PKCS1_V1_5
    };
    alg::TABLE.iter().find(fits).unwrap().id
}

fn rsa_public(ta: &mut Ta, n: &[u8], e: &[u8]) -> u64 {
    let zeros = n.iter().take_while(|b| **b == 0).count();
    let n = &n[zeros..];
    let public = [
        Attr::Ref(attr::TEE_ATTR_RSA_MODULUS, n),
        Attr::Ref(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, e),
    ];
    ta.key(obj::TEE_TYPE_RSA_PUBLIC_KEY, n.len() as u64 * 8, &public)
        .unwrap()
}

#[test]
fn rsa_pkcs1_signatures() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let Some(hash) = hash_algo(group.hash).filter(|_| group.key_size <= 4096) else {
                continue;
            };
            for test in &group.tests {
                let value = digest(&mut ta, hash, &test.msg);
                let key = rsa_public(&mut ta, &group.key.n, &group.key.e);
                let verified = ta.verify(rsa_signature(hash, false), key, &[], &value, &test.sig);
                assert!(
                    fits(test.result, &verified),
                    "{name:?} {}: {verified:?}",
                    test.tc_id
                );
            }
        }
    }
}

#[test]
fn rsa_pss_signatures() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let same = group.mgf_hash == Some(group.hash);
            let Some(hash) = hash_algo(group.hash).filter(|_| same && group.key_size <= 4096)
            else {
                continue;
            };
            for test in &group.tests {
                let value = digest(&mut ta, hash, &test.msg);
                let key = rsa_public(&mut ta, &group.key.n, &group.key.e);
                let salt = [Attr::Val(
                    attr::TEE_ATTR_RSA_PSS_SALT_LENGTH,
                    group.salt_size as u32,
                    0,
                )];
                let verified = ta.verify(rsa_signature(hash, true), key, &salt, &value, &test.sig);
                assert!(
                    fits(test.result, &verified),
                    "{name:?} {}: {verified:?}",
                    test.tc_id
                );
            }
        }
    }
}

fn stripped(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|b| **b == 0).count()..]
}

#[test]
fn rsa_oaep() {
    use wycheproof::rsa_oaep::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let (Some(hash), Some(mgf)) = (hash_algo(group.hash), hash_algo(group.mgf_hash)) else {
                continue;
            };
            if group.key_size > 4096 {
                continue;
            }
            let row = alg::TABLE.iter().find(|row| {
                row.class == alg::Class::AsymmetricCipher
                    && row.id & 0xfff == 0x230
                    && alg::internal_digest(row.id) == hash
            });
            for test in &group.tests {
                let n = stripped(&group.key.n);
                let key = ta
                    .key(
                        obj::TEE_TYPE_RSA_KEYPAIR,
                        n.len() as u64 * 8,
                        &[
                            Attr::Ref(attr::TEE_ATTR_RSA_MODULUS, n),
                            Attr::Ref(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, &group.key.e),
                            Attr::Ref(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT, &group.key.d),
                        ],
                    )
                    .unwrap();
                let params = [
                    Attr::Ref(attr::TEE_ATTR_RSA_OAEP_MGF_HASH, &mgf.to_le_bytes()),
                    Attr::Ref(attr::TEE_ATTR_RSA_OAEP_LABEL, &test.label),
                ];
                let plain = ta.asymmetric(row.unwrap().id, DECRYPT, key, &params, &test.ct);
                assert!(
                    fits(test.result, &plain),
                    "{name:?} {}: {plain:?}",
                    test.tc_id
                );
                match plain {
                    Ok(plain) => assert_eq!(plain, *test.pt, "{name:?} {}", test.tc_id),
                    Err(error) => assert_eq!(error, TeeResult::ERROR_BAD_PARAMETERS),
                }
            }
        }
    }
}

#[test]
fn rsa_pkcs1_decryption_answers_every_fault_alike() {
    use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let mut ta = Ta::new();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let n = stripped(&group.key.n);
                let key = ta
                    .key(
                        obj::TEE_TYPE_RSA_KEYPAIR,
                        n.len() as u64 * 8,
                        &[
                            Attr::Ref(attr::TEE_ATTR_RSA_MODULUS, n),
                            Attr::Ref(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, &group.key.e),
                            Attr::Ref(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT, &group.key.d),
                        ],
                    )
                    .unwrap();
                let plain =
                    ta.asymmetric(alg::TEE_ALG_RSAES_PKCS1_V1_5, DECRYPT, key, &[], &test.ct);
                assert!(
                    fits(test.result, &plain),
                    "{name:?} {}: {plain:?}",
                    test.tc_id
                );
                match plain {
                    Ok(plain) => assert_eq!(plain, *test.pt, "{name:?} {}", test.tc_id),
                    Err(error) => assert_eq!(error, TeeResult::ERROR_BAD_PARAMETERS),
                }
            }
        }
    }
}

#[test]
fn dsa() {
    use wycheproof::dsa::{TestName, TestSet};
    let mut ta = Ta::new();
    for (name, algo) in [
        (TestName::Dsa2048_224Sha224P1363, alg::TEE_ALG_DSA_SHA224),
        (TestName::Dsa2048_224Sha256P1363, alg::TEE_ALG_DSA_SHA256),
        (TestName::Dsa2048_256Sha256P1363, alg::TEE_ALG_DSA_SHA256),
        (TestName::Dsa3072_256Sha256P1363, alg::TEE_ALG_DSA_SHA256),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let value = digest(&mut ta, hash_algo(group.hash).unwrap(), &test.msg);
                let p = stripped(&group.key.p);
                let key = ta
                    .key(
                        obj::TEE_TYPE_DSA_PUBLIC_KEY,
                        p.len() as u64 * 8,
                        &[
                            Attr::Ref(attr::TEE_ATTR_DSA_PRIME, p),
                            Attr::Ref(attr::TEE_ATTR_DSA_SUBPRIME, &group.key.q),
                            Attr::Ref(attr::TEE_ATTR_DSA_BASE, &group.key.g),
                            Attr::Ref(attr::TEE_ATTR_DSA_PUBLIC_VALUE, &group.key.y),
                        ],
                    )
                    .unwrap();
                let verified = ta.verify(algo, key, &[], &value, &test.sig);
                assert!(
                    fits(test.result, &verified),
                    "{name:?} {}: {verified:?}",
                    test.tc_id
                );
            }
        }
    }
}
