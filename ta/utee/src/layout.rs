//! Structures that the TEE reads from a TA's memory, as `repr(C)`.
//!
//! `tee-abi` has the same layouts as bytes, for hosts of either word size; here a TA needs them
//! in place. Sizes and offsets are asserted against it.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{offset_of, size_of};

use tee_abi::layout::{
    NUM_PARAMS, TEE_TIME_SIZE, UTEE_ATTRIBUTE_SIZE, UTEE_OBJECT_INFO_SIZE, UTEE_PARAMS_SIZE,
};
use tee_abi::property::PropType;
use tee_abi::ta::TA_HEAD_SIZE;

/// `TEE_UUID` in memory: the first three fields little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(4))]
pub struct RawUuid(pub [u8; 16]);

/// `struct utee_params`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawParams {
    /// Four nibbles of `TEE_PARAM_TYPE_*`, lowest first.
    pub types: u64,
    /// `(a, b)` of values, `(pointer, size)` of memrefs.
    pub vals: [[u64; 2]; NUM_PARAMS],
}

/// `struct utee_attribute`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawAttribute {
    /// `value.a`, or the buffer's address.
    pub a: u64,
    /// `value.b`, or the buffer's length.
    pub b: u64,
    /// `TEE_ATTR_*`.
    pub id: u32,
}

/// `struct utee_object_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ObjectInfo {
    /// `TEE_TYPE_*`.
    pub obj_type: u32,
    /// Size of the key in bits, 0 when not populated.
    pub obj_size: u32,
    /// Largest key size in bits.
    pub max_obj_size: u32,
    /// `TEE_USAGE_*`.
    pub obj_usage: u32,
    /// Bytes in the data stream.
    pub data_size: u32,
    /// Position in the data stream.
    pub data_pos: u32,
    /// `TEE_HANDLE_FLAG_*` and `TEE_DATA_FLAG_*`.
    pub handle_flags: u32,
}

/// `TEE_Time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Time {
    /// Whole seconds.
    pub seconds: u32,
    /// Milliseconds, 0 to 999.
    pub millis: u32,
}

/// `struct ta_head`.
#[derive(Debug)]
#[repr(C)]
pub struct Head {
    /// The TA's identity.
    pub uuid: RawUuid,
    /// Stack size in bytes.
    pub stack_size: u32,
    /// `TA_FLAG_*`.
    pub flags: u32,
    /// [`tee_abi::ta::NO_DEPRECATED_ENTRY`].
    pub depr_entry: u64,
}

/// `struct user_ta_property`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Property {
    /// Zero-terminated name.
    pub name: *const u8,
    /// How `value` is read.
    pub kind: PropType,
    /// The value in memory form.
    pub value: *const c_void,
}

// SAFETY: a property is constant data.
unsafe impl Sync for Property {}

/// `struct __elf_phdr_info`: the loader tells here which ELF objects it mapped.
///
/// u32 reserved, u16 count, two bytes of zero, pointer to `struct dl_phdr_info[count]`.
#[derive(Debug)]
#[repr(C)]
pub struct ElfPhdrInfo(UnsafeCell<(u64, *const c_void)>);

// SAFETY: the loader writes it before the TA runs; nobody does afterwards.
unsafe impl Sync for ElfPhdrInfo {}

impl ElfPhdrInfo {
    /// As linked: no objects.
    #[expect(clippy::new_without_default, reason = "a static, made once")]
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new((0, core::ptr::null())))
    }
}

const _: () = {
    assert!(size_of::<RawUuid>() == 16);
    assert!(size_of::<RawParams>() == UTEE_PARAMS_SIZE);
    assert!(offset_of!(RawParams, vals) == 8);
    assert!(size_of::<RawAttribute>() == UTEE_ATTRIBUTE_SIZE);
    assert!(offset_of!(RawAttribute, id) == 16);
    assert!(size_of::<ObjectInfo>() == UTEE_OBJECT_INFO_SIZE);
    assert!(offset_of!(ObjectInfo, handle_flags) == 24);
    assert!(size_of::<Time>() == TEE_TIME_SIZE);
    assert!(size_of::<Head>() == TA_HEAD_SIZE);
    assert!(offset_of!(Head, stack_size) == 16);
    assert!(offset_of!(Head, flags) == 20);
    assert!(offset_of!(Head, depr_entry) == 24);
    assert!(size_of::<Property>() == 3 * size_of::<usize>());
    assert!(offset_of!(Property, kind) == size_of::<usize>());
    assert!(size_of::<ElfPhdrInfo>() == 16);
};
