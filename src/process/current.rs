//! Who this process is, and who started it.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{RwLock, RwLockWriteGuard};

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;
use crate::sys::readiness::{self, Ready};

use super::message::Life;

/// The calling process.
#[derive(Debug, Clone)]
pub struct Current(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    /// The counters of its line; empty for the main process.
    line: Vec<u32>,
    parent: Option<Parent>,
    is_daemon: bool,
    /// Processes that it has begun to start.
    started: AtomicU32,
}

/// The process that started the calling one.
#[derive(Debug)]
pub struct Parent {
    pid: u32,
    name: String,
    process: OwnedFd,
}

static WORKER: RwLock<Option<Current>> = RwLock::new(None);

/// The calling process: its name, and what it is.
///
/// # Examples
///
/// ```
/// use outlive::process;
///
/// assert_eq!(process::current().name(), "MainProcess");
/// assert!(process::current().parent().is_none());
/// ```
#[doc(alias = "current_process")]
#[must_use]
pub fn current() -> Current {
    if let Some(worker) = &*WORKER.read() {
        return worker.clone();
    }
    let mut worker = WORKER.write();
    worker
        .get_or_insert_with(|| {
            Current(Arc::new(Inner {
                name: "MainProcess".to_owned(),
                line: Vec::new(),
                parent: None,
                is_daemon: false,
                started: AtomicU32::new(0),
            }))
        })
        .clone()
}

/// As [`current`], without waiting for anybody: a forked child could wait in vain. `None` where it is
/// not known at once.
pub(super) fn try_current() -> Option<Current> {
    WORKER.try_read()?.clone()
}

/// Processors that this process may use, as its affinity and its control group have it; 1 at least.
#[doc(alias = "cpu_count")]
#[must_use]
pub fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What a process of this line is called if nobody says.
pub(super) fn name_of(line: &[u32]) -> String {
    let numbers: Vec<_> = line.iter().map(u32::to_string).collect();
    format!("Process-{}", numbers.join(":"))
}

/// Who this process is; to be held over a fork, and then told the child.
pub(super) fn place() -> RwLockWriteGuard<'static, Option<Current>> {
    WORKER.write()
}

/// Says that this process is the one that `life` describes.
pub(super) fn become_worker(life: Life, process: OwnedFd) {
    let (pid, name) = life.parent;
    let parent = Parent { pid, name, process };
    *WORKER.write() = Some(Current::of(life.name, life.line, parent, life.is_daemon));
}

impl Current {
    /// `MainProcess`, or as it was started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Whether it was started as a daemon.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.0.is_daemon
    }

    /// Who started it; `None` in the main process.
    #[doc(alias = "parent_process")]
    #[must_use]
    pub fn parent(&self) -> Option<&Parent> {
        self.0.parent.as_ref()
    }

    /// A child of this process, forked from it.
    pub(super) fn child(&self, name: String, line: Vec<u32>, process: OwnedFd) -> Self {
        let parent = Parent {
            pid: self.pid(),
            name: self.name().to_owned(),
            process,
        };
        Self::of(name, line, parent, self.is_daemon())
    }

    fn of(name: String, line: Vec<u32>, parent: Parent, is_daemon: bool) -> Self {
        Self(Arc::new(Inner {
            name,
            line,
            parent: Some(parent),
            is_daemon,
            started: AtomicU32::new(0),
        }))
    }

    /// The line of the next process that it starts.
    pub(super) fn next_line(&self) -> Vec<u32> {
        // Relaxed: only that no two have the same.
        let number = self.0.started.fetch_add(1, Ordering::Relaxed) + 1;
        let own = self.0.line.iter().copied();
        own.chain(std::iter::once(number)).collect()
    }
}

impl Parent {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it lives. It may change at once; and as a worker dies with its parent, few ever see
    /// that it has.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.wait(Deadline::after(Duration::ZERO))
            .is_ok_and(|ended| !ended)
    }

    /// Waits until it has ended. A worker hardly gets any further: it dies with it.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// The parent: that is what is waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) where the system cannot wait.
    pub fn join(&self) -> Result<()> {
        self.wait(Deadline::NEVER).map(drop)
    }

    /// As [`Parent::join`], but waits no longer than `limit`; says whether it has ended.
    ///
    /// # Blocking
    ///
    /// As [`Parent::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Parent::join`].
    ///
    /// # Errors
    ///
    /// As [`Parent::join`].
    pub fn join_timeout(&self, limit: Duration) -> Result<bool> {
        self.wait(Deadline::after(limit))
    }

    /// As [`Parent::join_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Parent::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Parent::join`].
    ///
    /// # Errors
    ///
    /// As [`Parent::join`].
    pub fn join_deadline(&self, instant: Instant) -> Result<bool> {
        self.wait(Deadline::at(instant))
    }

    pub(super) fn wait(&self, deadline: Deadline) -> Result<bool> {
        readiness::wait(self.process.as_fd(), Ready::ToReceive, deadline)
            .map_err(|e| Error::os(e, format!("wait for {self}")))
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process `{}` ({})", self.name, self.pid)
    }
}
