//! Why a turn of a barrier was not completed.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Nobody went on from the barrier.
#[derive(Debug)]
pub enum BarrierError {
    /// The barrier is broken, was broken while the caller waited, or was reset.
    Broken {
        /// A party of this turn died. Not known any more once the barrier has been reset.
        crashed: bool,
    },
    /// The time limit of the caller passed, and so it has broken the barrier.
    TimedOut,
    /// The handle cannot be used.
    Unusable(Error),
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { crashed: true } => f.write_str("the barrier broke: a party died"),
            Self::Broken { crashed: false } => f.write_str("the barrier is broken, or was reset"),
            Self::TimedOut => f.write_str("not all came in time: the barrier is broken"),
            Self::Unusable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BarrierError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Unusable(error) = self {
            error.source()
        } else {
            None
        }
    }
}

impl From<BarrierError> for Error {
    /// A death is [`ErrorKind::PeerDied`].
    fn from(error: BarrierError) -> Self {
        let kind = match error {
            BarrierError::Broken { crashed: true } => ErrorKind::PeerDied,
            BarrierError::Broken { crashed: false } => ErrorKind::Broken,
            BarrierError::TimedOut => ErrorKind::TimedOut,
            BarrierError::Unusable(error) => return error,
        };
        Self::new(kind, "wait at a barrier").advise("agree to go on, then call reset once")
    }
}
