//! `RwLock` against a lock of one process, and against a process-shared pthread lock.

#![expect(unsafe_code, reason = "pthread locks")]
#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something is not as it should be"
)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use outlive::RwLock;
use parking_lot::RawRwLock;
use parking_lot::lock_api::RawRwLock as _;

/// A process-shared lock; nothing is told of the death of whoever holds it.
struct Shared(Box<UnsafeCell<libc::pthread_rwlock_t>>);

impl Shared {
    fn new() -> Self {
        let lock = Self(Box::new(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER)));
        let mut how = MaybeUninit::<libc::pthread_rwlockattr_t>::uninit();
        let how = how.as_mut_ptr();
        // SAFETY: initialises the attributes behind the pointer.
        assert_eq!(unsafe { libc::pthread_rwlockattr_init(how) }, 0);
        // SAFETY: initialised above.
        let shared =
            unsafe { libc::pthread_rwlockattr_setpshared(how, libc::PTHREAD_PROCESS_SHARED) };
        assert_eq!(shared, 0);
        // SAFETY: the lock lives on the heap and does not move.
        assert_eq!(unsafe { libc::pthread_rwlock_init(lock.0.get(), how) }, 0);
        lock
    }
    fn read(&self) {
        // SAFETY: initialised in `new`.
        assert_eq!(unsafe { libc::pthread_rwlock_rdlock(self.0.get()) }, 0);
    }
    fn write(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_rwlock_wrlock(self.0.get()) }, 0);
    }
    fn unlock(&self) {
        // SAFETY: as above, and locked.
        assert_eq!(unsafe { libc::pthread_rwlock_unlock(self.0.get()) }, 0);
    }
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("rwlock/read and unlock");
    let local = RawRwLock::INIT;
    group.bench_function("parking_lot", |b| {
        b.iter(|| {
            black_box(&local).lock_shared();
            // SAFETY: locked in the line above.
            unsafe { black_box(&local).unlock_shared() };
        });
    });
    let shared = Shared::new();
    group.bench_function("shared pthread lock", |b| {
        b.iter(|| {
            black_box(&shared).read();
            black_box(&shared).unlock();
        });
    });
    let lock = RwLock::new().unwrap();
    group.bench_function("outlive", |b| {
        b.iter(|| drop(black_box(black_box(&lock).read().unwrap())));
    });
    group.finish();
    assert_eq!(lock.readers(), 0);
}

fn writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("rwlock/write and unlock");
    let local = RawRwLock::INIT;
    group.bench_function("parking_lot", |b| {
        b.iter(|| {
            black_box(&local).lock_exclusive();
            // SAFETY: locked in the line above.
            unsafe { black_box(&local).unlock_exclusive() };
        });
    });
    let shared = Shared::new();
    group.bench_function("shared pthread lock", |b| {
        b.iter(|| {
            black_box(&shared).write();
            black_box(&shared).unlock();
        });
    });
    let lock = RwLock::new().unwrap();
    group.bench_function("outlive, nobody ever read", |b| {
        b.iter(|| drop(black_box(black_box(&lock).write().unwrap())));
    });
    drop(lock.read().unwrap());
    group.bench_function("outlive", |b| {
        b.iter(|| drop(black_box(black_box(&lock).write().unwrap())));
    });
    group.finish();
    assert!(!lock.is_write_locked());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = reading, writing
}
criterion_main!(benches);
