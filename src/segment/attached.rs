//! The segments that this process has open: each once, however often it is opened.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::monotonic_nanos;
use crate::sys::{fork, futex};

use super::inner::Inner;

/// A handful of entries: a walk is faster than a map. The locks are std's, of which a forked child can
/// let go: those of parking_lot share a table, which a fork may catch in the middle of a change.
static ATTACHED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Held while a segment is opened, so that two threads of one process are not two participants for
/// a moment, and find a small registry full of themselves.
static TURN: Mutex<()> = Mutex::new(());

/// How long other threads are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nanoseconds between two looks at a lock that another thread has.
const MOMENT: u64 = 100_000;

thread_local! {
    /// Both locks, from before a fork of this thread until after it.
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

type Held = (
    Option<MutexGuard<'static, ()>>,
    Option<MutexGuard<'static, Vec<Entry>>>,
);

/// A fork waits for the threads that open a segment, so that its child finds the list whole and
/// nobody at it.
fn before_fork() {
    let _ = HELD.try_with(|held| held.set(Some((patiently(&TURN), patiently(&ATTACHED)))));
}

fn after_fork() {
    let _ = HELD.try_with(|held| drop(held.take()));
}

/// The lock, if it can be had in time.
fn patiently<T>(lock: &'static Mutex<T>) -> Option<MutexGuard<'static, T>> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => return None,
            Err(TryLockError::WouldBlock) => {
                let idle = AtomicU32::new(0);
                futex::wait(&[(&idle, 0)], monotonic_nanos().saturating_add(MOMENT));
            }
        }
    }
}

/// One segment, from its opening until it has been left.
struct Entry {
    identity: (u64, u64),
    inner: Weak<Inner>,
}

fn attached() -> Result<MutexGuard<'static, Vec<Entry>>> {
    patiently(&ATTACHED).ok_or_else(|| {
        Error::new(
            ErrorKind::TimedOut,
            "look for a segment among the open ones",
        )
        .advise("fork with libc's `fork`, or while no other thread opens a segment")
    })
}

/// The segment on the file with this identity, opened by `open` where this process has it not yet.
pub(crate) fn get_or_open(
    identity: (u64, u64),
    open: impl FnOnce() -> Result<Inner>,
) -> Result<Arc<Inner>> {
    // Where there are no hooks, the lease of what is opened says so.
    let _ = fork::around(before_fork, after_fork);
    // Where the turn does not come it is done without.
    let _turn = patiently(&TURN);
    let patience = Instant::now() + PATIENCE;
    loop {
        let mut attached = attached()?;
        let mut same = attached.iter().filter(|entry| entry.identity == identity);
        if let Some(known) = same.clone().find_map(|entry| entry.inner.upgrade()) {
            return Ok(known);
        }
        // Another thread is leaving it.
        let is_left = same.next().is_none();
        if is_left || Instant::now() > patience {
            attached.retain(|entry| entry.identity != identity);
            break;
        }
        drop(attached);
        std::thread::yield_now();
    }
    let fresh = Arc::new(open()?);
    attached()?.push(Entry {
        identity: fresh.identity,
        inner: Arc::downgrade(&fresh),
    });
    Ok(fresh)
}

/// The open segment that `suits`.
pub(crate) fn find(suits: impl Fn(&Inner) -> bool) -> Result<Option<Arc<Inner>>> {
    // Upgraded under the lock, dropped outside of it: the last drop of a segment comes back here.
    let all: Vec<_> = attached()?
        .iter()
        .filter_map(|entry| entry.inner.upgrade())
        .collect();
    Ok(all.into_iter().find(|inner| suits(inner)))
}

/// Takes a segment out that this process has left.
pub(crate) fn forget(left: &Inner) {
    if let Ok(mut attached) = attached() {
        attached.retain(|entry| !std::ptr::eq(entry.inner.as_ptr(), left));
    }
}
