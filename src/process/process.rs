//! The handle of a process.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::socket::fd;
use crate::sys::clock::Deadline;

use super::builder::Builder;
use super::child::{Child, Outcome};
use super::error::JoinError;
use super::function;

/// A function that runs in a process of its own.
///
/// The process is forked from a small server, which is this program executed anew, and not from the
/// caller: threads, locks and memory of the caller are none of its business, and what the caller
/// has in memory costs nothing. So the function is a plain `fn`, or a closure that captures nothing;
/// all that it is to know travels as its argument, by serde, and its result comes back the same
/// way. Handles of this crate's objects travel too. Nothing has to be called in `main`.
///
/// The process ends with the one that started it, at the latest. Dropping the handle changes
/// nothing: it runs on, and is waited for when the caller's `main` returns, unless it is a
/// [daemon](Builder::daemon). What can be asked of it without its result, [`Child`] has.
///
/// # If a process dies
///
/// This one: [`Process::join`] says by which signal, and the objects that it held are as after any
/// death. The caller: the process is killed. The server: so are its processes, whose end is
/// [`Exit::Unknown`](super::Exit::Unknown) then, and the next start begins another.
///
/// # Examples
///
/// ```
/// use outlive::{Process, Value};
///
/// fn add(job: (Value<u64>, u64)) -> u64 {
///     let (total, amount) = job;
///     total.fetch_add(amount).unwrap()
/// }
///
/// let total = Value::new(1_u64)?;
/// let process = Process::spawn(add, (total.clone(), 41))?;
/// assert_eq!(process.join()?, 1);
/// assert_eq!(total.get()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Process<R> {
    child: Child,
    of: PhantomData<fn() -> R>,
}

impl<R: Serialize + DeserializeOwned> Process<R> {
    /// Starts a process that calls `function` with `argument`.
    ///
    /// # Blocking
    ///
    /// Until the process is there, not until it has begun.
    ///
    /// # If a process dies
    ///
    /// The fork server: another one does it. The new process: [`Process::join`] tells.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`].
    #[doc(alias = "start")]
    pub fn spawn<A>(function: fn(A) -> R, argument: A) -> Result<Self>
    where
        A: Serialize + DeserializeOwned,
    {
        Builder::new().spawn(function, argument)
    }
}

impl Process<()> {
    /// How a process is to be started.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<R> Process<R> {
    pub(super) fn of(child: Child) -> Self {
        Self {
            child,
            of: PhantomData,
        }
    }
}

impl<R: DeserializeOwned> Process<R> {
    /// Waits until it has ended, and takes the function's result.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// This one: [`JoinError::Ended`] with the signal.
    ///
    /// # Errors
    ///
    /// [`JoinError::Panicked`], [`JoinError::Ended`], [`JoinError::Failed`];
    /// [`JoinError::Taken`] after a successful [`Process::join_timeout`].
    pub fn join(mut self) -> Result<R, JoinError> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`Process::join`], but waits no longer than `limit`. After [`JoinError::TimedOut`] it can
    /// be asked again, after a result not.
    ///
    /// # Blocking
    ///
    /// As [`Process::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Process::join`].
    ///
    /// # Errors
    ///
    /// As [`Process::join`], and [`JoinError::TimedOut`].
    pub fn join_timeout(&mut self, limit: Duration) -> Result<R, JoinError> {
        self.join_until(Deadline::after(limit))
    }

    /// As [`Process::join_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Process::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Process::join`].
    ///
    /// # Errors
    ///
    /// As [`Process::join_timeout`].
    pub fn join_deadline(&mut self, instant: Instant) -> Result<R, JoinError> {
        self.join_until(Deadline::at(instant))
    }

    fn join_until(&mut self, deadline: Deadline) -> Result<R, JoinError> {
        let exit = self
            .child
            .wait_until(deadline)?
            .ok_or(JoinError::TimedOut)?;
        let outcome = self.child.take_outcome();
        match outcome {
            Some(Outcome::Returned(bytes, files)) => {
                let decode = || function::decode(&bytes, "a result");
                Ok(fd::hand_out(files, decode).0?)
            }
            Some(Outcome::Panicked(panicked)) => Err(JoinError::Panicked(panicked)),
            Some(Outcome::Failed(why)) => {
                let doing = format!("have {} call its function", self.child);
                Err(Error::new(ErrorKind::Uncalled, doing).advise(why).into())
            }
            Some(Outcome::Taken) => Err(JoinError::Taken),
            None => Err(JoinError::Ended {
                name: self.child.name().to_owned(),
                pid: self.child.pid(),
                exit,
            }),
        }
    }
}

impl<R> Deref for Process<R> {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Process").field(&self.child).finish()
    }
}
