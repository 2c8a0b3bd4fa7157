//! A process that this one has started, whatever its function returns.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::segment::baggage::Baggage;
use crate::sys::clock::Deadline;
use crate::sys::family::Signal;
use crate::sys::pidfd;
use crate::sys::readiness::{self, Ready};

use super::exit::Exit;
use super::message::Report;
use super::panicked::Panicked;
use super::{children, letter};

/// A process that this one has started: all that can be asked of it without its result.
///
/// A cheap handle; [`Process`](super::Process) dereferences to it.
///
/// # If a process dies
///
/// This one: [`Child::exit`] says how. Its server: [`Exit::Unknown`].
#[derive(Clone)]
pub struct Child(Arc<Inner>);

struct Inner {
    name: String,
    pid: u32,
    /// The process that started it, which alone hears of it: a forked child has but a copy.
    owner: u32,
    reaper: Reaper,
    process: OwnedFd,
    is_daemon: bool,
    /// On which it reports, and at last its server.
    line: OwnedFd,
    /// Known to all as soon as one of those who wait has heard it.
    exit: OnceLock<Exit>,
    heard: Mutex<Heard>,
}

/// Whose child a process is to the kernel, and so who tells how it ended.
#[derive(Debug)]
pub(super) enum Reaper {
    /// The server, by its descriptor.
    Server(Arc<OwnedFd>),
    /// The process that started it, itself.
    Owner,
}

/// What a child is made of.
pub(super) struct Parts {
    pub(super) reaper: Reaper,
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) process: OwnedFd,
    pub(super) is_daemon: bool,
    pub(super) line: OwnedFd,
    pub(super) baggage: Baggage,
}

/// What the process and its server have said.
struct Heard {
    outcome: Option<Outcome>,
    /// Held as long as the process may look for it.
    baggage: Baggage,
}

/// What became of the function.
pub(super) enum Outcome {
    /// The bytes of its result, and the descriptors in it.
    Returned(Vec<u8>, Vec<OwnedFd>),
    Panicked(Panicked),
    Failed(String),
    Taken,
}

impl Child {
    /// Enters a process that has been started.
    pub(super) fn enter(parts: Parts) -> Self {
        let child = Self(Arc::new(Inner {
            name: parts.name,
            pid: parts.pid,
            owner: std::process::id(),
            reaper: parts.reaper,
            process: parts.process,
            is_daemon: parts.is_daemon,
            line: parts.line,
            exit: OnceLock::new(),
            heard: Mutex::new(Heard {
                outcome: None,
                baggage: parts.baggage,
            }),
        }));
        children::enter(child.clone());
        child
    }

    /// Whether both are handles of the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it was started as a daemon.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.0.is_daemon
    }

    /// Whether it runs. It may change at once, once.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match self.wait_timeout(Duration::ZERO) {
            Ok(exit) => exit.is_none(),
            // As far as the kernel tells.
            Err(_) => readiness::is_ready(self).is_ok_and(|has_ended| !has_ended),
        }
    }

    /// How it ended; `None` while it runs, and for whoever cannot [wait](Child::wait) for it.
    #[doc(alias = "exitcode")]
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.wait_timeout(Duration::ZERO).ok().flatten()
    }

    /// Waits until it has ended; any number of times, by any number of threads.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// That is what is waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) where the system cannot wait,
    /// [`ErrorKind::NotOwner`] in a forked child of the process that started it.
    pub fn wait(&self) -> Result<Exit> {
        let exit = self.wait_until(Deadline::NEVER)?;
        Ok(exit.unwrap_or(Exit::Unknown))
    }

    /// As [`Child::wait`], but no longer than `limit`; `None` where it still runs.
    ///
    /// # Blocking
    ///
    /// As [`Child::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`Child::wait`].
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    pub fn wait_timeout(&self, limit: Duration) -> Result<Option<Exit>> {
        self.wait_until(Deadline::after(limit))
    }

    /// As [`Child::wait`], but not beyond `instant`; `None` where it still runs.
    ///
    /// # Blocking
    ///
    /// As [`Child::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`Child::wait`].
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    pub fn wait_deadline(&self, instant: Instant) -> Result<Option<Exit>> {
        self.wait_until(Deadline::at(instant))
    }

    pub(super) fn wait_until(&self, deadline: Deadline) -> Result<Option<Exit>> {
        if let Some(exit) = self.0.exit.get() {
            return Ok(Some(*exit));
        }
        if self.0.owner != std::process::id() {
            let refused = Error::new(ErrorKind::NotOwner, format!("wait for {self}"));
            return Err(refused.advise("it is another process's child: that one can wait for it"));
        }
        let turn = match deadline.left() {
            None => Some(self.0.heard.lock()),
            Some(left) => self.0.heard.try_lock_for(left),
        };
        // Another thread that waits has not heard of its end.
        let Some(mut heard) = turn else {
            return Ok(None);
        };
        self.listen(&mut heard, deadline)
            .map_err(|e| Error::os(e, format!("wait for {self}")))
    }

    fn listen(&self, heard: &mut Heard, deadline: Deadline) -> std::io::Result<Option<Exit>> {
        // Another thread may have, before it was this one's turn.
        if let Some(exit) = self.0.exit.get() {
            return Ok(Some(*exit));
        }
        // Its end first: who is woken by its report takes a processor from it.
        if !readiness::wait(self.as_fd(), Ready::ToReceive, deadline)? {
            return Ok(None);
        }
        let line = self.0.line.as_fd();
        let exit = loop {
            // What it said is there by now; what a server says comes, as long as that lives. The end
            // of the line does not say so: what the process has forked may have that line too.
            let is_said = match &self.0.reaper {
                Reaper::Owner => readiness::is_ready(line)?,
                Reaper::Server(server) => {
                    // The line last: where the server is seen dead, all that it said is there.
                    let ready = readiness::which(&[server.as_fd(), line], deadline)?;
                    if ready.is_empty() {
                        return Ok(None);
                    }
                    ready.contains(&1)
                }
            };
            if !is_said {
                break self.exit_by_kernel();
            }
            let Some(letter) = letter::receive(&self.0.line)? else {
                // The server was killed and cannot tell any more, or there is none.
                break self.exit_by_kernel();
            };
            match letter.message {
                Report::Returned => {
                    heard.outcome = Some(Outcome::Returned(letter.body, letter.fds));
                }
                Report::Panicked(panicked) => heard.outcome = Some(Outcome::Panicked(panicked)),
                Report::Failed(why) => heard.outcome = Some(Outcome::Failed(why)),
                Report::Ended(exit) => break exit,
            }
        };
        heard.baggage = Baggage::default();
        let exit = *self.0.exit.get_or_init(|| exit);
        children::forget(self);
        Ok(Some(exit))
    }

    /// How a process ended of which no server tells, or can tell any more.
    fn exit_by_kernel(&self) -> Exit {
        if matches!(self.0.reaper, Reaper::Owner)
            && let Some(status) = pidfd::reap(&self.0.process)
        {
            return Exit::from_raw(status);
        }
        // Whoever has inherited it reaps it at once, or never.
        let asked = (0..20).find_map(|_| {
            let status = pidfd::wait_status(&self.0.process);
            if status.is_none() {
                readiness::rest(Duration::from_millis(1));
            }
            status
        });
        asked.map_or(Exit::Unknown, Exit::from_raw)
    }

    /// For the thread that watches, which knows that the kernel says so.
    pub(super) fn has_ended_within(&self, limit: Duration) -> bool {
        match self.wait_timeout(limit) {
            Ok(exit) => exit.is_some(),
            Err(_) => {
                // It asks again, but not without rest.
                readiness::rest(limit);
                false
            }
        }
    }

    /// What became of the function, once; `None` where the process ended before it did.
    pub(super) fn take_outcome(&self) -> Option<Outcome> {
        let mut heard = self.0.heard.lock();
        let outcome = heard.outcome.as_mut()?;
        Some(std::mem::replace(outcome, Outcome::Taken))
    }

    /// Asks it to end: SIGTERM. Nothing where it has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) where the system does not permit it.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Ends it at once: SIGKILL. Nothing where it has ended.
    ///
    /// # Errors
    ///
    /// As [`Child::terminate`].
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// Interrupts it, as Ctrl-C would: SIGINT. Nothing where it has ended.
    ///
    /// # Errors
    ///
    /// As [`Child::terminate`].
    pub fn interrupt(&self) -> Result<()> {
        self.signal(Signal::INT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        pidfd::signal(&self.0.process, signal)
            .map(drop)
            .map_err(|e| Error::os(e, format!("signal {self}")))
    }
}

/// The process, by a descriptor to poll: readable when it has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.process.as_fd()
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process `{}` ({})", self.0.name, self.0.pid)
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("exit", &self.exit())
            .field("is_daemon", &self.is_daemon())
            .finish_non_exhaustive()
    }
}
