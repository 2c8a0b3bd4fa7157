//! Killed waiters: the storms in which pthread mutexes, `sem_t` and condition variables strand the
//! living.

use std::time::Duration;

use outlive::queue::pipe::Pipe;
use outlive::{
    AtomicArray, Barrier, Condition, Event, JoinableQueue, Lock, Queue, RwLock, Segment, Semaphore,
};

use crate::crowd::Forked;
use crate::pressure::Span;
use crate::random::Random;

pub const LAWS: &[crate::Law] = &[
    (
        "waiters::a_killed_waiter_of_a_lock_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let lock = Lock::create(&segment, "lock").unwrap();
            rounds(&segment, |turn| {
                // Only waiters that live and are never woken could hang here.
                let guard = lock.lock().or_else(|e| e.repair(|_| {})).unwrap();
                turn();
                drop(guard);
            });
        },
    ),
    (
        "waiters::a_killed_waiter_of_a_semaphore_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let semaphore = Semaphore::create(&segment, "semaphore", 1).unwrap();
            rounds(&segment, |turn| {
                let permit = semaphore.acquire().unwrap();
                turn();
                drop(permit);
            });
            segment.reap().unwrap();
            assert_eq!(semaphore.available(), 1);
        },
    ),
    (
        "waiters::a_killed_waiter_of_an_event_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let event = Event::create(&segment, "event").unwrap();
            let _pulses = Forked::start(|| {
                loop {
                    event.set().unwrap();
                    event.clear().unwrap();
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
            rounds(&segment, |turn| {
                event.wait().unwrap();
                turn();
            });
        },
    ),
    (
        "waiters::a_killed_waiter_of_a_barrier_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            // Two of the three are enough: the one that is killed may be missing for a while.
            let barrier = Barrier::create(&segment, "barrier", 2).unwrap();
            rounds(&segment, |turn| {
                match barrier.wait_timeout(Duration::from_millis(100)) {
                    Ok(_) => turn(),
                    Err(_) => barrier.reset().unwrap(),
                }
            });
        },
    ),
    (
        "waiters::a_killed_waiter_of_a_condition_takes_no_notification_along",
        || {
            let segment = Segment::anonymous().unwrap();
            let lock = Lock::create(&segment, "lock").unwrap();
            let changed = Condition::create(&segment, "changed").unwrap();
            let _notifier = Forked::start(|| notify_one_by_one(&segment, &lock, &changed));
            rounds(&segment, |turn| {
                // A death with the lock is for the notifier to note.
                let guard = lock.lock().or_else(|e| e.into_guard()).unwrap();
                let guard = changed.wait(guard).or_else(|e| e.into_guard()).unwrap();
                turn();
                drop(guard);
            });
        },
    ),
    (
        "waiters::a_killed_reader_or_writer_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let lock = RwLock::create(&segment, "lock").unwrap();
            let pair = AtomicArray::<u64>::create(&segment, "pair", 2).unwrap();
            let get = |half| pair.get(half).unwrap();
            rounds(&segment, |turn| {
                let whole = |_: &mut _| pair.set(1, get(0)).unwrap();
                let writer = lock.write().or_else(|e| e.repair(whole)).unwrap();
                assert_eq!(get(0), get(1), "a writer is not alone, or was not told");
                pair.set(0, get(0) + 1).unwrap();
                pair.set(1, get(1) + 1).unwrap();
                drop(writer);
                let reader = lock.read();
                let before = get(0);
                turn();
                assert_eq!(get(0), before, "a reader is beside a writer");
                assert!(reader.is_err() || get(1) == before, "torn, and not told");
                drop(reader);
            });
            segment.reap().unwrap();
            assert_eq!((lock.readers(), lock.writer()), (0, None));
        },
    ),
    (
        "waiters::a_killed_consumer_of_a_queue_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let queue = Queue::<u64>::create(&segment, "queue", 4).unwrap();
            let _producer = Forked::start(|| {
                loop {
                    queue.put(&7).unwrap();
                    breath();
                }
            });
            rounds(&segment, |turn| {
                let delivery = queue.receive().unwrap();
                assert_eq!(*delivery, 7);
                turn();
            });
        },
    ),
    (
        "waiters::a_killed_producer_of_a_queue_strands_no_other",
        || {
            let segment = Segment::anonymous().unwrap();
            let queue = Queue::<String>::create(&segment, "queue", 1).unwrap();
            let _consumer = Forked::start(|| {
                loop {
                    assert_eq!(queue.get().unwrap().len(), 400);
                    breath();
                }
            });
            // Long ones, whose room is reserved while they are written.
            let long = "x".repeat(400);
            rounds(&segment, |turn| {
                queue.put(&long).unwrap();
                turn();
            });
        },
    ),
    ("waiters::a_killed_joiner_strands_no_other", || {
        let segment = Segment::anonymous().unwrap();
        let tasks = JoinableQueue::<u64>::create(&segment, "tasks", 4).unwrap();
        let _worker = Forked::start(|| {
            loop {
                tasks.put(&7).unwrap();
                let task = tasks.get().unwrap();
                breath();
                task.task_done();
                breath();
            }
        });
        rounds(&segment, |turn| {
            tasks.join().unwrap();
            turn();
        });
    }),
    (
        "waiters::a_killed_receiver_of_a_pipe_strands_no_successor",
        || {
            let segment = Segment::anonymous().unwrap();
            let pipe = Pipe::<String>::create(&segment, "pipe", 256).unwrap();
            let _sender = Forked::start(|| {
                let mut sender = pipe.sender().unwrap();
                // Longer than the pipe. Where nobody receives, somebody soon will.
                let message = "x".repeat(400);
                loop {
                    if sender.send_timeout(&message, HANG).is_err() {
                        breath();
                    }
                }
            });
            rounds(&segment, |turn| {
                // One at a time has the end, for one message.
                if let Ok(mut receiver) = pipe.receiver()
                    && let Ok(message) = receiver.recv_timeout(HANG / 20)
                {
                    assert_eq!(message.len(), 400, "torn");
                    turn();
                }
                breath();
            });
        },
    ),
    (
        "waiters::a_killed_sender_of_a_pipe_strands_no_successor",
        || {
            let segment = Segment::anonymous().unwrap();
            let pipe = Pipe::<String>::create(&segment, "pipe", 256).unwrap();
            let _receiver = Forked::start(|| {
                let mut receiver = pipe.receiver().unwrap();
                loop {
                    match receiver.recv_timeout(HANG) {
                        Ok(message) => assert_eq!(message.len(), 400, "torn"),
                        Err(_) => breath(),
                    }
                }
            });
            let message = "x".repeat(400);
            rounds(&segment, |turn| {
                if let Ok(mut sender) = pipe.sender()
                    && sender.send_timeout(&message, HANG / 20).is_ok()
                {
                    turn();
                }
                breath();
            });
        },
    ),
];

fn breath() {
    std::thread::sleep(Duration::from_micros(50));
}

/// Notifies somebody, and nobody else before that one has had its turn or has died with the lock.
fn notify_one_by_one(segment: &Segment, lock: &Lock, changed: &Condition) -> u8 {
    let turns = loop {
        match AtomicArray::<u64>::open(segment, "turns") {
            Ok(turns) => break turns,
            Err(_) => breath(),
        }
    };
    let sum = || turns.to_vec().unwrap().iter().sum::<u64>();
    loop {
        let before = sum();
        while changed.notify(1).unwrap() == 0 {
            breath();
        }
        while sum() == before {
            if let Err(error) = lock.lock() {
                drop(error.repair(|_| {}).unwrap());
                break;
            }
            breath();
        }
    }
}

const WAITERS: usize = 3;
const ROUNDS: u64 = 150;
const HANG: Duration = Duration::from_secs(1);

/// Waiters take turns for ever; one of them is killed at a random moment; the others' turns must
/// go on within a second.
fn rounds(segment: &Segment, take: impl Fn(&dyn Fn())) {
    let turns = AtomicArray::<u64>::create(segment, "turns", WAITERS).unwrap();
    let start = |me: usize| {
        Forked::start(|| {
            loop {
                take(&|| {
                    turns.fetch_add(me, 1).unwrap();
                });
            }
        })
    };
    let mut waiters: Vec<_> = (0..WAITERS).map(start).collect();
    let mut random = Random::new(7);
    for round in 0..ROUNDS {
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        let victim = random.index(WAITERS);
        waiters[victim].kill();
        let before = turns.to_vec().unwrap();
        let span = Span::start();
        let goes_on = |me: usize| turns.get(me).unwrap() > before[me];
        while !(0..WAITERS).filter(|me| *me != victim).all(goes_on) {
            assert!(
                span.elapsed() < HANG,
                "a waiter is stranded in round {round}"
            );
            std::thread::sleep(Duration::from_micros(200));
        }
        waiters[victim] = start(victim);
    }
}
