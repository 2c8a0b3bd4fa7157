//! Numbers that go from one side to another, and back.

use super::Times;
use super::schedule::{Log, Schedule, be_punctual, in_company};
use crate::sides::{Body, Gate, processes};
use crate::stream::{Receive, Runner, Transmit, until};

/// Opens an end, in the side that is to have it.
pub type Open<E> = Box<dyn FnOnce() -> Box<E> + Send>;

/// A queue of any kind from one side to another.
pub struct Way {
    /// Whether the sides are processes or threads.
    pub run: Runner,
    pub sending: Open<dyn Transmit<u64>>,
    pub receiving: Open<dyn Receive<u64>>,
}

/// What comes after the last number; all others are times, when they were due.
const END: u64 = u64::MAX;

fn send(end: &mut dyn Transmit<u64>, number: u64) {
    until(|| end.push(&number));
}

fn receive(end: &mut dyn Receive<u64>) -> u64 {
    let mut number = 0;
    until(|| end.pop(&mut number));
    number
}

/// From when a number is to be sent until the other side has it.
pub fn hand_over(schedule: Schedule, way: Way) -> Times {
    let log = Log::new();
    let near: Body<'_> = Box::new(|gate: &Gate<'_>| {
        be_punctual();
        let mut end = (way.sending)();
        gate.start();
        let is_kept = schedule.keep(log.begin(), |due| send(&mut *end, due));
        send(&mut *end, END);
        gate.finish();
        u64::from(is_kept)
    });
    let far: Body<'_> = Box::new(|gate: &Gate<'_>| {
        let mut end = (way.receiving)();
        gate.start();
        let mut last = 0;
        loop {
            let due = receive(&mut *end);
            assert!(due > last, "{due} after {last}");
            last = due;
            if due == END {
                break;
            }
            log.done(due);
        }
        log.end();
        gate.finish();
        1
    });
    race(way.run, schedule, &log, vec![near, far])
}

/// From when a number is to be sent until it has come back.
pub fn round_trip(schedule: Schedule, there: Way, back: Way) -> Times {
    let log = Log::new();
    let near: Body<'_> = Box::new(|gate: &Gate<'_>| {
        be_punctual();
        let (mut sending, mut receiving) = ((there.sending)(), (back.receiving)());
        gate.start();
        let is_kept = schedule.keep(log.begin(), |due| {
            send(&mut *sending, due);
            assert_eq!(receive(&mut *receiving), due);
            log.done(due);
        });
        send(&mut *sending, END);
        log.end();
        gate.finish();
        u64::from(is_kept)
    });
    let far: Body<'_> = Box::new(|gate: &Gate<'_>| {
        let (mut sending, mut receiving) = ((back.sending)(), (there.receiving)());
        gate.start();
        loop {
            let number = receive(&mut *receiving);
            if number == END {
                break;
            }
            send(&mut *sending, number);
        }
        gate.finish();
        1
    });
    race(there.run, schedule, &log, vec![near, far])
}

/// What the clock, the timer and the scheduler cost without any operation.
pub fn nothing(schedule: Schedule) -> Times {
    let log = Log::new();
    let side: Body<'_> = Box::new(|gate: &Gate<'_>| {
        be_punctual();
        gate.start();
        let is_kept = schedule.keep(log.begin(), |due| log.done(due));
        log.end();
        gate.finish();
        u64::from(is_kept)
    });
    race(processes, schedule, &log, vec![side])
}

fn race<'a>(run: Runner, schedule: Schedule, log: &'a Log, sides: Vec<Body<'a>>) -> Times {
    let race = run(in_company(schedule, log, sides))?;
    if race.results[0] != 1 {
        return Err("falls behind the schedule".into());
    }
    log.times()
}
