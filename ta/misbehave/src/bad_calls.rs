//! Bad manners that a TA survives: syscalls with arguments that no sane TA passes, and answers
//! that no client expects.
//!
//! # Safety
//! The TEE must check every argument; that it does is what the calls here show. Where a call
//! names memory of this TA to be written, it is memory that nobody uses.

use alloc::vec::Vec;
use core::arch::asm;
use core::ptr;

use utee::algorithms::TEE_ALG_SHA256;
use utee::arch::syscall;
use utee::objects::TEE_TYPE_AES;
use utee::tee_abi::syscalls::{ArgKind, SYSCALLS, Syscall};
use utee::{Object, Params, Result, TeeResult, operation, syscall as calls, trace};

extern crate alloc;

/// Does as `command` says, `times` times where that makes sense.
pub fn commit(command: u32, times: u32) -> Result<()> {
    match command {
        67 => log_bytes(times),
        68 => log_lines(times),
        69 => trace::puts(b"\x1b[31mred\x07\x00\xff\xfe\x80\nE/TC:0 0 not from the core\r\n"),
        70 => return unknown_numbers(),
        71 => return bad_pointers(),
        72 => return absurd_words(),
        73 => return exhaust_heap(times),
        74 => return exhaust_handles(),
        76 => misaligned_stack(),
        _ => return Err(TeeResult::ERROR_NOT_SUPPORTED),
    }
    Ok(())
}

fn log_bytes(count: u32) {
    // More than the TA has is a bad pointer: what is there must do.
    let text = [b'x'; 4096];
    // SAFETY: the TEE checks the length.
    let _ = unsafe { calls::log(text.as_ptr(), count as usize) };
}

fn log_lines(count: u32) {
    for line in 0..count {
        utee::imsg!("line {line}");
    }
}

/// Changes the parameters behind the library's back.
pub fn scramble(params: &mut Params<'_>) {
    let raw = params.raw_mut();
    raw.types ^= 0xffff_ffff_ffff_7777;
    for (i, pair) in raw.vals.iter_mut().enumerate() {
        *pair = [0x4141_4141_4141_0000 + i as u64, u64::MAX - i as u64];
    }
}

/// Numbers beside the table, and words that only look like numbers of it.
const NOT_SYSCALLS: &[usize] = &[
    55,
    60,
    69,
    71,
    128,
    0xffff,
    1 << 31,
    1 << 32,
    (1 << 32) | 13,
    usize::MAX,
];

fn unknown_numbers() -> Result<()> {
    for number in NOT_SYSCALLS {
        // SAFETY: no argument is a pointer to anything.
        let result = TeeResult(unsafe { syscall(*number, [0usize; 8]) });
        if result != TeeResult::ERROR_NOT_SUPPORTED && *number < 1 << 31 {
            utee::emsg!("number {number} answers {:#010x}", result.0);
            return Err(TeeResult::ERROR_GENERIC);
        }
    }
    Ok(())
}

/// Memory for valid arguments, large enough for each kind.
#[repr(C, align(16))]
struct Scratch([u8; 256]);

/// Addresses where nothing may be read or written.
fn bad_addresses() -> [usize; 6] {
    let text = (bad_pointers as fn() -> Result<()>) as usize;
    [
        0,
        1,
        0xffff_ffff_ffff_fff8,
        0x7fff_ffff_f000,
        0x8000_0000_0000_0000,
        text & !0xfff,
    ]
}

/// Rows that end the entry.
fn is_deadly(row: &Syscall) -> bool {
    matches!(row.name, "sys_return" | "panic")
}

const fn is_pointer(kind: ArgKind) -> bool {
    !matches!(
        kind,
        ArgKind::Ulong | ArgKind::Size | ArgKind::I32 | ArgKind::Addr
    )
}

fn bad_pointers() -> Result<()> {
    let mut scratch = Scratch([0; 256]);
    for row in SYSCALLS.iter().filter(|row| !is_deadly(row)) {
        for (which, (_, kind)) in row.args.iter().enumerate() {
            if !is_pointer(*kind) {
                continue;
            }
            for bad in bad_addresses() {
                scratch.0.fill(0);
                call(row, &mut scratch, |i, _| (i == which).then_some(bad));
            }
        }
    }
    Ok(())
}

fn absurd_words() -> Result<()> {
    let mut scratch = Scratch([0; 256]);
    for row in SYSCALLS
        .iter()
        .filter(|row| !is_deadly(row) && row.name != "wait")
    {
        for absurd in [usize::MAX, usize::MAX / 2 + 1, 1 << 32, 0xffff_ffff] {
            scratch.0.fill(0xff);
            call(row, &mut scratch, |_, kind| {
                (!is_pointer(kind)).then_some(absurd)
            });
        }
    }
    Ok(())
}

/// Calls a row with valid pointers and small words, except where `bad` says otherwise.
fn call(row: &Syscall, scratch: &mut Scratch, bad: impl Fn(usize, ArgKind) -> Option<usize>) {
    let good = ptr::from_mut(scratch).expose_provenance();
    let mut args = [0usize; 8];
    for (i, (slot, (_, kind))) in args.iter_mut().zip(row.args).enumerate() {
        let sane = match kind {
            _ if is_pointer(*kind) => good,
            ArgKind::Size => 16,
            _ => 1,
        };
        *slot = bad(i, *kind).unwrap_or(sane);
    }
    // SAFETY: the TEE checks what is bad; what is good is the scratch area.
    let result = TeeResult(unsafe { syscall(row.number as usize, args) });
    utee::fmsg!("{}: {:#010x}", row.name, result.0);
}

fn exhaust_heap(times: u32) -> Result<()> {
    for _ in 0..times.max(1) {
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        while pieces.try_reserve(1).is_ok() {
            let Ok(piece) = utee::param::zeroed(1000) else {
                break;
            };
            pieces.push(piece);
        }
        utee::dmsg!("{} pieces", pieces.len());
    }
    Ok(())
}

/// As many handles as a TA may ask for in earnest.
const ENOUGH: usize = 10_000;

fn exhaust_handles() -> Result<()> {
    for _ in 0..ENOUGH {
        match Object::transient(TEE_TYPE_AES, 256) {
            Ok(object) => core::mem::forget(object),
            Err(TeeResult::ERROR_OUT_OF_MEMORY) => break,
            Err(error) => return Err(error),
        }
    }
    for _ in 0..ENOUGH {
        match operation::Digest::new(TEE_ALG_SHA256) {
            Ok(digest) => core::mem::forget(digest),
            Err(TeeResult::ERROR_OUT_OF_MEMORY) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn misaligned_stack() {
    // SAFETY: what is loaded lies below the stack and is thrown away; no signal can come between.
    unsafe {
        asm!(
            "mov {keep}, sp",
            "sub {off}, {keep}, #8",
            "mov sp, {off}",
            "ldr {off}, [sp]",
            "mov sp, {keep}",
            keep = out(reg) _, off = out(reg) _,
        );
    }
}
