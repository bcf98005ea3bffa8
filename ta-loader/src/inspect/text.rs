//! A report as text: one fact a line, the verdict where the eye falls first.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::{ElfFacts, Header, LinkedSyscall, Report};

pub(super) fn render(report: &Report, name: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut out, report, name);
    out
}

fn write_report(out: &mut String, report: &Report, name: &str) -> fmt::Result {
    writeln!(out, "{name}: {} bytes", report.size)?;
    row(out, "sha256", &report.sha256)?;
    let verdict = &report.verdict;
    match (&verdict.reason, &verdict.result) {
        (Some(reason), Some(result)) => {
            row(out, "verdict", &alloc::format!("refused: {reason}"))?;
            row(
                out,
                "",
                &alloc::format!("a client sees {result}, origin 3 (TEE)"),
            )?;
        }
        _ => row(out, "verdict", &"accepted")?,
    }
    if let Some(hint) = &verdict.hint {
        row(out, "", &alloc::format!("hint: {hint}"))?;
    }
    for header in &report.headers {
        write_header(out, header)?;
    }
    if report.headers.is_empty() && report.header_error.is_none() {
        writeln!(out, "\nNo signed header: a bare ELF file")?;
    }
    if let Some(error) = &report.header_error {
        writeln!(out, "\nSigned header: {error}")?;
    }
    if let Some(error) = &report.elf_error {
        writeln!(out, "\nELF file: {error}")?;
    }
    report
        .elf
        .as_ref()
        .map_or(Ok(()), |elf| write_elf(out, elf))
}

fn row(out: &mut String, name: &str, value: &dyn fmt::Display) -> fmt::Result {
    writeln!(out, "  {name:<12} {value}")
}

fn write_header(out: &mut String, header: &Header) -> fmt::Result {
    writeln!(out, "\nSigned header at offset {}", header.offset)?;
    let name = alloc::format!("{} ({})", header.img_type, header.type_name);
    row(out, "type", &name)?;
    if let Some(uuid) = header.uuid {
        row(out, "uuid", &uuid)?;
    }
    if let Some(version) = header.version {
        row(out, "version", &version)?;
    }
    let image = alloc::format!("{} bytes at offset {}", header.img_size, header.img_offset);
    row(out, "image", &image)?;
    let algo = header.algo_name.unwrap_or("unknown");
    row(
        out,
        "algorithm",
        &alloc::format!("{} ({algo})", header.algo),
    )?;
    let matches = match header.hash_matches {
        Some(true) => "matches",
        Some(false) => "DOES NOT MATCH",
        None => "of the decrypted image",
    };
    row(out, "hash", &alloc::format!("{} ({matches})", header.hash))?;
    let signer = match &header.signed_by {
        Some(s) => alloc::format!("by {}, RSA-{}, key {}", s.name, s.bits, s.fingerprint),
        None if header.hash_matches.is_none() => "not checked: the image is encrypted".to_string(),
        None => "by NO KNOWN KEY".to_string(),
    };
    let signature = alloc::format!("{} bytes, {signer}", header.sig_size);
    row(out, "signature", &signature)?;
    if let Some(e) = &header.encryption {
        let text = alloc::format!(
            "{}, flags {:#x}, iv {}, tag {}",
            e.algo,
            e.flags,
            e.iv,
            e.tag
        );
        row(out, "encryption", &text)?;
    }
    if let Some(s) = &header.subkey {
        row(
            out,
            "subkey",
            &s.fingerprint.as_deref().unwrap_or("unreadable"),
        )?;
        row(out, "max depth", &s.max_depth)?;
        row(out, "next name", &alloc::format!("{:?}", s.next_name))?;
    }
    Ok(())
}

fn write_elf(out: &mut String, elf: &ElfFacts) -> fmt::Result {
    let kind = if elf.is_library {
        "Shared library"
    } else {
        "TA"
    };
    writeln!(out, "\n{kind} for {}", elf.machine)?;
    if let Some(head) = &elf.head {
        row(out, "uuid", &head.uuid)?;
        row(out, "stack", &alloc::format!("{} bytes", head.stack_size))?;
        let names = if head.flag_names.is_empty() {
            "none".to_string()
        } else {
            head.flag_names.join(" | ")
        };
        row(
            out,
            "flags",
            &alloc::format!("{:#06x} ({names})", head.flags),
        )?;
        let legacy = if elf.is_legacy {
            " (legacy: in .ta_head)"
        } else {
            ""
        };
        row(out, "entry", &alloc::format!("{:#x}{legacy}", elf.entry))?;
    }
    row(out, "memory", &alloc::format!("{} bytes", elf.span))?;
    if let Some(size) = elf.tls_size {
        row(out, "TLS", &alloc::format!("{size} bytes"))?;
    }
    for uuid in &elf.needed {
        row(out, "needs", uuid)?;
    }
    if !elf.undefined.is_empty() {
        row(out, "undefined", &elf.undefined.join(" "))?;
    }
    let debug = if elf.has_debug_info {
        "present"
    } else {
        "stripped"
    };
    row(out, "debug info", &debug)?;
    write_tables(out, elf)
}

fn write_tables(out: &mut String, elf: &ElfFacts) -> fmt::Result {
    if !elf.properties.is_empty() {
        writeln!(out, "\nProperties")?;
    }
    for p in &elf.properties {
        writeln!(out, "  {:<40} {:<12} {}", p.name, p.kind, p.value)?;
    }
    writeln!(out, "\nSegments")?;
    for s in &elf.segments {
        let (vaddr, prot) = (s.vaddr, &s.prot);
        writeln!(
            out,
            "  {vaddr:#010x} {prot} {:#9x} bytes, {:#x} from the file",
            s.memsz, s.filesz
        )?;
    }
    writeln!(out, "\nSections")?;
    for s in elf.sections.iter().filter(|s| !s.name.is_empty()) {
        writeln!(out, "  {:#010x} {:#9x} bytes  {}", s.vaddr, s.size, s.name)?;
    }
    if !elf.relocations.is_empty() {
        writeln!(out, "\nRelocations")?;
    }
    for (name, count) in &elf.relocations {
        writeln!(out, "  {count:>6} {name}")?;
    }
    write_syscalls(out, &elf.syscalls)
}

fn write_syscalls(out: &mut String, syscalls: &[LinkedSyscall]) -> fmt::Result {
    let of = |reachable| -> Vec<_> {
        let names = syscalls.iter().filter(|s| s.reachable == reachable);
        names.collect()
    };
    let (reachable, unknown) = (of(Some(true)), of(None));
    let count = syscalls.len();
    if unknown.is_empty() {
        writeln!(
            out,
            "\nSyscalls: {count} linked, {} within reach",
            reachable.len()
        )?;
    } else {
        writeln!(out, "\nSyscalls: {count} linked")?;
    }
    write_names(out, "linked", &unknown)?;
    write_names(out, "within reach", &reachable)?;
    write_names(out, "out of reach", &of(Some(false)))
}

/// Names in lines of at most 100 columns.
fn write_names(out: &mut String, title: &str, syscalls: &[&LinkedSyscall]) -> fmt::Result {
    let mut line = String::new();
    let mut title = title;
    for syscall in syscalls {
        if line.len() + syscall.name.len() > 84 {
            row(out, title, &line.trim_end())?;
            title = "";
            line.clear();
        }
        write!(line, "{} ", syscall.name)?;
    }
    if line.is_empty() {
        return Ok(());
    }
    row(out, title, &line.trim_end())
}
