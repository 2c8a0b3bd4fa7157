//! Processes killed at random moments in the middle of long messages, as Python's queues cannot
//! survive it.

use std::time::{Duration, Instant};

use outlive::queue::messages::{ByteQueue, PutError, Raw};
use outlive::queue::pipe::{Pipe, RecvError, SendError};
use outlive::{AtomicArray, Queue, SegmentOptions};

use crate::crowd::Forked;
use crate::pressure::Span;
use crate::random::Random;

pub const LAWS: &[crate::Law] = &[
    ("kills::a_producer_in_a_put_of_1_mib", || {
        let (segment, queue) = world();
        let count = AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
        let mut random = Random::new(11);
        for round in 0..ROUNDS {
            count.set(0, 0).unwrap();
            let mut victim = Forked::start(|| {
                for number in 0.. {
                    queue.put(&vast(number)).unwrap();
                    count.set(0, number + 1).unwrap();
                }
                0
            });
            let mut next = 0;
            let mut check = |bytes: Vec<u8>| {
                let number = number_of(&bytes);
                assert!(
                    number == next || number == OURS,
                    "{number}, not {next}, in round {round}"
                );
                next += u64::from(number != OURS);
                number
            };
            for _ in 0..=random.below(3) {
                check(queue.get_timeout(PATIENCE).unwrap());
            }
            random.dawdle();
            std::thread::sleep(Duration::from_micros(random.below(1500)));
            victim.kill();
            let span = Span::start();
            // Ours behind whatever the dead one left.
            while let Err(e) = queue.put_timeout(&OURS.to_le_bytes().to_vec(), BRIEFLY) {
                assert!(matches!(e, PutError::Full), "{e}");
                queue.try_get().map(&mut check).ok();
            }
            while check(queue.get_timeout(PATIENCE).unwrap()) != OURS {}
            assert!(span.elapsed() < HANG, "{:?}", span.elapsed());
            assert!(next >= count.get(0).unwrap(), "finished and lost");
            segment.reap().unwrap();
            is_whole(&queue);
        }
    }),
    ("kills::a_consumer_in_a_get_of_1_mib", || {
        let (segment, queue) = world();
        let counts = usize::try_from(ROUNDS).unwrap();
        let count = AtomicArray::<u64>::create(&segment, "count", 2 * counts).unwrap();
        let mut random = Random::new(13);
        for round in 0..ROUNDS {
            queue.put(&vast(2 * round)).unwrap();
            queue.put(&vast(2 * round + 1)).unwrap();
            let start_victim = || {
                Forked::start(|| {
                    while let Ok(bytes) = queue.get() {
                        count.fetch_add(index_of(&bytes), 1).unwrap();
                    }
                    0
                })
            };
            let mut victim = start_victim();
            std::thread::sleep(Duration::from_micros(random.below(3000)));
            victim.kill();
            let span = Span::start();
            segment.reap().unwrap();
            while let Ok(bytes) = queue.get_timeout(BRIEFLY) {
                count.fetch_add(index_of(&bytes), 1).unwrap();
            }
            assert!(span.elapsed() < HANG, "{:?}", span.elapsed());
            is_whole(&queue);
        }
        let times = count.to_vec().unwrap();
        assert!(times.iter().all(|times| *times <= 1), "delivered twice");
        let lost = times.iter().filter(|times| **times == 0).count();
        // Whoever died between being given a message and counting it.
        assert!(lost <= counts, "{lost} lost");
    }),
    ("kills::a_sender_in_a_send_of_1_mib", || {
        let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
        let count = AtomicArray::<u64>::create(&segment, "count", 2).unwrap();
        let pipe = Pipe::<u64>::create(&segment, "pipe", ROOM).unwrap();
        let mut receiver = pipe.receiver().unwrap();
        let mut random = Random::new(17);
        for round in 0..ROUNDS {
            count.set(0, 0).unwrap();
            let mut victim = Forked::start(|| {
                let mut sender = pipe.sender().unwrap();
                count.set(1, round + 1).unwrap();
                for number in 0.. {
                    sender.send_bytes(&vast(number)).unwrap();
                    count.set(0, number + 1).unwrap();
                }
                0
            });
            // Until then the end is that of the one before.
            while count.get(1).unwrap() != round + 1 {
                std::thread::yield_now();
            }
            let mut next = 0;
            for _ in 0..=random.below(3) {
                let bytes = receiver.recv_bytes_timeout(PATIENCE).unwrap();
                assert_eq!(number_of(&bytes), next, "in round {round}");
                next += 1;
            }
            random.dawdle();
            std::thread::sleep(Duration::from_micros(random.below(1500)));
            victim.kill();
            let span = Span::start();
            let end = loop {
                match receiver.recv_bytes_timeout(PATIENCE) {
                    Ok(bytes) => assert_eq!(number_of(&bytes), next, "in round {round}"),
                    Err(end) => break end,
                }
                next += 1;
            };
            assert!(
                matches!(end, RecvError::Disconnected { crashed: true }),
                "{end}"
            );
            assert!(span.elapsed() < HANG, "{:?}", span.elapsed());
            let sent = count.get(0).unwrap();
            assert!(next == sent || next == sent + 1, "{next} came of {sent}");
        }
    }),
    ("kills::a_receiver_in_a_recv_of_1_mib", || {
        let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
        let taken = AtomicArray::<u64>::create(&segment, "taken", 1).unwrap();
        let pipe = Pipe::<u64>::create(&segment, "pipe", ROOM).unwrap();
        let mut sender = pipe.sender().unwrap();
        let mut random = Random::new(19);
        for round in 0..ROUNDS {
            let mut victim = Forked::start(|| {
                let mut receiver = pipe.receiver().unwrap();
                taken.set(0, round + 1).unwrap();
                let mut last = None;
                while let Ok(bytes) = receiver.recv_bytes() {
                    let number = number_of(&bytes);
                    if last.is_some_and(|last| number != last + 1) {
                        return 1;
                    }
                    last = Some(number);
                }
                2
            });
            // Until then the end is nobody's.
            while taken.get(0).unwrap() != round + 1 {
                std::thread::yield_now();
            }
            let until = Instant::now() + Duration::from_micros(random.below(3000));
            let mut number = 0;
            while Instant::now() < until {
                match sender.send_bytes_deadline(&vast(number), until) {
                    Ok(()) => number += 1,
                    Err(SendError::Full) => break,
                    Err(e) => panic!("{e} in round {round}"),
                }
            }
            victim.kill();
            let span = Span::start();
            // Whoever comes after it begins with a whole message.
            let mut heir = pipe.receiver().unwrap();
            while heir
                .try_recv_bytes()
                .is_ok_and(|bytes| number_of(&bytes) != OURS)
            {}
            sender
                .send_bytes_timeout(&OURS.to_le_bytes(), PATIENCE)
                .unwrap();
            let ours = heir.recv_bytes_timeout(PATIENCE).unwrap();
            assert_eq!(number_of(&ours), OURS, "in round {round}");
            assert!(span.elapsed() < HANG, "{:?}", span.elapsed());
        }
    }),
];

/// Bytes of a pipe through which a long message goes in parts.
const ROOM: usize = 48 << 10;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const ROUNDS: u64 = 200;
const HANG: Duration = Duration::from_secs(1);
const BRIEFLY: Duration = Duration::from_millis(5);
const OURS: u64 = u64::MAX;
const LEN: usize = 1 << 20;

fn world() -> (outlive::Segment, ByteQueue) {
    let segment = SegmentOptions::new().size(4 << 20).anonymous().unwrap();
    let options = Queue::options(8).bytes(3 << 20).codec::<Raw>();
    let queue = options.create(&segment, "bytes").unwrap();
    (segment, queue)
}

fn vast(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(LEN / 8)
}

fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert!(number == OURS || bytes == vast(number), "torn");
    number
}

fn index_of(bytes: &[u8]) -> usize {
    usize::try_from(number_of(bytes)).unwrap()
}

fn is_whole(queue: &ByteQueue) {
    assert!(queue.is_empty(), "{queue:?}");
    drop(queue.try_loan(queue.max_message()).unwrap());
    (0..8).for_each(|_| queue.try_put(&vec![1; 8]).unwrap());
    (0..8).for_each(|_| drop(queue.try_get().unwrap()));
}
