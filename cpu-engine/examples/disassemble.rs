//! Prints the text of A64 words: lines `ADDRESS WORD` in hexadecimal on standard input.

use std::io::{self, BufRead, BufWriter, Write};

use cpu_engine::a64;

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut fields = line.split_whitespace();
        let hex = |field: Option<&str>| u64::from_str_radix(field.unwrap_or("0"), 16).unwrap_or(0);
        let (pc, word) = (hex(fields.next()), hex(fields.next()));
        writeln!(out, "{}", a64::disassemble(word as u32, pc))?;
    }
    out.flush()
}
