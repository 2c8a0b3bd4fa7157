//! Why there is no result.

use std::fmt;

use crate::error::Error;

use super::exit::Exit;
use super::panicked::Panicked;

/// Why the result of a process cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// It still runs: ask again.
    TimedOut,
    /// The function panicked.
    Panicked(Panicked),
    /// It ended before the function returned: a signal, or an exit in the middle.
    Ended {
        /// The name of the process.
        name: String,
        /// Its number.
        pid: u32,
        /// How.
        exit: Exit,
    },
    /// The function was not called, or its result was not sent, or not understood.
    Failed(Error),
    /// It was taken before.
    Taken,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the process still runs"),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Ended { name, pid, exit } => {
                write!(f, "process `{name}` ({pid}) ended without a result: {exit}")
            }
            Self::Failed(error) => error.fmt(f),
            Self::Taken => f.write_str("the result of the process was taken before"),
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for JoinError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
