//! Packets with descriptors, over a pair of Unix sockets: each arrives whole or not at all, in order,
//! and the end of the last process that has the other side is the end of file.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg,
    sendmsg, socketpair,
};

/// Most bytes of a packet: well below what a socket's buffer holds by default.
pub(crate) const MOST_BYTES: usize = 64 << 10;

/// Most descriptors of a packet: what the kernel takes.
pub(crate) const MOST_FDS: usize = 253;

/// Two ends; what goes into the one comes out of the other.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Whether `fd` is an end of such a pair.
pub(crate) fn is_end(fd: BorrowedFd<'_>) -> bool {
    rustix::net::sockopt::socket_type(fd) == Ok(SocketType::SEQPACKET)
        && rustix::net::sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
}

/// Sends one packet, and waits while the other end has taken too few of those before.
pub(crate) fn send(to: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} descriptors in one message, of {MOST_FDS}", fds.len()),
        ));
    }
    let bytes = [IoSlice::new(bytes)];
    loop {
        match sendmsg(&to, &bytes, &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// A packet that came.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// Takes one packet, and waits for it; `None` at the end of file.
pub(crate) fn receive(from: impl AsFd) -> io::Result<Option<Packet>> {
    // How long it is, without taking it.
    let len = loop {
        match recv(&from, &mut [0; 1], RecvFlags::PEEK | RecvFlags::TRUNC) {
            Err(Errno::INTR | Errno::CONNRESET) => {}
            peeked => break peeked?.1,
        }
    };
    let mut bytes = vec![0; len.min(MOST_BYTES)];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let received = loop {
        let mut into = [IoSliceMut::new(&mut bytes)];
        match recvmsg(&from, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC) {
            // Reset: the other end went, and left unread what was sent to it. The kernel says so once,
            // before it gives what is still there.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            received => break received?,
        }
    };
    let fds: Vec<_> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other(
            "too few free descriptors to receive with: raise the limit of open files \
             (RLIMIT_NOFILE), or close some",
        ));
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.truncate(received.bytes);
    // None of ours is empty.
    Ok((received.bytes > 0).then_some(Packet { bytes, fds }))
}
