//! Where an end of a ring sleeps.

use crate::raw::Peers;
use crate::raw::spsc::{End, Spsc};
use crate::segment::{Berth, Bound, Look, Object, Seat};
use crate::sys::atomic::AtomicU32;

/// The bell of one end, and who is to ring it.
pub(super) struct RingBerth {
    object: Object,
    /// Mapped as long as the object is held.
    ring: Spsc<'static>,
    end: End,
    /// Items that are to be there, or slots that are to be free.
    count: u64,
}

impl RingBerth {
    pub(super) fn of<V>(bound: &Bound<V>, ring: &Spsc<'static>, end: End, count: u64) -> Self {
        Self {
            object: bound.object().clone(),
            ring: *ring,
            end,
            count,
        }
    }

    fn has_come(&self) -> bool {
        let len = self.ring.len();
        match self.end {
            End::Consumer => len >= self.count,
            End::Producer => self.ring.capacity().saturating_sub(len) >= self.count,
        }
    }
}

impl Berth for RingBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.ring.bell(self.end).0
    }

    fn lie_down(&self) -> u32 {
        self.ring.lie_down(self.end);
        self.ring.bell(self.end).1
    }

    fn look(&self, seat: Seat<'_>, ask: bool) -> Look {
        let is_ready = self.has_come() || self.ring.gone(self.end, &seat, ask).is_some();
        Look::new(is_ready, self.ring.owner(self.end.other()).as_slice())
    }

    /// The bell stays as it is: the handle may be asleep here itself by now.
    fn hand_on(&self, seat: Seat<'_>) {
        if self.has_come() {
            seat.wake(self.word(), 1);
        }
    }

    /// The end is one handle's: nobody else sleeps at its bell.
    fn get_up(&self, _: Seat<'_>) {
        self.ring.get_up(self.end);
    }

    #[cfg(feature = "async")]
    fn need(&self) -> u64 {
        self.count
    }
}
