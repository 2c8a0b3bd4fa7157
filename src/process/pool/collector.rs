//! The thread that hears what the workers of a pool say.

use crate::process::exit::Exit;

use super::crew::{Crew, MOST_UNREADY, SeatState};
use super::error::TaskError;
use super::loss::Loss;
use super::wire::{self, Failure, News};

/// Hears until the pool is no more.
pub(super) fn collect(crew: &Crew) {
    let mut unready = 0;
    // Fails only when the queue was written over.
    while let Ok(message) = crew.shared.news.get() {
        let Ok((news, body)) = wire::read::<News>(&message) else {
            continue;
        };
        match news {
            News::Ready(seat) => {
                unready = 0;
                set_ready(crew, seat);
            }
            News::NotReady(_, failure) => crew.end(&not_ready(failure)),
            News::Done(ticket, first) => {
                if let Some(seat) = crew.shared.taker(ticket) {
                    forgive(crew, seat);
                }
                crew.with_board(|board| board.done(&crew.shared, ticket, first, body));
            }
            News::Skipped => crew.with_board(|board| board.put_out(&crew.shared)),
            News::Ended(seat, exit) => {
                let was_ready = bury(crew, seat, exit);
                unready = if was_ready { 0 } else { unready + 1 };
                if unready >= MOST_UNREADY {
                    crew.end(&TaskError::Failed(format!(
                        "the pool has ended: {unready} workers in a row ended before they had \
                         begun, the last with {exit}"
                    )));
                }
            }
            News::Quit => return,
        }
    }
}

fn set_ready(crew: &Crew, seat: u32) {
    if let Some(seat) = crew.seats.lock().get_mut(seat as usize)
        && let SeatState::Hiring { is_ready } | SeatState::Taken { is_ready, .. } = &mut seat.state
    {
        *is_ready = true;
    }
}

fn forgive(crew: &Crew, seat: u32) {
    if let Some(seat) = crew.seats.lock().get_mut(seat as usize) {
        seat.strikes = 0;
    }
}

/// Settles what a dead worker had, and lets another take its seat. Says whether it had begun.
fn bury(crew: &Crew, seat: u32, exit: Exit) -> bool {
    let (pid, was_ready) = match crew.seats.lock().get(seat as usize).map(|seat| &seat.state) {
        Some(SeatState::Dead { pid, was_ready }) => (*pid, *was_ready),
        _ => return true,
    };
    let remains = crew.shared.remains(seat).ok().flatten();
    let fate = crew.with_board(|board| board.lost(&crew.shared, seat, remains, (pid, exit)));
    Loss {
        seat,
        pid,
        exit,
        fate,
    }
    .tell();
    let mut seats = crew.seats.lock();
    if let Some(seat) = seats.get_mut(seat as usize) {
        if exit != Exit::Code(0) {
            seat.strikes += 1;
        }
        seat.state = Crew::pause(seat.strikes);
        seat.seen = None;
    }
    crew.over.notify_all();
    drop(seats);
    crew.ring();
    was_ready
}

fn not_ready(failure: Failure) -> TaskError {
    match failure {
        Failure::Panicked(panicked) => TaskError::Failed(format!(
            "the pool has ended: its initializer failed: {panicked}"
        )),
        Failure::Failed(why) => {
            TaskError::Failed(format!("the pool has ended: its initializer failed: {why}"))
        }
    }
}
