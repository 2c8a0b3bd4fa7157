//! `Lock` against a lock of one process, and against a robust pthread mutex of many.

#![expect(unsafe_code, reason = "pthread mutexes")]
#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::{Lock, Segment};
use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

/// A robust process-shared mutex.
struct Robust(Box<UnsafeCell<libc::pthread_mutex_t>>);

impl Robust {
    fn new() -> Self {
        let mutex = Self(Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)));
        let mut how = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let how = how.as_mut_ptr();
        // SAFETY: initialises the attributes behind the pointer.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(how) }, 0);
        // SAFETY: initialised above.
        let shared =
            unsafe { libc::pthread_mutexattr_setpshared(how, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: as above.
        let robust = unsafe { libc::pthread_mutexattr_setrobust(how, libc::PTHREAD_MUTEX_ROBUST) };
        assert_eq!((shared, robust), (0, 0));
        // SAFETY: the mutex lives on the heap and does not move.
        assert_eq!(unsafe { libc::pthread_mutex_init(mutex.0.get(), how) }, 0);
        mutex
    }
    fn lock(&self) {
        // SAFETY: initialised in `new`.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.0.get()) }, 0);
    }
    fn unlock(&self) {
        // SAFETY: as above, and locked.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0.get()) }, 0);
    }
}

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("lock/lock and unlock");
    let local = RawMutex::INIT;
    group.bench_function("parking_lot", |b| {
        b.iter(|| {
            black_box(&local).lock();
            // SAFETY: locked in the line above.
            unsafe { black_box(&local).unlock() };
        });
    });
    let robust = Robust::new();
    group.bench_function("robust pthread mutex", |b| {
        b.iter(|| {
            black_box(&robust).lock();
            black_box(&robust).unlock();
        });
    });
    let lock = Lock::new().unwrap();
    group.bench_function("outlive", |b| {
        b.iter(|| drop(black_box(black_box(&lock).lock().unwrap())));
    });
    group.bench_function("acquire and release", |b| {
        b.iter(|| {
            black_box(&lock).acquire(None).unwrap();
            black_box(&lock).release().unwrap();
        });
    });
    group.finish();
    assert!(!lock.is_locked());
}

fn life_of_a_lock(c: &mut Criterion) {
    let segment = Segment::anonymous().unwrap();
    Lock::create(&segment, "lock").unwrap();
    c.bench_function("lock/open and drop", |b| {
        b.iter(|| Lock::open(black_box(&segment), "lock").unwrap());
    });
    c.bench_function("lock/new and drop", |b| b.iter(|| Lock::new().unwrap()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = uncontended, life_of_a_lock
}
criterion_main!(benches);
