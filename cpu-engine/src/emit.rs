//! What an instruction's meaning is written in.
//!
//! A meaning is a function over [`Emit`]. The interpreter implements it by computing, a translator
//! by emitting code that will compute. A meaning therefore looks at operands ([`Op`]) but never at
//! values, has no control flow that depends on a value, and performs whatever may fault before it
//! changes a register, so that a fault leaves the registers as they were.

use crate::op::{Op, Reg};
use crate::vector::Vfp;

/// Width of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum W {
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl W {
    /// In bits.
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        match self {
            Self::W32 => 32,
            Self::W64 => 64,
        }
    }

    /// All ones.
    #[inline(always)]
    pub const fn mask(self) -> u64 {
        match self {
            Self::W32 => u32::MAX as u64,
            Self::W64 => u64::MAX,
        }
    }
}

/// Operations on two values. Shift amounts are taken modulo the width; division is the
/// architecture's: by zero gives zero, the most negative by -1 gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Sar,
    Ror,
    UDiv,
    SDiv,
    /// High half of the unsigned 128-bit product.
    UMulHi,
    /// High half of the signed 128-bit product.
    SMulHi,
}

/// Operations on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Un {
    Not,
    Clz,
    /// Leading bits equal to the sign bit, which itself is not counted.
    Cls,
    /// Bits reversed.
    Rbit,
    /// Bytes reversed in each 16-bit lane.
    Rev16,
    /// Bytes reversed in each 32-bit lane.
    Rev32,
    /// Bytes reversed.
    Rev,
}

/// Read-modify-write operations of atomic instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rmw {
    Add,
    Clear,
    Xor,
    Set,
    SMax,
    SMin,
    UMax,
    UMin,
    Swap,
}

/// System registers of EL0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sys {
    /// Thread pointer.
    TpidrEl0,
    /// Thread pointer that EL0 only reads.
    TpidrroEl0,
    /// Floating-point control.
    Fpcr,
    /// Floating-point status.
    Fpsr,
    /// Condition flags, in bits 31 to 28.
    Nzcv,
    /// Cache type.
    CtrEl0,
    /// Size of the block that `dc zva` zeroes.
    DczidEl0,
    /// Virtual counter.
    CntvctEl0,
    /// Frequency of the counter.
    CntfrqEl0,
    /// AArch32: the four GE flags, in bits 3 to 0.
    Ge,
    /// AArch32: the cumulative saturation flag, in bit 0. A write adds to it.
    Saturated,
    /// AArch32: the flags as `mrs` reads them.
    Apsr,
    /// AArch32: flags N, Z, C, V, Q, as `msr` writes them.
    ApsrNzcvq,
    /// AArch32: floating-point status and control.
    Fpscr,
}

/// What kind of branch leaves to an address, for return prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain branch.
    Jump,
    /// A call; the link register is already set.
    Call,
    /// A return.
    Return,
}

/// Why a meaning did not simply end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The direct branch to the address in the operands is taken.
    Taken,
    /// A branch to an address that the implementation knows is taken.
    Indirect,
    /// Guest code cannot go on; the implementation knows why.
    Exit,
}

/// How a meaning ends: falls through, or halts.
pub type Step = Result<(), Halt>;

/// Computes, or emits what will compute.
pub trait Emit {
    /// An integer.
    type V: Copy;
    /// A truth value.
    type C: Copy;
    /// A 128-bit vector.
    type Q: Copy;

    /// A constant.
    fn k(&mut self, w: W, value: u64) -> Self::V;
    /// The low bits of a register.
    fn x(&mut self, w: W, reg: Reg) -> Self::V;
    /// Sets a register, zero-extending.
    fn set_x(&mut self, w: W, reg: Reg, value: Self::V);
    /// An operation on two values of this width.
    fn bin(&mut self, w: W, op: Bin, a: Self::V, b: Self::V) -> Self::V;
    /// An operation on one value of this width.
    fn un(&mut self, w: W, op: Un, a: Self::V) -> Self::V;
    /// Extends the low `bits` (8, 16, 32 or 64) of a value of either width to this width.
    fn ext(&mut self, w: W, bits: u32, signed: bool, a: Self::V) -> Self::V;
    /// `a` if the condition holds, else `b`.
    fn select(&mut self, w: W, c: Self::C, a: Self::V, b: Self::V) -> Self::V;

    /// The sum; sets the flags.
    fn adds(&mut self, w: W, a: Self::V, b: Self::V) -> Self::V;
    /// The difference; sets the flags.
    fn subs(&mut self, w: W, a: Self::V, b: Self::V) -> Self::V;
    /// The sum with the carry flag; sets the flags.
    fn adcs(&mut self, w: W, a: Self::V, b: Self::V) -> Self::V;
    /// The carry flag as 0 or 1.
    fn carry(&mut self, w: W) -> Self::V;
    /// Sets N and Z by a value, clears C and V.
    fn flags_nz(&mut self, w: W, a: Self::V);
    /// Sets N and Z by a value and C as given; keeps V, and C where none is given.
    fn flags_logic(&mut self, w: W, a: Self::V, carry: Option<Self::C>);
    /// Sets the flags from bits 31 to 28 of a 64-bit value.
    fn set_nzcv(&mut self, value: Self::V);
    /// The flags of `a - b` (or `a + b`) if the condition holds, else those given as N:Z:C:V.
    fn compare_if(&mut self, w: W, c: Self::C, sub: bool, a: Self::V, b: Self::V, nzcv: u8);
    /// Whether one of the architecture's sixteen conditions holds.
    fn cond(&mut self, cond: u8) -> Self::C;
    /// Whether a value is zero.
    fn is_zero(&mut self, w: W, a: Self::V) -> Self::C;
    /// Whether a bit is set.
    fn has_bit(&mut self, a: Self::V, bit: u32) -> Self::C;
    /// The opposite.
    fn not_c(&mut self, c: Self::C) -> Self::C;

    /// Loads `1 << log2` bytes, zero-extended to 64 bits.
    fn load(&mut self, log2: u8, addr: Self::V) -> Result<Self::V, Halt>;
    /// Loads two neighbours of `1 << log2` bytes (4 or 8).
    fn load2(&mut self, log2: u8, addr: Self::V) -> Result<(Self::V, Self::V), Halt>;
    /// Stores the low bytes.
    fn store(&mut self, log2: u8, addr: Self::V, value: Self::V) -> Step;
    /// Stores two neighbours; neither on a fault.
    fn store2(&mut self, log2: u8, addr: Self::V, a: Self::V, b: Self::V) -> Step;
    /// Loads `1 << log2` bytes, zero-extended to a vector.
    fn load_q(&mut self, log2: u8, addr: Self::V) -> Result<Self::Q, Halt>;
    /// Stores the low bytes of a vector.
    fn store_q(&mut self, log2: u8, addr: Self::V, value: Self::Q) -> Step;
    /// Faults unless the address is aligned to `1 << log2` bytes.
    fn aligned(&mut self, log2: u8, addr: Self::V, write: bool) -> Step;
    /// Loads and takes the exclusive monitor; of a pair, `1 << log2` is the size of each.
    fn load_exclusive(
        &mut self,
        log2: u8,
        pair: bool,
        addr: Self::V,
    ) -> Result<(Self::V, Self::V), Halt>;
    /// Stores if the monitor still holds: 0, or 1 if it does not. Ends the monitor.
    fn store_exclusive(
        &mut self,
        log2: u8,
        pair: bool,
        addr: Self::V,
        value: (Self::V, Self::V),
    ) -> Result<Self::V, Halt>;
    /// Ends the monitor.
    fn clear_exclusive(&mut self);
    /// Atomically replaces memory by the result of the operation; gives the old value.
    fn rmw(&mut self, op: Rmw, log2: u8, addr: Self::V, v: Self::V) -> Result<Self::V, Halt>;
    /// Atomically replaces `old` by `new`; gives what was there.
    fn compare_swap(
        &mut self,
        log2: u8,
        pair: bool,
        addr: Self::V,
        old: (Self::V, Self::V),
        new: (Self::V, Self::V),
    ) -> Result<(Self::V, Self::V), Halt>;
    /// A memory barrier.
    fn barrier(&mut self);
    /// Forgets what was decoded or translated, then goes on at the address.
    fn sync_code(&mut self, next: u64) -> Step;

    /// A vector register.
    fn v(&mut self, reg: Reg) -> Self::Q;
    /// Sets a vector register.
    fn set_v(&mut self, reg: Reg, value: Self::Q);
    /// Calls a plain function on the vector registers.
    fn vfp(&mut self, op: &Op, f: fn(&mut Vfp, &Op));
    /// Calls a plain function on the vector registers and a 64-bit value.
    fn vfp_x(&mut self, op: &Op, x: Self::V, f: fn(&mut Vfp, &Op, u64) -> u64) -> Self::V;
    /// Calls a plain function without effects on two 64-bit values.
    fn pure2(&mut self, a: Self::V, b: Self::V, f: fn(u64, u64) -> u64) -> Self::V;

    /// Reads a system register.
    fn mrs(&mut self, sys: Sys) -> Result<Self::V, Halt>;
    /// Writes a system register.
    fn msr(&mut self, sys: Sys, value: Self::V) -> Step;

    /// Branches to the address in the operands (`Op::imm`).
    fn jump(&mut self, target: u64, kind: Kind) -> Step;
    /// Branches to the address in the operands if the condition holds.
    fn jump_if(&mut self, c: Self::C, target: u64) -> Step;
    /// Branches to a computed address.
    fn jump_to(&mut self, target: Self::V, kind: Kind) -> Step;
    /// A system call; the next instruction is at the address.
    fn syscall(&mut self, next: u64) -> Step;
    /// A breakpoint instruction.
    fn breakpoint(&mut self) -> Step;
    /// An encoding that is no instruction.
    fn undefined(&mut self) -> Step;
}
