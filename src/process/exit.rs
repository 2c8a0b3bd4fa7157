//! How a process ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;

use serde::{Deserialize, Serialize};

/// How a process ended: its exit code and the signal that killed it are never confused.
///
/// # Examples
///
/// ```
/// use outlive::process::Exit;
///
/// assert_eq!(Exit::Code(3).to_string(), "exit code 3");
/// assert_eq!(Exit::Signal(9).to_string(), "signal 9");
/// // Python's one number for both.
/// assert_eq!(Exit::Signal(15).as_python(), Some(-15));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Exit {
    /// It returned, panicked (101) or exited with this code, of 0 to 255.
    Code(i32),
    /// A signal killed it.
    Signal(i32),
    /// Nobody knows: whoever was to tell was killed too.
    Unknown,
}

impl Exit {
    /// From what `wait` says.
    pub(super) fn from_raw(status: i32) -> Self {
        let status = std::process::ExitStatus::from_raw(status);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }

    /// Whether it is [`Exit::Code`] of 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }

    /// The code, or the negated signal, as Python's `exitcode` has it.
    #[must_use]
    pub fn as_python(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal(signal) => Some(-signal),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("unknown end"),
        }
    }
}

/// Ends a process that this crate has started, as programs end: buffers are flushed, and the handlers
/// of `atexit` run.
pub(super) fn leave(code: i32) -> ! {
    #[expect(
        clippy::disallowed_methods,
        clippy::exit,
        reason = "the process is the crate's own"
    )]
    std::process::exit(code)
}
