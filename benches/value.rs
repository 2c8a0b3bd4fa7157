//! `Value` against what it cannot beat: a bare atomic, a plain copy, a lock around it.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{Lock, Value};

fn number(c: &mut Criterion) {
    let mut group = c.benchmark_group("value/u64");
    let bare = Box::new(AtomicU64::new(0));
    let number = Value::new(0_u64).unwrap();
    group.bench_function("bare fetch_add", |b| {
        b.iter(|| black_box(&bare).fetch_add(black_box(1), Ordering::AcqRel));
    });
    group.bench_function("fetch_add", |b| {
        b.iter(|| black_box(&number).fetch_add(black_box(1)).unwrap());
    });
    group.bench_function("get", |b| b.iter(|| black_box(&number).get().unwrap()));
    group.bench_function("set", |b| {
        b.iter(|| black_box(&number).set(black_box(1)).unwrap())
    });
    group.bench_function("update", |b| {
        b.iter(|| {
            black_box(&number)
                .update(|x| *x = x.wrapping_add(1))
                .unwrap()
        });
    });
}

fn wide(c: &mut Criterion) {
    let mut group = c.benchmark_group("value/64 bytes");
    let plain = Box::new([1_u8; 64]);
    let wide = Value::new(*plain).unwrap();
    let lock = Lock::new().unwrap();
    // Both put the copy where the optimiser must believe that it is looked at.
    group.bench_function("plain copy", |b| b.iter(|| black_box(**black_box(&plain))));
    group.bench_function("get", |b| {
        b.iter(|| black_box(black_box(&wide).get().unwrap()))
    });
    group.bench_function("set", |b| {
        b.iter(|| black_box(&wide).set(black_box([2; 64])).unwrap())
    });
    group.bench_function("lock and unlock", |b| {
        b.iter(|| drop(black_box(black_box(&lock).lock().unwrap())));
    });
    group.bench_function("update", |b| {
        b.iter(|| {
            black_box(&wide)
                .update(|x| x[7] = x[7].wrapping_add(1))
                .unwrap()
        });
    });
    group.bench_function("guard", |b| {
        b.iter(|| black_box(&wide).lock().unwrap()[7] = black_box(3));
    });
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = quick(); targets = number, wide }
criterion_main!(benches);
