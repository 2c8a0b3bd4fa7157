//! What a pipe asks of the ring beyond a queue: ends that were made for others and given up, and
//! room for a whole message.

use loom::thread;

use super::spsc::{CRASHED, LEFT, Queue};
use super::world::{Seat, World, at_every_death, check, note_death, seat};
use crate::raw::Peers;
use crate::raw::spsc::{End, Stopped, Tail};
use crate::sys::clock::Deadline;

/// Publishes `message` once there is room for all of it.
fn send(queue: &Queue, tail: &mut Tail, message: &[u32], peers: &Seat) -> Result<(), Stopped> {
    let count = message.len() as u64;
    queue
        .ring()
        .wait_for_room_of(tail, count, peers, Deadline::NEVER)?;
    queue.fill(tail, message, peers);
    Ok(())
}

#[test]
fn a_sleeper_learns_that_nobody_comes_for_the_other_end() {
    at_every_death(3, |k, died| {
        let world = World::new();
        let queue = Queue::new(1);
        let maker = {
            let (peers, heir, queue) = (seat(&world, 0), seat(&world, 2), queue.clone());
            let died = died.clone();
            thread::spawn(move || {
                let give_up = || queue.ring().give_up(End::Producer, &peers);
                note_death(&peers.victim(k, give_up), &died);
                // Where it died before its word, another maker gives it.
                queue.ring().give_up(End::Producer, &heir);
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        assert_eq!(queue.take_all(&mut head, &peers), (vec![], LEFT));
        maker.join().unwrap();
    });
}

#[test]
fn an_end_that_was_taken_is_not_given_up() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(1);
        let taker = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                queue.put(&mut tail, &[1], &peers).unwrap();
            })
        };
        let maker = seat(&world, 1);
        queue.ring().give_up(End::Producer, &maker);
        taker.join().unwrap();
        // Before or after the taker: the end is its own.
        let owner = queue.ring().owner(End::Producer);
        assert_eq!(owner, Some(seat(&world, 0).me()));
        queue.ring().give_up(End::Producer, &maker);
        assert_eq!(queue.ring().owner(End::Producer), owner);
    });
}

#[test]
fn a_message_waits_for_all_of_its_room_and_no_wake_is_lost() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(2);
        let sender = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                queue.put(&mut tail, &[1], &peers).unwrap();
                // Room for one of them is there, and is not enough.
                send(&queue, &mut tail, &[2, 3], &peers).unwrap();
                queue.ring().leave(End::Producer, &peers);
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        let taken = queue.take_all(&mut head, &peers);
        assert_eq!(taken, (vec![1, 2, 3], LEFT));
        sender.join().unwrap();
    });
}

#[test]
fn who_waits_for_room_learns_that_the_other_end_died() {
    at_every_death(3, |k, died| {
        let world = World::new();
        let queue = Queue::new(2);
        let victim = {
            let (peers, queue, died) = (seat(&world, 1), queue.clone(), died.clone());
            let mut head = queue.ring().claim_consumer(&peers).unwrap();
            thread::spawn(move || {
                let end = peers.victim(k, || {
                    for value in 1..=3 {
                        assert_eq!(queue.take(&mut head, &peers), Ok(value));
                    }
                });
                note_death(&end, &died);
            })
        };
        let peers = seat(&world, 0);
        let mut tail = queue.ring().claim_producer(&peers).unwrap();
        queue.put(&mut tail, &[1], &peers).unwrap();
        // Whoever dies has not taken the first, or there is room for both.
        let put = send(&queue, &mut tail, &[2, 3], &peers);
        assert!(matches!(put, Ok(()) | Err(CRASHED)));
        victim.join().unwrap();
    });
}
