//! `RLock`, at its first level and deeper.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::RLock;
use parking_lot::ReentrantMutex;

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("rlock/lock and unlock");
    let local = ReentrantMutex::new(());
    group.bench_function("parking_lot", |b| {
        b.iter(|| drop(black_box(black_box(&local).lock())))
    });
    let lock = RLock::new().unwrap();
    group.bench_function("outlive", |b| {
        b.iter(|| drop(black_box(black_box(&lock).lock().unwrap())));
    });
    let outer = lock.lock().unwrap();
    group.bench_function("one level deeper", |b| {
        b.iter(|| drop(black_box(black_box(&lock).lock().unwrap())));
    });
    assert_eq!(lock.depth(), 1);
    drop(outer);
    assert_eq!(lock.holder(), None);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = uncontended
}
criterion_main!(benches);
