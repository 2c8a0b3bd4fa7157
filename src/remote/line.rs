//! A connected socket of this process, whose two directions share it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::clock::Deadline;
use crate::sys::epoch;
use crate::sys::readiness::{self, Ready};
use crate::sys::socket;
use crate::sys::stream::{self, Moved};

/// One direction of a connection, or both of one that is new.
#[derive(Debug, Clone)]
pub(super) struct Line {
    fd: Arc<OwnedFd>,
    peer: Option<SocketAddr>,
    /// The fork epoch of the process that has it.
    owner: u32,
}

impl Line {
    /// A connected socket, and over TCP who is at its other end.
    pub(super) fn new(fd: OwnedFd, peer: Option<SocketAddr>) -> io::Result<Self> {
        epoch::begin()?;
        if peer.is_some() {
            stream::enliven(fd.as_fd())?;
        }
        Ok(Self {
            fd: Arc::new(fd),
            peer,
            owner: epoch::current(),
        })
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// For who may have to end it.
    pub(super) fn weak(&self) -> Weak<OwnedFd> {
        Arc::downgrade(&self.fd)
    }

    fn is_ours(&self) -> bool {
        self.owner == epoch::current()
    }

    /// Makes sure that the connection is this process's.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_ours() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotOwner, "use a connection")
            .advise("it is the parent's, which made it before the fork"))
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Result<Moved> {
        stream::send(self.as_fd(), bytes).map_err(|e| Error::os(e, "send to a connection"))
    }

    pub(super) fn receive(&self, bytes: &mut [u8]) -> Result<Moved> {
        let moved = stream::receive(self.as_fd(), bytes);
        moved.map_err(|e| Error::os(e, "receive from a connection"))
    }

    /// Whether the other end is gone, or has closed its direction.
    pub(super) fn is_gone(&self) -> bool {
        stream::is_gone(self.as_fd())
    }

    /// Sleeps until it is ready; `false` where it is not when the time has come.
    #[cold]
    pub(super) fn wait(&self, ready: Ready, deadline: Deadline) -> Result<bool> {
        readiness::wait(self.as_fd(), ready, deadline)
            .map_err(|e| Error::os(e, "wait for a connection"))
    }

    /// Ends a direction: nothing more is to come, or nothing more is wanted.
    pub(super) fn shut(&self, way: Ready) -> Result<()> {
        let (out, inward) = (way == Ready::ToSend, way == Ready::ToReceive);
        socket::shut(self.as_fd(), out, inward).map_err(|e| Error::os(e, "close a connection"))
    }

    /// As [`Line::shut`], of a direction that is dropped. A forked child's copy is none of ours.
    pub(super) fn leave(&self, way: Ready) {
        if self.is_ours() {
            // It can only be gone already.
            let _ = self.shut(way);
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
