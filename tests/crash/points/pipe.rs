//! `Pipe`: killed at every shared write of sending and receiving, of messages that fit and of larger
//! ones, of making a pipe and of giving an end up.

use std::time::Duration;

use outlive::queue::pipe::{Pipe, Receiver, RecvError, SendError, one_way};
use outlive::{Segment, crash_points};

use super::sweep::{ENTERING, dead, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(3);
/// Bytes of a pipe of four frames, and of messages of one, three and more frames than it has.
const CAPACITY: usize = 200;
const SMALL: usize = 8;
const MIDDLE: usize = 150;
const VAST: usize = 700;

pub const LAWS: &[Law] = &[
    ("pipe::a_death_in_send_leaves_whole_messages", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, pipe| {
                let mut sender = pipe.sender().unwrap();
                sender.send_bytes(&message(1, SMALL)).unwrap();
                sender.send_bytes(&message(2, MIDDLE)).unwrap();
            },
            |_, pipe, end| {
                let came = drained(pipe);
                let whole = [message(1, SMALL), message(2, MIDDLE)];
                assert_eq!(came, whole[..came.len()]);
                assert!(end == End::Killed || came.len() == 2, "finished and lost");
                goes_on(pipe);
            },
        );
        // The claim and its note, a tag and a note for each message, and leaving.
        assert_eq!(deaths, ENTERING + 7);
    }),
    ("pipe::a_death_in_a_vast_send_leaves_nothing_of_it", || {
        let deaths = sweep(
            |segment| {
                let pipe = with(segment, &[]);
                let receiver = pipe.receiver().unwrap();
                (pipe, std::sync::Mutex::new(Some(receiver)))
            },
            |_, (pipe, _)| {
                let mut sender = pipe.sender().unwrap();
                sender.send_bytes(&message(1, SMALL)).unwrap();
                // As far as it goes: the receiver takes nothing before the death.
                let cut = sender.send_bytes_timeout(&message(2, VAST), BRIEFLY);
                assert!(matches!(cut, Err(SendError::Full)));
            },
            |_, (pipe, receiver), end| {
                let mut receiver = receiver.lock().unwrap().take().unwrap();
                let came = taken(&mut receiver);
                assert!(came.is_empty() && end == End::Killed || came == [message(1, SMALL)]);
                // The next sender's messages are not mistaken for the rest.
                let mut sender = pipe.sender().unwrap();
                sender.send_bytes(&message(3, MIDDLE)).unwrap();
                assert_eq!(taken(&mut receiver), [message(3, MIDDLE)]);
                drop((sender, receiver));
                goes_on(pipe);
            },
        );
        assert!(deaths >= 10, "{deaths} deaths");
    }),
    (
        "pipe::a_death_in_recv_leaves_the_message_for_the_next",
        || {
            let deaths = sweep(
                |segment| with(segment, &[message(1, SMALL), message(2, MIDDLE - 50)]),
                |_, pipe| {
                    let mut receiver = pipe.receiver().unwrap();
                    assert_eq!(receiver.recv_bytes().unwrap(), message(1, SMALL));
                    assert!(matches!(
                        receiver.recv_bytes_into(&mut [0; 3]),
                        Err(RecvError::TooShort { .. })
                    ));
                    assert_eq!(receiver.recv_bytes().unwrap(), message(2, MIDDLE - 50));
                },
                |_, pipe, end| {
                    let came = drained(pipe);
                    let whole = [message(1, SMALL), message(2, MIDDLE - 50)];
                    assert_eq!(came, whole[2 - came.len()..]);
                    assert!(end == End::Killed || came.is_empty());
                    goes_on(pipe);
                },
            );
            // The claim, one for each consumption, and leaving.
            assert_eq!(deaths, ENTERING + 4);
        },
    ),
    (
        "pipe::a_death_in_receiving_parts_leaves_the_next_message",
        || {
            let deaths = sweep(
                // Parts of a message of which no more will come, and no room for another.
                |segment| {
                    let pipe = with(segment, &[]);
                    let mut sender = pipe.sender().unwrap();
                    let cut = sender.send_bytes_timeout(&message(1, VAST), BRIEFLY);
                    assert!(matches!(cut, Err(SendError::Full)));
                    drop(sender);
                    pipe
                },
                |_, pipe| {
                    let mut receiver = pipe.receiver().unwrap();
                    let mut sender = pipe.sender().unwrap();
                    assert!(!receiver.poll().unwrap());
                    sender.send_bytes(&message(2, MIDDLE)).unwrap();
                    assert_eq!(receiver.recv_bytes().unwrap(), message(2, MIDDLE));
                },
                |_, pipe, end| {
                    let came = drained(pipe);
                    assert!(came.is_empty() || end == End::Killed && came == [message(2, MIDDLE)]);
                    goes_on(pipe);
                },
            );
            // Two claims and a note, the parts, a tag and a note, the message, and leaving twice.
            assert_eq!(deaths, ENTERING + 9);
        },
    ),
    ("pipe::a_death_while_waiting_leaves_nothing", || {
        let deaths = sweep(
            |segment| with(segment, &[message(1, MIDDLE)]),
            |_, pipe| {
                let mut sender = pipe.sender().unwrap();
                // Room for a part of it.
                let late = sender.send_bytes_timeout(&message(2, MIDDLE), BRIEFLY);
                assert!(matches!(late, Err(SendError::Full)));
            },
            |_, pipe, _| {
                assert_eq!(drained(pipe), [message(1, MIDDLE)]);
                goes_on(pipe);
            },
        );
        assert!(deaths >= 5, "{deaths} deaths");
    }),
    ("pipe::a_death_of_a_waker_leaves_nobody_asleep", || {
        let deaths = sweep(
            |segment| {
                let pipe = with(segment, &[]);
                let receiver = pipe.receiver().unwrap();
                (pipe, std::sync::Mutex::new(Some(receiver)))
            },
            |_, (pipe, _)| pipe.sender().unwrap().send(&7).unwrap(),
            |_, (pipe, receiver), end| {
                let mut receiver = receiver.lock().unwrap().take().unwrap();
                let first = receiver.recv_timeout(LIMIT / 3);
                match first {
                    Ok(7) => {
                        let last = receiver.recv_timeout(LIMIT / 3);
                        assert!(matches!(last, Err(RecvError::Disconnected { .. })));
                    }
                    Err(RecvError::Disconnected { crashed: true }) => assert!(end == End::Killed),
                    // It died before it had the end: there was no sender yet.
                    Err(RecvError::Empty) => assert!(end == End::Killed),
                    other => panic!("{other:?}"),
                }
                drop(receiver);
                goes_on(pipe);
            },
        );
        assert!(deaths >= 5, "{deaths} deaths");
    }),
    (
        "pipe::a_death_of_a_successor_leaves_the_end_to_the_next",
        || {
            // The first dies at each point of a message in parts, its successor at each point of
            // going on.
            for first in 1..=ENTERING + 8 {
                let deaths = sweep(
                    |segment| {
                        let pipe = with(segment, &[]);
                        Forked::start(|| {
                            segment.free().unwrap();
                            crash_points::arm(first);
                            let mut sender = pipe.sender().unwrap();
                            let _ = sender.send_bytes_timeout(&message(1, VAST), BRIEFLY);
                            0
                        })
                        .wait();
                        pipe
                    },
                    |_, pipe| {
                        // Makes room: of what the first had sent, nothing counts.
                        let mut receiver = pipe.receiver().unwrap();
                        assert!(matches!(
                            receiver.try_recv(),
                            Err(RecvError::Empty | RecvError::Disconnected { .. })
                        ));
                        let mut sender = pipe.sender().unwrap();
                        sender.send_bytes(&message(2, MIDDLE)).unwrap();
                    },
                    |_, pipe, end| {
                        let came = drained(pipe);
                        assert!(
                            came.is_empty() && end == End::Killed || came == [message(2, MIDDLE)]
                        );
                        goes_on(pipe);
                    },
                );
                assert!(deaths >= 4, "{deaths} deaths");
            }
        },
    ),
    ("pipe::a_death_of_a_reaper_leaves_the_ends_free", || {
        sweep(
            |segment| {
                let pipe = with(segment, &[]);
                dead(segment, || {
                    let ends = (pipe.sender().unwrap(), pipe.receiver().unwrap());
                    std::mem::forget(ends);
                });
                pipe
            },
            |segment, _| {
                segment.reap().unwrap();
            },
            |_, pipe, _| goes_on(pipe),
        );
    }),
    (
        "pipe::a_death_while_giving_up_tells_the_other_or_not",
        || {
            // In the home segment, where ends are made for others: of the dead nobody holds anything.
            for k in 1..4 {
                let (sender, mut receiver) = one_way::<u64>().unwrap();
                let sender = std::sync::Mutex::new(Some(sender));
                let bytes = postcard::to_stdvec(sender.lock().unwrap().as_ref().unwrap()).unwrap();
                let end = Forked::start(|| {
                    Segment::home().unwrap().free().unwrap();
                    let mut taken =
                        postcard::from_bytes::<outlive::queue::pipe::Sender<u64>>(&bytes);
                    crash_points::arm(k);
                    taken.as_mut().unwrap().send(&5).unwrap();
                    drop(taken);
                    crash_points::disarm();
                    0
                })
                .wait();
                let first = receiver.recv_timeout(LIMIT);
                match (end, first) {
                    (_, Ok(5)) => assert!(matches!(
                        receiver.recv_timeout(LIMIT),
                        Err(RecvError::Disconnected { crashed }) if crashed == (end == End::Killed)
                    )),
                    (End::Killed, Err(RecvError::Disconnected { crashed: true })) => {}
                    other => panic!("{other:?}"),
                }
            }
        },
    ),
];

/// A message of `len` bytes that shows where it is torn.
fn message(number: u8, len: usize) -> Vec<u8> {
    let bytes = (0..=u8::MAX).cycle().skip(usize::from(number) * 50);
    bytes.take(len).collect()
}

/// A pipe of four frames with `messages` in it, and with both ends free.
fn with(segment: &Segment, messages: &[Vec<u8>]) -> Pipe<u64> {
    let pipe = Pipe::create(segment, "pipe", CAPACITY).unwrap();
    if !messages.is_empty() {
        let mut sender = pipe.sender().unwrap();
        for message in messages {
            sender.send_bytes(message).unwrap();
        }
    }
    pipe
}

fn taken(receiver: &mut Receiver<u64>) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| receiver.try_recv_bytes().ok()).collect()
}

/// What a new receiver finds.
fn drained(pipe: &Pipe<u64>) -> Vec<Vec<u8>> {
    taken(&mut pipe.receiver().unwrap())
}

/// Both ends are to be had, all room is there, and messages go through whole and in order.
fn goes_on(pipe: &Pipe<u64>) {
    assert_eq!(drained(pipe), [] as [Vec<u8>; 0]);
    let (mut sender, mut receiver) = (pipe.sender().unwrap(), pipe.receiver().unwrap());
    for lap in 0..3 {
        (0..4).for_each(|nth| sender.send_timeout(&(10 * lap + nth), LIMIT).unwrap());
        assert!(matches!(sender.try_send(&0), Err(SendError::Full)));
        (0..4).for_each(|nth| assert_eq!(receiver.recv_timeout(LIMIT).unwrap(), 10 * lap + nth));
        sender.try_send_bytes(&message(9, CAPACITY)).unwrap();
        assert_eq!(taken(&mut receiver), [message(9, CAPACITY)]);
    }
    assert!(matches!(receiver.try_recv(), Err(RecvError::Empty)));
}
