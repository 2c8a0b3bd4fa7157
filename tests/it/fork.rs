//! Forked children: participants of their own, under no name of their parent's.

#![expect(unsafe_code, reason = "fork")]

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlive::queue::spsc::Spsc;
use outlive::sync::{BarrierError, LockError};
use outlive::{Array, Barrier, ErrorKind, Lock, RLock, Segment, Semaphore, Value};

use super::child::PATIENCE;

/// A forked child.
pub struct Forked(libc::pid_t);

/// Forks a child that lives `life` and ends with its result; SIGALRM ends it where it hangs.
pub fn forked(life: impl FnOnce() -> u8) -> Forked {
    // SAFETY: the child calls nothing that another thread of the test runner could hold locked:
    // glibc keeps the allocator usable over a fork.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: only asks for a signal.
            unsafe { libc::alarm(20) };
            let code = life();
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(code.into()) }
        }
        pid => {
            assert!(pid > 0);
            Forked(pid)
        }
    }
}

impl Forked {
    pub fn pid(&self) -> u32 {
        self.0.unsigned_abs()
    }

    pub fn kill(self) {
        // SAFETY: the child has not been waited for, so the number is its own.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        self.wait();
    }

    /// The child's exit code.
    pub fn code(self) -> i32 {
        let status = self.wait();
        assert!(libc::WIFEXITED(status), "{status:#x}");
        libc::WEXITSTATUS(status)
    }

    /// Whether the child ends by itself, and with `code`.
    pub fn ends_with(self, code: i32) -> bool {
        let status = self.wait();
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == code
    }

    fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is a valid place.
        assert_eq!(unsafe { libc::waitpid(self.0, &raw mut status, 0) }, self.0);
        status
    }
}

/// Runs `life` in a forked child and returns its exit code.
pub fn in_fork(life: impl FnOnce() -> u8) -> i32 {
    forked(life).code()
}

/// Does `act` while this thread is interrupted by a signal, again and again.
pub fn interrupted<R>(act: impl FnOnce() -> R) -> R {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler = nothing as extern "C" fn(libc::c_int);
    // SAFETY: all zeroes are an action: no flags, so waits are not begun again; an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    // SAFETY: the handler does nothing.
    let done = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(done, 0);
    // SAFETY: asks only who we are.
    let victim = unsafe { libc::pthread_self() };
    let is_over = AtomicBool::new(false);
    /// Ends the signals, also after a panic.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // SAFETY: the thread waits for this one to end.
                unsafe { libc::pthread_kill(victim, libc::SIGUSR1) };
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        act()
    })
}

/// A gate that one process opens for another.
struct Gate(OwnedFd, OwnedFd);

impl Gate {
    fn new() -> Self {
        let (read, write) = rustix::pipe::pipe().unwrap();
        Self(read, write)
    }
    fn open(&self) {
        rustix::io::write(&self.1, &[1]).unwrap();
    }
    fn pass(&self) {
        rustix::io::read(&self.0, &mut [0_u8]).unwrap();
    }
}

#[test]
fn a_forked_child_is_a_participant_of_its_own() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let guard = lock.lock().unwrap();
    let code = in_fork(|| {
        // The parent's lock is not the child's, and the parent lives.
        if !matches!(lock.try_lock(), Err(LockError::TimedOut)) {
            return 1;
        }
        if lock.release().is_ok() {
            return 2;
        }
        let alive = segment.participants().iter().filter(|p| p.is_alive).count();
        if alive != 2 {
            return 3;
        }
        let other = Lock::create(&segment, "other").unwrap();
        other.acquire(None).unwrap();
        0
    });
    assert_eq!(code, 0);
    drop(guard);
    assert!(
        lock.lock().is_ok(),
        "the child's death marks nothing of the parent's"
    );
    let other = Lock::open(&segment, "other").unwrap();
    let end = other.lock_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
}

#[test]
fn the_death_of_a_parent_is_seen_although_its_forked_child_lives() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let (read, write) = rustix::pipe::pipe().unwrap();
    let write = std::cell::Cell::new(Some(write));
    let code = in_fork(|| {
        // This process is the parent here: it takes the lock, forks, and dies.
        lock.acquire(None).unwrap();
        // SAFETY: as in `in_fork`; the grandchild only waits for the pipe.
        if unsafe { libc::fork() } == 0 {
            drop(write.take());
            let _ = rustix::io::read(&read, &mut [0_u8]);
            // SAFETY: ends the grandchild.
            unsafe { libc::_exit(0) }
        }
        0
    });
    assert_eq!(code, 0);
    let end = lock.lock_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
    drop(end);
    drop(write.take());
}

#[test]
fn a_guard_dropped_in_a_forked_child_frees_nothing() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let rlock = RLock::create(&segment, "rlock").unwrap();
    let mut guards = Some((lock.lock().unwrap(), rlock.lock().unwrap()));
    for joined_first in [false, true] {
        let code = in_fork(|| {
            if joined_first && segment.free().is_err() {
                return 1;
            }
            drop(guards.take());
            let held = |refused: bool| u8::from(!refused);
            held(matches!(lock.try_lock(), Err(LockError::TimedOut)))
                + held(matches!(rlock.try_lock(), Err(LockError::TimedOut)))
        });
        assert_eq!(code, 0);
        assert_eq!(lock.holder(), Some(std::process::id()));
    }
    drop(guards);
    assert!(lock.try_lock().is_ok() && rlock.try_lock().is_ok());
}

#[test]
fn a_child_keeps_what_is_its_own_when_it_drops_its_parents() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let rlock = RLock::create(&segment, "rlock").unwrap();
    let queue = Spsc::<u64>::create(&segment, "queue", 4).unwrap();
    let guards = Cell::new(Some((lock.lock().unwrap(), rlock.lock().unwrap())));
    let producer = Cell::new(Some(queue.producer().unwrap()));
    let child = forked(|| {
        let mine = (
            lock.lock_timeout(PATIENCE).unwrap(),
            rlock.lock_timeout(PATIENCE).unwrap(),
        );
        let mut end = loop {
            if let Ok(end) = queue.producer() {
                break end;
            }
        };
        drop((guards.take(), producer.take()));
        let me = Some(std::process::id());
        let kept = lock.holder() == me && rlock.depth() == 1 && queue.producer().is_err();
        if !kept || end.push(7).is_err() {
            return 1;
        }
        drop((mine, end));
        u8::from(lock.is_locked() || rlock.holder().is_some())
    });
    drop((guards.take(), producer.take()));
    assert_eq!(child.code(), 0);
    assert_eq!(queue.consumer().unwrap().try_pop().unwrap(), 7);
}

#[test]
fn a_childs_first_use_touches_no_other_object() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let name = |at| format!("passing {at}");
    let passing = (0..40).map(|at| Semaphore::create(&segment, &name(at), 1).unwrap());
    let passing = Cell::new(passing.collect::<Vec<_>>());
    let gate = Gate::new();
    let child = forked(|| {
        gate.pass();
        if lock.try_lock().is_err() {
            return 1;
        }
        let gone = passing.take();
        let told = |e: outlive::Error| e.kind() == ErrorKind::Gone;
        let all = gone.iter().all(|semaphore| match semaphore.try_acquire() {
            Err(outlive::sync::AcquireError::Broken(e)) => told(e),
            _ => false,
        });
        drop(gone);
        u8::from(!all)
    });
    drop(passing.take());
    (0..40).for_each(|at| segment.remove(&name(at)).unwrap());
    // In the room that they leave.
    let array = Array::<u64>::create(&segment, "array", 700).unwrap();
    array.lock().unwrap().fill(u64::MAX);
    gate.open();
    assert_eq!(child.code(), 0);
    assert!(array.to_vec().unwrap().iter().all(|x| *x == u64::MAX));
    assert_eq!(segment.objects().unwrap().len(), 2);
}

#[test]
fn a_child_forked_inside_an_update_leaves_it_to_its_parent() {
    let segment = Segment::anonymous().unwrap();
    let wide = Value::create(&segment, "wide", [1_u64; 8]).unwrap();
    let word = Value::create(&segment, "word", 1_u64).unwrap();
    let array = Array::<u64>::create(&segment, "array", 8).unwrap();
    /// Forks; the child is told to go on when the parent has done more.
    fn split(gate: &Gate, child: &Cell<Option<Forked>>) {
        // SAFETY: as in `forked`.
        match unsafe { libc::fork() } {
            0 => gate.pass(),
            pid => child.set(Some(Forked(pid))),
        }
    }
    let refused = |end: outlive::Result<()>| -> ! {
        let right = matches!(end, Err(e) if e.kind() == ErrorKind::NotOwner);
        // SAFETY: ends the child without the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!right)) }
    };
    type Update<'a> = &'a dyn Fn(&dyn Fn()) -> outlive::Result<()>;
    let updates: [Update<'_>; 3] = [
        &|inside| {
            wide.update(|all| {
                all.fill(2);
                inside();
            })
        },
        &|inside| {
            word.update(|x| {
                *x = 2;
                inside();
            })
        },
        &|inside| {
            array.update(.., |all| {
                all.fill(2);
                inside();
            })
        },
    ];
    for update in updates {
        let (gate, child) = (Gate::new(), Cell::new(None));
        let end = update(&|| split(&gate, &child));
        let Some(child) = child.take() else {
            refused(end)
        };
        end.unwrap();
        wide.set([5; 8]).unwrap();
        word.set(5).unwrap();
        array.lock().unwrap().fill(5);
        gate.open();
        assert_eq!(child.code(), 0);
        assert_eq!((wide.get().unwrap(), word.get().unwrap()), ([5; 8], 5));
        assert_eq!(array.to_vec().unwrap(), [5; 8]);
    }
}

#[test]
fn a_child_forked_in_the_action_of_a_barrier_leaves_the_turn_to_its_parent() {
    let segment = Segment::anonymous().unwrap();
    let barrier = Barrier::create(&segment, "barrier", 1).unwrap();
    let is_child = Cell::new(false);
    // SAFETY: as in `forked`.
    let end = barrier.wait_with(|| match unsafe { libc::fork() } {
        0 => is_child.set(true),
        pid => assert_eq!(Forked(pid).code(), 0),
    });
    if is_child.get() {
        let told = matches!(end, Err(BarrierError::Unusable(e)) if e.kind() == ErrorKind::NotOwner);
        // SAFETY: ends the child without the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!told || barrier.is_broken())) }
    }
    assert!(end.is_ok(), "{end:?}");
    barrier.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_child_waits_for_no_thread_of_its_parent() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    Value::create(&segment, "", 0_u64).unwrap_err();
                    drop(Semaphore::open_or_create(&segment, "semaphore", 1).unwrap());
                }
            });
        }
        let codes: Vec<_> = (0..100)
            .map(|_| in_fork(|| u8::from(lock.lock_timeout(Duration::from_secs(10)).is_err())))
            .collect();
        over.store(true, Ordering::Relaxed);
        assert!(codes.iter().all(|code| *code == 0), "{codes:?}");
    });
}

#[test]
fn a_child_opens_segments_whatever_threads_of_its_parent_were_opening() {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop(Segment::anonymous().unwrap());
                }
            });
        }
        let codes: Vec<_> = (0..100)
            .map(|_| in_fork(|| u8::from(Segment::anonymous().is_err())))
            .collect();
        over.store(true, Ordering::Relaxed);
        assert!(codes.iter().all(|code| *code == 0), "{codes:?}");
    });
}
