//! `Mpmc` between processes that die.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use outlive::queue::mpmc::{Mpmc, Redelivery};
use outlive::queue::{GetError, PutError};
use outlive::{AtomicArray, ErrorKind, Segment, SegmentOptions};

use super::child::{Child, PATIENCE, Role, pause, say};

/// A sender and its count.
type Numbered = [u64; 2];
/// So large that a process killed at random often dies copying it; all elements are equal.
type Vast = [u64; 2048];
/// Items that the tests with kills count.
const ITEMS: u64 = 20_000;
const BRIEFLY: Duration = Duration::from_millis(10);

fn queue<T: Pod>(segment: &Segment, name: &str) -> Mpmc<T> {
    Mpmc::open(segment, name).unwrap()
}

fn same(item: Vast) -> u64 {
    assert!(item.iter().all(|x| *x == item[0]), "torn");
    item[0]
}

/// Two kinds of count: items put so far, items taken so far.
fn count(segment: &Segment) -> AtomicArray<u64> {
    AtomicArray::open(segment, "count").unwrap()
}

pub const ROLES: &[(&str, Role)] = &[
    ("produce numbered items", |segment, word| {
        let (sender, count) = word.split_once(' ').unwrap();
        let queue = queue::<Numbered>(segment, "in");
        for number in 0..count.parse().unwrap() {
            queue.put([sender.parse().unwrap(), number]).unwrap();
        }
    }),
    ("pass items on until the end", |segment, _| {
        let (from, to) = (
            queue::<Numbered>(segment, "in"),
            queue::<Numbered>(segment, "out"),
        );
        loop {
            match from.get() {
                Ok(item) => to.put(item).unwrap(),
                Err(GetError::Closed) => break,
                Err(e) => panic!("{e}"),
            }
        }
        say("closed");
    }),
    ("put vast items for ever", |segment, _| {
        let queue = queue::<Vast>(segment, "vast");
        let count = count(segment);
        say("putting");
        for number in 0.. {
            queue.put([number; 2048]).unwrap();
            count.set(0, number + 1).unwrap();
        }
    }),
    ("take vast items for ever", |segment, _| {
        let queue = queue::<Vast>(segment, "vast");
        let count = count(segment);
        say("taking");
        loop {
            let number = same(queue.get().unwrap());
            count
                .fetch_add(usize::try_from(number).unwrap(), 1)
                .unwrap();
        }
    }),
    ("wait for an item", |segment, _| {
        let queue = queue::<u64>(segment, "numbers");
        say("waiting");
        say(&queue.get().unwrap().to_string());
        pause();
    }),
    ("wait for room", |segment, _| {
        let queue = queue::<u64>(segment, "numbers");
        say("waiting");
        queue.put(99).unwrap();
        say("put");
        pause();
    }),
];

#[test]
fn items_of_every_size_come_out_as_they_went_in() {
    fn check<T: Pod + PartialEq + std::fmt::Debug>(item: impl Fn(u8) -> T) {
        let queue = Mpmc::new(7).unwrap();
        assert_eq!(queue.capacity(), 7);
        for lap in 0..5 {
            for i in 0..7 {
                assert_eq!((queue.len(), queue.is_full()), (i.into(), false));
                queue.put(item(i + lap)).unwrap();
            }
            assert!(queue.is_full());
            assert!(matches!(queue.try_put(item(9)), Err(PutError::Full)));
            for i in 0..7 {
                assert_eq!(queue.get().unwrap(), item(i + lap));
            }
            assert!(queue.is_empty());
            assert!(matches!(queue.try_get(), Err(GetError::Empty)));
        }
    }
    check(|_| ());
    check(|i| i);
    check(|i| [i; 3]);
    check(|i| u64::from(i) << 40);
    check(u128::from);
    check(|i| [u64::from(i); 3]);
    check(|i| [u64::from(i); 7]);
    check(|i| [u64::from(i); 8]);
    check(|i| [i; 4099]);
}

#[test]
fn a_queue_of_one_is_full_with_one() {
    let queue = Mpmc::new(0).unwrap();
    assert_eq!(queue.capacity(), 1);
    for i in 0..10_u32 {
        queue.try_put(i).unwrap();
        assert!(matches!(queue.try_put(i), Err(PutError::Full)));
        assert_eq!(queue.try_get().unwrap(), i);
    }
}

#[test]
fn waits_end_with_their_limit() {
    let queue = Mpmc::new(1).unwrap();
    let start = Instant::now();
    assert!(matches!(queue.get_timeout(BRIEFLY), Err(GetError::Empty)));
    assert!(matches!(
        queue.get_deadline(Instant::now() + BRIEFLY),
        Err(GetError::Empty)
    ));
    queue.put(1_u8).unwrap();
    assert!(matches!(queue.put_timeout(2, BRIEFLY), Err(PutError::Full)));
    assert!(matches!(
        queue.put_deadline(2, Instant::now() + BRIEFLY),
        Err(PutError::Full)
    ));
    assert!(start.elapsed() >= 4 * BRIEFLY);
    assert_eq!(queue.get_timeout(BRIEFLY).unwrap(), 1);
    queue.put_timeout(3, BRIEFLY).unwrap();
    assert_eq!(queue.get_deadline(Instant::now()).unwrap(), 3);
}

#[test]
fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
    let queue = Mpmc::new(4).unwrap();
    queue.put(1_i16).unwrap();
    queue.put(-2).unwrap();
    queue.close().unwrap();
    queue.close().unwrap();
    assert!(queue.is_closed());
    assert!(matches!(queue.put(3), Err(PutError::Closed)));
    assert!(matches!(queue.try_put(3), Err(PutError::Closed)));
    assert_eq!(queue.get().unwrap(), 1);
    assert_eq!(queue.try_get().unwrap(), -2);
    assert!(matches!(queue.get(), Err(GetError::Closed)));
    assert!(matches!(queue.try_get(), Err(GetError::Closed)));
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_close_wakes_everybody() {
    let (room, items) = (Mpmc::new(1).unwrap(), Mpmc::<u8>::new(1).unwrap());
    room.put(1_u8).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert!(matches!(room.put(2), Err(PutError::Closed))));
            scope.spawn(|| assert!(matches!(items.get(), Err(GetError::Closed))));
        }
        // Whether they sleep already or not: the law is the same.
        std::thread::sleep(BRIEFLY);
        room.close().unwrap();
        items.close().unwrap();
    });
}

#[test]
fn names_types_and_policies_are_kept() {
    let segment = Segment::anonymous().unwrap();
    let queue = Mpmc::<u64>::options(3)
        .redelivery(Redelivery::Drop)
        .create(&segment, "q")
        .unwrap();
    let kind = |e: outlive::Error| e.kind();
    let again = Mpmc::<u64>::create(&segment, "q", 3);
    assert_eq!(again.map_err(kind).err(), Some(ErrorKind::AlreadyExists));
    assert_eq!(
        Mpmc::<i64>::open(&segment, "q").map_err(kind).err(),
        Some(ErrorKind::WrongType)
    );
    assert_eq!(
        Mpmc::<u64>::open(&segment, "r").map_err(kind).err(),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(
        Mpmc::<Vast>::new(1 << 40).map_err(kind).err(),
        Some(ErrorKind::Full)
    );
    let same = Mpmc::<u64>::open_or_create(&segment, "q", 100).unwrap();
    assert_eq!((same.capacity(), same.redelivery()), (3, Redelivery::Drop));
    queue.put(5).unwrap();
    let bytes = postcard::to_allocvec(&queue).unwrap();
    let sent: Mpmc<u64> = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(sent.get().unwrap(), 5);
    assert!(format!("{sent:?}").contains("Drop"));
}

#[test]
fn two_processes_to_two_deliver_each_item_once_and_in_order() {
    const EACH: u64 = 5_000;
    let segment = Segment::anonymous().unwrap();
    let to = Mpmc::<Numbered>::create(&segment, "in", 64).unwrap();
    let from = Mpmc::<Numbered>::create(&segment, "out", 64).unwrap();
    let consumers: Vec<_> = (0..2)
        .map(|_| Child::start(&segment, "pass items on until the end", ""))
        .collect();
    let producers: Vec<_> = (0..2)
        .map(|n| Child::start(&segment, "produce numbered items", &format!("{n} {EACH}")))
        .collect();
    let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
    for _ in 0..2 * EACH {
        let [sender, number] = from.get_timeout(PATIENCE).unwrap();
        seen.entry(sender).or_default().push(number);
    }
    producers.into_iter().for_each(Child::finish);
    to.close().unwrap();
    for consumer in consumers {
        consumer.expect("closed");
        consumer.finish();
    }
    for (_, mut numbers) in seen {
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..EACH));
    }
    assert!(to.is_empty() && from.is_empty());
}

#[test]
fn a_killed_producer_leaves_whole_items_in_order_and_no_hole() {
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let queue = Mpmc::<Vast>::create(&segment, "vast", 4).unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
    for round in 0..40_u64 {
        count.set(0, 0).unwrap();
        let mut child = Child::start(&segment, "put vast items for ever", "");
        child.expect("putting");
        let mut next = 0;
        for _ in 0..100 + round {
            assert_eq!(same(queue.get_timeout(PATIENCE).unwrap()), next);
            next += 1;
        }
        child.kill();
        let start = Instant::now();
        // Ours behind whatever the dead one left.
        while let Err(e) = queue.put_timeout([u64::MAX; 2048], BRIEFLY) {
            assert!(matches!(e, PutError::Full), "{e}");
            assert_eq!(same(queue.get_timeout(PATIENCE).unwrap()), next);
            next += 1;
        }
        loop {
            match same(queue.get_timeout(PATIENCE).unwrap()) {
                u64::MAX => break,
                number => assert_eq!(number, next),
            }
            next += 1;
        }
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        assert!(next >= count.get(0).unwrap(), "finished and lost");
        assert!(queue.is_empty());
        // All of its slots are of use again.
        for _ in 0..queue.capacity() {
            queue.try_put([0; 2048]).unwrap();
        }
        for _ in 0..queue.capacity() {
            queue.try_get().unwrap();
        }
        segment.reap().unwrap();
        assert_eq!(segment.participants().len(), 1);
    }
}

#[test]
fn a_killed_consumer_loses_at_most_what_it_was_given() {
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let queue = Mpmc::<Vast>::create(&segment, "vast", 4).unwrap();
    let items = usize::try_from(ITEMS).unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", items).unwrap();
    let kills = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            for number in 0..ITEMS {
                queue.put_timeout([number; 2048], PATIENCE).unwrap();
            }
        });
        let steady = Child::start(&segment, "take vast items for ever", "");
        steady.expect("taking");
        let mut kills = 0;
        while !producer.is_finished() {
            let mut child = Child::start(&segment, "take vast items for ever", "");
            child.expect("taking");
            std::thread::sleep(Duration::from_millis(3));
            child.kill();
            kills += 1;
        }
        producer.join().unwrap();
        // What a dead consumer was taking comes back, to the living one or to us.
        let patience = Instant::now() + PATIENCE;
        while !queue.is_empty() {
            assert!(Instant::now() < patience, "{queue:?}");
            if let Ok(item) = queue.get_timeout(BRIEFLY) {
                count
                    .fetch_add(usize::try_from(same(item)).unwrap(), 1)
                    .unwrap();
            }
        }
        kills
    });
    let counts = count.to_vec().unwrap();
    assert!(counts.iter().all(|times| *times <= 1), "delivered twice");
    let lost = counts.iter().filter(|times| **times == 0).count();
    // One for each that died between being given an item and counting it; the steady one too.
    assert!(lost <= kills + 1, "{lost} lost in {kills} kills");
}

#[test]
fn a_killed_waiter_strands_nobody() {
    let segment = Segment::anonymous().unwrap();
    let queue = Mpmc::<u64>::create(&segment, "numbers", 1).unwrap();
    for number in 0..10 {
        let mut dies = Child::start(&segment, "wait for an item", "");
        let mut lives = Child::start(&segment, "wait for an item", "");
        dies.expect("waiting");
        lives.expect("waiting");
        std::thread::sleep(BRIEFLY);
        dies.kill();
        queue.put(number).unwrap();
        assert_eq!(lives.hears(), number.to_string());
        lives.go_on();
        lives.finish();

        queue.put(1).unwrap();
        let mut dies = Child::start(&segment, "wait for room", "");
        let mut lives = Child::start(&segment, "wait for room", "");
        dies.expect("waiting");
        lives.expect("waiting");
        std::thread::sleep(BRIEFLY);
        dies.kill();
        assert_eq!(queue.get().unwrap(), 1);
        lives.expect("put");
        assert_eq!(queue.get().unwrap(), 99);
        lives.go_on();
        lives.finish();
    }
}

#[test]
fn a_stopped_process_is_not_dead() {
    use rustix::process::Signal;
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let queue = Mpmc::<Vast>::create(&segment, "vast", 4).unwrap();
    AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
    let child = Child::start(&segment, "put vast items for ever", "");
    child.expect("putting");
    let mut next = 0;
    for _ in 0..50 {
        child.signal(Signal::STOP);
        // As many as it has finished; it may have claimed one more.
        while let Ok(item) = queue.get_timeout(BRIEFLY) {
            assert_eq!(same(item), next);
            next += 1;
        }
        child.signal(Signal::CONT);
        assert_eq!(same(queue.get_timeout(PATIENCE).unwrap()), next);
        next += 1;
    }
}
