//! Futures of this process that wait for the same.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use crate::raw::Token;
use crate::segment::alarm::Alarm;
use crate::segment::berth::Berth;
use crate::segment::seat::Seat;
use crate::sys::atomic::Ordering;

use super::Arrival;
use super::slip::Slip;

/// Futures that wait for the same thing, in the order in which they came.
pub(super) struct Group {
    /// That of the first of them; the others' were like it.
    pub(super) berth: Box<dyn Berth>,
    /// What the word held after the thread lay down.
    expected: u32,
    /// Whether something happened, or somebody came, since the last look.
    pub(super) is_fresh: bool,
    /// Whose deaths are watched.
    owners: Vec<Token>,
    pub(super) slips: VecDeque<Arc<Slip>>,
}

impl Group {
    /// Adds a future to its group, which is made where there is none.
    pub(super) fn admit(groups: &mut Vec<Self>, Arrival { berth, slip }: Arrival) {
        let word = std::ptr::from_ref(berth.word());
        let known = groups.iter_mut().find(|group| {
            std::ptr::eq(group.berth.word(), word) && group.berth.need() == berth.need()
        });
        if let Some(group) = known {
            group.is_fresh = true;
            group.slips.push_back(slip);
            return;
        }
        groups.push(Self {
            expected: berth.lie_down(),
            berth,
            is_fresh: true,
            owners: Vec::new(),
            slips: VecDeque::from([slip]),
        });
    }

    /// Forgets futures that left; `false` where none is left, and what was meant for them has been
    /// handed on.
    pub(super) fn is_wanted(&mut self) -> bool {
        self.slips.retain(|slip| slip.is_waiting());
        if self.slips.is_empty()
            && let Ok(seat) = self.berth.object().seat()
        {
            self.berth.hand_on(seat);
        }
        !self.slips.is_empty()
    }

    /// Lies down anew where the word has moved since.
    pub(super) fn lie_down_again(&mut self) {
        // Relaxed: the announcement orders the look that follows.
        if self.berth.word().load(Ordering::Relaxed) != self.expected {
            self.expected = self.berth.lie_down();
            self.is_fresh = true;
        }
    }

    /// After a wake that may have been for this group.
    pub(super) fn heed_wake(&mut self) {
        self.is_fresh |= self.berth.is_woken_in_place();
    }

    /// Takes the wakers of those who have reason to try.
    pub(super) fn look(&mut self, ask: bool, wakers: &mut Vec<Waker>) {
        if !(self.is_fresh || ask) {
            return;
        }
        self.is_fresh = false;
        let Ok(seat) = self.berth.object().seat() else {
            // Their tries will say why.
            wakers.extend(self.slips.drain(..).filter_map(|slip| slip.take()));
            return;
        };
        let look = self.berth.look(seat, ask);
        self.owners = look.owners;
        if !look.is_ready {
            return;
        }
        let most = match self.berth.is_for_all() {
            true => usize::MAX,
            // The next one is told when this one has tried: it hands on what it leaves.
            false => 1,
        };
        let told = std::iter::from_fn(|| {
            while let Some(slip) = self.slips.pop_front() {
                if let Some(waker) = slip.take() {
                    return Some(waker);
                }
            }
            None
        });
        let before = wakers.len();
        wakers.extend(told.take(most));
        if wakers.len() == before {
            // All have left since it was asked who is wanted.
            self.berth.hand_on(seat);
        }
    }

    /// For the sleep.
    pub(super) fn alarm<'a>(&'a self, seat: Seat<'a>) -> Alarm<'a> {
        Alarm {
            seat,
            word: self.berth.word(),
            expected: self.expected,
            owners: &self.owners,
        }
    }
}
