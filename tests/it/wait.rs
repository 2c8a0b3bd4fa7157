//! Waiting for the first of several things, queues of many consumers among them.

use std::time::{Duration, Instant};

use outlive::queue::messages::GetError as TakeError;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::one_way;
use outlive::queue::{self, GetError, Waitable};
use outlive::{JoinableQueue, Queue, Segment, SegmentOptions};

use super::child::{Child, PATIENCE, Role, pause, say};

const BRIEFLY: Duration = Duration::from_millis(10);

fn queues(segment: &Segment) -> (Mpmc<u64>, Queue<String>) {
    let items = Mpmc::open_or_create(segment, "items", 8).unwrap();
    (
        items,
        Queue::open_or_create(segment, "messages", 8).unwrap(),
    )
}

pub const ROLES: &[(&str, Role)] = &[
    ("take from both queues until the end", |segment, _| {
        let (items, messages) = queues(segment);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(item) = items.get() {
                    say(&item.to_string());
                }
            });
            scope.spawn(|| {
                while let Ok(message) = messages.get() {
                    say(&message);
                }
            });
            say("waiting");
        });
    }),
    ("watch both queues and take nothing", |segment, _| {
        let (mut items, mut messages) = queues(segment);
        say("watching");
        loop {
            // What it is shown is for others; it may be shown that several times.
            let ready = queue::wait(&mut [&mut items, &mut messages]).unwrap();
            assert!(!ready.is_empty());
            std::thread::sleep(Duration::from_micros(50));
        }
    }),
    ("wait for both queues, and take", |segment, _| {
        let (mut items, mut messages) = queues(segment);
        say("waiting");
        loop {
            let ready = queue::wait(&mut [&mut items, &mut messages]).unwrap();
            for at in ready {
                match at {
                    0 => match items.try_get() {
                        Ok(item) => say(&item.to_string()),
                        Err(GetError::Empty) => {}
                        Err(_) => return,
                    },
                    _ => match messages.try_get() {
                        Ok(message) => say(&message),
                        Err(TakeError::Empty) => {}
                        Err(_) => return,
                    },
                }
            }
        }
    }),
    ("take a message and keep it", |segment, _| {
        let (_, messages) = queues(segment);
        let _kept = messages.receive().unwrap();
        say("kept");
        pause();
    }),
];

#[test]
fn queues_are_among_what_can_be_waited_for() {
    let (mut items, mut messages) = queues(&Segment::anonymous().unwrap());
    let (mut sender, mut receiver) = one_way::<u64>().unwrap();
    let start = Instant::now();
    {
        let mut all: [&mut dyn Waitable; 3] = [&mut items, &mut receiver, &mut messages];
        assert_eq!(queue::try_wait(&mut all).unwrap(), []);
        assert_eq!(queue::wait_timeout(&mut all, BRIEFLY).unwrap(), []);
        assert!(start.elapsed() >= BRIEFLY);
    }
    items.put(1).unwrap();
    let mut all: [&mut dyn Waitable; 3] = [&mut items, &mut receiver, &mut messages];
    assert_eq!(queue::wait(&mut all).unwrap(), [0]);
    sender.send(&2).unwrap();
    messages.put(&"three".to_owned()).unwrap();
    // Nothing is used up by looking.
    for _ in 0..2 {
        let mut all: [&mut dyn Waitable; 3] = [&mut items, &mut receiver, &mut messages];
        assert_eq!(queue::wait(&mut all).unwrap(), [0, 1, 2]);
    }
    assert_eq!(items.try_get().unwrap(), 1);
    assert_eq!(messages.try_get().unwrap(), "three");
    assert_eq!(receiver.try_recv().unwrap(), 2);
    items.close().unwrap();
    messages.close().unwrap();
    let mut all: [&mut dyn Waitable; 3] = [&mut items, &mut receiver, &mut messages];
    assert_eq!(queue::wait(&mut all).unwrap(), [0, 2], "closed and empty");
}

#[test]
fn a_task_that_is_given_back_is_ready_again() {
    let mut tasks = JoinableQueue::<u64>::new(4).unwrap();
    tasks.put(&7).unwrap();
    assert_eq!(queue::wait(&mut [&mut tasks]).unwrap(), [0]);
    let task = tasks.try_get().unwrap();
    let mut other = tasks.clone();
    assert_eq!(queue::try_wait(&mut [&mut other]).unwrap(), []);
    task.nack();
    assert_eq!(queue::wait(&mut [&mut other]).unwrap(), [0]);
}

/// The watchers lie down first, so that the kernel wakes them first, one for each item.
#[test]
fn watchers_that_take_nothing_keep_nothing_from_another_process() {
    let segment = Segment::anonymous().unwrap();
    let (items, messages) = queues(&segment);
    let watchers: Vec<_> = (0..2)
        .map(|_| Child::start(&segment, "watch both queues and take nothing", ""))
        .collect();
    watchers
        .iter()
        .for_each(|watcher| watcher.expect("watching"));
    let taker = Child::start(&segment, "take from both queues until the end", "");
    taker.expect("waiting");
    for number in 0..200_u64 {
        items.put(number).unwrap();
        assert_eq!(taker.hears(), number.to_string());
        messages.put(&format!("message {number}")).unwrap();
        assert_eq!(taker.hears(), format!("message {number}"));
    }
    items.close().unwrap();
    messages.close().unwrap();
    taker.finish();
}

#[test]
fn several_who_wait_and_take_get_everything_once() {
    const EACH: u64 = 500;
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let (items, messages) = queues(&segment);
    let mut takers: Vec<_> = (0..3)
        .map(|_| Child::start(&segment, "wait for both queues, and take", ""))
        .collect();
    takers.iter().for_each(|taker| taker.expect("waiting"));
    // One of them dies asleep, or busy.
    let mut dies = Child::start(&segment, "watch both queues and take nothing", "");
    dies.expect("watching");
    std::thread::scope(|scope| {
        scope.spawn(|| (0..EACH).for_each(|number| items.put(number).unwrap()));
        scope.spawn(|| {
            (EACH..2 * EACH).for_each(|number| messages.put(&number.to_string()).unwrap());
        });
        dies.kill();
    });
    let patience = Instant::now() + PATIENCE;
    while !(items.is_empty() && messages.is_empty()) {
        assert!(Instant::now() < patience, "{items:?} {messages:?}");
        std::thread::sleep(BRIEFLY);
    }
    items.close().unwrap();
    messages.close().unwrap();
    let mut got: Vec<u64> = Vec::new();
    for taker in &mut takers {
        got.extend(taker.rest().iter().map(|line| line.parse::<u64>().unwrap()));
    }
    got.sort_unstable();
    assert!(got.into_iter().eq(0..2 * EACH));
}

#[test]
fn what_a_dead_consumer_kept_is_ready_again() {
    let segment = Segment::anonymous().unwrap();
    let (_, mut messages) = queues(&segment);
    messages.put(&"again".to_owned()).unwrap();
    let mut child = Child::start(&segment, "take a message and keep it", "");
    child.expect("kept");
    assert_eq!(
        queue::wait_timeout(&mut [&mut messages], BRIEFLY).unwrap(),
        []
    );
    let sleeper = std::thread::spawn(move || {
        let ready = queue::wait_timeout(&mut [&mut messages], PATIENCE).unwrap();
        assert_eq!(ready, [0]);
        assert_eq!(messages.try_receive().unwrap().deliveries(), 2);
    });
    child.kill();
    sleeper.join().unwrap();
}
