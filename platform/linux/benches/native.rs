//! What a system call of native guest code costs: rewritten to a jump, and by its signal, each as
//! a ratio to a system call of Linux's own in the same run.
#![expect(unsafe_code, reason = "guest code is run in this process")]

use std::time::Duration;

use litebox::{AddressSpace, Cpu, Exit, Prot, Registers};
use platform_linux::{LinuxSpace, NativeCpu, X86Regs};

const CODE: u64 = 0x40_0000;
/// 2: call 3f; jmp 2b; 3: mov eax, 29; syscall; ret
const MOVABLE: &[u8] = &[
    0xe8, 2, 0, 0, 0, 0xeb, 0xf9, 0xb8, 29, 0, 0, 0, 0x0f, 0x05, 0xc3,
];
/// 2: call 3f; jmp 2b; 3: push 29; pop rax; syscall; ret
const NOT_MOVABLE: &[u8] = &[
    0xe8, 2, 0, 0, 0, 0xeb, 0xf9, 0x6a, 29, 0x58, 0x0f, 0x05, 0xc3,
];

fn main() {
    let mut linux = LinuxSpace::new_native().expect("a native space");
    // SAFETY: the guest code of this program is known.
    let mut cpu = unsafe { NativeCpu::new() }.expect("a native processor");
    linux.map(CODE..CODE + 0x1000, Prot::RX).expect("code");
    linux.map(0x50_0000..0x51_0000, Prot::RW).expect("a stack");
    let floor = time(5_000_000, || {
        // SAFETY: the call has no arguments.
        unsafe { libc::syscall(libc::SYS_getppid) };
    });
    println!("a system call of Linux {floor:?}");
    for (name, code, count) in [
        ("jump", MOVABLE, 20_000_000),
        ("signal", NOT_MOVABLE, 300_000),
    ] {
        linux.poke(CODE, code).expect("code");
        let mut regs = X86Regs::new(0);
        regs.enter(CODE, 0x51_0000, [0; 4]);
        let call = time(count, || {
            let exit = cpu.run(&mut regs, &mut linux, &mut { u64::MAX });
            assert_eq!(exit, Exit::Syscall);
            regs.set_result(0);
        });
        let ratio = call.as_secs_f64() / floor.as_secs_f64();
        println!("by {name} {call:?}, {ratio:.2} of it");
    }
}

/// Processor time of this thread for one run, so that a busy machine does not blur it.
fn time(count: u32, mut run: impl FnMut()) -> Duration {
    let start = processor_time();
    for _ in 0..count {
        run();
    }
    (processor_time() - start) / count
}

fn processor_time() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
