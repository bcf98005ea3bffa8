//! Logs in OP-TEE's layout:
//!
//! ```text
//! E/TA:  function:line message        errors, debug, flow
//! I/TA: message                       information
//! ```
//! A line is at most [`MAX_LINE`] bytes with its newline; a longer message is cut. The level is
//! the TA's `trace_level` symbol, which a loader may change.

use core::ffi::c_int;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicI32, Ordering};

use crate::syscall;

/// Longest line: upstream's 256-byte buffer less its two last bytes.
const MAX_LINE: usize = 255;

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// `EMSG`.
    Error = 1,
    /// `IMSG`.
    Info = 2,
    /// `DMSG`.
    Debug = 3,
    /// `FMSG`.
    Flow = 4,
}

impl Level {
    const fn letter(self) -> char {
        match self {
            Self::Error => 'E',
            Self::Info => 'I',
            Self::Debug => 'D',
            Self::Flow => 'F',
        }
    }

    /// Whether function and line stand in the prefix (`CFG_MSG_LONG_PREFIX_MASK`).
    const fn has_place(self) -> bool {
        !matches!(self, Self::Info)
    }
}

unsafe extern "C" {
    /// Defined by [`crate::ta!`] in the TA.
    safe static trace_level: AtomicI32;
}

const _: () = assert!(size_of::<AtomicI32>() == size_of::<c_int>());

/// Whether messages of `level` are printed.
#[inline]
#[must_use]
pub fn enabled(level: Level) -> bool {
    level as i32 <= trace_level.load(Ordering::Relaxed)
}

struct Line {
    bytes: [u8; MAX_LINE],
    len: usize,
}

impl Line {
    const fn new() -> Self {
        Self {
            bytes: [0; MAX_LINE],
            len: 0,
        }
    }

    /// The message with exactly one newline at its end.
    fn finish(&mut self) -> &[u8] {
        while self.len > 0 && self.bytes.get(self.len - 1) == Some(&b'\n') {
            self.len -= 1;
        }
        let end = self.len.min(MAX_LINE - 1);
        if let Some(last) = self.bytes.get_mut(end) {
            *last = b'\n';
        }
        self.bytes.get(..=end).unwrap_or_default()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let part = text.as_bytes().get(..room.len()).unwrap_or(text.as_bytes());
        for (to, from) in room.iter_mut().zip(part) {
            *to = *from;
        }
        self.len += part.len();
        Ok(())
    }
}

/// Prints a message if its level is enabled. Use the macros.
pub fn print(level: Level, function: &str, line: u32, message: fmt::Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    let mut out = Line::new();
    let letter = level.letter();
    // A line that is full is cut, never an error.
    let _ = if level.has_place() {
        write!(out, "{letter}/TA:  {function}:{line} {message}")
    } else {
        write!(out, "{letter}/TA: {message}")
    };
    puts(out.finish());
}

/// Prints bytes as they are.
pub fn puts(bytes: &[u8]) {
    // SAFETY: the buffer is valid for its length.
    let _ = unsafe { syscall::log(bytes.as_ptr(), bytes.len()) };
}

/// The function's own name in a path such as `hello_world::HelloWorld::invoke::here`.
#[must_use]
pub fn function_name(path: &'static str) -> &'static str {
    let mut rest = path;
    loop {
        let (head, tail) = split_last(rest);
        match tail {
            "here" | "{{closure}}" if !head.is_empty() => rest = head,
            name => return name,
        }
    }
}

/// Head and tail around the last `::`. By bytes: `str`'s searcher would be most of a small TA.
fn split_last(path: &str) -> (&str, &str) {
    let at = path.as_bytes().windows(2).rposition(|pair| pair == b"::");
    match at.and_then(|at| Some((path.get(..at)?, path.get(at + 2..)?))) {
        Some(halves) => halves,
        None => ("", path),
    }
}

/// Prints at a level with the place of the call.
#[macro_export]
macro_rules! trace {
    ($level:ident, $($message:tt)+) => {
        if $crate::trace::enabled($crate::trace::Level::$level) {
            fn here() {}
            $crate::trace::print(
                $crate::trace::Level::$level,
                $crate::trace::function_name(::core::any::type_name_of_val(&here)),
                ::core::line!(),
                ::core::format_args!($($message)+),
            );
        }
    };
}

/// An error: `E/TA:  function:line message`.
#[macro_export]
macro_rules! emsg { ($($message:tt)+) => { $crate::trace!(Error, $($message)+) }; }

/// Information: `I/TA: message`.
#[macro_export]
macro_rules! imsg { ($($message:tt)+) => { $crate::trace!(Info, $($message)+) }; }

/// Debug: `D/TA:  function:line message`.
#[macro_export]
macro_rules! dmsg { ($($message:tt)+) => { $crate::trace!(Debug, $($message)+) }; }

/// Flow: `F/TA:  function:line message`.
#[macro_export]
macro_rules! fmsg { ($($message:tt)+) => { $crate::trace!(Flow, $($message)+) }; }
