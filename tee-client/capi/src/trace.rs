//! The two tracing functions that OP-TEE's library happens to export.
//!
//! # Safety
//! This file has a variadic entry in assembly and calls the C library's formatter; the client
//! program promises arguments that fit its format.

use std::ffi::{CStr, c_char, c_int};

/// `va_list` of the x86-64 System V ABI.
#[repr(C)]
struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    overflow_arg_area: *mut u8,
    reg_save_area: *mut u8,
}

unsafe extern "C" {
    static stdout: *mut libc::FILE;

    fn fputs(text: *const c_char, stream: *mut libc::FILE) -> c_int;

    fn vsnprintf(
        out: *mut c_char,
        len: usize,
        format: *const c_char,
        arguments: *mut VaList,
    ) -> c_int;
}

/// Longest message, with its terminating NUL.
const MESSAGE_LEN: usize = 256;

/// Prints a trace line to standard output:
/// `_dprintf(function, line, level, prefix, format, ...)`.
///
/// The function is variadic, which Rust cannot define: this entry saves the argument registers as a
/// C compiler would, makes a `va_list` of them, and goes on in [`print`].
///
/// # Safety
/// The arguments are those that the format wants.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn _dprintf() {
    // The frame, from rsp: 0 register save area (6 × 8 general, 8 × 16 vector), 176 va_list.
    // Five general arguments are named, so gp_offset is 40; no vector one is, so fp_offset is 48.
    core::arch::naked_asm!(
        "sub rsp, 216",
        "mov [rsp + 40], r9",
        "test al, al",
        "je 2f",
        "movaps [rsp + 48], xmm0",
        "movaps [rsp + 64], xmm1",
        "movaps [rsp + 80], xmm2",
        "movaps [rsp + 96], xmm3",
        "movaps [rsp + 112], xmm4",
        "movaps [rsp + 128], xmm5",
        "movaps [rsp + 144], xmm6",
        "movaps [rsp + 160], xmm7",
        "2:",
        "mov dword ptr [rsp + 176], 40",
        "mov dword ptr [rsp + 180], 48",
        "lea rax, [rsp + 224]",
        "mov [rsp + 184], rax",
        "mov [rsp + 192], rsp",
        "lea r9, [rsp + 176]",
        "call {print}",
        "add rsp, 216",
        "ret",
        print = sym print,
    )
}

/// # Safety
/// Strings are null or C strings; `arguments` is a `va_list` that fits the format.
unsafe extern "C" fn print(
    function: *const c_char,
    line: c_int,
    level: c_int,
    prefix: *const c_char,
    format: *const c_char,
    arguments: *mut VaList,
) {
    crate::guarded((), || {
        let mut message = Vec::with_capacity(MESSAGE_LEN);
        if !function.is_null() && !prefix.is_null() {
            let name = usize::try_from(level)
                .ok()
                .and_then(|level| ["", "ERR", "INF", "DBG", "FLW"].get(level));
            // SAFETY: no arguments.
            let thread = unsafe { libc::gettid() };
            // SAFETY: not null, hence C strings.
            let (prefix, function) = unsafe { (CStr::from_ptr(prefix), CStr::from_ptr(function)) };
            let head = format!(
                "{} [{thread}] {}:{}:{line}: ",
                name.unwrap_or(&""),
                prefix.to_string_lossy(),
                function.to_string_lossy(),
            );
            message.extend_from_slice(head.as_bytes());
            message.truncate(MESSAGE_LEN - 1);
        }
        if !format.is_null() {
            let mut text = [0u8; MESSAGE_LEN];
            let room = MESSAGE_LEN - message.len();
            // SAFETY: `room` bytes of the live array; the format and its arguments are the caller's.
            unsafe { vsnprintf(text.as_mut_ptr().cast(), room, format, arguments) };
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(0);
            message.extend_from_slice(text.get(..end).unwrap_or_default());
        }
        message.push(0);
        // SAFETY: the message ends in NUL; the stream is the program's own, so that the line keeps
        // its place among what the program prints.
        unsafe { fputs(message.as_ptr().cast(), stdout) };
    });
}

/// `dump_buffer(name, buffer, length)`: prints nothing, as OP-TEE's release builds do.
#[unsafe(no_mangle)]
pub extern "C" fn dump_buffer(_name: *const c_char, _buffer: *const u8, _len: usize) {}
