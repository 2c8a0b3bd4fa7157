//! What the standard streams of a process are.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// A standard stream of a process that is to be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// The same as this process's.
    Inherit,
    /// Nothing: reading ends at once, what is written is gone.
    Null,
    /// A file, a pipe, a socket.
    Descriptor(OwnedFd),
}

impl Stream {
    /// What is to be sent; nothing for [`Stream::Null`].
    pub(super) fn descriptor(&self, own: impl AsFd) -> io::Result<Option<OwnedFd>> {
        match self {
            // The own may be closed; then so is the worker's.
            Self::Inherit => Ok(own.as_fd().try_clone_to_owned().ok()),
            Self::Null => Ok(None),
            Self::Descriptor(fd) => fd.try_clone().map(Some),
        }
    }
}

impl From<OwnedFd> for Stream {
    fn from(fd: OwnedFd) -> Self {
        Self::Descriptor(fd)
    }
}

impl From<File> for Stream {
    fn from(file: File) -> Self {
        Self::Descriptor(file.into())
    }
}

impl From<io::PipeWriter> for Stream {
    fn from(pipe: io::PipeWriter) -> Self {
        Self::Descriptor(pipe.into())
    }
}

impl From<io::PipeReader> for Stream {
    fn from(pipe: io::PipeReader) -> Self {
        Self::Descriptor(pipe.into())
    }
}
