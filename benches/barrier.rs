//! `Barrier` against std's, which is one process's alone.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::Barrier;

/// What a number of threads meet at.
trait Meeting: Sync {
    fn meet(&self);
}

impl Meeting for std::sync::Barrier {
    fn meet(&self) {
        self.wait();
    }
}

impl Meeting for Barrier {
    fn meet(&self) {
        self.wait().unwrap();
    }
}

fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("barrier/one party");
    let local = std::sync::Barrier::new(1);
    group.bench_function("std", |b| b.iter(|| black_box(&local).meet()));
    let barrier = Barrier::new(1).unwrap();
    group.bench_function("outlive", |b| b.iter(|| black_box(&barrier).meet()));
}

fn together(c: &mut Criterion) {
    for parties in [2, 8] {
        let mut group = c.benchmark_group(format!("barrier/{parties} threads, two turns"));
        let mut bench = |name: &str, meeting: &dyn Meeting| {
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 1..parties {
                    scope.spawn(|| {
                        loop {
                            meeting.meet();
                            // Nobody changes it before all have come to the other turn.
                            if over.load(Ordering::Relaxed) {
                                return;
                            }
                            meeting.meet();
                        }
                    });
                }
                group.bench_function(name, |b| {
                    b.iter(|| {
                        meeting.meet();
                        meeting.meet();
                    });
                });
                over.store(true, Ordering::Relaxed);
                meeting.meet();
            });
        };
        bench("std", &std::sync::Barrier::new(parties));
        let barrier = Barrier::new(u32::try_from(parties).unwrap()).unwrap();
        bench("outlive", &barrier);
    }
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = alone, together
}
criterion_main!(benches);
