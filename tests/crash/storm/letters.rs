//! The part of the storm that sends messages: a queue that can be joined, and a pipe.

use std::time::Duration;

use outlive::queue::messages::{GetError, PutError};
use outlive::queue::pipe::{Pipe, Receiver, RecvError, SendError, Sender};
use outlive::{AtomicArray, JoinableQueue, Segment};

use super::{DISORDER, HANG, ITEMS, Step, TORN, WORKERS, hung};
use crate::random::Random;

/// Whose, its number, and as many bytes as that says.
type Letter = (u64, u64, Vec<u8>);
const BRIEFLY: Duration = Duration::from_millis(20);
/// Bytes of the pipe: less than the longest letters.
const CAPACITY: usize = 8192;

pub struct Letters {
    tasks: JoinableQueue<Letter>,
    pipe: Pipe<Letter>,
    put: AtomicArray<u8>,
    got: AtomicArray<u8>,
    /// The next number of the queue; of the pipe, the last that was sent and received, and how many
    /// were passed over.
    numbers: AtomicArray<u64>,
}

const NEXT: usize = 0;
const SENT: usize = 1;
const RECEIVED: usize = 2;
const PASSED: usize = 3;

/// What a worker has of the pipe, and what it last saw of each producer of the queue.
#[derive(Default)]
pub struct Ends {
    sender: Option<(Sender<Letter>, u64)>,
    receiver: Option<Receiver<Letter>>,
    seen: [Option<u64>; WORKERS],
}

fn letter(whose: u64, number: u64) -> Letter {
    // Most are short, some longer than what is encoded in one go, a few longer than the pipe.
    let len = match number % 32 {
        0 if number.is_multiple_of(256) => 12_000,
        1..8 => 400,
        _ => number % 60,
    };
    let filled = vec![number as u8; usize::try_from(len).unwrap()];
    (whose, number, filled)
}

fn whole(got: &Letter) -> Step {
    if *got == letter(got.0, got.1) {
        Ok(())
    } else {
        Err(TORN)
    }
}

impl Letters {
    pub fn new(segment: &Segment) -> Self {
        let bytes = |name: &str| AtomicArray::create(segment, name, ITEMS).unwrap();
        Self {
            tasks: JoinableQueue::create(segment, "tasks", 128).unwrap(),
            pipe: Pipe::create(segment, "pipe", CAPACITY).unwrap(),
            put: bytes("letters put"),
            got: bytes("letters got"),
            numbers: AtomicArray::create(segment, "numbers", 4).unwrap(),
        }
    }

    fn number(&self, which: usize) -> u64 {
        self.numbers.get(which).unwrap()
    }

    /// The others go on putting, so nothing comes of it but, perhaps, a hang.
    pub fn joined(&self) -> Step {
        self.tasks.join_timeout(Duration::from_micros(300)).unwrap();
        Ok(())
    }

    /// Puts or takes.
    pub fn exchanged(&self, me: usize, random: &mut Random, ends: &mut Ends) -> Step {
        if random.below(2) == 0 {
            self.put(me)
        } else {
            self.taken(random, ends)
        }
    }

    fn put(&self, me: usize) -> Step {
        let number = self.numbers.fetch_add(NEXT, 1).unwrap();
        if number as usize >= ITEMS {
            return Ok(());
        }
        match self.tasks.put_timeout(&letter(me as u64, number), BRIEFLY) {
            Ok(()) => self.put.set(number as usize, 1).unwrap(),
            Err(PutError::Full) => {}
            Err(e) => return Err(hung("put", &e)),
        }
        Ok(())
    }

    fn taken(&self, random: &mut Random, ends: &mut Ends) -> Step {
        let task = match self.tasks.get_timeout(BRIEFLY) {
            Ok(task) => task,
            Err(GetError::Empty) => return Ok(()),
            Err(e) => return Err(hung("get", &e)),
        };
        whole(&task)?;
        let seen = &mut ends.seen[task.0 as usize];
        // What comes for the first time comes in its producer's order.
        if task.deliveries() == 1 {
            if seen.is_some_and(|seen| seen >= task.1) {
                eprintln!("letter {} after {seen:?}", task.1);
                return Err(DISORDER);
            }
            *seen = Some(task.1);
        }
        if random.below(8) == 0 {
            random.dawdle();
        }
        if random.below(16) == 0 {
            task.nack();
            return Ok(());
        }
        // Before its end: whoever dies first has it delivered again.
        self.got.fetch_add(task.1 as usize, 1).unwrap();
        if random.below(8) == 0 {
            random.dawdle();
        }
        task.task_done();
        Ok(())
    }

    /// As through spsc: the next after the last that was finished, by this worker or a dead one.
    pub fn sent(&self, ends: &mut Ends) -> Step {
        if ends.sender.is_none() {
            let sender = self.pipe.sender().map_err(|e| hung("sender", &e))?;
            let next = self.number(SENT).max(self.number(RECEIVED)) + 1;
            ends.sender = Some((sender, next));
        }
        let Some((sender, next)) = &mut ends.sender else {
            return Ok(());
        };
        match sender.send_timeout(&letter(0, *next), BRIEFLY) {
            Ok(()) => {
                self.numbers.set(SENT, *next).unwrap();
                *next += 1;
            }
            Err(SendError::Full | SendError::Disconnected { .. }) => {}
            Err(e) => return Err(hung("send", &e)),
        }
        Ok(())
    }

    pub fn received(&self, ends: &mut Ends) -> Step {
        if ends.receiver.is_none() {
            let receiver = self.pipe.receiver().map_err(|e| hung("receiver", &e))?;
            ends.receiver = Some(receiver);
        }
        let Some(receiver) = &mut ends.receiver else {
            return Ok(());
        };
        match receiver.recv_timeout(BRIEFLY) {
            Ok(got) => {
                whole(&got)?;
                let last = self.number(RECEIVED);
                self.numbers.set(RECEIVED, got.1).unwrap();
                // Again where its dead sender had not entered it, not at all where its dead receiver
                // had begun it.
                if got.1 + 1 < last {
                    eprintln!("received {} after {last}", got.1);
                    return Err(DISORDER);
                }
                let passed = got.1.saturating_sub(last + 1);
                self.numbers.fetch_add(PASSED, passed).unwrap();
                Ok(())
            }
            Err(RecvError::Empty | RecvError::Disconnected { .. }) => Ok(()),
            Err(e) => Err(hung("recv", &e)),
        }
    }

    /// After the last death and its repair; says what there was.
    pub fn settle(&self, deaths: u64) -> String {
        while !self.tasks.join_timeout(Duration::ZERO).unwrap() {
            let task = self.tasks.get_timeout(HANG).unwrap();
            self.got.fetch_add(task.1 as usize, 1).unwrap();
            task.task_done();
        }
        assert_eq!((self.tasks.unfinished(), self.tasks.len()), (0, 0));
        drop(self.tasks.try_loan(self.tasks.max_message()).unwrap());
        let (put, got) = (self.put.to_vec().unwrap(), self.got.to_vec().unwrap());
        let lost = put
            .iter()
            .zip(&got)
            .filter(|(put, got)| **put > **got)
            .count();
        assert_eq!(lost, 0, "letters that were put never came");
        // Only who died between entering a letter and its end makes it come once more.
        let again: u64 = got.iter().map(|got| u64::from(got.saturating_sub(1))).sum();
        assert!(again <= deaths, "{again} came again, {deaths} deaths");
        let passed = self.number(PASSED);
        assert!(passed <= deaths, "{passed} passed over, {deaths} deaths");
        format!(
            "{} letters, {again} again, {} through the pipe, {passed} passed over",
            got.iter().filter(|got| **got > 0).count(),
            self.number(RECEIVED),
        )
    }
}
