//! [`Listener`]: connections for whoever has the key.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;

use super::address::Address;
use super::connection::Connection;
use super::door::Door;
use super::hall::Hall;
use super::key::AuthKey;

/// Listens at an address, and accepts whoever proves to have the key.
///
/// The handshakes of all who knock go on side by side, within [`Listener::accept`]: a client that is
/// silent or slow keeps nobody else waiting. There are 64 at a time at the most; one more, and the
/// oldest is dropped. So only a flood can be felt: of 64 others that knock before a client has answered
/// one question. Then that client gets [`ErrorKind::Disconnected`](crate::ErrorKind::Disconnected), and
/// may try again; [`Listener::set_handshakes`] lets more in. Each may take 10 s ([`Listener::set_handshake_limit`]). Whoever does not pass is
/// refused, counted ([`Listener::refused`]) and told to `log`; it is never an error of `accept`.
///
/// # If a process dies
///
/// Ours: clients get an error. The file of a Unix socket stays, and whoever listens there next
/// replaces it. A client: its connection ends.
///
/// # Examples
///
/// ```
/// use outlive::remote::{Address, AuthKey, Connection, Listener};
///
/// let key = AuthKey::random()?;
/// let mut listener = Listener::bind(("localhost", 0), &key)?;
///
/// // In another process, perhaps on another machine:
/// let address = listener.address().clone();
/// # let client = std::thread::spawn(move || {
/// let mut connection = Connection::<String, u64>::connect(address, &key)?;
/// connection.send(&"How many?".to_owned())?;
/// assert_eq!(connection.recv()?, 17);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # });
///
/// let mut connection = listener.accept::<u64, String>()?;
/// assert_eq!(connection.recv()?, "How many?");
/// connection.send(&17)?;
/// # client.join().expect("no panic").expect("no error");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Listener {
    door: Door,
    hall: Hall,
}

impl Listener {
    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where somebody listens there,
    /// or there is a file that is no socket; [`ErrorKind::Os`](crate::ErrorKind::Os) where the system
    /// refuses the address.
    pub fn bind(address: impl Into<Address>, key: &AuthKey) -> Result<Self> {
        Ok(Self {
            door: Door::open(&address.into())?,
            hall: Hall::new(key.clone()),
        })
    }

    /// Where it listens: with the port that it got, or the path of the private socket.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.door.address()
    }

    /// Waits for a client that proves to have the key.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// A client in the middle of its handshake: it is forgotten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) where the system has no descriptor left; clients wait
    /// until it has. [`ErrorKind::NotOwner`](crate::ErrorKind::NotOwner) in a child forked since.
    pub fn accept<S, R>(&mut self) -> Result<Connection<S, R>> {
        loop {
            if let Some(connection) = self.accept_until(Patience::Ever)? {
                return Ok(connection);
            }
        }
    }

    /// The connection of a client that has proved to have the key, if there is one now.
    ///
    /// A handshake goes on only within the calls of this and its other forms.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn try_accept<S, R>(&mut self) -> Result<Option<Connection<S, R>>> {
        self.accept_until(Patience::For(Duration::ZERO))
    }

    /// As [`Listener::accept`], but waits no longer than `limit`; then it is `None`.
    ///
    /// # Blocking
    ///
    /// As [`Listener::accept`].
    ///
    /// # If a process dies
    ///
    /// As [`Listener::accept`].
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn accept_timeout<S, R>(&mut self, limit: Duration) -> Result<Option<Connection<S, R>>> {
        self.accept_until(Patience::For(limit))
    }

    /// As [`Listener::accept_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Listener::accept`].
    ///
    /// # If a process dies
    ///
    /// As [`Listener::accept`].
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn accept_deadline<S, R>(&mut self, instant: Instant) -> Result<Option<Connection<S, R>>> {
        self.accept_until(Patience::Until(instant))
    }

    /// Clients that were refused, or did not come through their handshake in time.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.hall.refused
    }

    /// How long a handshake may take; 10 s if nobody says. It counts for those that begin later.
    pub fn set_handshake_limit(&mut self, limit: Duration) {
        self.hall.limit = limit;
    }

    /// How many handshakes may be under way; 64 if nobody says, 1 at least.
    pub fn set_handshakes(&mut self, most: usize) {
        self.hall.most = most.max(1);
    }

    fn accept_until<S, R>(&mut self, patience: Patience) -> Result<Option<Connection<S, R>>> {
        let deadline = patience.deadline().unwrap_or(Deadline::NEVER);
        let line = self.hall.next(&self.door, None, deadline)?;
        line.map(Connection::over).transpose()
    }

    pub(super) fn into_parts(self) -> (Door, Hall) {
        (self.door, self.hall)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", self.address())
            .finish_non_exhaustive()
    }
}
