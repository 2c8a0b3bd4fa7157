//! Reads an object's bytes as a state.

use crate::raw::barrier::Barrier;
use crate::raw::condition::Line;
use crate::raw::event::EventWord;
use crate::raw::journal::Journal;
use crate::raw::lock::{LockWord, Sight};
use crate::raw::messages::Messages;
use crate::raw::mpmc::{Side, Slots};
use crate::raw::permits::Permits;
use crate::raw::rlock::Recursion;
use crate::raw::robust_lock::RobustLock;
use crate::raw::rwlock::RwLock;
use crate::raw::spsc::{self, Spsc};
use crate::raw::{Kind, Storage, Token};
use crate::segment::{Glance, instant, label_text};

use super::who::Tally;
use super::{Died, End, State, Who};

/// Of one object, that are told one by one; garbage may name any number.
const MOST_THREADS: usize = 1 << 16;

/// Reads objects of one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Glance);

impl Reader<'_> {
    /// The state of an object of `kind` in `storage`.
    pub(super) fn state(self, kind: Option<Kind>, storage: Option<Storage<'_>>) -> State {
        kind.zip(storage)
            .and_then(|(kind, storage)| self.read(kind, storage))
            .unwrap_or(State::Unknown {})
    }

    /// `None` where the bytes make no sense.
    fn read(self, kind: Kind, storage: Storage<'_>) -> Option<State> {
        Some(match kind {
            Kind::Lock => {
                let (sight, died) = self.robust(storage.get(0)?);
                State::Lock {
                    owner: self.who(sight.owner),
                    waiters: sight.has_waiters,
                    marked: sight.is_marked,
                    died,
                }
            }
            Kind::RLock => {
                let (sight, died) = self.robust(storage.get(0)?);
                let recursion = storage.get::<Recursion>(size_of::<RobustLock>())?;
                State::RLock {
                    owner: self.who(sight.owner),
                    depth: sight.owner.map_or(0, |_| recursion.depth()),
                    waiters: sight.has_waiters,
                    marked: sight.is_marked,
                    died,
                }
            }
            Kind::Value => {
                let sight = storage.get::<LockWord>(0)?.sight();
                State::Value {
                    owner: self.who(sight.owner),
                    waiters: sight.has_waiters,
                }
            }
            Kind::Array => {
                let (sight, died) = self.robust(Journal::attach(storage)?.robust_lock());
                State::Array {
                    owner: self.who(sight.owner),
                    waiters: sight.has_waiters,
                    marked: sight.is_marked,
                    died,
                }
            }
            Kind::AtomicArray => State::AtomicArray {},
            Kind::RwLock => self.rwlock(RwLock::attach(storage)?),
            Kind::Semaphore => self.semaphore(Permits::attach(storage)?),
            Kind::Event => {
                let event = storage.get::<EventWord>(0)?;
                State::Event {
                    is_set: event.is_set(),
                    waiters: event.has_sleepers(),
                }
            }
            Kind::Barrier => self.barrier(Barrier::attach(storage)?),
            Kind::Condition => self.condition(Line::attach(storage)?),
            Kind::Spsc | Kind::Pipe => self.ring(Spsc::attach(storage)?.0),
            Kind::Mpmc => self.mpmc(Slots::attach_any(storage)?),
            Kind::Queue => self.queue(Messages::attach(storage)?),
            // The segment's own, and not listed.
            Kind::Waits => return None,
        })
    }

    fn who(self, token: Option<Token>) -> Option<Who> {
        token.map(|token| Who::named(self.0, token))
    }

    /// Adds one, as far as there can be so many threads.
    fn name(self, token: Token, to: &mut Vec<Who>) {
        if to.len() < MOST_THREADS {
            to.push(Who::named(self.0, token));
        }
    }

    fn robust(self, lock: &RobustLock) -> (Sight, Option<Died>) {
        let sight = lock.word.sight();
        let died = lock.history().map(|last| Died {
            pid: last.pid,
            label: label_text(last.label),
            at: instant(last.when),
            heir: (last.heir != 0).then_some(last.heir),
        });
        (sight, died)
    }

    fn rwlock(self, lock: RwLock<'_>) -> State {
        let (sight, died) = self.robust(&lock.head.lock);
        let mut readers = Tally::default();
        lock.each_reader(|token, count| readers.add(token, count));
        State::RwLock {
            writer: self.who(sight.owner),
            readers: readers.holders(self.0),
            waiters: sight.has_waiters,
            marked: sight.is_marked,
            died,
        }
    }

    fn semaphore(self, permits: Permits<'_>) -> State {
        let mut taken = Tally::default();
        permits.each_owner(|token, count| taken.add(token, count));
        State::Semaphore {
            capacity: permits.capacity(),
            free: permits.free_now(),
            permits: taken.holders(self.0),
        }
    }

    fn barrier(self, barrier: Barrier<'_>) -> State {
        let mut arrived = Vec::new();
        barrier.each_party(|token| self.name(token, &mut arrived));
        State::Barrier {
            parties: barrier.parties(),
            arrived,
            is_broken: barrier.is_broken(),
            broken_by: self.who(barrier.broken_by()),
        }
    }

    fn condition(self, line: Line<'_>) -> State {
        let (mut waiting, mut notified) = (Vec::new(), Vec::new());
        line.each_waiter(|token, is_notified| {
            let place = if is_notified {
                &mut notified
            } else {
                &mut waiting
            };
            self.name(token, place);
        });
        State::Condition { waiting, notified }
    }

    fn ring(self, ring: Spsc<'_>) -> State {
        let (put, taken) = ring.counts();
        let end = |end| End {
            who: self.who(ring.owner(end)),
        };
        State::Ring {
            capacity: ring.capacity(),
            depth: ring.len(),
            put,
            taken,
            producer: end(spsc::End::Producer),
            consumer: end(spsc::End::Consumer),
            is_closed: ring.is_closed(),
        }
    }

    fn mpmc(self, slots: Slots<'_>) -> State {
        let (mut putting, mut taking) = (Tally::default(), Tally::default());
        slots.each_claim(|token, side| match side {
            Side::Room => putting.add(token, 1),
            Side::Item => taking.add(token, 1),
        });
        let (put, taken) = slots.counts();
        State::Queue {
            capacity: slots.capacity() as u64,
            depth: slots.len() as u64,
            put,
            taken,
            putting: putting.holders(self.0),
            taking: taking.holders(self.0),
            is_closed: slots.is_closed(),
        }
    }

    fn queue(self, messages: Messages<'_>) -> State {
        let (mut putting, mut taking) = (Tally::default(), Tally::default());
        messages.each_claim(|token, is_taken| {
            let side = if is_taken { &mut taking } else { &mut putting };
            side.add(token, 1);
        });
        let (put, taken) = messages.counts();
        State::Queue {
            capacity: messages.items() as u64,
            depth: messages.len() as u64,
            put,
            taken,
            putting: putting.holders(self.0),
            taking: taking.holders(self.0),
            is_closed: messages.is_closed(),
        }
    }
}
