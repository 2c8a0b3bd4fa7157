//! Messages of any length and type, with descriptors in them, between two processes over a socket.
//!
//! The form of [`pipe`](super::pipe) for what shared memory cannot carry. [`pair`] makes two
//! [`Connection`]s, with the methods that those of a pipe have. A descriptor is part of a message as
//! an [`Fd`]: of a file, a `TcpStream`, an end of a pipe or of another socket, or of a whole
//! [`Segment`](crate::Segment), by which two processes come to share memory. A pipe is several times
//! faster for messages that carry none.
//!
//! # How an end comes to another process
//!
//! As a descriptor: a child gets it as its standard input, or any other that it inherits (ends are
//! closed when a child executes a program, unless they are passed on on purpose); a forked child has
//! it; others receive it as an [`Fd`] through another socket. The process that gave it away drops
//! its own copy: the end of file comes only when *nobody* has the other end any more.
//!
//! # What goes over the socket
//!
//! Packets, each a head and up to 60 KiB of a message, and up to 253 descriptors: the socket keeps
//! their borders (`SOCK_SEQPACKET`), so a packet is there or not. A message of several packets that is not
//! finished, because its sender died or ran out of time, is dropped by the receiver.
//!
//! The other end is not trusted. Whatever it sends, a receiver makes a message, an error or its
//! timeout of it, and uses no more memory than [`Receiver::set_max_message`] permits. But what is
//! sent as an [`Fd`] is as good as who sent it: a file can be cut short while it is mapped, to read
//! or to close it can block.
//!
//! # Waiting for several
//!
//! [`queue::wait`](super::wait()) sleeps on words in shared memory, which the kernel cannot watch at
//! the same time as descriptors, so an end of a socket is none of its `Waitable`s. It is a
//! descriptor ([`AsFd`](std::os::fd::AsFd)), which `poll`, `epoll` and every reactor can watch.
//!
//! # Examples
//!
//! A segment without a name goes to a child, which opens it:
//!
//! ```
//! use std::os::fd::OwnedFd;
//! use outlive::queue::socket::{Connection, Fd, pair};
//! use outlive::{Segment, Value};
//!
//! let (mut here, there) = pair::<(String, Fd<OwnedFd>), u64>()?;
//!
//! // To another process, as `Command::new(..).stdin(fd)`, say:
//! let fd = OwnedFd::try_from(there)?;
//! # let child = std::thread::spawn(move || {
//! let mut there: Connection<u64, (String, Fd<OwnedFd>)> = fd.into();
//! let (name, Fd(fd)) = there.recv()?;
//! let segment = Segment::from_fd(fd)?;
//! there.send(&Value::<u64>::open(&segment, &name)?.get()?)?;
//! # drop(there);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//!
//! let segment = Segment::anonymous()?;
//! let answer = Value::create(&segment, "answer", 42_u64)?;
//! here.send(&("answer".to_owned(), Fd(segment.try_clone_fd()?)))?;
//! assert_eq!(here.recv()?, answer.get()?);
//! # child.join().expect("no panic").expect("no error");
//!
//! // It went, or died.
//! assert!(here.recv().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrival;
mod connection;
mod end;
mod error;
pub(crate) mod fd;
pub(crate) mod inbox;
pub(crate) mod packet;
mod receiver;
mod recv_bytes;
mod sender;

pub use connection::Connection;
pub use error::{RecvError, SendError};
pub use fd::Fd;
pub use receiver::Receiver;
pub use sender::Sender;

use crate::error::{Error, Result};
use crate::sys::socket;

/// Most bytes of a message, where nobody says otherwise.
const MOST_BYTES: usize = 256 << 20;
/// Most descriptors of a message, where nobody says otherwise.
const MOST_DESCRIPTORS: usize = 1024;

/// Two ends of a socket: what one sends, the other receives. A child that executes another program
/// does not inherit them.
///
/// # Errors
///
/// [`ErrorKind::Os`](crate::ErrorKind::Os) where there is no number left for the two descriptors.
///
/// # Examples
///
/// ```
/// use outlive::queue::socket::pair;
///
/// let (mut here, mut there) = pair::<String, u64>()?;
/// here.send(&"How many?".to_owned())?;
/// assert_eq!(there.recv()?, "How many?");
/// there.send(&17)?;
/// assert_eq!(here.recv()?, 17);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pair<A, B>() -> Result<(Connection<A, B>, Connection<B, A>)> {
    let (here, there) = socket::pair().map_err(|e| {
        Error::os(e, "make a pair of sockets")
            .advise("close some descriptors, or raise their limit")
    })?;
    Ok((here.into(), there.into()))
}
