//! Rewriting of system calls: what cost a signal once becomes a jump.
//!
//! ```text
//! f:  push rbx                       f:  push rbx
//!     mov  eax, 29     5 bytes  ─▶       jmp  stub        ┌▶ stub: mov eax, 29
//!     syscall                            syscall          │        mov ecx, behind the call
//!     ret                                ret              ┘        jmp [arrive]
//! ```
//! The `syscall` stays: code that jumps to it still gets its signal. What is overwritten are the
//! first bytes of *one* instruction, the one before it, so no jump target is lost. That it is an
//! instruction is found by decoding from the start of the function, and where the function starts
//! is told by the call that is on the guest's stack. Nothing is guessed from bytes alone; a call
//! site of which all this cannot be shown keeps its signal.

use std::collections::BTreeMap;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use litebox::AddressSpace;

use super::gate::Gate;

/// The instruction.
pub(super) const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// Bytes of `jmp rel32` and of `call rel32`.
const JUMP: usize = 5;
/// The most bytes from a function's start to its system call.
const REACH: u64 = 4096;
/// Words of the guest's stack among which the return address is looked for.
const WORDS: u64 = 32;

/// What is known of call sites.
#[derive(Debug, Default)]
pub(super) struct Rewriter {
    /// Stubs by call site, with the instruction that each begins with.
    stubs: BTreeMap<u64, (Vec<u8>, u64)>,
    /// Sites that keep their signal, as long as the code stays as it was at this epoch.
    kept: BTreeMap<u64, u64>,
}

impl Rewriter {
    /// Rewrites the call at `site`, which has just been executed with this stack pointer, if it
    /// can be shown to be safe.
    pub(super) fn try_site<M: AddressSpace>(
        &mut self,
        site: u64,
        sp: u64,
        mem: &mut M,
        gate: &mut Gate,
    ) {
        if self.kept.get(&site) == Some(&mem.code_epoch()) {
            return;
        }
        if self.rewrite(site, sp, mem, gate).is_none() {
            self.kept.insert(site, mem.code_epoch());
        }
    }

    fn rewrite<M: AddressSpace>(
        &mut self,
        site: u64,
        sp: u64,
        mem: &mut M,
        gate: &mut Gate,
    ) -> Option<()> {
        let (at, displaced) = before(site, sp, mem)?;
        let stub = self.stub(site, &displaced, gate)?;
        let distance = i64::try_from(stub).ok()? - i64::try_from(at).ok()? - JUMP as i64;
        let [a, b, c, d] = i32::try_from(distance).ok()?.to_le_bytes();
        mem.poke(at, &[0xe9, a, b, c, d]).ok()
    }

    fn stub(&mut self, site: u64, displaced: &[u8], gate: &mut Gate) -> Option<u64> {
        match self.stubs.get(&site) {
            Some((begin, stub)) if begin == displaced => return Some(*stub),
            _ => {}
        }
        // mov ecx, the address behind the call
        let behind = u32::try_from(site)
            .ok()?
            .checked_add(SYSCALL.len() as u32)?;
        let mut code = displaced.to_vec();
        code.push(0xb9);
        code.extend(behind.to_le_bytes());
        let stub = gate.place_stub(site, &code)?;
        self.stubs.insert(site, (displaced.to_vec(), stub));
        Some(stub)
    }
}

/// The instruction before a call site, when it can run elsewhere and leaves room for a jump: its
/// address and its bytes.
fn before<M: AddressSpace>(site: u64, sp: u64, mem: &M) -> Option<(u64, Vec<u8>)> {
    let start = callees(sp, mem).find(|start| *start < site && site - start <= REACH)?;
    let len = usize::try_from(site - start).ok()?;
    let mut code = vec![0; len];
    mem.fetch(start, &mut code).ok()?;
    let last = decode_to_end(start, &code)?;
    let movable = last.len() >= JUMP
        && last.flow_control() == FlowControl::Next
        && !last.is_ip_rel_memory_operand();
    let bytes = code.get(len.checked_sub(last.len())?..)?;
    movable.then(|| (last.ip(), bytes.to_vec()))
}

/// Decodes from a function's start to the end of its bytes; the last instruction, when the bytes
/// end with it.
fn decode_to_end(start: u64, code: &[u8]) -> Option<Instruction> {
    let mut decoder = Decoder::with_ip(64, code, start, DecoderOptions::NONE);
    let mut last = None;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return None;
        }
        last = Some(instruction);
    }
    last
}

/// The targets of the direct calls that left their return address on the guest's stack.
fn callees<M: AddressSpace>(sp: u64, mem: &M) -> impl Iterator<Item = u64> {
    let words = (0..WORDS).map_while(move |n| mem.load(sp.checked_add(n * 8)?).ok());
    words.filter_map(move |word| callee(u64::from_le_bytes(word), mem))
}

/// The target of the direct call before a return address, if there is one.
fn callee<M: AddressSpace>(back: u64, mem: &M) -> Option<u64> {
    let mut call = [0; JUMP];
    mem.fetch(back.checked_sub(JUMP as u64)?, &mut call).ok()?;
    let [0xe8, a, b, c, d] = call else {
        return None;
    };
    back.checked_add_signed(i32::from_le_bytes([a, b, c, d]).into())
}
