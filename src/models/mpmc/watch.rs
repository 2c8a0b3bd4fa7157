//! Watchers of the ring of many.

use loom::sync::Arc;

use super::super::watch::{Watched, laws};
use super::Ring;
use crate::raw::mpmc::{Redelivery, Side};
use crate::raw::{Pace, Peers, Waited};
use crate::sys::clock::Deadline;

laws! { Ring:
    a_watcher_hands_on_what_it_was_woken_for
    who_takes_after_a_watch_leaves_nobody_asleep_beside_the_rest
    a_watcher_that_dies_strands_nobody
}

impl Watched for Ring {
    fn make() -> Arc<Self> {
        Self::new(2, Redelivery::Again)
    }
    fn send(&self, peers: &impl Peers, item: u32) {
        self.put(peers, item).unwrap();
    }
    fn take(&self, peers: &impl Peers) -> u32 {
        self.get(peers).unwrap()
    }
    fn try_take(&self, peers: &impl Peers) -> Option<u32> {
        self.try_get(peers).ok()
    }
    fn watch(&self, peers: &impl Peers) {
        let slots = self.slots();
        let rung = slots.lie_down(Side::Item);
        peers.fence_everywhere();
        if !slots.sight(peers, Side::Item, false).is_ready {
            let (word, mut pace) = (slots.word(Side::Item), Pace::new());
            let waited = peers.wait(word, rung, &[], &mut pace, Deadline::NEVER);
            if waited != Waited::Woken {
                slots.sight(peers, Side::Item, true);
            }
        }
    }
    fn hand_on(&self, peers: &impl Peers) {
        self.slots().hand_on(peers, Side::Item);
    }
    fn close(&self, peers: &impl Peers) {
        self.slots().close(peers);
    }
}
