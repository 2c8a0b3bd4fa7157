//! The segments that this process has open: each once, however often it is opened.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, ErrorKind, Result};

use super::inner::Inner;

/// A handful of entries: a walk is faster than a map.
static ATTACHED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Held while a segment is opened, so that two threads of one process are not two participants for
/// a moment, and find a small registry full of themselves.
static TURN: Mutex<()> = Mutex::new(());

/// How long other threads are waited for. A child forked while one of them was at it waits in vain.
const PATIENCE: Duration = Duration::from_secs(1);

/// One segment, from its opening until it has been left.
struct Entry {
    identity: (u64, u64),
    inner: Weak<Inner>,
}

fn attached() -> Result<MutexGuard<'static, Vec<Entry>>> {
    ATTACHED.try_lock_for(PATIENCE).ok_or_else(|| {
        Error::new(
            ErrorKind::TimedOut,
            "look for a segment among the open ones",
        )
        .advise("fork while no other thread opens a segment")
    })
}

/// The segment on the file with this identity, opened by `open` where this process has it not yet.
pub(crate) fn get_or_open(
    identity: (u64, u64),
    open: impl FnOnce() -> Result<Inner>,
) -> Result<Arc<Inner>> {
    // Where the turn does not come it is done without.
    let _turn = TURN.try_lock_for(PATIENCE);
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
