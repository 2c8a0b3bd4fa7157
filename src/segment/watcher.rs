//! The thread that sleeps for all futures of this process.
//!
//! A future that cannot go on leaves a *slip* here, with its waker and the [`Berth`] where it
//! would sleep. The thread lies down there in its place, looks again, and sleeps for all of them at
//! once; where something is ready it wakes the future, which then tries. So whatever came between
//! the future's try and the slip is found by the thread's look, and whatever comes later moves the
//! word that the thread sleeps on.
//!
//! The thread takes nothing. A future that was told and goes away, or takes less than there is,
//! hands the wake on ([`Berth::hand_on`]); the thread does so for futures that left before.
//!
//! There is one thread in a process, from the first future that has to wait until none has waited
//! for a second. A forked child has none, and starts its own when one of its futures has to wait.

mod future;
mod group;
mod slip;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::raw::{Pace, Waited};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::{Deadline, monotonic_nanos};
use crate::sys::fork::OfProcess;
use crate::sys::{futex, thread};

use super::alarm::Alarm;
use super::berth::{Berth, fence_everywhere};
use super::seat::Seat;
use group::Group;
use slip::Slip;

pub(crate) use future::{Waiting, Wish};

/// How the futures of a process and the thread that sleeps for them meet.
#[derive(Default)]
struct Watcher {
    /// Moved and woken when there is news for the thread.
    bell: AtomicU32,
    /// Whether a future left since the thread looked who did.
    left: AtomicU32,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    has_thread: bool,
    arrivals: Vec<Arrival>,
}

/// A future that begins to wait.
struct Arrival {
    berth: Box<dyn Berth>,
    slip: Arc<Slip>,
}

/// Wiped by a fork, so that a child finds no watcher.
static PAGE: OfProcess<Watcher> = OfProcess::new();
/// How long the thread lives without anything to do.
const IDLE: Duration = Duration::from_secs(1);
/// Rounds in which somebody was told before the thread takes a breath, so that a peer that writes
/// garbage without end cannot keep it running.
const BUSY: u32 = 1024;
const BREATH: u64 = 1_000_000;
/// Between two questions who is dead, where the slices are short because there is much to watch.
const BETWEEN_QUESTIONS: u64 = 20_000_000;

impl Watcher {
    /// That of this process, if it has one.
    fn current() -> Option<&'static Self> {
        PAGE.get()
    }

    /// That of this process, made at the first use.
    fn of_this_process() -> Result<&'static Self> {
        PAGE.get_or_make()
            .map_err(|e| Error::os(e, "wait in a future"))
    }

    /// Leaves the slip of a future that begins to wait.
    fn admit(&'static self, arrival: Arrival) -> Result<()> {
        let mut desk = self.desk.lock();
        desk.arrivals.push(arrival);
        if desk.has_thread {
            drop(desk);
            self.tell();
            return Ok(());
        }
        let thread = std::thread::Builder::new().name("outlive-watcher".into());
        if let Err(e) = thread.spawn(|| self.run()) {
            desk.arrivals.pop();
            return Err(Error::os(e, "start the thread that sleeps for futures"));
        }
        desk.has_thread = true;
        Ok(())
    }

    /// Has the thread look again.
    fn tell(&self) {
        // Release: pairs with the Acquire of the thread's round. The desk orders the news itself.
        self.bell.fetch_add(1, Ordering::Release);
        futex::wake(&self.bell, 1);
    }

    /// Has the thread forget the futures that left.
    fn tell_of_leaving(&self) {
        // Release: the slip says so before.
        self.left.store(1, Ordering::Release);
        self.tell();
    }

    fn run(&self) {
        thread::block_signals();
        let mut groups = Vec::new();
        let mut pace = Pace::new();
        let (mut ask, mut asked, mut busy) = (false, 0, 0);
        loop {
            // Acquire: before the desk, so that no news comes between unheard.
            let heard = self.bell.load(Ordering::Acquire);
            // Acquire: whoever left by now came before: it is among the arrivals, or was. Between the
            // bell and the desk, so that whoever leaves later is heard the next time.
            let has_left = self.left.swap(0, Ordering::Acquire) != 0;
            let arrivals = std::mem::take(&mut self.desk.lock().arrivals);
            if arrivals.is_empty() && groups.is_empty() {
                if self.is_over(heard) {
                    return;
                }
                continue;
            }
            if !arrivals.is_empty() {
                pace = Pace::new();
            }
            for arrival in arrivals {
                Group::admit(&mut groups, arrival);
            }
            if has_left {
                groups.retain_mut(Group::is_wanted);
            }
            if !lie_down(&mut groups) {
                pace.shorten();
            }
            let now = monotonic_nanos();
            if groups.len() >= futex::MOST_WORDS {
                ask &= now.saturating_sub(asked) >= BETWEEN_QUESTIONS;
            }
            if ask {
                asked = now;
            }
            if tell_ready(&mut groups, ask) {
                pace = Pace::new();
                busy += 1;
            }
            if busy > BUSY {
                busy = 0;
                let idle = AtomicU32::new(0);
                futex::wait(&[(&idle, 0)], monotonic_nanos().saturating_add(BREATH));
            }
            let waited = self.sleep(heard, &groups, &mut pace);
            ask = waited != Waited::Woken;
            if ask {
                busy = 0;
            } else {
                groups.iter_mut().for_each(Group::heed_wake);
            }
        }
    }

    /// Waits for something to do; `true` where it was so long in vain that the thread is to end.
    fn is_over(&self, heard: u32) -> bool {
        let idle = u64::try_from(IDLE.as_nanos()).unwrap_or(u64::MAX);
        let until = monotonic_nanos().saturating_add(idle);
        if futex::wait(&[(&self.bell, heard)], until) != futex::Woken::Time {
            return false;
        }
        let mut desk = self.desk.lock();
        desk.has_thread = !desk.arrivals.is_empty();
        !desk.has_thread
    }

    fn sleep(&self, heard: u32, groups: &[Group], pace: &mut Pace) -> Waited {
        let seats: Vec<(&Group, Seat<'_>)> = (groups.iter())
            .filter_map(|group| Some((group, group.berth.object().seat().ok()?)))
            .collect();
        let alarms: Vec<_> = seats
            .iter()
            .map(|(group, seat)| group.alarm(*seat))
            .collect();
        let control = Some((&self.bell, heard));
        Alarm::wait_for_any(control, &alarms, pace, Deadline::NEVER)
    }
}

/// Lies down where something happened since the last time; `false` where the next sleep is to be a
/// short one.
fn lie_down(groups: &mut [Group]) -> bool {
    groups.iter_mut().for_each(Group::lie_down_again);
    let fresh = groups.iter().filter(|group| group.is_fresh);
    let objects: Vec<_> = fresh.map(|group| group.berth.object()).collect();
    // An error is told to the futures: their tries meet it too.
    fence_everywhere(&objects).unwrap_or(true)
}

/// Wakes the futures that have reason to try; `false` where there is none.
fn tell_ready(groups: &mut Vec<Group>, ask: bool) -> bool {
    let mut wakers: Vec<Waker> = Vec::new();
    for group in groups.iter_mut() {
        group.look(ask, &mut wakers);
    }
    // Their objects are given up before the futures go on.
    groups.retain(|group| !group.slips.is_empty());
    let is_any = !wakers.is_empty();
    for waker in wakers {
        // A panic of the executor's is not to take the other futures along.
        if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
            log::warn!("a waker panicked");
        }
    }
    is_any
}
