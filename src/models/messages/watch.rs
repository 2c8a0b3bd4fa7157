//! Watchers, which sleep where consumers do and take nothing: a wake that reaches one is handed on.

use loom::sync::Arc;
use loom::thread;

use super::super::world::{World, at_every_death, check, mortal, seat};
use super::{Notes, Queue, sorted};
use crate::raw::messages::Want;
use crate::raw::mpmc::Redelivery;
use crate::raw::permits::Others;
use crate::raw::{Pace, Peers, Waited};
use crate::sys::clock::Deadline;

/// Sleeps until there may be a message.
fn sleep(queue: &Arc<Queue>, peers: &impl Peers) {
    let messages = queue.messages();
    let (word, rung) = (
        messages.word(Want::Message),
        messages.lie_down(Want::Message),
    );
    let mut others = Others::but(peers.me());
    if !messages.is_ready(peers, Want::Message, &mut others, Deadline::NEVER) {
        let mut pace = Pace::new();
        let waited = peers.wait(word, rung, others.list(), &mut pace, Deadline::NEVER);
        if waited != Waited::Woken {
            messages.bury(peers, Deadline::NEVER);
        }
    }
}

fn hand_on(queue: &Arc<Queue>, peers: &impl Peers) {
    queue
        .messages()
        .hand_on(peers, Want::Message, Deadline::NEVER);
}

fn close(queue: &Arc<Queue>, peers: &impl Peers) {
    queue.messages().close(peers);
}

#[test]
fn a_watcher_hands_on_what_it_was_woken_for() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let watcher = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                sleep(&queue, &peers);
                hand_on(&queue, &peers);
            })
        };
        let consumer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        queue.put(&peers, 1).unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        close(&queue, &peers);
        watcher.join().unwrap();
    });
}

/// As futures do it: who is told by a watcher tries, and hands on what it leaves.
#[test]
fn who_takes_after_a_watch_leaves_nobody_asleep_beside_the_rest() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let got = Notes::default();
        let watcher = {
            let (peers, queue, got) = (seat(&world, 0), queue.clone(), got.clone());
            thread::spawn(move || {
                let item = loop {
                    sleep(&queue, &peers);
                    if let Ok(item) = queue.try_get(&peers) {
                        break item;
                    }
                };
                hand_on(&queue, &peers);
                got.push(item);
            })
        };
        let consumer = {
            let (peers, queue, got) = (seat(&world, 1), queue.clone(), got.clone());
            thread::spawn(move || got.push(queue.get(&peers).unwrap()))
        };
        let peers = seat(&world, 2);
        queue.put(&peers, 1).unwrap();
        queue.put(&peers, 2).unwrap();
        watcher.join().unwrap();
        consumer.join().unwrap();
        assert_eq!(sorted(got.all()), [1, 2]);
    });
}

#[test]
fn a_watcher_that_dies_strands_nobody() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let victim = {
            let queue = queue.clone();
            mortal(&world, 0, k, died, move |peers| {
                sleep(&queue, peers);
                hand_on(&queue, peers);
            })
        };
        let consumer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        queue.put(&peers, 1).unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        close(&queue, &peers);
        victim.join().unwrap();
    });
}
