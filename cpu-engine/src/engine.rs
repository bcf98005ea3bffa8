//! The engine: what implements the processor seam.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use litebox::{AddressSpace, Cpu, Exit};

use crate::a32;
use crate::a64;
use crate::counter::Counter;
use crate::interp::{Back, Interpreter};
use crate::state::{Isa, Regs};
use crate::translate::{Leave, Translations};

/// How an engine is made.
#[derive(Debug)]
pub struct Options {
    /// What the guest's virtual counter reads.
    pub counter: Counter,
    /// Whether hot code is translated, where the host and the address space permit it. It takes
    /// executable memory, which [`Engine::new`] reserves: nothing later needs a system call that
    /// the interpreter does not need.
    pub translate: bool,
    /// How often a place is branched to before it is translated.
    pub threshold: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            counter: Counter::default(),
            translate: false,
            threshold: 1000,
        }
    }
}

/// Stops an engine from another thread.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<AtomicBool>);

impl StopHandle {
    /// Makes the current run, or else the next one, end with [`Exit::Stopped`] soon.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs guest code.
#[derive(Debug)]
pub struct Engine {
    interpreter: Interpreter,
    translations: Option<Translations>,
    threshold: u16,
    stop: StopHandle,
}

impl Engine {
    /// An engine that has decoded nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let stop = StopHandle(Arc::new(AtomicBool::new(false)));
        let translations = if options.translate {
            Translations::new(stop.0.clone())
        } else {
            None
        };
        Self {
            interpreter: Interpreter::new(stop.0.clone(), options.counter),
            translations,
            threshold: options.threshold.max(1),
            stop,
        }
    }

    /// Whether hot code is translated; `false` also where the host forbids it.
    #[must_use]
    pub fn translates(&self) -> bool {
        self.translations.is_some()
    }

    /// What stops this engine from another thread.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs what is translated, and the single instructions it leaves to the interpreter. `None`
    /// when the interpreter has to go on.
    fn translated<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
    ) -> Option<Back> {
        let translations = self.translations.as_mut()?;
        loop {
            match translations.run(regs, budget)? {
                Leave::Target => {}
                Leave::Syscall => return Some(Back::Exit(Exit::Syscall)),
                Leave::Stop => return None,
                Leave::Budget if *budget == 0 => return None,
                Leave::Interpret | Leave::Fault | Leave::Budget => {
                    if let Some(back) = self.interpreter.one(regs, mem, budget) {
                        return Some(back);
                    }
                }
            }
        }
    }

    fn run_counted<M: AddressSpace>(
        &mut self,
        regs: &mut Regs,
        mem: &mut M,
        budget: &mut u64,
        counted: bool,
    ) -> Exit {
        let mut translating = self.prepare(regs.isa, mem, counted);
        loop {
            let mut back = None;
            if translating && *budget > 0 {
                back = self.translated(regs, mem, budget);
            }
            let threshold = if translating { self.threshold } else { 0 };
            let back = match back {
                Some(back) => back,
                None => self.interpreter.run(regs, mem, budget, threshold),
            };
            match back {
                Back::Exit(exit) => return exit,
                Back::Hot => translating = translating && self.translate(regs, mem),
                Back::Sync => {
                    self.forget();
                    translating = self.prepare(regs.isa, mem, counted);
                }
            }
        }
    }

    /// Prepares both tiers for this address space; whether code may be translated.
    fn prepare<M: AddressSpace>(&mut self, isa: Isa, mem: &M, counted: bool) -> bool {
        self.interpreter.prepare(isa, mem);
        if isa != Isa::A64 {
            return false;
        }
        let translations = self.translations.as_mut();
        translations.is_some_and(|translations| translations.prepare(mem, counted))
    }

    /// Translates a hot address.
    fn translate<M: AddressSpace>(&mut self, regs: &Regs, mem: &M) -> bool {
        let translations = self.translations.as_mut();
        translations.is_some_and(|t| t.has(regs.pc) || t.translate(regs.pc, mem))
    }

    fn forget(&mut self) {
        if let Some(translations) = &mut self.translations {
            translations.clear();
        }
    }

    /// Runs one instruction. [`Exit::Step`] when it retired and nothing else is to be told.
    pub fn step<M: AddressSpace>(&mut self, regs: &mut Regs, mem: &mut M) -> Exit {
        match self.run(regs, mem, &mut 1) {
            Exit::Budget => Exit::Step,
            exit => exit,
        }
    }
}

impl Cpu for Engine {
    type Regs = Regs;

    fn run<M: AddressSpace>(&mut self, regs: &mut Regs, mem: &mut M, budget: &mut u64) -> Exit {
        let counted = *budget != u64::MAX;
        let exit = self.run_counted(regs, mem, budget, counted);
        if !counted {
            *budget = u64::MAX;
        }
        exit
    }

    fn disassemble(&self, regs: &Regs, pc: u64, word: u32) -> String {
        match regs.isa {
            Isa::A64 => a64::disassemble(word, pc),
            Isa::A32 => a32::disassemble(word, regs.location_of(pc)),
        }
    }
}
