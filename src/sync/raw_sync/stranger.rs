//! Who uses an event without being a participant of anything.

use crate::raw::{Pace, Peers, Token, Waited};
use crate::segment::Alarm;
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;
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

    fn wait<'a>(
        &'a self,
        word: &AtomicU32,
        expected: u32,
        _: &[Token],
        pace: &mut Pace<'a>,
        deadline: Deadline,
    ) -> Waited {
        Alarm::wait_for_any(Some((word, expected)), &[], pace, deadline)
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        futex::wake(word, count)
    }

    fn fence_everywhere(&self) -> bool {
        false
    }
}
