//! The text of floating-point, Advanced SIMD and coprocessor operands.

use super::print::name;
use crate::op::Op;

/// The text of an operand.
pub fn operand(token: &str, o: &Op) -> Option<String> {
    let word = o.imm as u32;
    Some(match token {
        "cp" => format!(
            "{}, {}, {}, cr{}, cr{}, {{{}}}",
            word >> 8 & 15,
            word >> 21 & 7,
            name(o.d),
            word >> 16 & 15,
            word & 15,
            word >> 5 & 7
        ),
        "cp2" => format!(
            "{}, {}, {}, {}, cr{}",
            word >> 8 & 15,
            word >> 4 & 15,
            name(o.d),
            name(o.a),
            word & 15
        ),
        _ => return None,
    })
}
