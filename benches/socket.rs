//! Sockets: alone, by the length of messages, with descriptors, and from thread to thread.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::fs::File;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outlive::queue::socket::{Fd, pair};

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("socket/send and recv");
    let (mut here, mut there) = pair::<u64, ()>().unwrap();
    group.bench_function("u64", |b| {
        b.iter(|| {
            here.send(black_box(&7)).unwrap();
            assert_eq!(black_box(there.recv().unwrap()), 7);
        });
    });
    group.bench_function("empty", |b| b.iter(|| assert!(there.try_recv().is_err())));
    group.finish();
}

fn lengths(c: &mut Criterion) {
    let (mut here, mut there) = pair::<(), ()>().unwrap();
    let mut group = c.benchmark_group("socket/bytes");
    for len in [8, 64, 1024, 32 << 10] {
        let (message, mut buffer) = (vec![7; len], vec![0; len]);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| {
                here.send_bytes(black_box(&message)).unwrap();
                assert_eq!(there.recv_bytes_into(&mut buffer).unwrap(), len);
            });
        });
    }
    group.finish();
}

fn descriptors(c: &mut Criterion) {
    let (mut here, mut there) = pair::<Vec<Fd<File>>, ()>().unwrap();
    let mut group = c.benchmark_group("socket/descriptors");
    for count in [1, 32] {
        let null = || Fd(File::open("/dev/null").unwrap());
        let files: Vec<_> = (0..count).map(|_| null()).collect();
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                here.send(black_box(&files)).unwrap();
                assert_eq!(there.recv().unwrap().len(), count);
            });
        });
    }
    group.finish();
}

fn to_and_fro(c: &mut Criterion) {
    let (mut here, mut there) = pair::<u64, u64>().unwrap();
    let mut group = c.benchmark_group("socket/round trip");
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
    let (mut here, mut there) = pair::<(), ()>().unwrap();
    let message = vec![7; 1 << 20];
    let mut group = c.benchmark_group("socket/stream");
    group.throughput(Throughput::Bytes(message.len() as u64));
    group.bench_function("1 MiB in packets", |b| {
        b.iter_custom(|count| {
            std::thread::scope(|scope| {
                let start = std::time::Instant::now();
                scope.spawn(|| (0..count).for_each(|_| here.send_bytes(&message).unwrap()));
                for _ in 0..count {
                    assert_eq!(there.recv_bytes().unwrap().len(), message.len());
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, alone, lengths, descriptors, to_and_fro, vast);
criterion_main!(benches);
