//! Why nothing was sent, or nothing received.

use std::fmt;

use crate::error::Error;
use crate::raw::spsc::Stopped;

/// Nothing was sent.
#[derive(Debug)]
pub enum SendError {
    /// There is no room: at once, or until the time limit.
    Full,
    /// The message is larger than the pipe, and such a one is not sent without waiting.
    TooLong {
        /// Bytes of the longest message that fits.
        longest: usize,
    },
    /// The message cannot be written as bytes. Nothing of it went into the pipe.
    Encode(Error),
    /// Nobody will receive anything more: the pipe is closed, or its receiver is gone.
    Disconnected {
        /// The receiver died; it did not leave in order.
        crashed: bool,
    },
    /// The end cannot be used: it is another process's.
    Broken(Error),
}

/// Nothing was received.
#[derive(Debug)]
pub enum RecvError {
    /// There is no message: at once, or until the time limit.
    Empty,
    /// The buffer is too short. The message is kept.
    TooShort {
        /// Bytes of the message.
        needed: usize,
    },
    /// The message is of another type, or garbage. It is used up, and the next one comes.
    Decode(Error),
    /// End of file: all messages are received, and no more will come. The pipe is closed, or its
    /// sender is gone.
    Disconnected {
        /// The sender died; it did not leave in order.
        crashed: bool,
    },
    /// The end cannot be used: it is another process's.
    Broken(Error),
}

fn gone(f: &mut fmt::Formatter<'_>, crashed: bool) -> fmt::Result {
    f.write_str(if crashed {
        "the other end of the pipe died"
    } else {
        "the other end of the pipe is closed"
    })
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the pipe"),
            Self::TooLong { longest } => {
                write!(
                    f,
                    "the message is longer than the {longest} bytes of the pipe"
                )
            }
            Self::Disconnected { crashed } => gone(f, *crashed),
            Self::Encode(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no message in the pipe"),
            Self::TooShort { needed } => write!(f, "the message has {needed} bytes"),
            Self::Disconnected { crashed } => gone(f, *crashed),
            Self::Decode(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) | Self::Broken(error) => error.source(),
            _ => None,
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) | Self::Broken(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Stopped> for SendError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => Self::Full,
            Stopped::Disconnected { crashed } => Self::Disconnected { crashed },
        }
    }
}

impl From<Stopped> for RecvError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => Self::Empty,
            Stopped::Disconnected { crashed } => Self::Disconnected { crashed },
        }
    }
}
