//! `Lock` in a segment that records who waits for what, beside one that does not.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{Lock, Segment, SegmentOptions};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two segments, and what they are called here.
fn segments() -> [(&'static str, Segment); 2] {
    [("not recorded", false), ("recorded", true)].map(|(name, wanted)| {
        let options = SegmentOptions::new().detect_deadlocks(wanted);
        (name, options.anonymous().unwrap())
    })
}

/// Keeps this thread, and those that it starts, on one processor: there a wait is always a sleep.
fn pin() {
    let allowed = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu));
    let mut one = CpuSet::new();
    one.set(first.unwrap());
    sched_setaffinity(None, &one).unwrap();
}

fn uncontended(c: &mut Criterion) {
    pin();
    let mut group = c.benchmark_group("deadlock/lock and unlock");
    for (name, segment) in segments() {
        let lock = Lock::create(&segment, "lock").unwrap();
        group.bench_function(name, |b| {
            b.iter(|| drop(black_box(black_box(&lock).lock().unwrap())));
        });
    }
    group.finish();
}

/// Takes the locks of a ring in turn, each before it lets go of the last. Of two who do, each step
/// of one waits for a step of the other.
fn climb(ring: &[Lock; 3], first: usize, steps: u64, begin: &Barrier) -> Instant {
    let mut locks = ring.iter().cycle().skip(first);
    let mut take = || locks.next().unwrap().lock().unwrap();
    let mut _held = take();
    begin.wait();
    let begun = Instant::now();
    for _ in 0..steps {
        _held = take();
    }
    begun
}

fn handed_over(c: &mut Criterion) {
    pin();
    let mut group = c.benchmark_group("deadlock/hand-over to a sleeper");
    for (name, segment) in segments() {
        let ring = ["a", "b", "c"].map(|name| Lock::create(&segment, name).unwrap());
        group.bench_function(name, |b| {
            b.iter_custom(|steps| {
                let begin = Barrier::new(2);
                std::thread::scope(|scope| {
                    let other = scope.spawn(|| climb(&ring, 0, steps, &begin));
                    let begun = climb(&ring, 1, steps, &begin);
                    other.join().unwrap();
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = uncontended, handed_over
}
criterion_main!(benches);
