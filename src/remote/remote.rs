//! [`Remote`]: a server, as its clients know it.

use std::hash::Hash;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::queue::patience::Patience;

use super::link::{Link, nonsense};
use super::service::{Grant, Kind, Subject, Wish};
use super::{Address, AuthKey, RemoteMap, RemoteQueue, RemoteValue, client};

/// A [`Server`](super::Server) of another process, perhaps on another machine.
///
/// What it serves is opened by name and type. Each [`RemoteQueue`], [`RemoteValue`] and
/// [`RemoteMap`] has a connection of its own, for one call at a time; open another for another thread.
/// The path of the type is compared with the server's, not what lies behind it: both programs must
/// have the same type under one path, from a crate that they share.
///
/// # If a process dies
///
/// The server's, or the network between: the call that is under way and all later ones are errors,
/// [`ErrorKind::Disconnected`](crate::ErrorKind::Disconnected). What the first of them asked for may
/// be done or not: no call is ever made twice. Open the object anew to go on.
///
/// # Examples
///
/// See [`Server`](super::Server).
#[derive(Debug, Clone)]
#[doc(alias = "BaseManager")]
pub struct Remote {
    address: Address,
    key: AuthKey,
    patience: Duration,
}

impl Remote {
    /// A server that has the same key.
    ///
    /// # Blocking
    ///
    /// Until the server answers, 30 s at the most.
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect_timeout`](super::Connection::connect_timeout);
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) where the server has as many clients as it takes.
    pub fn connect(address: impl Into<Address>, key: &AuthKey) -> Result<Self> {
        Self::connect_timeout(address, key, Duration::from_secs(30))
    }

    /// As [`Remote::connect`]; `limit` is also how long the server may take for each later call,
    /// beside what the call itself waits for. After that it counts as lost.
    ///
    /// # Blocking
    ///
    /// Until the server answers, `limit` at the most for each of the two steps.
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// As [`Remote::connect`].
    pub fn connect_timeout(
        address: impl Into<Address>,
        key: &AuthKey,
        limit: Duration,
    ) -> Result<Self> {
        let remote = Self {
            address: address.into(),
            key: key.clone(),
            patience: limit,
        };
        remote.names()?;
        Ok(remote)
    }

    /// The names of all that the server has, in order.
    ///
    /// # Blocking
    ///
    /// As [`Remote::connect_timeout`].
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// As [`Remote::connect`].
    pub fn names(&self) -> Result<Vec<String>> {
        match Link::open(self.line()?, self.patience, &Wish::Names)? {
            (_, Grant::Names(names)) => Ok(names),
            _ => Err(nonsense()),
        }
    }

    /// Opens a queue.
    ///
    /// # Blocking
    ///
    /// As [`Remote::connect_timeout`].
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where the server has nothing of that name,
    /// [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) where it is no queue of this type;
    /// otherwise as [`Remote::connect`].
    pub fn queue<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<RemoteQueue<T>> {
        let subject = Subject::of::<T>(Kind::Queue);
        self.link(name, subject).map(RemoteQueue::over)
    }

    /// Opens a value.
    ///
    /// # Blocking
    ///
    /// As [`Remote::connect_timeout`].
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// As [`Remote::queue`].
    pub fn value<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<RemoteValue<T>> {
        let subject = Subject::of::<T>(Kind::Value);
        self.link(name, subject).map(RemoteValue::over)
    }

    /// Opens a map.
    ///
    /// # Blocking
    ///
    /// As [`Remote::connect_timeout`].
    ///
    /// # If a process dies
    ///
    /// The server's: an error at once.
    ///
    /// # Errors
    ///
    /// As [`Remote::queue`].
    pub fn map<K, V>(&self, name: &str) -> Result<RemoteMap<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        let subject = Subject::of::<(K, V)>(Kind::Map);
        self.link(name, subject).map(RemoteMap::over)
    }

    fn link(&self, name: &str, subject: Subject) -> Result<Link> {
        Link::of(self.line()?, self.patience, name, subject)
    }

    fn line(&self) -> Result<super::line::Line> {
        client::connect(&self.address, &self.key, Patience::For(self.patience))
    }
}
