//! Results one by one, while others are still being worked on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::function::Callable;
use crate::process::sleep;
use crate::sys::clock::Deadline;

use super::board::Sink;
use super::crew::Crew;
use super::error::TaskError;
use super::results::read;
use super::{Pool, wire};

/// Tasks that are under way for each worker of an [`Imap`], in chunks.
const WINDOW: usize = 4;

/// The results of a [`Pool::imap`] or [`Pool::imap_unordered`], each as soon as it can be had.
///
/// Lazy: no more of the input is taken than the workers can be busy with, or than
/// [`Imap::window`] says. Dropping it leaves the rest of the input alone; what was submitted is done.
pub struct Imap<'a, R> {
    submit: Submit<'a>,
    crew: Arc<Crew>,
    is_ordered: bool,
    window: usize,
    sink: Arc<dyn Sink>,
    arrivals: Receiver<(u32, Arrival)>,
    submitted: u32,
    given: u32,
    /// Those that have come and were not given yet. Ordered: by their number, the first of which is
    /// `given`.
    come: VecDeque<Option<Result<R, TaskError>>>,
}

/// Submits the next tasks of the input, under numbers from the one that it is given on, and says how
/// many; 0 where there are none.
type Submit<'a> = Box<dyn FnMut(&Arc<dyn Sink>, u32) -> u32 + 'a>;

/// Outcomes of tasks from a number on, as [`wire::outcomes`] reads them, or the failure of one.
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

/// How an [`Imap`] goes on.
#[derive(Debug, Clone, Copy)]
pub(in crate::process) struct Pace {
    pub(in crate::process) chunk: usize,
    /// In tasks.
    pub(in crate::process) window: usize,
    pub(in crate::process) is_ordered: bool,
}

impl<S> Pool<S> {
    /// The results one by one in order, each when it is there, while others are worked on. Lazy: see
    /// [`Imap`]. A worker takes one task at a time, or as many as [`Pool::with_chunk`] says.
    pub fn imap<'a, T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.results_of(function, items.into_iter(), self.pace(true))
    }

    /// As [`Pool::imap`], in the order in which they are done.
    pub fn imap_unordered<'a, T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.results_of(function, items.into_iter(), self.pace(false))
    }

    fn pace(&self, is_ordered: bool) -> Pace {
        let chunk = self.chunk.unwrap_or(1);
        Pace {
            chunk,
            window: self.workers().saturating_mul(WINDOW).saturating_mul(chunk),
            is_ordered,
        }
    }

    pub(in crate::process) fn results_of<'a, F, T, R>(
        &self,
        function: F,
        items: impl Iterator<Item = T> + 'a,
        pace: Pace,
    ) -> Imap<'a, R>
    where
        F: Callable + 'a,
        T: Serialize,
    {
        let mut items = items.fuse();
        let crew = self.crew.clone();
        let submit = move |sink: &Arc<dyn Sink>, first: u32| {
            let items: Vec<T> = items.by_ref().take(pace.chunk).collect();
            crew.submit(&function, &items, None, sink, first);
            u32::try_from(items.len()).unwrap_or(u32::MAX)
        };
        let (sender, arrivals) = channel();
        Imap {
            submit: Box::new(submit),
            crew: self.crew.clone(),
            is_ordered: pace.is_ordered,
            window: pace.window,
            sink: Arc::new(Outcomes(sender)),
            arrivals,
            submitted: 0,
            given: 0,
            come: VecDeque::new(),
        }
    }
}

impl<R> Imap<'_, R> {
    /// The same with no more than `tasks` submitted whose results were not given yet: 1 at least,
    /// and a chunk more at the most.
    #[doc(alias = "buffersize")]
    #[must_use]
    pub fn window(mut self, tasks: usize) -> Self {
        self.window = tasks.max(1);
        self
    }

    /// Submits as much as the window permits.
    pub(in crate::process) fn top_up(&mut self) {
        while (self.submitted.wrapping_sub(self.given) as usize) < self.window {
            let count = (self.submit)(&self.sink, self.submitted);
            if count == 0 {
                return;
            }
            self.submitted = self.submitted.wrapping_add(count);
        }
    }

    /// Takes back what was submitted and no worker has begun with.
    pub(in crate::process) fn cancel(&self) {
        if self.given != self.submitted {
            self.crew.cancel(&self.sink);
        }
    }
}

impl<R: DeserializeOwned> Imap<'_, R> {
    /// As `next`, but waits no longer than `limit`: then it gives [`TaskError::TimedOut`], and the
    /// result stays the next one.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// The worker: the result of its task is [`TaskError::WorkerLost`], or another does it again
    /// where the pool was built with retries.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<Result<R, TaskError>> {
        self.next_until(Deadline::after(limit))
    }

    /// As [`Imap::next_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Imap::next_timeout`].
    ///
    /// # If a process dies
    ///
    /// As [`Imap::next_timeout`].
    pub fn next_deadline(&mut self, instant: Instant) -> Option<Result<R, TaskError>> {
        self.next_until(Deadline::at(instant))
    }

    pub(in crate::process) fn next_until(
        &mut self,
        deadline: Deadline,
    ) -> Option<Result<R, TaskError>> {
        self.top_up();
        loop {
            if let Some(next) = self.come.front_mut().and_then(Option::take) {
                self.come.pop_front();
                self.given = self.given.wrapping_add(1);
                return Some(next);
            }
            if self.given == self.submitted {
                return None;
            }
            match sleep::receive(&self.arrivals, deadline) {
                Ok(arrival) => self.sort_in(arrival),
                Err(RecvTimeoutError::Timeout) => return Some(Err(TaskError::TimedOut)),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn sort_in(&mut self, (first, arrival): (u32, Arrival)) {
        let mut task = first;
        match arrival {
            Ok(run) => {
                for outcome in wire::outcomes(&run) {
                    self.put(task, read(outcome));
                    task = task.wrapping_add(1);
                }
            }
            Err(why) => self.put(task, Err(why)),
        }
    }

    fn put(&mut self, task: u32, outcome: Result<R, TaskError>) {
        if !self.is_ordered {
            self.come.push_back(Some(outcome));
            return;
        }
        let at = task.wrapping_sub(self.given) as usize;
        if self.come.len() <= at {
            self.come.resize_with(at + 1, || None);
        }
        self.come[at] = Some(outcome);
    }
}

impl<R: DeserializeOwned> Iterator for Imap<'_, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_until(Deadline::NEVER)
    }
}

impl<R> fmt::Debug for Imap<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("submitted", &self.submitted)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
