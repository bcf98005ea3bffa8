//! The properties of a TA: `ta_props`, an array of `{ const char *name; enum type; const void
//! *value; }`.
//!
//! A stripped TA does not export the array's name. It is then found by what it is made of: three
//! words of which the first and last are relocated pointers, the first to a name that starts with
//! `gpd.ta.`, with neighbours of the same make.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use goblin::elf::reloc::{
    R_AARCH64_ABS64, R_AARCH64_RELATIVE, R_ARM_ABS32, R_ARM_RELATIVE, R_X86_64_64,
    R_X86_64_RELATIVE,
};
use serde::Serialize;
use tee_abi::Uuid;
use tee_abi::property::PropType;

use crate::elf::Machine;
use crate::plan::LoadPlan;

/// Most properties that are read.
const MAX_PROPERTIES: usize = 256;

/// A property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type, as in `enum user_ta_prop_type` without the prefix.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its value as text.
    pub value: String,
}

/// The properties of a TA; none where there is no array that can be told.
pub(super) fn read(plan: &LoadPlan<'_>, pointers: &BTreeMap<u64, u64>) -> Vec<Property> {
    let array = Array {
        plan,
        pointers,
        word: if plan.machine().is_32bit() { 4 } else { 8 },
    };
    let Some(start) = array.start() else {
        return Vec::new();
    };
    (0..MAX_PROPERTIES as u64)
        .map_while(|index| array.property(start.checked_add(index * array.stride())?))
        .collect()
}

struct Array<'p, 'a> {
    plan: &'p LoadPlan<'a>,
    /// Words that are pointers, and where they point.
    pointers: &'p BTreeMap<u64, u64>,
    word: u64,
}

impl Array<'_, '_> {
    fn stride(&self) -> u64 {
        3 * self.word
    }

    fn start(&self) -> Option<u64> {
        let mut start = *self.pointers.iter().find_map(|(at, to)| {
            let name = self.plan.memory().cstr(*to)?;
            (name.starts_with(b"gpd.ta.") && self.property(*at).is_some()).then_some(at)
        })?;
        for _ in 0..MAX_PROPERTIES {
            match start.checked_sub(self.stride()) {
                Some(before) if self.property(before).is_some() => start = before,
                _ => break,
            }
        }
        Some(start)
    }

    fn property(&self, at: u64) -> Option<Property> {
        let memory = self.plan.memory();
        let name = memory.cstr(*self.pointers.get(&at)?)?;
        let is_name = |c: &u8| c.is_ascii_graphic();
        if name.is_empty() || !name.iter().all(is_name) {
            return None;
        }
        let kind = u32::from_le_bytes(memory.array(at.checked_add(self.word)?)?);
        let value = *self.pointers.get(&at.checked_add(2 * self.word)?)?;
        let (kind, value) = self.value(kind, value)?;
        Some(Property {
            name: String::from_utf8_lossy(name).into_owned(),
            kind,
            value,
        })
    }

    fn value(&self, kind: u32, at: u64) -> Option<(&'static str, String)> {
        let memory = self.plan.memory();
        let text = || {
            memory
                .cstr(at)
                .map(|t| String::from_utf8_lossy(t).into_owned())
        };
        let uuid = |at| Some(Uuid::from_memory(memory.array(at)?));
        let u32_at = |at| Some(u32::from_le_bytes(memory.array(at)?));
        Some(match kind {
            k if k == PropType::Bool as u32 => ("BOOL", (memory.array(at)? != [0u8]).to_string()),
            k if k == PropType::U32 as u32 => ("U32", u32_at(at)?.to_string()),
            k if k == PropType::U64 as u32 => {
                ("U64", u64::from_le_bytes(memory.array(at)?).to_string())
            }
            k if k == PropType::Uuid as u32 => ("UUID", uuid(at)?.to_string()),
            k if k == PropType::Identity as u32 => {
                let login = u32_at(at)?;
                (
                    "IDENTITY",
                    format!("{login:#010x}:{}", uuid(at.checked_add(4)?)?),
                )
            }
            k if k == PropType::String as u32 => ("STRING", text()?),
            k if k == PropType::BinaryBlock as u32 => ("BINARY_BLOCK", text()?),
            _ => return None,
        })
    }
}

/// Every word that a relocation makes a pointer into this module, with its target.
pub(super) fn pointers(plan: &LoadPlan<'_>) -> BTreeMap<u64, u64> {
    let relocations = plan.relocations().unwrap_or_default();
    relocations
        .iter()
        .filter_map(|(reloc, _)| {
            let in_place = || plan.memory().array(reloc.r_offset).map(u32::from_le_bytes);
            let addend = || reloc.r_addend.map(i64::cast_unsigned);
            let symbol = || {
                plan.symbols()
                    .get(plan.elf(), reloc.r_sym)
                    .map(|sym| sym.st_value)
            };
            let target = match (plan.machine(), reloc.r_type) {
                (Machine::AArch64, R_AARCH64_RELATIVE) | (Machine::X86_64, R_X86_64_RELATIVE) => {
                    addend()?
                }
                (Machine::AArch64, R_AARCH64_ABS64) | (Machine::X86_64, R_X86_64_64) => {
                    symbol()?.wrapping_add(addend()?)
                }
                (Machine::Arm, R_ARM_RELATIVE) => in_place()?.into(),
                (Machine::Arm, R_ARM_ABS32) => symbol()?.wrapping_add(in_place()?.into()),
                _ => return None,
            };
            Some((reloc.r_offset, target))
        })
        .collect()
}
