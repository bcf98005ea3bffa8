//! The text of floating-point, Advanced SIMD and coprocessor operands.

use super::print::name;
use super::simd::Structures;
use crate::op::{Op, Reg};

/// A data type in a mnemonic. Capitals stand for twice the size.
pub fn data_type(token: &str, o: &Op) -> String {
    let bits = 8u32 << o.k;
    match token {
        "f" => format!("f{bits}"),
        "cf" => format!("f{}", 96 - bits),
        "z" => bits.to_string(),
        "S" | "U" | "I" => format!("{}{}", token.to_lowercase(), 2 * bits),
        _ => format!("{token}{bits}"),
    }
}

fn scalar(reg: Reg, double: bool) -> String {
    format!("{}{}", if double { 'd' } else { 's' }, reg.v())
}

fn vector(reg: Reg, quad: bool) -> String {
    format!("{}{}", if quad { 'q' } else { 'd' }, reg.v())
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    format!("{{{}}}", names.join(", "))
}

/// The register of an operand, by its letter.
fn register(letter: &str, o: &Op) -> Option<Reg> {
    match letter {
        "d" => Some(o.d),
        "n" => Some(o.n),
        "m" => Some(o.m),
        _ => None,
    }
}

/// The text of an operand.
pub fn operand(token: &str, o: &Op) -> Option<String> {
    if token.len() == 2 && token.is_ascii() {
        let (kind, letter) = token.split_at(1);
        let reg = register(letter, o);
        let text = match (kind, reg) {
            ("v", Some(reg)) => vector(reg, o.l == 16),
            ("q", Some(reg)) => vector(reg, true),
            ("d", Some(reg)) => vector(reg, false),
            ("s", Some(reg)) => scalar(reg, false),
            ("f", Some(reg)) => scalar(reg, o.k == 3),
            ("c", Some(reg)) => scalar(reg, o.k == 2),
            _ => return coprocessor(token, o),
        };
        return Some(text);
    }
    Some(match token {
        "bits" => format!("#{}", o.imm),
        "size" => format!("#{}", 8 << o.k),
        "lane" => format!("d{}[{}]", o.m.v(), o.imm),
        "nlane" => format!("d{}[{}]", o.n.v(), o.imm),
        "dlane" => format!("d{}[{}]", o.d.v(), o.imm),
        "fimm" => format!("#{:.6e}", number(o.k, o.imm)),
        "mimm" => format!("#{:#x}", element(o)),
        "fpair" if o.k == 3 => scalar(o.d, true),
        "fpair" => format!("{}, {}", scalar(o.d, false), scalar(o.d.plus(1), false)),
        "flist" => list((0..o.l).map(|i| scalar(o.d.plus(i), o.k == 3))),
        "table" => list((0..o.k).map(|i| vector(o.n.plus(i), false))),
        "structures" => structures(o),
        _ => return coprocessor(token, o),
    })
}

fn number(k: u8, bits: u64) -> f64 {
    match k {
        3 => f64::from_bits(bits),
        _ => f64::from(f32::from_bits(bits as u32)),
    }
}

fn element(o: &Op) -> u64 {
    o.imm & u64::MAX >> (64 - (8 << o.k))
}

fn structures(o: &Op) -> String {
    let s = Structures::of(o);
    let suffix = match o.l {
        1 => format!("[{}]", s.lane),
        2 => "[]".into(),
        _ => String::new(),
    };
    // In the order of their numbers.
    let last = s.groups - 1 + (s.count - 1) * s.stride;
    let step = if s.groups > 1 { 1 } else { s.stride };
    let numbers = (0..=last).step_by(usize::from(step));
    let regs = list(numbers.map(|i| vector(o.d.plus(i), false) + &suffix));
    let align = if s.align == 0 {
        String::new()
    } else {
        format!(" :{}", 8 << s.align)
    };
    let moved = match o.m {
        Reg::R15 => String::new(),
        Reg::R13 => "!".into(),
        m => format!(", {}", name(m)),
    };
    format!("{regs}, [{}{align}]{moved}", name(o.n))
}

fn coprocessor(token: &str, o: &Op) -> Option<String> {
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
