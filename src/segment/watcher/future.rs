//! The future of an operation that may have to wait.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::segment::berth::Berth;

use super::slip::Ticket;

/// An operation that may have to wait.
pub(crate) trait Wish {
    /// What comes of it.
    type End;

    /// Does it if it can be done at once; `None` where it is to wait. `watched` says that it has
    /// waited before, and may have been told in the place of others.
    fn attempt(&mut self, watched: bool) -> Option<Self::End>;

    /// Where it waits.
    fn berth(&mut self) -> Result<Box<dyn Berth>>;

    /// The end where it cannot even wait.
    fn broken(error: Error) -> Self::End;
}

/// The future of a [`Wish`]. It tries whenever it is polled, and holds nothing between: dropped
/// before it is ready, nothing has happened.
pub(crate) struct Waiting<W: Wish> {
    wish: W,
    ticket: Option<Ticket>,
    watched: bool,
}

/// Operations of a thread that were ready at once, one after the other, before one lets the
/// executor go on: other tasks have their turn, and a timeout around them its moment.
const AT_ONCE: u32 = 128;

thread_local! {
    /// How many were, until now.
    static READY: Cell<u32> = const { Cell::new(0) };
}

impl<W: Wish> Waiting<W> {
    pub(crate) fn new(wish: W) -> Self {
        Self {
            wish,
            ticket: None,
            watched: false,
        }
    }

    /// Waits no more. What it was told in the place of others, and what it leaves to them, is
    /// handed on.
    fn leave(&mut self, is_done: bool) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        let was_told = ticket.leave();
        if (was_told || is_done)
            && let Ok(berth) = self.wish.berth()
            && let Ok(seat) = berth.object().seat()
        {
            berth.hand_on(seat);
        }
    }
}

// Nothing in it is pinned.
impl<W: Wish> Unpin for Waiting<W> {}

impl<W: Wish> Future for Waiting<W> {
    type Output = W::End;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::End> {
        let this = self.get_mut();
        if READY.get() >= AT_ONCE && !this.watched {
            READY.set(0);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(end) = this.wish.attempt(this.watched) {
            READY.set(READY.get().saturating_add(1));
            this.leave(true);
            return Poll::Ready(end);
        }
        READY.set(0);
        let waker = context.waker();
        if this
            .ticket
            .as_ref()
            .is_some_and(|ticket| ticket.renew(waker))
        {
            return Poll::Pending;
        }
        // Anew also where it was told since the try: the watcher looks again.
        this.watched = true;
        match this
            .wish
            .berth()
            .and_then(|berth| Ticket::take(berth, waker))
        {
            Ok(ticket) => {
                this.ticket = Some(ticket);
                Poll::Pending
            }
            Err(error) => Poll::Ready(W::broken(error)),
        }
    }
}

impl<W: Wish> Drop for Waiting<W> {
    fn drop(&mut self) {
        self.leave(false);
    }
}
