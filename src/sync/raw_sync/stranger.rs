//! Who uses an event without being a participant of anything.

use crate::raw::{Pace, Peers, Token, Waited};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::{Deadline, monotonic_nanos};
use crate::sys::futex;

/// Sleeps and wakes, and knows nobody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stranger;

impl Peers for Stranger {
    fn me(&self) -> Token {
        Token::NOBODY
    }

    fn is_dead(&self, _: Token) -> bool {
        false
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        _: &[Token],
        pace: &mut Pace,
        deadline: Deadline,
    ) -> Waited {
        let now = monotonic_nanos();
        if deadline.nanos().is_some_and(|at| now >= at) {
            return Waited::TimedOut;
        }
        let slice_end = now.saturating_add(pace.next_slice());
        let until = deadline.nanos().map_or(slice_end, |at| at.min(slice_end));
        match futex::wait(&[(word, expected)], until) {
            futex::Woken::Time if deadline.is_past() => Waited::TimedOut,
            futex::Woken::Time => Waited::Slice,
            futex::Woken::Word | futex::Woken::Other(_) => Waited::Woken,
        }
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        futex::wake(word, count)
    }

    fn fence_everywhere(&self) -> bool {
        false
    }
}
