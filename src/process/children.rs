//! The processes that this one has started; and a thread that sees those of them end of whom nobody
//! may ask in time: those forked from this process, which nobody else reaps, and those waited for
//! beside queues, where one sleeps at a word.
//!
//! All of it is wiped by a fork: a child has no children yet.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::bell::Bell;
use crate::sys::clock::Deadline;
use crate::sys::fork::OfProcess;
use crate::sys::{futex, readiness, thread};

use super::child::Child;

/// The children of a process.
#[derive(Default)]
struct Children {
    /// Those that have not been heard to end.
    all: Mutex<Vec<Child>>,
    watch: Mutex<Watch>,
    /// Moved and woken when a watched one has ended.
    ended: AtomicU32,
}

/// Those that the thread watches, and the bell that tells it of more.
#[derive(Default)]
struct Watch {
    children: Vec<Child>,
    bell: Option<Arc<Bell>>,
}

static CHILDREN: OfProcess<Children> = OfProcess::new();

/// How long the thread waits for a server to say how a process ended, before it looks at the others.
const WORD: Duration = Duration::from_millis(20);

/// The processes that this one has started and that run.
#[must_use]
pub fn active_children() -> Vec<Child> {
    let Some(children) = CHILDREN.get() else {
        return Vec::new();
    };
    let mut all = children.all.lock().clone();
    // Those that are heard to have ended leave by themselves.
    all.retain(Child::is_alive);
    all
}

/// Enters one that has been started.
pub(super) fn enter(child: Child) {
    let children = match CHILDREN.get_or_make() {
        Ok(children) => children,
        Err(error) => return log::warn!("remember {child}: {error}"),
    };
    // Each is asked as often as their number doubles, not at every start.
    let is_full = |all: &Vec<Child>| all.len() == all.capacity();
    if is_full(&children.all.lock()) {
        drop(active_children());
    }
    children.all.lock().push(child);
}

/// Takes out one that has ended.
pub(super) fn forget(ended: &Child) {
    if let Some(children) = CHILDREN.get() {
        children.all.lock().retain(|child| !child.is(ended));
    }
}

/// Has the thread see the end of `child`; gives the word that is moved and woken then.
pub(super) fn watch(child: &Child) -> Result<&'static AtomicU32> {
    let os = |e| Error::os(e, format!("watch {child}"));
    let children = CHILDREN.get_or_make().map_err(os)?;
    let mut watch = children.watch.lock();
    if watch.children.iter().any(|known| known.is(child)) {
        return Ok(&children.ended);
    }
    let bell = match &watch.bell {
        Some(bell) => bell,
        None => {
            let bell = Arc::new(Bell::new().map_err(os)?);
            let heard = bell.clone();
            let thread = std::thread::Builder::new().name("outlive-children".to_owned());
            thread.spawn(move || children.keep(&heard)).map_err(os)?;
            watch.bell.insert(bell)
        }
    };
    bell.ring();
    watch.children.push(child.clone());
    Ok(&children.ended)
}

impl Children {
    /// Lives as long as the process.
    fn keep(&self, bell: &Bell) {
        thread::block_signals();
        loop {
            bell.hush();
            let watched = self.watch.lock().children.clone();
            let fds: Vec<_> = std::iter::once(bell.as_fd())
                .chain(watched.iter().map(Child::as_fd))
                .collect();
            let Ok(ready) = readiness::which(&fds, Deadline::NEVER) else {
                // Of more than it may have open the system does not tell.
                readiness::rest(WORD);
                continue;
            };
            let ended = ready
                .iter()
                .filter_map(|at| watched.get(at.checked_sub(1)?));
            for child in ended.filter(|child| child.has_ended_within(WORD)) {
                let mut watch = self.watch.lock();
                watch.children.retain(|known| !known.is(child));
                drop(watch);
                // Release: pairs with the Acquire of whoever sleeps at it.
                self.ended.fetch_add(1, Ordering::Release);
                futex::wake(&self.ended, u32::MAX);
            }
        }
    }
}
