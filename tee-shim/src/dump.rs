//! What is told when a TA dies: the core's abort or panic lines, then the loader's status with
//! mappings and call stack, in OP-TEE's own layout, so that upstream's symbolize script reads it.
//!
//! Mappings have no physical address here; the virtual one stands in its place.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use litebox::{Access, AddressSpace, Cpu, Exit, FaultKind, Platform, Registers, Width};
use tee_abi::Uuid;

use crate::instance::{Host, Instance, LABEL_ELF, LABEL_LDELF, LABEL_PARAM, LABEL_STACK};

/// Why a TA died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It called `TEE_Panic`, or a library did for it.
    Panic(u32),
    /// The processor stopped it.
    Exit(Exit),
}

/// A mapping in a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpRegion {
    /// Start address.
    pub start: u64,
    /// Bytes.
    pub len: u64,
    /// `rwxs`-like flags as printed.
    pub flags: String,
    /// ` [n]`, ` (stack)`, ` (param)`, ` (ldelf)` or nothing, as printed.
    pub what: String,
}

/// What is known about a TA's death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The TA.
    pub uuid: Uuid,
    /// Why it died.
    pub cause: Cause,
    /// Loaded ELFs with their load addresses, the TA first.
    pub elves: Vec<(Uuid, u64)>,
    /// Its mappings.
    pub regions: Vec<DumpRegion>,
    /// Addresses on the call stack, innermost first.
    pub call_stack: Vec<u64>,
}

/// Most frames a call stack shows.
const MAX_FRAMES: usize = 64;

impl<H: Host> Instance<H> {
    /// Logs the death and keeps it for [`Instance::take_dump`].
    pub(crate) fn report_death(&mut self, cause: Cause) {
        let dump = Dump {
            uuid: self.config.uuid,
            cause,
            elves: self.layout.elves.clone(),
            regions: self.dump_regions(),
            call_stack: self.call_stack(),
        };
        match cause {
            Cause::Panic(code) => {
                self.log_core("");
                self.log_core(&format!("TA panicked with code 0x{code:x}"));
            }
            Cause::Exit(exit) => self.log_abort(exit),
        }
        self.log_status(&dump);
        self.dump = Some(dump);
    }

    fn log_abort(&mut self, exit: Exit) {
        let (headline, esr) = headline(exit);
        self.log_core("");
        self.log_core(&headline);
        if let Exit::Undefined { pc, word } = exit {
            let text = self.cpu.disassemble(&self.regs, pc, word);
            self.log_core(&format!(" instruction 0x{word:08x} at 0x{pc:08x}: {text}"));
        }
        self.log_core(&format!(
            " esr 0x{esr:08x}  ttbr0 0x00000000   ttbr1 0x00000000   cidr 0x0"
        ));
        let named = self.regs.named();
        match self.regs.width() {
            Width::W64 => self.log_registers_64(&named),
            Width::W32 => self.log_registers_32(&named),
        }
    }

    fn log_registers_64(&mut self, named: &[(&'static str, u64)]) {
        for pair in named.chunks(2) {
            let mut line = String::new();
            for (name, value) in pair {
                line.push_str(&format!(" {name:<3} {value:016x}"));
            }
            self.log_core(&line);
        }
    }

    fn log_registers_32(&mut self, named: &[(&'static str, u64)]) {
        for row in 0..named.len().div_ceil(4) {
            let mut line = String::new();
            for (name, value) in named.iter().skip(row).step_by(4) {
                line.push_str(&format!(" {name:>3} 0x{value:08x}"));
            }
            self.log_core(&line);
        }
    }

    fn log_status(&mut self, dump: &Dump) {
        let arch = self.regs.arch();
        self.log_loader(&format!("Status of TA {}", dump.uuid));
        self.log_loader(&format!(" arch: {arch}"));
        for (i, r) in dump.regions.iter().enumerate() {
            self.log_loader(&format!(
                "region {i:2}: va 0x{:08x} pa 0x{:08x} size 0x{:06x} flags {}{}",
                r.start, r.start, r.len, r.flags, r.what
            ));
        }
        for (i, (uuid, base)) in dump.elves.iter().enumerate() {
            self.log_loader(&format!(" [{i}] {uuid} @ 0x{base:08x}"));
        }
        self.log_loader("Call stack:");
        for pc in &dump.call_stack {
            self.log_loader(&format!(" 0x{pc:08x}"));
        }
    }

    fn log_loader(&mut self, text: &str) {
        self.platform.log(&format!("E/LD:  {text}"));
    }

    fn dump_regions(&self) -> Vec<DumpRegion> {
        self.mm
            .regions()
            .map(|(start, region)| {
                let what = match region.label {
                    LABEL_STACK => String::from(" (stack)"),
                    LABEL_PARAM => String::from(" (param)"),
                    LABEL_LDELF => String::from(" (ldelf)"),
                    label if label >= LABEL_ELF => format!(" [{}]", label - LABEL_ELF),
                    _ => String::new(),
                };
                let secure = if region.label == LABEL_PARAM {
                    '-'
                } else {
                    's'
                };
                let flags = format!("{:?}{secure}", region.prot);
                DumpRegion {
                    start,
                    len: region.len,
                    flags,
                    what,
                }
            })
            .collect()
    }

    /// Follows the chain of frame records within the stack.
    fn call_stack(&self) -> Vec<u64> {
        let mut frames = Vec::from([self.regs.pc()]);
        if self.regs.width() == Width::W32 {
            frames.push(self.regs.lr());
            return frames;
        }
        let stack = self.layout.stack_low..self.layout.stack_top;
        let mut fp = self.regs.fp();
        while frames.len() < MAX_FRAMES && stack.contains(&fp) {
            let next = self.mm.space().load(fp).map(u64::from_le_bytes);
            let lr = self
                .mm
                .space()
                .load(fp.wrapping_add(8))
                .map(u64::from_le_bytes);
            match (next, lr) {
                (Ok(next), Ok(lr)) if next != 0 => {
                    frames.push(lr.wrapping_sub(4));
                    if next <= fp {
                        break;
                    }
                    fp = next;
                }
                _ => break,
            }
        }
        frames
    }
}

/// The first line of an abort, and the exception syndrome a Cortex-A would report.
fn headline(exit: Exit) -> (String, u32) {
    const IL: u32 = 1 << 25;
    match exit {
        Exit::Fault {
            addr, access, kind, ..
        } => {
            let (name, class) = match access {
                Access::Execute => ("prefetch", 0x20),
                Access::Read | Access::Write => ("data", 0x24),
            };
            let (text, status) = match (kind, access) {
                (FaultKind::Unmapped, _) => ("translation fault", 0x07),
                (FaultKind::Permission, Access::Write) => ("write permission fault", 0x0f),
                (FaultKind::Permission, _) => ("read permission fault", 0x0f),
                (FaultKind::Alignment, _) => ("alignment fault", 0x21),
            };
            let write = if access == Access::Write { 1 << 6 } else { 0 };
            let line = format!("User mode {name}-abort at address 0x{addr:x} ({text})");
            (line, class << 26 | IL | write | status)
        }
        Exit::Undefined { pc, .. } => (format!("User mode undef-abort at address 0x{pc:x}"), IL),
        Exit::Breakpoint { pc } => (
            format!("User mode breakpoint at address 0x{pc:x}"),
            0x3c << 26 | IL,
        ),
        Exit::Budget => (
            String::from("User mode stopped: the instruction budget is used up"),
            0,
        ),
        Exit::Stopped => (String::from("User mode stopped from outside"), 0),
        Exit::Step | Exit::Syscall => (String::from("User mode stopped for no reason"), 0),
    }
}
