//! What one half of a pair makes, the other half takes, for every algorithm that is a pair; and
//! what is altered is refused.
//!
//! Known answers are checked where a TA would see them, through the syscalls of `tee-shim`.

use tee_abi::algorithms as alg;
use tee_crypto::rsa::{self, Oaep};
use tee_crypto::{
    Crypto, Curve, DhParameters, DsaParameters, EccPoint, Error, Provider, Sm2Exchange,
};

/// Equal seeds give equal bytes.
fn rng(mut seed: u64) -> impl FnMut(&mut [u8]) {
    move |out| {
        for byte in out {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (seed >> 33) as u8;
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

const CURVES: [Curve; 6] = [
    Curve::P192,
    Curve::P224,
    Curve::P256,
    Curve::P384,
    Curve::P521,
    Curve::Sm2,
];

#[test]
fn a_key_on_a_curve_is_on_it_and_agrees_with_another() {
    for curve in CURVES {
        let mut rng = rng(1);
        let [a, ax, ay] = Provider::ecc_generate(curve, &mut rng).unwrap();
        let [b, bx, by] = Provider::ecc_generate(curve, &mut rng).unwrap();
        let (pa, pb) = (EccPoint { x: &ax, y: &ay }, EccPoint { x: &bx, y: &by });
        Provider::ecc_check(curve, pa).unwrap();
        let (ab, ba) = (Provider::ecdh(curve, &a, pb), Provider::ecdh(curve, &b, pa));
        assert_eq!(ab, ba);
        assert_eq!(ab.unwrap().len(), curve.bytes());
        let off = EccPoint { x: &ax, y: &bx };
        assert_eq!(Provider::ecc_check(curve, off), Err(Error::BadParameters));
        assert_eq!(Provider::ecdh(curve, &a, off), Err(Error::BadParameters));
    }
}

#[test]
fn an_ecdsa_signature_holds_for_its_digest_alone() {
    for curve in &CURVES[..5] {
        let mut rng = rng(2);
        let [d, x, y] = Provider::ecc_generate(*curve, &mut rng).unwrap();
        let point = EccPoint { x: &x, y: &y };
        for len in [20, 32, 64] {
            let mut digest = vec![0xa5; len];
            let mut signature = Provider::ecdsa_sign(*curve, &d, &digest, &mut rng).unwrap();
            assert_eq!(signature.len(), 2 * curve.bytes());
            Provider::ecdsa_verify(*curve, point, &digest, &signature).unwrap();
            digest[0] ^= 1;
            let altered = Provider::ecdsa_verify(*curve, point, &digest, &signature);
            assert_eq!(altered, Err(Error::SignatureInvalid));
            digest[0] ^= 1;
            signature[3] ^= 1;
            let altered = Provider::ecdsa_verify(*curve, point, &digest, &signature);
            assert_eq!(altered, Err(Error::SignatureInvalid));
        }
    }
}

#[test]
fn sm2_signs_encrypts_and_exchanges() {
    let mut rng = rng(3);
    let [d, x, y] = Provider::ecc_generate(Curve::Sm2, &mut rng).unwrap();
    let point = EccPoint { x: &x, y: &y };
    let signature = Provider::sm2_sign(&d, &[7; 32], &mut rng).unwrap();
    Provider::sm2_verify(point, &[7; 32], &signature).unwrap();
    assert_eq!(
        Provider::sm2_verify(point, &[8; 32], &signature),
        Err(Error::SignatureInvalid)
    );
    let mut cipher = Provider::sm2_encrypt(point, b"message", &mut rng).unwrap();
    assert_eq!(Provider::sm2_decrypt(&d, &cipher).unwrap(), b"message");
    *cipher.last_mut().unwrap() ^= 1;
    assert_eq!(
        Provider::sm2_decrypt(&d, &cipher),
        Err(Error::CiphertextInvalid)
    );

    let [e, ex, ey] = Provider::ecc_generate(Curve::Sm2, &mut rng).unwrap();
    let keys: Vec<_> = (0..2)
        .map(|_| Provider::ecc_generate(Curve::Sm2, &mut rng).unwrap())
        .collect();
    let mine = (&d[..], point);
    let theirs = (&e[..], EccPoint { x: &ex, y: &ey });
    let ephemeral: Vec<_> = keys
        .iter()
        .map(|[d, x, y]| (&d[..], EccPoint { x, y }))
        .collect();
    let side = |initiator: bool, confirmation_in| Sm2Exchange {
        initiator,
        own: if initiator { mine } else { theirs },
        own_ephemeral: ephemeral[usize::from(!initiator)],
        peer: if initiator { theirs.1 } else { mine.1 },
        peer_ephemeral: ephemeral[usize::from(initiator)].1,
        initiator_id: b"alice",
        responder_id: b"bob",
        confirmation_in,
    };
    let (key_b, from_b) = Provider::sm2_exchange(&side(false, None), 48).unwrap();
    let (key_a, from_a) = Provider::sm2_exchange(&side(true, Some(&from_b)), 48).unwrap();
    assert_eq!(key_a, key_b);
    Provider::sm2_exchange(&side(false, Some(&from_a)), 48).unwrap();
    let wrong = Provider::sm2_exchange(&side(false, Some(&from_b)), 48);
    assert_eq!(wrong.unwrap_err(), Error::BadState);
}

#[test]
fn rsa_of_every_kind() {
    let mut rng = rng(4);
    for bits in [512, 1024, 2048] {
        let key = Provider::rsa_generate(bits, &[1, 0, 1], &mut rng).unwrap();
        assert_eq!(rsa::width(&key), bits as usize / 8);
        for row in alg::TABLE.iter().filter(|row| alg::main(row.id) == 0x30) {
            match row.class {
                alg::Class::AsymmetricSignature if !row.modes.is_empty() => {
                    rsa_signs(&key, row.id, &mut rng);
                }
                alg::Class::AsymmetricCipher if !row.modes.is_empty() => {
                    rsa_encrypts(&key, row.id, &mut rng);
                }
                _ => {}
            }
        }
    }
}

fn rsa_signs(key: &tee_crypto::RsaKey, algo: u32, rng: &mut dyn tee_crypto::Rng) {
    let len = alg::digest_size(alg::digest(algo)).unwrap_or(20);
    let digest = vec![0x5a; len];
    let signed = rsa::sign::<Provider>(algo, key, len, &digest, 512, rng);
    let Ok(mut signature) = signed else {
        assert_eq!(signed, Err(Error::BadParameters), "{algo:x}");
        assert!(
            rsa::width(key) < 2 * len + 2 || rsa::width(key) < len + 30,
            "{algo:x}"
        );
        return;
    };
    rsa::verify::<Provider>(algo, key, len, &digest, &signature).unwrap();
    signature[9] ^= 4;
    let altered = rsa::verify::<Provider>(algo, key, len, &digest, &signature);
    assert_eq!(altered, Err(Error::SignatureInvalid), "{algo:x}");
    assert_eq!(
        rsa::sign::<Provider>(algo, key, len, &digest, 3, rng),
        Err(Error::ShortBuffer(rsa::width(key)))
    );
}

fn rsa_encrypts(key: &tee_crypto::RsaKey, algo: u32, rng: &mut dyn tee_crypto::Rng) {
    if algo == alg::TEE_ALG_RSA_NOPAD {
        let cipher = rsa::no_padding::<Provider>(key, false, b"number", 512).unwrap();
        let plain = rsa::no_padding::<Provider>(key, true, &cipher, 512).unwrap();
        assert_eq!(plain, b"number");
        return;
    }
    let oaep = Oaep {
        label: if algo == alg::TEE_ALG_RSAES_PKCS1_V1_5 {
            b""
        } else {
            b"label"
        },
        mgf: alg::internal_digest(algo),
    };
    for message in [&b""[..], b"message"] {
        let sealed = rsa::encrypt::<Provider>(algo, key, oaep, message, 512, rng);
        let Ok(mut cipher) = sealed else {
            assert_eq!(sealed, Err(Error::BadParameters), "{algo:x}");
            continue;
        };
        let plain = rsa::decrypt::<Provider>(algo, key, oaep, &cipher, 512);
        assert_eq!(plain.unwrap(), message, "{algo:x}");
        *cipher.last_mut().unwrap() ^= 1;
        let altered = rsa::decrypt::<Provider>(algo, key, oaep, &cipher, 512);
        assert!(matches!(altered, Err(Error::BadParameters)), "{algo:x}");
    }
}

#[test]
fn rsa_without_primes_and_with_wrong_ones() {
    let mut rng = rng(5);
    let mut key = Provider::rsa_generate(1024, &[1, 0, 1], &mut rng).unwrap();
    let cipher = Provider::rsa_public(&key, b"x").unwrap();
    let with = Provider::rsa_private(&key, &cipher).unwrap();
    let crt = key.crt.take();
    assert_eq!(Provider::rsa_private(&key, &cipher).unwrap(), with);
    key.crt = crt;
    key.crt.as_mut().unwrap().dp[0] ^= 1;
    assert_eq!(Provider::rsa_private(&key, &cipher), Err(Error::Generic));
    for e in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[0xff; 33]] {
        let refused = Provider::rsa_generate(1024, e, &mut rng);
        assert!(matches!(refused, Err(Error::BadParameters)), "{e:?}");
    }
}

/// RFC 5114's group with a subgroup of 160 bits.
fn group() -> [Vec<u8>; 3] {
    [
        hex(
            "B10B8F96A080E01DDE92DE5EAE5D54EC52C99FBCFB06A3C69A6A9DCA52D23B61\
             6073E28675A23D189838EF1E2EE652C013ECB4AEA906112324975C3CD49B83BF\
             ACCBDD7D90C4BD7098488E9C219A73724EFFD6FAE5644738FAA31A4FF55BCCC0\
             A151AF5F0DC8B4BD45BF37DF365C1A65E68CFDA76D4DA708DF1FB2BC2E4A4371",
        ),
        hex("F518AA8781A8DF278ABA4E7D64B7CB9D49462353"),
        hex(
            "A4D1CBD5C3FD34126765A442EFB99905F8104DD258AC507FD6406CFF14266D31\
             266FEA1E5C41564B777E690F5504F213160217B4B01B886A5E91547F9E2749F4\
             D7FBD7D3B9A92EE1909D0D2263F80A76A6A24C087A091F531DBF0A0169B6A28A\
             D662A4D18E73AFA32D779D5918D08BC8858F4DCEF97C2A24855E6EEB22B3B2E5",
        ),
    ]
}

#[test]
fn dsa_and_diffie_hellman() {
    let [p, q, g] = group();
    let mut rng = rng(6);
    let dsa = DsaParameters {
        p: &p,
        q: &q,
        g: &g,
    };
    let (x, y) = Provider::dsa_generate(&dsa, &mut rng).unwrap();
    let signature = Provider::dsa_sign(&dsa, &x, &[3; 20], &mut rng).unwrap();
    assert_eq!(signature.len(), 40);
    Provider::dsa_verify(&dsa, &y, &[3; 20], &signature).unwrap();
    for altered in [&[4; 20][..], &[3; 19]] {
        assert_eq!(
            Provider::dsa_verify(&dsa, &y, altered, &signature),
            Err(Error::SignatureInvalid)
        );
    }
    for (q, x_bits) in [
        (None, 0),
        (Some(&q[..]), 0),
        (None, 256),
        (Some(&q[..]), 128),
    ] {
        let dh = DhParameters {
            p: &p,
            g: &g,
            q,
            x_bits,
        };
        let (a, ya) = Provider::dh_generate(&dh, &mut rng).unwrap();
        let (b, yb) = Provider::dh_generate(&dh, &mut rng).unwrap();
        assert_eq!(
            Provider::dh_derive(&p, &a, &yb),
            Provider::dh_derive(&p, &b, &ya)
        );
        assert!(x_bits == 0 || a.len() <= x_bits as usize / 8);
    }
    let odd = DhParameters {
        p: &p,
        g: &g,
        q: None,
        x_bits: 7,
    };
    assert_eq!(
        Provider::dh_generate(&odd, &mut rng),
        Err(Error::BadParameters)
    );
    assert_eq!(
        Provider::dh_derive(&[4], &[1], &[1]),
        Err(Error::BadParameters)
    );
}

#[test]
fn curves_of_montgomery_and_edwards() {
    let mut rng = rng(7);
    let (a, pa) = Provider::x25519_generate(&mut rng);
    let (b, pb) = Provider::x25519_generate(&mut rng);
    assert_eq!(Provider::x25519(&a, &pb), Provider::x25519(&b, &pa));
    assert_eq!(Provider::x25519(&a, &[0; 32]), Err(Error::Security));
    let (a, pa) = Provider::x448_generate(&mut rng);
    let (b, pb) = Provider::x448_generate(&mut rng);
    assert_eq!(Provider::x448(&a, &pb), Provider::x448(&b, &pa));
    assert_eq!(Provider::x448(&a, &[0; 56]), Err(Error::Security));
    let (seed, public) = Provider::ed25519_generate(&mut rng);
    for (prehash, context) in [
        (false, &b""[..]),
        (false, b"ctx"),
        (true, b""),
        (true, b"ctx"),
    ] {
        let signature = Provider::ed25519_sign(&seed, &public, b"m", prehash, context).unwrap();
        Provider::ed25519_verify(&public, b"m", prehash, context, &signature).unwrap();
        let other = Provider::ed25519_verify(&public, b"m", !prehash, context, &signature);
        assert_eq!(other, Err(Error::SignatureInvalid));
    }
}

#[test]
fn equal_seeds_give_equal_results() {
    let run = || {
        let mut rng = rng(8);
        let key = Provider::rsa_generate(512, &[1, 0, 1], &mut rng).unwrap();
        let pss = alg::TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA1;
        let signature = rsa::sign::<Provider>(pss, &key, 20, &[1; 20], 64, &mut rng).unwrap();
        let [d, x, y] = Provider::ecc_generate(Curve::P256, &mut rng).unwrap();
        let ecdsa = Provider::ecdsa_sign(Curve::P256, &d, &[2; 32], &mut rng).unwrap();
        let sm2 = Provider::sm2_sign(&d, &[2; 32], &mut rng).unwrap();
        let ed25519 = Provider::ed25519_generate(&mut rng);
        (key.n.clone(), signature, [d, x, y], ecdsa, sm2, ed25519)
    };
    assert!(run() == run());
}
