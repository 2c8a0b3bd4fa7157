//! More processes than processors, all of them at every object, for a bounded number of turns.

use outlive::queue::mpmc::Mpmc;
use outlive::{Array, AtomicArray, Lock, Segment, SegmentOptions, Semaphore, Value};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::child::{Child, Role, pause, say};

const MEMBERS: usize = 8;
/// What each of them does to each object.
const TURNS: usize = 4000;
/// Fewer than members, so that some of them wait.
const PERMITS: u32 = 3;
const ROOM: usize = 3;
/// Wider than a word; all elements are equal.
type Wide = [u64; 8];

/// Plain words beside the objects that guard them.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Word {
    /// Two counts that go together, under the lock.
    First,
    Second,
    /// Members with a permit, and a member that saw more of them than there are permits.
    Inside,
    Crowded,
    /// Items taken out, and their sum.
    Taken,
    Sum,
    End,
}

impl Word {
    fn at(self) -> usize {
        self as usize
    }
}

struct World {
    words: AtomicArray<u64>,
    lock: Lock,
    semaphore: Semaphore,
    value: Value<Wide>,
    array: Array<u64>,
    queue: Mpmc<u64>,
}

impl World {
    fn new(segment: &Segment) -> Self {
        Self {
            words: AtomicArray::open_or_create(segment, "words", Word::End.at()).unwrap(),
            lock: Lock::open_or_create(segment, "lock").unwrap(),
            semaphore: Semaphore::open_or_create(segment, "semaphore", PERMITS).unwrap(),
            value: Value::open_or_create(segment, "value", [0; 8]).unwrap(),
            array: Array::open_or_create(segment, "array", MEMBERS + 1).unwrap(),
            queue: Mpmc::open_or_create(segment, "queue", ROOM).unwrap(),
        }
    }

    fn word(&self, word: Word) -> u64 {
        self.words.get(word.at()).unwrap()
    }

    /// One more, in two steps that only a lock keeps together.
    fn count(&self, word: Word) {
        self.words.set(word.at(), self.word(word) + 1).unwrap();
    }

    fn turn(&self, member: usize, turn: usize) {
        {
            let _guard = self.lock.lock().unwrap();
            assert_eq!(self.word(Word::First), self.word(Word::Second));
            self.count(Word::First);
            self.count(Word::Second);
        }
        {
            let _permit = self.semaphore.acquire().unwrap();
            let inside = self.words.fetch_add(Word::Inside.at(), 1).unwrap();
            if inside >= PERMITS.into() {
                self.words.set(Word::Crowded.at(), 1).unwrap();
            }
            self.words.fetch_sub(Word::Inside.at(), 1).unwrap();
        }
        let one_more = |all: &mut Wide| {
            assert!(all.iter().all(|x| *x == all[0]), "torn: {all:?}");
            all.iter_mut().for_each(|x| *x += 1);
        };
        self.value.update(one_more).unwrap();
        {
            let mut elements = self.array.lock().unwrap();
            assert_eq!(elements[..MEMBERS].iter().sum::<u64>(), elements[MEMBERS]);
            elements[member] += 1;
            elements[MEMBERS] += 1;
        }
        // Whoever waits for room is waited for by nobody: those who have put one go and get one.
        let item = member * TURNS + turn;
        self.queue.put(item as u64).unwrap();
        let item = self.queue.get().unwrap();
        self.words.fetch_add(Word::Taken.at(), 1).unwrap();
        self.words.fetch_add(Word::Sum.at(), item).unwrap();
    }

    fn is_exact(&self) {
        let turns = (MEMBERS * TURNS) as u64;
        assert_eq!(
            [self.word(Word::First), self.word(Word::Second)],
            [turns; 2]
        );
        assert_eq!([self.word(Word::Inside), self.word(Word::Crowded)], [0; 2]);
        assert_eq!(self.semaphore.available(), PERMITS);
        assert_eq!(self.value.get().unwrap(), [turns; 8]);
        let mut elements = vec![TURNS as u64; MEMBERS];
        elements.push(turns);
        assert_eq!(self.array.to_vec().unwrap(), elements);
        assert_eq!(self.word(Word::Taken), turns);
        assert_eq!(self.word(Word::Sum), turns * (turns - 1) / 2);
        assert!(self.queue.is_empty());
    }
}

pub const ROLES: &[(&str, Role)] = &[("take turns", |segment, word| {
    let mut numbers = word.split(' ').map(|number| number.parse().unwrap());
    let member = numbers.next().unwrap();
    let mut own = CpuSet::new();
    numbers.for_each(|processor| own.set(processor));
    sched_setaffinity(None, &own).unwrap();
    let world = World::new(segment);
    say("there");
    pause();
    (0..TURNS).for_each(|turn| world.turn(member, turn));
    say("done");
})];

/// The first processors that this test may run on, `most` at the most.
fn processors(most: usize) -> Vec<usize> {
    let may = sched_getaffinity(None).unwrap();
    let all = (0..CpuSet::MAX_CPU).filter(|processor| may.is_set(*processor));
    all.take(most).collect()
}

fn a_crowd_on(processors: &[usize]) {
    let segment = SegmentOptions::new().size(1 << 20).anonymous().unwrap();
    let world = World::new(&segment);
    let on: String = processors
        .iter()
        .map(|number| format!(" {number}"))
        .collect();
    let mut crowd: Vec<_> = (0..MEMBERS)
        .map(|member| {
            let child = Child::start(&segment, "take turns", &format!("{member}{on}"));
            child.expect("there");
            child
        })
        .collect();
    crowd.iter_mut().for_each(Child::go_on);
    crowd.iter().for_each(|member| member.expect("done"));
    world.is_exact();
    crowd.into_iter().for_each(Child::finish);
    assert_eq!(segment.reap().unwrap(), 0, "nobody died");
}

#[test]
fn eight_processes_on_two_processors_count_exactly() {
    a_crowd_on(&processors(2));
}

/// Who spins here keeps the one that it waits for from going on.
#[test]
fn eight_processes_on_one_processor_count_exactly() {
    a_crowd_on(&processors(1));
}
