//! [`RemoteValue`]: a value of another process, behind a connection.

mod service;

use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

pub(super) use service::Service;

use super::link::{Link, failed, nonsense};

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
enum Ask<T> {
    Get,
    Set(T),
    Exchange { current: T, new: T },
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer<T> {
    Done,
    Is(T),
    Failed(String),
}

/// A value that a [`Server`](super::Server) serves; made by [`Remote::value`](super::Remote::value).
///
/// Each call is done at the server under the lock of the value, as a whole. It has a connection of
/// its own, for one call at a time.
///
/// # If a process dies
///
/// The server's: the value is gone, and every call is an error. Its own: nobody notices; what it
/// had asked for is done.
#[derive(Debug)]
#[doc(alias = "ValueProxy")]
#[doc(alias = "Namespace")]
pub struct RemoteValue<T> {
    link: Link,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> RemoteValue<T> {
    pub(super) fn over(link: Link) -> Self {
        Self {
            link,
            of: PhantomData,
        }
    }

    /// What it is now.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteValue`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disconnected`] or [`ErrorKind::TimedOut`] where the connection is lost:
    /// see [`Remote`](super::Remote). [`ErrorKind::Broken`] where the server cannot do it.
    pub fn get(&mut self) -> Result<T> {
        match self.ask(&Ask::Get)? {
            Answer::Is(value) => Ok(value),
            other => Err(unexpected(other)),
        }
    }

    /// Makes it `value`.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteValue`].
    ///
    /// # Errors
    ///
    /// As [`RemoteValue::get`].
    pub fn set(&mut self, value: &T) -> Result<()> {
        match self.ask(&Ask::Set(value))? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Makes it `new` if it equals `current`; otherwise the inner error is what it is.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteValue`].
    ///
    /// # Errors
    ///
    /// As [`RemoteValue::get`].
    pub fn compare_exchange(&mut self, current: &T, new: &T) -> Result<Result<(), T>> {
        match self.ask(&Ask::Exchange { current, new })? {
            Answer::Done => Ok(Ok(())),
            Answer::Is(value) => Ok(Err(value)),
            other @ Answer::Failed(_) => Err(unexpected(other)),
        }
    }

    /// Makes it what `change` makes of it, and returns that. `change` is called again where somebody
    /// else changed the value meanwhile.
    ///
    /// # Blocking
    ///
    /// Until the server has answered twice, or more often where others change the value.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteValue`]. In the middle of this: the value is changed or not, never in part.
    ///
    /// # Errors
    ///
    /// As [`RemoteValue::get`]; [`ErrorKind::InvalidInput`] where the value does not equal itself,
    /// as a NaN, and so never could be exchanged.
    pub fn update(&mut self, mut change: impl FnMut(&T) -> T) -> Result<T>
    where
        T: PartialEq,
    {
        let mut seen = self.get()?;
        loop {
            let same = &seen;
            if *same != seen {
                return Err(Error::new(ErrorKind::InvalidInput, "update a remote value")
                    .advise("it does not equal itself; set it"));
            }
            let new = change(&seen);
            match self.compare_exchange(&seen, &new)? {
                Ok(()) => return Ok(new),
                Err(now) => seen = now,
            }
        }
    }

    fn ask(&mut self, ask: &Ask<&T>) -> Result<Answer<T>> {
        self.link.ask(ask, Some(Duration::ZERO))
    }
}

fn unexpected<T>(answer: Answer<T>) -> Error {
    match answer {
        Answer::Failed(why) => failed(why),
        Answer::Done | Answer::Is(_) => nonsense(),
    }
}
