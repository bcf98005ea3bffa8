//! x86-64: number in rax, arguments in rdi, rsi, rdx, r10, r8, r9, r12, r13, `syscall`, result in
//! eax.

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
    // SAFETY: the TEE changes no register but those of the call standard and those of arguments,
    // and memory only as the caller of this function allows.
    unsafe {
        asm!("syscall", inout("rax") number => result,
            inout("rdi") arg(0) => _, inout("rsi") arg(1) => _, inout("rdx") arg(2) => _,
            inout("r10") arg(3) => _, inout("r8") arg(4) => _, inout("r9") arg(5) => _,
            inout("r12") arg(6) => _, inout("r13") arg(7) => _, out("rcx") _, out("r11") _,
            clobber_abi("sysv64"), options(nostack));
    }
    result as u32
}

/// `TEE_Panic`: ends the TA with `code`. The second word points to the frame record (rbp and the
/// return address) from which the TEE prints the call stack.
#[unsafe(naked)]
pub extern "sysv64" fn panic(code: usize) -> ! {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rsi, rsp",
        "mov eax, 2",
        "syscall",
        "2: jmp 2b",
    )
}
