//! The text of an instruction, from its row's template and its operands.

use super::format::At;
use super::{AROUND, lookup, row, simd_print};
use crate::op::{Op, Reg};

const CONDITIONS: [&str; 16] = [
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "", "",
];
const SHIFTS: [&str; 4] = ["lsl", "lsr", "asr", "ror"];

/// The text of a word at a location. Of T32, the first halfword is the more significant one.
#[must_use]
pub fn disassemble(word: u32, location: u64) -> String {
    let at = At::new(word, location);
    let unknown = if at.len == 2 {
        format!(".inst.n {word:#06x}")
    } else {
        format!(".inst {word:#010x}")
    };
    let Some(op) = lookup(word, location) else {
        return unknown;
    };
    let number = if op.row == AROUND { op.then } else { op.row };
    let Some(row) = row(usize::from(number / 2)) else {
        return unknown;
    };
    let (mnemonic, template) = shift_names(row.mnemonic, row.format.text, &op);
    let mut text = typed(mnemonic, &op);
    let flags = if number & 1 == 1 { "s" } else { "" };
    let conditional = ["b", "it", "bkpt"].contains(&mnemonic);
    let cond = match mnemonic {
        "b" => CONDITIONS[usize::from(op.k & 15)],
        _ if conditional => "",
        _ => CONDITIONS[usize::from(at.cond & 15)],
    };
    let end = text.find('.').unwrap_or(text.len());
    text.insert_str(end, &format!("{flags}{cond}"));
    if mnemonic == "it" {
        text += &it_letters(op.imm as u8);
    }
    if !template.is_empty() {
        text.push(' ');
    }
    fill(&mut text, template, &op, at);
    text
}

/// The mnemonic with its data type.
fn typed(mnemonic: &str, o: &Op) -> String {
    let mut text = String::new();
    let mut rest = mnemonic;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (token, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(&simd_print::data_type(token, o));
        rest = after;
    }
    text + rest
}

/// A moved register that is shifted has the shift's name.
fn shift_names<'a>(mnemonic: &'a str, template: &'a str, o: &Op) -> (&'a str, &'a str) {
    match (mnemonic, template, o.k, o.l) {
        ("mov", "{d}, {m}{shift}", 4, _) => ("rrx", "{d}, {m}"),
        ("mov", "{d}, {m}{shift}", k, 1..) => (SHIFTS[usize::from(k & 3)], "{d}, {m}, {amount}"),
        ("mov", "{d}, {m}{by}", k, _) => (SHIFTS[usize::from(k & 3)], "{d}, {m}, {a}"),
        _ => (mnemonic, template),
    }
}

/// Whether each further instruction of an IT block is under the condition or its opposite.
fn it_letters(it: u8) -> String {
    let count = 3 - it.trailing_zeros().min(3);
    let letter = |i: u32| {
        if it >> (3 - i) & 1 == it >> 4 & 1 {
            't'
        } else {
            'e'
        }
    };
    (0..count).map(letter).collect()
}

fn fill(text: &mut String, template: &str, o: &Op, at: At) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (token, after) = after.split_once('}').unwrap_or((after, ""));
        let operand = operand(token, o, at).or_else(|| simd_print::operand(token, o));
        text.push_str(&operand.unwrap_or_else(|| token.to_owned()));
        rest = after;
    }
    text.push_str(rest);
}

/// The name of a general register.
pub fn name(reg: Reg) -> String {
    match reg as u8 {
        13 => "sp".into(),
        14 => "lr".into(),
        15 => "pc".into(),
        n => format!("r{n}"),
    }
}

fn shift(o: &Op) -> String {
    match (o.k, o.l) {
        (4, _) => ", rrx".into(),
        (_, 0) => String::new(),
        (k, l) => format!(", {} #{l}", SHIFTS[usize::from(k & 3)]),
    }
}

fn number(value: u64) -> String {
    format!("#{}", value as u32 as i32)
}

fn offset(o: &Op) -> String {
    match o.imm {
        0 => String::new(),
        imm => format!(", {}", number(imm)),
    }
}

fn index(o: &Op) -> String {
    let sign = if o.imm == 0 { "" } else { "-" };
    format!("{sign}{}{}", name(o.m), shift(o))
}

fn registers(o: &Op) -> String {
    let listed = (0..16).filter(|n| o.imm >> n & 1 != 0);
    let names: Vec<String> = listed.map(|n| name(Reg::sp(n))).collect();
    format!("{{{}}}", names.join(", "))
}

fn operand(token: &str, o: &Op, at: At) -> Option<String> {
    const BARRIERS: [&str; 16] = [
        "#0", "oshld", "oshst", "osh", "#4", "unld", "unst", "un", "#8", "ishld", "ishst", "ish",
        "#12", "ld", "st", "sy",
    ];
    let near = || (o.imm as u32).wrapping_sub(at.aligned()) as i32;
    Some(match token {
        "d" => name(o.d),
        "n" => name(o.n),
        "m" => name(o.m),
        "a" => name(o.a),
        "imm" => number(o.imm),
        "amount" => format!("#{}", o.l),
        "lsb" => format!("#{}", o.k),
        "width" => format!("#{}", o.l),
        "shift" => shift(o),
        "by" => format!(", {} {}", SHIFTS[usize::from(o.k & 3)], name(o.a)),
        "ror" if o.l == 0 => String::new(),
        "ror" => format!(", ror #{}", o.l),
        "near" => format!("pc, #{}", near()),
        "literal" => format!("[pc, #{}]", near()),
        "off" => format!("[{}{}]", name(o.n), offset(o)),
        "pre" => format!("[{}, {}]!", name(o.n), number(o.imm)),
        "post" => format!("[{}], {}", name(o.n), number(o.imm)),
        "offr" => format!("[{}, {}]", name(o.n), index(o)),
        "prer" => format!("[{}, {}]!", name(o.n), index(o)),
        "postr" => format!("[{}], {}", name(o.n), index(o)),
        "target" => format!("{:#x}", super::address(o.imm)),
        "moves" => if o.k == 0 { "" } else { "!" }.into(),
        "list" => registers(o),
        "barrier" => BARRIERS[o.imm as usize & 15].into(),
        "endian" => if o.imm == 0 { "le" } else { "be" }.into(),
        "it" => CONDITIONS[o.imm as usize >> 4 & 15].into(),
        "apsr" => status(o.k).into(),
        _ => return None,
    })
}

fn status(fields: u8) -> &'static str {
    match fields {
        4 => "CPSR_s",
        8 => "CPSR_f",
        12 => "CPSR_fs",
        _ => "CPSR",
    }
}
