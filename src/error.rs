//! Errors: what happened, to which object, and what to do.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// The result of an operation that can fail for one of the reasons of [`ErrorKind`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system refused; [`Error::source`](std::error::Error::source) has its own word on it.
    Os,
    /// There is no segment or object of this name.
    NotFound,
    /// A segment or object of this name exists already.
    AlreadyExists,
    /// The file is not a segment, or not a whole one.
    NotASegment,
    /// The segment was made by a build with another layout.
    WrongVersion,
    /// The object is of another kind, or of another element type.
    WrongType,
    /// The bytes of the segment make no sense: a process has written where it should not.
    Corrupt,
    /// There is no room left.
    Full,
    /// Every slot of the registry is taken by a living process.
    TooManyParticipants,
    /// A process died while it held the object, and nobody has repaired the data since.
    PeerDied,
    /// The time limit passed, or the object was not free and the caller would not wait.
    TimedOut,
    /// The time limit passed, and the caller was in a circle of processes that wait for each other.
    Deadlock,
    /// The caller does not hold what it wants to give back.
    NotOwner,
    /// A living process has what only one can have.
    InUse,
    /// An argument is out of its range.
    InvalidInput,
    /// The segment that the handle belongs to is not open in this process.
    NotAttached,
    /// The object has been freed since the handle was written.
    Gone,
    /// The kernel cannot do what is needed.
    Unsupported,
    /// It was broken, by a timeout or on purpose, and nobody has reset it since.
    Broken,
    /// The message cannot be written as bytes.
    Encode,
    /// The bytes are no message of this type.
    Decode,
    /// Another process could not call the function, or not send its result.
    Uncalled,
    /// The other side does not have the same key.
    Unauthorized,
    /// The other side is closed or gone.
    Disconnected,
}

impl ErrorKind {
    fn text(self) -> &'static str {
        match self {
            Self::Os => "the system refused",
            Self::NotFound => "no such name",
            Self::AlreadyExists => "the name exists already",
            Self::NotASegment => "not an outlive segment",
            Self::WrongVersion => "made by a build with another layout",
            Self::WrongType => "another kind or element type",
            Self::Corrupt => "its bytes make no sense",
            Self::Full => "no room left",
            Self::TooManyParticipants => "every participant slot is taken by a living process",
            Self::PeerDied => "its holder died and the data are not repaired",
            Self::TimedOut => "timed out",
            Self::Deadlock => "timed out in a deadlock",
            Self::NotOwner => "the caller does not hold it",
            Self::InUse => "a living process has it",
            Self::InvalidInput => "argument out of range",
            Self::NotAttached => "its segment is not open in this process",
            Self::Gone => "it has been freed",
            Self::Unsupported => "not supported by this kernel",
            Self::Broken => "it is broken",
            Self::Encode => "it cannot be written as bytes",
            Self::Decode => "its bytes are no message of this type",
            Self::Uncalled => "the other process could not do it",
            Self::Unauthorized => "the other side does not have the same key",
            Self::Disconnected => "the other side is closed or gone",
        }
    }
}

/// An operation failed: its kind, what was being done to what, and the system's reason if any.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    doing: Cow<'static, str>,
    advice: Cow<'static, str>,
    source: Option<io::Error>,
}

impl Error {
    /// `doing` says the operation and the object: "open segment `jobs`".
    pub(crate) fn new(kind: ErrorKind, doing: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            doing: doing.into(),
            advice: Cow::Borrowed(""),
            source: None,
        }))
    }

    pub(crate) fn os(source: io::Error, doing: impl Into<Cow<'static, str>>) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists | io::ErrorKind::AddrInUse => ErrorKind::AlreadyExists,
            io::ErrorKind::StorageFull => ErrorKind::Full,
            _ => ErrorKind::Os,
        };
        let mut error = Self::new(kind, doing);
        error.0.source = Some(source);
        error
    }

    /// Adds what the reader can do about it.
    pub(crate) fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = advice.into();
        self
    }

    /// What went wrong, to decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.doing, self.0.kind.text())?;
        if let Some(source) = &self.0.source {
            write!(f, " ({source})")?;
        }
        if !self.0.advice.is_empty() {
            write!(f, "; {}", self.0.advice)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::TimedOut | ErrorKind::Deadlock => io::ErrorKind::TimedOut,
            ErrorKind::Full => io::ErrorKind::StorageFull,
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Unauthorized => io::ErrorKind::PermissionDenied,
            ErrorKind::Disconnected => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
