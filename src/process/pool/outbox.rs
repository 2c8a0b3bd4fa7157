//! What is to be told to those who wait for tasks.

use std::sync::Arc;

use super::board::Sink;
use super::error::TaskError;

/// Outcomes on their way to their sinks: delivered when the board is not locked any more, since
/// whoever gets them may ask for more.
#[derive(Default)]
#[must_use]
pub(super) struct Outbox(Vec<Delivery>);

/// To whom, of which task, or from which on.
pub(super) type Delivery = (Arc<dyn Sink>, u32, Result<Vec<u8>, TaskError>);

impl Outbox {
    pub(super) fn push(&mut self, delivery: Delivery) {
        self.0.push(delivery);
    }

    pub(super) fn deliver(self) {
        for (sink, first, outcome) in self.0 {
            match outcome {
                Ok(outcomes) => sink.done(first, outcomes),
                Err(why) => sink.failed(first, why),
            }
        }
    }
}
