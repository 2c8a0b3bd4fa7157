//! `Process`: from its start to its end. Against other crates and Python, see `compare/`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::process::Method;
use outlive::{Process, Value};

fn life(c: &mut Criterion) {
    let mut group = c.benchmark_group("process/life");
    group.bench_function("server", |b| {
        b.iter(|| {
            assert_eq!(
                Process::spawn(|x: u64| x + 1, 41).unwrap().join().unwrap(),
                42
            )
        });
    });
    group.bench_function("execute", |b| {
        b.iter(|| {
            let process = Process::builder().method(Method::Execute);
            let process = process.spawn(|x: u64| x + 1, 41).unwrap();
            assert_eq!(process.join().unwrap(), 42);
        });
    });
    let total = Value::new(0_u64).unwrap();
    group.bench_function("with a handle", |b| {
        b.iter(|| {
            let add = |total: Value<u64>| total.fetch_add(1).unwrap();
            Process::spawn(add, total.clone()).unwrap().join().unwrap()
        });
    });
    group.bench_function("with 1 MiB to and fro", |b| {
        let bytes = vec![7_u8; 1 << 20];
        b.iter(|| {
            let process = Process::spawn(|bytes: Vec<u8>| bytes, bytes.clone()).unwrap();
            assert_eq!(process.join().unwrap().len(), bytes.len());
        });
    });
    group.bench_function("killed", |b| {
        b.iter(|| {
            let process = Process::spawn(|(): ()| std::thread::park(), ()).unwrap();
            process.kill().unwrap();
            process.wait().unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, life);
criterion_main!(benches);
