//! `Pipe`: alone, by the length of messages, and from thread to thread. Against pipes of the kernel,
//! and between processes, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::queue::pipe::{one_way, pipe};

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("pipe/send and recv");
    let (mut sender, mut receiver) = one_way::<u64>().unwrap();
    group.bench_function("u64", |b| {
        b.iter(|| {
            sender.send(black_box(&7)).unwrap();
            assert_eq!(black_box(receiver.recv().unwrap()), 7);
        });
    });
    group.bench_function("empty", |b| {
        b.iter(|| assert!(receiver.try_recv().is_err()))
    });
    let (mut sender, mut receiver) = one_way::<(u32, String, Vec<u16>)>().unwrap();
    let record = (7, "a name of usual length".to_owned(), vec![1000; 20]);
    group.bench_function("a record", |b| {
        b.iter(|| {
            sender.send(black_box(&record)).unwrap();
            black_box(receiver.recv().unwrap())
        });
    });
    group.finish();
}

fn lengths(c: &mut Criterion) {
    let (mut sender, mut receiver) = one_way::<u64>().unwrap();
    let mut group = c.benchmark_group("pipe/bytes");
    for len in [8, 64, 1024, 32 << 10] {
        let (message, mut buffer) = (vec![7; len], vec![0; len]);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| {
                sender.send_bytes(black_box(&message)).unwrap();
                assert_eq!(receiver.recv_bytes_into(&mut buffer).unwrap(), len);
            });
        });
    }
    group.finish();
}

fn to_and_fro(c: &mut Criterion) {
    let (mut here, mut there) = pipe::<u64>().unwrap();
    let mut group = c.benchmark_group("pipe/round trip");
    group.bench_function("between threads", |b| {
        b.iter_custom(|trips| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| {
                    for _ in 0..trips {
                        let number = there.recv().unwrap();
                        there.send(&(number + 1)).unwrap();
                    }
                });
                for number in 0..trips {
                    here.send(&number).unwrap();
                    assert_eq!(here.recv().unwrap(), number + 1);
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

fn vast(c: &mut Criterion) {
    let (mut sender, mut receiver) = one_way::<u64>().unwrap();
    let message = vec![7; 1 << 20];
    let mut group = c.benchmark_group("pipe/stream");
    group.throughput(Throughput::Bytes(message.len() as u64));
    group.bench_function("1 MiB in parts", |b| {
        b.iter_custom(|count| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| (0..count).for_each(|_| sender.send_bytes(&message).unwrap()));
                for _ in 0..count {
                    assert_eq!(receiver.recv_bytes().unwrap().len(), message.len());
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, alone, lengths, to_and_fro, vast);
criterion_main!(benches);
