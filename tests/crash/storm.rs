//! The storm: a crowd hammers every object of one segment while its members are SIGKILLed, one
//! every few milliseconds, whatever they are doing: owners, waiters and bystanders.
//!
//! `OUTLIVE_STORM_KILLS` says how many kills (default 300), `OUTLIVE_STORM_SEED` repeats a run.

#![expect(
    clippy::cast_possible_truncation,
    reason = "counts of this test are small"
)]
#![expect(
    clippy::print_stderr,
    reason = "a worker has no other way to say what it found"
)]

mod letters;
mod meetings;

use std::time::{Duration, Instant};

use outlive::queue::{GetError, PopError, PushError, PutError};
use outlive::queue::{mpmc, spsc};
use outlive::sync::LockError;
use outlive::{Array, AtomicArray, Lock, Segment, SegmentOptions, Semaphore, Value};

use crate::crowd::{End, Forked};
use crate::random::Random;
use letters::{Ends, Letters};
use meetings::Meetings;

/// Longest that anything may take while members of the crowd die.
const HANG: Duration = Duration::from_secs(1);
const WORKERS: usize = 4;
const PERMITS: u32 = 2;
/// Items that both queues can carry in one storm, each accounted for by its number.
const ITEMS: usize = 4 << 20;

// What a worker reports by its exit code.
const HUNG: u8 = 3;
const TORN: u8 = 4;
const TWO_OWNERS: u8 = 5;
const DISORDER: u8 = 6;
const FAULTS: [&str; 7] = ["", "", "", "hung", "torn", "two owners", "disorder"];

pub const LAWS: &[crate::Law] = &[("storm::everything_outlives_everybody", everything)];

/// What the crowd hammers, and the books by which it is checked.
struct World {
    segment: Segment,
    lock: Lock,
    /// Two numbers that are equal whenever the lock is free, and who is inside.
    pair: AtomicArray<u64>,
    semaphore: Semaphore,
    record: Value<[u64; 8]>,
    count: Value<u64>,
    array: Array<u64>,
    mpmc: mpmc::Mpmc<u64>,
    spsc: spsc::Spsc<u64>,
    meetings: Meetings,
    letters: Letters,
    books: Books,
}

/// Per worker or per item; a finished step is entered after it, so a death can hide one of each.
struct Books {
    beats: AtomicArray<u64>,
    records: AtomicArray<u64>,
    counts: AtomicArray<u64>,
    arrays: AtomicArray<u64>,
    put: AtomicArray<u8>,
    got: AtomicArray<u8>,
    next_put: AtomicArray<u64>,
    last_popped: AtomicArray<u64>,
}

impl World {
    fn new() -> Self {
        let segment = SegmentOptions::new()
            .size(64 << 20)
            .participants(16)
            .anonymous()
            .unwrap();
        let array = |name: &str, len| AtomicArray::create(&segment, name, len).unwrap();
        let bytes = |name: &str| AtomicArray::create(&segment, name, ITEMS).unwrap();
        Self {
            lock: Lock::create(&segment, "lock").unwrap(),
            pair: array("pair", 3),
            semaphore: Semaphore::create(&segment, "semaphore", PERMITS).unwrap(),
            record: Value::create(&segment, "record", [0; 8]).unwrap(),
            count: Value::create(&segment, "count", 0).unwrap(),
            array: Array::create(&segment, "array", 32).unwrap(),
            mpmc: mpmc::Mpmc::create(&segment, "mpmc", 64).unwrap(),
            spsc: spsc::Spsc::create(&segment, "spsc", 64).unwrap(),
            meetings: Meetings::new(&segment),
            letters: Letters::new(&segment),
            books: Books {
                beats: array("beats", WORKERS),
                records: array("records", WORKERS),
                counts: array("counts", WORKERS),
                arrays: array("arrays", WORKERS),
                put: bytes("put"),
                got: bytes("got"),
                next_put: array("next put", 1),
                last_popped: array("last popped", 2),
            },
            segment,
        }
    }
}

/// A worker's life: steps at random until it is killed, or told to stop.
fn life(world: &World, me: usize, seed: u64) -> u8 {
    let mut random = Random::new(seed);
    let mut producer = None;
    let mut consumer = None;
    let mut ends = Ends::default();
    loop {
        // Seldom what waits for the others: most of the kills are to meet somebody busy.
        let step = match random.below(256) {
            0 => world.meetings.heard(),
            1 => world.meetings.noticed(),
            2 => world.meetings.met(),
            3 => world.letters.joined(),
            busy => match busy % 12 {
                0 => locked(world, me as u64 + 1),
                1 => permitted(world, &mut random),
                2 => recorded(world, me),
                3 => counted(world, me),
                4 => arrayed(world, me),
                5 => exchanged(world, &mut random),
                6 => world.meetings.told(&mut random),
                7 => world.meetings.read_and_written(me, &mut random),
                8 => world.letters.exchanged(me, &mut random, &mut ends),
                _ => match me {
                    0 => pushed(world, &mut producer),
                    1 => popped(world, &mut consumer),
                    2 => world.letters.sent(&mut ends),
                    _ => world.letters.received(&mut ends),
                },
            },
        };
        if let Err(code) = step {
            return code;
        }
        world.books.beats.fetch_add(me, 1).unwrap();
    }
}

type Step = Result<(), u8>;

/// Says where it went wrong.
fn hung(what: &str, error: &dyn std::fmt::Debug) -> u8 {
    eprintln!("{what}: {error:?}");
    HUNG
}

fn locked(world: &World, me: u64) -> Step {
    let pair = |index| world.pair.get(index).unwrap();
    let guard = match world.lock.lock_timeout(HANG) {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(died)) => {
            // The dead one left the pair between its two steps, and is not inside any more.
            world.pair.set(1, pair(0)).unwrap();
            world.pair.set(2, 0).unwrap();
            died.repaired()
        }
        Err(e) => return Err(hung("lock", &e)),
    };
    if world.pair.swap(2, me).unwrap() != 0 {
        return Err(TWO_OWNERS);
    }
    let (a, b) = (pair(0), pair(1));
    if a != b {
        return Err(TORN);
    }
    world.pair.set(0, a + 1).unwrap();
    world.pair.set(1, b + 1).unwrap();
    let alone = world.pair.swap(2, 0).unwrap() == me;
    drop(guard);
    if alone { Ok(()) } else { Err(TWO_OWNERS) }
}

fn permitted(world: &World, random: &mut Random) -> Step {
    let permit = world
        .semaphore
        .acquire_timeout(HANG)
        .map_err(|e| hung("semaphore", &e))?;
    random.dawdle();
    drop(permit);
    Ok(())
}

fn recorded(world: &World, me: usize) -> Step {
    let whole = |all: &[u64; 8]| all.iter().all(|one| *one == all[0]);
    if !whole(&world.record.get().unwrap()) {
        return Err(TORN);
    }
    let was_whole = world
        .record
        .update(|all| {
            let was_whole = whole(all);
            for one in all {
                *one += 1;
            }
            was_whole
        })
        .unwrap();
    world.books.records.fetch_add(me, 1).unwrap();
    if was_whole { Ok(()) } else { Err(TORN) }
}

fn counted(world: &World, me: usize) -> Step {
    world.count.fetch_add(1).unwrap();
    world.books.counts.fetch_add(me, 1).unwrap();
    Ok(())
}

fn arrayed(world: &World, me: usize) -> Step {
    let was_whole = world
        .array
        .update(0..32, |all| {
            let was_whole = all.iter().all(|one| *one == all[0]);
            for one in all {
                *one += 1;
            }
            was_whole
        })
        .unwrap();
    world.books.arrays.fetch_add(me, 1).unwrap();
    if was_whole { Ok(()) } else { Err(TORN) }
}

fn exchanged(world: &World, random: &mut Random) -> Step {
    if random.below(2) == 0 {
        let item = world.books.next_put.fetch_add(0, 1).unwrap();
        if item as usize >= ITEMS {
            return Ok(());
        }
        match world.mpmc.put_timeout(item, Duration::from_millis(20)) {
            Ok(()) => world.books.put.set(item as usize, 1).unwrap(),
            Err(PutError::Full) => {}
            Err(_) => return Err(HUNG),
        }
    } else {
        match world.mpmc.get_timeout(Duration::from_millis(20)) {
            Ok(item) => drop(world.books.got.fetch_add(item as usize, 1).unwrap()),
            Err(GetError::Empty) => {}
            Err(_) => return Err(HUNG),
        }
    }
    Ok(())
}

/// Numbers without a gap: the next after the last that was published, by this worker or a dead one.
fn pushed(world: &World, end: &mut Option<(spsc::Producer<u64>, u64)>) -> Step {
    if end.is_none() {
        let producer = world.spsc.producer().map_err(|e| hung("producer", &e))?;
        // Everything published is in the queue or was popped.
        let popped = world.books.last_popped.get(0).unwrap();
        let next = world.books.last_popped.get(1).unwrap().max(popped) + 1;
        *end = Some((producer, next));
    }
    let Some((producer, next)) = end else {
        return Ok(());
    };
    match producer.push_timeout(*next, Duration::from_millis(20)) {
        Ok(()) => {
            world.books.last_popped.set(1, *next).unwrap();
            *next += 1;
        }
        Err(PushError::Full | PushError::Disconnected { .. }) => {}
        Err(PushError::Broken(e)) => return Err(hung("push", &e)),
    }
    Ok(())
}

fn popped(world: &World, end: &mut Option<spsc::Consumer<u64>>) -> Step {
    if end.is_none() {
        *end = Some(world.spsc.consumer().map_err(|e| hung("consumer", &e))?);
    }
    let Some(consumer) = end else { return Ok(()) };
    match consumer.pop_timeout(Duration::from_millis(20)) {
        Ok(item) => {
            let last = world.books.last_popped.get(0).unwrap();
            world.books.last_popped.set(0, item).unwrap();
            // One more than the last. A dead consumer may have popped one that it did not enter; a
            // dead producer may have published one that it did not enter, which is pushed again.
            if item + 1 < last || item > last + 2 {
                eprintln!("popped {item} after {last}");
                return Err(DISORDER);
            }
        }
        Err(PopError::Empty | PopError::Disconnected { .. }) => {}
        Err(PopError::Broken(e)) => return Err(hung("pop", &e)),
    }
    Ok(())
}

fn everything() {
    let kills: u64 = number("OUTLIVE_STORM_KILLS").unwrap_or(300);
    let seed = number("OUTLIVE_STORM_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("storm of {kills} kills, seed {seed}");
    let mut random = Random::new(seed);
    let world = World::new();
    let start = |me: usize, seed| Forked::start(|| life(&world, me, seed));
    let mut crowd: Vec<_> = (0..WORKERS).map(|me| start(me, random.next())).collect();
    let mut pulse = Pulse::new();
    for kill in 0..kills {
        std::thread::sleep(Duration::from_micros(500 + random.below(3000)));
        let victim = random.below(WORKERS as u64) as usize;
        for (me, worker) in crowd.iter_mut().enumerate() {
            if let Some(end) = worker.ended() {
                let what = match end {
                    End::Exited(code) => FAULTS.get(code as usize).copied().unwrap_or("panicked"),
                    End::Killed => "killed by somebody else",
                };
                panic!("worker {me}: {what}, after {kill} kills, seed {seed}");
            }
        }
        pulse.check(&world, seed);
        world.meetings.call(kill);
        crowd[victim].kill();
        crowd[victim] = start(victim, random.next());
        pulse.excuse(victim);
        // Somebody has to keep the registry free of the dead; here the parent, now and then.
        if kill % 16 == 0 {
            world.segment.reap().unwrap();
        }
    }
    crowd.iter_mut().for_each(Forked::kill);
    settle(&world, kills + WORKERS as u64);
}

/// Whether every worker gets on.
struct Pulse {
    last: [(u64, Instant); WORKERS],
}

impl Pulse {
    fn new() -> Self {
        Self {
            last: [(0, Instant::now()); WORKERS],
        }
    }
    fn excuse(&mut self, worker: usize) {
        self.last[worker].1 = Instant::now();
    }
    fn check(&mut self, world: &World, seed: u64) {
        for (me, last) in self.last.iter_mut().enumerate() {
            let beats = world.books.beats.get(me).unwrap();
            if beats != last.0 {
                *last = (beats, Instant::now());
            }
            let still = last.1.elapsed();
            assert!(
                still < 2 * HANG,
                "worker {me} hangs since {still:?}, seed {seed}"
            );
        }
    }
}

/// After the last death: nothing is held, and every number is right.
fn settle(world: &World, deaths: u64) {
    let start = Instant::now();
    world.segment.reap().unwrap();
    assert_eq!(world.segment.participants().len(), 1);
    assert_eq!(world.semaphore.available(), PERMITS);
    drop(
        world
            .lock
            .lock_timeout(HANG)
            .or_else(|e| e.repair(|_| {}))
            .unwrap(),
    );
    let exact = |what, total, entered| exact(what, total, entered, deaths);
    let record = world.record.get().unwrap();
    assert!(record.iter().all(|one| *one == record[0]));
    exact("record", record[0], sum(&world.books.records));
    exact(
        "count",
        world.count.get().unwrap(),
        sum(&world.books.counts),
    );
    let array = world.array.to_vec().unwrap();
    assert!(array.iter().all(|one| *one == array[0]));
    exact("array", array[0], sum(&world.books.arrays));
    let meetings = world.meetings.settle(deaths);
    let letters = world.letters.settle(deaths);
    while let Ok(item) = world.mpmc.try_get() {
        world.books.got.fetch_add(item as usize, 1).unwrap();
    }
    let (put, got) = (
        world.books.put.to_vec().unwrap(),
        world.books.got.to_vec().unwrap(),
    );
    let mut lost = 0;
    let mut again = 0;
    for (item, (put, got)) in put.iter().zip(&got).enumerate() {
        assert!(*got <= 2, "item {item} came {got} times");
        lost += u64::from(*put == 1 && *got == 0);
        again += u64::from(*got == 2);
    }
    // A consumer that dies between `get` and its entry hides one; in `get`, it comes again.
    assert!(
        lost + again <= deaths,
        "{lost} items lost, {again} came again, {deaths} deaths"
    );
    assert!(
        start.elapsed() < 5 * HANG,
        "settling took {:?}",
        start.elapsed()
    );
    println!(
        "settled after {deaths} deaths: {} locked, {} records, {} counts, {} arrays, {} items, \
         {lost} of them unentered, {again} twice, {} through spsc; {meetings}; {letters}",
        world.pair.get(0).unwrap(),
        record[0],
        world.count.get().unwrap(),
        array[0],
        got.iter().filter(|got| **got > 0).count(),
        world.books.last_popped.get(0).unwrap(),
    );
}

fn sum(books: &AtomicArray<u64>) -> u64 {
    books.to_vec().unwrap().iter().sum()
}

/// What was finished has happened, and no more than that but one for each death.
fn exact(what: &str, total: u64, entered: u64, deaths: u64) {
    assert!(
        total >= entered,
        "{what}: {total} happened of {entered} that were finished"
    );
    assert!(
        total <= entered + deaths,
        "{what}: {total} happened, {entered} were finished"
    );
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
