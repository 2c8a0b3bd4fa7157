//! `Spsc`: alone, from thread to thread, and the sizes of items. Against other queues, and between
//! processes, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::queue::spsc::{Consumer, Producer, Spsc};

fn ends<T: bytemuck::Pod>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let queue = Spsc::new(capacity).unwrap();
    (queue.producer().unwrap(), queue.consumer().unwrap())
}

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("spsc/push and pop");
    let (mut producer, mut consumer) = ends(1024);
    group.bench_function("try", |b| {
        b.iter(|| {
            producer.try_push(black_box(7_u64)).unwrap();
            assert_eq!(black_box(consumer.try_pop().unwrap()), 7);
        });
    });
    group.bench_function("waiting forms", |b| {
        b.iter(|| {
            producer.push(black_box(7)).unwrap();
            assert_eq!(black_box(consumer.pop().unwrap()), 7);
        });
    });
    group.bench_function("empty", |b| b.iter(|| assert!(consumer.try_pop().is_err())));
    group.throughput(Throughput::Elements(16));
    group.bench_function("chunks of 16", |b| {
        b.iter(|| {
            let mut chunk = producer.write_chunk(16).unwrap();
            (0..16).for_each(|index| chunk.set(index, black_box(index as u64)));
            chunk.commit_all();
            let chunk = consumer.read_chunk(16).unwrap();
            assert_eq!(chunk.iter().map(black_box).sum::<u64>(), 120);
            chunk.consume_all();
        });
    });
    group.finish();
}

fn sizes(c: &mut Criterion) {
    fn size<const N: usize>(c: &mut Criterion) {
        let mut group = c.benchmark_group("spsc/size");
        let (mut producer, mut consumer) = ends::<[u64; N]>(16);
        let item = [7_u64; N];
        group.throughput(Throughput::Bytes(8 * N as u64));
        group.bench_function(BenchmarkId::from_parameter(8 * N), |b| {
            b.iter(|| {
                producer.push(black_box(item)).unwrap();
                black_box(consumer.pop().unwrap())
            });
        });
        group.finish();
    }
    size::<1>(c);
    size::<8>(c);
    size::<128>(c);
    size::<512>(c);
}

fn stream(c: &mut Criterion) {
    let (mut producer, mut consumer) = ends(1024);
    let mut group = c.benchmark_group("spsc/stream");
    group.throughput(Throughput::Elements(1));
    group.bench_function("from thread to thread", |b| {
        b.iter_custom(|items| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| (0..items).for_each(|item| producer.push(item).unwrap()));
                (0..items).for_each(|item| assert_eq!(consumer.pop().unwrap(), item));
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, alone, sizes, stream);
criterion_main!(benches);
