//! x86-64 guest code that runs natively: what it does ends as an exit, the kernel never sees its
//! calls, and the host's own state stays the host's.
#![expect(
    unsafe_code,
    reason = "guest code is assembled here and run in this process"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use litebox::{Access, AddressSpace, Cpu, Exit, FaultKind, Prot, Registers};
use platform_linux::{LinuxSpace, NativeCpu, X86Regs};

const CODE: u64 = 0x40_0000;
const DATA: u64 = 0x50_0000;
const STACK_END: u64 = 0x60_0000;

/// Guest code, assembled into this program as data.
macro_rules! code {
    ($name:ident: $($line:literal),+ $(,)?) => {{
        mod $name {
            std::arch::global_asm!(
                ".pushsection .rodata.guest,\"a\"",
                concat!(stringify!($name), "_start:"),
                $($line,)+
                concat!(stringify!($name), "_end:"),
                ".popsection",
                concat!(".globl ", stringify!($name), "_start"),
                concat!(".globl ", stringify!($name), "_end"),
            );
        }
        unsafe extern "C" {
            #[link_name = concat!(stringify!($name), "_start")]
            static START: u8;
            #[link_name = concat!(stringify!($name), "_end")]
            static END: u8;
        }
        // SAFETY: both labels enclose bytes of this program.
        unsafe {
            let (start, end) = (&raw const START, &raw const END);
            std::slice::from_raw_parts(start, end.offset_from(start) as usize)
        }
    }};
}

/// There is one native processor in a process.
static ONE: Mutex<()> = Mutex::new(());

struct Guest {
    cpu: NativeCpu,
    space: LinuxSpace,
    regs: X86Regs,
    _one: MutexGuard<'static, ()>,
}

impl Guest {
    fn new(code: &[u8], args: [u64; 4]) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut space = LinuxSpace::new_native().unwrap();
        space.map(CODE..CODE + 0x2000, Prot::RX).unwrap();
        space.map(DATA..DATA + 0x1000, Prot::RW).unwrap();
        space.map(STACK_END - 0x4000..STACK_END, Prot::RW).unwrap();
        space.poke(CODE, code).unwrap();
        // SAFETY: the guest code of these tests is known.
        let cpu = unsafe { NativeCpu::new() }.unwrap();
        let mut regs = X86Regs::new(0);
        regs.enter(CODE, STACK_END, args);
        Self {
            cpu,
            space,
            regs,
            _one: one,
        }
    }

    fn run(&mut self) -> Exit {
        self.cpu
            .run(&mut self.regs, &mut self.space, &mut { u64::MAX })
    }

    fn register(&self, name: &str) -> u64 {
        self.regs
            .named()
            .into_iter()
            .find(|(n, _)| *n == name)
            .unwrap()
            .1
    }
}

fn ends_with(code: &[u8], args: [u64; 4]) -> Exit {
    Guest::new(code, args).run()
}

fn faults(code: &[u8], args: [u64; 4], at: u64, addr: u64, access: Access, kind: FaultKind) {
    let pc = CODE + at;
    assert_eq!(
        ends_with(code, args),
        Exit::Fault {
            pc,
            addr,
            access,
            kind
        }
    );
}

#[test]
fn a_system_call_brings_its_words_and_takes_its_result() {
    let code = code!(words:
        "mov eax, 29", "mov edi, 1", "mov esi, 2", "mov edx, 3", "mov r10d, 4", "mov r8d, 5",
        "mov r9d, 6", "mov r12d, 7", "mov r13d, 8", "syscall",
        "lea rdi, [rax + 1]", "mov eax, 0", "syscall");
    let mut guest = Guest::new(code, [0; 4]);
    assert_eq!(guest.run(), Exit::Syscall);
    let frame = guest.regs.syscall(&guest.space).unwrap();
    assert_eq!((frame.number, frame.args), (29, [1, 2, 3, 4, 5, 6, 7, 8]));
    guest.regs.set_result(41);
    assert_eq!(guest.run(), Exit::Syscall);
    assert_eq!(guest.register("rdi"), 42);
    assert_eq!(guest.regs.pc(), CODE + code.len() as u64);
}

#[test]
fn an_entry_finds_its_arguments_and_an_aligned_stack() {
    let code = code!(entry: "lea rax, [rsp + 8]", "and eax, 15", "syscall");
    let mut guest = Guest::new(code, [1, 2, 3, 4]);
    assert_eq!(guest.run(), Exit::Syscall);
    let args = ["rdi", "rsi", "rdx", "rcx"].map(|name| guest.register(name));
    assert_eq!(
        (args[0], args[1], args[2], guest.register("rax")),
        (1, 2, 3, 0)
    );
}

#[test]
fn a_call_that_linux_knows_never_reaches_it() {
    // The kernel's mkdir("/tmp/…") by number 83.
    let path = format!("/tmp/native-guest-{}", std::process::id());
    let code = code!(mkdir: "mov eax, 83", "mov esi, 0x1c0", "syscall");
    let mut guest = Guest::new(code, [DATA, 0, 0, 0]);
    guest.space.write(DATA, path.as_bytes()).unwrap();
    assert_eq!(guest.run(), Exit::Syscall);
    assert_eq!(guest.register("rax"), 83);
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_call_hidden_in_another_instruction_never_reaches_linux() {
    // 0f 05 inside an immediate, reached by a jump into its middle.
    let code = code!(hidden:
        "mov eax, 39", "jmp 2f + 1", "2:", ".byte 0xb9, 0x0f, 0x05, 0x90, 0x90", "ud2");
    let mut guest = Guest::new(code, [0; 4]);
    assert_eq!(guest.run(), Exit::Syscall);
    assert_eq!(guest.register("rax"), 39);
}

#[test]
fn the_older_way_into_the_kernel_is_no_instruction() {
    let code = code!(int80: "mov eax, 20", "int 0x80", "ud2");
    let mut guest = Guest::new(code, [0; 4]);
    let exit = guest.run();
    let pc = CODE + 5;
    let undefined = matches!(exit, Exit::Undefined { pc: at, .. } if at == pc);
    // Kernels without the 32-bit table raise a protection fault instead.
    let refused = matches!(exit, Exit::Fault { pc: at, .. } if at == pc);
    assert!(undefined || refused, "{exit:?}");
    assert_eq!(guest.register("rax"), 20);
}

#[test]
fn a_write_to_code_is_a_fault_there() {
    let code = code!(wcode: "mov byte ptr [rdi + 4], 1");
    faults(
        code,
        [CODE, 0, 0, 0],
        0,
        CODE + 4,
        Access::Write,
        FaultKind::Permission,
    );
}

#[test]
fn a_read_of_nothing_is_a_fault_there() {
    let code = code!(rnone: "nop", "mov rax, [rdi]");
    faults(
        code,
        [0x123_4560, 0, 0, 0],
        1,
        0x123_4560,
        Access::Read,
        FaultKind::Unmapped,
    );
    faults(code, [8, 0, 0, 0], 1, 8, Access::Read, FaultKind::Unmapped);
}

#[test]
fn executing_data_is_a_fault_at_the_data() {
    let code = code!(xdata: "jmp rdi");
    let exit = ends_with(code, [DATA, 0, 0, 0]);
    let (access, kind) = (Access::Execute, FaultKind::Permission);
    assert_eq!(
        exit,
        Exit::Fault {
            pc: DATA,
            addr: DATA,
            access,
            kind
        }
    );
}

#[test]
fn a_jump_out_of_guest_memory_is_a_fault() {
    let code = code!(xout: "jmp rdi");
    let away = 0x10_0000_0000;
    let exit = ends_with(code, [away, 0, 0, 0]);
    let (access, kind) = (Access::Execute, FaultKind::Unmapped);
    assert_eq!(
        exit,
        Exit::Fault {
            pc: away,
            addr: away,
            access,
            kind
        }
    );
    let mut guest = Guest::new(code, [0; 4]);
    guest.regs.enter(away, STACK_END, [0; 4]);
    assert_eq!(
        guest.run(),
        Exit::Fault {
            pc: away,
            addr: away,
            access,
            kind
        }
    );
}

#[test]
fn an_address_that_no_pointer_can_have_is_a_fault() {
    let code = code!(canon: "mov rdi, 0x4141414141414141", "mov rax, [rdi]");
    faults(
        code,
        [0; 4],
        10,
        u64::MAX,
        Access::Read,
        FaultKind::Unmapped,
    );
}

#[test]
fn a_stack_that_overflows_is_a_fault_below_it() {
    let code = code!(overflow: "2:", "push rax", "jmp 2b");
    let addr = STACK_END - 0x4000 - 8;
    faults(code, [0; 4], 0, addr, Access::Write, FaultKind::Unmapped);
}

#[test]
fn what_is_no_instruction_is_told_with_its_bytes() {
    let code = code!(ud: "nop", "ud2", "nop", "nop");
    assert_eq!(
        ends_with(code, [0; 4]),
        Exit::Undefined {
            pc: CODE + 1,
            word: 0x9090_0b0f
        }
    );
    let code = code!(divide: "xor ecx, ecx", "div ecx");
    assert!(matches!(ends_with(code, [0; 4]), Exit::Undefined { pc, .. } if pc == CODE + 2));
}

#[test]
fn a_breakpoint_is_told_where_it_stands() {
    let code = code!(bp: "nop", "int3");
    assert_eq!(ends_with(code, [0; 4]), Exit::Breakpoint { pc: CODE + 1 });
}

#[test]
fn the_guests_thread_pointer_is_not_the_hosts() {
    let code = code!(fs:
        "mov rdi, fs:[0x28]", "mov qword ptr fs:[0], -1", "mov qword ptr fs:[0x10], -1",
        "mov qword ptr fs:[-64], -1", "syscall");
    let mut guest = Guest::new(code, [0; 4]);
    assert_eq!(guest.run(), Exit::Syscall);
    assert_ne!(guest.register("rdi"), 0, "a canary");
    // Thread-local values of the host are unharmed.
    assert!(std::thread::current().name().is_some());
}

#[test]
fn a_thread_pointer_of_the_guests_choice_stays_its_own() {
    let code = code!(ownfs: "wrfsbase rdi", "syscall", "mov rdi, fs:[0]", "syscall");
    let mut guest = Guest::new(code, [DATA, 0, 0, 0]);
    guest.space.write(DATA, &77u64.to_le_bytes()).unwrap();
    assert_eq!((guest.run(), guest.run()), (Exit::Syscall, Exit::Syscall));
    assert_eq!(guest.register("rdi"), 77);
}

#[test]
fn floating_point_control_is_kept_apart() {
    // Round towards zero, and no exception masked.
    let code = code!(mxcsr:
        "mov dword ptr [rdi], 0x6000", "ldmxcsr [rdi]", "syscall",
        "stmxcsr [rdi]", "mov edi, [rdi]", "syscall");
    let mut guest = Guest::new(code, [DATA, 0, 0, 0]);
    assert_eq!(guest.run(), Exit::Syscall);
    assert!(std::hint::black_box(1.0f64) / std::hint::black_box(0.0) > 1.0);
    assert_eq!(guest.run(), Exit::Syscall);
    assert_eq!(guest.register("rdi"), 0x6000);
}

#[test]
fn flags_that_the_guest_leaves_behind_do_not_hurt_the_host() {
    // Direction, and alignment check.
    let code = code!(flags: "pushfq", "or qword ptr [rsp], 0x40400", "popfq", "syscall");
    let mut guest = Guest::new(code, [0; 4]);
    assert_eq!(guest.run(), Exit::Syscall);
    let mut odd = [0u8; 16];
    odd[1..9].copy_from_slice(&7u64.to_le_bytes());
    assert_eq!(u64::from_le_bytes(odd[1..9].try_into().unwrap()), 7);
}

#[test]
fn the_trap_flag_steps() {
    let code = code!(step: "pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop", "nop");
    let mut guest = Guest::new(code, [0; 4]);
    let popfq = 1 + 8 + 1;
    assert_eq!(guest.run(), Exit::Step);
    assert_eq!(guest.regs.pc(), CODE + popfq + 1);
    assert_eq!(guest.run(), Exit::Step);
    assert_eq!(guest.regs.pc(), CODE + popfq + 2);
}

#[test]
fn a_guest_that_runs_off_uses_up_its_budget() {
    let code = code!(off: "2:", "jmp 2b");
    let mut guest = Guest::new(code, [0; 4]);
    let mut budget = 1_000_000;
    let exit = guest
        .cpu
        .run(&mut guest.regs, &mut guest.space, &mut budget);
    assert_eq!((exit, budget), (Exit::Budget, 0));
}

#[test]
fn a_guest_that_was_stopped_goes_on_as_if_it_was_not() {
    // Sums in flags, general and vector registers; no instruction may be lost or done twice.
    let code = code!(resume:
        "mov rcx, 200000000", "xor eax, eax", "pxor xmm3, xmm3", "mov esi, 1", "movq xmm4, rsi",
        "2:", "paddq xmm3, xmm4", "add rax, 3", "sub rcx, 1", "jnz 2b",
        "movq rdi, xmm3", "mov rsi, rax", "syscall");
    let mut guest = Guest::new(code, [0; 4]);
    let mut stops = 0;
    loop {
        match guest.cpu.run(&mut guest.regs, &mut guest.space, &mut 1) {
            Exit::Budget => stops += 1,
            Exit::Syscall => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(stops > 0);
    assert_eq!(
        (guest.register("rdi"), guest.register("rsi")),
        (200_000_000, 600_000_000)
    );
}

#[test]
fn there_is_one_native_processor_in_a_process() {
    let guest = Guest::new(&[0x90], [0; 4]);
    // SAFETY: it is not made.
    assert!(unsafe { NativeCpu::new() }.is_err());
    assert!(LinuxSpace::new_native().is_err());
    drop(guest);
    assert_eq!(ends_with(code!(again: "syscall"), [0; 4]), Exit::Syscall);
}

#[test]
fn a_space_that_is_not_native_is_not_entered() {
    let mut guest = Guest::new(code!(foreign: "syscall"), [0; 4]);
    let mut other = LinuxSpace::new().unwrap();
    other.map(CODE..CODE + 0x1000, Prot::RX).unwrap();
    let exit = guest
        .cpu
        .run(&mut guest.regs, &mut other, &mut { u64::MAX });
    assert!(matches!(
        exit,
        Exit::Fault {
            access: Access::Execute,
            ..
        }
    ));
}

/// Runs a function with a system call twice, from a loop; tells the registers at both calls.
fn twice(code: &[u8]) -> (Guest, [Vec<(&'static str, u64)>; 2]) {
    let mut guest = Guest::new(code, [0; 4]);
    let mut seen = [Vec::new(), Vec::new()];
    for seen in &mut seen {
        assert_eq!(guest.run(), Exit::Syscall);
        *seen = guest.regs.named();
        guest.regs.set_result(0);
    }
    (guest, seen)
}

/// Everything but what `syscall` itself changes.
fn essential(registers: &[(&'static str, u64)]) -> Vec<(&'static str, u64)> {
    let changed = ["rcx", "r11", "rflags"];
    registers
        .iter()
        .copied()
        .filter(|(name, _)| !changed.contains(name))
        .collect()
}

#[test]
fn a_call_that_was_seen_becomes_a_jump_and_means_the_same() {
    let code = code!(rewrite:
        "2:", "mov rdi, rsp", "call 3f", "jmp 2b",
        "3:", "push rbx", "mov r10, rdi", "mov eax, 29", "syscall", "pop rbx", "ret");
    let (guest, [first, second]) = twice(code);
    assert_eq!(essential(&first), essential(&second));
    let mut now = vec![0; code.len()];
    guest.space.peek(CODE, &mut now).unwrap();
    let changed: Vec<usize> = (0..code.len()).filter(|at| now[*at] != code[*at]).collect();
    assert_eq!(now[14], 0xe9, "a jump in the place of `mov eax, 29`");
    assert!(
        changed.iter().all(|at| (14..19).contains(at)),
        "{changed:?}"
    );
}

#[test]
fn a_call_before_which_nothing_can_be_moved_keeps_its_signal() {
    // Too short, relative to the place, or a jump.
    for code in [
        code!(short: "2:", "call 3f", "jmp 2b", "3:", "xor eax, eax", "syscall", "ret"),
        code!(relative: "2:", "call 3f", "jmp 2b", "3:", "lea rax, [rip + 8]", "syscall", "ret"),
        code!(jump: "2:", "call 3f", "jmp 2b", "3:", "jmp 4f", ".byte 0, 0, 0", "4:", "syscall", "ret"),
    ] {
        let (guest, [first, second]) = twice(code);
        assert_eq!(essential(&first), essential(&second));
        let mut now = vec![0; code.len()];
        guest.space.peek(CODE, &mut now).unwrap();
        assert_eq!(now, code);
    }
}

#[test]
fn bytes_that_only_look_like_an_instruction_are_not_rewritten() {
    // The end of the first instruction reads as `mov eax, imm32`; it is 8 bytes long as a whole.
    let code = code!(tail:
        "2:", "call 3f", "jmp 2b",
        "3:", "mov eax, 7", "mov dword ptr [rsp - 0x48], 0x1d", "syscall",
        "mov edi, [rsp - 0x48]", "ret");
    let (mut guest, [first, second]) = twice(code);
    assert_eq!(essential(&first)[0], ("rax", 7));
    assert_eq!(essential(&second)[0], ("rax", 7));
    assert_eq!(guest.run(), Exit::Syscall);
    assert_eq!(guest.register("rdi"), 0x1d);
}

#[test]
fn a_rewritten_call_can_still_be_jumped_to() {
    let code = code!(jumped:
        "call 3f", "call 3f", "lea rax, [rip + 4f]", "mov eax, 8", "jmp 4f",
        "3:", "mov eax, 7", "4:", "syscall", "ret");
    let mut guest = Guest::new(code, [0; 4]);
    let numbers: Vec<u64> = (0..3)
        .map(|_| {
            assert_eq!(guest.run(), Exit::Syscall);
            guest.register("rax")
        })
        .collect();
    assert_eq!(numbers, [7, 7, 8]);
}

#[test]
fn calls_in_the_upper_half_of_memory_become_jumps_too() {
    let code = code!(upper: "2:", "call 3f", "jmp 2b", "3:", "mov eax, 29", "syscall", "ret");
    let high = 0xf000_0000;
    let mut guest = Guest::new(&[0x90], [0; 4]);
    guest.space.map(high..high + 0x1000, Prot::RX).unwrap();
    guest.space.poke(high, code).unwrap();
    guest.regs.enter(high, STACK_END, [0; 4]);
    for _ in 0..3 {
        assert_eq!(guest.run(), Exit::Syscall);
        assert_eq!(guest.register("rax"), 29);
    }
    assert_eq!(guest.space.load::<1>(high + 7), Ok([0xe9]));
}

#[test]
fn code_that_comes_back_as_it_was_is_rewritten_again() {
    let code = code!(back: "2:", "call 3f", "jmp 2b", "3:", "mov eax, 29", "syscall", "ret");
    let (mut guest, _) = twice(code);
    guest.space.poke(CODE, code).unwrap();
    assert_eq!((guest.run(), guest.run()), (Exit::Syscall, Exit::Syscall));
    assert_eq!(guest.space.load::<1>(CODE + 7), Ok([0xe9]));
}

#[test]
fn flags_left_behind_at_a_rewritten_call_do_not_hurt_the_host() {
    // Direction, alignment check and trap, set just before the call.
    let code = code!(rflags:
        "2:", "call 3f", "jmp 2b",
        "3:", "pushfq", "or qword ptr [rsp], 0x40500", "popfq", "mov eax, 29", "syscall", "ret");
    let mut guest = Guest::new(code, [0; 4]);
    let mut calls = 0;
    while calls < 3 {
        match guest.run() {
            Exit::Syscall => calls += 1,
            Exit::Step => {}
            other => panic!("{other:?}"),
        }
        let mut odd = [0u8; 16];
        odd[1..9].copy_from_slice(&std::hint::black_box(7u64).to_le_bytes());
        assert_eq!(u64::from_le_bytes(odd[1..9].try_into().unwrap()), 7);
    }
}

#[test]
fn signals_of_other_threads_are_not_the_guests() {
    let code = code!(threads:
        "mov rcx, 300000000", "xor eax, eax", "2:", "add rax, 3", "sub rcx, 1", "jnz 2b",
        "mov rdi, rax", "syscall");
    let mut guest = Guest::new(code, [0; 4]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // SAFETY: the signal's handler is the native processor's.
                unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGVTALRM) };
                std::thread::yield_now();
            }
        });
        let exit = guest.run();
        done.store(true, Ordering::Relaxed);
        assert_eq!(exit, Exit::Syscall);
    });
    assert_eq!(guest.register("rdi"), 900_000_000);
}
