//! Pipes between processes that die.

use std::cell::Cell;
use std::time::{Duration, Instant};

use outlive::queue::pipe::{Connection, Pipe, RecvError, SendError, duplex, one_way, pipe};
use outlive::queue::spsc::Spsc;
use outlive::queue::{self, Waitable};
use outlive::{AtomicArray, ErrorKind, Segment};
use serde::{Deserialize, Serialize};

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::{forked, in_fork};

const BRIEFLY: Duration = Duration::from_millis(10);
/// Bytes of a message that many times does not fit into a pipe of [`SMALL`].
const VAST: usize = 40_000;
const SMALL: usize = 1000;
/// Rounds of a test that kills at random.
const KILLS: u64 = 12;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Job {
    Stop,
    Sum { name: String, numbers: Vec<u64> },
}

fn job(len: u64) -> Job {
    Job::Sum {
        name: format!("of {len}"),
        numbers: (0..len).collect(),
    }
}

/// A message that shows where it is torn: its number again and again.
fn stripes(number: u64, len: usize) -> Vec<u8> {
    let number = number.to_le_bytes();
    number.into_iter().cycle().take(len).collect()
}

fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert!(bytes == stripes(number, bytes.len()), "torn");
    number
}

fn the_pipe(segment: &Segment) -> Pipe<u64> {
    Pipe::open(segment, "pipe").unwrap()
}

fn crashed<T: std::fmt::Debug>(end: &Result<T, RecvError>) -> bool {
    matches!(end, Err(RecvError::Disconnected { crashed: true }))
}

pub const ROLES: &[(&str, Role)] = &[
    ("answer", |segment, word| {
        // The home of the parent is not ours: the two pipes are named.
        let mut here: Connection<String> = Connection::new(
            Pipe::open(segment, "back").unwrap().sender().unwrap(),
            Pipe::open(segment, "there").unwrap().receiver().unwrap(),
        );
        say("ready");
        while let Ok(question) = here.recv() {
            here.send(&(question + word)).unwrap();
        }
        say("end of file");
    }),
    ("receive an end", |segment, word| {
        let _ = segment;
        let bytes: Vec<u8> = word.split(' ').map(|b| b.parse().unwrap()).collect();
        let mut here: Connection<Job> = postcard::from_bytes(&bytes).unwrap();
        say("arrived");
        pause();
        while let Job::Sum { name, numbers } = here.recv().unwrap() {
            let sum = numbers.iter().sum();
            here.send(&Job::Sum {
                name,
                numbers: vec![sum],
            })
            .unwrap();
        }
        say("stopped");
    }),
    ("send two, then some of a vast one", |segment, _| {
        let mut sender = the_pipe(segment).sender().unwrap();
        sender.send(&1).unwrap();
        sender.send(&2).unwrap();
        say("sending");
        // Nobody receives: the rest never goes in.
        sender.send_bytes(&stripes(3, VAST)).unwrap();
    }),
    ("receive some of a vast one", |segment, _| {
        let mut receiver = the_pipe(segment).receiver().unwrap();
        let part = receiver.recv_bytes_timeout(Duration::from_millis(1));
        assert!(matches!(part, Err(RecvError::Empty)), "{part:?}");
        say("received in part");
        pause();
    }),
    ("hold the receiver", |segment, _| {
        let _receiver = the_pipe(segment).receiver().unwrap();
        say("held");
        pause();
    }),
    ("hold the sender", |segment, _| {
        let _sender = the_pipe(segment).sender().unwrap();
        say("held");
        pause();
    }),
    ("send stripes for ever", |segment, word| {
        let count = AtomicArray::<u64>::open(segment, "count").unwrap();
        let mut sender = the_pipe(segment).sender().unwrap();
        say("sending");
        let mut next = count.get(0).unwrap();
        loop {
            next += 1;
            let len = word.parse().unwrap();
            sender.send_bytes(&stripes(next, len)).unwrap();
            count.set(0, next).unwrap();
        }
    }),
    ("receive stripes for ever", |segment, _| {
        let count = AtomicArray::<u64>::open(segment, "count").unwrap();
        let mut receiver = the_pipe(segment).receiver().unwrap();
        say("receiving");
        loop {
            let number = number_of(&receiver.recv_bytes().unwrap());
            count.set(0, number).unwrap();
        }
    }),
];

#[test]
fn messages_of_every_length_come_out_whole_and_in_order() {
    let pipe = Pipe::<Job>::new(SMALL).unwrap();
    assert!(pipe.capacity() >= SMALL);
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    let count = 600;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for len in 0..count {
                sender.send(&job(len)).unwrap();
            }
            sender.send(&Job::Stop).unwrap();
        });
        for len in 0..count {
            assert_eq!(receiver.recv().unwrap(), job(len));
        }
        assert_eq!(receiver.recv().unwrap(), Job::Stop);
    });
    // And each length of bytes, around the borders of frames and of the pipe.
    let around = pipe.capacity();
    for len in (0..200).chain(around - 3..around + 60).chain([VAST]) {
        let bytes = stripes(len as u64, len);
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send_bytes(&bytes).unwrap());
            assert_eq!(receiver.recv_bytes().unwrap(), bytes, "of {len} bytes");
        });
    }
}

#[test]
fn what_fits_needs_nobody_at_the_other_end() {
    let pipe = Pipe::<Vec<u8>>::new(SMALL).unwrap();
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    let longest = stripes(7, pipe.capacity());
    sender.try_send_bytes(&longest).unwrap();
    assert!(matches!(sender.try_send_bytes(&[]), Err(SendError::Full)));
    assert!(matches!(
        sender.send_timeout(&vec![1], BRIEFLY),
        Err(SendError::Full)
    ));
    assert_eq!(receiver.try_recv_bytes().unwrap(), longest);
    // A length of its own in front: a byte or two too many.
    let refused = sender.try_send(&longest);
    assert!(matches!(refused, Err(SendError::TooLong { longest }) if longest == pipe.capacity()));
    assert!(matches!(receiver.try_recv(), Err(RecvError::Empty)));
    sender.try_send(&vec![2; SMALL]).unwrap();
    assert_eq!(receiver.try_recv().unwrap(), [2; SMALL]);
}

#[test]
fn empty_messages_are_messages() {
    let (mut sender, mut receiver) = one_way::<()>().unwrap();
    assert!(!receiver.poll().unwrap());
    sender.send_bytes(&[]).unwrap();
    sender.send(&()).unwrap();
    assert!(receiver.poll().unwrap() && receiver.poll().unwrap());
    assert_eq!(receiver.recv_bytes_into(&mut []).unwrap(), 0);
    receiver.recv().unwrap();
    assert!(!receiver.poll_timeout(BRIEFLY).unwrap());
}

#[test]
fn a_short_buffer_keeps_the_message() {
    let pipe = Pipe::<u64>::new(SMALL).unwrap();
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    for len in [9, 300, VAST] {
        let bytes = stripes(5, len);
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send_bytes(&bytes).unwrap());
            for _ in 0..2 {
                let short = receiver.recv_bytes_into(&mut [0; 8]);
                assert!(
                    matches!(short, Err(RecvError::TooShort { needed }) if needed == len),
                    "{short:?}"
                );
            }
            let mut buffer = vec![0; len + 1];
            assert_eq!(receiver.recv_bytes_into(&mut buffer).unwrap(), len);
            assert_eq!(buffer[..len], bytes);
        });
    }
    assert!(matches!(
        receiver.try_recv_bytes_into(&mut []),
        Err(RecvError::Empty)
    ));
}

#[test]
fn a_message_that_cannot_be_read_is_an_error_of_its_own() {
    let (mut sender, mut receiver) = one_way::<Job>().unwrap();
    for bytes in [&[][..], &[77], &[0, 0], &stripes(9, 500)] {
        sender.send_bytes(bytes).unwrap();
        sender.send(&job(3)).unwrap();
        let refused = receiver.recv();
        let Err(RecvError::Decode(error)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(receiver.recv().unwrap(), job(3));
    }
}

/// Refuses to be written, after `1` bytes.
struct Stubborn(usize);

impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeTuple};
        let mut tuple = to.serialize_tuple(self.0)?;
        for _ in 0..self.0 {
            tuple.serialize_element(&1_u8)?;
        }
        Err(S::Error::custom("no"))
    }
}

#[test]
fn a_message_that_cannot_be_written_takes_no_room() {
    let pipe = Pipe::<Stubborn>::new(SMALL).unwrap();
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    for len in [0, 1, 100, VAST] {
        for _ in 0..100 {
            let refused = sender.send(&Stubborn(len));
            let Err(SendError::Encode(error)) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(error.kind(), ErrorKind::Encode);
        }
        assert!(matches!(receiver.try_recv_bytes(), Err(RecvError::Empty)));
        sender.try_send_bytes(&stripes(1, SMALL)).unwrap();
        assert_eq!(number_of(&receiver.try_recv_bytes().unwrap()), 1);
    }
}

#[test]
fn a_vast_message_that_runs_out_of_time_is_not_received() {
    let pipe = Pipe::<u64>::new(SMALL).unwrap();
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    let late = sender.send_bytes_timeout(&stripes(1, VAST), BRIEFLY);
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    // Received in part or not at all by now, and never to be finished.
    assert!(!receiver.poll().unwrap());
    sender.send(&2).unwrap();
    assert_eq!(receiver.recv().unwrap(), 2);
    let late = sender.send_bytes_timeout(&stripes(3, VAST), BRIEFLY);
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    assert!(matches!(
        receiver.recv_timeout(BRIEFLY),
        Err(RecvError::Empty)
    ));
    drop(sender);
    assert!(matches!(
        receiver.recv(),
        Err(RecvError::Disconnected { crashed: false })
    ));
}

#[test]
fn time_limits_hold() {
    let (_sender, mut receiver) = one_way::<u64>().unwrap();
    let start = Instant::now();
    assert!(matches!(
        receiver.recv_timeout(BRIEFLY),
        Err(RecvError::Empty)
    ));
    assert!(!receiver.poll_deadline(start + 2 * BRIEFLY).unwrap());
    assert!(start.elapsed() >= 2 * BRIEFLY);
    let late = receiver.recv_bytes_into_deadline(&mut [], Instant::now() + BRIEFLY);
    assert!(matches!(late, Err(RecvError::Empty)));
    assert!(start.elapsed() >= 3 * BRIEFLY);
}

#[test]
fn an_end_that_was_dropped_is_the_end_of_file() {
    let (mut sender, mut receiver) = one_way::<u64>().unwrap();
    sender.send(&1).unwrap();
    drop(sender);
    assert_eq!(receiver.recv().unwrap(), 1);
    for _ in 0..2 {
        assert!(receiver.poll().unwrap(), "the end of file counts");
        assert!(matches!(
            receiver.recv(),
            Err(RecvError::Disconnected { crashed: false })
        ));
    }
    let (mut sender, receiver) = one_way::<u64>().unwrap();
    // Nobody had used it.
    drop(receiver);
    assert!(matches!(
        sender.send(&1),
        Err(SendError::Disconnected { crashed: false })
    ));
    let (sender, mut receiver) = one_way::<u64>().unwrap();
    let sleeper = std::thread::spawn(move || receiver.recv_timeout(PATIENCE));
    drop(sender);
    assert!(matches!(
        sleeper.join().unwrap(),
        Err(RecvError::Disconnected { crashed: false })
    ));
}

#[test]
fn closing_lets_the_rest_out_and_refuses_more() {
    let (mut here, mut there) = pipe::<u64>().unwrap();
    here.send(&1).unwrap();
    there.send(&2).unwrap();
    here.close().unwrap();
    here.close().unwrap();
    for end in [&mut here, &mut there] {
        assert!(matches!(
            end.send(&3),
            Err(SendError::Disconnected { crashed: false })
        ));
        end.recv().unwrap();
        assert!(matches!(
            end.recv(),
            Err(RecvError::Disconnected { crashed: false })
        ));
    }
}

#[test]
fn an_end_has_one_owner() {
    let (mut here, there) = duplex::<u64, String>().unwrap();
    let bytes = postcard::to_stdvec(&there).unwrap();
    let mut arrived: Connection<String, u64> = postcard::from_bytes(&bytes).unwrap();
    // It is taken: by the copy that came first, and it cannot be sent on.
    let again = postcard::from_bytes::<Connection<String, u64>>(&bytes);
    assert!(again.is_err());
    assert!(postcard::to_stdvec(&arrived).is_err());
    let mut there = there;
    let Err(RecvError::Broken(error)) = there.recv() else {
        panic!("two owners");
    };
    assert_eq!(error.kind(), ErrorKind::InUse);
    here.send(&1).unwrap();
    assert_eq!(arrived.recv().unwrap(), 1);
    // The copy that has nothing is no end.
    drop(there);
    arrived.send(&"two".to_owned()).unwrap();
    assert_eq!(here.recv().unwrap(), "two");
    let wrong = postcard::from_bytes::<Connection<u64, String>>(&bytes);
    assert!(wrong.is_err(), "of another type");
}

#[test]
fn a_named_pipe_is_opened_as_what_it_is() {
    let segment = Segment::anonymous().unwrap();
    let missing = Pipe::<u64>::open(&segment, "pipe").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let pipe = Pipe::<u64>::open_or_create(&segment, "pipe", SMALL).unwrap();
    let again = Pipe::<u64>::open_or_create(&segment, "pipe", 7).unwrap();
    assert_eq!(again.capacity(), pipe.capacity());
    assert_eq!(
        Pipe::<u64>::create(&segment, "pipe", 7).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        Pipe::<i64>::open(&segment, "pipe").unwrap_err().kind(),
        ErrorKind::WrongType
    );
    let spsc = Spsc::<u64>::open(&segment, "pipe");
    assert_eq!(spsc.unwrap_err().kind(), ErrorKind::WrongType);
    let sent: Pipe<u64> = postcard::from_bytes(&postcard::to_stdvec(&pipe).unwrap()).unwrap();
    let sender = sent.sender().unwrap();
    assert_eq!(pipe.sender().unwrap_err().kind(), ErrorKind::InUse);
    drop(sender);
    pipe.sender().unwrap().send(&4).unwrap();
    assert_eq!(again.receiver().unwrap().recv().unwrap(), 4);
    sent.close().unwrap();
    assert!(pipe.is_closed());
}

#[test]
fn two_processes_talk_to_and_fro() {
    let segment = Segment::anonymous().unwrap();
    let there = Pipe::<String>::create(&segment, "there", SMALL).unwrap();
    let back = Pipe::<String>::create(&segment, "back", SMALL).unwrap();
    let mut here = Connection::new(there.sender().unwrap(), back.receiver().unwrap());
    let child = Child::start(&segment, "answer", "!");
    child.expect("ready");
    for len in [0, 10, 500, VAST] {
        let question = "?".repeat(len);
        here.send(&question).unwrap();
        assert_eq!(here.recv_timeout(PATIENCE).unwrap(), question + "!");
    }
    drop(here);
    child.expect("end of file");
    child.finish();
}

/// A connection, and the bytes of its other end, in a segment that the child has open.
fn traveller(segment: &Segment) -> (Connection<Job>, String) {
    let (there, back) = (
        Pipe::create(segment, "there", SMALL).unwrap(),
        Pipe::create(segment, "back", SMALL).unwrap(),
    );
    let here = Connection::new(there.sender().unwrap(), back.receiver().unwrap());
    // An end travels as its pipe does: what sends there receives here.
    let bytes = postcard::to_stdvec(&(&back, &there)).unwrap();
    let words: Vec<_> = bytes.iter().map(u8::to_string).collect();
    (here, words.join(" "))
}

#[test]
fn an_end_that_travels_is_its_receivers_and_dies_with_it() {
    let segment = Segment::anonymous().unwrap();
    let (mut here, word) = traveller(&segment);
    let mut child = Child::start(&segment, "receive an end", &word);
    child.expect("arrived");
    child.go_on();
    for len in [3, 3000] {
        here.send(&job(len)).unwrap();
        let sum = Job::Sum {
            name: format!("of {len}"),
            numbers: vec![(0..len).sum()],
        };
        assert_eq!(here.recv_timeout(PATIENCE).unwrap(), sum);
    }
    child.kill();
    let end = here.recv_timeout(PATIENCE);
    assert!(crashed(&end), "{end:?}");
    assert!(matches!(
        here.send(&Job::Stop),
        Err(SendError::Disconnected { crashed: true })
    ));
}

#[test]
fn a_dead_senders_finished_messages_come_out_and_no_other() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut receiver = pipe.receiver().unwrap();
    let mut child = Child::start(&segment, "send two, then some of a vast one", "");
    child.expect("sending");
    child.kill();
    assert_eq!(receiver.recv().unwrap(), 1);
    assert_eq!(receiver.recv().unwrap(), 2);
    for _ in 0..2 {
        let end = receiver.recv_timeout(PATIENCE);
        assert!(crashed(&end), "{end:?}");
        assert!(crashed(&receiver.try_recv()));
        assert!(receiver.poll().unwrap());
    }
    // The next sender's first message ends what was begun.
    let mut sender = pipe.sender().unwrap();
    assert!(matches!(receiver.try_recv(), Err(RecvError::Empty)));
    sender.send(&4).unwrap();
    assert_eq!(receiver.recv().unwrap(), 4);
}

#[test]
fn a_receivers_successor_begins_at_the_beginning_of_a_message() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut sender = pipe.sender().unwrap();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            // It stands in the pipe when the receiver dies.
            let cut = sender.send_bytes(&vec![1; 1 << 26]);
            assert!(
                matches!(cut, Err(SendError::Disconnected { crashed: true })),
                "{cut:?}"
            );
        });
        let mut child = Child::start(&segment, "receive some of a vast one", "");
        child.expect("received in part");
        child.kill();
        sending.join().unwrap();
    });
    let mut receiver = pipe.receiver().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sender.send(&2).unwrap();
            sender.send_bytes(&stripes(3, VAST)).unwrap();
        });
        assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), 2);
        assert_eq!(number_of(&receiver.recv_bytes().unwrap()), 3);
    });
}

#[test]
fn who_sleeps_learns_soon_that_the_other_end_died() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut child = Child::start(&segment, "hold the sender", "");
    child.expect("held");
    let mut receiver = pipe.receiver().unwrap();
    let sleeper = std::thread::spawn(move || {
        let end = receiver.recv_timeout(PATIENCE);
        assert!(crashed(&end), "{end:?}");
    });
    child.kill();
    sleeper.join().unwrap();

    let mut child = Child::start(&segment, "hold the receiver", "");
    child.expect("held");
    let mut sender = pipe.sender().unwrap();
    let sleeper = std::thread::spawn(move || sender.send_bytes_timeout(&[0; VAST], PATIENCE));
    child.kill();
    let end = sleeper.join().unwrap();
    assert!(
        matches!(end, Err(SendError::Disconnected { crashed: true })),
        "{end:?}"
    );
}

#[test]
fn a_dead_receiver_is_a_broken_pipe_though_there_is_room() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut sender = pipe.sender().unwrap();
    let mut child = Child::start(&segment, "hold the receiver", "");
    child.expect("held");
    sender.send(&1).unwrap();
    child.kill();
    // Not later than the next question to the kernel.
    let refused = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        sender.send_bytes(&[]).err()
    });
    assert!(
        matches!(refused, Some(SendError::Disconnected { crashed: true })),
        "{refused:?}"
    );
    // Its successor gets what it had not received.
    assert_eq!(pipe.receiver().unwrap().recv().unwrap(), 1);
}

fn senders_killed_at_random(len: usize) {
    let segment = Segment::anonymous().unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut receiver = pipe.receiver().unwrap();
    let mut last = 0;
    for round in 1..=KILLS {
        let mut child = Child::start(&segment, "send stripes for ever", &len.to_string());
        child.expect("sending");
        let enough = last + 7 * round;
        while last < enough {
            let number = number_of(&receiver.recv_bytes_timeout(PATIENCE).unwrap());
            assert!(
                number == last || number == last + 1,
                "{number} after {last}"
            );
            last = number;
        }
        child.kill();
        loop {
            match receiver.recv_bytes_timeout(PATIENCE) {
                Ok(bytes) => {
                    assert_eq!(number_of(&bytes), last + 1);
                    last += 1;
                }
                Err(RecvError::Disconnected { crashed: true }) => break,
                Err(e) => panic!("{e}"),
            }
        }
        // All that it counted came out, and one more at most.
        let sent = count.get(0).unwrap();
        assert!(last == sent || last == sent + 1, "{last} came of {sent}");
    }
}

#[test]
fn senders_killed_at_random_tear_and_lose_nothing() {
    senders_killed_at_random(700);
}

#[test]
fn senders_killed_in_vast_messages_tear_and_lose_nothing() {
    senders_killed_at_random(VAST);
}

#[test]
fn receivers_killed_at_random_lose_nothing_that_fits() {
    let segment = Segment::anonymous().unwrap();
    let count = AtomicArray::<u64>::create(&segment, "count", 1).unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut sender = pipe.sender().unwrap();
    let mut next = 0;
    for round in 1..=KILLS {
        let mut child = Child::start(&segment, "receive stripes for ever", "");
        child.expect("receiving");
        let enough = next + 31 * round;
        while next < enough {
            next += 1;
            let bytes = stripes(next, 300);
            sender.send_bytes_timeout(&bytes, PATIENCE).unwrap();
        }
        child.kill();
        let counted = count.get(0).unwrap();
        let mut receiver = pipe.receiver().unwrap();
        let mut last = None;
        while let Ok(bytes) = receiver.try_recv_bytes() {
            let number = number_of(&bytes);
            // The last may have been received and not counted.
            let follows = last.map_or(number <= counted + 2, |last| number == last + 1);
            assert!(
                follows && number > counted,
                "{number} after {last:?}, {counted}"
            );
            last = Some(number);
        }
        let received = last.unwrap_or(counted);
        assert!(received == next || received + 1 == next && last.is_none());
    }
}

#[test]
fn a_forked_child_does_not_have_its_parents_ends() {
    let (mut sender, receiver) = one_way::<u64>().unwrap();
    sender.send(&1).unwrap();
    let mut ends = Some((sender, receiver));
    let code = in_fork(|| {
        let (sender, receiver) = ends.as_mut().unwrap();
        let refused = sender.send(&2);
        if !matches!(&refused, Err(SendError::Broken(e)) if e.kind() == ErrorKind::NotOwner) {
            return 1;
        }
        // Nobody had it: it is the child's from now on.
        match receiver.recv() {
            Ok(1) => {}
            _ => return 2,
        }
        drop(ends.take());
        0
    });
    assert_eq!(code, 0);
    let (mut sender, mut receiver) = ends.unwrap();
    // The child has left its end in order: it is free again.
    assert!(matches!(
        sender.send(&2),
        Err(SendError::Disconnected { crashed: false })
    ));
    assert!(matches!(receiver.try_recv(), Err(RecvError::Empty)));
    sender.send(&3).unwrap();
    assert_eq!(receiver.recv().unwrap(), 3);
}

#[test]
fn a_child_keeps_what_is_its_own_when_it_drops_its_parents() {
    let pipe = Pipe::<u64>::new(SMALL).unwrap();
    let theirs = Cell::new(Some((pipe.sender().unwrap(), pipe.receiver().unwrap())));
    let child = forked(|| {
        let (mut sender, mut receiver) = loop {
            if let (Ok(sender), Ok(receiver)) = (pipe.sender(), pipe.receiver()) {
                break (sender, receiver);
            }
        };
        drop(theirs.take());
        if pipe.sender().is_ok() || pipe.receiver().is_ok() {
            return 1;
        }
        let sent = sender.send(&7).is_ok() && sender.send(&8).is_ok();
        u8::from(!sent || receiver.recv().unwrap() != 7)
    });
    drop(theirs.take());
    assert_eq!(child.code(), 0);
    assert_eq!(pipe.receiver().unwrap().recv().unwrap(), 8);
}

#[test]
fn of_several_the_ready_ones_are_told() {
    let segment = Segment::anonymous().unwrap();
    let spsc = Spsc::<u64>::create(&segment, "spsc", 4).unwrap();
    let (mut producer, mut consumer) = (spsc.producer().unwrap(), spsc.consumer().unwrap());
    let (mut first, mut from_first) = one_way::<u64>().unwrap();
    let (mut second, mut from_second) = pipe::<String>().unwrap();
    let start = Instant::now();
    let mut ends: [&mut dyn Waitable; 3] = [&mut from_first, &mut consumer, &mut from_second];
    assert_eq!(queue::try_wait(&mut ends).unwrap(), []);
    assert_eq!(queue::wait_timeout(&mut ends, BRIEFLY).unwrap(), []);
    assert!(start.elapsed() >= BRIEFLY);
    first.send(&1).unwrap();
    assert_eq!(queue::wait(&mut ends).unwrap(), [0]);
    second.send(&"two".to_owned()).unwrap();
    producer.push(3).unwrap();
    // Nothing is used up by looking.
    for _ in 0..2 {
        assert_eq!(queue::wait(&mut ends).unwrap(), [0, 1, 2]);
    }
    assert_eq!(from_first.recv().unwrap(), 1);
    assert_eq!(consumer.pop().unwrap(), 3);
    assert_eq!(from_second.recv().unwrap(), "two");
    drop((first, second, producer));
    let mut ends: [&mut dyn Waitable; 3] = [&mut from_first, &mut consumer, &mut from_second];
    assert_eq!(
        queue::try_wait(&mut ends).unwrap(),
        [0, 1, 2],
        "ends of file"
    );
    assert_eq!(queue::wait(&mut []).unwrap(), []);
}

#[test]
fn who_sleeps_for_several_is_woken_by_each() {
    let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
        (0..5).map(|_| one_way::<u64>().unwrap()).unzip();
    // A wake of the sleeper, or a slice: both end well before the patience does.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200 {
                let at = round % senders.len();
                senders[at].send(&(round as u64)).unwrap();
                std::thread::sleep(Duration::from_micros(round as u64 * 7 % 300));
            }
        });
        let mut came = 0;
        while came < 200 {
            let mut ends: Vec<&mut dyn Waitable> =
                receivers.iter_mut().map(|end| end as _).collect();
            let ready = queue::wait_timeout(&mut ends, PATIENCE).unwrap();
            assert!(!ready.is_empty());
            for at in ready {
                receivers[at].recv().unwrap();
                came += 1;
            }
        }
    });
}

#[test]
fn who_sleeps_for_several_learns_of_a_death_among_them() {
    let segment = Segment::anonymous().unwrap();
    let pipe = Pipe::<u64>::create(&segment, "pipe", SMALL).unwrap();
    let mut child = Child::start(&segment, "hold the sender", "");
    child.expect("held");
    let mut watched = pipe.receiver().unwrap();
    // More than the kernel watches at once.
    let others: Vec<_> = (0..140)
        .map(|nth| Pipe::<u64>::create(&segment, &format!("other {nth}"), 1).unwrap())
        .collect();
    let mut quiet: Vec<_> = others.iter().map(|pipe| pipe.receiver().unwrap()).collect();
    for count in [0, 3, 140] {
        let mut ends: Vec<&mut dyn Waitable> = Vec::new();
        ends.extend(quiet.iter_mut().take(count).map(|end| end as _));
        ends.push(&mut watched);
        assert_eq!(queue::wait_timeout(&mut ends, BRIEFLY).unwrap(), []);
    }
    let sleeper = std::thread::spawn(move || {
        let mut ends: Vec<&mut dyn Waitable> = quiet.iter_mut().map(|end| end as _).collect();
        ends.push(&mut watched);
        let ready = queue::wait_timeout(&mut ends, PATIENCE).unwrap();
        assert_eq!(ready, [140]);
        assert!(crashed(&watched.try_recv()));
    });
    child.kill();
    sleeper.join().unwrap();
}
