//! The thread that sees the workers of a pool end, and has others take their places.

use std::error::Error as _;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};
use crate::process::child::Child;
use crate::process::exit::Exit;
use crate::sys::clock::Deadline;
use crate::sys::readiness::{self, Ready};

use super::crew::{Crew, SeatState};
use super::error::TaskError;
use super::wire::News;

/// How long the place of a worker that could not be started stays empty.
const NO_PROCESS: Duration = Duration::from_millis(100);

/// How long others are waited for, a server's word or room in a queue, before the next look.
const WORD: Duration = Duration::from_millis(20);

/// How often tasks are looked at that may take too long, in parts of what they may take.
const LOOKS: u32 = 8;

/// Keeps until the pool has ended, or has done all that a closed one is to do; then no worker lives,
/// and the collector ends too.
pub(super) fn keep(crew: &Crew) {
    loop {
        // Before the look at what there is to do.
        crew.bell.hush();
        if crew.is_over() || crew.has_ended() {
            break;
        }
        let limit = crew.plan.task_timeout;
        let looks = [
            crew.needs_workers().then(|| fill(crew)).flatten(),
            crew.put_again().then(|| Instant::now() + WORD),
            limit.and_then(|limit| watch_time(crew, limit)),
        ];
        let children: Vec<_> = (0..)
            .zip(crew.seats.lock().iter())
            .filter_map(|(at, seat)| match &seat.state {
                SeatState::Taken { child, .. } => Some((at, child.clone())),
                _ => None,
            })
            .collect();
        let watched: Vec<_> = std::iter::once(crew.bell.as_fd())
            .chain(children.iter().map(|(_, child)| child.as_fd()))
            .collect();
        let next = looks.into_iter().flatten().min();
        let deadline = next.map_or(Deadline::NEVER, Deadline::at);
        let ready = readiness::which(&watched, deadline).unwrap_or_default();
        for at in ready {
            if let Some((seat, child)) = at.checked_sub(1).and_then(|at| children.get(at)) {
                let exit = exit_of(crew, child);
                vacate(crew, *seat);
                crew.announce(*seat, exit);
            }
        }
    }
    dismiss(crew);
    crew.say(&News::Quit);
}

/// Starts workers for the empty seats; says when to look again.
fn fill(crew: &Crew) -> Option<Instant> {
    let now = Instant::now();
    let due: Vec<u32> = (0..)
        .zip(crew.seats.lock().iter_mut())
        .filter_map(|(number, seat)| {
            let is_due = match seat.state {
                SeatState::Empty => true,
                SeatState::Later(then) => then <= now,
                _ => false,
            };
            is_due.then(|| {
                seat.state = SeatState::Hiring { is_ready: false };
                number
            })
        })
        .collect();
    for number in due {
        // Without the lock of the seats: a server that is stopped keeps nobody else waiting.
        let hired = crew.hire(number);
        if let Err(error) = &hired
            && is_final(error)
        {
            crew.end(&TaskError::of(error));
        }
        if let Some(seat) = crew.seats.lock().get_mut(number as usize) {
            let is_ready = matches!(seat.state, SeatState::Hiring { is_ready: true });
            seat.state = match hired {
                Ok(child) => SeatState::Taken { child, is_ready },
                Err(error) => {
                    log::warn!("start a pool's worker, and try again soon: {error}");
                    SeatState::Later(now + NO_PROCESS)
                }
            };
        }
    }
    let seats = crew.seats.lock();
    let later = seats.iter().filter_map(|seat| match seat.state {
        SeatState::Later(then) => Some(then),
        _ => None,
    });
    later.min()
}

/// Whether no later try would have another end: the system has not what is needed, or refuses it.
fn is_final(error: &Error) -> bool {
    let reason = error
        .source()
        .and_then(<dyn std::error::Error>::downcast_ref);
    error.kind() == ErrorKind::Unsupported
        || reason.is_some_and(|reason: &io::Error| {
            use io::ErrorKind::{PermissionDenied, Unsupported};
            matches!(reason.kind(), PermissionDenied | Unsupported)
        })
}

/// Kills workers whose task takes too long; says when to look again.
fn watch_time(crew: &Crew, limit: Duration) -> Option<Instant> {
    if crew.pending() == 0 {
        return None;
    }
    let now = Instant::now();
    for (number, seat) in (0..).zip(crew.seats.lock().iter_mut()) {
        let SeatState::Taken { child, .. } = &seat.state else {
            continue;
        };
        let at = crew.shared.called(number);
        seat.seen = match (at, seat.seen) {
            (Some(at), Some((seen, since))) if at == seen => Some((seen, since)),
            (Some(at), _) => Some((at, now)),
            (None, _) => None,
        };
        if let Some((_, since)) = seat.seen
            && now.duration_since(since) >= limit
        {
            crew.with_board(|board| board.sentenced.insert(number, TaskError::TookTooLong));
            let _ = child.kill();
        }
    }
    let pace = limit / LOOKS;
    Some(now + pace.clamp(Duration::from_millis(1), Duration::from_millis(100)))
}

/// How a worker ended that has. Its server tells that; where that is stopped, who ends the pool is not
/// to wait for it.
fn exit_of(crew: &Crew, child: &Child) -> Exit {
    loop {
        match child.wait_timeout(WORD) {
            Ok(Some(exit)) => return exit,
            Ok(None) if !crew.has_ended() => {}
            _ => return Exit::Unknown,
        }
    }
}

fn vacate(crew: &Crew, seat: u32) {
    if let Some(seat) = crew.seats.lock().get_mut(seat as usize)
        && let SeatState::Taken { child, is_ready } = &seat.state
    {
        seat.state = SeatState::Dead {
            pid: child.pid(),
            was_ready: *is_ready,
        };
    }
}

/// Kills all workers, and waits for their ends.
fn dismiss(crew: &Crew) {
    let mut seats = crew.seats.lock();
    for seat in seats.iter_mut() {
        if let SeatState::Taken { child, .. } = &seat.state {
            match child.kill() {
                // Not for what its server says of it.
                Ok(()) => drop(readiness::wait(
                    child.as_fd(),
                    Ready::ToReceive,
                    Deadline::NEVER,
                )),
                Err(error) => log::warn!("end a pool's worker, and leave it alone: {error}"),
            }
        }
        seat.state = SeatState::Empty;
    }
    crew.over.notify_all();
}
