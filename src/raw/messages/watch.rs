//! Waiting for room or for a message without taking it: for who watches several things at once.
//!
//! A watcher announces itself as any sleeper does, and so may be the one that a ring wakes. It does
//! not take what it was woken for, and the ring took the announcement of all sleepers away. So when
//! it leaves it announces them anew, and rings where there is something for one of them. A ring for
//! room wakes everybody; there is nothing to hand on of it.

use crate::raw::Peers;
use crate::raw::permits::{Bell, Others};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;

use super::Messages;

/// What a watcher waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Room for a message of so many bytes.
    #[cfg_attr(
        not(any(loom, feature = "async")),
        expect(dead_code, reason = "only futures wait for room without taking it")
    )]
    Room(usize),
    Message,
}

impl<'a> Messages<'a> {
    /// Announces a sleeper; what the word holds now. A look is due before the sleep.
    pub(crate) fn lie_down(&self, want: Want) -> u32 {
        self.bell(want).announce()
    }

    /// What a sleeper sleeps on.
    pub(crate) fn word(&self, want: Want) -> &'a AtomicU32 {
        self.bell(want).word()
    }

    /// Whether an operation is likely to succeed, or to be refused; otherwise `others` are told
    /// who could change that. Takes nothing. Where the lock cannot be had until `patience` ends,
    /// nothing is known, and the answer is what can be seen without it.
    pub(crate) fn is_ready(
        &self,
        peers: &impl Peers,
        want: Want,
        others: &mut Others,
        patience: Deadline,
    ) -> bool {
        if self.is_closed() {
            return true;
        }
        if self.enter(peers, || patience).is_err() {
            return want == Want::Message && self.len() > 0;
        }
        let is_ready = match want {
            Want::Message => self.has_message(),
            Want::Room(len) => self.has_room(len),
        };
        if !is_ready {
            self.note_owners(others);
        }
        self.leave(peers);
        is_ready
    }

    /// Leaves after a sleep without having taken anything, or with less than there is. Where the
    /// lock cannot be had until `patience` ends, it rings for what may be there.
    pub(crate) fn hand_on(&self, peers: &impl Peers, want: Want, patience: Deadline) {
        if want != Want::Message {
            return;
        }
        self.head.not_empty.announce();
        // With the lock: what was published before is seen, and what comes later rings by itself.
        let is_any = match self.enter(peers, || patience) {
            Ok(_) => {
                let is_any = self.has_message();
                self.leave(peers);
                is_any
            }
            Err(_) => true,
        };
        if is_any {
            self.head.not_empty.ring(peers, 1);
        }
    }

    fn has_message(&self) -> bool {
        // Relaxed: the lock orders it.
        self.queued() > 0 || self.head.inner.returned.load(Ordering::Relaxed) != 0
    }

    fn has_room(&self, len: usize) -> bool {
        let has_entry = !self.is_full() || self.queued() < self.items() && self.recount();
        has_entry && Self::units_of(len).is_some_and(|units| self.find_room(units).is_some())
    }

    fn bell(&self, want: Want) -> &'a Bell {
        match want {
            Want::Room(_) => &self.head.not_full,
            Want::Message => &self.head.not_empty,
        }
    }
}
