//! `Spsc` between processes that die.

use std::time::{Duration, Instant};

use outlive::queue::spsc::{Consumer, Spsc};
use outlive::queue::{PopError, PushError};
use outlive::{AtomicArray, ErrorKind, Segment};

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::in_fork;

/// So large that a process killed at random often dies copying it; all elements are equal.
type Vast = [u64; 2048];
const BRIEFLY: Duration = Duration::from_millis(10);
/// Rounds of a test that kills at random.
const KILLS: u64 = 12;

fn same(item: &Vast) -> u64 {
    assert!(item.iter().all(|x| *x == item[0]), "torn");
    item[0]
}

/// Two counts: items pushed so far, items popped so far.
fn count(segment: &Segment) -> AtomicArray<u64> {
    AtomicArray::open(segment, "count").unwrap()
}

pub const ROLES: &[(&str, Role)] = &[
    ("push three and hold a chunk", |segment, _| {
        let queue = Spsc::<u64>::open(segment, "queue").unwrap();
        let mut producer = queue.producer().unwrap();
        for item in 1..=3 {
            producer.push(item).unwrap();
        }
        let mut chunk = producer.write_chunk(2).unwrap();
        chunk.set(0, 4);
        chunk.set(1, 5);
        say("written");
        pause();
        chunk.commit_all();
    }),
    ("look at two", |segment, _| {
        let queue = Spsc::<u64>::open(segment, "queue").unwrap();
        let mut consumer = queue.consumer().unwrap();
        assert_eq!(consumer.pop().unwrap(), 1);
        let chunk = consumer.read_chunk(2).unwrap();
        assert_eq!(chunk.iter().collect::<Vec<_>>(), [2, 3]);
        say("read");
        pause();
        chunk.consume_all();
    }),
    ("pop with patience", |segment, _| {
        let queue = Spsc::<u64>::open(segment, "queue").unwrap();
        let mut consumer = queue.consumer().unwrap();
        say("waiting");
        match consumer.pop_timeout(PATIENCE) {
            Ok(item) => say(&format!("got {item}")),
            Err(e) => say(&e.to_string()),
        }
    }),
    ("push vast items for ever", |segment, _| {
        let queue = Spsc::<Vast>::open(segment, "vast").unwrap();
        let (count, mut producer) = (count(segment), queue.producer().unwrap());
        say("pushing");
        // The last one may have been published without being counted: its number comes again.
        let mut next = count.get(0).unwrap();
        loop {
            producer.push([next; 2048]).unwrap();
            next += 1;
            count.set(0, next).unwrap();
        }
    }),
    ("pop vast items for ever", |segment, _| {
        let queue = Spsc::<Vast>::open(segment, "vast").unwrap();
        let (count, mut consumer) = (count(segment), queue.consumer().unwrap());
        say("popping");
        loop {
            let item = same(&consumer.pop().unwrap());
            count.set(1, item + 1).unwrap();
        }
    }),
];

fn small(segment: &Segment, capacity: usize) -> Spsc<u64> {
    Spsc::create(segment, "queue", capacity).unwrap()
}

#[test]
fn it_is_first_in_first_out_over_many_laps() {
    let queue = Spsc::new(3).unwrap();
    assert_eq!((queue.capacity(), queue.is_empty()), (4, true));
    let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let (mut pushed, mut popped) = (0_u64, 0);
    for round in 0..1000 {
        for _ in 0..round % 6 {
            match producer.try_push(pushed) {
                Ok(()) => pushed += 1,
                Err(e) => assert!(matches!(e, PushError::Full) && queue.is_full(), "{e}"),
            }
        }
        for _ in 0..(round + 2) % 5 {
            match consumer.try_pop() {
                Ok(item) => {
                    assert_eq!(item, popped);
                    popped += 1;
                }
                Err(e) => assert!(matches!(e, PopError::Empty) && queue.is_empty(), "{e}"),
            }
        }
        assert_eq!(queue.len() as u64, pushed - popped);
    }
    assert!(popped > 1000);
}

#[test]
fn chunks_are_whole_or_nothing() {
    let queue = Spsc::<[u16; 3]>::new(8).unwrap();
    let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let mut chunk = producer.write_chunk(100).unwrap();
    assert_eq!(chunk.len(), 8);
    for index in 0..5 {
        chunk.set(index, [u16::try_from(index).unwrap(); 3]);
    }
    drop(chunk);
    assert!(queue.is_empty(), "a dropped chunk is published");
    let mut chunk = producer.try_write_chunk(2).unwrap();
    chunk.set(0, [1; 3]);
    chunk.copy_from(1, &[2; 3]);
    chunk.commit_all();
    let mut chunk = producer.write_chunk(3).unwrap();
    chunk.set(0, [3; 3]);
    chunk.commit(1);
    assert_eq!(queue.len(), 3);
    drop(consumer.read_chunk(9).unwrap());
    let chunk = consumer.read_chunk(9).unwrap();
    assert_eq!(chunk.iter().collect::<Vec<_>>(), [[1; 3], [2; 3], [3; 3]]);
    chunk.consume(2);
    assert_eq!(consumer.pop().unwrap(), [3; 3]);
    assert!(matches!(consumer.try_read_chunk(1), Err(PopError::Empty)));
    assert!(matches!(
        consumer.read_chunk_timeout(1, BRIEFLY),
        Err(PopError::Empty)
    ));
}

#[test]
fn an_end_has_one_owner_and_is_free_when_it_is_dropped() {
    let queue = Spsc::<u8>::new(2).unwrap();
    let producer = queue.producer().unwrap();
    assert_eq!(queue.producer().unwrap_err().kind(), ErrorKind::InUse);
    let mut consumer = queue.consumer().unwrap();
    assert_eq!(queue.consumer().unwrap_err().kind(), ErrorKind::InUse);
    drop(producer);
    assert!(matches!(
        consumer.pop(),
        Err(PopError::Disconnected { crashed: false })
    ));
    let mut producer = queue.producer().unwrap();
    producer.push(1).unwrap();
    assert_eq!(consumer.pop().unwrap(), 1);
}

#[test]
fn time_limits_hold() {
    let queue = Spsc::<u8>::new(1).unwrap();
    let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let start = Instant::now();
    assert!(matches!(
        consumer.pop_timeout(BRIEFLY),
        Err(PopError::Empty)
    ));
    assert!(start.elapsed() >= BRIEFLY);
    producer.push(1).unwrap();
    let start = Instant::now();
    assert!(matches!(
        producer.push_deadline(2, start + BRIEFLY),
        Err(PushError::Full)
    ));
    assert!(start.elapsed() >= BRIEFLY);
}

#[test]
fn closing_lets_the_rest_out_and_refuses_more() {
    let queue = Spsc::<u8>::new(4).unwrap();
    let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    producer.push(1).unwrap();
    producer.close().unwrap();
    queue.close().unwrap();
    assert!(queue.is_closed());
    assert!(matches!(
        producer.push(2),
        Err(PushError::Disconnected { crashed: false })
    ));
    assert_eq!(consumer.pop().unwrap(), 1);
    assert!(matches!(
        consumer.try_pop(),
        Err(PopError::Disconnected { crashed: false })
    ));
    assert!(matches!(
        consumer.pop(),
        Err(PopError::Disconnected { crashed: false })
    ));
}

#[test]
fn a_handle_travels_as_a_few_bytes_and_another_type_is_refused() {
    let queue = Spsc::<u64>::new(2).unwrap();
    queue.producer().unwrap().push(7).unwrap();
    let bytes = postcard::to_stdvec(&queue).unwrap();
    let again: Spsc<u64> = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(again.consumer().unwrap().pop().unwrap(), 7);
    assert!(postcard::from_bytes::<Spsc<i64>>(&bytes).is_err());
}

#[test]
fn a_dead_producers_finished_items_come_out_and_its_successor_goes_on() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 8);
    let mut consumer = queue.consumer().unwrap();
    let mut child = Child::start(&segment, "push three and hold a chunk", "");
    child.expect("written");
    assert_eq!(queue.producer().unwrap_err().kind(), ErrorKind::InUse);
    child.kill();
    for item in 1..=3 {
        assert_eq!(consumer.pop().unwrap(), item);
    }
    for _ in 0..2 {
        assert!(matches!(
            consumer.pop(),
            Err(PopError::Disconnected { crashed: true })
        ));
        assert!(matches!(
            consumer.try_pop(),
            Err(PopError::Disconnected { crashed: true })
        ));
    }
    let mut producer = queue.producer().unwrap();
    assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
    producer.push(6).unwrap();
    assert_eq!(consumer.pop().unwrap(), 6);
}

#[test]
fn a_dead_consumers_unfinished_items_are_there_for_the_next_one() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 4);
    let mut producer = queue.producer().unwrap();
    let mut chunk = producer.write_chunk(4).unwrap();
    (0..4).for_each(|index| chunk.set(index, index as u64 + 1));
    chunk.commit_all();
    let mut child = Child::start(&segment, "look at two", "");
    child.expect("read");
    producer.push(5).unwrap();
    child.kill();
    assert!(matches!(
        producer.push(6),
        Err(PushError::Disconnected { crashed: true })
    ));
    let mut consumer = queue.consumer().unwrap();
    for item in 2..=5 {
        assert_eq!(consumer.pop().unwrap(), item);
    }
    producer.push(6).unwrap();
    assert_eq!(consumer.pop().unwrap(), 6);
}

#[test]
fn a_sleeping_consumer_is_woken_by_an_item() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 4);
    let mut producer = queue.producer().unwrap();
    let child = Child::start(&segment, "pop with patience", "");
    child.expect("waiting");
    producer.push(9).unwrap();
    child.expect("got 9");
    child.finish();
}

#[test]
fn a_sleeping_consumer_learns_that_its_producer_left() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 4);
    let producer = queue.producer().unwrap();
    let child = Child::start(&segment, "pop with patience", "");
    child.expect("waiting");
    drop(producer);
    child.expect("the other end is closed");
    child.finish();
}

#[test]
fn a_sleeping_consumer_learns_soon_that_its_producer_died() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 8);
    let mut consumer = queue.consumer().unwrap();
    let mut child = Child::start(&segment, "push three and hold a chunk", "");
    child.expect("written");
    for item in 1..=3 {
        assert_eq!(consumer.pop().unwrap(), item);
    }
    let sleeper = std::thread::spawn(move || consumer.pop_timeout(PATIENCE));
    child.kill();
    let end = sleeper.join().unwrap();
    assert!(
        matches!(end, Err(PopError::Disconnected { crashed: true })),
        "{end:?}"
    );
}

#[test]
fn producers_killed_at_random_tear_and_lose_nothing() {
    let segment = Segment::anonymous().unwrap();
    let queue = Spsc::<Vast>::create(&segment, "vast", 4).unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 2).unwrap();
    let mut consumer: Consumer<Vast> = queue.consumer().unwrap();
    let mut last = 0;
    for round in 1..=KILLS {
        let mut child = Child::start(&segment, "push vast items for ever", "");
        child.expect("pushing");
        let enough = last + 37 * round;
        while last < enough {
            let item = same(&consumer.pop_timeout(PATIENCE).unwrap());
            assert!(item == last || item == last + 1, "{item} after {last}");
            last = item;
        }
        child.kill();
        loop {
            match consumer.pop_timeout(PATIENCE) {
                Ok(item) => {
                    assert_eq!(same(&item), last + 1);
                    last += 1;
                }
                Err(PopError::Disconnected { crashed: true }) => break,
                Err(e) => panic!("{e}"),
            }
        }
        // All that it counted came out, and one more at most.
        let counted = count.get(0).unwrap();
        assert!(
            last + 1 == counted || last == counted,
            "{last} came, {counted} were pushed"
        );
    }
}

#[test]
fn consumers_killed_at_random_lose_nothing() {
    let segment = Segment::anonymous().unwrap();
    let queue = Spsc::<Vast>::create(&segment, "vast", 4).unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 2).unwrap();
    let mut producer = queue.producer().unwrap();
    let mut next = 0;
    for round in 1..=KILLS {
        let mut child = Child::start(&segment, "pop vast items for ever", "");
        child.expect("popping");
        let enough = next + 31 * round;
        while next < enough {
            producer.push_timeout([next; 2048], PATIENCE).unwrap();
            next += 1;
        }
        child.kill();
        let counted = count.get(1).unwrap();
        let mut consumer = queue.consumer().unwrap();
        match consumer.try_pop() {
            // The last may have been consumed and not counted.
            Ok(item) => assert!(same(&item) == counted || same(&item) == counted + 1),
            Err(e) => assert!(matches!(e, PopError::Empty) && next - counted <= 1, "{e}"),
        }
        while consumer.try_pop().is_ok() {}
    }
}

#[test]
fn a_forked_child_does_not_have_its_parents_end() {
    let segment = Segment::anonymous().unwrap();
    let queue = small(&segment, 4);
    let mut producer = Some(queue.producer().unwrap());
    let mut consumer = queue.consumer().unwrap();
    let code = in_fork(|| {
        // Refused before the child has joined the segment, and after.
        for _ in 0..2 {
            let refused = producer.as_mut().unwrap().push(1);
            if !matches!(&refused, Err(PushError::Broken(e)) if e.kind() == ErrorKind::NotOwner) {
                return 1;
            }
            if queue.producer().unwrap_err().kind() != ErrorKind::InUse {
                return 2;
            }
        }
        drop(producer.take());
        0
    });
    assert_eq!(code, 0);
    let mut producer = producer.unwrap();
    producer.push(2).unwrap();
    assert_eq!(consumer.pop().unwrap(), 2);
    assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
}
