//! The workers of a pool, and the two threads that look after them: one hears what they say, the
//! other sees them end and has others take their places.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::process::builder::Builder;
use crate::process::child::Child;
use crate::process::exit::Exit;
use crate::process::function::Function;
use crate::process::sleep;
use crate::segment::Segment;
use crate::segment::baggage::Baggage;
use crate::sys::bell::Bell;
use crate::sys::clock::Deadline;

use super::board::{Board, Chunk, Phase, Sink};
use super::error::TaskError;
use super::shared::Shared;
use super::wire::{self, News};
use super::worker::{self, Post, work};

/// What a pool is to be.
pub(super) struct Plan {
    pub(super) workers: u32,
    pub(super) initializer: Option<(Function, Vec<u8>)>,
    /// Where the objects lie of which it has handles.
    pub(super) segments: Vec<Segment>,
    /// Held as long as workers may look for them.
    pub(super) _baggage: Mutex<Baggage>,
    pub(super) most_tasks: Option<u64>,
    pub(super) task_timeout: Option<Duration>,
}

/// The place of a worker.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) state: SeatState,
    /// Deaths since a task was last done.
    pub(super) strikes: u32,
    /// The task that it was last seen at, and since when.
    pub(super) seen: Option<((u64, u64), Instant)>,
}

#[derive(Default)]
pub(super) enum SeatState {
    /// Somebody is to be started, but not before this.
    #[default]
    Empty,
    Later(Instant),
    /// Somebody is being started.
    Hiring {
        is_ready: bool,
    },
    Taken {
        child: Child,
        is_ready: bool,
    },
    /// What its worker had is not settled yet.
    Dead {
        pid: u32,
        was_ready: bool,
    },
}

/// A pool, as its threads and all its handles share it.
pub(super) struct Crew {
    pub(super) shared: Shared,
    pub(super) segment: Segment,
    pub(super) plan: Plan,
    board: Mutex<Board>,
    pub(super) seats: Mutex<Vec<Seat>>,
    /// Told when the last seat of a closed pool is empty.
    pub(super) over: Condvar,
    /// Rung for the keeper.
    pub(super) bell: Bell,
    /// The process that has the threads: a forked child has not.
    owner: u32,
}

/// Deaths of workers that had not begun, one after the other, until the pool gives up.
pub(super) const MOST_UNREADY: u32 = 8;

/// The longest pause before a place is taken again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Crew {
    pub(super) fn new(
        shared: Shared,
        segment: Segment,
        plan: Plan,
        board: Board,
    ) -> Result<Arc<Self>> {
        let bell = Bell::new().map_err(|e| Error::os(e, "start a pool"))?;
        let seats = (0..plan.workers).map(|_| Seat::default()).collect();
        Ok(Arc::new(Self {
            shared,
            segment,
            plan,
            board: Mutex::new(board),
            seats: Mutex::new(seats),
            over: Condvar::new(),
            bell,
            owner: std::process::id(),
        }))
    }

    /// Whether this is the process that started it.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Does something with the board, and then delivers what came of it.
    pub(super) fn with_board<R>(&self, act: impl FnOnce(&mut Board) -> R) -> R {
        let mut board = self.board.lock();
        let was_refused = board.is_refused;
        let done = act(&mut board);
        let is_refused = board.is_refused;
        let outbox = board.take_outbox();
        drop(board);
        if is_refused && !was_refused {
            self.ring();
        }
        outbox.deliver();
        done
    }

    /// Wakes the keeper.
    pub(super) fn ring(&self) {
        self.bell.ring();
    }

    /// Ends it for this reason: nothing more is done.
    pub(super) fn end(&self, why: &TaskError) {
        self.with_board(|board| {
            if !matches!(board.phase, Phase::Ended(_)) {
                board.end(why);
            }
        });
        self.ring();
    }

    /// Takes no more tasks.
    pub(super) fn close(&self) {
        self.with_board(|board| {
            if matches!(board.phase, Phase::Open) {
                board.phase = Phase::Closed;
                board.put_out(&self.shared);
            }
        });
        self.ring();
    }

    /// Takes back what no worker has begun with: the tasks of a sink. Says whether there were any.
    pub(super) fn cancel(&self, sink: &Arc<dyn Sink>) -> bool {
        let is_its = |chunk: &Chunk| Arc::ptr_eq(&chunk.sink, sink);
        self.take_back(|board| board.cancel(&self.shared, is_its))
    }

    /// As [`Crew::cancel`], where the sink has one task.
    pub(super) fn cancel_only(&self, sink: &Arc<dyn Sink>) -> bool {
        self.take_back(|board| board.cancel_only(&self.shared, sink))
    }

    /// Takes back whatever no worker has begun with.
    pub(super) fn cancel_all(&self) {
        self.take_back(|board| board.cancel(&self.shared, |_| true));
    }

    fn take_back(&self, act: impl FnOnce(&mut Board) -> bool) -> bool {
        let were_any = self.with_board(act);
        if were_any {
            // They may have been the last ones of a closed pool.
            self.ring();
        }
        were_any
    }

    /// Whether a worker has begun with a task of the sink.
    pub(super) fn has_begun(&self, sink: &Arc<dyn Sink>) -> bool {
        self.board.lock().has_begun(&self.shared, sink)
    }

    /// Whether nothing is to be done any more, and nobody left to do it.
    pub(super) fn is_over(&self) -> bool {
        self.is_over_with(&self.seats.lock())
    }

    fn is_over_with(&self, seats: &[Seat]) -> bool {
        !self.needs_workers() && seats.iter().all(Seat::is_vacant)
    }

    /// Whether empty seats are to be taken.
    pub(super) fn needs_workers(&self) -> bool {
        let board = self.board.lock();
        match board.phase {
            Phase::Open => true,
            Phase::Closed => board.pending() > 0,
            Phase::Ended(_) => false,
        }
    }

    /// Chunks that are not done.
    pub(super) fn pending(&self) -> usize {
        self.board.lock().pending()
    }

    /// Of the workers.
    pub(super) fn pids(&self) -> Vec<u32> {
        let seats = self.seats.lock();
        let pid = |seat: &Seat| match &seat.state {
            SeatState::Taken { child, .. } => Some(child.pid()),
            _ => None,
        };
        seats.iter().filter_map(pid).collect()
    }

    /// Puts out what was refused before; says whether it was again.
    pub(super) fn put_again(&self) -> bool {
        self.with_board(|board| {
            if board.is_refused {
                board.put_out(&self.shared);
            }
            board.is_refused
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.board.lock().phase, Phase::Ended(_))
    }

    /// Starts a worker for a seat.
    pub(super) fn hire(&self, seat: u32) -> Result<Child> {
        let post = Post {
            seat,
            shared: self.shared.clone(),
            initializer: self.plan.initializer.clone(),
            segments: self.plan.segments.clone(),
            most_tasks: self.plan.most_tasks,
        };
        let process = Builder::new()
            .name(worker::name(seat))
            .daemon(true)
            .spawn(work, post)?;
        Ok((*process).clone())
    }

    /// When a seat may be taken again after a death.
    pub(super) fn pause(strikes: u32) -> SeatState {
        match strikes {
            0 | 1 => SeatState::Empty,
            _ => {
                let pause = Duration::from_millis(1 << strikes.min(20));
                SeatState::Later(Instant::now() + pause.min(LONGEST_PAUSE))
            }
        }
    }

    /// Tells the collector of the end of a worker.
    pub(super) fn announce(&self, seat: u32, exit: Exit) {
        self.say(&News::Ended(seat, exit));
    }

    /// Tells the collector something.
    pub(super) fn say(&self, news: &News) {
        if let Ok(message) = wire::write(news, &[]) {
            // It takes what comes, so there is room again.
            let _ = self.shared.news.put(&message);
        }
    }

    /// Waits until a closed pool has done everything and its workers have ended.
    pub(super) fn wait_until_over(&self, deadline: Deadline) -> bool {
        let is_over = |seats: &Vec<Seat>| self.is_over_with(seats);
        sleep::until(&self.over, &mut self.seats.lock(), deadline, is_over)
    }
}

impl Seat {
    pub(super) fn is_vacant(&self) -> bool {
        matches!(self.state, SeatState::Empty | SeatState::Later(_))
    }
}
