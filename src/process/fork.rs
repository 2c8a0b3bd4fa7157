//! Processes forked from the calling one itself, with all that it has in memory.

#![expect(unsafe_code, reason = "fork")]

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::queue::socket::fd;
use crate::sys::clock::Deadline;
use crate::sys::family::Fork;
use crate::sys::{family, pidfd, readiness, socket, thread};

use super::child::{Child, Parts, Reaper};
use super::current::{self, name_of};
use super::function::encode;
use super::panicked::{self, Aloud};
use super::process::Process;
use super::worker::{self, PANICKED};
use super::{children, closing};

/// Between two tries to wait for a parent, where the system cannot.
const PAUSE: Duration = Duration::from_millis(20);

impl<R: Serialize + DeserializeOwned> Process<R> {
    /// Forks the calling process, not its server: the child has a copy of all memory, and calls
    /// `closure`, which may capture anything. Its result comes back by serde.
    ///
    /// What the closure borrows stays the caller's, too; what it captures by value is dropped in the
    /// caller as soon as this returns. So let it borrow the handles and ends of pipes that the child is
    /// to use, and keep them until it has.
    ///
    /// The child has the name, the parent and the counters of any other [`Process`], a process group
    /// of its own, and no [children](super::active_children). It has copies of all descriptors and
    /// the standard streams. It leaves without the handlers of `atexit`, which are the caller's, but waits
    /// for processes of its own. A [`Pool`](crate::Pool) of the caller's does nothing there.
    ///
    /// A thread of the caller's waits for all that it has forked, and of a signal that they ended takes
    /// nothing away from others who wait for children. Where others take it all the same (`wait` for
    /// any child, SIGCHLD ignored) the end is [`Exit::Unknown`](super::Exit::Unknown) before Linux 6.15.
    ///
    /// # Safety
    ///
    /// Of the caller's threads the child has one: the calling one. If there are others, whatever they
    /// were at stays so for ever. A lock that one of them held is never free: of the C library, which
    /// has made sure of no more than its allocator, of std, of any crate, of the closure's own. Data
    /// that one of them was changing is half changed. So there is no other thread, or the closure
    /// touches nothing that another thread could have been using, and calls nothing in the C library
    /// that needs more than its allocator. Runtimes with threads (tokio, rayon) do not work in the child.
    /// What the child drops or sends to others must bear to exist twice: it is the caller's, too.
    ///
    /// # Blocking
    ///
    /// For as long as the system takes to copy the tables of the memory: 12 ms for each GiB. Until
    /// no other thread is writing to the standard output, which is flushed. For at most two
    /// seconds, until no other thread is opening a segment.
    ///
    /// # If a process dies
    ///
    /// The child: as any other [`Process`]. The caller: a thread of the child's kills it, which is not
    /// there any more where the closure executes another program. A child that is stopped goes on for
    /// that, and also when the thread ends that forked it; but not one that was stopped in its first
    /// microseconds, before it had asked the system for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) where the system can start no process.
    ///
    /// # Examples
    ///
    /// ```
    /// use outlive::Process;
    ///
    /// let words = vec!["so", "much", "that", "nobody", "wants", "to", "copy"];
    /// // SAFETY: the program has no other thread.
    /// let process = unsafe { Process::fork(|| words.iter().map(|word| word.len()).sum::<usize>()) }?;
    /// assert_eq!(process.join()?, 27);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn fork(closure: impl FnOnce() -> R) -> Result<Self> {
        let own = current::current();
        let line = own.next_line();
        let name = name_of(&line);
        let os = |e| Error::os(e, format!("fork process `{name}`"));
        let (line_here, end) = socket::pair().map_err(os)?;
        let parent = pidfd::open(family::own()).map_err(os)?;
        let is_daemon = own.is_daemon();
        let child = own.child(name.clone(), line, parent);
        closing::register();
        // Nobody else has them when the child begins, and what is not written is not written twice.
        let mut place = current::place();
        let mut output = io::stdout().lock();
        let _ = output.flush();
        // SAFETY: the caller's promise; the child never comes back from its branch.
        let forked = unsafe { family::fork() };
        if let Ok(Fork::Child) = forked {
            *place = Some(child);
            drop((place, output, line_here));
            live(closure, &end);
        }
        drop((place, output, child, end));
        let Fork::Parent(pid) = forked.map_err(os)? else {
            return Err(os(io::ErrorKind::Other.into()));
        };
        let process = pidfd::open(pid).map_err(|e| {
            family::kill(pid);
            family::reap(pid);
            os(e)
        })?;
        let child = Child::enter(Parts {
            reaper: Reaper::Owner,
            name,
            pid: family::number(pid),
            process,
            is_daemon,
            line: line_here,
            baggage: Default::default(),
        });
        if let Err(error) = children::watch(&child) {
            // Whoever asks for it reaps it.
            log::warn!("{error}");
        }
        Ok(Self::of(child))
    }
}

/// The life of the child.
fn live<R: Serialize>(closure: impl FnOnce() -> R, end: &OwnedFd) -> ! {
    // Nothing may unwind into the copy of the caller.
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let code = act(closure, end);
        closing::close();
        let _ = io::stdout().flush();
        code
    }));
    family::leave_at_once(lived.unwrap_or(PANICKED))
}

fn act<R: Serialize>(closure: impl FnOnce() -> R, end: &OwnedFd) -> i32 {
    let name = current::current().name().to_owned();
    // First what wakes it: whoever sees that it leads its group may stop it.
    let begun = family::go_on_without_parent()
        .and_then(|()| family::lead_group())
        .and_then(|()| die_with_parent());
    if let Err(error) = begun {
        let doing = format!("prepare {name}");
        return worker::tell(end, Ok(Err(Error::os(error, doing))));
    }
    let call = || {
        let result = closure();
        let (bytes, files) = fd::collect(|| encode(&result, "a result"));
        Ok((bytes?, files.fds))
    };
    worker::tell(end, panicked::catch(&name, Aloud::AsEver, call))
}

/// Kills this process when its parent has ended. The kernel would do that when the thread ends that
/// forked; so that signal only wakes a process that is stopped, to see for itself.
fn die_with_parent() -> io::Result<()> {
    let watch = || {
        thread::block_signals();
        let current = current::current();
        while let Some(parent) = current.parent() {
            match parent.wait(Deadline::NEVER) {
                Ok(_) => family::kill(family::own()),
                Err(_) => readiness::rest(PAUSE),
            }
        }
    };
    let thread = std::thread::Builder::new().name("outlive-parent".to_owned());
    thread.spawn(watch).map(drop)
}
