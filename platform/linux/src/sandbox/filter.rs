//! The filter of system calls: what a locked-down process may ask of the kernel, and why.
//!
//! Any other call ends the process at once (SIGSYS), as do calls of another architecture's or the
//! x32 table. Two filters stack, and the stricter answer wins: the list itself, and one that
//! refuses a few calls with an error because the run-time library makes them on its own account.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use thiserror::Error;

use crate::{Errno, sys};

/// When a call is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// When it maps no executable memory; in a process with native guest code: none above 4 GiB,
    /// where the host's code lies.
    MapsNoCode,
    /// When it makes no memory executable; in a process with native guest code: none above 4 GiB.
    ProtectsNoCode,
    /// When this argument (from 0) is one of these.
    OneOf(u8, &'static [u32]),
    /// In a process with native guest code.
    Native,
    /// In a process with native guest code, when this argument is one of these.
    NativeOneOf(u8, &'static [u32]),
    /// When this argument is the process itself.
    Itself(u8),
    /// Never, but it answers EACCES instead of ending the process.
    Refused,
}

impl When {
    fn is_native(self) -> bool {
        matches!(self, Self::Native | Self::NativeOneOf(..))
    }
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Its name in the kernel.
    pub name: &'static str,
    number: i64,
    /// When it is allowed.
    pub when: When,
    /// What for.
    pub why: &'static str,
}

macro_rules! allowed {
    ($($call:ident $when:expr, $why:literal;)*) => {
        &[$(Allowed {
            name: stringify!($call),
            number: number::$call,
            when: $when,
            why: $why,
        }),*]
    };
}

/// The numbers under the calls' own names.
#[expect(non_upper_case_globals, reason = "the kernel's names")]
mod number {
    macro_rules! numbers {
        ($($call:ident $constant:ident)*) => {
            $(pub(super) const $call: i64 = libc::$constant;)*
        };
    }
    numbers! {
        read SYS_read write SYS_write readv SYS_readv writev SYS_writev
        pread64 SYS_pread64 pwrite64 SYS_pwrite64 close SYS_close fcntl SYS_fcntl
        fstat SYS_fstat fstatfs SYS_fstatfs ftruncate SYS_ftruncate ioctl SYS_ioctl
        memfd_create SYS_memfd_create
        recvmsg SYS_recvmsg sendmsg SYS_sendmsg recvfrom SYS_recvfrom sendto SYS_sendto
        shutdown SYS_shutdown poll SYS_poll ppoll SYS_ppoll
        mmap SYS_mmap munmap SYS_munmap mprotect SYS_mprotect mremap SYS_mremap
        madvise SYS_madvise brk SYS_brk
        futex SYS_futex sched_yield SYS_sched_yield
        clock_gettime SYS_clock_gettime clock_nanosleep SYS_clock_nanosleep
        nanosleep SYS_nanosleep gettimeofday SYS_gettimeofday getrandom SYS_getrandom
        getpid SYS_getpid gettid SYS_gettid tgkill SYS_tgkill
        rt_sigaction SYS_rt_sigaction rt_sigprocmask SYS_rt_sigprocmask
        rt_sigreturn SYS_rt_sigreturn sigaltstack SYS_sigaltstack
        timer_settime SYS_timer_settime timer_delete SYS_timer_delete prctl SYS_prctl restart_syscall SYS_restart_syscall
        exit SYS_exit exit_group SYS_exit_group
        openat SYS_openat readlink SYS_readlink getcwd SYS_getcwd
        sched_getaffinity SYS_sched_getaffinity
    }
}

/// What `fcntl` may be asked: what makes, reads and seals shared memory, and copies descriptors.
const FCNTL: &[u32] = &[
    libc::F_DUPFD_CLOEXEC as u32,
    libc::F_GETFD as u32,
    libc::F_SETFD as u32,
    libc::F_GETFL as u32,
    libc::F_SETFL as u32,
    libc::F_ADD_SEALS as u32,
    libc::F_GET_SEALS as u32,
];

/// The calls that a locked-down process may make.
pub const ALLOWED: &[Allowed] = allowed! {
    futex When::Always, "sleeping on a session's control page, and waking its other end";
    recvmsg When::Always, "messages and descriptors from the daemon and from clients";
    sendmsg When::Always, "messages and descriptors to the daemon and to clients";
    recvfrom When::Always, "messages without descriptors";
    sendto When::Always, "messages without descriptors";
    read When::Always, "its channels; there is nothing else to read from";
    write When::Always, "its channels and the log";
    readv When::Always, "its channels, in pieces";
    writev When::Always, "the log, in pieces";
    poll When::Always, "waiting for several channels";
    ppoll When::Always, "waiting for several channels, with a time limit";
    shutdown When::Always, "saying that a channel ends";
    close When::Always, "channels and shared memory that are done with";
    fcntl When::OneOf(1, FCNTL), "copies of descriptors; seals of shared memory";
    ioctl When::OneOf(1, &[libc::FIONBIO as u32]), "the library's way to make a channel non-blocking";
    memfd_create When::Always, "shared memory for calls to another TA";
    ftruncate When::Always, "the size of such memory; files within reach are memory only";
    fstat When::Always, "the size of shared memory that was received";
    fstatfs When::Always, "whether received memory is of ordinary pages";
    pread64 When::Always, "copying out of shared memory that is not mapped";
    pwrite64 When::Always, "copying into shared memory that is not mapped";
    mmap When::MapsNoCode, "guest memory, shared memory, the heap";
    mprotect When::ProtectsNoCode, "protections of guest pages";
    munmap When::Always, "guest memory, shared memory, the heap";
    mremap When::Always, "growing the heap's large pieces; protections stay";
    madvise When::Always, "giving memory back to the kernel";
    brk When::Always, "growing the heap";
    sched_yield When::Always, "letting the other end of a channel run while spinning";
    sched_getaffinity When::Always, "whether spinning can pay at all";
    clock_gettime When::Always, "time, where it cannot be read without a call";
    gettimeofday When::Always, "time, where it cannot be read without a call";
    clock_nanosleep When::Always, "TEE_Wait";
    nanosleep When::Always, "TEE_Wait, by older libraries";
    timer_settime When::Native, "the budget of guest code";
    timer_delete When::Native, "the end of the native processor";
    prctl When::NativeOneOf(0, &[59]), "the end of the dispatch of system calls";
    getrandom When::Always, "TEE_GenerateRandom, keys, hash seeds";
    getpid When::Always, "naming itself to tgkill";
    gettid When::Always, "naming its thread to tgkill";
    tgkill When::Itself(0), "abort() raises a signal in this process";
    rt_sigaction When::Always, "reporting a fault before dying of it";
    rt_sigprocmask When::Always, "abort() and signal handlers";
    rt_sigreturn When::Always, "leaving a signal handler";
    sigaltstack When::Always, "the signal stack, taken down when the thread ends";
    restart_syscall When::Always, "the kernel's way to resume an interrupted wait";
    exit When::Always, "the end of a thread";
    exit_group When::Always, "the end of the process";
    openat When::Refused, "the allocator and the panic handler try to read files under /proc";
    readlink When::Refused, "the panic handler tries to find the program's file";
    getcwd When::Refused, "the panic handler tries to shorten file names";
};

/// What kind of guest code a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Interpreted, or translated into memory that is executable before the lock-down.
    Foreign,
    /// The host's own kind, in executable pages below 4 GiB.
    Native,
}

/// The filter could not be assembled: a defect of the list.
#[derive(Debug, Error)]
#[error("cannot assemble the system-call filter: {0}")]
pub struct FilterError(#[from] seccompiler::BackendError);

/// The assembled filters.
pub(super) struct Filter {
    refuse: Vec<libc::sock_filter>,
    allow: Vec<libc::sock_filter>,
}

impl Filter {
    /// Assembles them for the calling process.
    pub(super) fn new(code: Code) -> Result<Self, FilterError> {
        let refused = |row: &&Allowed| row.when == When::Refused;
        let refuse = assemble(
            ALLOWED.iter().filter(refused),
            code,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EACCES as u32),
        )?;
        let here = |row: &&Allowed| code == Code::Native || !row.when.is_native();
        let allow = assemble(
            ALLOWED.iter().filter(here),
            code,
            SeccompAction::KillProcess,
            SeccompAction::Allow,
        )?;
        Ok(Self { refuse, allow })
    }

    /// Installs them. The refusing one comes first: it allows everything else.
    pub(super) fn install(&self) -> Result<(), Errno> {
        sys::install_filter(&self.refuse)?;
        sys::install_filter(&self.allow)
    }
}

fn assemble<'a>(
    rows: impl Iterator<Item = &'a Allowed>,
    code: Code,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<Vec<libc::sock_filter>, FilterError> {
    let rules: Result<_, FilterError> = rows
        .map(|row| Ok((row.number, rules(row.when, code)?)))
        .collect();
    let filter = SeccompFilter::new(rules?, otherwise, listed, TargetArch::x86_64)?;
    let program = BpfProgram::try_from(filter)?;
    Ok(program.iter().map(instruction).collect())
}

fn instruction(from: &seccompiler::sock_filter) -> libc::sock_filter {
    libc::sock_filter {
        code: from.code,
        jt: from.jt,
        jf: from.jf,
        k: from.k,
    }
}

/// Alternatives, of which one must hold; none at all stands for "always".
fn rules(when: When, code: Code) -> Result<Vec<SeccompRule>, FilterError> {
    let no_exec = masked(2, libc::PROT_EXEC as u64, 0);
    let fixed = masked(3, libc::MAP_FIXED as u64, libc::MAP_FIXED as u64);
    let native = code == Code::Native;
    Ok(match when {
        When::Always | When::Native | When::Refused => Vec::new(),
        When::MapsNoCode if native => vec![
            rule(vec![no_exec?])?,
            rule(vec![at_most(0, GUEST)?, at_most(1, GUEST)?, fixed?])?,
        ],
        When::ProtectsNoCode if native => vec![
            rule(vec![no_exec?])?,
            rule(vec![at_most(0, GUEST)?, at_most(1, GUEST)?])?,
        ],
        When::MapsNoCode | When::ProtectsNoCode => vec![rule(vec![no_exec?])?],
        When::Itself(at) => vec![rule(vec![equal(at, sys::process_id())?])?],
        When::OneOf(at, values) | When::NativeOneOf(at, values) => values
            .iter()
            .map(|value| rule(vec![equal(at, *value)?]))
            .collect::<Result<_, _>>()?,
    })
}

/// Addresses and sizes of guest memory.
const GUEST: u64 = u32::MAX as u64;

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, FilterError> {
    Ok(SeccompRule::new(conditions)?)
}

/// The bits of a whole word.
fn masked(at: u8, mask: u64, value: u64) -> Result<SeccompCondition, FilterError> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    Ok(SeccompCondition::new(
        at,
        SeccompCmpArgLen::Qword,
        operator,
        value,
    )?)
}

/// The size of a whole word.
fn at_most(at: u8, value: u64) -> Result<SeccompCondition, FilterError> {
    let operator = SeccompCmpOp::Le;
    Ok(SeccompCondition::new(
        at,
        SeccompCmpArgLen::Qword,
        operator,
        value,
    )?)
}

/// The value of an `int`, of which the kernel looks at the lower half alone.
fn equal(at: u8, value: u32) -> Result<SeccompCondition, FilterError> {
    let operator = SeccompCmpOp::Eq;
    Ok(SeccompCondition::new(
        at,
        SeccompCmpArgLen::Dword,
        operator,
        value.into(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_reason_and_stands_once() {
        for (at, row) in ALLOWED.iter().enumerate() {
            assert!(!row.why.is_empty(), "{}", row.name);
            assert!(
                ALLOWED[..at].iter().all(|other| other.number != row.number),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn the_filter_is_small_enough_for_the_kernel() {
        let filter = Filter::new(Code::Native).unwrap();
        assert!(filter.allow.len() < 4096 && filter.refuse.len() < 100);
    }
}
