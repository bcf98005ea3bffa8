//! A decoded instruction: which row of the decode table it is, and its operands.

/// A register operand. Number 31 is already resolved to what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reg {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    R16,
    R17,
    R18,
    R19,
    R20,
    R21,
    R22,
    R23,
    R24,
    R25,
    R26,
    R27,
    R28,
    R29,
    R30,
    /// The stack pointer; as a vector register, number 31.
    Sp,
    /// Reads as zero.
    Zero,
    /// Takes what is discarded.
    Sink,
}

const NUMBERED: [Reg; 32] = [
    Reg::R0,
    Reg::R1,
    Reg::R2,
    Reg::R3,
    Reg::R4,
    Reg::R5,
    Reg::R6,
    Reg::R7,
    Reg::R8,
    Reg::R9,
    Reg::R10,
    Reg::R11,
    Reg::R12,
    Reg::R13,
    Reg::R14,
    Reg::R15,
    Reg::R16,
    Reg::R17,
    Reg::R18,
    Reg::R19,
    Reg::R20,
    Reg::R21,
    Reg::R22,
    Reg::R23,
    Reg::R24,
    Reg::R25,
    Reg::R26,
    Reg::R27,
    Reg::R28,
    Reg::R29,
    Reg::R30,
    Reg::Sp,
];

/// General registers, the stack pointer, and the two that make register 31 cost nothing.
pub const REGS: usize = 34;

impl Reg {
    /// Where 31 is the stack pointer (or a vector register).
    pub const fn sp(number: u32) -> Self {
        NUMBERED[(number & 31) as usize]
    }

    /// A source where 31 is zero.
    pub const fn src(number: u32) -> Self {
        match number & 31 {
            31 => Self::Zero,
            n => Self::sp(n),
        }
    }

    /// A destination where 31 discards.
    pub const fn dst(number: u32) -> Self {
        match number & 31 {
            31 => Self::Sink,
            n => Self::sp(n),
        }
    }

    /// As an index of a vector register.
    #[inline(always)]
    pub const fn v(self) -> usize {
        self as usize & 31
    }

    /// The vector register `n` further on, modulo 32.
    #[inline(always)]
    pub const fn plus(self, n: u8) -> Self {
        Self::sp(self as u32 + n as u32)
    }
}

/// A decoded instruction. What `k`, `l` and `imm` mean is up to the row's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// Twice the row, plus the row's variant bit.
    pub row: u16,
    /// Destination; the transfer register of loads and stores.
    pub d: Reg,
    /// First source; the base register.
    pub n: Reg,
    /// Second source.
    pub m: Reg,
    /// Third source; the second transfer register.
    pub a: Reg,
    /// A small number. Of vectors: log2 of the element's bytes.
    pub k: u8,
    /// A small number. Of vectors: bytes in the operand.
    pub l: u8,
    /// Bytes of the encoding.
    pub len: u8,
    /// AArch32: the condition under which it takes place.
    pub cond: u8,
    /// AArch32: what it does with the program counter; see [`crate::a32`].
    pub pc: u8,
    /// AArch32: the IT state before it.
    pub it: u8,
    /// AArch32: the row that takes place under the condition.
    pub then: u16,
    /// An immediate, an index, or the target of a branch.
    pub imm: u64,
    /// Where the next instruction in memory lies. AArch32: a location, see [`crate::a32`].
    pub next: u64,
}

impl Op {
    /// With every operand at rest.
    pub const fn new(row: u16, pc: u64) -> Self {
        Self {
            row,
            d: Reg::Sink,
            n: Reg::Zero,
            m: Reg::Zero,
            a: Reg::Zero,
            k: 0,
            l: 0,
            len: 4,
            cond: 14,
            pc: 0,
            it: 0,
            then: 0,
            imm: 0,
            next: pc.wrapping_add(4),
        }
    }
}
