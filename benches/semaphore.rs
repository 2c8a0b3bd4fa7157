//! `Semaphore` against `sem_t` shared between processes, which loses the permits of the dead.

#![expect(unsafe_code, reason = "sem_t")]
#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{BoundedSemaphore, Semaphore};

/// A `sem_t` that would work in shared memory too.
struct SemT(Box<UnsafeCell<libc::sem_t>>);

impl SemT {
    fn new(value: u32) -> Self {
        // SAFETY: all zeroes is a valid place for `sem_init` to write to.
        let sem = Self(Box::new(UnsafeCell::new(unsafe { std::mem::zeroed() })));
        // SAFETY: the place lives on the heap and does not move; 1 is "shared between processes".
        assert_eq!(unsafe { libc::sem_init(sem.0.get(), 1, value) }, 0);
        sem
    }
    fn acquire(&self) {
        // SAFETY: initialised in `new`.
        assert_eq!(unsafe { libc::sem_wait(self.0.get()) }, 0);
    }
    fn release(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(self.0.get()) }, 0);
    }
}

/// The permits of the comparison; one is taken and given back.
const PERMITS: u32 = 8;

fn acquire_and_release(c: &mut Criterion) {
    let mut group = c.benchmark_group("semaphore/acquire and release");
    let sem = SemT::new(PERMITS);
    group.bench_function("sem_t", |b| {
        b.iter(|| {
            black_box(&sem).acquire();
            black_box(&sem).release();
        });
    });
    let semaphore = Semaphore::new(PERMITS).unwrap();
    group.bench_function("outlive", |b| {
        b.iter(|| drop(black_box(black_box(&semaphore).acquire().unwrap())));
    });
    let bounded = BoundedSemaphore::new(PERMITS).unwrap();
    group.bench_function("bounded", |b| {
        b.iter(|| drop(black_box(black_box(&bounded).acquire().unwrap())));
    });
    let large = BoundedSemaphore::new(1_000_000).unwrap();
    group.bench_function("a million permits", |b| {
        b.iter(|| drop(black_box(black_box(&large).acquire().unwrap())));
    });
    group.bench_function("eight of a million", |b| {
        b.iter(|| drop(black_box(black_box(&large).acquire_many(8).unwrap())));
    });
    group.bench_function("eight of eight", |b| {
        b.iter(|| drop(black_box(black_box(&semaphore).acquire_many(8).unwrap())));
    });
}

fn without_a_guard(c: &mut Criterion) {
    let mut group = c.benchmark_group("semaphore/without a guard");
    let semaphore = Semaphore::new(PERMITS).unwrap();
    group.bench_function("acquire, keep and release", |b| {
        b.iter(|| {
            black_box(&semaphore).acquire().unwrap().keep();
            black_box(&semaphore).release(1).unwrap();
        });
    });
}

fn in_vain(c: &mut Criterion) {
    let mut group = c.benchmark_group("semaphore/try in vain");
    for permits in [1, 1024] {
        let semaphore = BoundedSemaphore::new(permits).unwrap();
        let all = semaphore.acquire_many(permits).unwrap();
        group.bench_function(format!("{permits} taken"), |b| {
            b.iter(|| black_box(&semaphore).try_acquire().is_err());
        });
        drop(all);
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
    targets = acquire_and_release, without_a_guard, in_vain
}
criterion_main!(benches);
