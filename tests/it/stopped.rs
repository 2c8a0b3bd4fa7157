//! A stopped process is not a dead one: what it holds stays held, and its work counts when it goes
//! on.

use std::time::{Duration, Instant};

use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::{Pipe, RecvError, SendError};
use outlive::queue::spsc::Spsc;
use outlive::queue::{GetError, PopError, PushError, PutError};
use outlive::sync::{AcquireError, LockError};
use outlive::{
    Array, AtomicArray, BoundedSemaphore, ErrorKind, Lock, RLock, Segment, SegmentOptions,
    Semaphore, Value,
};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::child::{Child, PATIENCE, Role, pause, say};

/// Several slices: whoever waits so long has asked for the holder's lease more than once.
const WHILE: Duration = Duration::from_millis(100);
/// Wider than a word.
type Wide = [u64; 8];
/// So large that a process stopped at random is often in the middle of copying it.
type Broad = [u64; 8192];
/// The number after which a consumer goes home.
const LAST: u64 = u64::MAX;

fn same(item: &Broad) -> u64 {
    assert!(item.iter().all(|x| *x == item[0]), "torn");
    item[0]
}

/// In a child: holds something until it is told to go on, then does its work while it still does.
fn hold(segment: &Segment) {
    say("held");
    pause();
    work(segment).fetch_add(0, 1).unwrap();
}

/// How often a holder has done its work; and what else a test counts.
fn work(segment: &Segment) -> AtomicArray<u64> {
    AtomicArray::open_or_create(segment, "work", 2).unwrap()
}

pub const ROLES: &[(&str, Role)] = &[
    ("stopped with an rlock", |segment, _| {
        let lock = RLock::open(segment, "it").unwrap();
        let outer = lock.lock().unwrap();
        let inner = lock.lock().unwrap();
        hold(segment);
        drop((inner, outer));
        say("done");
    }),
    ("stopped with a permit", |segment, _| {
        let semaphore = Semaphore::open(segment, "it").unwrap();
        let permit = semaphore.acquire().unwrap();
        hold(segment);
        drop(permit);
        say("done");
    }),
    ("stopped with a bounded permit", |segment, _| {
        let semaphore = BoundedSemaphore::open(segment, "it").unwrap();
        semaphore.acquire_many(2).unwrap().keep();
        hold(segment);
        semaphore.release(2).unwrap();
        say("done");
    }),
    ("stopped with a value", |segment, _| {
        let value = Value::<Wide>::open(segment, "it").unwrap();
        let mut guard = value.lock().unwrap();
        guard[..4].fill(2);
        hold(segment);
        guard[4..].fill(2);
        drop(guard);
        say("done");
    }),
    ("stopped in an update of a value", |segment, _| {
        let value = Value::<Wide>::open(segment, "it").unwrap();
        let change = |all: &mut Wide| {
            all[..4].fill(2);
            hold(segment);
            all[4..].fill(2);
        };
        value.update(change).unwrap();
        say("done");
    }),
    ("stopped with an array", |segment, _| {
        let array = Array::<u64>::open(segment, "it").unwrap();
        let mut guard = array.lock().unwrap();
        guard[..4].fill(2);
        hold(segment);
        guard[4..].fill(2);
        drop(guard);
        say("done");
    }),
    ("stopped in an update of an array", |segment, _| {
        let array = Array::<u64>::open(segment, "it").unwrap();
        let change = |all: &mut [u64]| {
            all[..4].fill(2);
            hold(segment);
            all[4..].fill(2);
        };
        array.update(.., change).unwrap();
        say("done");
    }),
    ("stopped as producer", |segment, _| {
        let mut producer = Spsc::<u64>::open(segment, "it")
            .unwrap()
            .producer()
            .unwrap();
        producer.push(1).unwrap();
        let mut chunk = producer.write_chunk(2).unwrap();
        chunk.set(0, 2);
        hold(segment);
        chunk.set(1, 3);
        chunk.commit_all();
        say("done");
    }),
    ("stopped as consumer", |segment, _| {
        let mut consumer = Spsc::<u64>::open(segment, "it")
            .unwrap()
            .consumer()
            .unwrap();
        let chunk = consumer.read_chunk(2).unwrap();
        let first = chunk.get(0);
        hold(segment);
        assert_eq!([first, chunk.get(1)], [1, 2]);
        chunk.consume_all();
        // Keeps its end, so that the other one finds room and not a farewell.
        say("done");
        pause();
    }),
    ("stopped as sender", |segment, _| {
        let mut sender = Pipe::<u64>::open(segment, "it").unwrap().sender().unwrap();
        sender.send(&1).unwrap();
        // It stands in the pipe, unfinished.
        let cut = sender.send_bytes_timeout(&[2; 5000], Duration::from_millis(1));
        assert!(matches!(cut, Err(SendError::Full)));
        hold(segment);
        sender.send(&3).unwrap();
        say("done");
        pause();
    }),
    ("stopped as receiver", |segment, _| {
        let mut receiver = Pipe::<u64>::open(segment, "it")
            .unwrap()
            .receiver()
            .unwrap();
        hold(segment);
        assert_eq!(receiver.recv_bytes().unwrap(), [7; 500]);
        // The parts of one that was given up are passed over.
        assert_eq!(receiver.recv_bytes().unwrap(), [9; 500]);
        say("done");
        pause();
    }),
    ("put broad items", |segment, _| {
        let queue = Mpmc::<Broad>::open(segment, "it").unwrap();
        say("putting");
        for number in 0.. {
            queue.put([number; 8192]).unwrap();
        }
    }),
    ("take broad items", |segment, _| {
        let queue = Mpmc::<Broad>::open(segment, "it").unwrap();
        let work = work(segment);
        say("taking");
        loop {
            match same(&queue.get().unwrap()) {
                LAST => break,
                number => {
                    assert_eq!(work.fetch_add(0, 1).unwrap(), number, "in order, and once");
                }
            }
        }
    }),
    ("wait for a lock", |segment, _| {
        let lock = Lock::open(segment, "it").unwrap();
        say("waiting");
        drop(lock.lock_timeout(PATIENCE).unwrap());
        say("taken");
    }),
    ("wait for a semaphore", |segment, _| {
        let semaphore = Semaphore::open(segment, "it").unwrap();
        say("waiting");
        semaphore.acquire_timeout(PATIENCE).unwrap().forget();
        say("taken");
    }),
    ("wait for a number", |segment, _| {
        let queue = Mpmc::<u64>::open(segment, "it").unwrap();
        say("waiting");
        queue.get_timeout(PATIENCE).unwrap();
        say("taken");
    }),
];

/// Returns when the kernel says that the child stands still.
pub fn stop(child: &Child) {
    let pid = Pid::from_raw(child.pid().try_into().unwrap());
    child.signal(Signal::STOP);
    let (_, status) = waitpid(pid, WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped(), "{status:?}");
}

/// A child that was stopped after it said that it holds what its role is about.
fn stopped(segment: &Segment, role: &str) -> Child {
    // Before anybody looks for it.
    let _work = work(segment);
    let child = Child::start(segment, role, "");
    child.expect("held");
    stop(&child);
    child
}

/// Runs something that must take `WHILE`, at least; it was a wait, and ended with its limit.
fn waits<R>(wait: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let end = wait();
    assert!(start.elapsed() >= WHILE, "gave up early");
    end
}

/// Lets the stopped child go on while `comes` waits for what it holds. By then its work is done.
fn goes_on(mut child: Child, segment: &Segment, comes: impl FnOnce() + Send) {
    is_thought_alive(segment);
    let work = work(segment);
    assert_eq!(work.get(0).unwrap(), 0);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            comes();
            work.get(0).unwrap()
        });
        child.signal(Signal::CONT);
        child.go_on();
        child.expect("done");
        assert_eq!(waiter.join().unwrap(), 1, "came before the holder was done");
    });
    is_thought_alive(segment);
}

/// Lets a child run to some point of a copy. It sleeps, for there may be one processor for both.
fn at_another_instant(round: u64) {
    std::thread::sleep(Duration::from_micros(round * 7 % 150));
}

fn is_thought_alive(segment: &Segment) {
    assert_eq!(segment.reap().unwrap(), 0);
    assert!(segment.recoveries().unwrap().is_empty());
}

fn timed_out<T>(result: outlive::Result<T>) {
    assert_eq!(result.err().map(|e| e.kind()), Some(ErrorKind::TimedOut));
}

#[test]
fn an_rlock_stays_held_at_every_level() {
    let segment = Segment::anonymous().unwrap();
    let lock = RLock::create(&segment, "it").unwrap();
    let child = stopped(&segment, "stopped with an rlock");
    assert!(matches!(lock.try_lock(), Err(LockError::TimedOut)));
    let end = waits(|| lock.lock_timeout(WHILE));
    assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    let end = waits(|| lock.lock_deadline(Instant::now() + WHILE));
    assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    assert_eq!(lock.holder(), Some(child.pid()));
    goes_on(child, &segment, || {
        drop(lock.lock_timeout(PATIENCE).unwrap());
    });
}

#[test]
fn permits_stay_taken() {
    // In cells, and in a ledger.
    for capacity in [8, 5000] {
        let segment = Segment::anonymous().unwrap();
        let semaphore = Semaphore::create_with_capacity(&segment, "it", 1, capacity).unwrap();
        let child = stopped(&segment, "stopped with a permit");
        assert!(matches!(
            semaphore.try_acquire(),
            Err(AcquireError::TimedOut)
        ));
        let end = waits(|| semaphore.acquire_timeout(WHILE));
        assert!(matches!(end, Err(AcquireError::TimedOut)), "{end:?}");
        let end = waits(|| semaphore.acquire_deadline(Instant::now() + WHILE));
        assert!(matches!(end, Err(AcquireError::TimedOut)), "{end:?}");
        assert_eq!(semaphore.available(), 0);
        // A permit more does not need the holder.
        semaphore.release(1).unwrap();
        semaphore.acquire_timeout(PATIENCE).unwrap().forget();
        goes_on(child, &segment, || {
            semaphore.acquire_timeout(PATIENCE).unwrap().forget();
        });
        assert_eq!(semaphore.available(), 0);
    }
}

#[test]
fn kept_permits_of_a_bounded_semaphore_stay_taken() {
    for bound in [2, 5000] {
        let segment = Segment::anonymous().unwrap();
        let semaphore = BoundedSemaphore::create(&segment, "it", bound).unwrap();
        let child = stopped(&segment, "stopped with a bounded permit");
        assert_eq!(semaphore.available(), bound - 2);
        let end = waits(|| semaphore.acquire_many_timeout(bound - 1, WHILE));
        assert!(matches!(end, Err(AcquireError::TimedOut)), "{end:?}");
        assert_eq!(semaphore.available(), bound - 2);
        goes_on(child, &segment, || {
            let all = semaphore.acquire_many_timeout(bound, PATIENCE).unwrap();
            assert_eq!(semaphore.available(), 0);
            drop(all);
        });
        assert_eq!(semaphore.release(1).unwrap_err().kind(), ErrorKind::Full);
    }
}

#[test]
fn a_value_stays_locked_and_readable() {
    for role in ["stopped with a value", "stopped in an update of a value"] {
        let segment = Segment::anonymous().unwrap();
        let value = Value::<Wide>::create(&segment, "it", [1; 8]).unwrap();
        let child = stopped(&segment, role);
        timed_out(value.try_lock());
        timed_out(waits(|| value.lock_timeout(WHILE)));
        timed_out(waits(|| value.lock_deadline(Instant::now() + WHILE)));
        assert_eq!(value.get().unwrap(), [1; 8]);
        goes_on(child, &segment, || {
            let mut guard = value.lock_timeout(PATIENCE).unwrap();
            assert_eq!(*guard, [2; 8]);
            guard[0] = 3;
        });
        assert_eq!(value.get().unwrap()[..2], [3, 2]);
    }
}

#[test]
fn an_array_stays_locked_and_comes_unmarked() {
    for role in ["stopped with an array", "stopped in an update of an array"] {
        let segment = Segment::anonymous().unwrap();
        let array = Array::<u64>::create_from_slice(&segment, "it", &[1; 8]).unwrap();
        let child = stopped(&segment, role);
        assert!(matches!(array.try_lock(), Err(LockError::TimedOut)));
        let end = waits(|| array.lock_timeout(WHILE));
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
        let end = waits(|| array.lock_deadline(Instant::now() + WHILE));
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
        goes_on(child, &segment, || {
            let guard = array.lock_timeout(PATIENCE).unwrap();
            assert_eq!(guard[..], [2; 8]);
        });
    }
}

#[test]
fn a_producers_end_stays_taken_and_its_consumer_waits() {
    let segment = Segment::anonymous().unwrap();
    let queue = Spsc::<u64>::create(&segment, "it", 4).unwrap();
    let mut consumer = queue.consumer().unwrap();
    let child = stopped(&segment, "stopped as producer");
    assert_eq!(queue.producer().unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(consumer.pop().unwrap(), 1);
    // More than one look, and with time between them: not all of them ask the kernel.
    for _ in 0..3 {
        assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
        let end = waits(|| consumer.pop_timeout(WHILE));
        assert!(matches!(end, Err(PopError::Empty)), "{end:?}");
    }
    let end = waits(|| consumer.read_chunk_deadline(1, Instant::now() + WHILE));
    assert!(matches!(end, Err(PopError::Empty)), "{end:?}");
    assert_eq!(queue.producer().unwrap_err().kind(), ErrorKind::InUse);
    goes_on(child, &segment, || {
        for item in 2..=3 {
            assert_eq!(consumer.pop_timeout(PATIENCE).unwrap(), item);
        }
    });
}

#[test]
fn a_consumers_end_stays_taken_and_its_producer_waits() {
    let segment = Segment::anonymous().unwrap();
    let queue = Spsc::<u64>::create(&segment, "it", 2).unwrap();
    let mut producer = queue.producer().unwrap();
    producer.push(1).unwrap();
    producer.push(2).unwrap();
    let child = stopped(&segment, "stopped as consumer");
    assert_eq!(queue.consumer().unwrap_err().kind(), ErrorKind::InUse);
    for _ in 0..3 {
        assert!(matches!(producer.try_push(3), Err(PushError::Full)));
        let end = waits(|| producer.push_timeout(3, WHILE));
        assert!(matches!(end, Err(PushError::Full)), "{end:?}");
    }
    let end = waits(|| producer.push_deadline(3, Instant::now() + WHILE));
    assert!(matches!(end, Err(PushError::Full)), "{end:?}");
    assert_eq!(queue.consumer().unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(queue.len(), 2);
    goes_on(child, &segment, || {
        producer.push_timeout(3, PATIENCE).unwrap();
    });
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_senders_end_stays_taken_and_its_receiver_waits() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "it", 500).unwrap();
    let mut receiver = pipe.receiver().unwrap();
    let child = stopped(&segment, "stopped as sender");
    assert_eq!(pipe.sender().unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), 1);
    // Of the second there is a part.
    for _ in 0..3 {
        assert!(matches!(receiver.try_recv(), Err(RecvError::Empty)));
        let end = waits(|| receiver.recv_bytes_timeout(WHILE));
        assert!(matches!(end, Err(RecvError::Empty)), "{end:?}");
        assert!(!waits(|| receiver.poll_deadline(Instant::now() + WHILE)).unwrap());
    }
    goes_on(child, &segment, || {
        assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), 3);
    });
}

#[test]
fn a_receivers_end_stays_taken_and_its_sender_waits() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "it", 500).unwrap();
    let mut sender = pipe.sender().unwrap();
    let child = stopped(&segment, "stopped as receiver");
    assert_eq!(pipe.receiver().unwrap_err().kind(), ErrorKind::InUse);
    sender.send_bytes(&[7; 500]).unwrap();
    for len in [500, 5000] {
        let end = waits(|| sender.send_bytes_timeout(&vec![8; len], WHILE));
        assert!(matches!(end, Err(SendError::Full)), "{end:?}");
    }
    assert_eq!(pipe.receiver().unwrap_err().kind(), ErrorKind::InUse);
    goes_on(child, &segment, || {
        sender.send_bytes_timeout(&[9; 500], PATIENCE).unwrap();
    });
}

#[test]
fn an_item_half_put_is_waited_for_and_comes_in_its_turn() {
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let queue = Mpmc::<Broad>::create(&segment, "it", 4).unwrap();
    let child = Child::start(&segment, "put broad items", "");
    child.expect("putting");
    let mut next = 0;
    let patience = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < patience, "never stopped in a put");
        at_another_instant(next);
        stop(&child);
        while let Ok(item) = queue.try_get() {
            assert_eq!(same(&item), next);
            next += 1;
        }
        // It counts, and does not come: it is claimed, and not yet there.
        if queue.len() == 1 {
            break;
        }
        child.signal(Signal::CONT);
        assert_eq!(same(&queue.get_timeout(PATIENCE).unwrap()), next);
        next += 1;
    }
    let end = waits(|| queue.get_timeout(WHILE));
    assert!(matches!(end, Err(GetError::Empty)));
    // Nobody needs it to put something behind it; but that must not come out before it.
    queue.put_timeout([LAST; 8192], PATIENCE).unwrap();
    let end = waits(|| queue.get_deadline(Instant::now() + WHILE));
    assert!(matches!(end, Err(GetError::Empty)));
    is_thought_alive(&segment);
    child.signal(Signal::CONT);
    for number in [next, LAST, next + 1] {
        assert_eq!(same(&queue.get_timeout(PATIENCE).unwrap()), number);
    }
    is_thought_alive(&segment);
}

#[test]
fn an_item_half_taken_is_given_to_nobody_else() {
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let queue = Mpmc::<Broad>::create(&segment, "it", 1).unwrap();
    let work = work(&segment);
    let child = Child::start(&segment, "take broad items", "");
    child.expect("taking");
    let mut next = 0;
    let patience = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < patience, "never stopped in a get");
        queue.put_timeout([next; 8192], PATIENCE).unwrap();
        next += 1;
        at_another_instant(next);
        stop(&child);
        // The one item is not there any more, and its slot is not yet free.
        if queue.is_empty() && queue.is_full() {
            break;
        }
        child.signal(Signal::CONT);
    }
    assert!(matches!(queue.try_put([next; 8192]), Err(PutError::Full)));
    let end = waits(|| queue.put_timeout([next; 8192], WHILE));
    assert!(matches!(end, Err(PutError::Full)), "{end:?}");
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    let end = waits(|| queue.get_timeout(WHILE));
    assert!(matches!(end, Err(GetError::Empty)));
    assert_eq!(work.get(0).unwrap(), next - 1);
    is_thought_alive(&segment);
    child.signal(Signal::CONT);
    queue.put_timeout([next; 8192], PATIENCE).unwrap();
    queue.put_timeout([LAST; 8192], PATIENCE).unwrap();
    child.finish();
    assert_eq!(work.get(0).unwrap(), next + 1);
}

/// Three children wait in `role`; the one that has waited longest is stopped, and `free` lets one
/// of them through each time. The kernel may wake the one that cannot hear it.
fn pass_a_stopped_waiter(segment: &Segment, role: &str, mut free: impl FnMut()) {
    let waiters = [(); 3].map(|()| {
        let child = Child::start(segment, role, "");
        child.expect("waiting");
        child
    });
    stop(&waiters[0]);
    free();
    free();
    waiters[1..].iter().for_each(|other| other.expect("taken"));
    free();
    waiters[0].signal(Signal::CONT);
    waiters[0].expect("taken");
    waiters.into_iter().for_each(Child::finish);
    is_thought_alive(segment);
}

#[test]
fn a_stopped_waiter_keeps_no_lock_from_the_others() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "it").unwrap();
    let mut guard = Some(lock.lock().unwrap());
    // From then on they hand it over by themselves.
    pass_a_stopped_waiter(&segment, "wait for a lock", || drop(guard.take()));
}

#[test]
fn a_stopped_waiter_keeps_no_permit_from_the_others() {
    let segment = Segment::anonymous().unwrap();
    let semaphore = Semaphore::create_with_capacity(&segment, "it", 0, 8).unwrap();
    pass_a_stopped_waiter(&segment, "wait for a semaphore", || {
        semaphore.release(1).unwrap();
    });
}

#[test]
fn a_stopped_waiter_keeps_no_item_from_the_others() {
    let segment = Segment::anonymous().unwrap();
    let queue = Mpmc::create(&segment, "it", 4).unwrap();
    pass_a_stopped_waiter(&segment, "wait for a number", || queue.put(1_u64).unwrap());
}
