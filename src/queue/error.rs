//! Why nothing went into a queue, or came out of it.

use std::fmt;

use crate::error::Error;

/// Nothing was put in.
#[derive(Debug)]
pub enum PushError {
    /// There is no room: at once, or until the time limit.
    Full,
    /// Nobody will take anything more out: the queue is closed, or its other end is gone.
    Disconnected {
        /// The other end died; it did not leave in order.
        crashed: bool,
    },
    /// The handle cannot be used.
    Broken(Error),
}

/// Nothing was taken out.
#[derive(Debug)]
pub enum PopError {
    /// There is no item: at once, or until the time limit.
    Empty,
    /// All items are taken, and no more will come: the queue is closed, or its other end is gone.
    Disconnected {
        /// The other end died; it did not leave in order.
        crashed: bool,
    },
    /// The handle cannot be used.
    Broken(Error),
}

/// Nothing was put into a queue of many.
#[derive(Debug)]
pub enum PutError {
    /// There is no room: at once, or until the time limit.
    Full,
    /// The queue is closed.
    Closed,
    /// The handle cannot be used.
    Broken(Error),
}

/// Nothing was taken out of a queue of many.
#[derive(Debug)]
pub enum GetError {
    /// There is no item: at once, or until the time limit.
    Empty,
    /// The queue is closed, and empty.
    Closed,
    /// The handle cannot be used.
    Broken(Error),
}

fn gone(f: &mut fmt::Formatter<'_>, crashed: bool) -> fmt::Result {
    f.write_str(if crashed {
        "the other end died"
    } else {
        "the other end is closed"
    })
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the queue"),
            Self::Disconnected { crashed } => gone(f, *crashed),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no item in the queue"),
            Self::Disconnected { crashed } => gone(f, *crashed),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(error) = self {
            error.source()
        } else {
            None
        }
    }
}

impl std::error::Error for PopError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(error) = self {
            error.source()
        } else {
            None
        }
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room in the queue"),
            Self::Closed => f.write_str("the queue is closed"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no item in the queue"),
            Self::Closed => f.write_str("the queue is closed and empty"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(error) = self {
            error.source()
        } else {
            None
        }
    }
}

impl std::error::Error for GetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(error) = self {
            error.source()
        } else {
            None
        }
    }
}
