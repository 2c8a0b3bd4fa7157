//! A queue beside a deque: both are given the same steps, and must agree after each.

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use outlive::queue::{GetError, PopError, PushError, PutError};
use outlive::{Error, Segment};

use crate::hostile::options;

/// An odd size, so that strides are rounded.
pub type Item = [u8; 5];

/// Most steps of one input.
const STEPS: usize = 400;
/// Most waits of one input that may have to time out.
const WAITS: usize = 8;

#[derive(Debug, Arbitrary)]
pub enum Step<Own> {
    Put(Item),
    PutTimed(Item),
    Get,
    GetTimed,
    Close,
    /// What only this kind of queue can do.
    Own(Own),
}

#[derive(Debug, Arbitrary)]
pub struct Input<Own> {
    capacity: u8,
    steps: Vec<Step<Own>>,
}

/// Why a queue refused.
pub enum Refusal {
    /// It is full, or empty.
    NotNow,
    Closed,
    Broken(Error),
}

/// A kind of queue.
pub trait Queue: Sized {
    /// Steps of its own.
    type Own;

    fn create(segment: &Segment, capacity: usize) -> Self;
    fn capacity(&self) -> usize;
    fn try_put(&mut self, item: Item) -> Result<(), Refusal>;
    fn put_timed(&mut self, item: Item) -> Result<(), Refusal>;
    fn try_get(&mut self) -> Result<Item, Refusal>;
    fn get_timed(&mut self) -> Result<Item, Refusal>;
    fn close(&mut self) -> Result<(), Error>;
    fn count(&self) -> usize;
    fn is_full(&self) -> bool;
    fn is_closed(&self) -> bool;
    fn step(&mut self, step: &Self::Own, model: &mut Model);
}

/// The queue as it should be.
pub struct Model {
    pub items: VecDeque<Item>,
    capacity: usize,
    is_closed: bool,
}

impl Model {
    /// Checks an attempt to put `items` in.
    pub fn put(&mut self, items: &[Item], put: Result<(), Refusal>) {
        match put {
            Ok(()) => {
                assert!(!self.is_closed && !self.is_full());
                self.items.extend(items);
                assert!(self.items.len() <= self.capacity);
            }
            Err(Refusal::NotNow) => assert!(self.is_full() && !self.is_closed),
            Err(Refusal::Closed) => assert!(self.is_closed),
            Err(Refusal::Broken(error)) => panic!("{error}"),
        }
    }

    /// Checks an attempt to take an item out.
    pub fn get(&mut self, got: Result<Item, Refusal>) {
        match got {
            Ok(item) => assert_eq!(Some(item), self.items.pop_front()),
            Err(refusal) => self.nothing_got(refusal),
        }
    }

    /// Checks that nothing was there to be had.
    pub fn nothing_got(&self, why: Refusal) {
        assert!(self.items.is_empty());
        match why {
            Refusal::NotNow => assert!(!self.is_closed),
            Refusal::Closed => assert!(self.is_closed),
            Refusal::Broken(error) => panic!("{error}"),
        }
    }

    fn is_full(&self) -> bool {
        self.items.len() == self.capacity
    }
}

/// Plays `input` to a queue and to the model.
pub fn play<Q: Queue>(input: &Input<Q::Own>) {
    let segment = options().size(64 << 10).anonymous().expect("a segment");
    let asked = usize::from(input.capacity).max(1);
    let mut queue = Q::create(&segment, asked);
    let capacity = queue.capacity();
    assert!(capacity >= asked);
    let mut model = Model {
        items: VecDeque::new(),
        capacity,
        is_closed: false,
    };
    let mut waits = 0..WAITS;
    for step in input.steps.iter().take(STEPS) {
        match step {
            Step::PutTimed(item) if waits.next().is_some() => {
                model.put(&[*item], queue.put_timed(*item));
            }
            Step::Put(item) | Step::PutTimed(item) => model.put(&[*item], queue.try_put(*item)),
            Step::GetTimed if waits.next().is_some() => model.get(queue.get_timed()),
            Step::Get | Step::GetTimed => model.get(queue.try_get()),
            Step::Close => {
                queue.close().expect("joined");
                model.is_closed = true;
            }
            Step::Own(step) => queue.step(step, &mut model),
        }
        assert_eq!(queue.count(), model.items.len());
        assert_eq!(queue.is_full(), model.is_full());
        assert_eq!(queue.is_closed(), model.is_closed);
    }
}

impl From<PutError> for Refusal {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Full => Self::NotNow,
            PutError::Closed => Self::Closed,
            PutError::Broken(error) => Self::Broken(error),
        }
    }
}

impl From<GetError> for Refusal {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Empty => Self::NotNow,
            GetError::Closed => Self::Closed,
            GetError::Broken(error) => Self::Broken(error),
        }
    }
}

/// Nobody dies here, so nobody is to be said to have crashed.
fn left(crashed: bool) -> Refusal {
    assert!(!crashed);
    Refusal::Closed
}

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::NotNow,
            PushError::Disconnected { crashed } => left(crashed),
            PushError::Broken(error) => Self::Broken(error),
        }
    }
}

impl From<PopError> for Refusal {
    fn from(error: PopError) -> Self {
        match error {
            PopError::Empty => Self::NotNow,
            PopError::Disconnected { crashed } => left(crashed),
            PopError::Broken(error) => Self::Broken(error),
        }
    }
}
