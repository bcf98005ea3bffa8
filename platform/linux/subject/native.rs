//! What native guest code could attempt.

use litebox::{AddressSpace, Cpu, Prot, Registers};
use platform_linux::{LinuxSpace, NativeCpu, X86Regs};

use crate::action;

const CODE: u64 = 0x40_0000;

/// Native guest code before it is there.
pub struct Guest {
    cpu: NativeCpu,
    space: LinuxSpace,
}

impl Guest {
    pub fn new() -> Self {
        let space = LinuxSpace::new_native().expect("a native space");
        // SAFETY: what the guest does is what the sandbox shall stop.
        let cpu = unsafe { NativeCpu::new() }.expect("a native processor");
        Self { cpu, space }
    }

    pub fn attempt(mut self, action: &str) -> String {
        match action {
            // xor edi, edi; mov eax, 57 (fork); syscall
            "native-code" => self.run(&[0x31, 0xff, 0xb8, 57, 0, 0, 0, 0x0f, 0x05], 0),
            // mov edi, 57 (fork); jmp rsi
            "native-code-that-calls-the-host" => {
                let function = libc::syscall as *const () as u64;
                self.run(&[0xbf, 57, 0, 0, 0, 0xff, 0xe6], function)
            }
            "native-executable-memory-elsewhere" => action::attempt("map-executable-memory"),
            "native-executable-host-memory" => action::attempt("make-memory-executable"),
            other => panic!("no such action: {other}"),
        }
    }

    fn run(&mut self, code: &[u8], rsi: u64) -> String {
        self.space.map(CODE..CODE + 0x1000, Prot::RW).expect("code");
        self.space.write(CODE, code).expect("code");
        self.space
            .protect(CODE..CODE + 0x1000, Prot::RX)
            .expect("code");
        self.space
            .map(0x50_0000..0x51_0000, Prot::RW)
            .expect("a stack");
        let mut regs = X86Regs::new(0);
        regs.enter(CODE, 0x50_8000, [0, rsi, 0, 0]);
        let exit = self.cpu.run(&mut regs, &mut self.space, &mut { 1 << 40 });
        format!("{exit:?}")
    }
}
