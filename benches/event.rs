//! `Event` against a bare atomic, and against a mutex with a condition variable of one process.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::Event;

fn is_set(c: &mut Criterion) {
    let mut group = c.benchmark_group("event/is set");
    let word = AtomicU32::new(1);
    group.bench_function("bare atomic", |b| {
        b.iter(|| black_box(&word).load(Ordering::Acquire) & 1 != 0);
    });
    let event = Event::new().unwrap();
    event.set().unwrap();
    group.bench_function("outlive", |b| b.iter(|| black_box(&event).is_set()));
    assert!(event.is_set());
}

fn set_without_waiters(c: &mut Criterion) {
    let mut group = c.benchmark_group("event/set without waiters");
    let word = AtomicU32::new(0);
    group.bench_function("bare atomic", |b| {
        b.iter(|| black_box(&word).store(1, Ordering::SeqCst));
    });
    let event = Event::new().unwrap();
    group.bench_function("outlive, set already", |b| {
        b.iter(|| black_box(&event).set().unwrap());
    });
    assert!(event.is_set());
    group.bench_function("bare atomic, and clear", |b| {
        b.iter(|| {
            black_box(&word).store(1, Ordering::SeqCst);
            black_box(&word).store(0, Ordering::SeqCst);
        });
    });
    group.bench_function("outlive, and clear", |b| {
        b.iter(|| {
            black_box(&event).set().unwrap();
            black_box(&event).clear().unwrap();
        });
    });
    assert!(!event.is_set());
}

/// A flag as Python makes one, and what waits for it, in one process.
#[derive(Default)]
struct Flag {
    is_set: Mutex<bool>,
    changed: Condvar,
}

/// What two sides can call each other with.
trait Signal: Sync {
    fn set(&self);
    fn wait_and_clear(&self);
}

impl Signal for Flag {
    fn set(&self) {
        *self.is_set.lock().unwrap() = true;
        self.changed.notify_all();
    }
    fn wait_and_clear(&self) {
        let set = self.is_set.lock().unwrap();
        *self.changed.wait_while(set, |set| !*set).unwrap() = false;
    }
}

impl Signal for Event {
    fn set(&self) {
        Self::set(self).unwrap();
    }
    fn wait_and_clear(&self) {
        self.wait().unwrap();
        self.clear().unwrap();
    }
}

fn round_trip(c: &mut Criterion) {
    let mut group = c.benchmark_group("event/there and back");
    let mut bench = |name: &str, there: &dyn Signal, back: &dyn Signal| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                loop {
                    there.wait_and_clear();
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    back.set();
                }
            });
            group.bench_function(name, |b| {
                b.iter(|| {
                    there.set();
                    back.wait_and_clear();
                });
            });
            over.store(true, Ordering::Relaxed);
            there.set();
        });
    };
    bench("mutex and condvar", &Flag::default(), &Flag::default());
    bench("outlive", &Event::new().unwrap(), &Event::new().unwrap());
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = is_set, set_without_waiters, round_trip
}
criterion_main!(benches);
