//! Known answers from the standards, for what Wycheproof has no vectors of.

use alloc::vec::Vec;

use tee_abi::TeeResult;
use tee_abi::algorithms as alg;
use tee_abi::attributes as attr;
use tee_abi::objects as obj;

use super::ta::{Attr, Ta, hex};

#[test]
fn digests_of_abc() {
    // FIPS 180-4, FIPS 202, RFC 1321, GB/T 32905.
    let mut ta = Ta::new();
    for (algo, digest) in [
        (alg::TEE_ALG_MD5, "900150983cd24fb0d6963f7d28e17f72"),
        (
            alg::TEE_ALG_SHA1,
            "a9993e364706816aba3e25717850c26c9cd0d89d",
        ),
        (
            alg::TEE_ALG_SHA224,
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        ),
        (
            alg::TEE_ALG_SHA256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            alg::TEE_ALG_SHA384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            alg::TEE_ALG_SHA512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (
            alg::TEE_ALG_SHA3_224,
            "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
        ),
        (
            alg::TEE_ALG_SHA3_256,
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        ),
        (
            alg::TEE_ALG_SHA3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            alg::TEE_ALG_SHA3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        (
            alg::TEE_ALG_SHAKE128,
            "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8",
        ),
        (
            alg::TEE_ALG_SHAKE256,
            "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4",
        ),
        (
            alg::TEE_ALG_SM3,
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        ),
    ] {
        let digest = hex(digest);
        assert_eq!(
            ta.digest(algo, 5, 0, &[b"abc"], digest.len() as u64)
                .unwrap(),
            digest,
            "{algo:x}"
        );
    }
}

#[test]
fn codes() {
    let mut ta = Ta::new();
    // RFC 2202 case 3 (MD5), and a key of DES3 in the way of NIST SP 800-38B D.4.
    let key = ta.secret(obj::TEE_TYPE_HMAC_MD5, &[0xaa; 16]).unwrap();
    let code = ta
        .digest(alg::TEE_ALG_HMAC_MD5, 4, key, &[&[0xdd; 50]], 16)
        .unwrap();
    assert_eq!(code, hex("56be34521d144c88dbb8c733f0e8b3f6"));
    let key = hex("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5");
    for (message, code) in [
        ("", "b7a688e122ffaf95"),
        ("6bc1bee22e409f96", "8e8f293136283797"),
        (
            "6bc1bee22e409f96e93d7e117393172aae2d8a57",
            "743ddbe0ce2dc2ed",
        ),
    ] {
        let key = ta.secret(obj::TEE_TYPE_DES3, &key).unwrap();
        let got = ta
            .digest(alg::TEE_ALG_DES3_CMAC, 4, key, &[&hex(message)], 8)
            .unwrap();
        assert_eq!(got, hex(code), "{message}");
    }
}

#[test]
fn cbc_macs_are_the_last_block_of_cbc() {
    let mut ta = Ta::new();
    for (mac, cipher, ty, len, block) in [
        (
            alg::TEE_ALG_AES_CBC_MAC_NOPAD,
            alg::TEE_ALG_AES_CBC_NOPAD,
            obj::TEE_TYPE_AES,
            32,
            16,
        ),
        (
            alg::TEE_ALG_DES_CBC_MAC_NOPAD,
            alg::TEE_ALG_DES_CBC_NOPAD,
            obj::TEE_TYPE_DES,
            8,
            8,
        ),
        (
            alg::TEE_ALG_DES3_CBC_MAC_NOPAD,
            alg::TEE_ALG_DES3_CBC_NOPAD,
            obj::TEE_TYPE_DES3,
            16,
            8,
        ),
    ] {
        let key: Vec<u8> = (1..=len).collect();
        let data = [7; 96];
        let mut fresh = || ta.secret(ty, &key).unwrap();
        let (k1, k2, k3, k4) = (fresh(), fresh(), fresh(), fresh());
        let chained = ta
            .cipher(cipher, 0, [k1, 0], &alloc::vec![0; block], &[&data])
            .unwrap();
        let code = ta.digest(mac, 4, k2, &[&data], 16).unwrap();
        assert_eq!(code, chained[96 - block..]);
        let odd = ta.digest(mac, 4, k3, &[&data[..95]], 16);
        assert_eq!(odd.err(), Some(TeeResult::ERROR_BAD_STATE));
        let padded = [&data[..95], &[1]].concat();
        let pkcs5 = ta.digest(mac | 0x400, 4, k4, &[&data[..95]], 16).unwrap();
        let key = ta.secret(ty, &key).unwrap();
        assert_eq!(ta.digest(mac, 4, key, &[&padded], 16).unwrap(), pkcs5);
    }
}

struct Case<'a>(u32, u32, &'a str, &'a str, &'a str, &'a str);

#[test]
fn ciphers() {
    let plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
    let aes = "2b7e151628aed2a6abf7158809cf4f3c";
    let sm4 = "0123456789abcdeffedcba9876543210";
    let mut ta = Ta::new();
    for Case(algo, ty, key, iv, plain, cipher) in [
        // NIST SP 800-38A F.1.1, F.2.1, F.5.1.
        Case(
            alg::TEE_ALG_AES_ECB_NOPAD,
            obj::TEE_TYPE_AES,
            aes,
            "",
            plain,
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        ),
        Case(
            alg::TEE_ALG_AES_CBC_NOPAD,
            obj::TEE_TYPE_AES,
            aes,
            "000102030405060708090a0b0c0d0e0f",
            plain,
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        ),
        Case(
            alg::TEE_ALG_AES_CTR,
            obj::TEE_TYPE_AES,
            aes,
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            plain,
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        ),
        // NIST SP 800-38A F.1.3.
        Case(
            alg::TEE_ALG_AES_ECB_NOPAD,
            obj::TEE_TYPE_AES,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "",
            "6bc1bee22e409f96e93d7e117393172a",
            "bd334f1d6e45f25ff712a214571fa5cc",
        ),
        // RFC 3962 appendix B, with an initial vector of zeros.
        Case(
            alg::TEE_ALG_AES_CTS,
            obj::TEE_TYPE_AES,
            "636869636b656e207465726979616b69",
            "00000000000000000000000000000000",
            "4920776f756c64206c696b652074686520",
            "c6353568f2bf8cb4d8a580362da7ff7f97",
        ),
        Case(
            alg::TEE_ALG_AES_CTS,
            obj::TEE_TYPE_AES,
            "636869636b656e207465726979616b69",
            "00000000000000000000000000000000",
            "4920776f756c64206c696b65207468652047656e6572616c20476175277320",
            "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
        ),
        Case(
            alg::TEE_ALG_AES_CTS,
            obj::TEE_TYPE_AES,
            "636869636b656e207465726979616b69",
            "00000000000000000000000000000000",
            "4920776f756c64206c696b65207468652047656e6572616c2047617527732043",
            "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
        ),
        // FIPS 81's example, in both modes.
        Case(
            alg::TEE_ALG_DES_ECB_NOPAD,
            obj::TEE_TYPE_DES,
            "0123456789abcdef",
            "",
            "4e6f77206973207468652074696d6520666f7220616c6c20",
            "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53",
        ),
        Case(
            alg::TEE_ALG_DES_CBC_NOPAD,
            obj::TEE_TYPE_DES,
            "0123456789abcdef",
            "1234567890abcdef",
            "4e6f77206973207468652074696d6520666f7220616c6c20",
            "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
        ),
        // NIST SP 800-67 appendix B.
        Case(
            alg::TEE_ALG_DES3_ECB_NOPAD,
            obj::TEE_TYPE_DES3,
            "0123456789abcdef23456789abcdef01456789abcdef0123",
            "",
            "5468652071756663",
            "a826fd8ce53b855f",
        ),
        // GB/T 32907 A.1, RFC 8998's cipher in the modes of draft-ribose-cfrg-sm4.
        Case(
            alg::TEE_ALG_SM4_ECB_NOPAD,
            obj::TEE_TYPE_SM4,
            sm4,
            "",
            sm4,
            "681edf34d206965e86b3e94f536e4246",
        ),
        Case(
            alg::TEE_ALG_SM4_CBC_NOPAD,
            obj::TEE_TYPE_SM4,
            sm4,
            "000102030405060708090a0b0c0d0e0f",
            "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb",
            "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d",
        ),
        Case(
            alg::TEE_ALG_SM4_CTR,
            obj::TEE_TYPE_SM4,
            sm4,
            "000102030405060708090a0b0c0d0e0f",
            "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb",
            "ac3236cb970cc20791364c395a1342d1",
        ),
    ] {
        for (mode, from, to) in [(0, plain, cipher), (1, cipher, plain)] {
            let key = ta.secret(ty, &hex(key)).unwrap();
            let out = ta.cipher(algo, mode, [key, 0], &hex(iv), &[&hex(from)]);
            assert_eq!(out.unwrap(), hex(to), "{algo:x} {mode}");
        }
    }
}

#[test]
fn sm2_of_the_standard() {
    // GM/T 0003.5-2012 A.2: a signature over a digest, by the recommended curve.
    let mut ta = Ta::new();
    let x = hex("09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020");
    let y = hex("CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13");
    let d = hex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    let digest = hex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640");
    let signature = hex(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3 B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA",
    );
    let point = [
        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_X, &x),
        Attr::Ref(attr::TEE_ATTR_ECC_PUBLIC_VALUE_Y, &y),
    ];
    let public = ta
        .key(obj::TEE_TYPE_SM2_DSA_PUBLIC_KEY, 256, &point)
        .unwrap();
    ta.verify(alg::TEE_ALG_SM2_DSA_SM3, public, &[], &digest, &signature)
        .unwrap();
    let pair = [
        Attr::Ref(attr::TEE_ATTR_ECC_PRIVATE_VALUE, &d),
        point[0].clone(),
        point[1].clone(),
    ];
    let private = ta.key(obj::TEE_TYPE_SM2_DSA_KEYPAIR, 256, &pair).unwrap();
    let mine = ta
        .asymmetric(alg::TEE_ALG_SM2_DSA_SM3, 2, private, &[], &digest)
        .unwrap();
    let public = ta
        .key(obj::TEE_TYPE_SM2_DSA_PUBLIC_KEY, 256, &point)
        .unwrap();
    ta.verify(alg::TEE_ALG_SM2_DSA_SM3, public, &[], &digest, &mine)
        .unwrap();
}

#[test]
fn concat_kdf_is_a_hash_of_counter_secret_and_info() {
    let mut ta = Ta::new();
    for (algo, hash) in [
        (alg::TEE_ALG_CONCAT_KDF_SHA1_DERIVE_KEY, alg::TEE_ALG_SHA1),
        (
            alg::TEE_ALG_CONCAT_KDF_SHA224_DERIVE_KEY,
            alg::TEE_ALG_SHA224,
        ),
        (
            alg::TEE_ALG_CONCAT_KDF_SHA256_DERIVE_KEY,
            alg::TEE_ALG_SHA256,
        ),
        (
            alg::TEE_ALG_CONCAT_KDF_SHA384_DERIVE_KEY,
            alg::TEE_ALG_SHA384,
        ),
        (
            alg::TEE_ALG_CONCAT_KDF_SHA512_DERIVE_KEY,
            alg::TEE_ALG_SHA512,
        ),
    ] {
        let key = ta
            .secret(obj::TEE_TYPE_CONCAT_KDF_Z, b"shared secret")
            .unwrap();
        let params = [
            Attr::Ref(attr::TEE_ATTR_CONCAT_KDF_OTHER_INFO, b"info"),
            Attr::Val(attr::TEE_ATTR_CONCAT_KDF_DKM_LENGTH, 100, 0),
        ];
        let derived = ta.derive(algo, [key, 0], &params, 800).unwrap();
        let mut want = Vec::new();
        for count in 1u32..7 {
            let input = [&count.to_be_bytes()[..], b"shared secret", b"info"].concat();
            want.extend(ta.digest(hash, 5, 0, &[&input], 64).unwrap());
        }
        assert_eq!(derived, want[..100]);
    }
}

#[test]
fn a_private_operation_undoes_a_public_one_without_padding() {
    let mut ta = Ta::new();
    let key = ta.alloc(obj::TEE_TYPE_RSA_KEYPAIR, 1024).unwrap();
    ta.generate(key, 1024, &[]).unwrap();
    let public = ta.alloc(obj::TEE_TYPE_RSA_PUBLIC_KEY, 1024).unwrap();
    ta.copy(public, key).unwrap();
    let n = ta.attr(key, attr::TEE_ATTR_RSA_MODULUS).unwrap();
    let cipher = ta
        .asymmetric(alg::TEE_ALG_RSA_NOPAD, 0, public, &[], b"\0\0number")
        .unwrap();
    let op = ta.op(alg::TEE_ALG_RSA_NOPAD, 1, key, 0).unwrap();
    let (short, told) = ta.operate(op, &[], &cipher, 3);
    assert_eq!(
        (short.err(), told),
        (Some(TeeResult::ERROR_SHORT_BUFFER), 6)
    );
    assert_eq!(ta.operate(op, &[], &cipher, 128).0.unwrap(), b"number");
    let mut large = n;
    *large.last_mut().unwrap() += 1;
    let too_large = ta.operate(op, &[], &large, 128).0;
    assert_eq!(too_large.err(), Some(TeeResult::ERROR_BAD_PARAMETERS));
}

#[test]
fn derivations_refuse_what_they_do_not_know() {
    let mut ta = Ta::new();
    let bad = Some(TeeResult::ERROR_BAD_PARAMETERS);
    let length = Attr::Val(attr::TEE_ATTR_HKDF_OKM_LENGTH, 16, 0);
    let strange = Attr::Ref(attr::TEE_ATTR_PBKDF2_SALT, b"salt");
    for params in [&[][..], &[length.clone(), strange]] {
        let key = ta.secret(obj::TEE_TYPE_HKDF_IKM, b"ikm").unwrap();
        let done = ta.derive(alg::TEE_ALG_HKDF_SHA256_DERIVE_KEY, [key, 0], params, 256);
        assert_eq!(done.err(), bad);
    }
    let key = ta.secret(obj::TEE_TYPE_HKDF_IKM, b"ikm").unwrap();
    let op = ta
        .op(alg::TEE_ALG_HKDF_SHA256_DERIVE_KEY, 6, key, 0)
        .unwrap();
    let into = ta.alloc(obj::TEE_TYPE_ED25519_PUBLIC_KEY, 256).unwrap();
    let done = ta.derive_into(op, &[length], into);
    assert_eq!(done.err(), Some(TeeResult::ERROR_NOT_SUPPORTED));
    let aes = ta.alloc(obj::TEE_TYPE_AES, 256).unwrap();
    let large = [Attr::Val(attr::TEE_ATTR_HKDF_OKM_LENGTH, 33, 0)];
    assert_eq!(ta.derive_into(op, &large, aes).err(), bad, "no room");
}
