//! `Mpmc`: alone, from thread to thread, and the sizes of items. Against other queues, and between
//! processes, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::queue::mpmc::Mpmc;

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("mpmc/put and get");
    let queue = Mpmc::new(1024).unwrap();
    group.bench_function("try", |b| {
        b.iter(|| {
            black_box(&queue).try_put(7_u64).unwrap();
            black_box(black_box(&queue).try_get().unwrap())
        });
    });
    group.bench_function("waiting forms", |b| {
        b.iter(|| {
            black_box(&queue).put(7_u64).unwrap();
            black_box(black_box(&queue).get().unwrap())
        });
    });
    group.bench_function("empty", |b| {
        b.iter(|| assert!(black_box(&queue).try_get().is_err()));
    });
    group.finish();
}

fn sizes(c: &mut Criterion) {
    fn size<const N: usize>(c: &mut Criterion) {
        let mut group = c.benchmark_group("mpmc/size");
        let queue = Mpmc::new(64).unwrap();
        let item = [7_u64; N];
        group.throughput(Throughput::Bytes(8 * N as u64));
        group.bench_function(BenchmarkId::from_parameter(8 * N), |b| {
            b.iter(|| {
                queue.put(black_box(item)).unwrap();
                black_box(queue.get().unwrap())
            });
        });
        group.finish();
    }
    size::<1>(c);
    size::<7>(c);
    size::<8>(c);
    size::<128>(c);
    size::<512>(c);
}

fn stream(c: &mut Criterion) {
    let queue = Mpmc::new(1024).unwrap();
    let back = queue.clone();
    let mut group = c.benchmark_group("mpmc/stream");
    group.throughput(Throughput::Elements(1));
    group.bench_function("from thread to thread", |b| {
        b.iter_custom(|items| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| (0..items).for_each(|item| queue.put(item).unwrap()));
                (0..items).for_each(|item| assert_eq!(back.get().unwrap(), item));
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, alone, sizes, stream);
criterion_main!(benches);
