//! `Array` against memcpy, `AtomicArray` against bare atomics.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::{Array, AtomicArray};

fn bulk(c: &mut Criterion) {
    let mut group = c.benchmark_group("array/bulk");
    for size in [4 << 10, 64 << 10, 1 << 20, 16 << 20] {
        group.throughput(Throughput::Bytes(size as u64));
        let (from, mut to) = (vec![1_u8; size], vec![2_u8; size]);
        let array = Array::<u8>::new(size).unwrap();
        array.update(.., |all| all.fill(3)).unwrap();
        group.bench_function(BenchmarkId::new("memcpy", size), |b| {
            b.iter(|| black_box(&mut to).copy_from_slice(black_box(&from)));
        });
        group.bench_function(BenchmarkId::new("copy in", size), |b| {
            b.iter(|| black_box(&array).copy_from_slice(black_box(&from)).unwrap());
        });
        group.bench_function(BenchmarkId::new("copy out", size), |b| {
            b.iter(|| {
                black_box(&array)
                    .copy_range_to(0, black_box(&mut to))
                    .unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("update", size), |b| {
            b.iter(|| {
                black_box(&array)
                    .update(.., |all| all[0] = black_box(1))
                    .unwrap()
            });
        });
    }
}

fn element(c: &mut Criterion) {
    let mut group = c.benchmark_group("array/element");
    let array = Array::<u64>::new(1024).unwrap();
    let wide = Array::<[u64; 4]>::new(1024).unwrap();
    group.bench_function("get", |b| {
        b.iter(|| black_box(&array).get(black_box(7)).unwrap())
    });
    group.bench_function("set", |b| {
        b.iter(|| black_box(&array).set(black_box(7), 1).unwrap())
    });
    group.bench_function("set of 32 bytes", |b| {
        b.iter(|| {
            black_box(&wide)
                .set(black_box(7), black_box([1; 4]))
                .unwrap()
        });
    });
    group.bench_function("guard", |b| {
        b.iter(|| black_box(&array).lock().unwrap()[black_box(7)] += 1);
    });
}

fn atomic(c: &mut Criterion) {
    let mut group = c.benchmark_group("array/atomic");
    let bare: Vec<_> = (0..1024).map(AtomicU64::new).collect();
    let array = AtomicArray::<u64>::new(1024).unwrap();
    group.bench_function("bare fetch_add", |b| {
        b.iter(|| black_box(&bare)[black_box(7)].fetch_add(black_box(1), Ordering::AcqRel));
    });
    group.bench_function("fetch_add", |b| {
        b.iter(|| {
            black_box(&array)
                .fetch_add(black_box(7), black_box(1))
                .unwrap()
        });
    });
    group.bench_function("bare load", |b| {
        b.iter(|| black_box(&bare)[black_box(7)].load(Ordering::Acquire));
    });
    group.bench_function("get", |b| {
        b.iter(|| black_box(&array).get(black_box(7)).unwrap())
    });
    group.bench_function("bare store", |b| {
        b.iter(|| black_box(&bare)[black_box(7)].store(black_box(1), Ordering::Release));
    });
    group.bench_function("set", |b| {
        b.iter(|| black_box(&array).set(black_box(7), black_box(1)).unwrap());
    });
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = quick(); targets = bulk, element, atomic }
criterion_main!(benches);
