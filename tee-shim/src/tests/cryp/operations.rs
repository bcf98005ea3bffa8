//! Operations: keys they take, states, sizes told, copies, and what is refused how.

use tee_abi::TeeResult;
use tee_abi::algorithms as alg;
use tee_abi::objects as obj;

use super::fixed_key;
use super::ta::Ta;

const BAD_PARAMETERS: Option<TeeResult> = Some(TeeResult::ERROR_BAD_PARAMETERS);
const BAD_STATE: Option<TeeResult> = Some(TeeResult::ERROR_BAD_STATE);
const SHORT_BUFFER: Option<TeeResult> = Some(TeeResult::ERROR_SHORT_BUFFER);

#[test]
fn an_operation_takes_the_keys_of_its_algorithm() {
    let mut ta = Ta::new();
    let aes = fixed_key(&mut ta, alg::TEE_ALG_AES_CTR);
    let des = fixed_key(&mut ta, alg::TEE_ALG_DES_CBC_NOPAD);
    assert_eq!(ta.op(alg::TEE_ALG_AES_CTR, 0, des, 0).err(), BAD_PARAMETERS);
    assert_eq!(ta.op(alg::TEE_ALG_AES_CTR, 0, 0, 0).err(), BAD_PARAMETERS);
    assert_eq!(ta.op(alg::TEE_ALG_AES_XTS, 0, aes, 0).err(), BAD_PARAMETERS);
    assert_eq!(
        ta.op(alg::TEE_ALG_AES_CTR, 0, aes, aes).err(),
        BAD_PARAMETERS
    );
    assert_eq!(ta.op(alg::TEE_ALG_SHA256, 5, aes, 0).err(), BAD_PARAMETERS);
    assert_eq!(ta.op(alg::TEE_ALG_SHA256, 5, 4711, 0).err(), BAD_STATE);
    let unknown = Some(TeeResult::ERROR_NOT_IMPLEMENTED);
    assert_eq!(ta.op(alg::TEE_ALG_MD5SHA1, 5, 0, 0).err(), unknown);
    assert_eq!(
        ta.op(0x2000_0010, 0, 0, 0).err(),
        Some(TeeResult::ERROR_NOT_SUPPORTED)
    );
    let op = ta.op(alg::TEE_ALG_AES_CTR, 0, aes, 0).unwrap();
    let again = ta.op(alg::TEE_ALG_AES_CTR, 0, aes, 0);
    assert_eq!(again.err(), BAD_PARAMETERS, "the key belongs to the first");
    assert_eq!(ta.close(aes).err(), Some(TeeResult::ERROR_ITEM_NOT_FOUND));
    ta.free(op).unwrap();
    assert_eq!(ta.info(aes).err(), BAD_STATE, "the key went with it");
    assert_eq!(ta.free(op).err(), BAD_PARAMETERS);
}

#[test]
fn nothing_goes_in_before_the_start() {
    let mut ta = Ta::new();
    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_CTR);
    let cipher = ta.op(alg::TEE_ALG_AES_CTR, 0, key, 0).unwrap();
    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_GCM);
    let ae = ta.op(alg::TEE_ALG_AES_GCM, 0, key, 0).unwrap();
    let hash = ta.op(alg::TEE_ALG_SHA256, 5, 0, 0).unwrap();
    assert_eq!(ta.cipher_piece(cipher, &[0; 16], false).err(), BAD_STATE);
    assert_eq!(ta.ae_aad(ae, &[0; 16]).err(), BAD_STATE);
    assert_eq!(ta.ae_payload(ae, &[0; 16]).err(), BAD_STATE);
    assert_eq!(ta.ae_seal(ae, &[0; 16], 16).0.err(), BAD_STATE);
    assert_eq!(ta.hash_update(hash, &[0; 16]).err(), BAD_STATE);
    assert_eq!(ta.hash_final(hash, &[0; 16], 32).0.err(), BAD_STATE);
    assert_eq!(ta.hash_init(cipher).err(), BAD_PARAMETERS);
    assert_eq!(ta.cipher_init(hash, &[]).err(), BAD_STATE);
    assert_eq!(ta.ae_init(cipher, &[0; 12], 16, 0, 0).err(), BAD_STATE);
    let empty = ta.alloc(obj::TEE_TYPE_AES, 128).unwrap();
    let op = ta.op(alg::TEE_ALG_AES_CTR, 0, empty, 0).unwrap();
    assert_eq!(ta.cipher_init(op, &[0; 16]).err(), BAD_PARAMETERS);
}

#[test]
fn a_short_buffer_learns_the_size_and_loses_nothing() {
    let mut ta = Ta::new();
    let hash = ta.op(alg::TEE_ALG_SHA256, 5, 0, 0).unwrap();
    ta.hash_init(hash).unwrap();
    ta.hash_update(hash, b"abc").unwrap();
    let (done, told) = ta.hash_final(hash, &[], 31);
    assert_eq!((done.err(), told), (SHORT_BUFFER, 32));
    let whole = ta.digest(alg::TEE_ALG_SHA256, 5, 0, &[b"abc"], 64).unwrap();
    assert_eq!(ta.hash_final(hash, &[], 32).0.unwrap(), whole);

    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_GCM);
    let ae = ta.op(alg::TEE_ALG_AES_GCM, 0, key, 0).unwrap();
    ta.ae_init(ae, &[1; 12], 16, 0, 0).unwrap();
    let (done, told) = ta.ae_seal(ae, b"message", 15);
    assert_eq!((done.err(), told), (SHORT_BUFFER, [7, 15]));
    assert!(ta.ae_seal(ae, b"message", 16).0.is_ok());
    assert_eq!(ta.ae_payload(ae, b"more").err(), BAD_STATE);
}

#[test]
fn a_copied_state_goes_its_own_way() {
    let mut ta = Ta::new();
    let ops = [(); 2].map(|()| ta.op(alg::TEE_ALG_SHA256, 5, 0, 0).unwrap());
    ta.hash_init(ops[0]).unwrap();
    ta.hash_update(ops[0], b"ab").unwrap();
    ta.call(16, &[ops[1], ops[0]]).unwrap();
    let ends =
        [(ops[0], b"c"), (ops[1], b"d")].map(|(op, rest)| ta.hash_final(op, rest, 32).0.unwrap());
    for (end, whole) in ends.iter().zip([b"abc", b"abd"]) {
        assert_eq!(
            ta.digest(alg::TEE_ALG_SHA256, 5, 0, &[whole], 32).unwrap(),
            *end
        );
    }
    let other = ta.op(alg::TEE_ALG_SHA384, 5, 0, 0).unwrap();
    assert_eq!(ta.call(16, &[other, ops[0]]).err(), BAD_PARAMETERS);
}

#[test]
fn an_extendable_output_goes_on() {
    let mut ta = Ta::new();
    let whole = ta
        .digest(alg::TEE_ALG_SHAKE256, 5, 0, &[b"in"], 100)
        .unwrap();
    let op = ta.op(alg::TEE_ALG_SHAKE256, 5, 0, 0).unwrap();
    ta.hash_init(op).unwrap();
    let mut out = ta.hash_final(op, b"in", 33).0.unwrap();
    out.extend(ta.hash_final(op, &[], 67).0.unwrap());
    assert_eq!(out, whole);
}

#[test]
fn in_place_and_overlapping_buffers() {
    let mut ta = Ta::new();
    let data: alloc::vec::Vec<u8> = (0..40_000u32).map(|n| n as u8).collect();
    let keys = [fixed_key(&mut ta, alg::TEE_ALG_AES_CBC_NOPAD), 0];
    let want = ta
        .cipher(alg::TEE_ALG_AES_CBC_NOPAD, 0, keys, &[5; 16], &[&data])
        .unwrap();
    for shift in [0u64, 1, 16, 17, 4096] {
        for forwards in [true, false] {
            let key = fixed_key(&mut ta, alg::TEE_ALG_AES_CBC_NOPAD);
            let op = ta.op(alg::TEE_ALG_AES_CBC_NOPAD, 0, key, 0).unwrap();
            ta.cipher_init(op, &[5; 16]).unwrap();
            let room = ta.lay(&alloc::vec![0; 50_000]);
            let (src, dst) = if forwards {
                (room, room + shift)
            } else {
                (room + shift, room)
            };
            let size = ta.word(data.len() as u64);
            litebox::AddressSpace::write(ta.bench.ta.mm.space_mut(), src, &data).unwrap();
            ta.call(23, &[op, src, data.len() as u64, dst, size])
                .unwrap();
            assert!(
                ta.read(dst, data.len() as u64) == want,
                "{shift} {forwards}"
            );
            ta.free(op).unwrap();
        }
    }
}

#[test]
fn a_wrong_tag_or_length_is_refused() {
    let mut ta = Ta::new();
    let mac_invalid = Some(TeeResult::ERROR_MAC_INVALID);
    for algo in [alg::TEE_ALG_AES_GCM, alg::TEE_ALG_AES_CCM] {
        let start = |ta: &mut Ta, mode| {
            let key = fixed_key(ta, algo);
            let op = ta.op(algo, mode, key, 0).unwrap();
            ta.ae_init(op, &[1; 12], 12, 3, 5).unwrap();
            ta.ae_aad(op, b"aad").unwrap();
            op
        };
        let op = start(&mut ta, 0);
        let (cipher, mut tag) = ta.ae_seal(op, b"12345", 16).0.unwrap();
        assert_eq!(tag.len(), 12);
        assert_eq!(
            ta.ae_open(op, &cipher, &tag).err(),
            BAD_PARAMETERS,
            "another mode"
        );
        let op = start(&mut ta, 1);
        assert_eq!(ta.ae_open(op, &cipher, &tag).unwrap(), b"12345");
        tag[11] ^= 1;
        let op = start(&mut ta, 1);
        assert_eq!(ta.ae_open(op, &cipher, &tag).err(), mac_invalid);
    }
    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_GCM);
    let op = ta.op(alg::TEE_ALG_AES_GCM, 1, key, 0).unwrap();
    ta.ae_init(op, &[1; 12], 16, 0, 0).unwrap();
    assert_eq!(
        ta.ae_open(op, b"x", &[0; 15]).err(),
        mac_invalid,
        "a cut tag"
    );
    assert_eq!(ta.ae_init(op, &[1; 12], 17, 0, 0).err(), BAD_PARAMETERS);
    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_CCM);
    let op = ta.op(alg::TEE_ALG_AES_CCM, 0, key, 0).unwrap();
    for tag in [3, 5, 18] {
        let done = ta.ae_init(op, &[1; 12], tag, 0, 0);
        assert_eq!(done.err(), Some(TeeResult::ERROR_NOT_SUPPORTED));
    }
    assert_eq!(ta.ae_init(op, &[1; 14], 16, 0, 0).err(), BAD_PARAMETERS);
    assert_eq!(ta.ae_init(op, &[1; 6], 16, 0, 0).err(), BAD_STATE);
    ta.ae_init(op, &[1; 12], 16, 0, 4).unwrap();
    assert_eq!(
        ta.ae_payload(op, &[0; 5]).err(),
        BAD_STATE,
        "more than announced"
    );
}

#[test]
fn a_snapshot_holds_operations_half_way() {
    let mut ta = Ta::new();
    let hash = ta.op(alg::TEE_ALG_SHA3_256, 5, 0, 0).unwrap();
    ta.hash_init(hash).unwrap();
    ta.hash_update(hash, b"before").unwrap();
    let key = fixed_key(&mut ta, alg::TEE_ALG_AES_CTR);
    let cipher = ta.op(alg::TEE_ALG_AES_CTR, 0, key, 0).unwrap();
    ta.cipher_init(cipher, &[2; 16]).unwrap();
    let snapshot = ta.bench.ta.snapshot().unwrap();
    let mut seen = alloc::vec::Vec::new();
    for _ in 0..2 {
        let object = ta.alloc(obj::TEE_TYPE_AES, 128).unwrap();
        let digest = ta.hash_final(hash, b"after", 32).0.unwrap();
        let stream = ta.cipher_piece(cipher, &[0; 21], false).unwrap();
        seen.push((object, digest, stream));
        ta.bench.ta.restore(&snapshot).unwrap();
    }
    assert_eq!(seen[0], seen[1]);
}
