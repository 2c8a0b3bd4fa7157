//! What holds of watchers of any queue, which sleep where consumers do and take nothing: a wake that
//! reaches one is handed on.

use loom::sync::Arc;
use loom::thread;

use super::notes::{Notes, sorted};
use super::world::{World, at_every_death, check, mortal, seat};
use crate::raw::Peers;

/// A queue that can be watched.
pub(super) trait Watched: 'static {
    /// An empty one, with room for two items.
    fn make() -> Arc<Self>;
    fn send(&self, peers: &impl Peers, item: u32);
    fn take(&self, peers: &impl Peers) -> u32;
    fn try_take(&self, peers: &impl Peers) -> Option<u32>;
    /// Sleeps until there may be an item.
    fn watch(&self, peers: &impl Peers);
    fn hand_on(&self, peers: &impl Peers);
    fn close(&self, peers: &impl Peers);
}

/// The laws of this file as tests of one queue.
macro_rules! laws {
    ($queue:ty: $($law:ident)*) => {
        $(#[test] fn $law() { crate::models::watch::$law::<$queue>() })*
    };
}
pub(super) use laws;

pub(super) fn a_watcher_hands_on_what_it_was_woken_for<Q: Watched>() {
    check(2, || {
        let world = World::new();
        let queue = Q::make();
        let watcher = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                queue.watch(&peers);
                queue.hand_on(&peers);
            })
        };
        let consumer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.take(&peers))
        };
        let peers = seat(&world, 2);
        queue.send(&peers, 1);
        assert_eq!(consumer.join().unwrap(), 1);
        queue.close(&peers);
        watcher.join().unwrap();
    });
}

/// As futures do it: who is told by a watcher tries, and hands on what it leaves.
pub(super) fn who_takes_after_a_watch_leaves_nobody_asleep_beside_the_rest<Q: Watched>() {
    check(2, || {
        let world = World::new();
        let queue = Q::make();
        let got = Notes::default();
        let watcher = {
            let (peers, queue, got) = (seat(&world, 0), queue.clone(), got.clone());
            thread::spawn(move || {
                let item = loop {
                    queue.watch(&peers);
                    if let Some(item) = queue.try_take(&peers) {
                        break item;
                    }
                };
                queue.hand_on(&peers);
                got.push(item);
            })
        };
        let consumer = {
            let (peers, queue, got) = (seat(&world, 1), queue.clone(), got.clone());
            thread::spawn(move || got.push(queue.take(&peers)))
        };
        let peers = seat(&world, 2);
        queue.send(&peers, 1);
        queue.send(&peers, 2);
        watcher.join().unwrap();
        consumer.join().unwrap();
        assert_eq!(sorted(got.all()), [1, 2]);
    });
}

pub(super) fn a_watcher_that_dies_strands_nobody<Q: Watched>() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Q::make();
        let victim = {
            let queue = queue.clone();
            mortal(&world, 0, k, died, move |peers| {
                queue.watch(peers);
                queue.hand_on(peers);
            })
        };
        let consumer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.take(&peers))
        };
        let peers = seat(&world, 2);
        queue.send(&peers, 1);
        assert_eq!(consumer.join().unwrap(), 1);
        queue.close(&peers);
        victim.join().unwrap();
    });
}
