//! One end of a socket, as both directions have it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::clock::Deadline;
use crate::sys::epoch;
use crate::sys::readiness::{self, Ready};
use crate::sys::socket;

use super::packet::{HEAD, PART};

/// A direction of an end: whose it is, and the descriptor that it shares with the other direction.
#[derive(Debug)]
pub(super) struct End {
    fd: Arc<OwnedFd>,
    way: Way,
    /// The fork epoch of the process that uses it; 0 until one does.
    owner: u32,
    /// The other direction is somebody else's.
    is_alone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

impl End {
    /// Both directions.
    pub(super) fn both(fd: OwnedFd) -> (Self, Self) {
        let fd = Arc::new(fd);
        let end = |way| Self {
            fd: Arc::clone(&fd),
            way,
            owner: 0,
            is_alone: false,
        };
        (end(Way::Out), end(Way::In))
    }

    /// Makes sure that the end is this process's; `true` the first time.
    #[inline]
    pub(super) fn check(&mut self) -> Result<bool> {
        if self.owner != 0 && self.owner == epoch::current() {
            return Ok(false);
        }
        self.take()?;
        Ok(true)
    }

    #[cold]
    fn take(&mut self) -> Result<()> {
        if self.owner != 0 {
            let doing = format!("use {:?}", self.fd);
            return Err(Error::new(ErrorKind::NotOwner, doing)
                .advise("the end is the parent's, which used it before the fork"));
        }
        let doing = || format!("use {:?} as an end of a socket", self.fd);
        if !socket::is_end(self.as_fd()).map_err(|e| Error::os(e, doing()))? {
            return Err(Error::new(ErrorKind::WrongType, doing())
                .advise("an end is a connected Unix socket of packets, as `pair` makes it"));
        }
        epoch::begin().map_err(|e| Error::os(e, doing()))?;
        self.owner = epoch::current();
        Ok(())
    }

    /// Parts from the other direction: from now on each is closed by itself.
    pub(super) fn part(&mut self) {
        // Where that fails, the first use says so.
        if self.owner == 0 && epoch::begin().is_ok() {
            self.owner = epoch::current();
        }
        self.is_alone = true;
    }

    /// Bytes of a message that go into one packet: such that several packets are under way at the
    /// same time.
    pub(super) fn part_len(&self) -> Result<usize> {
        let room = socket::room(self.as_fd());
        let room = room.map_err(|e| Error::os(e, "ask a socket for its room"))?;
        Ok((room / 4).saturating_sub(HEAD).clamp(1, PART))
    }

    /// Sleeps until the end is ready; `false` where it is not when the time has come.
    #[cold]
    pub(super) fn wait(&self, deadline: Deadline) -> Result<bool> {
        let ready = match self.way {
            Way::Out => Ready::ToSend,
            Way::In => Ready::ToReceive,
        };
        readiness::wait(self.as_fd(), ready, deadline)
            .map_err(|e| Error::os(e, "wait for a socket"))
    }

    /// Says for ever, to all who have this end or the other, that nothing more is to come.
    pub(super) fn close(&self) -> Result<()> {
        let (out, inward) = (self.way == Way::Out, self.way == Way::In);
        socket::shut(self.as_fd(), out, inward).map_err(|e| Error::os(e, "close a socket"))
    }

    /// The descriptor, which both directions keep open.
    pub(super) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Not a forked child's copy: that is none of its business.
        if self.is_alone && self.owner == epoch::current() {
            // It can only be gone already.
            let _ = self.close();
        }
    }
}
