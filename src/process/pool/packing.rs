//! Arguments of tasks, packed into chunks that can travel.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::error::Result;
use crate::process::function::{Callable, Function};
use crate::segment::baggage::Baggage;

use super::board::{Chunk, Context, Sink};
use super::crew::Crew;
use super::error::TaskError;
use super::wire;

/// How much of the longest message a chunk of several tasks may be: so that the longest tasks leave
/// room for others.
const PART: usize = 4;

/// What the handles in arguments need; a lock only so that chunks of several threads can share it.
pub(super) type Kept = Arc<Mutex<Vec<Baggage>>>;

/// Encoded arguments, one behind the other, and where each begins.
#[derive(Default)]
struct Packed {
    /// The number of the first one's task.
    first: u32,
    arguments: Vec<u8>,
    starts: Vec<u32>,
    baggage: Vec<Baggage>,
}

impl Packed {
    fn beginning_with(first: u32) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Adds an argument, that of the task `number`. Where both would be too long, what was packed
    /// before goes.
    fn add<T: Serialize>(&mut self, number: u32, item: &T, most: usize) -> Result<Option<Self>> {
        let mut start = self.arguments.len();
        let write = || wire::frame_argument(&mut self.arguments, item);
        let (written, baggage) = Baggage::pack(write);
        if let Err(error) = written {
            self.arguments.truncate(start);
            return Err(error);
        }
        let is_too_long = start > 0 && self.arguments.len() > most;
        let full = is_too_long.then(|| {
            // Moved, not written again: a handle can be given away only once.
            let arguments = self.arguments.split_off(start);
            start = 0;
            let next = Self {
                arguments,
                ..Self::beginning_with(number)
            };
            std::mem::replace(self, next)
        });
        self.starts.push(u32::try_from(start).unwrap_or(u32::MAX));
        if !baggage.is_empty() {
            self.baggage.push(baggage);
        }
        Ok(full)
    }
}

impl Crew {
    /// Has a worker do tasks one after the other, whose outcomes go to a sink from the number
    /// `first` on. An argument that cannot be sent is the failure of its task only.
    pub(super) fn submit<F: Callable, T: Serialize>(
        &self,
        function: &F,
        items: &[T],
        context: Option<&Arc<Context>>,
        sink: &Arc<dyn Sink>,
        first: u32,
    ) {
        let most = self.shared.tasks.max_message() / PART;
        let function = Function::new(function).map_err(|e| TaskError::of(&e));
        let put = |packed: Packed| {
            if let Ok(function) = &function
                && !packed.starts.is_empty()
            {
                let is_plain = packed.baggage.is_empty();
                self.put(Chunk {
                    function: *function,
                    context: context.cloned(),
                    arguments: packed.arguments,
                    starts: packed.starts,
                    kept: (!is_plain).then(|| Arc::new(Mutex::new(packed.baggage))),
                    sink: sink.clone(),
                    first: packed.first,
                    done: 0,
                    killed: 0,
                });
            }
        };
        let mut packed = Packed::beginning_with(first);
        let mut number = first;
        for item in items {
            let next = number.wrapping_add(1);
            let added = match &function {
                Ok(_) => packed
                    .add(number, item, most)
                    .map_err(|e| TaskError::of(&e)),
                Err(error) => Err(error.clone()),
            };
            match added {
                Ok(full) => full.into_iter().for_each(put),
                Err(error) => {
                    put(std::mem::replace(&mut packed, Packed::beginning_with(next)));
                    sink.failed(number, error);
                }
            }
            number = next;
        }
        put(packed);
    }

    fn put(&self, chunk: Chunk) {
        if !self.is_ours() {
            let why = "submit to a pool of the parent's: start one in this process";
            return chunk.refuse(&TaskError::Failed(why.to_owned()));
        }
        self.with_board(|board| board.submit(&self.shared, chunk));
        if self.plan.task_timeout.is_some() {
            self.ring();
        }
    }
}
