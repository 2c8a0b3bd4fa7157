//! A queue as one of several things to wait for.

use std::time::Duration;

use crate::error::Result;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::raw::Peers;
use crate::raw::messages::{Messages, Want};
use crate::raw::permits::Others;
use crate::segment::{Berth, Look, Object, Seat};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;

use super::Queue;
use super::held::Hold;

/// How long a look waits for the short lock. It is passed only where a process has been stopped
/// with it; then the next look comes after a slice.
const PATIENCE: Duration = Duration::from_millis(1);

/// Where those sleep who wait for a message, or for room.
pub(super) struct MessagesBerth {
    object: Object,
    /// Mapped as long as the object is held.
    messages: Messages<'static>,
    want: Want,
}

impl MessagesBerth {
    pub(super) fn of(hold: &Hold, want: Want) -> Self {
        Self {
            object: hold.object().clone(),
            messages: *hold.view(),
            want,
        }
    }
}

impl Berth for MessagesBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.messages.word(self.want)
    }

    fn lie_down(&self) -> u32 {
        self.messages.lie_down(self.want)
    }

    fn look(&self, seat: Seat<'_>, ask: bool) -> Look {
        let patience = Deadline::after(PATIENCE);
        if ask && self.messages.bury(&seat, patience) {
            self.object.reap();
        }
        let mut others = Others::but(seat.me());
        let is_ready = self
            .messages
            .is_ready(&seat, self.want, &mut others, patience);
        Look::new(is_ready, others.list())
    }

    fn hand_on(&self, seat: Seat<'_>) {
        let patience = Deadline::after(PATIENCE);
        self.messages.hand_on(&seat, self.want, patience);
    }

    #[cfg(feature = "async")]
    fn need(&self) -> u64 {
        match self.want {
            Want::Room(len) => len as u64,
            Want::Message => 0,
        }
    }

    /// Room that is too little for one may do for the next.
    #[cfg(feature = "async")]
    fn is_for_all(&self) -> bool {
        self.want != Want::Message
    }
}

impl<T, C> Waitable for Queue<T, C> {}

impl<T, C> Sleeper for Queue<T, C> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        let berth = MessagesBerth::of(&self.bound, Want::Message);
        Ok(berth.look(self.bound.seat()?, ask).is_ready)
    }

    fn berth(&self) -> Result<Place> {
        Ok(Place::at(MessagesBerth::of(&self.bound, Want::Message)))
    }
}
