//! Why nothing was sent, or nothing received.

use std::fmt;

use crate::error::Error;

/// Nothing was sent.
#[derive(Debug)]
pub enum SendError {
    /// There is no room: at once, or until the time limit. Nothing of the message will be received.
    Full,
    /// The message is longer than any may be, or than one that is sent without waiting may be.
    TooLong {
        /// Bytes of the longest one.
        longest: usize,
    },
    /// The message cannot be written as bytes. Nothing of it was sent.
    Encode(Error),
    /// Nobody will receive anything more: the other end is closed, gone, or out of reach.
    Disconnected,
    /// The connection cannot be used: it is another process's, or the system refused.
    Broken(Error),
}

/// Nothing was received.
#[derive(Debug)]
pub enum RecvError {
    /// There is no message: at once, or until the time limit.
    Empty,
    /// The message is of another type, or longer than any may be. It is used up, and the next one
    /// comes.
    Decode(Error),
    /// End of file: all messages are received, and no more will come. The other end is closed, gone,
    /// or out of reach.
    Disconnected,
    /// The connection cannot be used: it is another process's, or what came over it is garbage, or
    /// the system refused.
    Broken(Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the connection"),
            Self::TooLong { longest } => write!(f, "the message is longer than {longest} bytes"),
            Self::Disconnected => f.write_str("the other end of the connection is gone"),
            Self::Encode(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no message in the connection"),
            Self::Disconnected => f.write_str("the other end of the connection is gone"),
            Self::Decode(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) | Self::Broken(error) => error.source(),
            Self::Full | Self::TooLong { .. } | Self::Disconnected => None,
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) | Self::Broken(error) => error.source(),
            Self::Empty | Self::Disconnected => None,
        }
    }
}
