//! What a guest that has taken over the process could attempt.

use std::arch::asm;
use std::ptr::null_mut;

use litebox::{AddressSpace, Prot};
use platform_linux::{Errno, LinuxSpace};

/// Attempts an action and tells what came of it.
pub fn attempt(action: &str) -> String {
    // SAFETY: see the head of `main.rs`.
    unsafe {
        match action {
            "nothing" => "done".to_owned(),
            "guest-memory" => guest_memory(),
            "descriptors" => descriptors(),
            "panic" => panic!("a defect of ours"),
            "abort" => std::process::abort(),
            "open-a-file" => call(
                libc::SYS_openat,
                [-100, c"/etc/passwd".as_ptr() as i64, 0, 0],
            ),
            "stat-a-file" => call(libc::SYS_newfstatat, [-100, c"/".as_ptr() as i64, 0, 0]),
            "unlink-a-file" => call(libc::SYS_unlink, [c"/x".as_ptr() as i64, 0, 0, 0]),
            "make-a-socket" => call(libc::SYS_socket, [libc::AF_INET.into(), 1, 0, 0]),
            "execute-a-program" => call(libc::SYS_execve, [c"/bin/sh".as_ptr() as i64, 0, 0, 0]),
            "execute-by-descriptor" => call(libc::SYS_execveat, [0, c"".as_ptr() as i64, 0, 0]),
            "fork" => call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0]),
            "vfork" => call(libc::SYS_vfork, [0; 4]),
            "start-a-thread" => call(libc::SYS_clone3, [0; 4]),
            "trace-a-process" => call(libc::SYS_ptrace, [0; 4]),
            "read-another-process" => call(libc::SYS_process_vm_readv, [1, 0, 0, 0]),
            "kill-another-process" => call(libc::SYS_kill, [1, 0, 0, 0]),
            "signal-another-process" => call(libc::SYS_tgkill, [0x7fff_0000, 1, 0, 0]),
            "map-executable-memory" => map(libc::PROT_READ | libc::PROT_EXEC),
            "make-memory-executable" => protect(libc::PROT_READ | libc::PROT_EXEC),
            "make-memory-executable-by-key" => call(libc::SYS_pkey_mprotect, [0, 0, 4, -1]),
            "change-personality" => call(libc::SYS_personality, [0x0400_0000, 0, 0, 0]),
            "make-a-namespace" => call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0]),
            "mount" => call(libc::SYS_mount, [0; 4]),
            "use-io-uring" => call(libc::SYS_io_uring_setup, [1, 0, 0, 0]),
            "load-bpf" => call(libc::SYS_bpf, [0; 4]),
            "raise-limits" => call(libc::SYS_prlimit64, [0; 4]),
            "set-process-attributes" => {
                call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 0, 0, 0])
            }
            "use-a-terminal" => call(libc::SYS_ioctl, [0, libc::TIOCSTI as i64, 0, 0]),
            "own-a-descriptor" => call(libc::SYS_fcntl, [0, libc::F_SETOWN.into(), 1, 0]),
            "call-by-x32-number" => call(0x4000_0000 | libc::SYS_getpid, [0; 4]),
            "call-by-i386-table" => i386_getpid(),
            other => panic!("no such action: {other}"),
        }
    }
}

/// Makes a system call; the answer is in words.
///
/// # Safety
/// See the head of `main.rs`.
unsafe fn call(number: i64, [a, b, c, d]: [i64; 4]) -> String {
    // SAFETY: the caller's.
    match unsafe { libc::syscall(number, a, b, c, d) } {
        -1 => Errno::last().to_string(),
        _ => "done".to_owned(),
    }
}

fn map(prot: i32) -> String {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel picks unused addresses.
    let at = unsafe { libc::mmap(null_mut(), 4096, prot, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        Errno::last().to_string()
    } else {
        "done".to_owned()
    }
}

fn protect(prot: i32) -> String {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the page is new and nobody else's.
    let done = unsafe {
        let at = libc::mmap(null_mut(), 4096, libc::PROT_READ, flags, -1, 0);
        libc::mprotect(at, 4096, prot)
    };
    if done != 0 {
        Errno::last().to_string()
    } else {
        "done".to_owned()
    }
}

/// `getpid` through the 32-bit entry.
fn i386_getpid() -> String {
    let number: i64 = 20;
    // SAFETY: the call reads and writes no memory.
    unsafe { asm!("int 0x80", inout("rax") number => _, options(nostack)) };
    "done".to_owned()
}

/// What the instance needs works: private and shared guest memory.
fn guest_memory() -> String {
    let mut space = LinuxSpace::new().unwrap();
    space.map(0x10000..0x20000, Prot::RW).unwrap();
    let shared = space.new_shared(1 << 20).unwrap();
    space
        .map_shared(0x20000..0x120000, Prot::RW, &shared, 0)
        .unwrap();
    space.write(0x1f000, &[1; 8192]).unwrap();
    space.protect(0x10000..0x20000, Prot::RX).unwrap();
    space.unmap(0x10000..0x20000).unwrap();
    format!("{:?}", space.load::<4>(0x20000))
}

/// The numbers of all open descriptors.
fn descriptors() -> String {
    // SAFETY: numbers only.
    let open = (0..1024).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0);
    let open: Vec<String> = open.map(|fd| fd.to_string()).collect();
    open.join(" ")
}
