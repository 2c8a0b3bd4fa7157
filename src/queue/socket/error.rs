//! Why nothing was sent, or nothing received.

use std::fmt;

use crate::error::Error;

/// Nothing was sent.
#[derive(Debug)]
pub enum SendError {
    /// There is no room: at once, or until the time limit.
    Full,
    /// The message is longer than any may be, or than one that is sent without waiting may be.
    TooLong {
        /// Bytes of the longest one.
        longest: usize,
    },
    /// The message cannot be written as bytes. Nothing of it was sent.
    Encode(Error),
    /// Its descriptors cannot be sent: they are too many, for a message or for the system, or there
    /// is none left to copy one into. No more than a part of the message was sent, which will not be
    /// received.
    Fds(Error),
    /// Nobody will receive anything more: the other end is closed, or its process is gone.
    Disconnected,
    /// The end cannot be used: it is another process's, or no end of a socket.
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
    /// The message is of another type, longer than any may be, or garbage. It is used up, and the
    /// next one comes.
    Decode(Error),
    /// The message has descriptors that did not come: there is no number left for them, it has more
    /// than any may have, or it names one that is not with it. It is used up, what came of its
    /// descriptors is closed, and the next one comes.
    Fds(Error),
    /// End of file: all messages are received, and no more will come. The other end is closed, or
    /// its process is gone; the kernel does not tell which.
    Disconnected,
    /// The end cannot be used: it is another process's, or no end of a socket.
    Broken(Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the socket"),
            Self::TooLong { longest } => {
                write!(f, "the message is longer than {longest} bytes")
            }
            Self::Disconnected => f.write_str("the other end of the socket is gone"),
            Self::Encode(error) | Self::Fds(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no message in the socket"),
            Self::TooShort { needed } => write!(f, "the message has {needed} bytes"),
            Self::Disconnected => f.write_str("the other end of the socket is gone"),
            Self::Decode(error) | Self::Fds(error) | Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) | Self::Fds(error) | Self::Broken(error) => error.source(),
            Self::Full | Self::TooLong { .. } | Self::Disconnected => None,
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) | Self::Fds(error) | Self::Broken(error) => error.source(),
            Self::Empty | Self::TooShort { .. } | Self::Disconnected => None,
        }
    }
}
