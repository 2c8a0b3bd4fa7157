//! Items from one side to another, and back.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::pinning::cores;
use crate::sides::{Body, Gate, Race};

/// Bytes of an item that travels by value; larger ones are copied from place to place.
pub const SMALL: usize = 64;

/// The end that items go into.
pub trait Transmit<T> {
    /// Copies an item in; `false` where there is no room.
    fn push(&mut self, from: &T) -> bool;
}

/// The end that items come out of.
pub trait Receive<T> {
    /// Copies an item out; `false` where there is none.
    fn pop(&mut self, into: &mut T) -> bool;
}

/// An item that knows its number.
pub trait Item: bytemuck::Pod + Send {
    fn set(&mut self, number: u64);
    fn number(&self) -> u64;
}

impl Item for u64 {
    fn set(&mut self, number: u64) {
        *self = number;
    }
    fn number(&self) -> u64 {
        *self
    }
}

impl<const N: usize> Item for [u64; N] {
    fn set(&mut self, number: u64) {
        self[0] = number;
        self[N - 1] = number;
    }
    fn number(&self) -> u64 {
        assert_eq!(self[0], self[N - 1], "torn");
        self[0]
    }
}

/// Runs the sides: `sides::processes` or `sides::threads`.
pub type Runner = for<'a> fn(Vec<Body<'a>>) -> Result<Race, String>;

/// Polls before a side lets others run; set before the sides start.
static PATIENCE: AtomicU32 = AtomicU32::new(0);

/// With a core for every side nobody gives his away: a side that does runs in bursts, and is
/// measured as if it were alone.
pub fn share_cores(sides: usize) {
    let patience = if sides > cores().len() { 64 } else { 1 << 16 };
    PATIENCE.store(patience, Ordering::Relaxed);
}

/// Waits for the other side: on the processor at first, then lets others run.
#[inline]
pub fn until(mut is_done: impl FnMut() -> bool) {
    let mut polls = 0;
    while !is_done() {
        if polls < PATIENCE.load(Ordering::Relaxed) {
            polls += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

fn item<T: Item>() -> Box<T> {
    bytemuck::allocation::zeroed_box()
}

/// Pushes `count` numbered items.
pub fn feed<T: Item>(end: &mut impl Transmit<T>, numbers: std::ops::Range<u64>) {
    let mut item = item::<T>();
    for number in numbers {
        item.set(number);
        until(|| end.push(&item));
    }
}

/// Pops `count` items; `check` is given their numbers.
pub fn drain<T: Item>(end: &mut impl Receive<T>, count: u64, mut check: impl FnMut(u64, u64)) {
    let mut item = item::<T>();
    for nth in 0..count {
        until(|| end.pop(&mut item));
        check(nth, item.number());
    }
}

/// One side sends `count` items, the other receives them in order: nanoseconds per item.
pub fn one_way<T: Item, X: Transmit<T>, R: Receive<T>>(
    run: Runner,
    open_sending: impl FnOnce() -> X + Send,
    open_receiving: impl FnOnce() -> R + Send,
    count: u64,
) -> Result<f64, String> {
    custom(
        run,
        open_sending,
        open_receiving,
        |end| feed::<T>(end, 0..count),
        |end| drain::<T>(end, count, |nth, number| assert_eq!(nth, number)),
        count,
    )
}

/// As [`one_way`], with loops of the caller's own.
pub fn custom<X, R>(
    run: Runner,
    open_sending: impl FnOnce() -> X + Send,
    open_receiving: impl FnOnce() -> R + Send,
    feed: impl FnOnce(&mut X) + Send,
    drain: impl FnOnce(&mut R) + Send,
    count: u64,
) -> Result<f64, String> {
    let race = run(vec![
        Box::new(move |gate: &Gate<'_>| {
            let mut end = open_sending();
            gate.start();
            feed(&mut end);
            gate.finish();
            1
        }),
        Box::new(move |gate: &Gate<'_>| {
            let mut end = open_receiving();
            gate.start();
            drain(&mut end);
            gate.finish();
            1
        }),
    ])?;
    match race.results[..] {
        [1, 1] => Ok(race.nanos / count as f64),
        _ => Err("a side did not finish".into()),
    }
}

/// One item to and fro `count` times, both sides polling: nanoseconds per round trip.
pub fn round_trip<X, R, Y, S>(
    run: Runner,
    open_near: impl FnOnce() -> (X, R) + Send,
    open_far: impl FnOnce() -> (Y, S) + Send,
    count: u64,
) -> Result<f64, String>
where
    X: Transmit<u64>,
    R: Receive<u64>,
    Y: Transmit<u64>,
    S: Receive<u64>,
{
    let race = run(vec![
        Box::new(move |gate: &Gate<'_>| {
            let (mut sending, mut receiving) = open_near();
            gate.start();
            let mut answer = 0;
            for number in 0..count {
                until(|| sending.push(&number));
                until(|| receiving.pop(&mut answer));
                assert_eq!(answer, number + 1);
            }
            gate.finish();
            1
        }),
        Box::new(move |gate: &Gate<'_>| {
            let (mut sending, mut receiving) = open_far();
            gate.start();
            let mut question = 0;
            for _ in 0..count {
                until(|| receiving.pop(&mut question));
                let answer = question + 1;
                until(|| sending.push(&answer));
            }
            gate.finish();
            1
        }),
    ])?;
    match race.results[..] {
        [1, 1] => Ok(race.nanos / count as f64),
        _ => Err("a side did not finish".into()),
    }
}
