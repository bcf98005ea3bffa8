//! Operand formats.

use super::format::formats;
use crate::op::Reg;

formats! {
    /// A coprocessor register.
    CP "{cp}" |w, at, o| { o.d = Reg::sp(w.bits(15, 12)); o.imm = u64::from(w.0); }
    /// A coprocessor register of 64 bits.
    CP2 "{cp2}" |w, at, o| {
        (o.d, o.a) = (Reg::sp(w.bits(15, 12)), Reg::sp(w.bits(19, 16)));
        o.imm = u64::from(w.0);
    }
}
