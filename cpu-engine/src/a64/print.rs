//! The text of an instruction, from its row's template.

use super::format::{Word, fp_immediate, logical_immediate, modified_immediate};
use super::{lookup, row};

const CONDITIONS: [&str; 16] = [
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
];

/// The text of a word at an address.
pub fn disassemble(word: u32, pc: u64) -> String {
    let Some(op) = lookup(word, pc) else {
        return format!(".inst {word:#010x}");
    };
    let Some(row) = row(usize::from(op.row / 2)) else {
        return format!(".inst {word:#010x}");
    };
    let mut text = row.mnemonic.to_owned();
    if writes_upper_half(row.mnemonic, row.format.text, word) {
        text.push('2');
    }
    let mut rest = row.format.text;
    if !rest.is_empty() {
        text.push(' ');
    }
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(&operand(name, Word(word), op.imm));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Whether the mnemonic gets a `2`: it narrows into, or widens from, the upper half.
fn writes_upper_half(mnemonic: &str, template: &str, word: u32) -> bool {
    let longs = ["{vdl}", "{vnl}", "{vdfn}", "{vdfl}", "{vnil}", "{vdil}"];
    let halves = longs.iter().any(|name| template.contains(name));
    let whole = template.starts_with("{vdl2}") || mnemonic.ends_with('v');
    word >> 30 & 1 == 1 && word >> 31 == 0 && halves && !whole
}

fn x(n: u32, wide: bool) -> String {
    match (n, wide) {
        (31, true) => "xzr".into(),
        (31, false) => "wzr".into(),
        (n, true) => format!("x{n}"),
        (n, false) => format!("w{n}"),
    }
}

fn sp(n: u32, wide: bool) -> String {
    match (n, wide) {
        (31, true) => "sp".into(),
        (31, false) => "wsp".into(),
        _ => x(n, wide),
    }
}

/// A vector register with its arrangement.
fn arranged(n: u32, k: u32, full: bool) -> String {
    let count = (if full { 16 } else { 8 }) >> k;
    format!("v{n}.{count}{}", element(k))
}

fn element(k: u32) -> char {
    ['b', 'h', 's', 'd', 'q'][k as usize % 5]
}

fn scalar(n: u32, k: u32) -> String {
    format!("{}{n}", element(k))
}

fn fp_kind(w: Word) -> u32 {
    match w.bits(23, 22) {
        0 => 2,
        1 => 3,
        _ => 1,
    }
}

/// The register number that the letter behind a prefix names.
fn number(w: Word, letter: char) -> u32 {
    match letter {
        'd' | 't' => w.bits(4, 0),
        'n' => w.bits(9, 5),
        'm' | 's' => w.bits(20, 16),
        _ => w.bits(14, 10),
    }
}

fn operand(name: &str, w: Word, imm: u64) -> String {
    general(name, w)
        .or_else(|| immediate(name, w, imm))
        .or_else(|| address(name, w, imm))
        .or_else(|| transfer(name, w))
        .or_else(|| float(name, w))
        .or_else(|| vector(name, w))
        .or_else(|| copy(name, w))
        .unwrap_or_else(|| name.to_owned())
}

fn general(name: &str, w: Word) -> Option<String> {
    let wide = w.bit(31);
    Some(match name {
        "rd" | "rn" | "rm" | "ra" => x(number(w, name.chars().nth(1)?), wide),
        "rd|sp" => sp(w.bits(4, 0), wide),
        "rn|sp" => sp(w.bits(9, 5), wide),
        "xn|sp" => sp(w.bits(9, 5), true),
        "xd" | "xn" | "xm" | "xa" => x(number(w, name.chars().nth(1)?), true),
        "wd" | "wn" | "wm" | "ws" => x(number(w, name.chars().nth(1)?), false),
        "rt" => x(w.bits(4, 0), wide),
        "rtb" => x(w.bits(4, 0), wide),
        "rq" => x(w.bits(4, 0), w.bit(30)),
        "xt" => x(w.bits(4, 0), true),
        "xt2" => x(w.bits(14, 10), true),
        _ => return None,
    })
}

fn immediate(name: &str, w: Word, imm: u64) -> Option<String> {
    let shift = ["lsl", "lsr", "asr", "ror"][w.bits(23, 22) as usize];
    Some(match name {
        "imm16" => format!("#{:#x}", w.bits(15, 0)),
        "exc" => format!("#{:#x}", w.bits(20, 5)),
        "hint" => format!("#{:#x}", w.bits(11, 5)),
        "barrier" => match (w.bits(7, 5), w.bits(11, 8)) {
            (2 | 6, 15) => String::new(),
            (2 | 6, n) => format!("#{n:#x}"),
            (_, n) => [
                "#0x0", "oshld", "oshst", "osh", "#0x4", "nshld", "nshst", "nsh", "#0x8", "ishld",
                "ishst", "ish", "#0xc", "ld", "st", "sy",
            ][n as usize & 15]
                .into(),
        },
        "imm12" if w.bit(22) => format!("#{:#x}, lsl #12", w.bits(21, 10)),
        "imm12" => format!("#{:#x}", w.bits(21, 10)),
        "imm16w" if w.bits(22, 21) != 0 => {
            format!("#{:#x}, lsl #{}", w.bits(20, 5), 16 * w.bits(22, 21))
        }
        "imm16w" => format!("#{:#x}", w.bits(20, 5)),
        "bitmask" => {
            let mask = logical_immediate(w)?;
            let mask = if w.bit(31) { mask } else { mask & 0xffff_ffff };
            format!("#{mask:#x}")
        }
        "immr" => format!("#{}", w.bits(21, 16)),
        "imms" => format!("#{}", w.bits(15, 10)),
        "imm5" => format!("#{:#x}", w.bits(20, 16)),
        "nzcv" => format!("#{:#x}", w.bits(3, 0)),
        "cond" => CONDITIONS[w.bits(15, 12) as usize & 15].into(),
        "bit" => format!("#{}", w.bits(31, 31) << 5 | w.bits(23, 19)),
        "shift" if w.bits(15, 10) == 0 && w.bits(23, 22) == 0 => String::new(),
        "shift" => format!(", {shift} #{}", w.bits(15, 10)),
        "extended" => extended(w),
        "adr" | "adrp" | "label26" | "label19" | "label14" => format!("{imm:#x}"),
        "sysreg" => system_register(w),
        "sysop" => system_operation(w).into(),
        "fbits" => format!("#{imm}"),
        "fimm" => format!("#{:.8e}", f64::from_bits(fp_immediate(3, w.bits(20, 13)))),
        "extimm" => format!("#{:#x}", w.bits(14, 11)),
        "right" | "left" => format!("#{imm}"),
        "shll" => format!("#{}", 8 << w.bits(23, 22)),
        "mimm" => modified(w),
        _ => return None,
    })
}

fn modified(w: Word) -> String {
    let imm8 = w.bits(18, 16) << 5 | w.bits(9, 5);
    let (cmode, op) = (w.bits(15, 12), w.bit(29));
    match (cmode, op) {
        (15, _) => format!("#{:.8e}", f64::from_bits(fp_immediate(3, imm8))),
        (14, true) => format!("#{:#x}", modified_immediate(w)),
        (14, false) => format!("#{imm8:#x}"),
        (12 | 13, _) => format!("#{imm8:#x}, msl #{}", 8 << (cmode & 1)),
        _ => match cmode >> 1 & 3 {
            n if n == 0 || cmode == 8 || cmode == 9 => format!("#{imm8:#x}"),
            n => format!("#{imm8:#x}, lsl #{}", 8 * n),
        },
    }
}

const EXTENDS: [&str; 8] = [
    "uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx",
];

fn extended(w: Word) -> String {
    let (option, amount) = (w.bits(15, 13), w.bits(12, 10));
    let reg = x(w.bits(20, 16), option & 3 == 3 && w.bit(31));
    let flags = w.bit(29);
    let with_sp = w.bits(9, 5) == 31 || (!flags && w.bits(4, 0) == 31);
    let natural = if w.bit(31) { 3 } else { 2 };
    let name = if with_sp && option == natural {
        "lsl"
    } else {
        EXTENDS[option as usize & 7]
    };
    match (name, amount) {
        ("lsl", 0) => reg,
        (name, 0) => format!("{reg}, {name}"),
        (name, n) => format!("{reg}, {name} #{n}"),
    }
}

fn system_register(w: Word) -> String {
    let (op0, op1, n, m, op2) = (
        2 + w.bits(19, 19),
        w.bits(18, 16),
        w.bits(15, 12),
        w.bits(11, 8),
        w.bits(7, 5),
    );
    let name = match (op0, op1, n, m, op2) {
        (3, 3, 13, 0, 2) => "tpidr_el0",
        (3, 3, 13, 0, 3) => "tpidrro_el0",
        (3, 3, 4, 4, 0) => "fpcr",
        (3, 3, 4, 4, 1) => "fpsr",
        (3, 3, 4, 2, 0) => "nzcv",
        (3, 3, 0, 0, 1) => "ctr_el0",
        (3, 3, 0, 0, 7) => "dczid_el0",
        (3, 3, 14, 0, 2) => "cntvct_el0",
        (3, 3, 14, 0, 0) => "cntfrq_el0",
        _ => return format!("s{op0}_{op1}_c{n}_c{m}_{op2}"),
    };
    name.into()
}

fn system_operation(w: Word) -> &'static str {
    match w.bits(11, 8) {
        4 => "zva",
        5 => "ivau",
        10 => "cvac",
        11 => "cvau",
        _ => "civac",
    }
}

fn offset(value: i64) -> String {
    if value == 0 {
        String::new()
    } else {
        format!(", #{value}")
    }
}

fn address(name: &str, w: Word, imm: u64) -> Option<String> {
    let signed = imm as i64;
    Some(match name {
        "uimm" | "simm9" | "simm7" => offset(signed),
        "simm9w" | "simm7w" => format!("#{signed}"),
        "index" => {
            let option = w.bits(15, 13);
            let reg = x(w.bits(20, 16), option & 1 == 1);
            let amount = w.scale();
            match (option, w.bit(12)) {
                (3, false) => reg,
                (3, true) => format!("{reg}, lsl #{amount}"),
                (_, false) => format!("{reg}, {}", EXTENDS[option as usize & 7]),
                _ => format!("{reg}, {} #{amount}", EXTENDS[option as usize & 7]),
            }
        }
        "postx" => post(w, list_count(w) * if w.bit(30) { 16 } else { 8 }),
        "postl" => {
            let count = (w.bits(13, 13) << 1 | w.bits(21, 21)) + 1;
            post(w, count << lane_size(w))
        }
        _ => return None,
    })
}

fn post(w: Word, bytes: u32) -> String {
    match w.bits(20, 16) {
        31 => format!("#{bytes}"),
        m => x(m, true),
    }
}

fn list_count(w: Word) -> u32 {
    match w.bits(15, 12) {
        0b0111 => 1,
        0b1010 | 0b1000 => 2,
        0b0110 | 0b0100 => 3,
        _ => 4,
    }
}

fn lane_size(w: Word) -> u32 {
    match w.bits(15, 14) {
        3 => w.bits(11, 10),
        2 if w.bit(10) => 3,
        n => n,
    }
}

fn transfer(name: &str, w: Word) -> Option<String> {
    let single = |n| {
        if w.bit(26) {
            return scalar(n, w.scale());
        }
        let (size, opc) = (w.bits(31, 30), w.bits(23, 22));
        if size == 3 && opc == 2 {
            return prefetch(n);
        }
        x(n, size == 3 || opc == 2)
    };
    let pair = |n| {
        if w.bit(26) {
            scalar(n, w.pair_scale())
        } else {
            x(n, w.bit(31))
        }
    };
    let is_pair = w.bits(29, 27) == 5;
    let ordered = |n| {
        let pairwise = w.bits(31, 24) & 0xbf == 8 && w.bit(21) && !w.bit(23);
        x(
            n,
            if pairwise {
                w.bit(30)
            } else {
                w.bits(31, 30) == 3
            },
        )
    };
    Some(match name {
        "t" if is_pair => pair(w.bits(4, 0)),
        "t" => single(w.bits(4, 0)),
        "t2" => pair(w.bits(14, 10)),
        "tl" => match (w.bit(26), w.bits(31, 30)) {
            (true, n) => scalar(w.bits(4, 0), 2 + n),
            (false, 3) => prefetch(w.bits(4, 0)),
            (false, n) => x(w.bits(4, 0), n != 0),
        },
        "te" => ordered(w.bits(4, 0)),
        "te1" => ordered(w.bits(4, 0) + 1),
        "te2" => ordered(w.bits(14, 10)),
        "ts" => ordered(w.bits(20, 16)),
        "ts1" => ordered(w.bits(20, 16) + 1),
        "list" => list(w, list_count(w), &arrangement(w.bits(11, 10), w.bit(30))),
        "listr" => {
            let count = (w.bits(13, 13) << 1 | w.bits(21, 21)) + 1;
            list(w, count, &arrangement(w.bits(11, 10), w.bit(30)))
        }
        "lanes" => {
            let count = (w.bits(13, 13) << 1 | w.bits(21, 21)) + 1;
            let size = lane_size(w);
            let index = (w.bits(30, 30) << 3 | w.bits(12, 10)) >> size;
            format!("{}[{index}]", list(w, count, &element(size).to_string()))
        }
        _ => return None,
    })
}

fn prefetch(n: u32) -> String {
    let kind = ["pld", "pli", "pst"].get((n >> 3) as usize);
    let level = ["l1", "l2", "l3"].get((n >> 1 & 3) as usize);
    match (kind, level) {
        (Some(kind), Some(level)) => {
            format!("{kind}{level}{}", if n & 1 == 1 { "strm" } else { "keep" })
        }
        _ => format!("#{n:#x}"),
    }
}

fn arrangement(k: u32, full: bool) -> String {
    format!("{}{}", (if full { 16 } else { 8 }) >> k, element(k))
}

fn list(w: Word, count: u32, suffix: &str) -> String {
    let regs: Vec<String> = (0..count)
        .map(|i| format!("v{}.{suffix}", (w.bits(4, 0) + i) & 31))
        .collect();
    format!("{{{}}}", regs.join(", "))
}

fn float(name: &str, w: Word) -> Option<String> {
    Some(match name {
        "fd" | "fn" | "fm" | "fa" => scalar(number(w, name.chars().nth(1)?), fp_kind(w)),
        "fcvtd" => {
            let k = match w.bits(16, 15) {
                0 => 2,
                1 => 3,
                _ => 1,
            };
            scalar(w.bits(4, 0), k)
        }
        "vntop" => format!("v{}.d[1]", w.bits(9, 5)),
        "vdtop" => format!("v{}.d[1]", w.bits(4, 0)),
        "sdf" | "snf" | "smf" => scalar(number(w, name.chars().nth(1)?), 2 + w.bits(22, 22)),
        "sdfn" => scalar(w.bits(4, 0), 2),
        "snfl" => scalar(w.bits(9, 5), 3),
        "vdf" | "vnf" | "vmf" => arranged(
            number(w, name.chars().nth(1)?),
            2 + w.bits(22, 22),
            w.bit(30),
        ),
        "vnfp" => arranged(w.bits(9, 5), 2 + w.bits(22, 22), w.bit(22)),
        "vdfn" | "vnfn" => arranged(
            number(w, name.chars().nth(1)?),
            1 + w.bits(22, 22),
            w.bit(30),
        ),
        "vdfl" | "vnfl" => arranged(number(w, name.chars().nth(1)?), 2 + w.bits(22, 22), true),
        _ => return None,
    })
}

fn vector(name: &str, w: Word) -> Option<String> {
    let (k, full) = (w.bits(23, 22), w.bit(30));
    let n = || Some(number(w, name.chars().nth(1)?));
    Some(match name {
        "vd" | "vn" | "vm" => arranged(n()?, k, full),
        "vdb" | "vnb" | "vmb" => arranged(n()?, 0, full),
        "vdl" if k == 3 => format!("v{}.1q", n()?),
        "vdl" | "vnl" | "vml" => arranged(n()?, k + 1, true),
        "vdl2" => arranged(n()?, k + 1, full),
        "vnd" | "vmd" => arranged(n()?, 0, full),
        "sd" | "sn" | "sm" => scalar(n()?, k),
        "sdl" | "snl" => scalar(n()?, k + 1),
        "vn2d" => arranged(n()?, 3, true),
        "element" | "elementf" | "elementd" => by_element(name, w),
        "tbl" => {
            let regs: Vec<String> = (0..=w.bits(14, 13))
                .map(|i| format!("v{}.16b", (w.bits(9, 5) + i) & 31))
                .collect();
            format!("{{{}}}", regs.join(", "))
        }
        "vd16b" | "vn16b" => arranged(n()?, 0, true),
        "vd4s" | "vn4s" | "vm4s" => arranged(n()?, 2, true),
        "qd" | "qn" => scalar(n()?, 4),
        "s_d" => scalar(w.bits(4, 0), 2),
        "s_n" => scalar(w.bits(9, 5), 2),
        "dd" => scalar(w.bits(4, 0), 3),
        "vdm" => {
            let cmode = w.bits(15, 12);
            let k = match (cmode, w.bit(29)) {
                (14, false) => 0,
                (14 | 15, true) => 3,
                (8..=11, _) => 1,
                _ => 2,
            };
            arranged(w.bits(4, 0), k, full)
        }
        _ => return None,
    })
}

fn by_element(name: &str, w: Word) -> String {
    let (h, l, m) = (w.bits(11, 11), w.bits(21, 21), w.bits(20, 20));
    let k = if name == "elementf" {
        2 + w.bits(22, 22)
    } else {
        w.bits(23, 22)
    };
    match (name, k) {
        ("elementd", _) => format!("v{}.4b[{}]", w.bits(20, 16), h << 1 | l),
        (_, 1) => format!("v{}.h[{}]", w.bits(19, 16), h << 2 | l << 1 | m),
        (_, 2) => format!("v{}.s[{}]", w.bits(20, 16), h << 1 | l),
        _ => format!("v{}.d[{h}]", w.bits(20, 16)),
    }
}

fn copy(name: &str, w: Word) -> Option<String> {
    let full = w.bit(30);
    let shift = 31 - (w.bits(22, 19) | 1).leading_zeros();
    let lane = w.bits(20, 16).trailing_zeros();
    let index = w.bits(20, 16) >> (lane + 1).min(31);
    let n = || Some(number(w, name.chars().nth(1)?));
    Some(match name {
        "vdi" | "vni" => arranged(n()?, shift, full),
        "vdil" | "vnil" => arranged(n()?, shift + 1, true),
        "sdi" | "sni" => scalar(n()?, shift),
        "snil" => scalar(n()?, shift + 1),
        "vdx" => arranged(n()?, lane, full),
        "sdx" => scalar(n()?, lane),
        "vnx" | "vdxi" => format!("v{}.{}[{index}]", n()?, element(lane)),
        "vnx4" => format!("v{}.{}[{}]", n()?, element(lane), w.bits(14, 11) >> lane),
        "rnx" => x(w.bits(9, 5), lane == 3),
        _ => return None,
    })
}
