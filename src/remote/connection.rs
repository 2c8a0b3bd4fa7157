//! [`Connection`]: one end of a connection, in both directions.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::queue::patience::Patience;

use super::client;
use super::inlet::Inlet;
use super::line::Line;
use super::outlet::Outlet;
use super::{Address, AuthKey, Receiver, RecvError, SendError, Sender};

/// One end of a connection: it sends `S`, and receives `R`; made by [`Connection::connect`] or
/// [`Listener::accept`](super::Listener::accept), after both sides have proved that they have the
/// key.
///
/// Its messages are those of a [`pipe`](crate::queue::pipe), in the format of postcard, and may be of any
/// length up to a bound, [`Receiver::set_max_message`]. A connection is this process's, and may move
/// between threads: a child forked from it gets [`ErrorKind::NotOwner`](crate::ErrorKind::NotOwner).
///
/// # If a process dies
///
/// The one at the other end: what it had sent is received whole, then comes
/// [`RecvError::Disconnected`]; of a message that it had not finished nothing is received. Over TCP
/// what was sent can be lost if the one that died had not received everything. The
/// kernel tells of a death at once; of a machine or a network that is gone, over TCP, within a minute. Our own: a
/// message that was not received is lost.
#[doc(alias = "Client")]
pub struct Connection<S, R = S> {
    sender: Sender<S>,
    receiver: Receiver<R>,
}

impl<S, R> Connection<S, R> {
    pub(super) fn over(line: Line) -> Result<Self> {
        let (outlet, inlet) = (Outlet::new(line.clone())?, Inlet::new(line));
        Ok(Self {
            sender: Sender {
                outlet,
                of: PhantomData,
            },
            receiver: Receiver {
                inlet,
                of: PhantomData,
            },
        })
    }

    /// Connects to a [`Listener`](super::Listener) that has the same key.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel until the listener accepts or refuses, as long as that takes.
    ///
    /// # If a process dies
    ///
    /// The listener's: an error at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where nobody listens,
    /// [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized) where the keys differ,
    /// [`ErrorKind::WrongVersion`](crate::ErrorKind::WrongVersion) where something else listens,
    /// [`ErrorKind::Disconnected`](crate::ErrorKind::Disconnected) where the listener goes or has
    /// no patience, [`ErrorKind::Os`](crate::ErrorKind::Os).
    pub fn connect(address: impl Into<Address>, key: &AuthKey) -> Result<Self> {
        Self::connect_until(&address.into(), key, Patience::Ever)
    }

    /// As [`Connection::connect`], but sleeps no longer than `limit`. To find the number of a host
    /// by its name takes as long as the system needs.
    ///
    /// # Blocking
    ///
    /// As [`Connection::connect`].
    ///
    /// # If a process dies
    ///
    /// As [`Connection::connect`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) after `limit`; otherwise as
    /// [`Connection::connect`].
    pub fn connect_timeout(
        address: impl Into<Address>,
        key: &AuthKey,
        limit: Duration,
    ) -> Result<Self> {
        Self::connect_until(&address.into(), key, Patience::For(limit))
    }

    /// As [`Connection::connect_timeout`], but sleeps not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Connection::connect`].
    ///
    /// # If a process dies
    ///
    /// As [`Connection::connect`].
    ///
    /// # Errors
    ///
    /// As [`Connection::connect_timeout`].
    pub fn connect_deadline(
        address: impl Into<Address>,
        key: &AuthKey,
        instant: Instant,
    ) -> Result<Self> {
        Self::connect_until(&address.into(), key, Patience::Until(instant))
    }

    fn connect_until(address: &Address, key: &AuthKey, patience: Patience) -> Result<Self> {
        Self::over(client::connect(address, key, patience)?)
    }

    /// Who is at the other end of a TCP connection; `None` over a Unix socket.
    #[must_use]
    #[doc(alias = "last_accepted")]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.receiver.inlet.line.peer()
    }

    /// The halves, each for itself: a direction is closed when its half is dropped.
    #[must_use]
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        (self.sender, self.receiver)
    }

    /// The half that sends.
    pub fn sender(&mut self) -> &mut Sender<S> {
        &mut self.sender
    }

    /// The half that receives.
    pub fn receiver(&mut self) -> &mut Receiver<R> {
        &mut self.receiver
    }

    /// As [`Sender::send_bytes`]; its other forms are those of [`Connection::sender`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.sender.send_bytes(bytes)
    }

    /// As [`Receiver::recv_bytes`]; its other forms are those of [`Connection::receiver`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.receiver.recv_bytes()
    }

    /// As [`Receiver::poll`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll(&mut self) -> Result<bool> {
        self.receiver.poll()
    }

    /// As [`Receiver::poll_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// As there.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_timeout(&mut self, limit: Duration) -> Result<bool> {
        self.receiver.poll_timeout(limit)
    }

    /// As [`Receiver::poll_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// As there.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_deadline(&mut self, instant: Instant) -> Result<bool> {
        self.receiver.poll_deadline(instant)
    }

    /// Closes both directions for ever: the other end gets what was sent, and is then told. Closing
    /// again changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Sender::close`].
    pub fn close(&mut self) -> Result<()> {
        self.sender.close()?;
        self.receiver.close()
    }
}

impl<S: Serialize, R> Connection<S, R> {
    /// As [`Sender::send`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send(&mut self, message: &S) -> Result<(), SendError> {
        self.sender.send(message)
    }

    /// As [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_send(&mut self, message: &S) -> Result<(), SendError> {
        self.sender.try_send(message)
    }

    /// As [`Sender::send_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_timeout(&mut self, message: &S, limit: Duration) -> Result<(), SendError> {
        self.sender.send_timeout(message, limit)
    }

    /// As [`Sender::send_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_deadline(&mut self, message: &S, instant: Instant) -> Result<(), SendError> {
        self.sender.send_deadline(message, instant)
    }
}

impl<S, R: DeserializeOwned> Connection<S, R> {
    /// As [`Receiver::recv`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv(&mut self) -> Result<R, RecvError> {
        self.receiver.recv()
    }

    /// As [`Receiver::try_recv`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_recv(&mut self) -> Result<R, RecvError> {
        self.receiver.try_recv()
    }

    /// As [`Receiver::recv_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<R, RecvError> {
        self.receiver.recv_timeout(limit)
    }

    /// As [`Receiver::recv_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_deadline(&mut self, instant: Instant) -> Result<R, RecvError> {
        self.receiver.recv_deadline(instant)
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("line", &self.receiver.inlet.line)
            .finish_non_exhaustive()
    }
}
