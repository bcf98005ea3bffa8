//! A32 and T32: number in r7, arguments in r0 to r3, the others behind r5 with their count in r6,
//! `svc #0`, result in r0.

use core::arch::naked_asm;

/// Makes syscall `number` with up to eight argument words.
///
/// # Safety
/// Pointers among the arguments must be valid for what the syscall does with them.
#[inline(always)]
pub unsafe fn syscall<const N: usize>(number: usize, args: [usize; N]) -> u32 {
    const { assert!(N <= 8) };
    let mut words = [0usize; 8];
    for (to, from) in words.iter_mut().zip(args) {
        *to = from;
    }
    // SAFETY: passed on to the caller; `words` is large enough for any count.
    unsafe { enter(&words, N.saturating_sub(4), number) }
}

/// The call itself, in a function of its own: compilers keep r6 and r7 to themselves.
#[unsafe(naked)]
unsafe extern "C" fn enter(words: &[usize; 8], stacked: usize, number: usize) -> u32 {
    naked_asm!(
        ".fnstart",
        "push {{r4-r7, r8, lr}}",
        ".save {{r4-r7, r8, lr}}",
        "mov r7, r2",
        "mov r6, r1",
        "add r5, r0, #16",
        "ldm r0, {{r0-r3}}",
        "svc #0",
        "pop {{r4-r7, r8, pc}}",
        ".fnend",
    )
}

/// `TEE_Panic`: ends the TA with `code`. The second word points to pc, r0 to r11 and lr, from
/// which the TEE prints the call stack.
#[unsafe(naked)]
pub extern "C" fn panic(code: usize) -> ! {
    naked_asm!(
        ".fnstart",
        "push {{r0-r11, lr}}",
        ".save {{r0-r11, lr}}",
        "mov lr, pc",
        "push {{lr}}",
        ".save {{lr}}",
        "mov r1, sp",
        "mov r6, #0",
        "mov r7, #2",
        "svc #0",
        "1: b 1b",
        ".fnend",
    )
}
