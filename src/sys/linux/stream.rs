//! Connected sockets that carry bytes in order: TCP, and Unix sockets of that kind.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send as give, socket_with,
};

use crate::sys::clock::Deadline;
use crate::sys::crash;

/// What became of bytes that were to be sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many of them, not 0, have moved.
    Bytes(usize),
    /// There is no room, or there are none, now.
    Blocked,
    /// The other end is gone.
    Gone,
}

/// What a connection says whose other end went, or can no longer be reached.
const GONE: [Errno; 6] = [
    Errno::PIPE,
    Errno::CONNRESET,
    Errno::NOTCONN,
    Errno::TIMEDOUT,
    Errno::HOSTUNREACH,
    Errno::NETUNREACH,
];

/// Sends what there is room for.
pub(crate) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Moved> {
    // A broken pipe is a result here, not a signal.
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    crash::point();
    loop {
        match give(fd, bytes, flags) {
            Ok(count) => return Ok(Moved::Bytes(count)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(Moved::Blocked),
            Err(e) if GONE.contains(&e) => return Ok(Moved::Gone),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Receives what is there, of which `bytes`, not none, has room.
pub(crate) fn receive(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<Moved> {
    take(fd, bytes, RecvFlags::DONTWAIT)
}

/// Whether the other end is gone, or will send no more, and all that it sent has been received.
pub(crate) fn is_gone(fd: BorrowedFd<'_>) -> bool {
    let seen = take(fd, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK);
    !matches!(seen, Ok(Moved::Bytes(_) | Moved::Blocked))
}

fn take(fd: BorrowedFd<'_>, bytes: &mut [u8], flags: RecvFlags) -> io::Result<Moved> {
    let mut was_gone = false;
    loop {
        match recv(fd, &mut *bytes, flags) {
            Ok((_, 0)) => return Ok(Moved::Gone),
            Ok((_, count)) => return Ok(Moved::Bytes(count)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(Moved::Blocked),
            // The kernel says that once, before it gives what is still there.
            Err(e) if GONE.contains(&e) && !was_gone => was_gone = true,
            Err(e) if GONE.contains(&e) => return Ok(Moved::Gone),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Connects to a Unix socket; [`io::ErrorKind::WouldBlock`] where nobody has taken the connection
/// when the time has come.
pub(crate) fn connect_unix(to: &SocketAddr, deadline: Deadline) -> io::Result<OwnedFd> {
    let address = match (to.as_pathname(), to.as_abstract_name()) {
        (Some(path), _) => SocketAddrUnix::new(path)?,
        (_, Some(name)) => SocketAddrUnix::new_abstract_name(name)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let flags = SocketFlags::CLOEXEC;
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        let left = deadline
            .left()
            .map(|left| left.max(Duration::from_millis(1)));
        // The limit of sending is that of connecting too.
        sockopt::set_socket_timeout(&fd, Timeout::Send, left)?;
        match connect(&fd, &address) {
            Err(Errno::INTR) => {}
            connected => {
                connected?;
                return Ok(fd);
            }
        }
    }
}

/// Sends each part of a message at once over TCP, and hears within a minute of a machine that is
/// gone without a word.
pub(crate) fn enliven(fd: BorrowedFd<'_>) -> io::Result<()> {
    const IDLE: Duration = Duration::from_secs(20);
    const BETWEEN: Duration = Duration::from_secs(5);
    const TIMES: u32 = 4;
    const UNHEARD_MILLIS: u32 = 40_000;
    sockopt::set_tcp_nodelay(fd, true)?;
    sockopt::set_tcp_keepidle(fd, IDLE)?;
    sockopt::set_tcp_keepintvl(fd, BETWEEN)?;
    sockopt::set_tcp_keepcnt(fd, TIMES)?;
    sockopt::set_tcp_user_timeout(fd, UNHEARD_MILLIS)?;
    Ok(sockopt::set_socket_keepalive(fd, true)?)
}

/// Whether no more descriptors can be had now, of this process or of the system.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    const EXHAUSTED: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let code = error.raw_os_error();
    EXHAUSTED.iter().any(|one| code == Some(one.raw_os_error()))
}

/// Fills `bytes` with random ones.
pub(crate) fn randomise(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Err(Errno::INTR) => {}
            count => filled += count?,
        }
    }
    Ok(())
}
