//! The C library's objects that processes share: mutexes, reader-writer lock, semaphore, condition
//! variable and barrier.

use std::cell::UnsafeCell;

use crate::mapping::{Resident, Shared};

/// A mutex that tells of its owner's death.
pub struct RobustMutex(Shared<Mutex>);

struct Mutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: `new` initialises the mutex in place; from then on only the C library touches it.
unsafe impl Resident for Mutex {}

/// How the mutex was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Clean,
    Inherited,
}

impl Mutex {
    fn shared(robust: bool) -> Shared<Self> {
        let mutex = Shared::<Self>::new();
        // SAFETY: zero is a place for the attributes, which `init` initialises.
        let mut kind: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        let shared = libc::PTHREAD_PROCESS_SHARED;
        // SAFETY: initialises the attributes.
        let mut code = unsafe { libc::pthread_mutexattr_init(&mut kind) };
        // SAFETY: the attributes are initialised.
        code |= unsafe { libc::pthread_mutexattr_setpshared(&mut kind, shared) };
        if robust {
            let robust = libc::PTHREAD_MUTEX_ROBUST;
            // SAFETY: the attributes are initialised.
            code |= unsafe { libc::pthread_mutexattr_setrobust(&mut kind, robust) };
        }
        // SAFETY: the mutex is in place and nobody uses it yet.
        code |= unsafe { libc::pthread_mutex_init(mutex.0.get(), &kind) };
        assert_eq!(code, 0);
        mutex
    }

    #[inline]
    fn unlock(&self) {
        // SAFETY: initialised in `shared`, which has it mapped.
        let code = unsafe { libc::pthread_mutex_unlock(self.0.get()) };
        assert_eq!(code, 0);
    }
}

/// A mutex that stays with its owner, dead or alive.
pub struct PlainMutex(Shared<Mutex>);

impl PlainMutex {
    pub fn new() -> Self {
        Self(Mutex::shared(false))
    }

    #[inline]
    pub fn lock(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_mutex_lock(self.0.0.get()) };
        assert_eq!(code, 0);
    }

    #[inline]
    pub fn unlock(&self) {
        self.0.unlock();
    }
}

impl RobustMutex {
    pub fn new() -> Self {
        Self(Mutex::shared(true))
    }

    fn raw(&self) -> *mut libc::pthread_mutex_t {
        self.0.0.get()
    }

    #[inline]
    pub fn lock(&self) -> Taken {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        match unsafe { libc::pthread_mutex_lock(self.raw()) } {
            0 => Taken::Clean,
            libc::EOWNERDEAD => {
                // SAFETY: as above, and we hold it.
                unsafe { libc::pthread_mutex_consistent(self.raw()) };
                Taken::Inherited
            }
            code => panic!("pthread_mutex_lock: {code}"),
        }
    }

    #[inline]
    pub fn unlock(&self) {
        self.0.unlock();
    }
}

/// A counting semaphore.
pub struct Semaphore(Shared<Count>);

struct Count(UnsafeCell<libc::sem_t>);

// SAFETY: `new` initialises the semaphore in place; from then on only the C library touches it.
unsafe impl Resident for Count {}

impl Semaphore {
    pub fn new(permits: u32) -> Self {
        let count = Self(Shared::new());
        // SAFETY: the semaphore is in place and nobody uses it yet.
        assert_eq!(unsafe { libc::sem_init(count.raw(), 1, permits) }, 0);
        count
    }

    fn raw(&self) -> *mut libc::sem_t {
        self.0.0.get()
    }

    #[inline]
    pub fn acquire(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        while unsafe { libc::sem_wait(self.raw()) } != 0 {}
    }

    #[inline]
    pub fn release(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::sem_post(self.raw()) };
        assert_eq!(code, 0);
    }

    pub fn available(&self) -> i32 {
        let mut value = 0;
        // SAFETY: as above, and `value` is ours to write to.
        unsafe { libc::sem_getvalue(self.raw(), &mut value) };
        value
    }
}

/// A reader-writer lock, of whose owner's death nobody is told.
pub struct RwLock(Shared<ReadWrite>);

struct ReadWrite(UnsafeCell<libc::pthread_rwlock_t>);

// SAFETY: `new` initialises the lock in place; from then on only the C library touches it.
unsafe impl Resident for ReadWrite {}

impl RwLock {
    pub fn new() -> Self {
        let lock = Self(Shared::new());
        // SAFETY: zero is a place for the attributes, which `init` initialises.
        let mut kind: libc::pthread_rwlockattr_t = unsafe { std::mem::zeroed() };
        let shared = libc::PTHREAD_PROCESS_SHARED;
        // SAFETY: initialises the attributes.
        let mut code = unsafe { libc::pthread_rwlockattr_init(&mut kind) };
        // SAFETY: the attributes are initialised.
        code |= unsafe { libc::pthread_rwlockattr_setpshared(&mut kind, shared) };
        // SAFETY: the lock is in place and nobody uses it yet.
        code |= unsafe { libc::pthread_rwlock_init(lock.raw(), &kind) };
        assert_eq!(code, 0);
        lock
    }

    fn raw(&self) -> *mut libc::pthread_rwlock_t {
        self.0.0.get()
    }

    #[inline]
    pub fn read(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_rwlock_rdlock(self.raw()) };
        assert_eq!(code, 0);
    }

    #[inline]
    pub fn write(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_rwlock_wrlock(self.raw()) };
        assert_eq!(code, 0);
    }

    #[inline]
    pub fn unlock(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_rwlock_unlock(self.raw()) };
        assert_eq!(code, 0);
    }
}

/// A condition variable, whose waiters' deaths may cost notifications.
pub struct Condition(Shared<Changed>);

struct Changed(UnsafeCell<libc::pthread_cond_t>);

// SAFETY: `new` initialises the condition in place; from then on only the C library touches it.
unsafe impl Resident for Changed {}

impl Condition {
    pub fn new() -> Self {
        let condition = Self(Shared::new());
        // SAFETY: zero is a place for the attributes, which `init` initialises.
        let mut kind: libc::pthread_condattr_t = unsafe { std::mem::zeroed() };
        let shared = libc::PTHREAD_PROCESS_SHARED;
        // SAFETY: initialises the attributes.
        let mut code = unsafe { libc::pthread_condattr_init(&mut kind) };
        // SAFETY: the attributes are initialised.
        code |= unsafe { libc::pthread_condattr_setpshared(&mut kind, shared) };
        // SAFETY: the condition is in place and nobody uses it yet.
        code |= unsafe { libc::pthread_cond_init(condition.raw(), &kind) };
        assert_eq!(code, 0);
        condition
    }

    fn raw(&self) -> *mut libc::pthread_cond_t {
        self.0.0.get()
    }

    #[inline]
    pub fn signal(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_cond_signal(self.raw()) };
        assert_eq!(code, 0);
    }

    /// With the mutex, which is given up meanwhile; a dead owner's is made good.
    pub fn wait(&self, mutex: &RobustMutex) {
        // SAFETY: both are initialised, and mapped as long as the references live.
        match unsafe { libc::pthread_cond_wait(self.raw(), mutex.raw()) } {
            0 => {}
            libc::EOWNERDEAD => {
                // SAFETY: as above, and we hold it.
                unsafe { libc::pthread_mutex_consistent(mutex.raw()) };
            }
            code => panic!("pthread_cond_wait: {code}"),
        }
    }
}

/// A barrier, at which the others wait for a dead party for ever.
pub struct Barrier(Shared<Meeting>);

struct Meeting(UnsafeCell<libc::pthread_barrier_t>);

// SAFETY: `new` initialises the barrier in place; from then on only the C library touches it.
unsafe impl Resident for Meeting {}

impl Barrier {
    pub fn new(parties: u32) -> Self {
        let barrier = Self(Shared::new());
        // SAFETY: zero is a place for the attributes, which `init` initialises.
        let mut kind: libc::pthread_barrierattr_t = unsafe { std::mem::zeroed() };
        let shared = libc::PTHREAD_PROCESS_SHARED;
        // SAFETY: initialises the attributes.
        let mut code = unsafe { libc::pthread_barrierattr_init(&mut kind) };
        // SAFETY: the attributes are initialised.
        code |= unsafe { libc::pthread_barrierattr_setpshared(&mut kind, shared) };
        // SAFETY: the barrier is in place and nobody uses it yet.
        code |= unsafe { libc::pthread_barrier_init(barrier.0.0.get(), &kind, parties) };
        assert_eq!(code, 0);
        barrier
    }

    #[inline]
    pub fn wait(&self) {
        // SAFETY: initialised in `new`, mapped as long as `self`.
        let code = unsafe { libc::pthread_barrier_wait(self.0.0.get()) };
        assert!(code == 0 || code == libc::PTHREAD_BARRIER_SERIAL_THREAD);
    }
}
