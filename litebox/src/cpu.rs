//! The processor seam: registers by role, and the ways out of guest code.

use alloc::vec::Vec;

use crate::mem::{Access, AddressSpace, Fault, FaultKind};

/// Why guest code stopped running. The registers are those of the instruction named by `pc`,
/// which has had no effect, except for [`Exit::Syscall`] and [`Exit::Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A system call instruction retired; the program counter is behind it.
    Syscall,
    /// A memory access was refused.
    Fault {
        /// The instruction.
        pc: u64,
        /// The address it accessed.
        addr: u64,
        /// What it attempted.
        access: Access,
        /// Why it was refused.
        kind: FaultKind,
    },
    /// An encoding that is not an instruction, or one this processor lacks.
    Undefined {
        /// The instruction.
        pc: u64,
        /// Its encoding.
        word: u32,
    },
    /// A breakpoint instruction, or one set by a debugger.
    Breakpoint {
        /// The instruction.
        pc: u64,
    },
    /// One instruction retired, as asked.
    Step,
    /// The budget is used up.
    Budget,
    /// Another thread asked to stop.
    Stopped,
}

impl Exit {
    /// The exit of a refused access by the instruction at `pc`.
    #[must_use]
    pub const fn fault(pc: u64, fault: Fault) -> Self {
        Self::Fault {
            pc,
            addr: fault.addr,
            access: fault.access,
            kind: fault.kind,
        }
    }
}

/// Whether guest words and pointers have 32 or 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

/// A system call as the guest's calling convention passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyscallFrame {
    /// Its number.
    pub number: u64,
    /// Eight argument words, zero-extended.
    pub args: [u64; 8],
}

/// A register file, spoken of by role.
pub trait Registers: Clone {
    /// Word size of the code these registers run.
    fn width(&self) -> Width;

    /// The name of the architecture as dumps print it (`aarch64`, `arm`, `x86_64`).
    fn arch(&self) -> &'static str;

    /// The system call that [`Exit::Syscall`] announced.
    ///
    /// # Errors
    /// The refused access, where arguments lie in guest memory.
    fn syscall<M: AddressSpace>(&self, mem: &M) -> Result<SyscallFrame, Fault>;

    /// Sets the result register of a system call.
    fn set_result(&mut self, value: u64);

    /// Sets up a call of `entry` with up to four arguments on a stack that ends at `stack`
    /// (16-byte aligned), every other register zero. Bit 0 of a 32-bit entry selects Thumb.
    fn enter(&mut self, entry: u64, stack: u64, args: [u64; 4]);

    /// Program counter.
    fn pc(&self) -> u64;

    /// Stack pointer.
    fn sp(&self) -> u64;

    /// Frame pointer, the start of the chain of frame records.
    fn fp(&self) -> u64;

    /// Link register, or 0 where the architecture has none.
    fn lr(&self) -> u64;

    /// Every general register by name, in the order dumps print them.
    fn named(&self) -> Vec<(&'static str, u64)>;
}

/// Something that runs guest code.
pub trait Cpu {
    /// Its registers.
    type Regs: Registers;

    /// Runs until something ends it. `budget` is the number of instructions that may still
    /// retire and is lowered by those that did; `u64::MAX` means no limit, and stays.
    fn run<M: AddressSpace>(
        &mut self,
        regs: &mut Self::Regs,
        mem: &mut M,
        budget: &mut u64,
    ) -> Exit;

    /// The text of an instruction for messages, as its encoding stands.
    fn disassemble(&self, regs: &Self::Regs, pc: u64, word: u32) -> alloc::string::String;
}
