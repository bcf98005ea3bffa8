//! The register file.

use litebox::{AddressSpace, Fault, Registers, SyscallFrame, Width};

use crate::op::{REGS, Reg};
use crate::vector::Vfp;

/// The exclusive monitor: what was loaded from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Monitor {
    /// Bytes loaded; 0 when the monitor is open.
    pub len: u8,
    /// Where.
    pub addr: u64,
    /// What.
    pub value: u128,
}

/// Registers of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Regs {
    pub(crate) x: [u64; REGS],
    pub(crate) pc: u64,
    /// N:Z:C:V in the low four bits.
    pub(crate) nzcv: u8,
    pub(crate) vfp: Vfp,
    pub(crate) tpidr: u64,
    pub(crate) tpidrro: u64,
    pub(crate) monitor: Monitor,
}

const NAMES: [&str; 31] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "x29", "x30",
];

impl Regs {
    /// A64 registers, all zero.
    #[must_use]
    pub fn a64() -> Self {
        Self {
            x: [0; REGS],
            pc: 0,
            nzcv: 0,
            vfp: Vfp::default(),
            tpidr: 0,
            tpidrro: 0,
            monitor: Monitor::default(),
        }
    }

    /// General register 0 to 30, and 31 for the stack pointer; 0 for any other number.
    #[must_use]
    pub fn x(&self, number: usize) -> u64 {
        if number > 31 { 0 } else { self.x[number] }
    }

    /// Sets general register 0 to 30, or the stack pointer as 31.
    pub fn set_x(&mut self, number: usize, value: u64) {
        if number <= 31 {
            self.x[number] = value;
        }
    }

    /// Vector register 0 to 31, as a little-endian number.
    #[must_use]
    pub fn v(&self, number: usize) -> u128 {
        self.vfp.v[number & 31]
    }

    /// Sets a vector register.
    pub fn set_v(&mut self, number: usize, value: u128) {
        self.vfp.v[number & 31] = value;
    }

    /// Sets the program counter.
    pub fn set_pc(&mut self, pc: u64) {
        self.pc = pc;
    }

    /// The flags as NZCV in bits 31 to 28.
    #[must_use]
    pub fn nzcv(&self) -> u32 {
        u32::from(self.nzcv) << 28
    }

    /// Sets the flags from bits 31 to 28.
    pub fn set_nzcv(&mut self, nzcv: u32) {
        self.nzcv = (nzcv >> 28) as u8;
    }

    /// Floating-point control.
    #[must_use]
    pub fn fpcr(&self) -> u32 {
        self.vfp.env.fpcr
    }

    /// Sets floating-point control.
    pub fn set_fpcr(&mut self, value: u32) {
        self.vfp.env.set_fpcr(value);
    }

    /// Floating-point status.
    #[must_use]
    pub fn fpsr(&self) -> u32 {
        self.vfp.env.fpsr
    }

    /// Sets floating-point status.
    pub fn set_fpsr(&mut self, value: u32) {
        self.vfp.env.set_fpsr(value);
    }

    /// The thread pointer, `tpidr_el0`.
    #[must_use]
    pub fn thread_pointer(&self) -> u64 {
        self.tpidr
    }

    /// Sets the thread pointer, `tpidr_el0`.
    pub fn set_thread_pointer(&mut self, value: u64) {
        self.tpidr = value;
    }
}

impl Registers for Regs {
    fn width(&self) -> Width {
        Width::W64
    }

    fn arch(&self) -> &'static str {
        "aarch64"
    }

    fn syscall<M: AddressSpace>(&self, _mem: &M) -> Result<SyscallFrame, Fault> {
        let mut args = [0; 8];
        args.copy_from_slice(&self.x[..8]);
        Ok(SyscallFrame {
            number: self.x[8],
            args,
        })
    }

    fn set_result(&mut self, value: u64) {
        self.x[0] = value;
    }

    fn enter(&mut self, entry: u64, stack: u64, args: [u64; 4]) {
        let (tpidr, tpidrro) = (self.tpidr, self.tpidrro);
        *self = Self::a64();
        (self.tpidr, self.tpidrro) = (tpidr, tpidrro);
        self.x[..4].copy_from_slice(&args);
        self.x[Reg::Sp as usize] = stack;
        self.pc = entry;
    }

    fn pc(&self) -> u64 {
        self.pc
    }

    fn sp(&self) -> u64 {
        self.x[Reg::Sp as usize]
    }

    fn fp(&self) -> u64 {
        self.x[29]
    }

    fn lr(&self) -> u64 {
        self.x[30]
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        let mut all: Vec<_> = NAMES.into_iter().zip(self.x).collect();
        all.push(("sp", self.sp()));
        all.push(("pc", self.pc));
        all
    }
}
