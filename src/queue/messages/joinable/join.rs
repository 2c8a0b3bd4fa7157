//! Joining: the four forms, and the number that they wait for.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::raw::messages::Wait;
use crate::sys::clock::Deadline;

use super::super::held::{self, AT_ONCE};
use super::JoinableQueue;

impl<T, C> JoinableQueue<T, C> {
    /// Messages that were put and are not done: that wait, that were taken, and that come again. It
    /// may change at once. Takes the queue's lock, which is held for moments; a holder that was
    /// stopped is waited for no longer than 20 ms, and then the number may be off by those that it
    /// was at.
    ///
    /// # If a process dies
    ///
    /// With a message that is to be delivered again: it counts. Where dead consumers' messages are
    /// dropped, it counts until somebody waits, or [`Segment::reap`](crate::Segment::reap) was
    /// called.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        held::unfinished(&self.0.bound)
    }

    /// Waits until nothing is unfinished: returns at once where that is so, and else when the last
    /// task is done. A queue that was closed is waited for all the same.
    ///
    /// What is put meanwhile is waited for too; a put that has not returned may be missed.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel. All who join are woken.
    ///
    /// # If a process dies
    ///
    /// With a task: it is delivered again, to whoever asks next, and this waits until that one has
    /// done it, for ever if nobody asks. Between ending the last task and waking: this returns
    /// when its slice ends, 20 ms later at the most.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment.
    pub fn join(&self) -> Result<()> {
        held::join(&self.0.bound, &Wait::Until(Deadline::NEVER)).map(drop)
    }

    /// Says whether nothing is unfinished, without waiting for it.
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::unfinished`].
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::join`].
    pub fn try_join(&self) -> Result<bool> {
        held::join(&self.0.bound, &AT_ONCE)
    }

    /// Waits until nothing is unfinished, but not longer than `limit`; says whether it came to
    /// that.
    ///
    /// # Blocking
    ///
    /// As [`JoinableQueue::join`].
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::join`].
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::join`].
    pub fn join_timeout(&self, limit: Duration) -> Result<bool> {
        held::join(&self.0.bound, &Wait::Until(Deadline::after(limit)))
    }

    /// Waits until nothing is unfinished, but not beyond `instant`; says whether it came to that.
    ///
    /// # Blocking
    ///
    /// As [`JoinableQueue::join`].
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::join`].
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::join`].
    pub fn join_deadline(&self, instant: Instant) -> Result<bool> {
        held::join(&self.0.bound, &Wait::Until(Deadline::at(instant)))
    }
}
