//! A modelled set of participants: seats, leases, a kernel that puts to sleep and wakes.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicBool as StdBool, Ordering as StdOrdering};

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};

use crate::raw::{Pace, Peers, Token, Waited};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;
use crate::sys::crash;
use crate::sys::model::death;

/// What the kernel knows: which leases are free, and who sleeps on which word.
///
/// A sleep ends by a wake of its word. So a wake-up that is lost while everybody lives is a
/// deadlock, which loom reports. Once somebody has died, every sleep ends by its slice instead.
pub(crate) struct World {
    free_leases: [AtomicBool; 3],
    kernel: Mutex<Kernel>,
}

#[derive(Default)]
struct Kernel {
    somebody_died: bool,
    sleepers: Vec<Sleepers>,
}

/// Who sleeps on a word.
struct Sleepers {
    word: *const AtomicU32,
    bed: Arc<Condvar>,
    count: u32,
}

impl Kernel {
    fn sleepers_of(&mut self, word: &AtomicU32) -> &mut Sleepers {
        let known = self
            .sleepers
            .iter()
            .position(|known| core::ptr::eq(known.word, word));
        let at = known.unwrap_or_else(|| {
            self.sleepers.push(Sleepers {
                word,
                bed: Arc::new(Condvar::new()),
                count: 0,
            });
            self.sleepers.len() - 1
        });
        &mut self.sleepers[at]
    }
}

/// One participant of a [`World`].
#[derive(Clone)]
pub(crate) struct Seat {
    world: Arc<World>,
    slot: u32,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let held = || AtomicBool::new(false);
        Arc::new(Self {
            free_leases: [held(), held(), held()],
            kernel: Mutex::default(),
        })
    }
}

/// The seat of the participant in `slot`.
pub(crate) fn seat(world: &Arc<World>, slot: u32) -> Seat {
    Seat {
        world: world.clone(),
        slot,
    }
}

impl Seat {
    /// Lives as this participant and dies before its `k`-th shared write; then the kernel frees
    /// the lease. `None` where it died.
    pub(crate) fn victim<R>(&self, k: usize, life: impl FnOnce() -> R) -> Option<R> {
        let result = death::victim(k, life);
        if result.is_none() {
            // Release: pairs with the Acquire in `is_dead`, as the kernel orders a process's
            // stores before the release of its lease.
            self.world.free_leases[self.slot as usize].store(true, Ordering::Release);
            let mut kernel = self.world.kernel.lock().unwrap();
            kernel.somebody_died = true;
            for sleepers in &mut kernel.sleepers {
                sleepers.count = 0;
                sleepers.bed.notify_all();
            }
        }
        result
    }
}

impl Peers for Seat {
    fn me(&self) -> Token {
        token(self.slot)
    }

    fn is_dead(&self, token: Token) -> bool {
        token.generation() != 1
            || self
                .world
                .free_leases
                .get(token.slot() as usize)
                .is_none_or(|free| free.load(Ordering::Acquire))
    }

    fn wait<'a>(
        &'a self,
        word: &AtomicU32,
        expected: u32,
        _owners: &[Token],
        _pace: &mut Pace<'a>,
        deadline: Deadline,
    ) -> Waited {
        if deadline == Deadline::PAST {
            return Waited::TimedOut;
        }
        let mut kernel = self.world.kernel.lock().unwrap();
        if kernel.somebody_died {
            drop(kernel);
            loom::thread::yield_now();
            return Waited::Slice;
        }
        if word.load(crate::sys::atomic::Ordering::Relaxed) == expected {
            let sleepers = kernel.sleepers_of(word);
            sleepers.count += 1;
            let bed = sleepers.bed.clone();
            kernel = bed.wait(kernel).unwrap();
        }
        if kernel.somebody_died {
            Waited::Slice
        } else {
            Waited::Woken
        }
    }

    fn pause<'a>(&'a self, _: &mut Pace<'a>, deadline: Deadline) -> Waited {
        loom::thread::yield_now();
        if deadline == Deadline::PAST {
            Waited::TimedOut
        } else {
            Waited::Slice
        }
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        crash::point();
        let mut kernel = self.world.kernel.lock().unwrap();
        let sleepers = kernel.sleepers_of(word);
        let woken = count.min(sleepers.count);
        sleepers.count -= woken;
        if sleepers.count == 0 {
            sleepers.bed.notify_all();
        } else {
            (0..woken).for_each(|_| sleepers.bed.notify_one());
        }
        woken
    }

    fn fence_everywhere(&self) -> bool {
        // SeqCst: loom knows no asymmetric fence; this one forbids the same outcomes.
        loom::sync::atomic::fence(Ordering::SeqCst);
        true
    }
}

/// Runs `model` with the victim's death at every point: k = 0, 1, ... until it dies no more.
///
/// `model` is called with k and a flag that it raises where the victim died.
pub(crate) fn at_every_death(
    preemptions: usize,
    model: impl Fn(usize, &StdArc<StdBool>) + Send + Sync + Copy + 'static,
) {
    for k in 0.. {
        let died = StdArc::new(StdBool::new(false));
        let seen = died.clone();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        // Waiters of a world in which somebody died poll.
        builder.max_branches = 10_000;
        builder.check(move || model(k, &seen));
        if !died.load(StdOrdering::Relaxed) {
            assert!(k > 0, "the victim writes nothing");
            return;
        }
    }
}

/// Runs `model` in all interleavings with at most `preemptions` of them forced.
pub(crate) fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// The name of the participant in `slot`.
pub(crate) fn token(slot: u32) -> Token {
    Token::new(1, slot)
}

/// Runs `life` of the participant in `slot` in a thread, which dies at its `k`-th write. What `life`
/// captures is dropped after the death and not by it, as loom cannot switch threads in an unwinding.
pub(crate) fn mortal(
    world: &Arc<World>,
    slot: u32,
    k: usize,
    died: &StdArc<StdBool>,
    life: impl Fn(&Seat) + 'static,
) -> loom::thread::JoinHandle<()> {
    let (peers, died) = (seat(world, slot), died.clone());
    loom::thread::spawn(move || note_death(&peers.victim(k, || life(&peers)), &died))
}

/// Notes that a victim died, for [`at_every_death`].
pub(crate) fn note_death<R>(result: &Option<R>, died: &StdBool) {
    if result.is_none() {
        died.store(true, StdOrdering::Relaxed);
    }
}
