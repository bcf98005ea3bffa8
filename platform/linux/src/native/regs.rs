//! The registers of x86-64 guest code, by role.
//!
//! The convention is that of LiteBox's OP-TEE runner: a system call's number in rax, its arguments
//! in rdi, rsi, rdx, r10, r8, r9, r12, r13 and its result in eax; an entry's arguments in rdi,
//! rsi, rdx, rcx, with a stack pointer that is 8 modulo 16, as behind a call.

use litebox::{AddressSpace, Fault, Registers, SyscallFrame, Width};

/// Numbers of the general registers in the instruction set's order.
pub(super) const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RSP: usize = 4;
const RBP: usize = 5;
const RSI: usize = 6;
const RDI: usize = 7;

const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// Host addresses end here for programs.
const CANONICAL: u64 = 1 << 47;

/// The registers of x86-64 guest code.
#[derive(Clone, Debug)]
pub struct X86Regs {
    pub(super) gpr: [u64; 16],
    pub(super) rip: u64,
    pub(super) rflags: u64,
    pub(super) fs: u64,
    pub(super) mxcsr: u32,
    /// Everything that `xsave` saves, where the guest was interrupted and not merely called.
    pub(super) vector: Option<Box<[u8]>>,
}

/// The value of a fresh processor: every exception masked, round to nearest.
const MXCSR: u32 = 0x1f80;
/// Interrupts enabled, which programs always see.
const RFLAGS: u64 = 0x202;

impl X86Regs {
    /// All zero, with FS at an address that holds at least 64 readable bytes: compilers keep the
    /// stack protector's canary at its byte 40. 0 stands for a page that the processor provides.
    #[must_use]
    pub fn new(fs: u64) -> Self {
        Self {
            gpr: [0; 16],
            rip: 0,
            rflags: RFLAGS,
            fs: if fs < CANONICAL { fs } else { 0 },
            mxcsr: MXCSR,
            vector: None,
        }
    }

    pub(super) fn rip(&self) -> u64 {
        self.rip
    }

    pub(super) fn set_rip(&mut self, rip: u64) {
        self.rip = rip;
    }
}

impl Registers for X86Regs {
    fn width(&self) -> Width {
        Width::W64
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn syscall<M: AddressSpace>(&self, _mem: &M) -> Result<SyscallFrame, Fault> {
        const ARGS: [usize; 8] = [RDI, RSI, RDX, 10, 8, 9, 12, 13];
        Ok(SyscallFrame {
            number: self.gpr[RAX],
            args: ARGS.map(|n| self.gpr[n]),
        })
    }

    fn set_result(&mut self, value: u64) {
        self.gpr[RAX] = value;
    }

    fn enter(&mut self, entry: u64, stack: u64, args: [u64; 4]) {
        let fresh = Self::new(self.fs);
        *self = fresh;
        for (register, arg) in [RDI, RSI, RDX, RCX].into_iter().zip(args) {
            self.gpr[register] = arg;
        }
        self.gpr[RSP] = stack.wrapping_sub(8);
        self.rip = entry;
    }

    fn pc(&self) -> u64 {
        self.rip
    }

    fn sp(&self) -> u64 {
        self.gpr[RSP]
    }

    fn fp(&self) -> u64 {
        self.gpr[RBP]
    }

    fn lr(&self) -> u64 {
        0
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        let general = NAMES.into_iter().zip(self.gpr);
        let others = [("rip", self.rip), ("rflags", self.rflags), ("fs", self.fs)];
        general.chain(others).collect()
    }
}
