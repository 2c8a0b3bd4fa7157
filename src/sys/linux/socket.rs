//! Pairs of connected sockets that keep the borders of packets, and carry descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv,
    recvmsg, sendmsg, socketpair, sockopt,
};

use crate::sys::crash;

/// Most descriptors of one packet: the kernel's `SCM_MAX_FD`.
pub(crate) const MOST_FDS: usize = 253;

/// What became of a packet that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is sent, whole.
    Whole,
    /// There is no room now.
    Full,
    /// Nobody will ever receive it.
    Gone,
}

/// What there was to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// A packet.
    Packet {
        /// Its bytes.
        len: usize,
        /// It had more of them than there was room for.
        is_cut: bool,
        /// It had descriptors that this process has no number free for, or must not have.
        fds_are_cut: bool,
    },
    /// Nothing yet.
    Nothing,
    /// The other end is gone, and everything it sent has been received.
    End,
}

/// The two ends of a connection that keeps the borders of packets; children do not inherit them.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Whether `fd` is an end as [`pair`] makes them.
pub(crate) fn is_end(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match sockopt::socket_type(fd) {
        Ok(SocketType::SEQPACKET) => Ok(sockopt::socket_domain(fd)? == AddressFamily::UNIX),
        Ok(_) | Err(Errno::NOTSOCK) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Bytes that may be under way from this end.
pub(crate) fn room(fd: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(sockopt::socket_send_buffer_size(fd)?)
}

/// Sends a packet of `head` and `bytes`, with `fds`, of which there may be [`MOST_FDS`]. Sleeps until
/// there is room only if it `may_sleep`, and perhaps not even then.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    head: &[u8],
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    may_sleep: bool,
) -> io::Result<Sent> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = match fds {
        [] => SendAncillaryBuffer::default(),
        _ => SendAncillaryBuffer::new(&mut space),
    };
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(head), IoSlice::new(bytes)];
    // A broken pipe is a result here, not a signal.
    let mut flags = SendFlags::NOSIGNAL;
    flags.set(SendFlags::DONTWAIT, !may_sleep);
    crash::point();
    loop {
        match sendmsg(fd, &parts, &mut control, flags) {
            Ok(_) => return Ok(Sent::Whole),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(Sent::Full),
            // Reset: the other end went, and left unread what we sent before.
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => return Ok(Sent::Gone),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Receives a packet into `head` and then `bytes`, its descriptors behind `fds`; a child does not
/// inherit them. Sleeps until there is one only if it `may_sleep`, and perhaps not even then.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    head: &mut [u8],
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    may_sleep: bool,
) -> io::Result<Came> {
    let mut flags = RecvFlags::CMSG_CLOEXEC;
    flags.set(RecvFlags::DONTWAIT, !may_sleep);
    loop {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FDS))];
        // Whatever is not taken out of it is closed.
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(head), IoSliceMut::new(bytes)];
        let came = match recvmsg(fd, &mut parts, &mut control, flags) {
            Ok(came) => came,
            // Reset: the other end went, and left unread what we sent. The kernel says that once,
            // before it gives what is still there.
            Err(Errno::INTR | Errno::CONNRESET) => continue,
            Err(Errno::AGAIN) => return Ok(Came::Nothing),
            Err(Errno::NOTCONN) => return Ok(Came::End),
            Err(e) => return Err(e.into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(those) = message {
                fds.extend(those);
            }
        }
        return Ok(match came.bytes {
            0 => Came::End,
            len => Came::Packet {
                len,
                is_cut: came.flags.contains(ReturnFlags::TRUNC),
                fds_are_cut: came.flags.contains(ReturnFlags::CTRUNC),
            },
        });
    }
}

/// Bytes of the packet that is next, once there is one; 0 at the end.
pub(crate) fn next_len(fd: BorrowedFd<'_>) -> io::Result<usize> {
    loop {
        match recv(fd, &mut [0; 1], RecvFlags::PEEK | RecvFlags::TRUNC) {
            // As in `receive`.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            Err(Errno::NOTCONN) => return Ok(0),
            next => return Ok(next?.1),
        }
    }
}

/// Ends directions of a connection for all who have it: what was sent is still received.
pub(crate) fn shut(fd: BorrowedFd<'_>, to_send: bool, to_receive: bool) -> io::Result<()> {
    let how = match (to_send, to_receive) {
        (true, true) => Shutdown::Both,
        (true, false) => Shutdown::Write,
        (false, true) => Shutdown::Read,
        (false, false) => return Ok(()),
    };
    crash::point();
    match rustix::net::shutdown(fd, how) {
        // It is gone already.
        Ok(()) | Err(Errno::NOTCONN) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// The error where this process has no number free for a descriptor.
pub(crate) fn no_number_left() -> io::Error {
    Errno::MFILE.into()
}

/// Whether a packet was refused because too many descriptors are under way already.
pub(crate) fn is_refused_for_fds(refused: &io::Error) -> bool {
    refused.raw_os_error() == Some(Errno::TOOMANYREFS.raw_os_error())
}
