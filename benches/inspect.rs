//! `inspect`: one look at a segment, by how much there is to see.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use outlive::inspect::{Snapshot, is_stale};
use outlive::{Event, Lock, Process, Segment, SegmentOptions};

/// A segment without a name, and where it can be looked at while the descriptor is open.
fn segment(options: &SegmentOptions) -> (Segment, OwnedFd, PathBuf) {
    let segment = options.anonymous().unwrap();
    let fd = segment.try_clone_fd().unwrap();
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into();
    (segment, fd, path)
}

fn objects(c: &mut Criterion) {
    let mut group = c.benchmark_group("inspect/objects");
    let (segment, _fd, path) = segment(&SegmentOptions::new().size(16 << 20));
    let mut locks = Vec::new();
    for count in [1, 100, 10_000] {
        let names = (locks.len()..count).map(|nth| nth.to_string());
        locks.extend(names.map(|name| Lock::create(&segment, &name).unwrap()));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| assert_eq!(Snapshot::at(black_box(&path)).unwrap().objects.len(), count));
        });
    }
    group.finish();
}

/// All but one of them asleep at one object.
fn participants(c: &mut Criterion) {
    let mut group = c.benchmark_group("inspect/participants");
    for (id, is_recorded) in [("asleep", false), ("asleep, recorded", true)] {
        let options = SegmentOptions::new().detect_deadlocks(is_recorded);
        let (segment, _fd, path) = segment(&options);
        let event = Event::create(&segment, "event").unwrap();
        let mut sleepers = Vec::new();
        for count in [1, 8, 64] {
            let sleep = |event: Event| event.wait().unwrap();
            let more = sleepers.len() + 1..count;
            sleepers.extend(more.map(|_| Process::spawn(sleep, event.clone()).unwrap()));
            // Sleeps are recorded some milliseconds after they begin.
            let recorded = if is_recorded { sleepers.len() } else { 0 };
            let is_there =
                |seen: Snapshot| seen.participants.len() == count && seen.waits.len() == recorded;
            while !is_there(Snapshot::at(&path).unwrap()) {
                std::thread::yield_now();
            }
            group.bench_function(BenchmarkId::new(id, count), |b| {
                b.iter(|| assert!(is_there(Snapshot::at(black_box(&path)).unwrap())));
            });
        }
        event.set().unwrap();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    }
    group.bench_function("whether there are any", |b| {
        let (_segment, _fd, path) = segment(&SegmentOptions::new());
        b.iter(|| assert!(!is_stale(black_box(&path)).unwrap()));
    });
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = quick(); targets = objects, participants }
criterion_main!(benches);
