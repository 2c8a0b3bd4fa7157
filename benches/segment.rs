//! Segments: what it costs to join, to make objects and to look for the dead.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{Lock, Segment, SegmentOptions};

fn lives(c: &mut Criterion) {
    let options = SegmentOptions::new().size(1 << 16);
    c.bench_function("segment/anonymous, join and leave", |b| {
        b.iter(|| black_box(&options).anonymous().unwrap());
    });
    let without = options.clone().lifeline(false);
    c.bench_function("segment/the same without a lifeline", |b| {
        b.iter(|| black_box(&without).anonymous().unwrap());
    });
    let segment = Segment::anonymous().unwrap();
    c.bench_function("segment/reap among 64 slots", |b| {
        b.iter(|| assert_eq!(black_box(&segment).reap().unwrap(), 0));
    });
    let _thousand: Vec<_> = (0..1000)
        .map(|i| Lock::create(&segment, &format!("{i}")).unwrap())
        .collect();
    c.bench_function("segment/open one of 1000 objects", |b| {
        b.iter(|| Lock::open(black_box(&segment), "500").unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = lives
}
criterion_main!(benches);
