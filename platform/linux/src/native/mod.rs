//! The native processor: x86-64 guest code runs as it is, in this process.
//!
//! ```text
//! 0        0x1_0000   0x2_0000                       4 GiB                        2^47
//! |  never |  gate    |  guest memory: host = guest  |  host: program, libraries  |
//!            context, the thread's page
//! ```
//! *In* goes by [`gate`]'s assembly: the guest's registers are loaded and its code is jumped to.
//! *Out* goes by a signal. Syscall User Dispatch turns every `syscall` instruction below 4 GiB into
//! SIGSYS, wherever it hides: the kernel never sees the call. A call that was seen once and whose
//! surroundings allow it becomes a jump ([`rewrite`]). Faults and the tick of the budget arrive as
//! signals too. The handler writes down what the guest was doing and returns into the
//! host. FS, SSE and signal state of host and guest are kept apart; GS is the guest's alone.
//!
//! The guest shares the process: it can write to any memory of it. The wall is the sandbox around
//! the process, not this module.
//!
//! # Safety
//! One function here is unsafe to call, [`NativeCpu::new`]: who calls it answers for running
//! foreign code in this process.
#![expect(unsafe_code, reason = "its constructor is unsafe to call")]

mod gate;
mod regs;
mod rewrite;

use litebox::{Access, AddressSpace, Cpu, Exit, Fault, FaultKind, Registers};
use thiserror::Error;

use crate::Errno;
use gate::{Gate, Signal};
pub use regs::X86Regs;
use rewrite::Rewriter;

/// Instructions that a tick of processor time (10 ms) is counted as: a budget is a guard against
/// guests that run off, and real code retires fewer.
const TICK: u64 = 40_000_000;

/// Why guest code cannot run natively here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NativeError {
    /// The processor or the kernel does not let programs set FS (it needs Linux 5.9).
    #[error("the host lacks FSGSBASE")]
    FsBase,
    /// The kernel cannot give a program's system calls to itself (it needs Linux 5.11).
    #[error("the host lacks Syscall User Dispatch: {0}")]
    Dispatch(Errno),
    /// The addresses that the gate needs are in use: there is a native processor already.
    #[error("cannot map the gate: {0}")]
    Map(Errno),
    /// No signal handler, signal stack or timer.
    #[error("cannot prepare signals: {0}")]
    Signals(Errno),
}

/// A processor that runs x86-64 guest code in this process, on the thread that made it.
#[derive(Debug)]
pub struct NativeCpu {
    gate: Gate,
    rewriter: Rewriter,
}

impl NativeCpu {
    /// Takes over this thread's system calls below 4 GiB and the process's fault signals, until it
    /// is dropped.
    ///
    /// # Errors
    /// [`NativeError`].
    ///
    /// # Safety
    /// Guest code can read and write everything in this process. The caller has put into it only
    /// what the guest may spoil, and has locked it down, or trusts the guest. `run` is only ever
    /// given a `LinuxSpace::new_native`, or a space that has no window at host address 0.
    pub unsafe fn new() -> Result<Self, NativeError> {
        Ok(Self {
            gate: Gate::open()?,
            rewriter: Rewriter::default(),
        })
    }

    /// What a signal means; `None` when the guest shall go on.
    fn judge<M: AddressSpace>(
        &mut self,
        signal: Signal,
        regs: &mut X86Regs,
        mem: &mut M,
        budget: &mut u64,
    ) -> Option<Exit> {
        let pc = regs.rip();
        match signal {
            Signal::Tick => {
                if *budget == u64::MAX {
                    return None;
                }
                *budget = budget.saturating_sub(TICK);
                (*budget == 0).then_some(Exit::Budget)
            }
            Signal::Call => Some(Exit::Syscall),
            Signal::Dispatch => Some(self.dispatched(regs, mem)),
            Signal::Breakpoint => {
                let pc = pc.wrapping_sub(1);
                regs.set_rip(pc);
                Some(Exit::Breakpoint { pc })
            }
            Signal::Step => Some(Exit::Step),
            Signal::Undefined => Some(undefined(pc, mem)),
            Signal::Page { addr, access } => Some(Exit::fault(pc, fault(addr, access, mem))),
            Signal::Protection => {
                let kind = FaultKind::Unmapped;
                let access = Access::Read;
                let addr = u64::MAX;
                Some(Exit::fault(pc, Fault { addr, access, kind }))
            }
            Signal::Alignment { addr } => {
                let kind = FaultKind::Alignment;
                let access = Access::Read;
                Some(Exit::fault(pc, Fault { addr, access, kind }))
            }
        }
    }

    /// The instruction behind which SIGSYS came: `syscall`, or another way into the kernel, which
    /// is none of the guest's.
    fn dispatched<M: AddressSpace>(&mut self, regs: &mut X86Regs, mem: &mut M) -> Exit {
        let pc = regs.rip().wrapping_sub(2);
        let mut bytes = [0; 2];
        let fetched = mem.peek(pc, &mut bytes);
        if fetched.is_ok() && bytes == rewrite::SYSCALL {
            self.rewriter.try_site(pc, regs.sp(), mem, &mut self.gate);
            return Exit::Syscall;
        }
        regs.set_rip(pc);
        undefined(pc, mem)
    }
}

fn undefined<M: AddressSpace>(pc: u64, mem: &M) -> Exit {
    let mut bytes = [0; 4];
    // Near the end of a page fewer bytes can be had.
    let had = (1..=4).rev().any(|n| {
        bytes
            .get_mut(..n)
            .is_some_and(|part| mem.peek(pc, part).is_ok())
    });
    let word = if had { u32::from_le_bytes(bytes) } else { 0 };
    Exit::Undefined { pc, word }
}

/// Why the host refused an access, in the guest's terms.
fn fault<M: AddressSpace>(addr: u64, access: Access, mem: &M) -> Fault {
    let refused = mem.check(addr..addr.saturating_add(1), access).err();
    refused.unwrap_or(Fault {
        addr,
        access,
        kind: FaultKind::Permission,
    })
}

impl Cpu for NativeCpu {
    type Regs = X86Regs;

    /// The budget is counted by processor time: each 10 ms stand for [`TICK`] instructions.
    fn run<M: AddressSpace>(&mut self, regs: &mut X86Regs, mem: &mut M, budget: &mut u64) -> Exit {
        let native = mem.window().is_some_and(|window| window.base == 0);
        let pc = regs.rip();
        if !native || pc > u64::from(u32::MAX) {
            let (addr, access, kind) = (pc, Access::Execute, FaultKind::Unmapped);
            return Exit::fault(pc, Fault { addr, access, kind });
        }
        self.gate.tick(*budget != u64::MAX);
        loop {
            let signal = self.gate.enter(regs);
            if let Some(exit) = self.judge(signal, regs, mem, budget) {
                return exit;
            }
        }
    }

    fn disassemble(&self, _regs: &X86Regs, _pc: u64, word: u32) -> String {
        let [a, b, c, d] = word.to_le_bytes();
        format!(".byte {a:#04x}, {b:#04x}, {c:#04x}, {d:#04x}")
    }
}
