//! `Condition` against std's condition variable, which lives and dies with one process.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{Condition, Lock};

/// Nobody waits: no system call.
fn notify_nobody(c: &mut Criterion) {
    let mut group = c.benchmark_group("condition/notify nobody");
    let local = Condvar::new();
    group.bench_function("std", |b| b.iter(|| black_box(&local).notify_one()));
    let condition = Condition::new().unwrap();
    group.bench_function("outlive", |b| {
        b.iter(|| assert_eq!(black_box(&condition).notify(1).unwrap(), 0));
    });
    group.finish();
}

/// Odd turns are one thread's, even ones the other's.
fn ping_pong(c: &mut Criterion) {
    const STOP: u32 = u32::MAX;
    let mut group = c.benchmark_group("condition/there and back");
    let (mutex, local) = (Mutex::new(0_u32), Condvar::new());
    let step = |mine: u32| {
        let turn = mutex.lock().unwrap();
        let not_yet = |turn: &mut u32| *turn != STOP && *turn % 2 != mine;
        let mut turn = local.wait_while(turn, not_yet).unwrap();
        let is_over = *turn == STOP;
        if !is_over {
            *turn = (*turn + 1) % 2;
        }
        drop(turn);
        local.notify_one();
        is_over
    };
    std::thread::scope(|scope| {
        scope.spawn(|| while !step(1) {});
        group.bench_function("std", |b| b.iter(|| step(0)));
        *mutex.lock().unwrap() = STOP;
        local.notify_all();
    });
    let (lock, condition) = (Lock::new().unwrap(), Condition::new().unwrap());
    let turn = AtomicU32::new(0);
    let step = |mine: u32| {
        let guard = lock.lock().unwrap();
        // Relaxed: the lock orders it.
        let now = || turn.load(Ordering::Relaxed);
        let not_yet = || now() != STOP && now() % 2 != mine;
        let guard = condition.wait_while(guard, not_yet).unwrap();
        let is_over = now() == STOP;
        if !is_over {
            turn.store((now() + 1) % 2, Ordering::Relaxed);
        }
        drop(guard);
        condition.notify(1).unwrap();
        is_over
    };
    std::thread::scope(|scope| {
        scope.spawn(|| while !step(1) {});
        group.bench_function("outlive", |b| b.iter(|| step(0)));
        let guard = lock.lock().unwrap();
        turn.store(STOP, Ordering::Relaxed);
        drop(guard);
        condition.notify_all().unwrap();
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = notify_nobody, ping_pong
}
criterion_main!(benches);
