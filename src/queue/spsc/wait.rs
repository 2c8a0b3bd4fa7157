//! A consumer as one of several things to wait for.

use bytemuck::Pod;

use crate::error::Result;
use crate::queue::berth::RingBerth;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::raw::spsc::End;

use super::Consumer;

impl<T: Pod> Waitable for Consumer<T> {}

impl<T: Pod> Sleeper for Consumer<T> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        self.hold.check()?;
        let ring = self.hold.bound.view().ring();
        // First: whatever was published before the producer went is there.
        let stopped = ring.gone(End::Consumer, &self.hold.bound.seat()?, ask);
        Ok(ring.ready(&mut self.head, 1) > 0 || stopped.is_some())
    }

    fn berth(&self) -> Result<Place> {
        let bound = &self.hold.bound;
        let berth = RingBerth::of(bound, bound.view().ring(), End::Consumer, 1);
        Ok(Place::at(berth))
    }
}
