//! A bell that a thread hears in the same sleep in which it watches descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

#[cfg(feature = "remote")]
use super::readiness;

/// Rings until somebody has heard it.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

/// A number that is none, as an eventfd counts it, in whatever order of bytes.
const ONE: [u8; 8] = [1; 8];

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    pub(crate) fn ring(&self) {
        // Where it rings so much that it cannot any more, it rings.
        let _ = rustix::io::write(&self.0, &ONE);
    }

    /// Whether it rings.
    #[cfg(feature = "remote")]
    pub(crate) fn rings(&self) -> bool {
        readiness::is_ready(&self.0).unwrap_or(false)
    }

    /// Stops it; what rings from now on is heard by whoever watches.
    pub(crate) fn hush(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
