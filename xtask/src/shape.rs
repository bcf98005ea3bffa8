//! The shape of our own TAs: what OP-TEE's loader relies on, checked each time one is linked.
//!
//! The linker is told `-z notext` (see `ta/link/ta.ld`), so that text relocations are found here.

use ta_loader::LoadPlan;
use ta_loader::memory::prot;
use ta_loader::symbols::Definition;

/// `R_AARCH64_RELATIVE`.
const RELATIVE: u32 = 1027;

/// What the loader, a debugger and a tracer look for.
const SYMBOLS: &[&str] = &[
    "ta_head",
    "trace_level",
    "trace_ext_prefix",
    "__elf_phdr_info",
];

/// Checks a TA's image.
pub fn check(plan: &LoadPlan<'_>) -> Result<(), String> {
    let [text, data] = plan.segments() else {
        return Err(format!("{} segments, not 2", plan.segments().len()));
    };
    if (text.prot, data.prot) != (prot::R | prot::X, prot::R | prot::W) {
        return Err("the segments are not R-E and RW-".to_owned());
    }
    if plan.symbol("ta_head") != Some(Definition::Address(text.vaddr)) {
        return Err("ta_head does not stand first".to_owned());
    }
    if let Some(name) = SYMBOLS.iter().find(|name| plan.symbol(name).is_none()) {
        return Err(format!("no dynamic symbol {name}"));
    }
    if plan.is_legacy() || !(text.vaddr..text.vaddr + text.len).contains(&plan.elf_entry()) {
        return Err("the entry point is not the ELF header's".to_owned());
    }
    relocations(plan, data.vaddr..data.vaddr + data.len)
}

/// All are relative, and lie in the data segment.
fn relocations(plan: &LoadPlan<'_>, data: std::ops::Range<u64>) -> Result<(), String> {
    for (reloc, _) in plan.relocations().map_err(|error| error.to_string())? {
        if reloc.r_type != RELATIVE || !data.contains(&reloc.r_offset) {
            return Err(format!(
                "relocation of type {} at {:#x}",
                reloc.r_type, reloc.r_offset
            ));
        }
    }
    Ok(())
}
