//! A processor that follows a script instead of code.

use std::collections::VecDeque;

use litebox::{AddressSpace, Cpu, Exit, Fault, Registers, SyscallFrame, Width};

/// What the scripted guest does next.
#[derive(Clone, Debug)]
pub enum Act {
    /// Makes a system call.
    Syscall(u64, Vec<u64>),
    /// Writes to its memory; a refused write is an abort.
    Store(u64, Vec<u8>),
    /// Leaves guest code so.
    Exit(Exit),
}

/// The registers of a scripted guest.
#[derive(Clone, Debug, Default)]
pub struct MockRegs {
    /// The four arguments of the last entry.
    pub entered: [u64; 4],
    /// Results of system calls so far, in order.
    pub results: Vec<u64>,
    frame: Option<SyscallFrame>,
    pc: u64,
    sp: u64,
}

impl Registers for MockRegs {
    fn width(&self) -> Width {
        Width::W64
    }

    fn arch(&self) -> &'static str {
        "mock"
    }

    fn syscall<M: AddressSpace>(&self, _mem: &M) -> Result<SyscallFrame, Fault> {
        Ok(self.frame.unwrap_or(SyscallFrame {
            number: u64::MAX,
            args: [0; 8],
        }))
    }

    fn set_result(&mut self, value: u64) {
        self.results.push(value);
    }

    fn enter(&mut self, entry: u64, stack: u64, args: [u64; 4]) {
        self.pc = entry;
        self.sp = stack;
        self.entered = args;
    }

    fn pc(&self) -> u64 {
        self.pc
    }

    fn sp(&self) -> u64 {
        self.sp
    }

    fn fp(&self) -> u64 {
        0
    }

    fn lr(&self) -> u64 {
        0
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        vec![("pc", self.pc), ("sp", self.sp)]
    }
}

/// A processor that follows a script; when the script ends, the guest's code is undefined.
#[derive(Clone, Debug, Default)]
pub struct MockCpu {
    /// What is left of the script.
    pub script: VecDeque<Act>,
}

impl Cpu for MockCpu {
    type Regs = MockRegs;

    fn run<M: AddressSpace>(&mut self, regs: &mut MockRegs, mem: &mut M, _: &mut u64) -> Exit {
        while let Some(act) = self.script.pop_front() {
            match act {
                Act::Syscall(number, words) => {
                    let mut args = [0; 8];
                    for (arg, word) in args.iter_mut().zip(words) {
                        *arg = word;
                    }
                    regs.frame = Some(SyscallFrame { number, args });
                    return Exit::Syscall;
                }
                Act::Store(addr, bytes) => {
                    if let Err(fault) = mem.write(addr, &bytes) {
                        return Exit::fault(regs.pc, fault);
                    }
                }
                Act::Exit(exit) => return exit,
            }
        }
        Exit::Undefined {
            pc: regs.pc,
            word: 0,
        }
    }

    fn disassemble(&self, _: &MockRegs, _: u64, _: u32) -> String {
        "end of script".to_owned()
    }
}
