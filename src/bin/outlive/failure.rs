//! How the command ends when it does not end well.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// How a subcommand ended that did what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Something is wrong with what was looked at.
    Wrong,
    /// Some of it could not be done; what, has been said.
    Partial,
}

impl Verdict {
    /// The verdict on what was done before it was `told`: that stands, also where nobody reads it.
    pub(crate) fn told(self, told: Outcome<()>) -> Outcome {
        match told {
            Ok(()) | Err(Failure::Unread) => Ok(self),
            Err(failure) => Err(failure),
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(match verdict {
            Verdict::Fine => 0,
            Verdict::Wrong => 1,
            Verdict::Partial => 3,
        })
    }
}

/// Why a subcommand could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence that says what to do.
    Said(String),
    /// The reader of the output is gone, which ends the command and is nobody's fault.
    Unread,
}

/// What a subcommand gives.
pub(crate) type Outcome<T = Verdict> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(text) => f.write_str(text),
            Self::Unread => f.write_str("nobody reads the output"),
        }
    }
}

impl From<outlive::Error> for Failure {
    fn from(error: outlive::Error) -> Self {
        let advice = match error.kind() {
            outlive::ErrorKind::NotFound => {
                "; `outlive ls` lists what there is, `--folder` says where"
            }
            _ => "",
        };
        Self::Said(format!("{error}{advice}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Said(format!("write the output: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}
