//! The host span behind guest memory: what reserves it, maps into it and touches it.
//!
//! ```text
//! base                                                   base + LEN
//! |  guest address 0 ........................ 4 GiB - 1  |  tail  |
//!    reserved without access; mappings are placed over it   never mapped
//! ```
//! A native window has base 0 and no tail: guest addresses are host addresses.
//!
//! # Safety
//! [`Window`] owns its span from `reserve` to `drop`, and every function checks, or is told by a
//! type, that it stays inside: an offset is a [`u32`] or was
//! compared with [`LEN`]. So no call can
//! reach host memory that is not the guest's. Touching a page of the span that the host does not
//! let us touch raises SIGSEGV: the process ends, nothing else happens. The caller's table of
//! protections makes sure that it does not come to that.
//!
//! No Rust reference to guest memory is ever made. Other processes write to shared pages at any
//! time, so single accesses are machine instructions (which the compiler can neither repeat nor
//! split) and copies are calls that it cannot see through.
#![expect(unsafe_code, reason = "guest memory is reached through raw pointers")]

use core::arch::asm;
use core::ops::Range;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd};

use litebox::Prot;

use crate::Errno;

/// Bytes of guest address space.
pub(crate) const LEN: u64 = 1 << 32;
/// Bytes kept without access behind it, for accesses that begin inside and reach out.
const TAIL: usize = 1 << 16;
const SPAN: usize = LEN as usize + TAIL;

/// The host span behind guest memory.
#[derive(Debug)]
pub(crate) struct Window {
    /// Host address of guest address 0.
    base: usize,
    /// Host addresses that are the window's own.
    owned: Range<usize>,
    /// Whether the host may execute what the guest may.
    native: bool,
}

impl Window {
    /// Reserves a span, without memory behind it.
    pub(crate) fn reserve() -> Result<Self, Errno> {
        let base = reserve(0, SPAN, 0)?;
        Ok(Self {
            base,
            owned: base..base + SPAN,
            native: false,
        })
    }

    /// Reserves part of the lowest 4 GiB of the process, so that guest addresses are host addresses
    /// and the guest's code can run as it is. There is one such window in a process.
    pub(crate) fn reserve_native(part: Range<u64>) -> Result<Self, Errno> {
        let owned = part.start as usize..part.end as usize;
        reserve(owned.start, owned.len(), libc::MAP_FIXED_NOREPLACE)?;
        Ok(Self {
            base: 0,
            owned,
            native: true,
        })
    }

    /// Host address of guest address 0.
    pub(crate) fn base(&self) -> usize {
        self.base
    }

    /// The host's protection for what a guest may do.
    fn host_prot(&self, prot: Prot) -> i32 {
        let mut host = libc::PROT_NONE;
        if prot.contains(Prot::R) {
            host |= libc::PROT_READ;
        }
        if prot.contains(Prot::W) {
            host |= libc::PROT_READ | libc::PROT_WRITE;
        }
        if prot.contains(Prot::X) && self.native {
            host |= libc::PROT_READ | libc::PROT_EXEC;
        }
        host
    }

    /// Whether pages of this protection can be read by the host.
    pub(crate) fn is_readable(&self, prot: Prot) -> bool {
        self.host_prot(prot) & libc::PROT_READ != 0
    }

    /// The pointer to a byte of the span, or `None` when the range is not inside.
    fn span(&self, range: &Range<u64>) -> Option<(*mut u8, usize)> {
        if range.start > range.end || range.end > LEN {
            return None;
        }
        let at = with_exposed_provenance_mut(self.base + range.start as usize);
        Some((at, (range.end - range.start) as usize))
    }

    fn place(
        &self,
        range: &Range<u64>,
        prot: i32,
        flags: i32,
        file: Option<(BorrowedFd<'_>, u64)>,
    ) -> Result<(), Errno> {
        let (at, len) = self.span(range).ok_or(Errno(libc::EINVAL))?;
        let (fd, offset) = file.map_or((-1, 0), |(fd, offset)| (fd.as_raw_fd(), offset));
        let offset = i64::try_from(offset).map_err(|_| Errno(libc::EINVAL))?;
        // SAFETY: the range lies in the span, where nothing but guest memory is ever mapped and
        // to which no reference exists.
        let got = unsafe { libc::mmap(at.cast(), len, prot, flags | libc::MAP_FIXED, fd, offset) };
        if got == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        Ok(())
    }

    /// Maps zeroed private pages over a page-aligned range.
    pub(crate) fn map(&self, range: &Range<u64>, prot: Prot) -> Result<(), Errno> {
        self.place(
            range,
            self.host_prot(prot),
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            None,
        )
    }

    /// Maps pages of a file over a page-aligned range.
    pub(crate) fn map_shared(
        &self,
        range: &Range<u64>,
        prot: Prot,
        fd: BorrowedFd<'_>,
        offset: u64,
    ) -> Result<(), Errno> {
        self.place(
            range,
            self.host_prot(prot),
            libc::MAP_SHARED,
            Some((fd, offset)),
        )
    }

    /// Gives a page-aligned range back to the reservation.
    pub(crate) fn unmap(&self, range: &Range<u64>) -> Result<(), Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        self.place(range, libc::PROT_NONE, flags, None)
    }

    /// Changes the protection of a page-aligned range.
    pub(crate) fn protect(&self, range: &Range<u64>, prot: Prot) -> Result<(), Errno> {
        let (at, len) = self.span(range).ok_or(Errno(libc::EINVAL))?;
        // SAFETY: the range lies in the span, to which no reference exists.
        if unsafe { libc::mprotect(at.cast(), len, self.host_prot(prot)) } != 0 {
            return Err(Errno::last());
        }
        Ok(())
    }

    #[inline(always)]
    fn at(&self, addr: u32) -> *mut u8 {
        with_exposed_provenance_mut(self.base + addr as usize)
    }

    /// Loads bytes that lie in readable pages. Up to 8 bytes come by one instruction.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&self, addr: u32) -> [u8; N] {
        let at = self.at(addr);
        let mut out = [0; N];
        // SAFETY: the instructions read N bytes of the span or raise SIGSEGV (at most 15 bytes
        // more than a 32-bit offset reach into the tail, which has no access).
        unsafe {
            match N {
                1 => {
                    let value: u32;
                    asm!("movzx {v:e}, byte ptr [{p}]", v = out(reg) value, p = in(reg) at,
                         options(nostack, preserves_flags, readonly));
                    out.copy_from_slice(&value.to_le_bytes()[..N]);
                }
                2 => {
                    let value: u32;
                    asm!("movzx {v:e}, word ptr [{p}]", v = out(reg) value, p = in(reg) at,
                         options(nostack, preserves_flags, readonly));
                    out.copy_from_slice(&value.to_le_bytes()[..N]);
                }
                4 => {
                    let value: u32;
                    asm!("mov {v:e}, dword ptr [{p}]", v = out(reg) value, p = in(reg) at,
                         options(nostack, preserves_flags, readonly));
                    out.copy_from_slice(&value.to_le_bytes()[..N]);
                }
                8 => {
                    let value: u64;
                    asm!("mov {v}, qword ptr [{p}]", v = out(reg) value, p = in(reg) at,
                         options(nostack, preserves_flags, readonly));
                    out.copy_from_slice(&value.to_le_bytes()[..N]);
                }
                16 => {
                    let (low, high): (u64, u64);
                    asm!("mov {l}, qword ptr [{p}]", "mov {h}, qword ptr [{p} + 8]",
                         l = out(reg) low, h = lateout(reg) high, p = in(reg) at,
                         options(nostack, preserves_flags, readonly));
                    let value = u128::from(low) | u128::from(high) << 64;
                    out.copy_from_slice(&value.to_le_bytes()[..N]);
                }
                _ => copy(at, out.as_mut_ptr(), N),
            }
        }
        out
    }

    /// Stores bytes into writable pages. Up to 8 bytes go by one instruction.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&self, addr: u32, data: [u8; N]) {
        let at = self.at(addr);
        // SAFETY: as for `load`; no reference to the span exists.
        unsafe {
            match N {
                1 => {
                    asm!("mov byte ptr [{p}], {v}", v = in(reg_byte) word(data) as u8, p = in(reg) at,
                          options(nostack, preserves_flags))
                }
                2 => {
                    asm!("mov word ptr [{p}], {v:x}", v = in(reg) word(data) as u16, p = in(reg) at,
                          options(nostack, preserves_flags))
                }
                4 => {
                    asm!("mov dword ptr [{p}], {v:e}", v = in(reg) word(data) as u32, p = in(reg) at,
                          options(nostack, preserves_flags))
                }
                8 => {
                    asm!("mov qword ptr [{p}], {v}", v = in(reg) word(data) as u64, p = in(reg) at,
                          options(nostack, preserves_flags))
                }
                16 => asm!("mov qword ptr [{p}], {l}", "mov qword ptr [{p} + 8], {h}",
                           l = in(reg) word(data) as u64, h = in(reg) (word(data) >> 64) as u64,
                           p = in(reg) at, options(nostack, preserves_flags)),
                _ => copy(data.as_ptr(), at, N),
            }
        }
    }

    /// Replaces `old` by `new` atomically in writable pages. `N` is 1, 2, 4, 8 or 16, and the
    /// address is aligned to it; otherwise nothing happens and the answer is `None`.
    pub(crate) fn compare_exchange<const N: usize>(
        &self,
        addr: u32,
        old: [u8; N],
        new: [u8; N],
    ) -> Option<bool> {
        let at = self.at(addr);
        let (old, new) = (word(old), word(new));
        if !(addr as usize).is_multiple_of(N) {
            return None;
        }
        let (yes, no) = (Ordering::SeqCst, Ordering::SeqCst);
        // SAFETY: the address is in the span and aligned, for the span begins at a page; memory
        // that others share is accessed atomically. `Window::reserve`'s caller checked that the
        // processor has cmpxchg16b.
        unsafe {
            Some(match N {
                1 => AtomicU8::from_ptr(at)
                    .compare_exchange(old as u8, new as u8, yes, no)
                    .is_ok(),
                2 => AtomicU16::from_ptr(at.cast())
                    .compare_exchange(old as u16, new as u16, yes, no)
                    .is_ok(),
                4 => AtomicU32::from_ptr(at.cast())
                    .compare_exchange(old as u32, new as u32, yes, no)
                    .is_ok(),
                8 => AtomicU64::from_ptr(at.cast())
                    .compare_exchange(old as u64, new as u64, yes, no)
                    .is_ok(),
                16 => compare_exchange_16(at, old, new),
                _ => return None,
            })
        }
    }

    /// Copies out of readable pages. What does not lie in the span is left out.
    pub(crate) fn copy_out(&self, addr: u64, out: &mut [u8]) {
        if let Some((at, len)) = self.bytes(addr, out.len()) {
            // SAFETY: both ranges are `len` bytes; `out` is not in the span.
            unsafe { copy(at, out.as_mut_ptr(), len) };
        }
    }

    /// Copies into writable pages. What does not lie in the span is left out.
    pub(crate) fn copy_in(&self, addr: u64, data: &[u8]) {
        if let Some((at, len)) = self.bytes(addr, data.len()) {
            // SAFETY: both ranges are `len` bytes; `data` is not in the span.
            unsafe { copy(data.as_ptr(), at, len) };
        }
    }

    fn bytes(&self, addr: u64, len: usize) -> Option<(*mut u8, usize)> {
        let end = addr.checked_add(len as u64)?;
        self.span(&(addr..end))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the span is the window's own, and no pointer into it outlives the window.
        unsafe {
            libc::munmap(
                with_exposed_provenance_mut(self.owned.start),
                self.owned.len(),
            )
        };
    }
}

/// Reserves addresses without memory behind them; 0 lets the kernel choose.
fn reserve(at: usize, len: usize, flags: i32) -> Result<usize, Errno> {
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let at: *mut libc::c_void = with_exposed_provenance_mut(at);
    // SAFETY: without MAP_FIXED the kernel picks unused addresses, and with
    // MAP_FIXED_NOREPLACE it refuses addresses that are in use.
    let got = unsafe { libc::mmap(at, len, libc::PROT_NONE, flags, -1, 0) };
    if got == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // Kernels before 4.17 take the address as a hint.
    if !at.is_null() && got != at {
        // SAFETY: the mapping is new and nobody knows of it.
        unsafe { libc::munmap(got, len) };
        return Err(Errno(libc::EEXIST));
    }
    Ok(got.expose_provenance())
}

/// The low bytes of a number.
#[inline(always)]
fn word<const N: usize>(data: [u8; N]) -> u128 {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to = from;
    }
    u128::from_le_bytes(bytes)
}

/// Replaces 16 bytes atomically. (The library's function for it needs a C library's help at low
/// optimisation levels.)
///
/// # Safety
/// The pointer is aligned to 16 bytes and the processor has the instruction.
unsafe fn compare_exchange_16(at: *mut u8, old: u128, new: u128) -> bool {
    let (mut low, mut high) = (old as u64, (old >> 64) as u64);
    // SAFETY: the instruction accesses 16 bytes at `at`, which are the caller's to exchange. rbx
    // is the compiler's own and is put back.
    unsafe {
        asm!(
            "xchg rsi, rbx",
            "lock cmpxchg16b [rdi]",
            "mov rbx, rsi",
            in("rdi") at,
            inout("rsi") new as u64 => _,
            in("rcx") (new >> 64) as u64,
            inout("rax") low,
            inout("rdx") high,
            options(nostack),
        );
    }
    (low, high) == (old as u64, (old >> 64) as u64)
}

/// Copies memory that somebody else may be writing to. Not inlined, so that the compiler neither
/// reads the source again instead of the copy nor assumes that it stays the same.
///
/// # Safety
/// Both ranges lie in memory that is the caller's to use, and they do not overlap.
#[inline(never)]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: the caller's.
    unsafe { core::ptr::copy_nonoverlapping(from, to, len) };
}
