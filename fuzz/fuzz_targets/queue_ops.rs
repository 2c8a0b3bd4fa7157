//! One process's use of a queue of messages that can be joined, beside a deque; the room that is
//! taken is counted beside it too.

#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::JoinableQueue;
use outlive::queue::messages::{GetError, Loan, PutError, Raw, Received, Task};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

const STEPS: usize = 300;
/// Most waits of one input that may have to time out.
const WAITS: usize = 8;

#[derive(Debug, Arbitrary)]
enum Step {
    Put(u8, u16),
    PutTimed(u8, u16),
    Get,
    GetTimed,
    GetTask,
    TaskDone(u8),
    GiveTaskBack(u8),
    JoinTimed,
    Receive,
    Ack(u8),
    Nack(u8),
    Loan(u8, u16),
    Send(u8),
    GiveUp(u8),
    Close,
}

#[derive(Debug, Arbitrary)]
struct Input {
    items: u8,
    bytes: u16,
    steps: Vec<Step>,
}

/// A message: its number, what it is filled with, its length, how often it was taken.
type Known = (u64, u8, usize, u32);

#[derive(Default)]
struct Model {
    order: VecDeque<Known>,
    returned: Vec<Known>,
    next: u64,
    closed: bool,
    /// Units of all messages and loans.
    taken: usize,
}

fn units(len: usize) -> usize {
    (len + 24).div_ceil(64)
}

impl Model {
    fn published(&mut self, fill: u8, len: usize) {
        self.order.push_back((self.next, fill, len, 0));
        self.next += 1;
    }

    /// What was put and is not done, so many of it taken.
    fn unfinished(&self, taken: usize) -> usize {
        self.order.len() + self.returned.len() + taken
    }

    /// What is to be delivered next.
    fn take(&mut self) -> Option<Known> {
        self.returned.sort_unstable();
        let mut known = if self.returned.is_empty() {
            self.order.pop_front()?
        } else {
            self.returned.remove(0)
        };
        known.3 += 1;
        Some(known)
    }
}

fn fits(bytes: &[u8], (_, fill, len, _): Known) {
    assert!(bytes.len() == len && bytes.iter().all(|byte| *byte == fill));
}

fn at<T>(list: &mut Vec<T>, index: u8) -> Option<T> {
    let len = list.len().max(1);
    (!list.is_empty()).then(|| list.remove(usize::from(index) % len))
}

fuzz_target!(|input: Input| {
    let segment = options().size(128 << 10).anonymous().expect("a segment");
    let (items, area) = (usize::from(input.items).max(1), usize::from(input.bytes));
    let queue: JoinableQueue<Vec<u8>, Raw> = JoinableQueue::options(items)
        .bytes(area)
        .codec::<Raw>()
        .create(&segment, "queue")
        .expect("room");
    let all_units = queue.bytes() / 64;
    let mut model = Model::default();
    let mut held: Vec<(Received<'_>, Known)> = Vec::new();
    let mut loans: Vec<(Loan<'_>, u8)> = Vec::new();
    let mut tasks: Vec<(Task<'_, Vec<u8>>, Known)> = Vec::new();
    let mut waits = 0..WAITS;
    let refused = |model: &Model, loans: usize, len: usize, why: &PutError| match why {
        // There may be room, but in pieces; never where nothing is taken.
        PutError::Full => {
            assert!(!model.closed);
            assert!(
                model.order.len() + loans >= items || model.taken > 0,
                "{len}"
            );
        }
        PutError::Closed => assert!(model.closed),
        PutError::TooLarge { needs, limit } => assert!(*needs == len && len > *limit),
        PutError::Unencodable(_) | PutError::Broken(_) => panic!("{why}"),
    };
    for step in input.steps.iter().take(STEPS) {
        match step {
            Step::Put(fill, len) | Step::PutTimed(fill, len) => {
                let len = usize::from(*len);
                let message = vec![*fill; len];
                let put = match step {
                    Step::PutTimed(..) if waits.next().is_some() => {
                        queue.put_timeout(&message, SHORT)
                    }
                    _ => queue.try_put(&message),
                };
                match put {
                    Ok(()) => {
                        model.published(*fill, len);
                        model.taken += units(len);
                    }
                    Err(why) => refused(&model, loans.len(), len, &why),
                }
            }
            Step::Get | Step::GetTimed => {
                let got = match step {
                    Step::GetTimed if waits.next().is_some() => queue.get_timeout(SHORT),
                    _ => queue.try_get(),
                };
                match (got, model.take()) {
                    (Ok(bytes), Some(known)) => {
                        fits(&bytes.task_done(), known);
                        model.taken -= units(known.2);
                    }
                    (Err(GetError::Empty), None) => assert!(!model.closed),
                    (Err(GetError::Closed), None) => assert!(model.closed),
                    (got, known) => panic!("{got:?} {known:?}"),
                }
            }
            Step::GetTask => match (queue.try_get(), model.take()) {
                (Ok(task), Some(known)) => {
                    assert_eq!(task.deliveries(), known.3);
                    tasks.push((task, known));
                }
                (Err(_), None) => {}
                (got, known) => panic!("{got:?} {known:?}"),
            },
            Step::TaskDone(index) => {
                if let Some((task, known)) = at(&mut tasks, *index) {
                    fits(&task.task_done(), known);
                    model.taken -= units(known.2);
                }
            }
            Step::GiveTaskBack(index) => {
                if let Some((task, known)) = at(&mut tasks, *index) {
                    task.nack();
                    model.returned.push(known);
                }
            }
            Step::JoinTimed => {
                let unfinished = model.unfinished(held.len() + tasks.len());
                if unfinished == 0 || waits.next().is_some() {
                    let joined = queue.join_timeout(SHORT).expect("joined the segment");
                    assert_eq!(joined, unfinished == 0);
                }
            }
            Step::Receive => match (queue.try_receive_bytes(), model.take()) {
                (Ok(message), Some(known)) => {
                    assert_eq!(message.deliveries(), known.3);
                    held.push((message, known));
                }
                (Err(_), None) => {}
                (got, known) => panic!("{got:?} {known:?}"),
            },
            Step::Ack(index) => {
                if let Some((message, known)) = at(&mut held, *index) {
                    fits(&message.to_vec(), known);
                    model.taken -= units(known.2);
                }
            }
            Step::Nack(index) => {
                if let Some((message, known)) = at(&mut held, *index) {
                    message.nack();
                    model.returned.push(known);
                }
            }
            Step::Loan(fill, len) => {
                let len = usize::from(*len);
                match queue.try_loan(len) {
                    Ok(mut loan) => {
                        loan.write_at(0, &vec![*fill; len]);
                        loans.push((loan, *fill));
                        model.taken += units(len);
                    }
                    Err(why) => refused(&model, loans.len(), len, &why),
                }
            }
            Step::Send(index) => {
                if let Some((loan, fill)) = at(&mut loans, *index) {
                    let len = loan.len();
                    match loan.send() {
                        Ok(()) => model.published(fill, len),
                        Err(why) => {
                            refused(&model, loans.len() + 1, len, &why);
                            model.taken -= units(len);
                        }
                    }
                }
            }
            Step::GiveUp(index) => {
                if let Some((loan, _)) = at(&mut loans, *index) {
                    model.taken -= units(loan.len());
                }
            }
            Step::Close => {
                queue.close().expect("joined");
                model.closed = true;
            }
        }
        assert_eq!(queue.len(), model.order.len() + model.returned.len());
        let unfinished = model.unfinished(held.len() + tasks.len());
        assert_eq!(queue.unfinished(), unfinished);
        assert_eq!(queue.try_join().expect("a seat"), unfinished == 0);
        assert_eq!(queue.is_full(), model.order.len() + loans.len() >= items);
        assert!(model.taken <= all_units);
    }
    // All held is given back, all is taken out: then all of the room is in one piece.
    drop((held, loans, tasks));
    while queue.try_get().is_ok() {}
    if !model.closed {
        drop(queue.try_loan(queue.max_message()).expect("room"));
    }
});
