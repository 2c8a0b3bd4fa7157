//! A queue as one of several things to wait for.

use bytemuck::Pod;

use crate::error::Result;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::raw::mpmc::{Side, Slots};
use crate::segment::{Berth, Look, Object, Seat};
use crate::sys::atomic::AtomicU32;

use super::Mpmc;

/// Where those sleep who wait for one side of a queue.
pub(super) struct SlotsBerth {
    object: Object,
    /// Mapped as long as the object is held.
    slots: Slots<'static>,
    side: Side,
}

impl SlotsBerth {
    pub(super) fn of<T>(queue: &Mpmc<T>, side: Side) -> Self {
        Self {
            object: queue.0.object().clone(),
            slots: *queue.slots(),
            side,
        }
    }
}

impl Berth for SlotsBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.slots.word(self.side)
    }

    fn lie_down(&self) -> u32 {
        self.slots.lie_down(self.side)
    }

    fn look(&self, seat: Seat<'_>, ask: bool) -> Look {
        let sight = self.slots.sight(seat, self.side, ask);
        if sight.met.0 {
            self.object.reap();
        }
        Look::new(sight.is_ready, sight.owners.as_slice())
    }

    fn hand_on(&self, seat: Seat<'_>) {
        self.slots.hand_on(seat, self.side);
    }
}

impl<T: Pod> Waitable for Mpmc<T> {}

impl<T: Pod> Sleeper for Mpmc<T> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        let berth = SlotsBerth::of(self, Side::Item);
        Ok(berth.look(self.0.seat()?, ask).is_ready)
    }

    fn berth(&self) -> Result<Place> {
        Ok(Place::at(SlotsBerth::of(self, Side::Item)))
    }
}
