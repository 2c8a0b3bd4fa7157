//! What is asked of tasks, and what their callbacks may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use outlive::process::Exit;
use outlive::process::pool::TaskError;
use outlive::queue::pipe::{Sender, one_way};
use outlive::{AtomicArray, Event, Pool, Process, Queue, Value};
use serde::{Deserialize, Serialize};

use crate::child::PATIENCE;
use crate::deed::{die, is_gone, kill, square, until, wait_for};

const MOMENT: Duration = Duration::from_millis(10);

/// A number that travels only where it is even, and not small.
pub struct Even(pub u32);

impl Serialize for Even {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(2) {
            return self.0.serialize(serializer);
        }
        Err(serde::ser::Error::custom(format!("{} is odd", self.0)))
    }
}

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            small @ ..100 => Err(serde::de::Error::custom(format!("{small} is small"))),
            other => Ok(Self(other)),
        }
    }
}

#[test]
fn callbacks_that_panic_hurt_nobody() {
    let pool = Pool::new(1).unwrap();
    let gate = Event::new().unwrap();
    let (told, news) = channel();
    let held = pool.submit(wait_for, gate.clone());
    for number in 0..4 {
        let told = told.clone();
        held.then(move || {
            told.send(number).unwrap();
            assert!(number != 1, "a callback");
        });
    }
    gate.set().unwrap();
    let order: Vec<_> = (0..4)
        .map(|_| news.recv_timeout(PATIENCE).unwrap())
        .collect();
    assert_eq!(order, [0, 1, 2, 3]);
    // Done already: at once, and here.
    let here = std::thread::current().id();
    let (told, news) = channel();
    held.then(move || {
        told.send(std::thread::current().id()).unwrap();
        panic!("another");
    });
    assert_eq!(news.try_recv().unwrap(), here);
    assert!(held.get().unwrap());
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

#[test]
fn callbacks_are_handed_results_and_errors() {
    let pool = Pool::new(2).unwrap();
    let (told, news) = channel();
    let (good, bad) = (told.clone(), told.clone());
    let half = |x: u32| {
        if x.is_multiple_of(2) {
            x / 2
        } else {
            panic!("{x} is odd")
        }
    };
    pool.submit(half, 4)
        .hand_to(move |result| good.send(vec![result]).unwrap());
    assert_eq!(news.recv_timeout(PATIENCE).unwrap().remove(0).unwrap(), 2);
    pool.submit(half, 5)
        .hand_to(move |result| bad.send(vec![result]).unwrap());
    let error = news.recv_timeout(PATIENCE).unwrap().remove(0).unwrap_err();
    assert!(error.to_string().contains("5 is odd"), "{error}");
    pool.map_async(half, [6, 7, 8])
        .hand_to(move |results| told.send(results).unwrap());
    let all = news.recv_timeout(PATIENCE).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(*all[2].as_ref().unwrap(), 4);
    assert!(all[1].is_err());
}

#[test]
fn tasks_tell_whether_they_are_done_and_went_well() {
    let pool = Pool::new(1).unwrap();
    let gate = Event::new().unwrap();
    let held = pool.submit(wait_for, gate.clone());
    let pair = pool.starmap_async(|a: u32, b: u32| a / b, [(6, 3), (1, 0)]);
    assert_eq!((held.is_done(), held.succeeded()), (false, None));
    assert!(!held.wait_timeout(MOMENT));
    assert!(!held.wait_deadline(Instant::now()));
    gate.set().unwrap();
    held.wait();
    assert_eq!((held.is_done(), held.succeeded()), (true, Some(true)));
    assert!(pair.wait_timeout(PATIENCE));
    assert_eq!(pair.succeeded(), Some(false));
    assert_eq!(*pair.get()[0].as_ref().unwrap(), 2);
    let nothing = pool.map_async(square, []);
    assert_eq!(
        (nothing.is_empty(), nothing.succeeded()),
        (true, Some(true))
    );
    let lost = pool.submit(die, ());
    assert!(lost.wait_timeout(PATIENCE));
    assert_eq!(lost.succeeded(), Some(false));
}

#[test]
fn results_that_are_late_stay_the_next_ones() {
    let pool = Pool::new(1).unwrap();
    let gate = Event::new().unwrap();
    let mut results = pool.imap(wait_for, [gate.clone()]);
    for _ in 0..3 {
        let late = results.next_timeout(MOMENT);
        assert!(matches!(late, Some(Err(TaskError::TimedOut))), "{late:?}");
    }
    gate.set().unwrap();
    assert!(results.next_timeout(PATIENCE).unwrap().unwrap());
    assert!(results.next_deadline(Instant::now()).is_none());
}

#[test]
fn errors_come_in_their_places_and_the_others_go_on() {
    let pool = Pool::new(2).unwrap().with_chunk(4);
    let half = |x: u32| if x == 37 { panic!("no") } else { x / 2 };
    for (x, outcome) in (0..).zip(pool.imap(half, 0..100).window(7)) {
        assert_eq!(outcome.ok(), (x != 37).then_some(x / 2));
    }
    let all: Vec<_> = pool.imap_unordered(half, 0..100).collect();
    assert_eq!(all.len(), 100);
    assert_eq!(all.iter().filter(|outcome| outcome.is_err()).count(), 1);
    // The input is not limited by what a chunk takes.
    let ends: Vec<_> = pool.imap(half, 0..9).map(Result::unwrap).collect();
    assert_eq!(ends, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
}

#[test]
fn an_input_that_panics_leaves_the_pool_usable() {
    let pool = Pool::new(2).unwrap();
    let bad = || (0..10_u64).inspect(|x| assert!(*x != 3, "the input"));
    for _ in 0..2 {
        let input = std::panic::AssertUnwindSafe(|| pool.map(square, bad()));
        assert!(std::panic::catch_unwind(input).is_err());
        let input = std::panic::AssertUnwindSafe(|| pool.imap(square, bad()).count());
        assert!(std::panic::catch_unwind(input).is_err());
    }
    assert_eq!(pool.map(square, 0..3).unwrap(), [0, 1, 4]);
}

#[test]
fn what_cannot_be_encoded_or_decoded_fails_alone() {
    let pool = Pool::new(1).unwrap();
    let pid = pool.apply(|(): ()| std::process::id(), ()).unwrap();
    // Arguments on their way: all in one chunk.
    let pool = pool.with_chunk(8);
    let outcomes = pool.try_map(|even: Even| even.0, (100..108).map(Even));
    for (x, outcome) in (100..).zip(outcomes) {
        match outcome {
            Ok(back) => assert_eq!((back, x % 2), (x, 0)),
            Err(error) => {
                assert_eq!(x % 2, 1);
                assert!(error.to_string().contains("encode an argument"), "{error}");
            }
        }
    }
    // Arguments as they arrive, results as they leave and as they arrive.
    let arrive = pool.apply(|even: Even| even.0, Even(2)).unwrap_err();
    assert!(
        arrive.to_string().contains("decode an argument"),
        "{arrive}"
    );
    let outcomes = pool.try_map(Even, [200, 201, 40, 202]);
    let texts: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map(|even| even.0))
        .map(|outcome| outcome.map_err(ToString::to_string))
        .collect();
    assert_eq!((&texts[0], &texts[3]), (&Ok(200), &Ok(202)));
    assert!(texts[1].as_ref().unwrap_err().contains("encode a result"));
    assert!(texts[2].as_ref().unwrap_err().contains("decode a result"));
    for _ in 0..20 {
        assert!(pool.apply(Even, 1).is_err());
    }
    assert_eq!(pool.apply(|(): ()| std::process::id(), ()).unwrap(), pid);
}

#[test]
fn chunks_that_are_too_long_together_travel_apart() {
    let pool = Pool::builder().workers(1).bytes(1 << 20).build().unwrap();
    let pool = pool.with_chunk(1000);
    // 10 MB of arguments in one chunk, on one worker.
    let lengths = pool.map(
        |bytes: Vec<u8>| bytes.len(),
        (0..1000).map(|_| vec![1; 10_000]),
    );
    assert_eq!(lengths.unwrap(), [10_000; 1000]);
    // A result that just fits, behind one that was not sent yet.
    let pid = pool.apply(|(): ()| std::process::id(), ()).unwrap();
    let longest = (1..).map(|n| (1 << 20) - n * 4096).find(|len| {
        let make = |len: usize| vec![7_u8; len];
        pool.apply(make, *len).is_ok()
    });
    let lens = [50_000, longest.unwrap(), 10, 50_000, 2 << 20, 20];
    let back = pool.try_map(|len: usize| vec![7_u8; len], lens);
    for (back, len) in back.iter().zip(lens) {
        match back {
            Ok(back) => assert_eq!(back.len(), len),
            Err(error) => assert!(len == 2 << 20 && error.to_string().contains("bytes")),
        }
    }
    assert_eq!(pool.apply(|(): ()| std::process::id(), ()).unwrap(), pid);
}

#[test]
fn a_scope_ends_with_everything_done_or_with_its_panic() {
    let count = AtomicArray::<u64>::new(1).unwrap();
    let add = |count: AtomicArray<u64>| {
        count.fetch_add(0, 1).unwrap();
    };
    let pids = Pool::new(2).unwrap().scope(|pool| {
        let pids = pool.pids();
        drop(pool.map_async(add, (0..100).map(|_| count.clone())));
        pids
    });
    assert_eq!(count.get(0).unwrap(), 100);
    let mut left = None;
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Pool::new(1).unwrap().scope(|pool| {
            left = Some(pool.submit(|(): ()| std::thread::sleep(Duration::from_secs(600)), ()));
            panic!("out of the scope");
        });
    }));
    let text = panic.unwrap_err();
    assert_eq!(text.downcast_ref(), Some(&"out of the scope"));
    assert!(matches!(left.unwrap().get(), Err(TaskError::Cancelled)));
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}/stat")).exists());
    }
}

#[test]
fn a_pool_that_is_dropped_cancels_what_is_not_done() {
    let pool = Pool::new(1).unwrap();
    let held = pool.submit(|(): ()| std::thread::sleep(Duration::from_secs(600)), ());
    let behind = pool.map_async(square, 0..10_000);
    let mut lazy = pool.imap(square, 0..);
    let told = Arc::new(AtomicBool::new(false));
    let tell = told.clone();
    behind.then(move || tell.store(true, Ordering::SeqCst));
    drop(pool);
    assert!(told.load(Ordering::SeqCst));
    assert!(matches!(held.get(), Err(TaskError::Cancelled)));
    let outcomes = behind.get();
    assert_eq!(outcomes.len(), 10_000);
    assert!(outcomes.iter().all(Result::is_err));
    assert!(matches!(lazy.next(), Some(Err(TaskError::Cancelled))));
}

#[test]
fn the_last_owner_may_be_a_callback() {
    let pool = Arc::new(Pool::new(1).unwrap());
    let gate = Event::new().unwrap();
    let (told, news) = channel();
    let held = pool.submit(wait_for, gate.clone());
    let owner = pool.clone();
    held.then(move || {
        let last = Arc::into_inner(owner).map(|pool| pool.pids());
        told.send(last).unwrap();
    });
    drop(pool);
    gate.set().unwrap();
    let pids = news.recv_timeout(PATIENCE).unwrap().unwrap();
    until(|| pids.iter().copied().all(is_gone));
}

#[test]
fn closed_pools_end_after_kills_and_with_few_tasks_per_worker() {
    let pool = Pool::builder()
        .workers(3)
        .max_tasks_per_worker(2)
        .build()
        .unwrap()
        .with_chunk(1);
    let tasks = pool.map_async(square, 0..40);
    pool.close();
    pool.close();
    pool.pids().into_iter().take(1).for_each(kill);
    assert!(pool.join_timeout(PATIENCE));
    assert!(pool.join_timeout(Duration::ZERO));
    assert!(matches!(pool.apply(square, 1), Err(TaskError::Closed)));
    assert!(pool.pids().is_empty());
    assert!(tasks.get().iter().filter(|outcome| outcome.is_ok()).count() >= 39);
    pool.terminate();
    pool.terminate();
    pool.join();
}

#[test]
fn what_leaves_a_task_is_told_apart() {
    let pool = Pool::new(2).unwrap();
    #[expect(clippy::exit, reason = "that is the point")]
    let exit: fn(()) = |()| std::process::exit(7);
    match pool.apply(exit, ()).unwrap_err() {
        TaskError::WorkerLost { exit, .. } => assert_eq!(exit, Exit::Code(7)),
        other => panic!("{other}"),
    }
    let abort: fn(()) = |()| std::process::abort();
    match pool.apply(abort, ()).unwrap_err() {
        TaskError::WorkerLost { exit, .. } => assert_eq!(exit, Exit::Signal(6)),
        other => panic!("{other}"),
    }
    let failing: Result<u32, String> = pool.apply(|(): ()| Err("a value".to_owned()), ()).unwrap();
    assert_eq!(failing.unwrap_err(), "a value");
}

#[test]
fn tasks_start_processes_and_pools() {
    let pool = Pool::new(2).unwrap();
    let sums = pool.map(
        |x: u64| {
            let twice = Process::spawn(|x: u64| 2 * x, x).unwrap().join().unwrap();
            let squares = Pool::new(2).unwrap().map(square, 0..x).unwrap();
            twice + squares.iter().sum::<u64>()
        },
        1..5,
    );
    assert_eq!(sums.unwrap(), [2, 5, 11, 22]);
}

#[test]
fn what_handles_in_arguments_name_is_kept_until_the_task_is_done() {
    let pool = Pool::new(1).unwrap().with_chunk(4);
    let gate = Event::new().unwrap();
    let held = pool.submit(wait_for, gate.clone());
    let read = |value: Value<u64>| value.get().unwrap();
    let values = (0..10).map(|x| Value::new(x).unwrap());
    let (sums, alone) = (
        pool.map_async(read, values),
        pool.submit(read, Value::new(17).unwrap()),
    );
    let (sender, mut receiver) = one_way::<String>().unwrap();
    let say = |mut sender: Sender<String>| sender.send(&"from a task".to_owned()).unwrap();
    let said = pool.submit(say, sender);
    gate.set().unwrap();
    assert!(held.get().unwrap());
    let sums: Vec<_> = sums.get().into_iter().map(Result::unwrap).collect();
    assert_eq!(sums, (0..10).collect::<Vec<_>>());
    assert_eq!(alone.get().unwrap(), 17);
    said.get().unwrap();
    let text = receiver.recv_timeout(PATIENCE).unwrap();
    assert_eq!(text, "from a task");
}

#[test]
fn many_workers_share_the_work() {
    let pool = Pool::new(100).unwrap();
    let queue = Queue::new(100).unwrap();
    let report = |queue: Queue<u32>| queue.put(&std::process::id()).unwrap();
    let tasks = pool.with_chunk(1);
    tasks.map(report, (0..100).map(|_| queue.clone())).unwrap();
    let mut pids: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
    assert_eq!(pids.len(), 100);
    pids.sort_unstable();
    pids.dedup();
    assert!(pids.len() > 1);
}
