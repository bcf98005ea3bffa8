//! What `inspect` tells of a file.

mod support;

use support::{DATA, Elf, Symbol, signed, uuid};
use ta_loader::inspect::{LinkedSyscall, Property, Report};
use ta_loader::{Machine, PublicKey, Trust};
use tee_abi::Uuid;

/// Where the names and values of properties lie in text.
const STRINGS: u64 = 0xe00;

fn dev() -> Trust {
    let mut trust = Trust::default();
    trust.add("default_dev.pem", PublicKey::development_default());
    trust
}

/// An array of three properties in the data page, without a symbol that names it.
fn with_properties(machine: Machine) -> Elf {
    let relative = match machine {
        Machine::AArch64 => 1027,
        Machine::Arm => 23,
        Machine::X86_64 => 8,
    };
    let mut elf = Elf::main(machine);
    let word = if machine.is_32bit() { 4 } else { 8 };
    let rows: [(&str, u8, &[u8]); 3] = [
        ("gpd.ta.singleInstance", 0, &[1]),
        ("gpd.ta.dataSize", 1, &[0, 0x80, 0, 0]),
        ("gpd.ta.version", 4, b"1.0\0"),
    ];
    let mut string = STRINGS;
    for (index, (name, kind, value)) in rows.into_iter().enumerate() {
        let row = DATA + 0x40 + 3 * word * index as u64;
        let (name_at, value_at) = (string, string + 32);
        let name = [name.as_bytes(), &[0]].concat();
        elf = elf.at(name_at, name).at(value_at, value);
        let (name_word, value_word) = (elf.word(name_at), elf.word(value_at));
        elf = elf
            .at(row, name_word)
            .at(row + word, [kind])
            .at(row + 2 * word, value_word)
            .rel(row, relative, 0, name_at as i64)
            .rel(row + 2 * word, relative, 0, value_at as i64);
        string += 48;
    }
    elf
}

/// `log` and `wait`; only the first is called.
fn a64_stubs() -> Vec<u8> {
    let code: [u32; 7] = [
        0x9400_0001, // bl +4
        0xd280_0028, // mov x8, #1
        0xd400_0001, // svc #0
        0xd65f_03c0, // ret
        0xd280_0188, // mov x8, #12
        0xd400_0001, // svc #0
        0xd65f_03c0, // ret
    ];
    code.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// As [`a64_stubs`] in A32.
fn a32_stubs() -> Vec<u8> {
    let stub = |number: u32| {
        [
            0xe92d_40e0u32,
            0xe3a0_7000 | number,
            0xe3a0_6000,
            0xef00_0000,
            0xe8bd_80e0,
        ]
    };
    let words = [stub(1), stub(12)].concat();
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn the_properties_of_a_stripped_ta_are_found() {
    let property = |name: &str, kind, value: &str| Property {
        name: name.to_owned(),
        kind,
        value: value.to_owned(),
    };
    let expected = [
        property("gpd.ta.singleInstance", "BOOL", "true"),
        property("gpd.ta.dataSize", "U32", "32768"),
        property("gpd.ta.version", "STRING", "1.0"),
    ];
    for machine in [Machine::AArch64, Machine::Arm, Machine::X86_64] {
        let file = signed(&with_properties(machine).build());
        let report = Report::new(&file, Some(uuid()), &dev());
        assert_eq!(report.elf.unwrap().properties, expected, "{machine}");
    }
}

#[test]
fn syscall_stubs_are_found_without_symbols() {
    let stub = |number, name, reachable| LinkedSyscall {
        number,
        name,
        reachable,
    };
    let of = |machine, code: Vec<u8>| {
        let file = signed(&Elf::main(machine).at(0x40, code).build());
        Report::new(&file, None, &dev()).elf.unwrap().syscalls
    };
    let a64 = of(Machine::AArch64, a64_stubs());
    assert_eq!(
        a64,
        [stub(1, "log", Some(true)), stub(12, "wait", Some(false))]
    );
    let a32 = of(Machine::Arm, a32_stubs());
    assert_eq!(a32, [stub(1, "log", None), stub(12, "wait", None)]);
    let x86 = of(
        Machine::X86_64,
        vec![0xb8, 12, 0, 0, 0, 0x41, 0x54, 0x0f, 0x05],
    );
    assert_eq!(x86, [stub(12, "wait", None)]);
}

#[test]
fn code_is_followed_through_formed_and_stored_addresses() {
    let code: [u32; 12] = [
        0x1000_0120, // 0x40 adr x0, 0x64
        0xd65f_03c0, // 0x44 ret
        0xd280_0008, // 0x48 mov x8, #0
        0xd400_0001, // 0x4c svc #0
        0xd65f_03c0, // 0x50 ret
        0xd280_0028, // 0x54 mov x8, #1
        0xd400_0001, // 0x58 svc #0
        0xd65f_03c0, // 0x5c ret
        0xd65f_03c0, // 0x60 ret
        0x17ff_fff9, // 0x64 b 0x48
        0xd280_0048, // 0x68 mov x8, #2
        0xd400_0001, // 0x6c svc #0
    ];
    let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    let elf = Elf::main(Machine::AArch64)
        .at(0x40, code)
        .rel(DATA, 1027, 0, 0x54);
    let file = signed(&elf.build());
    let syscalls = Report::new(&file, None, &dev()).elf.unwrap().syscalls;
    let reachable: Vec<_> = syscalls.iter().map(|s| (s.name, s.reachable)).collect();
    let expected = [
        ("sys_return", Some(true)),
        ("log", Some(true)),
        ("panic", Some(false)),
    ];
    assert_eq!(reachable, expected);
}

#[test]
fn the_text_names_what_a_person_looks_for() {
    let mut elf = with_properties(Machine::AArch64)
        .at(0x40, a64_stubs())
        .symbol(Symbol::undefined("elsewhere"));
    elf.flags = 0xc;
    elf.needed = vec![Uuid([0x11; 16]).to_string()];
    let file = signed(&elf.build());
    let text = Report::new(&file, Some(uuid()), &dev()).to_text("x.ta");
    for expected in [
        "  verdict      accepted\n",
        "  type         1 (SHDR_BOOTSTRAP_TA)\n",
        "  version      7\n",
        "  algorithm    0x70414930 (TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256)\n",
        "  signature    256 bytes, by default_dev.pem, RSA-2048, key bc3c0338fef60e71",
        "TA for aarch64\n",
        "  flags        0x000c (TA_FLAG_SINGLE_INSTANCE | TA_FLAG_MULTI_SESSION)\n",
        "  stack        4096 bytes\n",
        "  needs        11111111-1111-1111-1111-111111111111\n",
        "  undefined    elsewhere\n",
        "  gpd.ta.dataSize                          U32          32768\n",
        "       6 R_AARCH64_RELATIVE\n",
        "Syscalls: 2 linked, 1 within reach\n  within reach log\n  out of reach wait\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn a_refused_file_is_shown_with_the_reason() {
    let file = signed(&Elf::main(Machine::AArch64).build());
    let report = Report::new(&file, Some(uuid()), &Trust::upstream_default());
    assert!(!report.verdict.accepted);
    assert_eq!(
        report.verdict.result.as_deref(),
        Some("0xffff000f (TEE_ERROR_SECURITY)")
    );
    assert!(report.headers[0].signed_by.is_none());
    assert_eq!(report.headers[0].hash_matches, Some(true));
    assert_eq!(report.elf.unwrap().head.unwrap().uuid, uuid());
}

#[test]
fn a_file_that_is_no_ta_is_told_apart() {
    let report = Report::new(b"", None, &dev());
    assert!(report.header_error.unwrap().starts_with("truncated"));
    let report = Report::new(b"\x7fELF", None, &dev());
    assert_eq!(
        report.elf_error.as_deref(),
        Some("truncated: the ELF header lies outside the file")
    );
}

#[test]
fn json_carries_the_same_facts() {
    let file = signed(&Elf::main(Machine::Arm).build());
    let report = Report::new(&file, Some(uuid()), &dev());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["headers"][0]["type_name"], "SHDR_BOOTSTRAP_TA");
    assert_eq!(json["headers"][0]["signed_by"]["name"], "default_dev.pem");
    assert_eq!(json["elf"]["machine"], "arm");
    assert_eq!(json["elf"]["head"]["stack_size"], 4096);
    assert_eq!(json["verdict"]["accepted"], true);
}
