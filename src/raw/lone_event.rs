//! An event in memory that is no segment: the event word, and what says that it is one.
//!
//! # States
//!
//! | form | meaning | who may change it, to what |
//! |---|---|---|
//! | `MANUAL` | an event that stays set until it is cleared | who makes it anew: nothing |
//! | `AUTO` | an event of which each set lets one waiter go on | the same |
//! | any other | nothing, or an event that somebody is making | who makes it: one of the above |
//!
//! # Memory orderings
//!
//! The form is stored with Release after the word, and who opens the event acquires it, so the word
//! is there. The word's own orderings are those of [`super::event`].
//!
//! # If a process dies
//!
//! Making it: it is no event, and can be made again. The rest is as with [`super::event`], where
//! nobody owns anything: that is why an event, of all objects, needs no registry of who lives.

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;

use super::Peers;
use super::event::{EventWord, NotSet};

/// A resident event outside of any segment.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct LoneEvent {
    form: AtomicU32,
    word: EventWord,
}

/// "LONE", and how the event is cleared.
const MANUAL: u32 = 0x4c4f_4e45;
const AUTO: u32 = !MANUAL;

impl LoneEvent {
    /// Makes whatever bytes are here an event that is not set.
    pub(crate) fn init(&self, is_auto: bool) {
        // Relaxed: the second store of the form publishes both.
        self.form.store(0, Ordering::Relaxed);
        self.word.reset();
        let form = if is_auto { AUTO } else { MANUAL };
        // Release: pairs with the Acquire of whoever opens it.
        self.form.store(form, Ordering::Release);
    }

    /// Whether one waiter clears it, or whoever wants to; `None` where this is no event.
    pub(crate) fn is_auto(&self) -> Option<bool> {
        // Acquire: pairs with the Release of whoever made it.
        match self.form.load(Ordering::Acquire) {
            AUTO => Some(true),
            MANUAL => Some(false),
            _ => None,
        }
    }

    pub(crate) fn set(&self, peers: impl Peers) {
        self.word.set(peers);
    }

    pub(crate) fn clear(&self) {
        self.word.clear();
    }

    /// Sleeps until it is set, and takes that where the event `is_auto`.
    pub(crate) fn wait(
        &self,
        peers: impl Peers,
        is_auto: bool,
        deadline: Deadline,
    ) -> Result<(), NotSet> {
        if is_auto {
            self.word.wait_and_take(peers, deadline)
        } else {
            self.word.wait(peers, deadline)
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.word.is_set()
    }
}
