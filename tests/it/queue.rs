//! `Queue` between processes that die.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use outlive::queue::messages::{
    ByteQueue, Codec, CodecError, GetError, Postcard, PutError, Raw, Redelivery,
};
use outlive::{AtomicArray, ErrorKind, Queue, Segment, SegmentOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::child::{Child, PATIENCE, Role, pause, say};

/// A sender, its count, and as many bytes as that says.
type Numbered = (u64, u64, String);
const BRIEFLY: Duration = Duration::from_millis(10);
const MIB: usize = 1 << 20;

fn queue<T>(segment: &Segment, name: &str) -> Queue<T> {
    Queue::open(segment, name).unwrap()
}

fn byte_queue(segment: &Segment) -> ByteQueue {
    Queue::options(0)
        .codec::<Raw>()
        .open(segment, "bytes")
        .unwrap()
}

fn padding(number: u64) -> String {
    "x".repeat(usize::try_from(number * 37 % 700).unwrap())
}

/// A message of this many bytes that names its number in all of them.
fn vast(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().repeat(len.div_ceil(8));
    bytes.truncate(len);
    bytes
}

fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert!(bytes == vast(number, bytes.len()), "torn");
    number
}

fn count(segment: &Segment) -> AtomicArray<u64> {
    AtomicArray::open(segment, "count").unwrap()
}

pub const ROLES: &[(&str, Role)] = &[
    ("put numbered messages", |segment, word| {
        let (sender, count) = word.split_once(' ').unwrap();
        let queue = queue::<Numbered>(segment, "in");
        for number in 0..count.parse().unwrap() {
            let message = (sender.parse().unwrap(), number, padding(number));
            queue.put(&message).unwrap();
        }
    }),
    ("pass messages on until the end", |segment, _| {
        let to = queue::<Numbered>(segment, "out");
        for message in &queue::<Numbered>(segment, "in") {
            to.put(&message.unwrap()).unwrap();
        }
        say("closed");
    }),
    ("put vast messages for ever", |segment, word| {
        let queue = byte_queue(segment);
        let count = count(segment);
        let len = word.parse().unwrap();
        say("putting");
        for number in 0.. {
            queue.put(&vast(number, len)).unwrap();
            count.set(0, number + 1).unwrap();
        }
    }),
    ("take vast messages for ever", |segment, _| {
        let queue = byte_queue(segment);
        let count = count(segment);
        say("taking");
        loop {
            let number = number_of(&queue.get().unwrap());
            count
                .fetch_add(usize::try_from(number).unwrap(), 1)
                .unwrap();
        }
    }),
    ("put one message of 4 MiB", |segment, _| {
        byte_queue(segment).put(&vast(7, 4 * MIB)).unwrap();
    }),
    ("hold a message", |segment, _| {
        let queue = queue::<String>(segment, "strings");
        let delivery = queue.receive().unwrap();
        say(&format!("{} {}", *delivery, delivery.deliveries()));
        pause();
        delivery.nack();
    }),
    ("wait for a string", |segment, _| {
        let queue = queue::<String>(segment, "strings");
        say("waiting");
        say(&queue.get().unwrap());
        pause();
    }),
    ("wait for room for a string", |segment, _| {
        let queue = queue::<String>(segment, "strings");
        say("waiting");
        queue.put(&"late".to_owned()).unwrap();
        say("put");
        pause();
    }),
    ("pass bytes round", |segment, _| {
        let queue = byte_queue(segment);
        say("passing");
        for number in (0..=u8::MAX).cycle() {
            drop(queue.try_put(&vec![number; 40]));
            drop(queue.try_get());
        }
    }),
    ("hold a loan", |segment, _| {
        let queue = byte_queue(segment);
        let mut loan = queue.loan(queue.max_message()).unwrap();
        loan.write_all(b"unfinished").unwrap();
        say("holding");
        pause();
    }),
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Message {
    Nothing,
    Text(String),
    Pair {
        numbers: Vec<u32>,
        inner: Option<Box<Message>>,
    },
}

#[test]
fn messages_of_every_kind_and_length_come_out_as_they_went_in() {
    let queue = Queue::options(100).bytes(1 << 16).anonymous().unwrap();
    for len in (0..300).chain([1000, 5000, 30_000]) {
        let all = [
            Message::Nothing,
            Message::Text("a".repeat(len)),
            Message::Pair {
                numbers: (0..u32::try_from(len / 9).unwrap()).collect(),
                inner: Some(Box::new(Message::Text("b".repeat(len / 3)))),
            },
        ];
        for message in &all {
            queue.put(message).unwrap();
            assert_eq!(queue.len(), 1);
            // Visible when `put` returns.
            assert_eq!(queue.try_get().unwrap(), *message);
            assert!(matches!(queue.try_get(), Err(GetError::Empty)));
        }
    }
}

#[test]
fn none_is_a_message_like_any_other() {
    let queue = Queue::<Option<()>>::new(3).unwrap();
    queue.put(&None).unwrap();
    queue.put(&Some(())).unwrap();
    assert_eq!(
        (queue.get().unwrap(), queue.get().unwrap()),
        (None, Some(()))
    );
}

#[test]
fn it_is_bounded_in_messages() {
    let queue = Queue::new(0).unwrap();
    assert_eq!(queue.capacity(), 1);
    for i in 0..10_u32 {
        queue.try_put(&i).unwrap();
        assert!(queue.is_full());
        assert!(matches!(queue.try_put(&i), Err(PutError::Full)));
        // Taken and not yet dealt with, it does not count.
        let delivery = queue.receive().unwrap();
        queue.try_put(&(i + 1)).unwrap();
        assert_eq!(delivery.ack(), i);
        assert_eq!(queue.try_get().unwrap(), i + 1);
    }
}

#[test]
fn it_is_bounded_in_bytes() {
    let queue: ByteQueue = Queue::options(100).bytes(1000).codec().anonymous().unwrap();
    assert_eq!((queue.bytes(), queue.max_message()), (1024, 1000));
    queue.put(&vec![1; 1000]).unwrap();
    assert!(!queue.is_full());
    assert!(matches!(queue.try_put(&vec![]), Err(PutError::Full)));
    assert_eq!(queue.get().unwrap(), vec![1; 1000]);
    match queue.put(&vec![1; 1001]) {
        Err(PutError::TooLarge { needs, limit }) => assert_eq!((needs, limit), (1001, 1000)),
        other => panic!("{other:?}"),
    }
    // 16 units: as many messages of one unit.
    (0..16).for_each(|i| queue.try_put(&vec![i; 40]).unwrap());
    assert!(matches!(queue.try_put(&vec![0; 40]), Err(PutError::Full)));
    (0..16).for_each(|i| assert_eq!(queue.try_get().unwrap(), [i; 40]));
    queue.try_put(&vec![1; 1000]).unwrap();
}

#[test]
fn waits_end_with_their_limit() {
    let queue = Queue::new(1).unwrap();
    let start = Instant::now();
    assert!(matches!(queue.get_timeout(BRIEFLY), Err(GetError::Empty)));
    let soon = || Instant::now() + BRIEFLY;
    assert!(matches!(
        queue.receive_deadline(soon()),
        Err(GetError::Empty)
    ));
    queue.put(&1_u8).unwrap();
    assert!(matches!(
        queue.put_timeout(&2, BRIEFLY),
        Err(PutError::Full)
    ));
    assert!(matches!(
        queue.put_deadline(&2, soon()),
        Err(PutError::Full)
    ));
    assert!(matches!(
        queue.loan_timeout(1, BRIEFLY),
        Err(PutError::Full)
    ));
    assert!(start.elapsed() >= 5 * BRIEFLY);
    assert_eq!(queue.get_timeout(BRIEFLY).unwrap(), 1);
    queue.put_timeout(&3, BRIEFLY).unwrap();
    assert_eq!(queue.get_deadline(Instant::now()).unwrap(), 3);
}

#[test]
fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
    let queue = Queue::new(4).unwrap();
    queue.put(&1_i16).unwrap();
    queue.put(&-2).unwrap();
    let begun = queue.loan(1).unwrap();
    queue.close().unwrap();
    queue.close().unwrap();
    assert!(queue.is_closed());
    assert!(matches!(begun.send(), Err(PutError::Closed)));
    assert!(matches!(queue.put(&3), Err(PutError::Closed)));
    let got: Result<Vec<_>, _> = queue.iter().collect();
    assert_eq!(got.unwrap(), [1, -2]);
    assert!(matches!(queue.get(), Err(GetError::Closed)));
    assert!(matches!(queue.try_receive(), Err(GetError::Closed)));
}

#[test]
fn a_close_wakes_everybody() {
    let (room, items) = (Queue::new(1).unwrap(), Queue::<u8>::new(1).unwrap());
    room.put(&1_u8).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert!(matches!(room.put(&2), Err(PutError::Closed))));
            scope.spawn(|| assert!(matches!(items.get(), Err(GetError::Closed))));
        }
        // Whether they sleep already or not: the law is the same.
        std::thread::sleep(BRIEFLY);
        room.close().unwrap();
        items.close().unwrap();
    });
}

/// Fails, panics, or changes its length, as the value says.
enum Moody {}

impl Codec<u32> for Moody {
    fn encode(item: &u32, to: &mut impl Write) -> Result<(), CodecError> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static TIMES: AtomicUsize = AtomicUsize::new(0);
        let times = TIMES.fetch_add(1, Ordering::Relaxed);
        to.write_all(&[7; 300]).map_err(CodecError::new)?;
        match item {
            0 => Err(CodecError::new("no")),
            1 if times % 2 == 1 => panic!("in the second pass"),
            1 => Ok(()),
            2 => to.write_all(&vec![7; times % 2]).map_err(CodecError::new),
            3 => to
                .write_all(&vec![7; 1 - times % 2])
                .map_err(CodecError::new),
            _ => {
                TIMES.store(0, Ordering::Relaxed);
                Ok(())
            }
        }
    }
    fn decode(bytes: &[u8]) -> Result<u32, CodecError> {
        match bytes.len() {
            300 => Ok(300),
            _ => Err(CodecError::new("odd")),
        }
    }
}

#[test]
fn what_cannot_be_encoded_fails_in_the_caller_and_takes_no_room() {
    let queue = Queue::options(1)
        .bytes(512)
        .codec::<Moody>()
        .anonymous()
        .unwrap();
    let unencodable = |item: u32| match queue.try_put(&item) {
        Err(PutError::Unencodable(e)) => e.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(unencodable(0), "no");
    queue.try_put(&9).unwrap();
    assert_eq!(queue.try_get().unwrap(), 300);
    for shrinks_or_grows in [2, 3] {
        assert!(unencodable(shrinks_or_grows).contains("length"));
        assert!(!queue.is_full());
        queue.try_put(&9).unwrap();
        assert_eq!(queue.try_get().unwrap(), 300);
    }
    let panics = std::panic::AssertUnwindSafe(|| queue.try_put(&1));
    assert!(std::panic::catch_unwind(panics).is_err());
    queue.try_put(&9).unwrap();
    assert_eq!(queue.try_get().unwrap(), 300);
}

#[test]
fn what_cannot_be_decoded_is_an_error_of_that_get_alone() {
    let queue = Queue::<String>::new(4).unwrap();
    queue.put(&"before".to_owned()).unwrap();
    let mut loan = queue.loan(3).unwrap();
    loan.write_at(0, &[2, 0xFF, 0xFF]);
    loan.send().unwrap();
    queue.put(&"after".to_owned()).unwrap();
    assert_eq!(queue.get().unwrap(), "before");
    match queue.get() {
        Err(e @ GetError::Undecodable(_)) => assert!(e.to_string().contains("MsgPack")),
        other => panic!("{other:?}"),
    }
    assert_eq!(queue.get().unwrap(), "after");
    assert!(queue.is_empty());
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack_carries_what_postcard_cannot() {
    use outlive::queue::messages::MsgPack;
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Number(u32),
        Text(String),
    }
    let queue = Queue::<Any>::new(2).unwrap();
    queue.put(&Any::Number(1)).unwrap();
    assert!(matches!(queue.get(), Err(GetError::Undecodable(_))));
    let queue = Queue::<Any>::options(2)
        .codec::<MsgPack>()
        .anonymous()
        .unwrap();
    queue.put(&Any::Text("x".into())).unwrap();
    assert_eq!(queue.get().unwrap(), Any::Text("x".into()));
}

#[test]
fn a_delivery_comes_again_until_it_is_dealt_with() {
    let queue = Queue::new(3).unwrap();
    (1..=3_u8).for_each(|item| queue.put(&item).unwrap());
    let (first, second) = (queue.receive().unwrap(), queue.receive().unwrap());
    second.nack();
    first.nack();
    assert_eq!(queue.len(), 3);
    let again = queue.try_receive().unwrap();
    assert_eq!((*again, again.deliveries()), (1, 2));
    again.nack();
    let again = queue.try_receive().unwrap();
    assert_eq!((*again, again.deliveries()), (1, 3));
    assert_eq!(again.ack(), 1);
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (2, 3));
    assert!(queue.is_empty());
}

#[test]
fn loans_and_messages_are_written_and_read_in_place_and_out_of_order() {
    let queue: ByteQueue = Queue::options(9).bytes(4096).codec().anonymous().unwrap();
    let mut slow = queue.loan(100).unwrap();
    let mut quick = queue.loan(200).unwrap();
    quick.write_all(&[2; 150]).unwrap();
    quick.write_at(150, &[3; 50]);
    assert_eq!(quick.write(&[9; 60]).unwrap(), 50);
    quick.write_at(150, &[3; 50]);
    assert_eq!(quick.write(&[9]).unwrap(), 0);
    quick.send().unwrap();
    slow.write_all(&[1; 100]).unwrap();
    slow.send().unwrap();
    drop(queue.loan(300).unwrap());
    let mut first = queue.receive_bytes().unwrap();
    let second = queue.receive_bytes().unwrap();
    assert_eq!(second.to_vec(), [1; 100]);
    drop(second);
    assert!(matches!(queue.try_receive_bytes(), Err(GetError::Empty)));
    let mut all = Vec::new();
    first.read_to_end(&mut all).unwrap();
    assert_eq!((&all[..150], &all[150..]), (&[2; 150][..], &[3; 50][..]));
    first.nack();
    assert_eq!(queue.receive_bytes().unwrap().len(), 200);
    // Everything is free, in one piece.
    drop(queue.try_loan(queue.max_message()).unwrap());
}

#[test]
fn names_types_codecs_and_policies_are_kept() {
    fn kind<T>(done: outlive::Result<T>) -> Option<ErrorKind> {
        done.map_err(|e| e.kind()).err()
    }
    let segment = Segment::anonymous().unwrap();
    let queue = Queue::<String>::options(3)
        .bytes(1000)
        .redelivery(Redelivery::Drop)
        .create(&segment, "q")
        .unwrap();
    let again = Queue::<String>::create(&segment, "q", 3);
    assert_eq!(kind(again), Some(ErrorKind::AlreadyExists));
    assert_eq!(
        kind(Queue::<u8>::open(&segment, "q")),
        Some(ErrorKind::WrongType)
    );
    let other_codec = Queue::<String>::options(3)
        .codec::<Raw>()
        .open(&segment, "q");
    assert_eq!(kind(other_codec), Some(ErrorKind::WrongType));
    assert_eq!(
        kind(Queue::<u8>::open(&segment, "r")),
        Some(ErrorKind::NotFound)
    );
    let vast = Queue::<u8>::options(usize::MAX / 8).anonymous();
    assert_eq!(kind(vast), Some(ErrorKind::Full));
    let vast = Queue::<u8>::options(1).bytes(usize::MAX).anonymous();
    assert_eq!(kind(vast), Some(ErrorKind::Full));
    let same = Queue::<String>::open_or_create(&segment, "q", 100).unwrap();
    assert_eq!((same.capacity(), same.redelivery()), (3, Redelivery::Drop));
    queue.put(&"sent".to_owned()).unwrap();
    // A handle is itself something that a queue can carry.
    let handles = Queue::<Queue<String>>::new(1).unwrap();
    handles.put(&queue).unwrap();
    let sent = handles.get().unwrap();
    assert_eq!(sent.get().unwrap(), "sent");
    assert!(format!("{sent:?}").contains("Drop"));
}

/// One codec for all that postcard carries, to be seen as another.
fn _codecs_can_be_written_elsewhere<T: Serialize + DeserializeOwned>(item: &T) {
    let _ = <Postcard as Codec<T>>::encode(item, &mut Vec::new());
}

#[test]
fn two_processes_to_two_deliver_each_message_once_and_in_order() {
    const EACH: u64 = 3_000;
    let segment = Segment::anonymous().unwrap();
    let to = Queue::<Numbered>::create(&segment, "in", 64).unwrap();
    let from = Queue::<Numbered>::create(&segment, "out", 64).unwrap();
    let consumers: Vec<_> = (0..2)
        .map(|_| Child::start(&segment, "pass messages on until the end", ""))
        .collect();
    let producers: Vec<_> = (0..2)
        .map(|n| Child::start(&segment, "put numbered messages", &format!("{n} {EACH}")))
        .collect();
    let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
    for _ in 0..2 * EACH {
        let (sender, number, filled) = from.get_timeout(PATIENCE).unwrap();
        assert_eq!(filled, padding(number));
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
fn one_consumer_sees_each_producer_s_order() {
    const EACH: u64 = 3_000;
    let segment = Segment::anonymous().unwrap();
    let queue = Queue::<Numbered>::create(&segment, "in", 16).unwrap();
    let producers: Vec<_> = (0..3)
        .map(|n| Child::start(&segment, "put numbered messages", &format!("{n} {EACH}")))
        .collect();
    let mut next = [0; 3];
    for _ in 0..3 * EACH {
        let (sender, number, _) = queue.get_timeout(PATIENCE).unwrap();
        let next = &mut next[usize::try_from(sender).unwrap()];
        assert_eq!(number, *next);
        *next += 1;
    }
    producers.into_iter().for_each(Child::finish);
}

#[test]
fn a_producer_of_4_mib_can_be_joined_before_anything_is_read() {
    let segment = SegmentOptions::new().size(8 << 20).anonymous().unwrap();
    let options = Queue::options(4).bytes(5 * MIB).codec::<Raw>();
    let queue: ByteQueue = options.create(&segment, "bytes").unwrap();
    Child::start(&segment, "put one message of 4 MiB", "").finish();
    let bytes = queue.try_get().unwrap();
    assert_eq!((bytes.len(), number_of(&bytes)), (4 * MIB, 7));
}

#[test]
fn a_killed_producer_leaves_whole_messages_in_order_and_no_hole() {
    let segment = SegmentOptions::new().size(4 << 20).anonymous().unwrap();
    let options = Queue::options(3).bytes(5 * MIB / 2).codec::<Raw>();
    let queue: ByteQueue = options.create(&segment, "bytes").unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
    for round in 0..20_u64 {
        count.set(0, 0).unwrap();
        let len = (MIB - 64).to_string();
        let mut child = Child::start(&segment, "put vast messages for ever", &len);
        child.expect("putting");
        let mut next = 0;
        for _ in 0..round % 7 {
            assert_eq!(number_of(&queue.get_timeout(PATIENCE).unwrap()), next);
            next += 1;
        }
        // At a moment that nobody chose, of a put that takes longer than this.
        let until = Instant::now() + Duration::from_micros(round * 31 % 400);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill();
        let start = Instant::now();
        // Ours behind whatever the dead one left.
        let ours = u64::MAX.to_le_bytes().to_vec();
        while let Err(e) = queue.put_timeout(&ours, BRIEFLY) {
            assert!(matches!(e, PutError::Full), "{e}");
            assert_eq!(number_of(&queue.get_timeout(PATIENCE).unwrap()), next);
            next += 1;
        }
        loop {
            match number_of(&queue.get_timeout(PATIENCE).unwrap()) {
                u64::MAX => break,
                number => assert_eq!(number, next),
            }
            next += 1;
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(next >= count.get(0).unwrap(), "finished and lost");
        segment.reap().unwrap();
        assert_eq!((queue.len(), segment.participants().len()), (0, 1));
        // All of its room is of use again, in one piece.
        drop(queue.try_loan(queue.max_message()).unwrap());
        (0..3).for_each(|_| queue.try_put(&vec![]).unwrap());
        (0..3).for_each(|_| drop(queue.try_get().unwrap()));
    }
}

#[test]
fn a_killed_consumer_loses_at_most_what_it_was_given() {
    const MESSAGES: u64 = 1_500;
    let segment = SegmentOptions::new().size(4 << 20).anonymous().unwrap();
    let options = Queue::options(8).bytes(MIB).codec::<Raw>();
    let queue: ByteQueue = options.create(&segment, "bytes").unwrap();
    let messages = usize::try_from(MESSAGES).unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", messages).unwrap();
    let kills = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            for number in 0..MESSAGES {
                queue
                    .put_timeout(&vast(number, 64 << 10), PATIENCE)
                    .unwrap();
            }
        });
        let steady = Child::start(&segment, "take vast messages for ever", "");
        steady.expect("taking");
        let mut kills = 0;
        while !producer.is_finished() {
            let mut child = Child::start(&segment, "take vast messages for ever", "");
            child.expect("taking");
            std::thread::sleep(Duration::from_millis(3));
            child.kill();
            kills += 1;
        }
        producer.join().unwrap();
        let patience = Instant::now() + PATIENCE;
        // What a dead consumer was taking comes back, to the living one or to us.
        while !queue.is_empty() {
            assert!(Instant::now() < patience, "{queue:?}");
            if let Ok(bytes) = queue.get_timeout(BRIEFLY) {
                let number = usize::try_from(number_of(&bytes)).unwrap();
                count.fetch_add(number, 1).unwrap();
            }
        }
        drop(steady);
        // The steady one died too.
        segment.reap().unwrap();
        while let Ok(bytes) = queue.try_get() {
            let number = usize::try_from(number_of(&bytes)).unwrap();
            count.fetch_add(number, 1).unwrap();
        }
        kills + 1
    });
    let counts = count.to_vec().unwrap();
    assert!(counts.iter().all(|times| *times <= 1), "delivered twice");
    let lost = counts.iter().filter(|times| **times == 0).count();
    // One for each that died between being given a message and counting it.
    assert!(lost <= kills, "{lost} lost in {kills} kills");
    drop(queue.try_loan(queue.max_message()).unwrap());
}

#[test]
fn the_message_of_a_killed_consumer_is_delivered_again_and_counted() {
    let segment = Segment::anonymous().unwrap();
    let queue = Queue::<String>::create(&segment, "strings", 4).unwrap();
    queue.put(&"first".to_owned()).unwrap();
    queue.put(&"second".to_owned()).unwrap();
    let mut dies = Child::start(&segment, "hold a message", "");
    dies.expect("first 1");
    assert_eq!(queue.try_get().unwrap(), "second");
    let start = Instant::now();
    dies.kill();
    let mut heir = Child::start(&segment, "hold a message", "");
    heir.expect("first 2");
    assert!(queue.is_empty());
    heir.go_on();
    heir.finish();
    let again = queue.receive_timeout(PATIENCE).unwrap();
    assert_eq!((&**again, again.deliveries()), ("first", 3));
    drop(again);
    assert!(start.elapsed() < PATIENCE);
    assert!(queue.is_empty());
}

#[test]
fn a_killed_waiter_strands_nobody() {
    let segment = Segment::anonymous().unwrap();
    let queue = Queue::<String>::create(&segment, "strings", 1).unwrap();
    for _ in 0..5 {
        let mut dies = Child::start(&segment, "wait for a string", "");
        let mut lives = Child::start(&segment, "wait for a string", "");
        dies.expect("waiting");
        lives.expect("waiting");
        std::thread::sleep(BRIEFLY);
        dies.kill();
        queue.put(&"one".to_owned()).unwrap();
        lives.expect("one");
        lives.go_on();
        lives.finish();

        queue.put(&"two".to_owned()).unwrap();
        let mut dies = Child::start(&segment, "wait for room for a string", "");
        let mut lives = Child::start(&segment, "wait for room for a string", "");
        dies.expect("waiting");
        lives.expect("waiting");
        std::thread::sleep(BRIEFLY);
        dies.kill();
        assert_eq!(queue.get().unwrap(), "two");
        lives.expect("put");
        assert_eq!(queue.get().unwrap(), "late");
        lives.go_on();
        lives.finish();
    }
}

#[test]
fn a_dead_loan_is_given_up_and_a_stopped_one_is_not() {
    use rustix::process::Signal;
    let segment = Segment::anonymous().unwrap();
    let options = Queue::options(2).bytes(4096).codec::<Raw>();
    let queue: ByteQueue = options.create(&segment, "bytes").unwrap();
    let mut child = Child::start(&segment, "hold a loan", "");
    child.expect("holding");
    child.signal(Signal::STOP);
    assert!(matches!(
        queue.put_timeout(&vec![1], 3 * BRIEFLY),
        Err(PutError::Full)
    ));
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| queue.put_timeout(&vec![1], PATIENCE).unwrap());
        child.kill();
    });
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(queue.try_get().unwrap(), [1]);
}

#[test]
fn whoever_is_stopped_anywhere_holds_up_nobody_with_a_limit() {
    use rustix::process::Signal;
    let segment = SegmentOptions::new().size(4 << 20).anonymous().unwrap();
    let options = Queue::options(4).bytes(MIB).codec::<Raw>();
    let queue: ByteQueue = options.create(&segment, "bytes").unwrap();
    let child = Child::start(&segment, "pass bytes round", "");
    child.expect("passing");
    for round in 0..100 {
        std::thread::sleep(Duration::from_micros(round * 17 % 300));
        child.signal(Signal::STOP);
        let start = Instant::now();
        // Whatever comes of it: perhaps it was stopped within the lock.
        drop(queue.put_timeout(&vec![1; 40], BRIEFLY));
        drop(queue.try_put(&vec![1; 40]));
        drop(queue.get_timeout(BRIEFLY));
        drop(queue.try_get());
        segment.reap().unwrap();
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        child.signal(Signal::CONT);
    }
    drop(child);
    segment.reap().unwrap();
    while queue.try_get().is_ok() {}
    drop(queue.try_loan(queue.max_message()).unwrap());
}

#[test]
fn a_forked_child_neither_sends_nor_frees_for_its_parent() {
    let queue: ByteQueue = Queue::options(2).bytes(4096).codec().anonymous().unwrap();
    queue.put(&vec![5; 100]).unwrap();
    let theirs = Cell::new(Some((
        queue.receive_bytes().unwrap(),
        queue.loan(3000).unwrap(),
    )));
    let code = super::fork::in_fork(|| {
        let (message, loan) = theirs.take().unwrap();
        drop(message);
        if !matches!(loan.send(), Err(PutError::Closed)) {
            return 1;
        }
        // All that is left; what the parent has is still the parent's.
        let Ok(_rest) = queue.try_loan(872) else {
            return 2;
        };
        match queue.try_loan(100) {
            Err(PutError::Full) => 0,
            _ => 3,
        }
    });
    assert_eq!(code, 0);
}

#[test]
fn a_child_keeps_what_is_its_own_when_it_drops_its_parents() {
    let queue: ByteQueue = Queue::options(4).bytes(4096).codec().anonymous().unwrap();
    queue.put(&vec![1; 100]).unwrap();
    queue.put(&vec![2; 100]).unwrap();
    let mut loan = queue.loan(500).unwrap();
    loan.write_at(0, &[3; 500]);
    let theirs = Cell::new(Some((queue.receive_bytes().unwrap(), loan)));
    let code = super::fork::in_fork(|| {
        let mine = queue.receive_bytes().unwrap();
        let mut my_loan = queue.loan(500).unwrap();
        my_loan.write_at(0, &[7; 500]);
        let (message, mut loan) = theirs.take().unwrap();
        message.nack();
        loan.write_at(0, &[9; 500]);
        drop(loan);
        let kept = mine.to_vec() == [2; 100] && queue.is_empty();
        u8::from(!kept || my_loan.send().is_err())
    });
    assert_eq!(code, 0);
    let (message, loan) = theirs.take().unwrap();
    assert_eq!(message.to_vec(), [1; 100]);
    loan.send().unwrap();
    assert_eq!(queue.try_get().unwrap(), [7; 500]);
    assert_eq!(queue.try_get().unwrap(), [3; 500]);
}
