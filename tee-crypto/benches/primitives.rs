//! What the provider's primitives reach, best of many short runs, beside `openssl speed` of the same
//! machine where it is installed.
//!
//! `cargo bench -p tee-crypto`. Figures are for comparison within one run; a busy machine lowers all.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use tee_abi::algorithms as alg;
use tee_crypto::{Crypto, Curve, Direction, EccPoint, Provider, rsa};

/// Bytes in one call.
const PIECE: usize = 16 * 1024;
/// Runs, of which the best counts.
const RUNS: usize = 25;

/// Seconds for one call.
fn best(calls: u32, mut call: impl FnMut()) -> f64 {
    let run = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed()
    };
    let least = (0..RUNS).map(run).min().unwrap_or(Duration::MAX);
    least.as_secs_f64() / f64::from(calls)
}

fn rng(seed: &mut u64) -> impl FnMut(&mut [u8]) {
    move |out| {
        for byte in out {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (*seed >> 33) as u8;
        }
    }
}

/// The last number of a line of `openssl speed`, in bytes a second.
fn openssl_bulk(name: &str) -> Option<f64> {
    let bytes = PIECE.to_string();
    let args = ["speed", "-seconds", "1", "-bytes", &bytes, "-evp", name];
    let out = Command::new("openssl").args(args).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let last = text.lines().last()?.split_whitespace().last()?;
    Some(last.trim_end_matches('k').parse::<f64>().ok()? * 1000.0)
}

/// The number in a column of the last line of `openssl speed`, in operations a second.
fn openssl_rate(name: &str, from_end: usize) -> Option<f64> {
    let out = Command::new("openssl")
        .args(["speed", "-seconds", "1", name])
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let mut words = text.lines().last()?.split_whitespace().rev();
    words.nth(from_end)?.parse().ok()
}

fn report(what: &str, unit: &str, scale: f64, ours: f64, theirs: Option<f64>) {
    let ours = ours / scale;
    match theirs.map(|theirs| theirs / scale) {
        Some(theirs) => println!(
            "{what:24} {ours:9.2} {unit}   openssl {theirs:9.2}   ratio {:5.2}",
            ours / theirs
        ),
        None => println!("{what:24} {ours:9.2} {unit}"),
    }
}

fn bulk() {
    let mut data = vec![0; PIECE];
    let rate = |seconds: f64| PIECE as f64 / seconds;
    let key = [1; 16];
    let mut gcm = Provider::ae(
        alg::TEE_ALG_AES_GCM,
        Direction::Encrypt,
        &key,
        &[2; 12],
        16,
        0,
        0,
    )
    .unwrap();
    let ours = rate(best(200, || gcm.update(black_box(&mut data)).unwrap()));
    report(
        "AES-128-GCM",
        "GB/s",
        1e9,
        ours,
        openssl_bulk("aes-128-gcm"),
    );
    for (name, algo) in [
        ("aes-128-ctr", alg::TEE_ALG_AES_CTR),
        ("aes-128-cbc", alg::TEE_ALG_AES_CBC_NOPAD),
    ] {
        let mut cipher = Provider::cipher(algo, Direction::Encrypt, &key, &[], &[2; 16]).unwrap();
        let ours = rate(best(200, || {
            cipher.update(black_box(&mut data), false).unwrap()
        }));
        report(name, "GB/s", 1e9, ours, openssl_bulk(name));
    }
    for (name, algo) in [
        ("sha1", alg::TEE_ALG_SHA1),
        ("sha256", alg::TEE_ALG_SHA256),
        ("sha512", alg::TEE_ALG_SHA512),
        ("sha3-256", alg::TEE_ALG_SHA3_256),
        ("sm3", alg::TEE_ALG_SM3),
    ] {
        let mut hash = Provider::hash(algo).unwrap();
        let ours = rate(best(50, || hash.update(black_box(&data))));
        report(name, "GB/s", 1e9, ours, openssl_bulk(name));
    }
}

fn keys() {
    let mut seed = 7;
    let start = Instant::now();
    let count = 20;
    let mut key = None;
    for _ in 0..count {
        key = Some(Provider::rsa_generate(2048, &[1, 0, 1], &mut rng(&mut seed)).unwrap());
    }
    let per_second = f64::from(count) / start.elapsed().as_secs_f64();
    report("RSA-2048 keygen", "/s", 1.0, per_second, None);
    let key = key.unwrap();
    let digest = [3; 32];
    let sign = best(20, || {
        let algo = alg::TEE_ALG_RSASSA_PKCS1_V1_5_SHA256;
        black_box(rsa::sign::<Provider>(algo, &key, 0, &digest, 256, &mut rng(&mut seed)).unwrap());
    });
    report(
        "RSA-2048 sign",
        "/s",
        1.0,
        1.0 / sign,
        openssl_rate("rsa2048", 1),
    );
    for (name, curve) in [
        ("P-192", Curve::P192),
        ("P-256", Curve::P256),
        ("P-384", Curve::P384),
        ("SM2", Curve::Sm2),
    ] {
        let [d, x, y] = Provider::ecc_generate(curve, &mut rng(&mut seed)).unwrap();
        let point = EccPoint { x: &x, y: &y };
        let known = curve == Curve::P256;
        let sign = best(20, || {
            black_box(Provider::ecdsa_sign(curve, &d, &digest, &mut rng(&mut seed)).unwrap());
        });
        let theirs = known.then(|| openssl_rate("ecdsap256", 1)).flatten();
        report(&format!("{name} sign"), "/s", 1.0, 1.0 / sign, theirs);
        let agree = best(20, || {
            black_box(Provider::ecdh(curve, &d, point).unwrap());
        });
        let theirs = known.then(|| openssl_rate("ecdhp256", 0)).flatten();
        report(&format!("{name} ECDH"), "/s", 1.0, 1.0 / agree, theirs);
    }
}

fn main() {
    Provider::init();
    bulk();
    keys();
}
