//! Results one by one, while others are still being worked on.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::de::DeserializeOwned;

use super::board::Sink;
use super::error::TaskError;
use super::results::read;
use super::wire;

/// The results of a [`Pool::imap`](super::Pool::imap) or
/// [`Pool::imap_unordered`](super::Pool::imap_unordered), each as soon as it can be had.
///
/// Lazy: no more of the input is taken than the workers can be busy with. Dropping it leaves the
/// rest of the input alone.
pub struct Imap<'a, T, R> {
    /// What is still to come, with what submits one of it for this sink.
    input: Box<dyn Iterator<Item = T> + 'a>,
    submit: Submit<'a, T>,
    is_ordered: bool,
    window: usize,
    sink: Arc<Outcomes>,
    arrivals: Receiver<(u32, Arrival)>,
    submitted: u32,
    given: u32,
    /// Ordered: those that came before their turn, the first of which is number `given`.
    early: VecDeque<Option<Arrival>>,
    of: PhantomData<fn() -> R>,
}

/// Submits a task whose outcome goes to a sink under a number.
type Submit<'a, T> = Box<dyn FnMut(T, Arc<dyn Sink>, u32) + 'a>;

type Arrival = Result<Vec<u8>, TaskError>;

/// Passes outcomes on as they come.
struct Outcomes(Sender<(u32, Arrival)>);

impl Sink for Outcomes {
    fn done(&self, first: u32, outcomes: Vec<u8>) {
        // Who does not listen any more does not want them.
        let _ = self.0.send((first, Ok(outcomes)));
    }

    fn failed(&self, task: u32, why: TaskError) {
        let _ = self.0.send((task, Err(why)));
    }
}

impl<'a, T, R> Imap<'a, T, R> {
    pub(super) fn new(
        input: impl Iterator<Item = T> + 'a,
        window: usize,
        is_ordered: bool,
        submit: impl FnMut(T, Arc<dyn Sink>, u32) + 'a,
    ) -> Self {
        let (sender, arrivals) = channel();
        Self {
            input: Box::new(input),
            submit: Box::new(submit),
            is_ordered,
            window,
            sink: Arc::new(Outcomes(sender)),
            arrivals,
            submitted: 0,
            given: 0,
            early: VecDeque::new(),
            of: PhantomData,
        }
    }

    fn top_up(&mut self) {
        while ((self.submitted - self.given) as usize) < self.window
            && let Some(next) = self.input.next()
        {
            (self.submit)(next, self.sink.clone(), self.submitted);
            self.submitted += 1;
        }
    }

    /// The next one that is due.
    fn arrival(&mut self) -> Option<Arrival> {
        loop {
            if let Some(next) = self.early.front_mut().and_then(Option::take) {
                self.early.pop_front();
                return Some(next);
            }
            let (task, arrival) = self.arrivals.recv().ok()?;
            if !self.is_ordered {
                return Some(arrival);
            }
            let at = task.wrapping_sub(self.given) as usize;
            if self.early.len() <= at {
                self.early.resize_with(at + 1, || None);
            }
            self.early[at] = Some(arrival);
        }
    }
}

impl<T, R: DeserializeOwned> Iterator for Imap<'_, T, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.top_up();
        if self.given == self.submitted {
            return None;
        }
        let arrival = self.arrival()?;
        self.given += 1;
        Some(arrival.and_then(|outcomes| {
            let missing = || Err(TaskError::Failed("the task has no result".to_owned()));
            let outcome = wire::outcomes(&outcomes).next();
            outcome.map_or_else(missing, read)
        }))
    }
}

impl<T, R> fmt::Debug for Imap<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("submitted", &self.submitted)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
