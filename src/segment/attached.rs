//! The segments that this process has open: each once, however often it is opened.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::error::Result;

use super::inner::Inner;

/// A handful of entries: a walk is faster than a map.
static ATTACHED: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

/// The segment on the file with this identity, opened by `open` where this process has it not yet.
pub(crate) fn get_or_open(
    identity: (u64, u64),
    open: impl FnOnce() -> Result<Inner>,
) -> Result<Arc<Inner>> {
    if let Some(known) = find(|inner| inner.identity == identity) {
        return Ok(known);
    }
    let fresh = Arc::new(open()?);
    let mut attached = ATTACHED.lock();
    // Another thread may have been faster; then its segment is the one, and ours leaves again.
    let known = attached
        .iter()
        .filter_map(Weak::upgrade)
        .find(|inner| inner.identity == identity);
    if let Some(known) = known {
        drop(attached);
        return Ok(known);
    }
    attached.retain(|entry| entry.strong_count() > 0);
    attached.push(Arc::downgrade(&fresh));
    Ok(fresh)
}

/// The open segment that `suits`.
pub(crate) fn find(suits: impl Fn(&Inner) -> bool) -> Option<Arc<Inner>> {
    // Upgraded under the lock, dropped outside of it: the last drop of a segment comes back here.
    let all: Vec<_> = ATTACHED.lock().iter().filter_map(Weak::upgrade).collect();
    all.into_iter().find(|inner| suits(inner))
}
