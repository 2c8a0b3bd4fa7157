//! Watchers of messages.

use loom::sync::Arc;

use super::super::watch::{Watched, laws};
use super::Queue;
use crate::raw::messages::Want;
use crate::raw::mpmc::Redelivery;
use crate::raw::permits::Others;
use crate::raw::{Pace, Peers, Waited};
use crate::sys::clock::Deadline;

laws! { Queue:
    a_watcher_hands_on_what_it_was_woken_for
    who_takes_after_a_watch_leaves_nobody_asleep_beside_the_rest
    a_watcher_that_dies_strands_nobody
}

impl Watched for Queue {
    fn make() -> Arc<Self> {
        Self::new(2, 2, Redelivery::Again)
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
        let messages = self.messages();
        let rung = messages.lie_down(Want::Message);
        let mut others = Others::but(peers.me());
        if !messages.is_ready(peers, Want::Message, &mut others, Deadline::NEVER) {
            let (word, mut pace) = (messages.word(Want::Message), Pace::new());
            let waited = peers.wait(word, rung, others.list(), &mut pace, Deadline::NEVER);
            if waited != Waited::Woken {
                messages.bury(peers, Deadline::NEVER);
            }
        }
    }
    fn hand_on(&self, peers: &impl Peers) {
        self.messages()
            .hand_on(peers, Want::Message, Deadline::NEVER);
    }
    fn close(&self, peers: &impl Peers) {
        self.messages().close(peers);
    }
}
