//! How a record gets into the queue: without waiting for long, and without a record that is made on
//! the way being in its own way.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::Record;
use parking_lot::Mutex;

use crate::queue::messages::PutError;
use crate::sys::clock::{Deadline, monotonic_nanos};

use super::channel::Channel;
use super::entry;

/// How long the writer may take to show something. In slices, of which a pause of the whole machine
/// takes only one away.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
const SLICE: Duration = Duration::from_millis(250);
const SLICES: u128 = PATIENCE.as_millis() / SLICE.as_millis();

/// Most slices that a record waits while others find room.
const MOST_SLICES: u32 = 80;

/// Most records that are kept for later, of those made by the way of others.
const MOST_KEPT: usize = 64;

/// How often what was made by the way is sent, before the rest of it counts as lost.
const ROUNDS: u32 = 4;

thread_local! {
    /// What this thread logs while it sends; `None` while it does not.
    static BY_THE_WAY: RefCell<Option<Vec<Vec<u8>>>> = const { RefCell::new(None) };
}

/// What this crate logged in a forked child before that took part in the home segment, with the
/// number of the child. It may have been said by a thread that was about to make it take part, so it is
/// sent with the next record of the program's own.
static EARLY: Mutex<Vec<(u32, Vec<u8>)>> = Mutex::new(Vec::new());

/// How long none is tried after one that found no room: even a try takes its time where somebody has
/// been stopped in the short lock of the queue.
const REST: Duration = Duration::from_millis(50);

/// Until when nothing is tried, as the last record found no room; 0 where it did.
static STUCK_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Sends a record, or counts it as lost.
pub(super) fn send(channel: &Channel, record: &Record<'_>) {
    // First of all: what is formatted may log, too.
    let Some(bytes) = entry::pack(channel, record) else {
        return channel.lose();
    };
    let Some(bytes) = keep_by_the_way(channel, bytes) else {
        return;
    };
    let is_own = record.target().split("::").next() == Some("outlive");
    if is_own && !channel.is_joined() {
        // No waiting: a fork may have caught another thread here.
        match EARLY.try_lock() {
            Some(mut early) if early.len() < MOST_KEPT => early.push((std::process::id(), bytes)),
            _ => channel.lose(),
        }
        return;
    }
    let (_, mut more) = aside(|| {
        channel.join();
        put(channel, &bytes);
    });
    if let Some(mut early) = EARLY.try_lock() {
        let early = std::mem::take(&mut *early).into_iter();
        // The others are the parent's.
        more.extend(
            early
                .filter(|(pid, _)| *pid == std::process::id())
                .map(|(_, bytes)| bytes),
        );
    }
    for _ in 0..ROUNDS {
        let sent = std::mem::take(&mut more);
        more = aside(|| sent.iter().for_each(|bytes| put(channel, bytes))).1;
    }
    more.iter().for_each(|_| channel.lose());
}

/// Does something, and keeps aside what this thread logs meanwhile.
pub(super) fn aside<R>(act: impl FnOnce() -> R) -> (R, Vec<Vec<u8>>) {
    let set = |kept| BY_THE_WAY.try_with(|by_the_way| by_the_way.replace(kept));
    let outer = set(Some(Vec::new()));
    let done = act();
    let kept = set(outer.unwrap_or_default());
    (done, kept.ok().flatten().unwrap_or_default())
}

/// Gives the record back where this thread is not sending or writing another.
fn keep_by_the_way(channel: &Channel, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut bytes = Some(bytes);
    // A thread whose own variables are gone does nothing else any more.
    let _ = BY_THE_WAY.try_with(|by_the_way| {
        if let Some(kept) = &mut *by_the_way.borrow_mut() {
            match bytes.take() {
                Some(bytes) if kept.len() < MOST_KEPT => kept.push(bytes),
                _ => channel.lose(),
            }
        }
    });
    bytes
}

fn put(channel: &Channel, bytes: &Vec<u8>) {
    // Relaxed: each record finds out by itself.
    let until = STUCK_UNTIL.load(Ordering::Relaxed);
    if until > 0 && monotonic_nanos() < until {
        return channel.lose();
    }
    let put = match until {
        0 => put_while_shown(channel, bytes),
        _ => channel.put(bytes, None),
    };
    match put {
        Ok(()) if until == 0 => {}
        Ok(()) => STUCK_UNTIL.store(0, Ordering::Relaxed),
        // There would be no room in an empty queue either, and there may be for the next.
        Err(PutError::TooLarge { .. }) => channel.lose(),
        Err(_) => {
            channel.lose();
            let rest = Deadline::after(REST).nanos();
            STUCK_UNTIL.store(rest.unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// Puts something, waiting for room while the writer shows anything.
pub(super) fn put_while_shown(channel: &Channel, bytes: &Vec<u8>) -> Result<(), PutError> {
    let mut in_vain = 0;
    for _ in 0..MOST_SLICES {
        let before = channel.shown();
        match channel.put(bytes, Some(SLICE)) {
            Err(PutError::Full) => {}
            put => return put,
        }
        in_vain = if channel.shown() == before {
            in_vain + 1
        } else {
            0
        };
        if in_vain == SLICES {
            break;
        }
    }
    Err(PutError::Full)
}
