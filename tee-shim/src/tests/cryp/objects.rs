//! Objects: sizes, attributes, usage, copies, and what is refused how.

use tee_abi::TeeResult;
use tee_abi::attributes as attr;
use tee_abi::objects as obj;

use super::ta::{Attr, Ta};

const INITIALIZED: u32 = obj::TEE_HANDLE_FLAG_INITIALIZED;
const BAD_PARAMETERS: Option<TeeResult> = Some(TeeResult::ERROR_BAD_PARAMETERS);
const NOT_SUPPORTED: Option<TeeResult> = Some(TeeResult::ERROR_NOT_SUPPORTED);
const ITEM_NOT_FOUND: Option<TeeResult> = Some(TeeResult::ERROR_ITEM_NOT_FOUND);
const BAD_STATE: Option<TeeResult> = Some(TeeResult::ERROR_BAD_STATE);

#[test]
fn every_type_is_allocated_at_its_sizes_alone() {
    let mut ta = Ta::new();
    for ty in obj::TABLE {
        for bits in [ty.min, ty.max] {
            let o = ta.alloc(ty.id, bits.into()).unwrap();
            let info = ta.info(o).unwrap();
            assert_eq!(info, [ty.id, 0, bits, u32::MAX, 0, 0, 0], "{}", ty.name);
            ta.close(o).unwrap();
        }
        for bits in [u64::from(ty.max) + 1, u64::MAX, 1] {
            assert_eq!(
                ta.alloc(ty.id, bits).err(),
                NOT_SUPPORTED,
                "{} {bits}",
                ty.name
            );
        }
    }
    ta.alloc(obj::TEE_TYPE_DATA, 0).unwrap();
    assert_eq!(ta.alloc(obj::TEE_TYPE_DATA, 8).err(), NOT_SUPPORTED);
    assert_eq!(ta.alloc(0xA000_0077, 0).err(), NOT_SUPPORTED);
}

#[test]
fn a_secret_is_what_was_put_in_until_reset() {
    let mut ta = Ta::new();
    let o = ta.secret(obj::TEE_TYPE_AES, &[7; 24]).unwrap();
    assert_eq!(ta.info(o).unwrap()[1..3], [192, 192]);
    assert_eq!(ta.info(o).unwrap()[6], INITIALIZED);
    assert_eq!(ta.attr(o, attr::TEE_ATTR_SECRET_VALUE).unwrap(), [7; 24]);
    let (short, told) = ta.attr_in(o, attr::TEE_ATTR_SECRET_VALUE, 23);
    assert_eq!(
        (short.err(), told),
        (Some(TeeResult::ERROR_SHORT_BUFFER), 24)
    );
    let again = ta.populate(o, &[Attr::Ref(attr::TEE_ATTR_SECRET_VALUE, &[1; 16])]);
    assert_eq!(again.err(), BAD_PARAMETERS);
    ta.call(29, &[o]).unwrap();
    assert_eq!(
        ta.attr(o, attr::TEE_ATTR_SECRET_VALUE).err(),
        BAD_PARAMETERS
    );
    ta.populate(o, &[Attr::Ref(attr::TEE_ATTR_SECRET_VALUE, &[1; 16])])
        .unwrap();
    assert_eq!(ta.info(o).unwrap()[1], 128);
}

#[test]
fn usage_only_shrinks_and_guards_what_is_secret() {
    let mut ta = Ta::new();
    let o = ta.alloc(obj::TEE_TYPE_ECDSA_KEYPAIR, 256).unwrap();
    let curve = [Attr::Val(attr::TEE_ATTR_ECC_CURVE, 3, 0)];
    ta.generate(o, 256, &curve).unwrap();
    assert_eq!(
        ta.attr(o, attr::TEE_ATTR_ECC_PRIVATE_VALUE)
            .unwrap()
            .len()
            .div_ceil(32),
        1
    );
    ta.call(25, &[o, 0xfe]).unwrap();
    ta.call(25, &[o, 0xff]).unwrap();
    assert_eq!(ta.info(o).unwrap()[3], 0xfe);
    assert_eq!(
        ta.attr(o, attr::TEE_ATTR_ECC_PRIVATE_VALUE).err(),
        BAD_PARAMETERS
    );
    assert!(ta.attr(o, attr::TEE_ATTR_ECC_PUBLIC_VALUE_X).is_ok());
    let (curve, told) = ta.attr_in(o, attr::TEE_ATTR_ECC_CURVE, 8);
    assert_eq!((&curve.unwrap()[..], told), (&3u64.to_le_bytes()[..], 8));
    let copy = ta.alloc(obj::TEE_TYPE_ECDSA_PUBLIC_KEY, 256).unwrap();
    ta.copy(copy, o).unwrap();
    let info = ta.info(copy).unwrap();
    assert_eq!((info[1], info[3], info[6]), (256, 0xfe, INITIALIZED));
    let x = ta.attr(o, attr::TEE_ATTR_ECC_PUBLIC_VALUE_X).unwrap();
    assert_eq!(ta.attr(copy, attr::TEE_ATTR_ECC_PUBLIC_VALUE_X).unwrap(), x);
    assert_eq!(
        ta.attr(copy, attr::TEE_ATTR_RSA_MODULUS).err(),
        ITEM_NOT_FOUND
    );
}

#[test]
fn a_copy_needs_the_same_type_or_the_public_half() {
    let mut ta = Ta::new();
    let aes = ta.secret(obj::TEE_TYPE_AES, &[1; 16]).unwrap();
    let empty = ta.alloc(obj::TEE_TYPE_AES, 128).unwrap();
    let other = ta.alloc(obj::TEE_TYPE_GENERIC_SECRET, 128).unwrap();
    assert_eq!(ta.copy(aes, empty).err(), BAD_PARAMETERS);
    assert_eq!(ta.copy(other, aes).err(), BAD_PARAMETERS);
    ta.copy(empty, aes).unwrap();
    assert_eq!(ta.copy(empty, aes).err(), BAD_PARAMETERS);
    assert_eq!(ta.copy(empty, 4711).err(), BAD_STATE);
}

#[test]
fn attributes_are_those_of_the_type_each_once_and_all() {
    let mut ta = Ta::new();
    let n = [0xff; 32];
    let modulus = Attr::Ref(attr::TEE_ATTR_RSA_MODULUS, &n);
    let exponent = Attr::Ref(attr::TEE_ATTR_RSA_PUBLIC_EXPONENT, &[1, 0, 1]);
    let secret = Attr::Ref(attr::TEE_ATTR_SECRET_VALUE, &[1]);
    let private = Attr::Ref(attr::TEE_ATTR_RSA_PRIVATE_EXPONENT, &[3]);
    let prime = Attr::Ref(attr::TEE_ATTR_RSA_PRIME1, &[3]);
    let public = obj::TEE_TYPE_RSA_PUBLIC_KEY;
    let pair = obj::TEE_TYPE_RSA_KEYPAIR;
    let mut refused = |ty, attrs: &[Attr<'_>]| ta.key(ty, 256, attrs).err();
    assert_eq!(refused(public, &[]), ITEM_NOT_FOUND);
    assert_eq!(
        refused(public, core::slice::from_ref(&modulus)),
        ITEM_NOT_FOUND
    );
    assert_eq!(
        refused(public, &[modulus.clone(), modulus.clone()]),
        ITEM_NOT_FOUND
    );
    let strange = [modulus.clone(), exponent.clone(), secret];
    assert_eq!(refused(public, &strange), ITEM_NOT_FOUND);
    let part = [modulus.clone(), exponent.clone(), private.clone(), prime];
    assert_eq!(refused(pair, &part), ITEM_NOT_FOUND);
    assert_eq!(
        refused(pair, &[modulus.clone(), exponent.clone(), private]),
        None
    );
    let large = [0xff; 33];
    let large = [Attr::Ref(attr::TEE_ATTR_RSA_MODULUS, &large), exponent];
    assert_eq!(refused(public, &large), BAD_STATE);
    assert_eq!(refused(obj::TEE_TYPE_DATA, &[]), NOT_SUPPORTED);
}

#[test]
fn attributes_of_fixed_size_have_it() {
    let mut ta = Ta::new();
    let o = ta.alloc(obj::TEE_TYPE_ED25519_PUBLIC_KEY, 256).unwrap();
    for len in [0, 31, 33] {
        let bytes = alloc::vec![1; len];
        let done = ta.populate(o, &[Attr::Ref(attr::TEE_ATTR_ED25519_PUBLIC_VALUE, &bytes)]);
        assert_eq!(done.err(), Some(TeeResult::ERROR_SECURITY));
    }
    let aes = ta.alloc(obj::TEE_TYPE_AES, 256).unwrap();
    let done = ta.populate(aes, &[Attr::Ref(attr::TEE_ATTR_SECRET_VALUE, &[1; 33])]);
    assert_eq!(done.err(), Some(TeeResult::ERROR_SECURITY));
    let done = ta.populate(aes, &[Attr::Ref(attr::TEE_ATTR_SECRET_VALUE, &[1; 17])]);
    assert_eq!(done.err(), BAD_PARAMETERS);
}

#[test]
fn every_key_type_is_generated_and_complete() {
    let mut ta = Ta::new();
    for ty in obj::TABLE
        .iter()
        .filter(|ty| ty.id >> 24 == 0xA1 || ty.is_plain_secret())
    {
        let bits = match ty.id {
            obj::TEE_TYPE_RSA_KEYPAIR => 512,
            obj::TEE_TYPE_ECDSA_KEYPAIR | obj::TEE_TYPE_ECDH_KEYPAIR => 521,
            _ => ty.min,
        };
        let curve = [Attr::Val(attr::TEE_ATTR_ECC_CURVE, 5, 0)];
        let attrs = if ty.attribute(attr::TEE_ATTR_ECC_CURVE).is_some() {
            &curve[..]
        } else {
            &[]
        };
        let o = ta.alloc(ty.id, bits.into()).unwrap();
        let done = ta.generate(o, bits.into(), attrs);
        match ty.id {
            obj::TEE_TYPE_DSA_KEYPAIR | obj::TEE_TYPE_DH_KEYPAIR => {
                assert_eq!(done.err(), ITEM_NOT_FOUND, "{} needs a group", ty.name);
                continue;
            }
            obj::TEE_TYPE_HKDF_IKM | obj::TEE_TYPE_CONCAT_KDF_Z | obj::TEE_TYPE_PBKDF2_PASSWORD => {
                assert_eq!(done.err(), Some(TeeResult::ERROR_BAD_FORMAT), "{}", ty.name);
                continue;
            }
            _ => assert_eq!(done, Ok(()), "{}", ty.name),
        }
        let info = ta.info(o).unwrap();
        assert_eq!((info[1], info[6]), (bits, INITIALIZED), "{}", ty.name);
        for row in ty.attributes {
            assert!(ta.attr(o, row.id).is_ok(), "{} {:x}", ty.name, row.id);
        }
        assert_eq!(
            ta.generate(o, bits.into(), attrs).err(),
            BAD_STATE,
            "{}",
            ty.name
        );
    }
}

#[test]
fn a_generated_rsa_key_has_the_exponent_that_was_asked_for() {
    let mut ta = Ta::new();
    let e = attr::TEE_ATTR_RSA_PUBLIC_EXPONENT;
    for (given, good) in [
        (&[1, 0, 1][..], true),
        (&[1, 0, 3], true),
        (&[3], false),
        (&[1], false),
        (&[1, 0, 2], false),
    ] {
        let o = ta.alloc(obj::TEE_TYPE_RSA_KEYPAIR, 512).unwrap();
        let done = ta.generate(o, 512, &[Attr::Ref(e, given)]);
        if good {
            assert_eq!(done, Ok(()));
            assert_eq!(ta.attr(o, e).unwrap(), given);
            assert_eq!(ta.attr(o, attr::TEE_ATTR_RSA_MODULUS).unwrap().len(), 64);
        } else {
            assert_eq!(done.err(), BAD_PARAMETERS, "{given:?}");
        }
    }
}

#[test]
fn addresses_that_are_no_memory_are_refused() {
    let mut ta = Ta::new();
    let o = ta.secret(obj::TEE_TYPE_AES, &[1; 16]).unwrap();
    let denied = Some(TeeResult::ERROR_ACCESS_DENIED);
    assert_eq!(ta.call(24, &[o, 16]).err(), denied);
    assert_eq!(
        ta.call(27, &[obj::TEE_TYPE_AES.into(), 128, 16]).err(),
        denied
    );
    assert_eq!(ta.call(26, &[o, 0xC000_0000, 16, 16]).err(), denied);
    let empty = ta.alloc(obj::TEE_TYPE_AES, 128).unwrap();
    assert_eq!(ta.call(30, &[empty, 16, 1]).err(), denied);
    assert_eq!(
        ta.call(30, &[empty, 16, u64::MAX]).err(),
        Some(TeeResult::ERROR_OVERFLOW)
    );
}
