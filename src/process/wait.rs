//! Processes among the things to wait for: [`queue::wait`](crate::queue::wait).

use std::time::Duration;

use crate::error::Result;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::sys::clock::Deadline;

use super::child::Child;
use super::children;
use super::process::Process;

impl Waitable for Child {}

/// Ready when it has ended. A thread of this process sees that, since the kernel does not watch
/// words and descriptors in one sleep.
impl Sleeper for Child {
    fn is_ready(&mut self, _: bool) -> Result<bool> {
        let exit = self.wait_until(Deadline::after(Duration::ZERO))?;
        Ok(exit.is_some())
    }

    fn berth(&self) -> Result<Place> {
        children::watch(self).map(Place::at_word)
    }
}

impl<R> Waitable for Process<R> {}

impl<R> Sleeper for Process<R> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        (**self).clone().is_ready(ask)
    }

    fn berth(&self) -> Result<Place> {
        (**self).berth()
    }
}
