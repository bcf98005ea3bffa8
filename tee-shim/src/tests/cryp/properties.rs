//! Data in pieces comes to the same as data at once, in place or not, copied half way or not; and
//! no sequence of calls does more than answer with an error.

use alloc::vec::Vec;

use proptest::prelude::*;
use tee_abi::algorithms as alg;
use tee_abi::objects as obj;
use tee_abi::syscalls::Support;

use super::ta::Ta;
use crate::tests::cryp::fixed_key;

fn rows(class: alg::Class) -> Vec<u32> {
    alg::TABLE
        .iter()
        .filter(|row| row.class == class && row.support == Support::Full)
        .map(|row| row.id)
        .collect()
}

/// Where data is cut.
fn cut(data: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = data;
    for len in at {
        let (now, later) = rest.split_at((*len).min(rest.len()));
        pieces.push(now.to_vec());
        rest = later;
    }
    pieces.push(rest.to_vec());
    pieces
}

fn slices(pieces: &[Vec<u8>]) -> Vec<&[u8]> {
    pieces.iter().map(Vec::as_slice).collect()
}

fn block(algo: u32) -> usize {
    match algo {
        alg::TEE_ALG_AES_CTR => 1,
        _ => alg::block_size(algo).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn digests_and_codes(data in prop::collection::vec(any::<u8>(), 0..700),
                         at in prop::collection::vec(0usize..200, 0..6)) {
        let mut ta = Ta::new();
        let pieces = cut(&data, &at);
        for algo in rows(alg::Class::Digest) {
            let once = ta.digest(algo, 5, 0, &[&data], 64).unwrap();
            prop_assert_eq!(ta.digest(algo, 5, 0, &slices(&pieces), 64).unwrap(), once);
        }
        for algo in rows(alg::Class::Mac) {
            let keys = [(); 2].map(|()| fixed_key(&mut ta, algo));
            let once = ta.digest(algo, 4, keys[0], &[&data], 64);
            prop_assert_eq!(ta.digest(algo, 4, keys[1], &slices(&pieces), 64), once);
        }
    }

    #[test]
    fn ciphers(data in prop::collection::vec(any::<u8>(), 48..700),
               at in prop::collection::vec(0usize..9, 0..6)) {
        let mut ta = Ta::new();
        for algo in rows(alg::Class::Cipher) {
            let unit = block(algo);
            let steals = matches!(algo, alg::TEE_ALG_AES_XTS | alg::TEE_ALG_AES_CTS | alg::TEE_ALG_SM4_XTS);
            let len = if steals { data.len() } else { data.len() / unit * unit };
            let data = &data[..len];
            // What steals ciphertext wants two blocks in its last piece.
            let room = if steals { len - 33 } else { len };
            let mut left = room / unit;
            let at: Vec<usize> = at.iter().map(|n| { let n = (*n).min(left); left -= n; n * unit }).collect();
            let mut iv = alloc::vec![9u8; alg::block_size(algo).unwrap()];
            if algo & 0xf00 == 0 { iv.clear(); }
            let mut keys = || [fixed_key(&mut ta, algo), if alg::is_xts(algo) { fixed_key(&mut ta, algo) } else { 0 }];
            let (k1, k2, k3) = (keys(), keys(), keys());
            let once = ta.cipher(algo, 0, k1, &iv, &[data]).unwrap();
            let pieces = cut(data, &at);
            prop_assert_eq!(&ta.cipher(algo, 0, k2, &iv, &slices(&pieces)).unwrap(), &once);
            let pieces = cut(&once, &at);
            prop_assert_eq!(ta.cipher(algo, 1, k3, &iv, &slices(&pieces)).unwrap(), data);
        }
    }

    #[test]
    fn authenticated_encryption(data in prop::collection::vec(any::<u8>(), 0..300),
                                aad in prop::collection::vec(any::<u8>(), 0..100),
                                at in prop::collection::vec(0usize..80, 0..4)) {
        let mut ta = Ta::new();
        for algo in rows(alg::Class::Ae) {
            let mut sealed = Vec::new();
            for cuts in [&at[..], &[]] {
                let key = fixed_key(&mut ta, algo);
                let op = ta.op(algo, 0, key, 0).unwrap();
                ta.ae_init(op, &[3; 12], 16, aad.len() as u64, data.len() as u64).unwrap();
                for piece in cut(&aad, cuts) { ta.ae_aad(op, &piece).unwrap(); }
                let pieces = cut(&data, cuts);
                let (last, first) = pieces.split_last().unwrap();
                let mut out = Vec::new();
                for piece in first { out.extend(ta.ae_payload(op, piece).unwrap()); }
                let (rest, tag) = ta.ae_seal(op, last, 16).0.unwrap();
                out.extend(rest);
                ta.free(op).unwrap();
                sealed.push((out, tag));
            }
            prop_assert_eq!(&sealed[0], &sealed[1]);
            let key = fixed_key(&mut ta, algo);
            let op = ta.op(algo, 1, key, 0).unwrap();
            ta.ae_init(op, &[3; 12], 16, aad.len() as u64, data.len() as u64).unwrap();
            ta.ae_aad(op, &aad).unwrap();
            prop_assert_eq!(ta.ae_open(op, &sealed[0].0, &sealed[0].1).unwrap(), data.clone());
            ta.free(op).unwrap();
        }
    }
}

/// A call with arguments that are handles, sizes, addresses and numbers, as chance wills.
fn any_call() -> impl Strategy<Value = (u64, [u64; 7])> {
    let word = prop_oneof![
        4 => 0u64..6,
        2 => prop::sample::select(&[16u64, 24, 28, 32, 48, 64, 128, 192, 256, 384, 512, 521, 1024][..]),
        4 => (0u64..64).prop_map(|n| 0x1_0000_0000 + n * 64),
        1 => any::<u64>(),
        2 => prop::sample::select(alg::TABLE).prop_map(|row| u64::from(row.id)),
        2 => prop::sample::select(obj::TABLE).prop_map(|row| u64::from(row.id)),
    ];
    let number = prop_oneof![15u64..=40, Just(54)];
    (number, prop::array::uniform7(word))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_is_answered(calls in prop::collection::vec(any_call(), 1..120),
                                         memory in prop::collection::vec(any::<u8>(), 4096)) {
        let mut ta = Ta::new();
        let base = ta.lay(&memory);
        for (number, args) in calls {
            // Addresses of this TA's memory stand for those of the strategy.
            let args = args.map(|word| match word {
                0x1_0000_0000..0x1_0000_1000 => base + (word - 0x1_0000_0000),
                _ => word,
            });
            let _ = ta.bench.syscall(number, &args);
        }
    }

    #[test]
    fn any_operation_survives_any_order(algo in prop::sample::select(alg::TABLE), mode in 0u32..7,
                                        steps in prop::collection::vec((0u8..12, prop::collection::vec(any::<u8>(), 0..80)), 1..20)) {
        let mut ta = Ta::new();
        let key = row_key(&mut ta, &algo);
        let key2 = if alg::is_xts(algo.id) { row_key(&mut ta, &algo) } else { 0 };
        let Ok(op) = ta.op(algo.id, mode, key, key2) else { return Ok(()) };
        for (step, data) in steps {
            match step {
                0 => { let _ = ta.hash_init(op); }
                1 => { let _ = ta.hash_update(op, &data); }
                2 => { let _ = ta.hash_final(op, &data, 64); }
                3 => { let _ = ta.cipher_init(op, &[1; 16]); }
                4 => { let _ = ta.cipher_piece(op, &data, false); }
                5 => { let _ = ta.cipher_piece(op, &data, true); }
                6 => { let _ = ta.ae_init(op, &[1; 12], 16, 8, 40); }
                7 => { let _ = ta.ae_aad(op, &data); }
                8 => { let _ = ta.ae_payload(op, &data); }
                9 => { let _ = ta.ae_seal(op, &data, 16); }
                10 => { let _ = ta.ae_open(op, &data, &[0; 16]); }
                _ => { let _ = ta.operate(op, &[], &data, 600); }
            }
        }
        ta.free(op).unwrap();
    }
}

/// A key for a row, generated where there is such a thing.
fn row_key(ta: &mut Ta, row: &alg::Algorithm) -> u64 {
    match row.keys.first() {
        Some(ty) if obj::ObjectType::find(*ty).unwrap().is_plain_secret() => fixed_key(ta, row.id),
        _ => 0,
    }
}
