//! The engine: what implements the processor seam.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use litebox::{AddressSpace, Cpu, Exit};

use crate::a32;
use crate::a64;
use crate::counter::Counter;
use crate::interp::Interpreter;
use crate::state::{Isa, Regs};

/// How an engine is made.
#[derive(Debug, Default)]
pub struct Options {
    /// What the guest's virtual counter reads.
    pub counter: Counter,
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
    stop: StopHandle,
}

impl Engine {
    /// An engine that has decoded nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let stop = StopHandle(Arc::new(AtomicBool::new(false)));
        Self {
            interpreter: Interpreter::new(stop.0.clone(), options.counter),
            stop,
        }
    }

    /// What stops this engine from another thread.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
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
        self.interpreter.run(regs, mem, budget)
    }

    fn disassemble(&self, regs: &Regs, pc: u64, word: u32) -> String {
        match regs.isa {
            Isa::A64 => a64::disassemble(word, pc),
            Isa::A32 => a32::disassemble(word, regs.location_of(pc)),
        }
    }
}
