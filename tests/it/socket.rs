//! Sockets between processes that die.

pub mod fds;

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use outlive::queue::socket::{Connection, RecvError, SendError, pair};
use outlive::{AtomicArray, ErrorKind, Segment};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, say};
use super::fork::{forked, in_fork, interrupted};
use super::stopped::stop;
use fds::file;

const BRIEFLY: Duration = Duration::from_millis(10);
/// Several slices of time in which nothing is to happen.
const WHILE: Duration = Duration::from_millis(100);
/// More than one packet, and more than can be under way at once.
const VAST: usize = 1 << 20;
/// Rounds of a test that kills at random.
const KILLS: u64 = 200;

/// A message that shows where it is torn: its number again and again.
fn stripes(number: u64, len: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(len.div_ceil(8))[..len].to_vec()
}

fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert!(bytes == stripes(number, bytes.len()), "torn");
    number
}

/// In a child: the end that is its standard input.
fn input<S, R>() -> Connection<S, R> {
    let input = std::io::stdin();
    input.as_fd().try_clone_to_owned().unwrap().into()
}

fn gone<T: std::fmt::Debug>(end: &Result<T, RecvError>) -> bool {
    matches!(end, Err(RecvError::Disconnected))
}

pub const ROLES: &[(&str, Role)] = &[
    ("answer over a socket", |_, word| {
        let mut here = input::<String, String>();
        say("ready");
        while let Ok(question) = here.recv() {
            here.send(&(question + word)).unwrap();
        }
        say("end of file");
    }),
    ("send two, then some of a vast one over a socket", |_, _| {
        let mut here = input::<(), ()>();
        here.send_bytes(&stripes(1, 8)).unwrap();
        here.send_bytes(&stripes(2, 8)).unwrap();
        say("sending");
        // Nobody receives: the rest never goes in.
        here.send_bytes(&stripes(3, VAST)).unwrap();
    }),
    ("receive some of a vast one from a socket", |_, _| {
        let mut here = input::<(), ()>();
        let mut readable = [PollFd::new(&here, PollFlags::IN)];
        rustix::event::poll(&mut readable, None).unwrap();
        // A packet, and no more.
        let part = here.receiver().recv_bytes_timeout(Duration::ZERO);
        assert!(matches!(part, Err(RecvError::Empty)));
        say("received in part");
        std::thread::sleep(PATIENCE);
    }),
    ("have one after the other killed", |segment, _| {
        senders_are_killed(segment);
        receivers_are_killed();
        two_send_by_one_end();
        say("done");
    }),
];

/// Plays a role that is a test by itself, in a process without other threads.
fn alone(role: &str) {
    let segment = Segment::anonymous().unwrap();
    let (end, _other) = UnixStream::pair().unwrap();
    let child = Child::start_with(&segment, role, "", end.into());
    // It says that it goes on, now and then.
    while child.hears() != "done" {}
    child.finish();
}

/// A child in a role at the other end.
fn child<S, R>(role: &str, word: &str) -> (Connection<S, R>, Child) {
    let segment = Segment::anonymous().unwrap();
    let (here, there) = pair::<S, R>().unwrap();
    let there = there.try_into().unwrap();
    (here, Child::start_with(&segment, role, word, there))
}

#[test]
fn messages_of_every_length_come_out_whole_and_in_order() {
    let (mut here, mut there) = pair::<(u64, Vec<u64>), ()>().unwrap();
    let lens = || (0..300).chain([7_000, 8_000, 100_000, 2 << 20]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for len in lens() {
                here.send(&(len, (0..len).collect())).unwrap();
            }
        });
        for len in lens() {
            let (said, numbers) = there.recv_timeout(PATIENCE).unwrap();
            assert!(said == len && numbers.into_iter().eq(0..len));
        }
    });
    // Each length of bytes, around the borders of packets.
    for packet in [53_248 - 24, 60 << 10] {
        for len in (packet - 2..packet + 3).chain(2 * packet - 2..2 * packet + 3) {
            let bytes = stripes(7, len);
            std::thread::scope(|scope| {
                scope.spawn(|| here.send_bytes(&bytes).unwrap());
                assert!(there.recv_bytes().unwrap() == bytes, "of {len} bytes");
            });
        }
    }
}

#[test]
fn what_fits_needs_nobody_at_the_other_end() {
    let (here, mut there) = pair::<Vec<u8>, ()>().unwrap();
    let (mut sender, _receiver) = here.split();
    let Err(SendError::TooLong { longest }) = sender.try_send_bytes(&[1; VAST]) else {
        panic!("more than a packet at once");
    };
    sender.try_send_bytes(&stripes(1, longest)).unwrap();
    let mut sent = 1;
    while sender.try_send_bytes(&stripes(sent + 1, 5000)).is_ok() {
        sent += 1;
    }
    assert!(sent > 2);
    assert!(matches!(sender.try_send(&vec![]), Err(SendError::Full)));
    let start = Instant::now();
    let late = sender.send_bytes_timeout(&[1; 8], WHILE);
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    let late = sender.send_deadline(&vec![], start + 2 * WHILE);
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    assert!(start.elapsed() >= 2 * WHILE);
    for number in 1..=sent {
        assert_eq!(
            number_of(&there.receiver().try_recv_bytes().unwrap()),
            number
        );
    }
    assert!(matches!(there.try_recv(), Err(RecvError::Empty)));
    sender.try_send(&vec![2; 100]).unwrap();
    assert_eq!(there.try_recv().unwrap(), [2; 100]);
}

#[test]
fn empty_messages_are_messages() {
    let (mut here, mut there) = pair::<(), ()>().unwrap();
    assert!(!there.poll().unwrap());
    here.send_bytes(&[]).unwrap();
    here.send(&()).unwrap();
    assert!(there.poll().unwrap() && there.poll().unwrap());
    assert_eq!(there.recv_bytes_into(&mut []).unwrap(), 0);
    there.recv().unwrap();
    assert!(!there.poll_timeout(BRIEFLY).unwrap());
}

#[test]
fn a_short_buffer_keeps_the_message() {
    let (mut here, mut there) = pair::<(), ()>().unwrap();
    for len in [9, 300, VAST] {
        let bytes = stripes(5, len);
        std::thread::scope(|scope| {
            scope.spawn(|| here.send_bytes(&bytes).unwrap());
            for _ in 0..2 {
                let short = there.recv_bytes_into(&mut [0; 8]);
                assert!(
                    matches!(short, Err(RecvError::TooShort { needed }) if needed == len),
                    "{short:?}"
                );
                assert!(there.poll().unwrap());
            }
            let mut buffer = vec![0; len + 1];
            assert_eq!(there.recv_bytes_into(&mut buffer).unwrap(), len);
            assert_eq!(buffer[..len], bytes);
        });
    }
}

#[test]
fn a_message_that_cannot_be_read_is_an_error_of_its_own() {
    let (mut here, mut there) = pair::<(u8, String), ()>().unwrap();
    for bytes in [&[][..], &[77], &[0, 0, 0], &stripes(9, VAST)] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                here.send_bytes(bytes).unwrap();
                here.send(&(3, "three".to_owned())).unwrap();
            });
            let refused = there.recv();
            let Err(RecvError::Decode(error)) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(there.recv().unwrap(), (3, "three".to_owned()));
        });
    }
}

#[test]
fn a_vast_message_that_runs_out_of_time_is_not_received() {
    let (here, mut there) = pair::<u64, ()>().unwrap();
    let (mut here, _receiver) = here.split();
    for begun in [1, 3] {
        let late = here.send_bytes_timeout(&stripes(begun, VAST), BRIEFLY);
        assert!(matches!(late, Err(SendError::Full)), "{late:?}");
        // Received in part by now, and never to be finished.
        assert!(!there.poll().unwrap());
        here.send(&(begun + 1)).unwrap();
        assert_eq!(there.recv().unwrap(), begun + 1);
    }
    let late = here.send_bytes_timeout(&stripes(5, VAST), BRIEFLY);
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    drop(here);
    assert!(gone(&there.recv_timeout(PATIENCE)));
}

#[test]
fn time_limits_hold() {
    let (_here, mut there) = pair::<u64, ()>().unwrap();
    let start = Instant::now();
    assert!(matches!(there.recv_timeout(BRIEFLY), Err(RecvError::Empty)));
    assert!(!there.poll_deadline(start + 2 * BRIEFLY).unwrap());
    assert!(start.elapsed() >= 2 * BRIEFLY);
    let late = there
        .receiver()
        .recv_bytes_into_deadline(&mut [], Instant::now() + BRIEFLY);
    assert!(matches!(late, Err(RecvError::Empty)));
    assert!(start.elapsed() >= 3 * BRIEFLY);
}

#[test]
fn signals_end_no_wait() {
    let (mut here, mut there) = pair::<u64, u64>().unwrap();
    interrupted(|| {
        let start = Instant::now();
        assert!(matches!(here.recv_timeout(WHILE), Err(RecvError::Empty)));
        assert!(start.elapsed() >= WHILE);
        let start = Instant::now();
        let full = here.sender().send_bytes_timeout(&[1; VAST], WHILE);
        assert!(matches!(full, Err(SendError::Full)), "{full:?}");
        assert!(start.elapsed() >= WHILE);
    });
    // Without a limit.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(WHILE);
            there.send(&1).unwrap();
            std::thread::sleep(WHILE);
            assert_eq!(number_of(&there.recv_bytes().unwrap()), 2);
        });
        interrupted(|| {
            assert_eq!(here.recv().unwrap(), 1);
            here.send_bytes(&stripes(2, VAST)).unwrap();
        });
    });
}

#[test]
fn closing_lets_the_rest_out_and_refuses_more() {
    let (mut here, mut there) = pair::<u64, u64>().unwrap();
    here.send(&1).unwrap();
    there.send(&2).unwrap();
    here.close().unwrap();
    here.close().unwrap();
    for end in [&mut here, &mut there] {
        assert!(matches!(end.send(&3), Err(SendError::Disconnected)));
        end.recv().unwrap();
        for _ in 0..2 {
            assert!(end.poll().unwrap(), "the end of file counts");
            assert!(gone(&end.recv()));
        }
    }
}

#[test]
fn what_the_dropped_end_had_not_read_hides_nothing_of_what_it_had_sent() {
    for sends_first in [false, true] {
        let (mut here, mut there) = pair::<u64, u64>().unwrap();
        here.send(&1).unwrap();
        there.send(&2).unwrap();
        there.send(&3).unwrap();
        // The kernel calls this a reset.
        drop(there);
        if sends_first {
            let refused = (0..1000).find_map(|_| {
                let refused = here.send(&4).err();
                std::thread::sleep(Duration::from_millis(1));
                refused
            });
            assert!(matches!(refused, Some(SendError::Disconnected)));
        }
        assert_eq!(here.recv_timeout(PATIENCE).unwrap(), 2);
        assert_eq!(here.recv_timeout(PATIENCE).unwrap(), 3);
        assert!(gone(&here.recv_timeout(PATIENCE)));
    }
}

#[test]
fn halves_end_each_for_itself() {
    let (here, mut there) = pair::<u64, u64>().unwrap();
    let (mut sender, mut receiver) = here.split();
    sender.send(&1).unwrap();
    drop(sender);
    assert_eq!(there.recv().unwrap(), 1);
    assert!(gone(&there.recv()));
    there.send(&2).unwrap();
    assert_eq!(receiver.recv().unwrap(), 2);
    drop(receiver);
    assert!(matches!(there.send(&3), Err(SendError::Disconnected)));
}

#[test]
fn a_copy_that_is_dropped_closes_nothing() {
    let (mut here, there) = pair::<u64, u64>().unwrap();
    let mut other: Connection<u64, u64> = there.as_fd().try_clone_to_owned().unwrap().into();
    drop(there);
    other.send(&1).unwrap();
    assert_eq!(here.recv().unwrap(), 1);
    here.send(&2).unwrap();
    assert_eq!(other.recv().unwrap(), 2);
}

#[test]
fn only_an_end_of_a_socket_is_one() {
    let (stream, _other) = UnixStream::pair().unwrap();
    for fd in [OwnedFd::from(file("no")), stream.into()] {
        let mut wrong = Connection::<u64>::from(fd);
        let Err(SendError::Broken(error)) = wrong.send(&1) else {
            panic!("sent into a file");
        };
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        let Err(RecvError::Broken(error)) = wrong.recv() else {
            panic!("received from a file");
        };
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert!(wrong.poll().is_err() && wrong.close().is_err());
    }
}

#[test]
fn two_processes_talk_to_and_fro_until_one_goes() {
    let (mut here, child) = child::<String, String>("answer over a socket", "!");
    child.expect("ready");
    for len in [0, 10, 500, VAST] {
        let question = "?".repeat(len);
        here.send(&question).unwrap();
        assert!(here.recv_timeout(PATIENCE).unwrap() == question + "!");
    }
    drop(here);
    child.expect("end of file");
    child.finish();
}

#[test]
fn a_dead_senders_finished_messages_come_out_and_no_other() {
    let role = "send two, then some of a vast one over a socket";
    let (mut here, mut child) = child::<(), ()>(role, "");
    child.expect("sending");
    child.kill();
    for number in [1, 2] {
        let bytes = here.receiver().recv_bytes_timeout(PATIENCE).unwrap();
        assert_eq!(number_of(&bytes), number);
    }
    for _ in 0..2 {
        assert!(gone(&here.recv_timeout(PATIENCE)));
        assert!(gone(&here.try_recv()));
        assert!(here.poll().unwrap());
        assert!(matches!(here.send(&()), Err(SendError::Disconnected)));
    }
}

#[test]
fn who_sleeps_learns_soon_that_the_other_end_died() {
    let (mut here, mut child) = child::<String, String>("answer over a socket", "");
    child.expect("ready");
    let sleeper = std::thread::spawn(move || {
        assert!(gone(&here.recv_timeout(PATIENCE)));
        here
    });
    std::thread::sleep(BRIEFLY);
    child.kill();
    let mut here = sleeper.join().unwrap();
    assert!(matches!(
        here.send(&String::new()),
        Err(SendError::Disconnected)
    ));

    let role = "receive some of a vast one from a socket";
    let (mut here, mut child) = self::child::<(), ()>(role, "");
    let sleeper = std::thread::spawn(move || here.send_bytes(&vec![1; 64 << 20]));
    child.expect("received in part");
    child.kill();
    let end = sleeper.join().unwrap();
    assert!(matches!(end, Err(SendError::Disconnected)), "{end:?}");
}

#[test]
fn a_receivers_successor_begins_at_the_beginning_of_a_message() {
    let segment = Segment::anonymous().unwrap();
    let (mut here, there) = pair::<u64, ()>().unwrap();
    let copy = there.as_fd().try_clone_to_owned().unwrap();
    let role = "receive some of a vast one from a socket";
    let mut child = Child::start_with(&segment, role, "", copy);
    let mut there = there;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            here.send_bytes(&stripes(1, VAST)).unwrap();
            here.send(&2).unwrap();
        });
        child.expect("received in part");
        child.kill();
        let headless = there.recv_timeout(PATIENCE);
        assert!(
            matches!(headless, Err(RecvError::Decode(_))),
            "{headless:?}"
        );
        assert_eq!(there.recv_timeout(PATIENCE).unwrap(), 2);
    });
}

/// What it sends, one after the other, until it is killed.
fn send_stripes(end: &mut Connection<u64>, count: &AtomicArray<u64>, len: usize) -> u8 {
    for number in 1.. {
        if end.send_bytes(&stripes(number, len)).is_err() {
            return 1;
        }
        count.set(0, number).unwrap();
    }
    0
}

/// A few microseconds to a few milliseconds, another time for each round.
fn moment(round: u64) -> Duration {
    Duration::from_micros(round.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53)
}

fn senders_are_killed(segment: &Segment) {
    let count = AtomicArray::<u64>::create(segment, "count", 1).unwrap();
    let mut within = 0;
    for round in 0..KILLS {
        count.set(0, 0).unwrap();
        let (mut here, mut there) = pair::<u64, u64>().unwrap();
        let victim = forked(|| send_stripes(&mut there, &count, VAST));
        drop(there);
        for number in 1..=round % 3 {
            assert_eq!(number_of(&here.recv_bytes().unwrap()), number);
        }
        std::thread::sleep(moment(round));
        victim.kill();
        let start = Instant::now();
        let mut last = round % 3;
        let end = loop {
            match here.receiver().recv_bytes_timeout(PATIENCE) {
                Ok(bytes) => {
                    last += 1;
                    assert_eq!(number_of(&bytes), last);
                }
                Err(end) => break end,
            }
        };
        assert!(matches!(end, RecvError::Disconnected), "{end}");
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "waits for the dead"
        );
        let sent = count.get(0).unwrap();
        assert!(last == sent || last == sent + 1, "{last} came of {sent}");
        within += u64::from(last == sent);
        say("next");
    }
    // How many is a matter of the machine.
    assert!(within > 0, "none died within a send");
}

fn receivers_are_killed() {
    for round in 0..KILLS / 4 {
        let (mut here, mut there) = pair::<u64, u64>().unwrap();
        let victim = forked(|| {
            let mut next = 0;
            while let Ok(bytes) = there.recv_bytes() {
                next += 1;
                assert_eq!(number_of(&bytes), next);
            }
            0
        });
        drop(there);
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                for number in 1.. {
                    if let Err(end) = here.send_bytes(&stripes(number, VAST)) {
                        return end;
                    }
                }
                SendError::Full
            });
            std::thread::sleep(moment(round));
            victim.kill();
            let start = Instant::now();
            let end = sending.join().unwrap();
            assert!(matches!(end, SendError::Disconnected), "{end}");
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "waits for the dead"
            );
        });
        say("next");
    }
}

/// Against the rules: messages may be lost, and none is torn.
fn two_send_by_one_end() {
    let (mut here, mut there) = pair::<u64, u64>().unwrap();
    let mut send = |number| {
        forked(|| {
            let sent = (0..20).all(|_| there.send_bytes(&stripes(number, VAST)).is_ok());
            u8::from(!sent)
        })
    };
    let senders = [send(1), send(2)];
    drop(there);
    let mut whole = 0;
    loop {
        match here.receiver().recv_bytes_timeout(PATIENCE) {
            Ok(bytes) => {
                number_of(&bytes);
                whole += 1;
            }
            Err(RecvError::Decode(_)) => {}
            Err(RecvError::Disconnected) => break,
            Err(e) => panic!("{e}"),
        }
    }
    // At least the one that was begun last: nothing came in its way.
    assert!((1..=40).contains(&whole), "{whole}");
    assert_eq!(senders.map(super::fork::Forked::code), [0, 0]);
}

#[test]
fn processes_killed_at_random_tear_and_lose_nothing() {
    alone("have one after the other killed");
}

#[test]
fn a_stopped_process_is_not_a_dead_one() {
    let (mut here, child) = child::<String, String>("answer over a socket", "!");
    child.expect("ready");
    stop(&child);
    here.send(&"well".to_owned()).unwrap();
    let start = Instant::now();
    assert!(matches!(here.recv_timeout(WHILE), Err(RecvError::Empty)));
    let vast = "x".repeat(4 * VAST);
    let full = here.send_timeout(&vast, WHILE);
    assert!(matches!(full, Err(SendError::Full)), "{full:?}");
    assert!(start.elapsed() >= 2 * WHILE);
    child.signal(Signal::CONT);
    assert_eq!(here.recv_timeout(PATIENCE).unwrap(), "well!");
    // What was given up never comes.
    here.send(&"on".to_owned()).unwrap();
    assert_eq!(here.recv_timeout(PATIENCE).unwrap(), "on!");
}

#[test]
fn a_forked_child_does_not_have_its_parents_ends() {
    let (mut here, mut there) = pair::<u64, u64>().unwrap();
    here.send(&1).unwrap();
    let code = in_fork(|| {
        let refused = here.send(&2);
        if !matches!(&refused, Err(SendError::Broken(e)) if e.kind() == ErrorKind::NotOwner) {
            return 1;
        }
        // Nobody had used it: it is the child's from now on.
        if there.recv().ok() != Some(1) || there.send(&3).is_err() {
            return 2;
        }
        0
    });
    assert_eq!(code, 0);
    assert_eq!(here.recv().unwrap(), 3);
    // Halves of the parent that a child drops stay open.
    let halves = std::cell::Cell::new(Some(here.split()));
    assert_eq!(in_fork(|| u8::from(halves.take().is_none())), 0);
    let (mut sender, _receiver) = halves.take().unwrap();
    sender.send(&4).unwrap();
    assert_eq!(there.recv().unwrap(), 4);
}

#[test]
fn a_message_beyond_the_bound_is_passed_over() {
    let (mut here, mut there) = pair::<u64, ()>().unwrap();
    there.receiver().set_max_message(1000);
    for len in [1001, VAST] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                here.send_bytes(&stripes(1, len)).unwrap();
                here.send(&2).unwrap();
            });
            // Looking does not use it up.
            assert!(there.poll_timeout(PATIENCE).unwrap());
            let refused = there.recv_timeout(PATIENCE);
            let Err(RecvError::Decode(error)) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(error.kind(), ErrorKind::Full, "{error}");
            assert_eq!(there.recv_timeout(PATIENCE).unwrap(), 2);
        });
    }
    here.sender().set_max_message(1000);
    let refused = here.send_bytes(&[0; 1001]);
    assert!(matches!(refused, Err(SendError::TooLong { longest: 1000 })));
    here.send_bytes(&stripes(3, 1000)).unwrap();
    assert_eq!(number_of(&there.recv_bytes().unwrap()), 3);
}

#[test]
fn garbage_is_an_error_and_what_follows_a_message() {
    let (hostile, end) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let mut end: Connection<u64, String> = end.into();
    let mut honest: Connection<String, u64> = hostile.try_clone().unwrap().into();
    let mut lying = vec![0xA1, 0, 0, 0];
    lying.extend([0; 12]);
    // A length that nobody has memory for.
    lying.extend(u64::MAX.to_le_bytes());
    let mut without_fds = vec![0xA1, 0, 7, 0, 7, 0, 0, 0];
    without_fds.extend([0; 16]);
    let packets = [
        vec![1],
        vec![0; 24],
        vec![0xA2; 24],
        vec![0xA1; 100_000],
        lying,
        without_fds,
    ];
    for packet in packets {
        rustix::net::send(&hostile, &packet, SendFlags::NOSIGNAL).unwrap();
        honest.send(&"honest".to_owned()).unwrap();
        let refused = end.recv();
        assert!(
            matches!(refused, Err(RecvError::Decode(_) | RecvError::Fds(_))),
            "{refused:?}"
        );
        assert_eq!(end.recv().unwrap(), "honest");
    }
    // An empty packet is as good as the end.
    rustix::net::send(&hostile, &[], SendFlags::NOSIGNAL).unwrap();
    assert!(gone(&end.recv()));
}
