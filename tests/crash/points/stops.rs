//! Stopped before every shared write of every operation: what is not dead is repaired by nobody,
//! timed forms end in time, nothing unfinished is seen, and all of it is there when the process
//! goes on.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use outlive::queue::messages;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::{Pipe, RecvError, SendError};
use outlive::queue::spsc::Spsc;
use outlive::queue::{GetError, PopError, PushError, PutError};
use outlive::sync::{BarrierError, LockError};
use outlive::{
    Array, Barrier, Condition, ErrorKind, Event, JoinableQueue, Lock, Queue, RLock, RwLock,
    Segment, Semaphore, Value, crash_points,
};

use super::sweep::{ENTERING, segment};
use crate::Law;
use crate::crowd::{End, Forked};

/// The limit of a timed form; more than one slice.
const LIMIT: Duration = Duration::from_millis(30);
/// The limit of those who are to be woken.
const LONG: Duration = Duration::from_secs(15);
/// Longer than the timed forms of one object may take together, on a busy machine.
const ENOUGH: Duration = Duration::from_secs(2);
/// The limit that operations on the segment have by themselves, and as much again.
const BOOKS: Duration = Duration::from_secs(10);
/// Wider than a word; every change here makes all elements equal.
type Wide = [u64; 8];

pub const LAWS: &[Law] = &[
    ("stops::in_a_lock", || {
        let stops = each(
            ENOUGH,
            |segment| Lock::create(segment, "lock").unwrap(),
            |_, lock| drop(lock.lock().unwrap()),
            |_, lock| drop(lock.lock_timeout(LIMIT)),
            |_, lock| drop(lock.try_lock().unwrap()),
        );
        assert_eq!(stops, ENTERING + 2);
    }),
    ("stops::in_an_rlock", || {
        let stops = each(
            ENOUGH,
            |segment| RLock::create(segment, "rlock").unwrap(),
            |_, lock| drop([lock.lock().unwrap(), lock.lock().unwrap()]),
            |_, lock| drop(lock.lock_timeout(LIMIT)),
            |_, lock| drop(lock.try_lock().unwrap()),
        );
        assert!(stops >= 6, "{stops} stops");
    }),
    ("stops::in_a_reader", || {
        let stops = each(
            ENOUGH,
            |segment| RwLock::create(segment, "rwlock").unwrap(),
            |_, lock| drop([lock.read().unwrap(), lock.read().unwrap()]),
            |_, lock| {
                drop(lock.read_timeout(LIMIT).expect("readers let readers in"));
                let end = lock.write_timeout(LIMIT);
                assert!(matches!(end, Ok(_) | Err(LockError::TimedOut)), "{end:?}");
                drop(end);
                // Nor does a writer that gave up keep them out.
                drop(lock.read_timeout(LIMIT).unwrap());
            },
            all_are_gone,
        );
        assert!(stops >= ENTERING + 4, "{stops} stops");
    }),
    ("stops::in_a_writer", || {
        let stops = each(
            ENOUGH,
            |segment| RwLock::create(segment, "rwlock").unwrap(),
            |_, lock| drop(lock.write().unwrap().downgrade()),
            |_, lock| {
                let end = lock.read_timeout(LIMIT);
                assert!(matches!(end, Ok(_) | Err(LockError::TimedOut)), "{end:?}");
                drop(end);
                let end = lock.write_timeout(LIMIT);
                assert!(matches!(end, Ok(_) | Err(LockError::TimedOut)), "{end:?}");
                drop(end);
            },
            all_are_gone,
        );
        assert!(stops >= ENTERING + 4, "{stops} stops");
    }),
    ("stops::in_a_semaphore_of_cells", || permits(8)),
    ("stops::in_a_semaphore_with_a_ledger", || permits(2000)),
    ("stops::in_a_wide_value", || {
        let stops = each(
            ENOUGH,
            |segment| Value::create(segment, "value", [1; 8]).unwrap(),
            |_, value: &Value<Wide>| {
                value.set([2; 8]).unwrap();
                value.update(|all| *all = all.map(|x| x + 1)).unwrap();
            },
            |_, value| {
                let seen = value.get().unwrap();
                assert!(seen == [seen[0]; 8] && (1..=3).contains(&seen[0]), "torn");
                if let Ok(guard) = value.lock_timeout(LIMIT) {
                    assert_eq!(*guard, seen);
                }
            },
            |_, value| assert_eq!(value.get().unwrap(), [3; 8]),
        );
        assert!(stops >= 20, "{stops} stops");
    }),
    ("stops::in_an_array", || {
        let stops = each(
            ENOUGH,
            |segment| Array::create_from_slice(segment, "array", &[1_u64; 4]).unwrap(),
            |_, array| {
                array.update(.., |all| all.fill(2)).unwrap();
                array.lock().unwrap().fill(3);
            },
            |_, array| {
                if let Ok(guard) = array.lock_timeout(LIMIT) {
                    assert!(guard.iter().all(|x| *x == guard[0]), "torn");
                }
            },
            |_, array| assert_eq!(array.to_vec().unwrap(), [3; 4]),
        );
        assert!(stops >= 8, "{stops} stops");
    }),
    ("stops::in_a_producer", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let queue = Spsc::<u64>::create(segment, "spsc", 2).unwrap();
                let consumer = queue.consumer().unwrap();
                (queue, RefCell::new((consumer, Vec::new())))
            },
            |_, (queue, _)| {
                let mut producer = queue.producer().unwrap();
                producer.push(1).unwrap();
                producer.push(2).unwrap();
            },
            |_, (_, end)| {
                let (consumer, got) = &mut *end.borrow_mut();
                match consumer.pop_timeout(LIMIT) {
                    Ok(item) => got.push(item),
                    Err(e) => assert!(matches!(e, PopError::Empty), "{e}"),
                }
            },
            |_, (_, end)| {
                let (consumer, got) = &mut *end.borrow_mut();
                while got.len() < 2 {
                    got.push(consumer.pop_timeout(ENOUGH).unwrap());
                }
                assert_eq!(*got, [1, 2]);
            },
        );
        assert!(stops >= 6, "{stops} stops");
    }),
    ("stops::in_a_consumer", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let queue = Spsc::<u64>::create(segment, "spsc", 2).unwrap();
                let mut producer = queue.producer().unwrap();
                producer.push(1).unwrap();
                producer.push(2).unwrap();
                (queue, RefCell::new(producer))
            },
            |_, (queue, _)| {
                let mut consumer = queue.consumer().unwrap();
                assert_eq!([1, 2], [(); 2].map(|()| consumer.pop().unwrap()));
            },
            |_, (_, end)| match end.borrow_mut().push_timeout(3, LIMIT) {
                Ok(()) => {}
                Err(e) => assert!(matches!(e, PushError::Full), "{e}"),
            },
            |_, (queue, end)| {
                end.borrow_mut().push_timeout(4, ENOUGH).unwrap();
                let mut successor = queue.consumer().unwrap();
                let rest: Vec<_> = std::iter::from_fn(|| successor.try_pop().ok()).collect();
                assert!(rest == [3, 4] || rest == [4], "{rest:?}");
            },
        );
        assert!(stops >= 4, "{stops} stops");
    }),
    ("stops::in_a_put", || {
        let stops = each(
            ENOUGH,
            |segment| Mpmc::<u64>::create(segment, "mpmc", 2).unwrap(),
            |_, queue| queue.put(1).unwrap(),
            |_, queue| match queue.get_timeout(LIMIT) {
                // Given back, for the end.
                Ok(item) => queue.put(item).unwrap(),
                Err(e) => assert!(matches!(e, GetError::Empty), "{e}"),
            },
            |_, queue| {
                assert_eq!(queue.get_timeout(ENOUGH).unwrap(), 1);
                assert_eq!(queue.len(), 0);
            },
        );
        assert!(stops >= 3, "{stops} stops");
    }),
    ("stops::in_a_get", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let queue = Mpmc::<u64>::create(segment, "mpmc", 2).unwrap();
                queue.put(1).unwrap();
                queue
            },
            |_, queue| assert!([1, 2].contains(&queue.get().unwrap())),
            |_, queue| {
                // Before the claim the item goes to whoever is awake; the other takes the next.
                if queue.try_get().is_ok() {
                    queue.put(2).unwrap();
                }
                assert!(matches!(
                    queue
                        .get_timeout(LIMIT)
                        .map(|_| queue.put_timeout(2, LIMIT)),
                    Ok(Ok(())) | Err(GetError::Empty) | Ok(Err(PutError::Full))
                ));
            },
            |_, queue| {
                assert_eq!(queue.len(), 0);
                queue.put_timeout(3, ENOUGH).unwrap();
                assert_eq!(queue.get_timeout(ENOUGH).unwrap(), 3);
            },
        );
        assert!(stops >= 3, "{stops} stops");
    }),
    ("stops::in_a_put_of_a_message", || {
        let stops = each(
            ENOUGH,
            |segment| (message_queue(segment), Cell::new(None)),
            |_, (queue, _)| queue.put(&message(1)).unwrap(),
            |_, (queue, put)| {
                put.set(queue.put_timeout(&message(2), LIMIT).ok());
                match queue.get_timeout(LIMIT) {
                    // Given back, for the end.
                    Ok(got) => {
                        assert!(got == message(1) || got == message(2), "{}", got.len());
                        queue.put_timeout(&got, ENOUGH).unwrap();
                    }
                    Err(e) => assert!(matches!(e, messages::GetError::Empty), "{e}"),
                }
            },
            |_, (queue, put)| {
                let mut got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
                got.sort_unstable();
                let both = [message(1), message(2)];
                assert_eq!(got, both[..1 + usize::from(put.get().is_some())]);
                drop(queue.try_loan(queue.max_message()).unwrap());
            },
        );
        assert!(stops >= ENTERING + 8, "{stops} stops");
    }),
    ("stops::in_a_get_of_a_message", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let queue = message_queue(segment);
                (1..=2).for_each(|number| queue.put(&message(number)).unwrap());
                (queue, Cell::new(0))
            },
            |_, (queue, _)| {
                let got = queue.get().unwrap();
                assert!(got == message(1) || got == message(2), "{}", got.len());
            },
            |_, (queue, taken)| match queue.get_timeout(LIMIT) {
                Ok(got) => {
                    assert!(got == message(1) || got == message(2), "{}", got.len());
                    taken.set(1);
                }
                Err(e) => assert!(matches!(e, messages::GetError::Empty), "{e}"),
            },
            |_, (queue, taken)| {
                assert_eq!(queue.len() + taken.get(), 1);
                assert_eq!(queue.try_get().is_ok(), taken.get() == 0);
                drop(queue.try_loan(queue.max_message()).unwrap());
            },
        );
        assert!(stops >= ENTERING + 4, "{stops} stops");
    }),
    ("stops::in_a_task_that_others_wait_for", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let tasks = JoinableQueue::create(segment, "tasks", 4).unwrap();
                tasks.put(&7_u32).unwrap();
                // Whoever ends the task is to see that somebody waits.
                assert!(!tasks.join_timeout(Duration::from_millis(1)).unwrap());
                tasks
            },
            |_, tasks| assert_eq!(tasks.get().unwrap().task_done(), 7),
            |_, tasks| {
                let joined = tasks.join_timeout(LIMIT).unwrap();
                assert!(!joined || tasks.unfinished() == 0);
                assert!(tasks.unfinished() <= 1);
            },
            |_, tasks| {
                assert!(tasks.try_join().unwrap());
                assert_eq!(tasks.unfinished(), 0);
            },
        );
        assert!(stops >= ENTERING + 6, "{stops} stops");
    }),
    ("stops::in_a_sender", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let pipe = Pipe::<String>::create(segment, "pipe", 2048).unwrap();
                let receiver = pipe.receiver().unwrap();
                (pipe, RefCell::new((receiver, Vec::new())))
            },
            |_, (pipe, _)| {
                let mut sender = pipe.sender().unwrap();
                (1..=2).for_each(|number| sender.send(&message(number)).unwrap());
            },
            |_, (_, end)| {
                let (receiver, got) = &mut *end.borrow_mut();
                match receiver.recv_timeout(LIMIT) {
                    Ok(message) => got.push(message),
                    Err(e) => assert!(matches!(e, RecvError::Empty), "{e}"),
                }
            },
            |_, (_, end)| {
                let (receiver, got) = &mut *end.borrow_mut();
                while got.len() < 2 {
                    got.push(receiver.recv_timeout(ENOUGH).unwrap());
                }
                assert_eq!(*got, [message(1), message(2)]);
            },
        );
        assert!(stops >= ENTERING + 4, "{stops} stops");
    }),
    ("stops::in_a_receiver", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let pipe = Pipe::<String>::create(segment, "pipe", 1024).unwrap();
                let mut sender = pipe.sender().unwrap();
                (1..=2).for_each(|number| sender.send(&message(number)).unwrap());
                (pipe, RefCell::new((sender, false)))
            },
            |_, (pipe, _)| {
                let mut receiver = pipe.receiver().unwrap();
                (1..=2).for_each(|number| assert_eq!(receiver.recv().unwrap(), message(number)));
            },
            |_, (_, end)| {
                let (sender, sent) = &mut *end.borrow_mut();
                match sender.send_timeout(&message(3), LIMIT) {
                    Ok(()) => *sent = true,
                    Err(e) => assert!(matches!(e, SendError::Full), "{e}"),
                }
            },
            |_, (pipe, end)| {
                let (sender, sent) = &mut *end.borrow_mut();
                let mut successor = pipe.receiver().unwrap();
                if *sent {
                    assert_eq!(successor.recv_timeout(ENOUGH).unwrap(), message(3));
                }
                sender.send_timeout(&message(4), ENOUGH).unwrap();
                assert_eq!(successor.recv_timeout(ENOUGH).unwrap(), message(4));
            },
        );
        assert!(stops >= ENTERING + 3, "{stops} stops");
    }),
    ("stops::in_the_set_of_an_event", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let event = Event::create(segment, "event").unwrap();
                let waiter = {
                    let event = event.clone();
                    Forked::start(move || u8::from(!event.wait_timeout(LONG).unwrap()))
                };
                // It is asleep by then; if not, there is a stop less.
                std::thread::sleep(LIMIT);
                (event, RefCell::new(Some(waiter)))
            },
            |_, (event, _)| event.set().unwrap(),
            |_, (event, waiter)| {
                let is_set = event.is_set();
                assert_eq!(event.wait_timeout(LIMIT).unwrap(), is_set);
                if is_set {
                    ends_well(waiter);
                }
            },
            |_, (event, waiter)| {
                assert!(event.is_set());
                ends_well(waiter);
                event.clear().unwrap();
                assert!(!event.is_set());
            },
        );
        assert!(stops > ENTERING, "{stops} stops");
    }),
    ("stops::at_a_barrier", || {
        const THROUGH: u8 = 0;
        const BROKEN: u8 = 1;
        const OTHERWISE: u8 = 2;
        let code = |end: Result<_, BarrierError>| match end {
            Ok(_) => THROUGH,
            Err(BarrierError::Broken { crashed: false } | BarrierError::TimedOut) => BROKEN,
            // Nobody has died.
            Err(_) => OTHERWISE,
        };
        let party = |barrier: &Barrier| {
            let barrier = barrier.clone();
            Forked::start(move || code(barrier.wait_timeout(LONG)))
        };
        let stops = each(
            ENOUGH,
            |segment| {
                let barrier = Barrier::create(segment, "barrier", 2).unwrap();
                let partner = party(&barrier);
                while barrier.n_waiting() == 0 {
                    std::thread::yield_now();
                }
                (barrier, RefCell::new(Some(partner)))
            },
            // Alone where another has come in its place.
            |_, (barrier, _)| assert_ne!(code(barrier.wait_timeout(10 * LIMIT)), OTHERWISE),
            |_, (barrier, partner)| {
                let mine = code(barrier.wait_timeout(LIMIT));
                let theirs = partner.take().unwrap().wait();
                let [through, broken] = [THROUGH, BROKEN].map(|code| End::Exited(code.into()));
                assert!(theirs == through || theirs == broken, "{theirs:?}");
                assert!(mine == BROKEN || theirs == through && mine == THROUGH);
            },
            |_, (barrier, _)| {
                barrier.reset().unwrap();
                let mut other = party(barrier);
                barrier.wait_timeout(LONG).unwrap();
                assert_eq!(other.wait(), End::Exited(THROUGH.into()));
                assert_eq!(barrier.n_waiting(), 0);
            },
        );
        assert!(stops > ENTERING + 2, "{stops} stops");
    }),
    ("stops::in_a_notifier", || {
        let stops = each(
            ENOUGH,
            |segment| {
                let (lock, changed) = waiting_room(segment);
                let waiter = {
                    let (lock, changed) = (lock.clone(), changed.clone());
                    Forked::start(move || {
                        let end = changed.wait_timeout(lock.lock().unwrap(), LONG).unwrap();
                        u8::from(end.1.is_timed_out())
                    })
                };
                while changed.waiting() == 0 {
                    std::thread::yield_now();
                }
                // It has given the lock up, too.
                drop(lock.lock().unwrap());
                (lock, changed, RefCell::new(Some(waiter)))
            },
            |_, (_, changed, _)| assert!(changed.notify(1).unwrap() <= 1),
            |_, (lock, changed, waiter)| {
                changed.notify_all().unwrap();
                ends_well(waiter);
                let (guard, wake) = changed
                    .wait_timeout(lock.try_lock().unwrap(), LIMIT)
                    .unwrap();
                assert!(wake.is_timed_out(), "notified of nothing");
                drop(guard);
            },
            |_, (lock, changed, waiter)| {
                ends_well(waiter);
                assert_eq!((changed.waiting(), changed.notify(1).unwrap()), (0, 0));
                drop(lock.try_lock().unwrap());
            },
        );
        assert!(stops > ENTERING, "{stops} stops");
    }),
    ("stops::in_a_wait_for_a_condition", || {
        let stops = each(
            ENOUGH,
            waiting_room,
            |_, (lock, changed)| drop(changed.wait_timeout(lock.lock().unwrap(), LIMIT).unwrap()),
            |_, (lock, changed)| {
                assert!(changed.waiting() <= 1);
                match lock.lock_timeout(LIMIT) {
                    Ok(guard) => {
                        let (_guard, wake) = changed.wait_timeout(guard, LIMIT).unwrap();
                        assert!(wake.is_timed_out(), "notified by nobody");
                    }
                    Err(e) => assert!(matches!(e, LockError::TimedOut), "{e}"),
                }
                assert!(changed.notify_all().unwrap() <= 1);
            },
            |_, (lock, changed)| {
                assert_eq!((changed.waiting(), changed.notify(1).unwrap()), (0, 0));
                drop(lock.try_lock().unwrap());
            },
        );
        assert!(stops >= 2 * ENTERING + 4, "{stops} stops");
    }),
    ("stops::while_objects_come_and_go", || {
        each(
            BOOKS,
            |segment| Lock::create(segment, "lock").unwrap(),
            |segment, _| {
                drop(Lock::open(segment, "lock").unwrap());
                drop(Value::create(segment, "victim's", [1_u64; 8]).unwrap());
            },
            |segment, lock| {
                // What is there already is of use whatever the books do.
                drop(lock.try_lock().unwrap());
                if let Err(e) = Value::create(segment, "survivor's", [1_u64; 8]) {
                    assert_eq!(e.kind(), ErrorKind::TimedOut, "{e}");
                }
            },
            |segment, _| {
                drop(Value::create(segment, "another", [1_u64; 8]).unwrap());
                let _ = segment.reap();
                let all = segment.objects().unwrap();
                let victims = all.iter().filter(|o| o.name.as_deref() == Some("victim's"));
                assert_eq!(victims.count(), 1, "{all:?}");
                assert!(all.iter().all(|o| o.holders.len() < 2), "{all:?}");
            },
        );
    }),
];

fn all_are_gone(_: &Segment, lock: &RwLock) {
    drop(lock.try_write().unwrap());
    assert_eq!((lock.readers(), lock.writer()), (0, None));
}

fn message_queue(segment: &Segment) -> Queue<String> {
    let options = Queue::options(4).bytes(4096);
    options.create(segment, "queue").unwrap()
}

/// Longer than what is encoded on the stack.
fn message(number: usize) -> String {
    number.to_string().repeat(400)
}

/// Waits for a process that may have been waited for already.
fn ends_well(process: &RefCell<Option<Forked>>) {
    if let Some(mut process) = process.take() {
        assert_eq!(process.wait(), End::Exited(0));
    }
}

fn waiting_room(segment: &Segment) -> (Lock, Condition) {
    (
        Lock::create(segment, "lock").unwrap(),
        Condition::create_with_waiters(segment, "changed", 4).unwrap(),
    )
}

fn permits(capacity: u32) {
    let stops = each(
        ENOUGH,
        |segment| Semaphore::create_with_capacity(segment, "semaphore", 3, capacity).unwrap(),
        |_, semaphore| {
            drop(semaphore.acquire().unwrap());
            drop(semaphore.acquire_many(2).unwrap());
            semaphore.acquire().unwrap().keep();
            semaphore.release(1).unwrap();
        },
        |_, semaphore: &Semaphore| {
            drop(semaphore.acquire_timeout(LIMIT));
            drop(semaphore.acquire_many_timeout(3, LIMIT));
            assert!(semaphore.available() <= 3, "a permit out of nothing");
        },
        |_, semaphore| {
            drop(semaphore.try_acquire_many(3).unwrap());
            assert_eq!(semaphore.available(), 3);
        },
    );
    assert!(stops >= 8, "{stops} stops");
}

/// Lets a forked process stop before its k-th shared write in `act`, for k = 1, 2, ...; `meanwhile`
/// must end within `limit`, and `after` find all in order when the process has gone on and ended.
/// Returns the number of stops.
fn each<W>(
    limit: Duration,
    set_up: impl Fn(&Segment) -> W,
    act: impl Fn(&Segment, &W),
    meanwhile: impl Fn(&Segment, &W),
    after: impl Fn(&Segment, &W),
) -> u64 {
    for k in 1.. {
        let segment = segment();
        let world = set_up(&segment);
        let mut victim = Forked::start(|| {
            segment.free().unwrap();
            crash_points::arm_stop(k);
            act(&segment, &world);
            crash_points::disarm();
            0
        });
        match victim.stopped() {
            Some(End::Exited(0)) => {
                after(&segment, &world);
                return k - 1;
            }
            Some(end) => panic!("{end:?} instead of a stop at point {k}"),
            None => {}
        }
        let start = Instant::now();
        meanwhile(&segment, &world);
        let took = start.elapsed();
        assert!(took < limit, "{took:?} beside a stop at point {k}");
        assert_eq!(
            segment.recoveries().unwrap().len(),
            0,
            "a stop at {k} passed for a death"
        );
        victim.go_on();
        assert_eq!(victim.wait(), End::Exited(0), "after a stop at point {k}");
        after(&segment, &world);
    }
    unreachable!("an operation that writes for ever")
}
