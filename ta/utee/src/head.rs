//! What a TA says of itself: its header, its properties, and the symbols that a loader looks for.

use tee_abi::Uuid;

use crate::layout::RawUuid;

/// Stack that this library needs on top of the TA's own.
pub const FRAMEWORK_STACK_SIZE: u32 = 2048;

/// A UUID from its text, at compile time.
///
/// # Panics
/// When the text is no UUID: the TA does not compile.
#[must_use]
pub const fn uuid(text: &str) -> RawUuid {
    let text = text.as_bytes();
    assert!(text.len() == 36, "a UUID has 36 characters");
    let mut octets = [0u8; 16];
    let (mut at, mut nibbles) = (0, 0);
    while at < 36 {
        if at == 8 || at == 13 || at == 18 || at == 23 {
            assert!(text[at] == b'-', "a UUID has the form 8-4-4-4-12");
        } else {
            octets[nibbles / 2] = octets[nibbles / 2] << 4 | digit(text[at]);
            nibbles += 1;
        }
        at += 1;
    }
    RawUuid(Uuid(octets).to_memory())
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        b'A'..=b'F' => character - b'A' + 10,
        _ => panic!("a UUID has hexadecimal digits"),
    }
}

/// The value of a property in memory form, by its type's name: `bool`, `u32`, `u64`, `str`
/// (and `base64`, a binary block's text).
#[doc(hidden)]
#[macro_export]
macro_rules! __property {
    ($name:expr, bool $value:expr) => {
        $crate::__property!(@ $name, Bool, { static VALUE: bool = $value; &raw const VALUE })
    };
    ($name:expr, u32 $value:expr) => {
        $crate::__property!(@ $name, U32, { static VALUE: u32 = $value; &raw const VALUE })
    };
    ($name:expr, u64 $value:expr) => {
        $crate::__property!(@ $name, U64, { static VALUE: u64 = $value; &raw const VALUE })
    };
    ($name:expr, str $value:expr) => {
        $crate::__property!(@ $name, String, ::core::concat!($value, "\0").as_ptr())
    };
    ($name:expr, base64 $value:expr) => {
        $crate::__property!(@ $name, BinaryBlock, ::core::concat!($value, "\0").as_ptr())
    };
    (@ $name:expr, $kind:ident, $value:expr) => {
        $crate::layout::Property {
            name: ::core::concat!($name, "\0").as_ptr(),
            kind: $crate::tee_abi::property::PropType::$kind,
            value: $value.cast(),
        }
    };
}

/// Makes the crate a TA: header, properties, heap, entry point.
///
/// `app` (a type that implements [`crate::TrustedApp`]) and `uuid` are needed; the rest has
/// defaults: `flags: 0`, `stack_size: 8192`, `heap_size: 32768`, `trace_level: 2`,
/// `version: "0.1.0"`, `description: ""`, `properties: {}`. They come in this order. A property is
/// `"name": type value` with a type of `bool`, `u32`, `u64`, `str`, `base64`.
#[macro_export]
macro_rules! ta {
    (
        app: $app:ty,
        uuid: $uuid:expr
        $(, flags: $flags:expr)?
        $(, stack_size: $stack:expr)?
        $(, heap_size: $heap:expr)?
        $(, trace_level: $level:expr)?
        $(, version: $version:literal)?
        $(, description: $description:literal)?
        $(, properties: { $($property:literal : $kind:ident $value:expr),* $(,)? })?
        $(,)?
    ) => {
        #[doc(hidden)]
        #[expect(unsafe_code, reason = "symbols and the entry that a TEE expects")]
        #[expect(non_upper_case_globals, reason = "the names are the loader's")]
        mod __ta {
            use super::*;
            use $crate::tee_abi::ta as abi;

            const FLAGS: u32 = $crate::__or!($($flags)?, 0);
            const STACK_SIZE: u32 = $crate::__or!($($stack)?, 8192);
            const HEAP_SIZE: usize = $crate::__or!($($heap)?, 32768);

            #[unsafe(no_mangle)]
            #[unsafe(link_section = ".ta_head")]
            static ta_head: $crate::layout::Head = $crate::layout::Head {
                uuid: $crate::head::uuid($uuid),
                stack_size: STACK_SIZE + $crate::head::FRAMEWORK_STACK_SIZE,
                flags: FLAGS,
                depr_entry: abi::NO_DEPRECATED_ENTRY,
            };

            const PROPERTIES: &[$crate::layout::Property] = &[
                $crate::__property!("gpd.ta.singleInstance", bool FLAGS & abi::TA_FLAG_SINGLE_INSTANCE != 0),
                $crate::__property!("gpd.ta.multiSession", bool FLAGS & abi::TA_FLAG_MULTI_SESSION != 0),
                $crate::__property!("gpd.ta.instanceKeepAlive", bool FLAGS & abi::TA_FLAG_INSTANCE_KEEP_ALIVE != 0),
                $crate::__property!("optee.ta.instanceKeepCrashed", bool FLAGS & abi::TA_FLAG_INSTANCE_KEEP_CRASHED != 0),
                $crate::__property!("gpd.ta.dataSize", u32 HEAP_SIZE as u32),
                $crate::__property!("gpd.ta.stackSize", u32 STACK_SIZE),
                $crate::__property!("gpd.ta.version", str $crate::__or!($($version)?, "0.1.0")),
                $crate::__property!("gpd.ta.description", str $crate::__or!($($description)?, "")),
                $crate::__property!("gpd.ta.endian", u32 0),
                $crate::__property!(
                    "gpd.ta.doesNotCloseHandleOnCorruptObject",
                    bool FLAGS & abi::TA_FLAG_DONT_CLOSE_HANDLE_ON_CORRUPT_OBJECT != 0
                ),
                $($($crate::__property!($property, $kind $value),)*)?
            ];

            #[unsafe(no_mangle)]
            static ta_props: [$crate::layout::Property; PROPERTIES.len()] = {
                match PROPERTIES.first_chunk() {
                    Some(all) => *all,
                    None => panic!(),
                }
            };

            #[unsafe(no_mangle)]
            static ta_num_props: usize = ta_props.len();

            #[unsafe(no_mangle)]
            static __elf_phdr_info: $crate::layout::ElfPhdrInfo = $crate::layout::ElfPhdrInfo::new();

            #[unsafe(no_mangle)]
            static trace_ext_prefix: [u8; 3] = *b"TA\0";

            #[unsafe(no_mangle)]
            static trace_level: ::core::sync::atomic::AtomicI32 =
                ::core::sync::atomic::AtomicI32::new($crate::__or!($($level)?, 2));

            static HEAP: $crate::entry::HeapArea<HEAP_SIZE> = $crate::entry::HeapArea::new();
            static INSTANCE: $crate::entry::Instance<$app> = $crate::entry::Instance::new();

            #[unsafe(no_mangle)]
            extern "C" fn __ta_entry(func: usize, session: usize, params: usize, command: usize) -> ! {
                // SAFETY: the TEE calls this with its words, and not again before it returned.
                unsafe { INSTANCE.enter(&HEAP, FLAGS, [func, session, params, command]) }
            }
        }
    };
}

/// The first expression, or the default where there is none.
#[doc(hidden)]
#[macro_export]
macro_rules! __or {
    (, $default:expr) => {
        $default
    };
    ($given:expr, $default:expr) => {
        $given
    };
}
