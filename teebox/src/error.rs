//! Errors as users see them: what, why, what to do next, and the exit code.
//!
//! ```text
//! teebox: cannot load 8aaaf200….ta: its signature was made by none of the keys …
//! hint: pass --ta-key KEY.pem with the public key of its signer
//! ```

use std::fmt;
use std::process::ExitCode;

/// Documented exit codes of every verb but `run`, whose code is the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// The Trusted Application, or the check that was asked for, said no.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A file or value given is unusable.
    Input = 3,
    /// This machine cannot do it.
    Host = 4,
    /// A defect of teebox.
    Bug = 5,
    /// `run`: the world could not be started.
    RunFailed = 125,
    /// `run`: the client program cannot be executed.
    RunNotExecutable = 126,
    /// `run`: the client program does not exist.
    RunNotFound = 127,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error to be told.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// The thing and the reason.
    pub what: String,
    /// The next step.
    pub hint: String,
}

impl CliError {
    /// A file or value given is unusable.
    pub fn input(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Input,
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The command line is wrong.
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// This machine cannot do it.
    pub fn host(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Host,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "teebox: {}", self.what)?;
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for CliError {}
