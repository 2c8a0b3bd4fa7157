//! `Pool`: one task, and many. Against other crates and Python, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use outlive::Pool;

const TASKS: u64 = 10_000;

fn square(x: u64) -> u64 {
    x * x
}

fn life(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/life");
    group.bench_function("of two workers", |b| {
        b.iter(|| {
            let pool = Pool::new(2).unwrap();
            assert_eq!(pool.apply(square, 7).unwrap(), 49);
        });
    });
    group.finish();
}

fn one(c: &mut Criterion) {
    let pool = Pool::new(2).unwrap();
    let mut group = c.benchmark_group("pool/apply");
    group.bench_function("a number", |b| {
        b.iter(|| assert_eq!(pool.apply(square, 7).unwrap(), 49));
    });
    group.bench_function("64 KiB to and fro", |b| {
        let bytes = vec![7_u8; 64 << 10];
        let echo = |bytes: Vec<u8>| bytes;
        b.iter(|| assert_eq!(pool.apply(echo, bytes.clone()).unwrap().len(), bytes.len()));
    });
    group.finish();
}

fn many(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/10 000 squares");
    group.throughput(Throughput::Elements(TASKS));
    let last = square(TASKS - 1);
    let pool = Pool::new(2).unwrap();
    group.bench_function("map", |b| {
        b.iter(|| assert_eq!(pool.map(square, 0..TASKS).unwrap().last(), Some(&last)));
    });
    group.bench_function("imap", |b| {
        b.iter(|| assert_eq!(pool.imap(square, 0..TASKS).last().unwrap().unwrap(), last));
    });
    group.bench_function("imap_unordered", |b| {
        b.iter(|| assert_eq!(pool.imap_unordered(square, 0..TASKS).count() as u64, TASKS));
    });
    let pool = pool.with_chunk(1);
    group.bench_function("map, chunks of 1", |b| {
        b.iter(|| assert_eq!(pool.map(square, 0..TASKS).unwrap().last(), Some(&last)));
    });
    group.finish();
}

criterion_group!(benches, life, one, many);
criterion_main!(benches);
