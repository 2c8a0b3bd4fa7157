//! When operations are due, and what became of each.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Times;
use crate::mapping::{Resident, Shared};
use crate::measure::now;
use crate::sides::{Body, Gate};

/// Most times that are kept.
const MOST: usize = 1 << 15;

/// Operations at even distances.
#[derive(Clone, Copy)]
pub struct Schedule {
    pub count: u64,
    /// Nanoseconds from one operation to the next.
    pub interval: u64,
    /// Whether others keep the processors busy.
    pub is_busy: bool,
}

impl Schedule {
    /// Does each operation when it is due, or as soon afterwards as the last one is done. `false` if
    /// it falls behind so far that it must keep less than half of the pace.
    pub fn keep(&self, begin: u64, mut operation: impl FnMut(u64)) -> bool {
        let end = begin + self.patience();
        for nth in 0..self.count {
            let due = begin + nth * self.interval;
            self.wait(due);
            if now() > end {
                return false;
            }
            operation(due);
        }
        true
    }

    /// How long it may take at most.
    fn patience(&self) -> u64 {
        2 * self.count * self.interval
    }

    /// Where processors are shared, a side that polled for what is due would be a busy one itself.
    fn wait(&self, due: u64) {
        if self.is_busy {
            sleep_until(due);
        }
        while now() < due {
            std::hint::spin_loop();
        }
    }
}

fn sleep_until(due: u64) {
    let time = libc::timespec {
        tv_sec: (due / 1_000_000_000) as libc::time_t,
        tv_nsec: (due % 1_000_000_000) as libc::c_long,
    };
    let rest = std::ptr::null_mut();
    let (clock, flags) = (libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME);
    // SAFETY: reads `time`, and writes to nothing.
    unsafe { libc::clock_nanosleep(clock, flags, &time, rest) };
}

/// Lets timers of this thread end when they are due, not when it suits the kernel.
pub fn be_punctual() {
    // SAFETY: sets a number of this thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

/// Times that sides write down, and what they tell each other.
#[repr(C)]
pub struct Log {
    count: AtomicU64,
    /// When the first operation is due, once somebody has said it.
    begin: AtomicU64,
    is_over: AtomicU32,
    times: [AtomicU64; MOST],
}
// SAFETY: atomics only.
unsafe impl Resident for Log {}

impl Log {
    pub fn new() -> Shared<Self> {
        Shared::new()
    }

    /// The same for all sides: soon after the first one asks.
    pub fn begin(&self) -> u64 {
        const SOON: u64 = 1_000_000;
        let own = now() + SOON;
        let order = Ordering::AcqRel;
        let first = self
            .begin
            .compare_exchange(0, own, order, Ordering::Acquire);
        first.map_or_else(|other| other, |_| own)
    }

    /// Writes down that what was due then has come about now.
    pub fn done(&self, due: u64) {
        let nanos = now().saturating_sub(due);
        let nth = self.count.fetch_add(1, Ordering::Relaxed) as usize;
        self.times[nth % MOST].store(nanos, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) != 0
    }

    /// Lets the busy ones go.
    pub fn end(&self) {
        self.is_over.store(1, Ordering::Relaxed);
    }

    /// What was written down, but for the first tenth, which warms up.
    pub fn times(&self) -> Times {
        let count = self.count.load(Ordering::Relaxed) as usize;
        if count > MOST {
            return Err(format!("{count} times, and room for {MOST}"));
        }
        let times = self.times[count / 10..count].iter();
        Ok(times.map(|nanos| nanos.load(Ordering::Relaxed)).collect())
    }
}

/// With a busy side for each processor, where the schedule wants them.
pub fn in_company<'a>(schedule: Schedule, log: &'a Log, mut sides: Vec<Body<'a>>) -> Vec<Body<'a>> {
    for _ in 0..if schedule.is_busy { 2 } else { 0 } {
        sides.push(Box::new(move |gate: &Gate<'_>| {
            gate.start();
            // Also where a side failed, which says nothing.
            let end = now() + 2 * schedule.patience();
            while !log.is_over() && now() < end {
                std::hint::spin_loop();
            }
            gate.finish();
            1
        }));
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stall_holds_up_counts_from_when_it_was_due() {
        let schedule = Schedule {
            count: 10,
            interval: 1_000_000,
            is_busy: false,
        };
        let run = || {
            let log = Log::new();
            let mut nth = 0;
            let is_kept = schedule.keep(now(), |due| {
                if nth == 2 {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                nth += 1;
                log.done(due);
            });
            is_kept.then(|| log.times().unwrap())
        };
        // A machine with other things to do may hold it up for longer than it bears.
        let times = (0..1_000).find_map(|_| run()).unwrap();
        // The first is warming up, so the stall is the second here; what was due meanwhile waited.
        assert_eq!(times.len(), 9);
        for (at, least) in [(1, 5), (2, 4), (3, 3), (4, 2)] {
            assert!(times[at] >= least * 1_000_000 - 1_000, "{at}: {times:?}");
        }
    }

    #[test]
    fn a_schedule_that_cannot_be_kept_is_given_up() {
        let schedule = Schedule {
            count: 1_000,
            interval: 1_000,
            is_busy: true,
        };
        let slow = |_| std::thread::sleep(std::time::Duration::from_millis(1));
        assert!(!schedule.keep(now(), slow));
    }
}
