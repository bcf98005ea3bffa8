//! A64: number in x8, arguments in x0 to x7, `svc #0`, result in w0.

use core::arch::{asm, naked_asm};

/// Makes syscall `number` with up to eight argument words.
///
/// # Safety
/// Pointers among the arguments must be valid for what the syscall does with them.
#[inline(always)]
pub unsafe fn syscall<const N: usize>(number: usize, args: [usize; N]) -> u32 {
    const { assert!(N <= 8) };
    let arg = |i: usize| args.get(i).copied().unwrap_or(0);
    let result: usize;
    if N <= 4 {
        // SAFETY: the TEE changes no register but those of the call standard, and memory only as
        // the caller of this function allows.
        unsafe {
            asm!("svc #0", in("x8") number, inout("x0") arg(0) => result, in("x1") arg(1),
                in("x2") arg(2), in("x3") arg(3), clobber_abi("C"), options(nostack));
        }
    } else {
        // SAFETY: as above.
        unsafe {
            asm!("svc #0", in("x8") number, inout("x0") arg(0) => result, in("x1") arg(1),
                in("x2") arg(2), in("x3") arg(3), in("x4") arg(4), in("x5") arg(5),
                in("x6") arg(6), in("x7") arg(7), clobber_abi("C"), options(nostack));
        }
    }
    result as u32
}

/// `TEE_Panic`: ends the TA with `code`. The second word points to the frame record
/// (x29, x30) from which the TEE prints the call stack.
#[unsafe(naked)]
pub extern "C" fn panic(code: usize) -> ! {
    naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "mov x29, sp",
        "mov x1, sp",
        "mov x8, #2",
        "svc #0",
        "1: b 1b",
    )
}
