//! Why nothing went into a queue of messages, or came out of it.

use std::fmt;

use crate::error::{Error, ErrorKind};

use super::codec::CodecError;

/// Nothing was put in.
#[derive(Debug)]
pub enum PutError {
    /// There is no room: at once, or until the time limit.
    Full,
    /// The queue is closed.
    Closed,
    /// The message is longer than the queue has bytes, and would never fit.
    TooLarge {
        /// Bytes of the message.
        needs: usize,
        /// Bytes of the longest message that fits.
        limit: usize,
    },
    /// The codec cannot write this value.
    Unencodable(CodecError),
    /// The handle cannot be used.
    Broken(Error),
}

/// Nothing was taken out.
#[derive(Debug)]
pub enum GetError {
    /// There is no message: at once, or until the time limit.
    Empty,
    /// The queue is closed, and empty.
    Closed,
    /// The bytes of a message are no value of this type. The message is gone.
    Undecodable(CodecError),
    /// The handle cannot be used.
    Broken(Error),
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the queue"),
            Self::Closed => f.write_str("the queue is closed"),
            Self::TooLarge { needs, limit } => write!(
                f,
                "a message of {needs} bytes in a queue that holds {limit} at the most; create it \
                 with more bytes"
            ),
            Self::Unencodable(error) => write!(f, "the message cannot be encoded: {error}"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no message in the queue"),
            Self::Closed => f.write_str("the queue is closed and empty"),
            Self::Undecodable(error) if error.of_handle().is_some() => {
                write!(f, "the message cannot be decoded: {error}")
            }
            Self::Undecodable(error) => write!(
                f,
                "the message cannot be decoded: {error}; both sides must mean the same type by its \
                 name, and types that ask for the type of what they read need another codec than \
                 postcard, such as MsgPack"
            ),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unencodable(error) => Some(error),
            Self::Broken(error) => error.source(),
            Self::Full | Self::Closed | Self::TooLarge { .. } => None,
        }
    }
}

impl std::error::Error for GetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Undecodable(error) => Some(error),
            Self::Broken(error) => error.source(),
            Self::Empty | Self::Closed => None,
        }
    }
}

impl From<PutError> for Error {
    fn from(error: PutError) -> Self {
        let kind = match error {
            PutError::Full => ErrorKind::Full,
            PutError::Closed => ErrorKind::Broken,
            PutError::TooLarge { .. } => ErrorKind::InvalidInput,
            PutError::Unencodable(ref error) => {
                error.of_handle().map_or(ErrorKind::Encode, Error::kind)
            }
            PutError::Broken(error) => return error,
        };
        Self::new(kind, "put into a queue").advise(error.to_string())
    }
}

impl From<GetError> for Error {
    fn from(error: GetError) -> Self {
        let kind = match error {
            GetError::Empty => ErrorKind::TimedOut,
            GetError::Closed => ErrorKind::Broken,
            GetError::Undecodable(ref error) => {
                error.of_handle().map_or(ErrorKind::Decode, Error::kind)
            }
            GetError::Broken(error) => return error,
        };
        Self::new(kind, "get from a queue").advise(error.to_string())
    }
}
