//! From a syscall's number to the method that serves it, by the table in `tee-abi`.
//!
//! A row that is not missing calls the method of its name, so a row without one does not compile.

use litebox::{Fault, SyscallFrame, UserPtr};
use tee_abi::TeeResult;
use tee_abi::for_each_syscall;

use crate::instance::{Host, Instance};

/// What ends a syscall other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// An error the TA sees as the syscall's result.
    Error(TeeResult),
    /// The TA returns from its entry point with this result.
    Return(u32),
    /// The TA panics with this code.
    Panic(u32),
}

/// The end of a syscall: `Ok` is `TEE_SUCCESS`.
pub type SysResult = Result<(), Trap>;

impl From<TeeResult> for Trap {
    fn from(error: TeeResult) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Trap {
    /// A pointer that does not hold what the TA alleges: upstream's copy from and to user memory
    /// answers the same.
    fn from(_: Fault) -> Self {
        Self::Error(TeeResult::ERROR_ACCESS_DENIED)
    }
}

/// An argument word as the method takes it.
macro_rules! argument {
    (Ulong, $word:expr) => {
        $word
    };
    (Size, $word:expr) => {
        $word
    };
    (Addr, $word:expr) => {
        $word
    };
    (I32, $word:expr) => {
        $word as u32 as i32
    };
    ($pointer:ident, $word:expr) => {
        UserPtr($word)
    };
}

macro_rules! call {
    ([missing $why:literal], $self:ident, $name:ident, $($arg:expr),*) => {{
        let _ = ($($arg,)*);
        $self.log_unsupported(stringify!($name), $why);
        Err(Trap::Error(TeeResult::ERROR_NOT_SUPPORTED))
    }};
    ($support:tt, $self:ident, $name:ident, $($arg:expr),*) => { $self.$name($($arg),*) };
}

macro_rules! dispatcher {
    ($( $number:literal $name:ident $scn:ident $stub:literal ( $($arg:ident : $kind:ident),* ) $support:tt; )*) => {
        impl<H: Host> Instance<H> {
            /// Serves one syscall.
            pub(crate) fn dispatch(&mut self, frame: SyscallFrame) -> SysResult {
                match frame.number {
                    $( $number => {
                        let [$($arg,)* ..] = frame.args;
                        call!($support, self, $name, $( argument!($kind, $arg) ),*)
                    } )*
                    number => {
                        self.log_unsupported_number(number);
                        Err(Trap::Error(TeeResult::ERROR_NOT_SUPPORTED))
                    }
                }
            }
        }
    };
}
for_each_syscall!(dispatcher);
