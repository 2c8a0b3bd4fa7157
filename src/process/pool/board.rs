//! What the pool's own process knows of its tasks: which wait, which are out, and who is to have
//! their outcomes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::error;
use crate::process::exit::Exit;
use crate::process::function::Function;
use crate::queue::messages::PutError;
use crate::shared::Array;

use super::error::TaskError;
use super::loss::Fate;
use super::outbox::Outbox;
use super::packing::Kept;
use super::shared::{Remains, Shared};
use super::wire::{self, Head, Ticket};

/// Who is to have the outcomes of tasks.
pub(super) trait Sink: Send + Sync {
    /// Encoded results and failures of the tasks from `first` on, as [`wire::outcomes`] reads them.
    fn done(&self, first: u32, outcomes: Vec<u8>);

    /// There will be no result of the task.
    fn failed(&self, task: u32, why: TaskError);
}

/// A context of calls: its number, and what keeps it in shared memory.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) id: u64,
    pub(super) handle: Vec<u8>,
    /// Held until the last chunk that needs it is done.
    pub(super) _array: Array<u8>,
}

/// Tasks that one worker is to do one after the other.
pub(super) struct Chunk {
    pub(super) function: Function,
    pub(super) context: Option<Arc<Context>>,
    /// Encoded arguments, one behind the other, and where each begins.
    pub(super) arguments: Vec<u8>,
    pub(super) starts: Vec<u32>,
    /// What the handles in the arguments name, until the last task is done.
    pub(super) kept: Option<Kept>,
    pub(super) sink: Arc<dyn Sink>,
    /// The number of its first task, to the sink.
    pub(super) first: u32,
    /// Tasks whose outcomes the sink has.
    pub(super) done: u32,
    /// Workers that its first task has killed.
    pub(super) killed: u32,
}

impl Chunk {
    fn count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// The tasks of `self` from the `from`th to before the `to`th.
    fn part(&self, from: u32, to: u32) -> Self {
        let (from_at, to_at) = (from as usize, to as usize);
        let start = |at: usize| {
            self.starts
                .get(at)
                .map_or(self.arguments.len(), |at| *at as usize)
        };
        let (begin, end) = (start(from_at), start(to_at));
        let starts = self.starts.get(from_at..to_at).unwrap_or_default();
        Self {
            function: self.function,
            context: self.context.clone(),
            arguments: self.arguments.get(begin..end).unwrap_or_default().to_vec(),
            starts: starts
                .iter()
                .map(|at| at.saturating_sub(u32::try_from(begin).unwrap_or(0)))
                .collect(),
            kept: self.kept.clone(),
            sink: self.sink.clone(),
            first: self.first.wrapping_add(from),
            done: 0,
            killed: 0,
        }
    }

    /// Has none of its tasks done.
    pub(super) fn refuse(&self, why: &TaskError) {
        let mut out = Outbox::default();
        self.fail(why, &mut out);
        out.deliver();
    }

    fn fail(&self, why: &TaskError, out: &mut Outbox) {
        for task in self.done..self.count() {
            out.push((
                self.sink.clone(),
                self.first.wrapping_add(task),
                Err(why.clone()),
            ));
        }
    }
}

/// Whether the pool takes tasks.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    Open,
    /// It does those that it has.
    Closed,
    /// It does nothing any more.
    Ended(TaskError),
}

/// A slot of [`Shared`], as the pool sees it.
#[derive(Default)]
struct Slot {
    turn: u32,
    chunk: Option<Chunk>,
}

/// Chunks, out and waiting.
pub(super) struct Board {
    pub(super) phase: Phase,
    slots: Vec<Slot>,
    free: Vec<u32>,
    waiting: VecDeque<Chunk>,
    /// Of slots that are out, by the seat that is to be killed, or was: why.
    pub(super) sentenced: HashMap<u32, TaskError>,
    retries: u32,
    /// Whether the queue was found full, or its lock held by somebody who was stopped.
    pub(super) is_refused: bool,
    out: Outbox,
}

impl Board {
    pub(super) fn new(slots: u32, retries: u32) -> Self {
        Self {
            phase: Phase::Open,
            slots: (0..slots).map(|_| Slot::default()).collect(),
            free: (0..slots).rev().collect(),
            waiting: VecDeque::new(),
            sentenced: HashMap::new(),
            retries,
            is_refused: false,
            out: Outbox::default(),
        }
    }

    /// What is to be delivered when the board is unlocked.
    pub(super) fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.out)
    }

    /// Chunks that are not done.
    pub(super) fn pending(&self) -> usize {
        self.slots.len() - self.free.len() + self.waiting.len()
    }

    /// Takes a chunk in, and puts it out as soon as there is room.
    pub(super) fn submit(&mut self, shared: &Shared, chunk: Chunk) {
        match &self.phase {
            Phase::Open => {
                self.waiting.push_back(chunk);
                self.put_out(shared);
            }
            Phase::Closed => chunk.fail(&TaskError::Closed, &mut self.out),
            Phase::Ended(why) => chunk.fail(why, &mut self.out),
        }
    }

    /// Puts chunks out as long as there is room for them.
    pub(super) fn put_out(&mut self, shared: &Shared) {
        self.is_refused = false;
        while let Some(slot) = self.free.last().copied()
            && let Some(chunk) = self.waiting.pop_front()
        {
            match self.offer(shared, slot, &chunk) {
                Ok(true) => {
                    self.free.pop();
                    self.slots[slot as usize].chunk = Some(chunk);
                }
                // Whoever makes room tells; but who has stopped with the lock has no room to make.
                Ok(false) => {
                    self.is_refused = true;
                    self.waiting.push_front(chunk);
                    break;
                }
                Err(error) => chunk.fail(&TaskError::of(&error), &mut self.out),
            }
        }
        if matches!(self.phase, Phase::Closed) && self.pending() == 0 {
            // Workers end when they find it closed; where that fails they are killed later.
            let _ = shared.tasks.close();
        }
    }

    /// `false` where there is no room.
    fn offer(&mut self, shared: &Shared, slot: u32, chunk: &Chunk) -> error::Result<bool> {
        let turn = self.slots[slot as usize].turn.wrapping_add(1);
        let ticket = Ticket { slot, turn };
        let context = chunk.context.as_ref();
        let head = Head {
            ticket,
            function: chunk.function,
            context: context.map(|context| (context.id, context.handle.clone())),
            count: chunk.count(),
        };
        let message = wire::write(&head, &chunk.arguments)?;
        shared.put_out(ticket)?;
        self.slots[slot as usize].turn = turn;
        match shared.tasks.try_put(&message) {
            Ok(()) => Ok(true),
            Err(PutError::Full) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A worker has sent outcomes.
    pub(super) fn done(&mut self, shared: &Shared, ticket: Ticket, first: u32, outcomes: &[u8]) {
        let Some(chunk) = self.chunk(ticket) else {
            return;
        };
        // From a scratch: some that were sent already.
        let known = chunk.done.saturating_sub(first);
        // No more than it has tasks, whatever was sent.
        let left = chunk.count().saturating_sub(chunk.done);
        let fresh = wire::first(wire::skip(outcomes, known), left);
        let count = u32::try_from(wire::outcomes(fresh).count()).unwrap_or(0);
        let delivery = (
            chunk.sink.clone(),
            chunk.first.wrapping_add(chunk.done),
            Ok(fresh.to_vec()),
        );
        chunk.done += count;
        let is_done = chunk.done >= chunk.count();
        if count > 0 {
            self.out.push(delivery);
        }
        if is_done {
            self.release(ticket.slot);
            self.put_out(shared);
        }
    }

    /// A worker has ended: settles what it had. Says what becomes of the task that it was in.
    pub(super) fn lost(
        &mut self,
        shared: &Shared,
        seat: u32,
        remains: Option<Remains>,
        (pid, exit): (u32, Exit),
    ) -> Option<Fate> {
        let sentence = self.sentenced.remove(&seat);
        let Some(remains) = remains else {
            // It may have made room, and not told.
            self.put_out(shared);
            return None;
        };
        let ticket = remains.ticket;
        self.done(shared, ticket, remains.first, &remains.outcomes);
        let chunk = self.chunk(ticket)?;
        let (done, count) = (chunk.done, chunk.count());
        let was_called = remains.called == Some(done);
        let killed = chunk.killed + 1;
        let victim = chunk.part(done, done + 1);
        let rest = chunk.part(done + u32::from(was_called), count);
        self.release(ticket.slot);
        if rest.count() > 0 {
            self.waiting.push_front(rest);
        }
        let fate = was_called.then(|| {
            if sentence.is_none() && killed <= self.retries {
                self.waiting.push_front(Chunk { killed, ..victim });
                return Fate::Again(killed, self.retries);
            }
            let why = sentence.unwrap_or(TaskError::WorkerLost { pid, exit });
            victim.fail(&why, &mut self.out);
            Fate::Failed(why)
        });
        self.put_out(shared);
        fate
    }

    /// Takes back the tasks that are meant and that no worker has begun with.
    pub(super) fn cancel(&mut self, shared: &Shared, is_meant: impl Fn(&Chunk) -> bool) -> bool {
        let mut its = Vec::new();
        if let Some(first) = self.waiting.iter().position(&is_meant) {
            for chunk in self.waiting.split_off(first) {
                if is_meant(&chunk) {
                    its.push(chunk);
                } else {
                    self.waiting.push_back(chunk);
                }
            }
        }
        for at in 0..u32::try_from(self.slots.len()).unwrap_or(0) {
            its.extend(self.withdraw(shared, at, &is_meant));
        }
        self.fail_all(shared, &its)
    }

    /// As [`Board::cancel`], for the only task of a sink: no more is looked at than need be, or to
    /// cancel many one by one would take for ever.
    pub(super) fn cancel_only(&mut self, shared: &Shared, sink: &Arc<dyn Sink>) -> bool {
        let is_its = |chunk: &Chunk| Arc::ptr_eq(&chunk.sink, sink);
        let slots = 0..u32::try_from(self.slots.len()).unwrap_or(0);
        let out = slots
            .into_iter()
            .find_map(|at| self.withdraw(shared, at, is_its));
        let its = out.or_else(|| {
            let at = self.waiting.iter().position(is_its)?;
            self.waiting.remove(at)
        });
        self.fail_all(shared, its.as_slice())
    }

    /// Takes a chunk back that is out, where it is meant and no worker has taken it.
    fn withdraw(
        &mut self,
        shared: &Shared,
        at: u32,
        is_meant: impl Fn(&Chunk) -> bool,
    ) -> Option<Chunk> {
        let slot = self.slots.get(at as usize)?;
        let ticket = Ticket {
            slot: at,
            turn: slot.turn,
        };
        let is_its =
            slot.chunk.as_ref().is_some_and(is_meant) && shared.cancel(ticket).unwrap_or(false);
        is_its.then(|| self.release(at))?
    }

    /// Has cancelled these; says whether there were any.
    fn fail_all(&mut self, shared: &Shared, its: &[Chunk]) -> bool {
        for chunk in its {
            chunk.fail(&TaskError::Cancelled, &mut self.out);
        }
        self.put_out(shared);
        !its.is_empty()
    }

    /// Whether a worker has taken a chunk of the sink.
    pub(super) fn has_begun(&self, shared: &Shared, sink: &Arc<dyn Sink>) -> bool {
        (0..).zip(&self.slots).any(|(at, slot)| {
            let its = slot.chunk.as_ref();
            let ticket = Ticket {
                slot: at,
                turn: slot.turn,
            };
            its.is_some_and(|chunk| Arc::ptr_eq(&chunk.sink, sink))
                && shared.taker(ticket).is_some()
        })
    }

    /// Ends it: everything that is not done fails.
    pub(super) fn end(&mut self, why: &TaskError) {
        self.phase = Phase::Ended(why.clone());
        for chunk in self.waiting.drain(..) {
            chunk.fail(why, &mut self.out);
        }
        for at in 0..u32::try_from(self.slots.len()).unwrap_or(0) {
            if let Some(chunk) = self.release(at) {
                chunk.fail(why, &mut self.out);
            }
        }
    }

    fn chunk(&mut self, ticket: Ticket) -> Option<&mut Chunk> {
        let slot = self.slots.get_mut(ticket.slot as usize)?;
        slot.chunk.as_mut().filter(|_| slot.turn == ticket.turn)
    }

    fn release(&mut self, slot: u32) -> Option<Chunk> {
        let chunk = self.slots.get_mut(slot as usize)?.chunk.take();
        if chunk.is_some() {
            self.free.push(slot);
        }
        chunk
    }
}
