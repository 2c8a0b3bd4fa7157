//! What it costs to wake a sleeper, and how long it takes until it acts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mapping::{Resident, Shared};
use crate::measure::{Sample, now, quantile};
use crate::peers::futex;
use crate::pinning;
use crate::sides::fork;

#[repr(C)]
struct Page {
    /// Items that the sleeper has got.
    got: AtomicU64,
    /// When it got the last one.
    when: AtomicU64,
}
// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// Medians of one run, in nanoseconds.
pub struct Hand {
    /// How long the giver was held up.
    pub wake: f64,
    /// From the start of giving until the sleeper had it.
    pub over: f64,
}

/// Gives `count` numbers to a process that sleeps each time. `open` runs in the sleeper and makes
/// what takes a number.
pub fn hand_over<T: FnMut() -> u64>(
    count: u64,
    mut give: impl FnMut(u64),
    open: impl FnOnce() -> T,
) -> Result<Hand, String> {
    let page = Shared::<Page>::new();
    pinning::pin(0);
    let mut sleeper = fork(|| {
        pinning::pin(1);
        let mut take = open();
        for nth in 1..=count {
            if take() != nth {
                return false;
            }
            page.when.store(now(), Ordering::Relaxed);
            page.got.store(nth, Ordering::Release);
        }
        true
    })
    .map_err(|error| error.to_string())?;
    let mut wakes = Vec::new();
    let mut overs = Vec::new();
    for nth in 1..=count {
        if !sleeper.is_asleep_soon() {
            return Err("the taker does not sleep".into());
        }
        let begin = now();
        give(nth);
        let end = now();
        while page.got.load(Ordering::Acquire) != nth {
            if now() - begin > 2_000_000_000 {
                return Err("the sleeper was not woken".into());
            }
            std::hint::spin_loop();
        }
        wakes.push((end - begin) as f64);
        overs.push(page.when.load(Ordering::Relaxed).saturating_sub(begin) as f64);
    }
    sleeper.wait()?;
    wakes.sort_by(f64::total_cmp);
    overs.sort_by(f64::total_cmp);
    Ok(Hand {
        wake: quantile(&wakes, 0.5),
        over: quantile(&overs, 0.5),
    })
}

fn bare(count: u64) -> Result<Hand, String> {
    let word = Shared::<AtomicU32>::new();
    let word = &*word;
    let give = |nth: u64| {
        word.store(nth as u32, Ordering::Release);
        futex::wake(word);
    };
    hand_over(count, give, || {
        let mut last = 0;
        move || {
            futex::wait_until_not(word, last);
            last = word.load(Ordering::Acquire);
            u64::from(last)
        }
    })
}

/// A store and a wake.
pub fn bare_wake<'a>(count: u64) -> Sample<'a> {
    Box::new(move || bare(count).map(|hand| hand.wake))
}

/// A store, a wake, and the sleeper's way out of the kernel.
pub fn bare_hand_over<'a>(count: u64) -> Sample<'a> {
    Box::new(move || bare(count).map(|hand| hand.over))
}
