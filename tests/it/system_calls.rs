//! What makes no system call: the kernel kills whoever makes one all the same.

#![expect(
    unsafe_code,
    reason = "the end of a thread, which is all that is left to it"
)]

use std::time::Instant;

use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::Pipe;
use outlive::queue::spsc::Spsc;
use outlive::{
    Condition, Event, Lock, Queue, RLock, RwLock, Segment, SegmentOptions, Semaphore, Value,
};
use rustix::thread::{SecureComputingMode, set_secure_computing_mode};

use super::child::PATIENCE;
use super::fork::forked;

/// Without a lifeline, a forked child has one thread, and ends with it.
fn segment() -> Segment {
    SegmentOptions::new().lifeline(false).anonymous().unwrap()
}

/// Whether a child makes no system call when it does again and again what `open` gives it to do.
fn is_silent<A: FnMut()>(open: impl FnOnce() -> A) -> bool {
    let life = || {
        let mut act = open();
        // Strictly: nothing but to read, to write, and to end the thread.
        if set_secure_computing_mode(SecureComputingMode::Strict).is_err() {
            return 2;
        }
        (0..1000).for_each(|_| act());
        // SAFETY: ends the only thread of this process, without the exit handlers of its parent.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
        3
    };
    forked(life).ends_with(0)
}

/// The first time, the child joins the segment: that does not count.
fn assert_silent(act: impl Fn()) {
    assert!(is_silent(|| {
        act();
        act
    }));
}

#[test]
fn a_system_call_is_noticed() {
    assert!(is_silent(|| || ()));
    assert!(!is_silent(|| || assert!(
        rustix::process::getppid().is_some()
    )));
}

#[test]
fn to_notify_nobody_makes_no_system_call() {
    let condition = Condition::create(&segment(), "condition").unwrap();
    assert_silent(|| {
        assert_eq!(condition.notify(1).unwrap(), 0);
        assert_eq!(condition.notify_all().unwrap(), 0);
    });
}

#[test]
fn to_set_an_event_that_nobody_waits_for_makes_no_system_call() {
    let event = Event::create(&segment(), "event").unwrap();
    assert_silent(|| {
        event.set().unwrap();
        event.set().unwrap();
        assert!(event.is_set());
        event.wait().unwrap();
        event.clear().unwrap();
    });
}

#[test]
fn to_set_an_event_that_somebody_sleeps_for_makes_one() {
    let event = Event::create(&segment(), "event").unwrap();
    let sleeper = forked(|| {
        loop {
            event.wait().unwrap();
            event.clear().unwrap();
        }
    });
    let end = Instant::now() + PATIENCE;
    let sets = || {
        event.clear().unwrap();
        || event.set().unwrap()
    };
    // Silent only before it sleeps: whoever is killed at the wake has not woken it.
    while is_silent(sets) {
        assert!(Instant::now() < end, "nobody wakes the sleeper");
    }
    sleeper.kill();
}

#[test]
fn what_nobody_else_wants_is_taken_and_given_back_without_one() {
    let segment = segment();
    let lock = Lock::create(&segment, "lock").unwrap();
    let rlock = RLock::create(&segment, "rlock").unwrap();
    let rwlock = RwLock::create(&segment, "rwlock").unwrap();
    let semaphore = Semaphore::create(&segment, "semaphore", 2).unwrap();
    let value = Value::create(&segment, "value", [7_u8; 64]).unwrap();
    assert_silent(|| drop(lock.lock().unwrap()));
    assert_silent(|| drop((rlock.lock().unwrap(), rlock.lock().unwrap())));
    assert_silent(|| drop((rwlock.read().unwrap(), rwlock.read().unwrap())));
    assert_silent(|| drop(rwlock.write().unwrap()));
    assert_silent(|| drop((semaphore.acquire().unwrap(), semaphore.acquire().unwrap())));
    assert_silent(|| {
        value.set([8; 64]).unwrap();
        assert_eq!(value.get().unwrap(), [8; 64]);
    });
}

#[test]
fn a_message_that_nobody_waits_for_makes_none() {
    let segment = segment();
    let queue = Queue::<u64>::create(&segment, "queue", 4).unwrap();
    let long = Queue::<Vec<u64>>::create(&segment, "long", 4).unwrap();
    let mpmc = Mpmc::<u64>::create(&segment, "mpmc", 4).unwrap();
    assert_silent(|| {
        queue.put(&7).unwrap();
        assert_eq!(queue.get().unwrap(), 7);
        queue.try_put(&7).unwrap();
        assert_eq!(queue.try_get().unwrap(), 7);
        assert!(queue.try_get().is_err());
    });
    let items: Vec<_> = (0..100).collect();
    assert_silent(|| {
        long.put(&items).unwrap();
        assert_eq!(long.get().unwrap(), items);
    });
    assert_silent(|| {
        mpmc.put(7).unwrap();
        assert_eq!(mpmc.get().unwrap(), 7);
    });
}

#[test]
fn an_item_that_nobody_waits_for_makes_none() {
    let segment = segment();
    let ring = Spsc::<u64>::create(&segment, "ring", 4).unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", 1 << 12).unwrap();
    // The ends are the child's own.
    assert!(is_silent(|| {
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
        move || {
            producer.push(7).unwrap();
            assert_eq!(consumer.pop().unwrap(), 7);
            sender.send(&7).unwrap();
            assert_eq!(receiver.recv().unwrap(), 7);
        }
    }));
}
