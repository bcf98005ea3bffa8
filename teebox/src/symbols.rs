//! A dead TA's call stack in words: function, file and line, where an unstripped ELF is at hand.
//!
//! The ELF of a module is looked for as `UUID.elf` in the folder of `--symbols`, then beside the
//! folders of the TA search path.

use std::fs;
use std::path::{Path, PathBuf};

use ta_loader::symbolize::{Frame, Symbolizer};
use tee_abi::Uuid;

/// Where unstripped ELFs are looked for.
#[derive(Clone, Debug, Default)]
pub struct SymbolPath(Vec<PathBuf>);

impl SymbolPath {
    /// These folders, in this order.
    #[must_use]
    pub const fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// Looks beside this file too.
    pub fn add_folder_of(&mut self, file: &Path) {
        self.0.extend(file.parent().map(Path::to_owned));
    }

    fn elf_of(&self, uuid: Uuid) -> Option<Vec<u8>> {
        let name = format!("{uuid}.elf");
        self.0
            .iter()
            .find_map(|folder| fs::read(folder.join(&name)).ok())
    }

    /// The lines that decode a call stack: addresses, innermost first, and the modules with their
    /// load addresses. Nothing when no module's ELF is there.
    #[must_use]
    pub fn decode(&self, modules: &[(Uuid, u64)], call_stack: &[u64]) -> Vec<String> {
        let elves: Vec<(Uuid, u64, Option<Vec<u8>>)> = modules
            .iter()
            .map(|(uuid, base)| (*uuid, *base, self.elf_of(*uuid)))
            .collect();
        let Some((main, ..)) = elves.first() else {
            return Vec::new();
        };
        if elves.iter().all(|(_, _, elf)| elf.is_none()) {
            return vec![format!(
                "teebox: no {main}.elf to decode the call stack with (--symbols DIR)"
            )];
        }
        let mut lines = vec!["teebox: call stack, decoded".to_owned()];
        for (depth, pc) in call_stack.iter().enumerate() {
            // The module with the highest load address at or below it.
            let module = elves
                .iter()
                .filter(|(_, base, _)| base <= pc)
                .max_by_key(|(_, base, _)| base);
            let frames = module.and_then(|(_, base, elf)| {
                let symbolizer = Symbolizer::new(elf.as_deref()?).ok()?;
                Some(symbolizer.frames(pc - base))
            });
            lines.extend(frame_lines(depth, *pc, &frames.unwrap_or_default()));
        }
        lines
    }
}

fn frame_lines(depth: usize, pc: u64, frames: &[Frame]) -> Vec<String> {
    if frames.is_empty() {
        return vec![format!("teebox:  #{depth:<2} 0x{pc:08x} ?")];
    }
    frames
        .iter()
        .map(|frame| {
            let function = frame.function.as_deref().unwrap_or("?");
            let place = match (&frame.file, frame.line) {
                (Some(file), Some(line)) => format!(" at {}:{line}", file),
                (Some(file), None) => format!(" at {}", file),
                (None, _) => String::new(),
            };
            let inlined = if frame.is_inlined { " (inlined)" } else { "" };
            format!("teebox:  #{depth:<2} 0x{pc:08x} {function}{place}{inlined}")
        })
        .collect()
}
