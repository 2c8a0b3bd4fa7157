//! `Queue`: alone, from thread to thread, and the lengths of messages. Against other queues, and
//! between processes, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::io::Write;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::queue::messages::{ByteQueue, Raw};
use outlive::{JoinableQueue, Queue};

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("queue/put and get");
    let queue = Queue::new(1024).unwrap();
    group.bench_function("try", |b| {
        b.iter(|| {
            black_box(&queue).try_put(&7_u64).unwrap();
            black_box(black_box(&queue).try_get().unwrap())
        });
    });
    group.bench_function("waiting forms", |b| {
        b.iter(|| {
            black_box(&queue).put(&7_u64).unwrap();
            black_box(black_box(&queue).get().unwrap())
        });
    });
    group.bench_function("empty", |b| {
        b.iter(|| assert!(black_box(&queue).try_get().is_err()));
    });
    let tasks = JoinableQueue::new(1024).unwrap();
    group.bench_function("and task_done", |b| {
        b.iter(|| {
            black_box(&tasks).put(&7_u64).unwrap();
            black_box(black_box(&tasks).get().unwrap().task_done())
        });
    });
    group.bench_function("full", |b| {
        (0..1024).for_each(|item| queue.put(&item).unwrap());
        b.iter(|| assert!(black_box(&queue).try_put(&1).is_err()));
    });
    group.finish();
}

fn lengths(c: &mut Criterion) {
    let options = Queue::options(64).bytes(2 << 20).codec::<Raw>();
    let queue: ByteQueue = options.anonymous().unwrap();
    let mut group = c.benchmark_group("queue/length");
    for len in [8, 256, 1024, 64 << 10, 1 << 20] {
        let bytes = vec![7; len];
        let mut back = vec![0; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("put and get", len), |b| {
            b.iter(|| {
                queue.put(black_box(&bytes)).unwrap();
                black_box(queue.get().unwrap())
            });
        });
        group.bench_function(BenchmarkId::new("loan and receive, copied", len), |b| {
            b.iter(|| {
                let mut loan = queue.loan(len).unwrap();
                loan.write_all(black_box(&bytes)).unwrap();
                loan.send().unwrap();
                queue.receive_bytes().unwrap().read_at(0, &mut back);
            });
        });
        group.bench_function(BenchmarkId::new("loan and receive, untouched", len), |b| {
            b.iter(|| {
                queue.loan(len).unwrap().send().unwrap();
                queue.receive_bytes().unwrap().len()
            });
        });
    }
    group.finish();
}

fn stream(c: &mut Criterion) {
    let queue = Queue::new(1024).unwrap();
    let back = queue.clone();
    let mut group = c.benchmark_group("queue/stream");
    group.throughput(Throughput::Elements(1));
    group.bench_function("from thread to thread", |b| {
        b.iter_custom(|items| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| (0..items).for_each(|item| queue.put(&item).unwrap()));
                (0..items).for_each(|item| assert_eq!(back.get().unwrap(), item));
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, alone, lengths, stream);
criterion_main!(benches);
