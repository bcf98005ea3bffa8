//! The register file.

use litebox::{AddressSpace, Fault, Registers, SyscallFrame, Width};

use crate::a32;
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

/// An execution state of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Isa {
    /// AArch64.
    A64,
    /// AArch32.
    A32,
}

/// Registers of a guest.
///
/// AArch32 keeps r0 to r14 in `x`, its location (see [`crate::a32`]) in `pc`, quad registers in
/// the first half of `vfp`, and FPSCR as the union of control and status.
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
    pub(crate) isa: Isa,
    /// The GE flags.
    pub(crate) ge: u8,
    /// The Q flag.
    pub(crate) saturated: bool,
}

const A32_NAMES: [&str; 15] = [
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr",
];

/// Arguments of an AArch32 system call that registers hold, and that the stack may hold.
const A32_ARGS: (usize, usize) = (4, 4);

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
            isa: Isa::A64,
            ge: 0,
            saturated: false,
        }
    }

    /// AArch32 registers, all zero.
    #[must_use]
    pub fn arm() -> Self {
        Self {
            isa: Isa::A32,
            ..Self::a64()
        }
    }

    /// AArch32: the current program status register, with the mode bits of User mode.
    #[must_use]
    pub fn cpsr(&self) -> u32 {
        let it = (self.pc >> 32) as u32 & 0xff;
        let thumb = self.pc as u32 & 1;
        self.apsr() | (it & 3) << 25 | (it >> 2) << 10 | thumb << 5
    }

    /// AArch32: the status that `mrs` reads: without the execution state.
    pub(crate) fn apsr(&self) -> u32 {
        let q = u32::from(self.saturated);
        u32::from(self.nzcv & 15) << 28 | q << 27 | u32::from(self.ge & 15) << 16 | 0x10
    }

    /// AArch32: sets the current program status register, as an exception return does.
    pub fn set_cpsr(&mut self, cpsr: u32) {
        self.set_nzcv(cpsr);
        self.saturated = cpsr >> 27 & 1 != 0;
        self.ge = (cpsr >> 16 & 15) as u8;
        let it = cpsr >> 25 & 3 | cpsr >> 8 & 0xfc;
        let pc = self.pc as u32 & !1;
        self.pc = u64::from(it) << 32 | u64::from(pc | cpsr >> 5 & 1);
    }

    /// AArch32: floating-point status and control.
    #[must_use]
    pub fn fpscr(&self) -> u32 {
        self.fpcr() | self.fpsr()
    }

    /// AArch32: sets floating-point status and control.
    pub fn set_fpscr(&mut self, value: u32) {
        const CONTROL: u32 = 0x07c0_0000;
        self.set_fpcr(value & CONTROL);
        self.set_fpsr(value & !CONTROL);
    }

    /// AArch32: the location of an address in the current state. The IT state is that of the
    /// current instruction.
    pub(crate) fn location_of(&self, pc: u64) -> u64 {
        let it = if pc == self.pc() {
            self.pc >> 32 << 32
        } else {
            0
        };
        it | pc & 0xffff_fffe | self.pc & 1
    }

    fn enter_a32(&mut self, entry: u64, stack: u64, args: [u64; 4]) {
        let (tpidr, tpidrro) = (self.tpidr, self.tpidrro);
        *self = Self::arm();
        (self.tpidr, self.tpidrro) = (tpidr, tpidrro);
        for (register, arg) in self.x.iter_mut().zip(args) {
            *register = arg & 0xffff_ffff;
        }
        self.x[13] = stack & 0xffff_ffff;
        self.pc = entry & 0xffff_ffff;
    }

    fn syscall_a32<M: AddressSpace>(&self, mem: &M) -> Result<SyscallFrame, Fault> {
        let mut args = [0; 8];
        args[..A32_ARGS.0].copy_from_slice(&self.x[..A32_ARGS.0]);
        let stacked = self.x[6].min(A32_ARGS.1 as u64);
        for (i, arg) in (0..stacked).zip(&mut args[A32_ARGS.0..]) {
            let word = mem.load::<4>(self.x[5].wrapping_add(4 * i))?;
            *arg = u64::from(u32::from_le_bytes(word));
        }
        Ok(SyscallFrame {
            number: self.x[7],
            args,
        })
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

    /// Sets the program counter. AArch32: bit 0 selects T32.
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
        match self.isa {
            Isa::A64 => Width::W64,
            Isa::A32 => Width::W32,
        }
    }

    fn arch(&self) -> &'static str {
        match self.isa {
            Isa::A64 => "aarch64",
            Isa::A32 => "arm",
        }
    }

    fn syscall<M: AddressSpace>(&self, mem: &M) -> Result<SyscallFrame, Fault> {
        if self.isa == Isa::A32 {
            return self.syscall_a32(mem);
        }
        let mut args = [0; 8];
        args.copy_from_slice(&self.x[..8]);
        Ok(SyscallFrame {
            number: self.x[8],
            args,
        })
    }

    fn set_result(&mut self, value: u64) {
        self.x[0] = match self.isa {
            Isa::A64 => value,
            Isa::A32 => value & 0xffff_ffff,
        };
    }

    fn enter(&mut self, entry: u64, stack: u64, args: [u64; 4]) {
        if self.isa == Isa::A32 {
            return self.enter_a32(entry, stack, args);
        }
        let (tpidr, tpidrro) = (self.tpidr, self.tpidrro);
        *self = Self::a64();
        (self.tpidr, self.tpidrro) = (tpidr, tpidrro);
        self.x[..4].copy_from_slice(&args);
        self.x[Reg::Sp as usize] = stack;
        self.pc = entry;
    }

    fn pc(&self) -> u64 {
        self.isa.address(self.pc)
    }

    fn sp(&self) -> u64 {
        match self.isa {
            Isa::A64 => self.x[Reg::Sp as usize],
            Isa::A32 => self.x[13],
        }
    }

    fn fp(&self) -> u64 {
        match (self.isa, self.pc & 1) {
            (Isa::A64, _) => self.x[29],
            (Isa::A32, 0) => self.x[11],
            (Isa::A32, _) => self.x[7],
        }
    }

    fn lr(&self) -> u64 {
        match self.isa {
            Isa::A64 => self.x[30],
            Isa::A32 => self.x[14],
        }
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        if self.isa == Isa::A32 {
            let mut all: Vec<_> = A32_NAMES.into_iter().zip(self.x).collect();
            all.push(("pc", self.pc()));
            return all;
        }
        let mut all: Vec<_> = NAMES.into_iter().zip(self.x).collect();
        all.push(("sp", self.sp()));
        all.push(("pc", self.pc));
        all
    }
}

impl Isa {
    /// The address in what [`Regs`] keeps as its program counter.
    pub(crate) const fn address(self, pc: u64) -> u64 {
        match self {
            Self::A64 => pc,
            Self::A32 => a32::address(pc),
        }
    }
}
