//! Loading: a linked program becomes memory, as ldelf would leave it.
//!
//! ```text
//! VA_BASE ─▶ [guard][ stack ][guard] … [ TA R-X ][ TA RW- ] … [ libraries ] … [ loader's area ]
//! ```

use alloc::vec::Vec;

use litebox::mm::page_up;
use litebox::{AddressSpace, Label, MapError, PAGE_SIZE, Placement, Prot};
use ta_loader::Program;
use ta_loader::program::ProgramError;
use tee_abi::TeeResult;
use thiserror::Error;

use crate::instance::{Host, Instance, LABEL_ELF, LABEL_LDELF};

/// Why a program cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The program's modules do not fit together.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The main module has no `.ta_head`: it is a library.
    #[error("it has no .ta_head: it is a shared library, no TA")]
    NoHead,
    /// There is no room in the address space, or the host has no memory.
    #[error("no room for the TA's memory ({0:?})")]
    NoRoom(MapError),
}

impl LoadError {
    /// What the client sees.
    pub const fn result(&self) -> TeeResult {
        match self {
            Self::Program(error) => error.result(),
            Self::NoHead => TeeResult::ERROR_BAD_FORMAT,
            Self::NoRoom(_) => TeeResult::ERROR_OUT_OF_MEMORY,
        }
    }
}

impl From<MapError> for LoadError {
    fn from(error: MapError) -> Self {
        Self::NoRoom(error)
    }
}

impl<H: Host> Instance<H> {
    /// Loads a program whose libraries are all there. An instance is loaded once.
    ///
    /// # Errors
    /// [`LoadError`]; the instance is of no use then.
    pub fn load(&mut self, program: &mut Program<'_>) -> Result<(), LoadError> {
        let main = program.modules().first().ok_or(LoadError::NoHead)?;
        let head = *main.plan.head().ok_or(LoadError::NoHead)?;
        self.config.flags = head.flags;
        self.map_stack(head.stack_size)?;
        let mut hint = self.load_hint();
        for index in 0..program.modules().len() {
            hint = self.place(program, index, hint)?;
        }
        self.link(program, hint)
    }

    /// Maps one module's segments at the lowest room from `hint` and tells where they end.
    fn place(
        &mut self,
        program: &mut Program<'_>,
        index: usize,
        hint: u64,
    ) -> Result<u64, LoadError> {
        let module = program.modules().get(index).ok_or(LoadError::NoHead)?;
        let span = page_up(module.plan.span()).ok_or(MapError::BadRange)?;
        let base = self.mm.room(
            Placement::Above {
                hint,
                guard: PAGE_SIZE,
            },
            span,
        )?;
        let label = LABEL_ELF.saturating_add(index as Label);
        for segment in module.plan.segments() {
            let at = Placement::At(base + segment.vaddr);
            let start = self
                .mm
                .map(at, segment.len, Prot::from_bits(segment.prot), label)?;
            self.poke(start, segment.data)?;
        }
        self.layout.elves.push((module.uuid, base));
        program.place(index, base)?;
        Ok(base + span)
    }

    fn link(&mut self, program: &mut Program<'_>, hint: u64) -> Result<(), LoadError> {
        let place = Placement::Above {
            hint,
            guard: PAGE_SIZE,
        };
        let area = self.mm.room(place, program.area_len())?;
        let link = program.link(area)?;
        for part in &link.area {
            let at = Placement::At(part.addr);
            let start = self
                .mm
                .map(at, part.len, Prot::from_bits(part.prot), LABEL_LDELF)?;
            self.poke(start, &part.data)?;
        }
        for patch in &link.patches {
            let bytes: Vec<u8> = patch
                .value
                .to_le_bytes()
                .into_iter()
                .take(usize::from(patch.width))
                .collect();
            self.poke(patch.addr, &bytes)?;
        }
        self.layout.entry = link.entry;
        Ok(())
    }

    fn poke(&mut self, addr: u64, data: &[u8]) -> Result<(), LoadError> {
        self.mm
            .space_mut()
            .poke(addr, data)
            .map_err(|_| LoadError::NoRoom(MapError::BadRange))
    }
}
