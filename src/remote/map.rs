//! [`RemoteMap`]: a map of another process, behind a connection.

mod service;

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

pub(super) use service::Service;

use super::link::{Link, failed, nonsense};

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
enum Ask<K, V> {
    Get(K),
    Insert(K, V),
    Remove(K),
    Exchange {
        key: K,
        current: Option<V>,
        new: Option<V>,
    },
    Len,
    Keys,
    All,
    Clear,
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer<K, V> {
    Done,
    Is(Option<V>),
    Len(u64),
    Keys(Vec<K>),
    All(Vec<(K, V)>),
    Failed(String),
}

/// A map that a [`Server`](super::Server) serves; made by [`Remote::map`](super::Remote::map).
///
/// Each call is done at the server under the lock of the map, as a whole. It has a connection of its
/// own, for one call at a time.
///
/// # If a process dies
///
/// The server's: the map is gone, and every call is an error. Its own: nobody notices; what it had
/// asked for is done.
#[derive(Debug)]
#[doc(alias = "DictProxy")]
pub struct RemoteMap<K, V> {
    link: Link,
    of: PhantomData<fn(K) -> V>,
}

impl<K, V> RemoteMap<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    pub(super) fn over(link: Link) -> Self {
        Self {
            link,
            of: PhantomData,
        }
    }

    /// What `key` has, if it is there.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disconnected`] or [`ErrorKind::TimedOut`] where the connection is lost:
    /// see [`Remote`](super::Remote). [`ErrorKind::Broken`] where the server cannot do it.
    #[doc(alias = "getitem")]
    pub fn get(&mut self, key: &K) -> Result<Option<V>> {
        self.ask_for_one(&Ask::Get(key))
    }

    /// Gives `value` to `key`; returns what it had.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    #[doc(alias = "setitem")]
    pub fn insert(&mut self, key: &K, value: &V) -> Result<Option<V>> {
        self.ask_for_one(&Ask::Insert(key, value))
    }

    /// Removes `key`; returns what it had.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    #[doc(alias = "pop")]
    pub fn remove(&mut self, key: &K) -> Result<Option<V>> {
        self.ask_for_one(&Ask::Remove(key))
    }

    /// Gives `new` to `key` if it has `current`, where `None` is a key that is not there; otherwise
    /// the inner error is what it has.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    #[doc(alias = "setdefault")]
    pub fn compare_exchange(
        &mut self,
        key: &K,
        current: Option<&V>,
        new: Option<&V>,
    ) -> Result<Result<(), Option<V>>> {
        match self.ask(&Ask::Exchange { key, current, new })? {
            Answer::Done => Ok(Ok(())),
            Answer::Is(value) => Ok(Err(value)),
            other => Err(unexpected(other)),
        }
    }

    /// Gives to `key` what `change` makes of what it has, where `None` is a key that is not there;
    /// returns that. `change` is called again where somebody else changed it meanwhile.
    ///
    /// # Blocking
    ///
    /// Until the server has answered twice, or more often where others change what `key` has.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`]. In the middle of this: it is changed or not, never in part.
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`]; [`ErrorKind::InvalidInput`] where the value does not equal itself, as
    /// a NaN, and so never could be exchanged.
    pub fn update(
        &mut self,
        key: &K,
        mut change: impl FnMut(Option<&V>) -> Option<V>,
    ) -> Result<Option<V>>
    where
        V: PartialEq,
    {
        let mut seen = self.get(key)?;
        loop {
            let same = &seen;
            if *same != seen {
                return Err(Error::new(ErrorKind::InvalidInput, "update a remote map")
                    .advise("the value does not equal itself; insert it"));
            }
            let new = change(seen.as_ref());
            match self.compare_exchange(key, seen.as_ref(), new.as_ref())? {
                Ok(()) => return Ok(new),
                Err(now) => seen = now,
            }
        }
    }

    /// How many keys it has. It may change at once.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    pub fn len(&mut self) -> Result<usize> {
        match self.ask(&Ask::Len)? {
            Answer::Len(len) => Ok(usize::try_from(len).unwrap_or(usize::MAX)),
            other => Err(unexpected(other)),
        }
    }

    /// Whether it has no keys. It may change at once.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    pub fn is_empty(&mut self) -> Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// All its keys, of one moment, in no order.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    pub fn keys(&mut self) -> Result<Vec<K>> {
        match self.ask(&Ask::Keys)? {
            Answer::Keys(keys) => Ok(keys),
            other => Err(unexpected(other)),
        }
    }

    /// All of it, of one moment.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    #[doc(alias = "items")]
    #[doc(alias = "copy")]
    pub fn snapshot(&mut self) -> Result<HashMap<K, V>> {
        match self.ask(&Ask::All)? {
            Answer::All(all) => Ok(all.into_iter().collect()),
            other => Err(unexpected(other)),
        }
    }

    /// Removes all keys.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteMap`].
    ///
    /// # Errors
    ///
    /// As [`RemoteMap::get`].
    pub fn clear(&mut self) -> Result<()> {
        match self.ask(&Ask::Clear)? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&mut self, ask: &Ask<&K, &V>) -> Result<Answer<K, V>> {
        self.link.ask(ask, Some(Duration::ZERO))
    }

    fn ask_for_one(&mut self, ask: &Ask<&K, &V>) -> Result<Option<V>> {
        match self.ask(ask)? {
            Answer::Is(value) => Ok(value),
            other => Err(unexpected(other)),
        }
    }
}

fn unexpected<K, V>(answer: Answer<K, V>) -> Error {
    match answer {
        Answer::Failed(why) => failed(why),
        _ => nonsense(),
    }
}
