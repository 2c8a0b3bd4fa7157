//! The life of a pool's worker.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::process::exit::leave;
use crate::process::function::{Call, Function, decode};
use crate::process::panicked::{self, Aloud};
use crate::process::surroundings::Surroundings;
use crate::queue::messages::GetError;
use crate::segment::Segment;
use crate::shared::Array;

use super::shared::Shared;
use super::wire::{self, Failure, Head, News, Ticket};

/// What a worker is told when it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Post {
    pub(super) seat: u32,
    pub(super) shared: Shared,
    /// The initializer and its argument.
    pub(super) initializer: Option<(Function, Vec<u8>)>,
    /// Where the objects lie of which that argument has handles: they travel with it.
    pub(super) segments: Vec<Segment>,
    /// After how many tasks another takes its place.
    pub(super) most_tasks: Option<u64>,
}

/// The exit code of a worker that could not go on.
const NOT_WELL: i32 = 1;

/// Bytes of a message that are none of an outcome's, at most.
const HEAD: usize = 64;

/// What a worker is: its post, and the functions that it has called last.
struct Worker {
    post: Post,
    name: String,
    surroundings: Surroundings,
    tasks_done: u64,
}

/// What the worker of a seat is called.
pub(super) fn name(seat: u32) -> String {
    format!("PoolWorker-{}", seat + 1)
}

/// Works until the pool is closed, or as many tasks are done as one worker is to do.
pub(super) fn work(post: Post) {
    let mut worker = Worker {
        name: crate::process::current().name().to_owned(),
        post,
        surroundings: Surroundings::default(),
        tasks_done: 0,
    };
    if let Err(error) = worker.run() {
        log::error!("{}: {error}", worker.name);
        leave(NOT_WELL);
    }
}

impl Worker {
    fn run(&mut self) -> Result<()> {
        let seat = self.post.seat;
        if let Some((function, argument)) = self.post.initializer.take() {
            let call = function.here()?;
            let mut nothing = Vec::new();
            let surroundings = &mut self.surroundings;
            let made = attempt(&self.name, || {
                call.call(surroundings, &argument, &mut nothing)
            });
            if let Err(failure) = made {
                return self.tell(&News::NotReady(seat, failure), &[]);
            }
        }
        self.tell(&News::Ready(seat), &[])?;
        let most = self.post.most_tasks.unwrap_or(u64::MAX);
        while self.tasks_done < most {
            let tasks = self.post.shared.tasks.clone();
            let chunk = match tasks.receive() {
                Ok(chunk) => chunk,
                Err(GetError::Closed) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let (head, _) = wire::read::<Head>(&chunk)?;
            if self.post.shared.take(head.ticket, seat)? {
                // It is this worker's now, whatever happens: nobody else is to have it.
                let chunk = chunk.ack();
                let (_, arguments) = wire::read::<Head>(&chunk)?;
                self.work_on(&head, arguments)?;
            } else {
                drop(chunk);
                self.tell(&News::Skipped, &[])?;
            }
        }
        Ok(())
    }

    fn work_on(&mut self, head: &Head, arguments: &[u8]) -> Result<()> {
        let call = self.prepare(head);
        let (seat, ticket) = (self.post.seat, head.ticket);
        let most = self.post.shared.news.max_message();
        // Outcomes that are not sent: from which task on, how many, and where the next is kept.
        let (mut first, mut count, mut at) = (0, 0, 0);
        let mut unsent = Vec::new();
        for (task, argument) in (0..head.count).zip(wire::arguments(arguments)) {
            self.post.shared.call(seat, task)?;
            let mut start = unsent.len();
            wire::frame(&mut unsent, |result| {
                let call = call
                    .as_ref()
                    .map_err(|why| Failure::Failed(why.to_string()))?;
                let surroundings = &mut self.surroundings;
                attempt(&self.name, || call.call(surroundings, argument, result))
            });
            let len = unsent.len() - start;
            if len + HEAD > most {
                unsent.truncate(start);
                wire::frame(&mut unsent, |_| {
                    Err(Failure::Failed(format!(
                        "a result of {len} bytes does not fit into the pool: give it more bytes"
                    )))
                });
            }
            if unsent.len() + HEAD > most {
                // Each fits, but not all together.
                let fresh = unsent.split_off(start);
                self.send(ticket, first, &unsent)?;
                unsent = fresh;
                (first, count, at, start) = (task, 0, 0, 0);
                self.post.shared.sent(seat, first)?;
            }
            self.tasks_done += 1;
            count += 1;
            if task + 1 == head.count {
                break;
            }
            let fresh = unsent.get(start..).unwrap_or_default();
            match self.post.shared.keep(seat, (first, count), at, fresh)? {
                Some(next) => at = next,
                None => {
                    self.send(ticket, first, &unsent)?;
                    unsent.clear();
                    (first, count, at) = (task + 1, 0, 0);
                    self.post.shared.sent(seat, first)?;
                }
            }
        }
        self.send(ticket, first, &unsent)?;
        self.post.shared.rest(seat)
    }

    /// Finds the function, and its context where it has another than the last one.
    fn prepare(&mut self, head: &Head) -> Result<Call> {
        if let Some((id, handle)) = &head.context
            && !self.surroundings.has_context(*id)
        {
            let bytes: Array<u8> = decode(handle, "the handle of a context")?;
            let bytes = bytes.to_vec().map_err(|e| {
                Error::new(ErrorKind::Corrupt, "read a context").advise(e.to_string())
            })?;
            self.surroundings.set_context(*id, bytes);
        }
        head.function.here()
    }

    fn send(&self, ticket: Ticket, first: u32, outcomes: &[u8]) -> Result<()> {
        self.tell(&News::Done(ticket, first), outcomes)
    }

    fn tell(&self, news: &News, body: &[u8]) -> Result<()> {
        let message = wire::write(news, body)?;
        Ok(self.post.shared.news.put(&message)?)
    }
}

/// Calls what may panic.
fn attempt<R>(name: &str, act: impl FnOnce() -> Result<R>) -> Result<R, Failure> {
    match panicked::catch(name, Aloud::Nothing, act) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::Failed(error.to_string())),
        Err(panicked) => Err(Failure::Panicked(panicked)),
    }
}
