//! The async forms: under tokio, under an executor of thirty lines, and among processes that die.

use std::collections::HashSet;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::{self, Pipe, RecvError, SendError, one_way};
use outlive::queue::spsc::Spsc;
use outlive::sync::LockError;
use outlive::{
    BoundedSemaphore, Event, JoinableQueue, Lock, Queue, Segment, SegmentOptions, Semaphore, Value,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::in_fork;

const BRIEFLY: Duration = Duration::from_millis(10);

/// The executor: polls one future, asleep in between.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(end) = future.as_mut().poll(&mut context) {
            return end;
        }
        // As long as nobody wakes it, it is not polled again.
        let left = patience.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nobody woke the future in time");
        thread::park_timeout(left);
    }
}

/// Polls a future once, for a task that is never scheduled again.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn runtimes() -> [Runtime; 2] {
    let mut several = Builder::new_multi_thread();
    let mut one = Builder::new_current_thread();
    [
        several.worker_threads(3).enable_time().build().unwrap(),
        one.enable_time().build().unwrap(),
    ]
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

pub const ROLES: &[(&str, Role)] = &[
    (
        "hold the lock, a permit, a message and an end",
        |segment, _| {
            let lock = Lock::open(segment, "lock").unwrap();
            let semaphore = Semaphore::open(segment, "semaphore").unwrap();
            let queue = Queue::<String>::open(segment, "queue").unwrap();
            let pipe = Pipe::<u64>::open(segment, "pipe").unwrap();
            let _held = (
                lock.lock().unwrap(),
                semaphore.acquire().unwrap(),
                queue.receive().unwrap(),
                pipe.sender().unwrap(),
            );
            say("held");
            pause();
        },
    ),
    ("wait for the lock, an item and a message", |segment, _| {
        let lock = Lock::open(segment, "lock").unwrap();
        let items = Mpmc::<u64>::open(segment, "items").unwrap();
        let queue = Queue::<String>::open(segment, "queue").unwrap();
        say("waiting");
        thread::scope(|scope| {
            scope.spawn(|| lock.lock_timeout(PATIENCE).unwrap());
            scope.spawn(|| items.get_timeout(PATIENCE).unwrap());
            scope.spawn(|| queue.get_timeout(PATIENCE).unwrap());
        });
        say("got all");
    }),
    ("pass numbers on with tasks", |segment, word| {
        let from = Mpmc::<u64>::open(segment, "items").unwrap();
        let to = Queue::<String>::open(segment, "queue").unwrap();
        say("passing");
        let runtime = Builder::new_multi_thread().build().unwrap();
        let tasks: Vec<_> = (0..word.parse().unwrap())
            .map(|_| {
                let (from, to) = (from.clone(), to.clone());
                runtime.spawn(async move {
                    while let Ok(item) = from.get_async().await {
                        to.put_async(&item.to_string()).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            block_on(task).unwrap();
        }
        say("closed");
    }),
    ("count threads", |segment, _| {
        let items = Mpmc::<u64>::open(segment, "items").unwrap();
        let before = threads();
        assert!(items.try_get().is_err());
        let mut futures: Vec<_> = (0..50).map(|_| Box::pin(items.get_async())).collect();
        assert_eq!(threads(), before, "none before one has to wait");
        for future in &mut futures {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        assert_eq!(threads(), before + 1);
        drop(futures);
        let patience = Instant::now() + PATIENCE;
        while threads() > before {
            assert!(Instant::now() < patience, "it never ends");
            thread::sleep(BRIEFLY);
        }
        // And it comes back.
        items.put(7).unwrap();
        assert_eq!(items.try_get().unwrap(), 7);
        let got = thread::scope(|scope| {
            let task = scope.spawn(|| block_on(items.get_async()).unwrap());
            items.put(8).unwrap();
            task.join().unwrap()
        });
        assert_eq!(got, 8);
        say("right");
    }),
];

#[test]
fn many_tasks_share_two_queues() {
    const TASKS: u64 = 20;
    const EACH: u64 = 50;
    for runtime in runtimes() {
        let items = Mpmc::<u64>::new(3).unwrap();
        let messages = Queue::<String>::new(3).unwrap();
        let got = runtime.block_on(async {
            let mut takers = Vec::new();
            for task in 0..TASKS {
                let (items, messages) = (items.clone(), messages.clone());
                tokio::spawn({
                    let items = items.clone();
                    async move {
                        for number in 0..EACH {
                            items.put_async(task * EACH + number).await.unwrap();
                        }
                    }
                });
                tokio::spawn({
                    let messages = messages.clone();
                    async move {
                        for _ in 0..EACH {
                            let item = items.get_async().await.unwrap();
                            messages.put_async(&item.to_string()).await.unwrap();
                        }
                    }
                });
                takers.push(tokio::spawn(async move {
                    let mut got = Vec::new();
                    for _ in 0..EACH {
                        let message = messages.get_async().await.unwrap();
                        got.push(message.parse::<u64>().unwrap());
                    }
                    got
                }));
            }
            let mut got = Vec::new();
            for taker in takers {
                got.extend(timeout(PATIENCE, taker).await.unwrap().unwrap());
            }
            got
        });
        assert_eq!(got.len(), usize::try_from(TASKS * EACH).unwrap());
        let all: HashSet<u64> = got.into_iter().collect();
        assert_eq!(all, (0..TASKS * EACH).collect());
        assert!(items.is_empty() && messages.is_empty());
    }
}

#[test]
fn an_executor_of_thirty_lines_is_enough() {
    let (mut here, mut there) = pipe::pipe::<String>().unwrap();
    let ring = Spsc::<u64>::new(2).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    // Larger than the pipe: it goes in parts.
    let long = "long".repeat(50_000);
    thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for _ in 0..200 {
                    let message = there.recv_async().await.unwrap();
                    there.send_async(&message).await.unwrap();
                }
                let message = there.recv_async().await.unwrap();
                assert_eq!(message.len(), 200_000);
                there.send_async(&message).await.unwrap();
                for number in 0..200 {
                    producer.push_async(number).await.unwrap();
                }
            });
        });
        block_on(async {
            for number in 0..200 {
                here.send_async(&number.to_string()).await.unwrap();
                assert_eq!(here.recv_async().await.unwrap(), number.to_string());
            }
            here.send_async(&long).await.unwrap();
            assert_eq!(here.recv_async().await.unwrap(), long);
            for number in 0..200 {
                assert_eq!(consumer.pop_async().await.unwrap(), number);
            }
        });
    });
    let mut end = pin!(here.recv_async());
    drop(there);
    assert!(matches!(
        block_on(end.as_mut()),
        Err(RecvError::Disconnected { crashed: false })
    ));
}

#[test]
fn what_a_future_takes_from_a_joinable_queue_is_a_task() {
    let tasks = JoinableQueue::<u64>::new(4).unwrap();
    let mut future = pin!(tasks.get_async());
    assert!(poll_once(future.as_mut()).is_pending());
    tasks.put(&7).unwrap();
    let task = block_on(future).unwrap();
    assert_eq!(tasks.unfinished(), 1);
    assert_eq!(task.task_done(), 7);
    assert!(tasks.try_join().unwrap());
}

#[test]
fn a_guard_may_be_held_over_an_await() {
    for runtime in runtimes() {
        let (lock, count) = (Lock::new().unwrap(), Value::new(0_u64).unwrap());
        let semaphore = Semaphore::new(3).unwrap();
        let bounded = BoundedSemaphore::new(2).unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..20)
                .map(|task| {
                    let (lock, count) = (lock.clone(), count.clone());
                    let (semaphore, bounded) = (semaphore.clone(), bounded.clone());
                    tokio::spawn(async move {
                        for _ in 0..20 {
                            let _one = bounded.acquire_async().await.unwrap();
                            let _many = semaphore.acquire_many_async(1 + task % 3).await.unwrap();
                            let guard = lock.lock_async().await.unwrap();
                            let seen = count.get().unwrap();
                            tokio::task::yield_now().await;
                            count.set(seen + 1).unwrap();
                            drop(guard);
                        }
                    })
                })
                .collect();
            for task in tasks {
                timeout(PATIENCE, task).await.unwrap().unwrap();
            }
        });
        assert_eq!(count.get().unwrap(), 400);
        assert_eq!((semaphore.available(), bounded.available()), (3, 2));
        assert!(!lock.is_locked());
    }
}

#[test]
fn a_set_wakes_all_tasks() {
    for runtime in runtimes() {
        let event = Event::new().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..30)
                .map(|_| {
                    let event = event.clone();
                    tokio::spawn(async move { event.wait_async().await.unwrap() })
                })
                .collect();
            tokio::time::sleep(BRIEFLY).await;
            // Who waited when it was set is told, also where it was cleared at once.
            let mut early = pin!(event.wait_async());
            assert!(poll_once(early.as_mut()).is_pending());
            event.set().unwrap();
            event.clear().unwrap();
            timeout(PATIENCE, early).await.unwrap().unwrap();
            event.set().unwrap();
            for task in tasks {
                timeout(PATIENCE, task).await.unwrap().unwrap();
            }
        });
    }
}

/// Whether a wait ends in time or not, no item is lost and none is taken by what was dropped.
#[test]
fn cancelled_waits_lose_nothing_and_take_nothing() {
    const ITEMS: u64 = 2_000;
    for runtime in runtimes() {
        let items = Mpmc::<u64>::new(4).unwrap();
        let messages = Queue::<u64>::new(4).unwrap();
        let (mut sender, mut receiver) = one_way::<u64>().unwrap();
        runtime.block_on(async {
            let producer = tokio::spawn({
                let (items, messages) = (items.clone(), messages.clone());
                async move {
                    for number in 0..ITEMS {
                        // A put that was dropped put nothing.
                        while timeout(Duration::from_micros(50), items.put_async(number))
                            .await
                            .is_err()
                        {}
                        while timeout(Duration::from_micros(50), messages.put_async(&number))
                            .await
                            .is_err()
                        {}
                        sender.send_async(&number).await.unwrap();
                    }
                    sender
                }
            });
            let (mut of_items, mut of_messages, mut of_pipe) = (0, 0, 0);
            let patience = Instant::now() + 3 * PATIENCE;
            while of_items + of_messages + of_pipe < 3 * ITEMS {
                assert!(Instant::now() < patience, "{items:?} {messages:?}");
                tokio::select! {
                    item = items.get_async() => {
                        assert_eq!(item.unwrap(), of_items);
                        of_items += 1;
                    }
                    message = messages.get_async() => {
                        assert_eq!(message.unwrap(), of_messages);
                        of_messages += 1;
                    }
                    message = receiver.recv_async() => {
                        assert_eq!(message.unwrap(), of_pipe);
                        of_pipe += 1;
                    }
                    () = tokio::time::sleep(Duration::from_micros(20)) => {}
                }
            }
            drop(producer.await.unwrap());
        });
        assert!(items.is_empty() && messages.is_empty());
    }
}

/// The futures lie down first, so that the kernel wakes their thread first.
#[test]
fn what_a_dropped_future_was_told_reaches_another_process() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let items = Mpmc::<u64>::create(&segment, "items", 4).unwrap();
    let queue = Queue::<String>::create(&segment, "queue", 4).unwrap();
    for round in 0..10 {
        let guard = lock.lock().unwrap();
        let mut futures = (
            Box::pin(lock.lock_async()),
            Box::pin(items.get_async()),
            Box::pin(queue.get_async()),
        );
        assert!(poll_once(futures.0.as_mut()).is_pending());
        assert!(poll_once(futures.1.as_mut()).is_pending());
        assert!(poll_once(futures.2.as_mut()).is_pending());
        let child = Child::start(&segment, "wait for the lock, an item and a message", "");
        child.expect("waiting");
        thread::sleep(BRIEFLY);
        drop(guard);
        items.put(round).unwrap();
        queue.put(&round.to_string()).unwrap();
        // Told, or not yet: the law is the same.
        thread::sleep(Duration::from_millis(round % 3));
        drop(futures);
        child.expect("got all");
        child.finish();
    }
}

/// A lock that is handed on stays free: nothing moves the word that the thread sleeps on.
#[test]
fn what_a_dropped_future_was_told_reaches_the_next_at_once() {
    struct Told(Thread, AtomicBool);
    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Release);
            self.0.unpark();
        }
    }
    fn until_told(told: &Told) -> Duration {
        let start = Instant::now();
        while !told.1.load(Ordering::Acquire) && start.elapsed() < PATIENCE {
            thread::park_timeout(PATIENCE);
        }
        start.elapsed()
    }
    let lock = Lock::new().unwrap();
    let quickest = (0..10).map(|_| {
        let guard = lock.lock().unwrap();
        let [first, second] =
            [(); 2].map(|()| Arc::new(Told(thread::current(), AtomicBool::new(false))));
        let mut futures = [(); 2].map(|()| Box::pin(lock.lock_async()));
        for (future, told) in futures.iter_mut().zip([&first, &second]) {
            let waker = Waker::from(told.clone());
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        thread::sleep(BRIEFLY);
        drop(guard);
        until_told(&first);
        // The thread sleeps again.
        thread::sleep(Duration::from_millis(2));
        let [leaving, _staying] = futures;
        drop(leaving);
        until_told(&second)
    });
    // Not at the end of a slice, of 5 ms at least.
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_millis(4), "{quickest:?}");
}

#[test]
fn a_task_that_never_has_to_wait_can_be_timed_out() {
    for runtime in runtimes() {
        let items = Mpmc::<u64>::new(4).unwrap();
        let patience = Instant::now() + PATIENCE;
        let endless = async {
            while Instant::now() < patience {
                items.put_async(1).await.unwrap();
                items.get_async().await.unwrap();
            }
        };
        assert!(runtime.block_on(async { timeout(BRIEFLY, endless).await.is_err() }));
    }
}

#[test]
fn tasks_learn_of_deaths() {
    for runtime in runtimes() {
        let segment = Segment::anonymous().unwrap();
        let lock = Lock::create(&segment, "lock").unwrap();
        let semaphore = Semaphore::create(&segment, "semaphore", 1).unwrap();
        let queue = Queue::<String>::create(&segment, "queue", 4).unwrap();
        let pipe = Pipe::<u64>::create(&segment, "pipe", 100).unwrap();
        queue.put(&"again".to_owned()).unwrap();
        let mut child = Child::start(
            &segment,
            "hold the lock, a permit, a message and an end",
            "",
        );
        child.expect("held");
        let mut receiver = pipe.receiver().unwrap();
        runtime.block_on(async {
            let all = async {
                tokio::join!(
                    lock.lock_async(),
                    semaphore.acquire_async(),
                    queue.receive_async(),
                    receiver.recv_async(),
                )
            };
            let mut all = pin!(all);
            assert!(timeout(BRIEFLY, all.as_mut()).await.is_err());
            child.kill();
            let (guard, permit, delivery, end) = timeout(PATIENCE, all).await.unwrap();
            assert!(matches!(guard, Err(LockError::OwnerDied(_))), "{guard:?}");
            assert!(permit.is_ok());
            assert_eq!(delivery.unwrap().deliveries(), 2);
            assert!(
                matches!(end, Err(RecvError::Disconnected { crashed: true })),
                "{end:?}"
            );
        });
    }
}

#[test]
fn a_killed_process_full_of_tasks_leaves_the_rest_to_others() {
    const ITEMS: u64 = 1_000;
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let items = Mpmc::<u64>::create(&segment, "items", 8).unwrap();
    let queue = Queue::<String>::create(&segment, "queue", 8).unwrap();
    let steady = Child::start(&segment, "pass numbers on with tasks", "10");
    let mut dies = Child::start(&segment, "pass numbers on with tasks", "10");
    steady.expect("passing");
    dies.expect("passing");
    let mut seen = HashSet::new();
    thread::scope(|scope| {
        let queue = &queue;
        scope.spawn(move || {
            (0..ITEMS).for_each(|number| items.put_timeout(number, PATIENCE).unwrap());
            items.close().unwrap();
            steady.expect("closed");
            queue.close().unwrap();
            steady.finish();
        });
        while let Ok(message) = queue.get_timeout(PATIENCE) {
            assert!(
                seen.insert(message.parse::<u64>().unwrap()),
                "twice: {message}"
            );
            if seen.len() == 200 {
                dies.kill();
            }
        }
    });
    // What the dead had taken out and not passed on: one for each of its tasks at the most.
    let lost = ITEMS - seen.len() as u64;
    assert!(lost <= 10, "{lost} lost");
}

#[test]
fn there_is_one_thread_and_only_while_somebody_waits() {
    let segment = Segment::anonymous().unwrap();
    Mpmc::<u64>::create(&segment, "items", 4).unwrap();
    let child = Child::start(&segment, "count threads", "");
    child.expect("right");
    child.finish();
}

#[test]
fn a_forked_child_waits_by_a_thread_of_its_own() {
    let segment = Segment::anonymous().unwrap();
    let items = Mpmc::<u64>::create(&segment, "items", 4).unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let guard = lock.lock().unwrap();
    let mut inherited = Box::pin(items.get_async());
    let mut dropped = Box::pin(lock.lock_async());
    assert!(poll_once(inherited.as_mut()).is_pending());
    assert!(poll_once(dropped.as_mut()).is_pending());
    let mut dropped = Some(dropped);
    let putter = {
        let items = items.clone();
        thread::spawn(move || {
            for item in 0..2 {
                thread::sleep(10 * BRIEFLY);
                items.put(item).unwrap();
            }
        })
    };
    // One item for the child's copy of the future, one for the parent's.
    let code = in_fork(|| {
        drop(dropped.take());
        u8::from(block_on(inherited.as_mut()).is_err())
    });
    assert_eq!(code, 0);
    assert!(block_on(inherited.as_mut()).is_ok());
    putter.join().unwrap();
    drop(guard);
    assert!(block_on(dropped.take().unwrap()).is_ok());
    assert!(items.is_empty());
}

#[test]
fn a_future_that_nobody_receives_from_ends() {
    let (mut sender, receiver) = one_way::<Vec<u8>>().unwrap();
    let large = vec![7; 1 << 20];
    thread::scope(|scope| {
        let sending = scope.spawn(|| block_on(sender.send_async(&large)));
        thread::sleep(BRIEFLY);
        drop(receiver);
        let end = sending.join().unwrap();
        assert!(
            matches!(end, Err(SendError::Disconnected { .. })),
            "{end:?}"
        );
    });
}

/// More words than the kernel watches at once.
#[test]
fn hundreds_of_queues_are_watched() {
    let segment = SegmentOptions::new().size(8 << 20).anonymous().unwrap();
    let queues: Vec<_> = (0..300)
        .map(|at| Mpmc::<u64>::create(&segment, &format!("queue {at}"), 1).unwrap())
        .collect();
    for runtime in runtimes() {
        runtime.block_on(async {
            let tasks: Vec<_> = (queues.iter().cloned())
                .map(|queue| tokio::spawn(async move { queue.get_async().await.unwrap() }))
                .collect();
            tokio::time::sleep(BRIEFLY).await;
            for (queue, number) in queues.iter().zip(0..) {
                queue.put(number).unwrap();
            }
            for (task, number) in tasks.into_iter().zip(0..) {
                let got: u64 = timeout(PATIENCE, task).await.unwrap().unwrap();
                assert_eq!(got, number);
            }
        });
    }
}
