//! Ways to die.
//!
//! # Safety
//! There is none: each function does what safe code never does, so that the TEE ends the TA.

use core::arch::asm;
use core::hint::black_box;
use core::ptr;

use utee::{Result, TeeResult, Value, panic, syscall, time};

/// Dies as `command` says; an unknown command is refused.
pub fn commit(command: u32, word: Value) -> Result<()> {
    let at = crate::address(word);
    match command {
        0 => panic::panic(TeeResult(word.a)),
        1 => index_out_of_bounds(),
        2 => read(0),
        3 => write(0),
        4 => read(at),
        5 => write(at),
        6 => jump(at),
        7 => execute_stack(),
        8 => write((commit as fn(u32, Value) -> Result<()>) as usize),
        9 => write(header()),
        10 => overflow_stack(),
        11 => spin(),
        12 => spin_over_syscalls(),
        13 => undefined(),
        14 => breakpoint(),
        15 => kernel_register(),
        16 => monitor_call(),
        17 => misaligned_load_exclusive(),
        18 => misaligned_store_exclusive(),
        19 => jump((commit as fn(u32, Value) -> Result<()>) as usize + 2),
        20 => panic_without_frame(),
        _ => return Err(TeeResult::ERROR_NOT_SUPPORTED),
    }
    Err(survived())
}

/// What a client sees when a fault was none.
fn survived() -> TeeResult {
    utee::emsg!("still alive");
    TeeResult::ERROR_BAD_STATE
}

#[inline(never)]
#[expect(clippy::indexing_slicing, reason = "the panic is what is asked for")]
fn index_out_of_bounds() {
    let bytes = [1u8, 2, 3];
    black_box(bytes[black_box(7)]);
}

#[inline(never)]
fn read(at: usize) {
    // SAFETY: none.
    black_box(unsafe { ptr::with_exposed_provenance::<u8>(at).read_volatile() });
}

#[inline(never)]
fn write(at: usize) {
    // SAFETY: none.
    unsafe { ptr::with_exposed_provenance_mut::<u8>(at).write_volatile(0x5a) };
}

#[inline(never)]
fn jump(at: usize) {
    // SAFETY: none.
    unsafe { asm!("blr {}", in(reg) at, clobber_abi("C")) };
}

fn execute_stack() {
    // `ret`, which would come straight back.
    let code = black_box([0xd65f_03c0_u32; 4]);
    jump(code.as_ptr().expose_provenance());
}

fn header() -> usize {
    unsafe extern "C" {
        static ta_head: u8;
    }
    (&raw const ta_head).expose_provenance()
}

fn overflow_stack() {
    black_box(deeper(1));
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the stack shall end first")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    let below = deeper(black_box(depth + 1));
    below.wrapping_add(frame.iter().sum())
}

fn spin() {
    // SAFETY: it touches nothing. The address is aligned and the loop is one instruction.
    unsafe { asm!("1: b 1b") };
}

fn spin_over_syscalls() {
    loop {
        let _ = black_box(time::system());
    }
}

fn undefined() {
    // SAFETY: none.
    unsafe { asm!("udf #0") };
}

fn breakpoint() {
    // SAFETY: none.
    unsafe { asm!("brk #0x1") };
}

fn kernel_register() {
    // SAFETY: none.
    unsafe { asm!("mrs {}, sctlr_el1", out(reg) _) };
}

fn monitor_call() {
    // SAFETY: none.
    unsafe { asm!(".inst 0xd4000003", clobber_abi("C")) };
}

fn misaligned_load_exclusive() {
    let words = black_box([0u64; 2]);
    // SAFETY: none.
    unsafe {
        asm!("ldxr {}, [{}]", out(reg) _, in(reg) words.as_ptr().byte_add(1));
    }
}

fn misaligned_store_exclusive() {
    let mut words = black_box([0u64; 2]);
    // SAFETY: none.
    unsafe {
        asm!("stlxr {0:w}, xzr, [{1}]", out(reg) _, in(reg) words.as_mut_ptr().byte_add(1));
    }
    black_box(words);
}

fn panic_without_frame() {
    // SAFETY: none; the TEE must not trust the frame.
    let _ = unsafe { syscall::panic(0xdead, 0xffff_ffff_ffff_fff0) };
}
