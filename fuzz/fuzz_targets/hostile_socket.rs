//! The receiving side of a socket, to which somebody sends packets of garbage: heads that lie,
//! lengths that nobody has memory for, descriptors that nobody asked for, parts of nothing.

#![no_main]

use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::socket::{Connection, Fd, RecvError};
use outlive_fuzz::limits::{SHORT, STEPS};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};

type Message = (u64, Vec<String>, Option<Vec<Fd<OwnedFd>>>);

#[derive(Debug, Arbitrary)]
enum Step {
    /// Any bytes, with so many descriptors.
    Garbage(Vec<u8>, u8),
    /// A packet with a head that is one; what it says may be wrong.
    Packet {
        is_first: bool,
        number: u8,
        here: u8,
        fds: u8,
        len: u8,
        part: Vec<u8>,
        sent: u8,
    },
    /// A head with a length or a count beyond all bounds.
    Huge {
        len: u64,
        fds: u32,
    },
    Honest(u64, Vec<String>, u8),
    Recv,
    RecvTimed,
    RecvBytes,
    RecvInto(u8),
    Poll,
    Bound(u8, u8),
    HangUp,
}

/// A head as `src/queue/socket/packet.rs` has it.
fn head(is_first: bool, here: u16, fds: u32, number: u64, len: u64) -> Vec<u8> {
    let mut head = vec![if is_first { 0xA1 } else { 0xA2 }, 0];
    head.extend(here.to_le_bytes());
    head.extend(if is_first { fds } else { 0 }.to_le_bytes());
    head.extend(number.to_le_bytes());
    head.extend(len.to_le_bytes());
    head
}

fn send(hostile: &OwnedFd, null: &File, bytes: &[u8], count: usize) {
    let fds = vec![null.as_fd(); count];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if count > 0 {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let _ = sendmsg(hostile, &[IoSlice::new(bytes)], &mut control, flags);
}

fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fuzz_target!(|steps: Vec<Step>| {
    let before = open_fds();
    run(&steps);
    assert_eq!(open_fds(), before, "a descriptor leaks");
});

fn run(steps: &[Step]) {
    let null = File::open("/dev/null").expect("it is there");
    let (hostile, end) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .expect("numbers");
    let mut honest: Connection<Message> = hostile.try_clone().expect("a number").into();
    let mut end: Connection<Message> = end.into();
    let mut hostile = Some(hostile);
    for step in steps.iter().take(STEPS) {
        match (step, &hostile) {
            (Step::Garbage(bytes, fds), Some(hostile)) => {
                send(hostile, &null, bytes, usize::from(fds % 4));
            }
            (
                Step::Packet {
                    is_first,
                    number,
                    here,
                    fds,
                    len,
                    part,
                    sent,
                },
                Some(hostile),
            ) => {
                let (here, fds) = (u16::from(here % 4), u32::from(fds % 8));
                let number = u64::from(number % 3);
                let mut packet = head(*is_first, here, fds, number, u64::from(len % 40));
                packet.extend(part);
                send(hostile, &null, &packet, usize::from(sent % 4));
            }
            (Step::Huge { len, fds }, Some(hostile)) => {
                send(hostile, &null, &head(true, 0, *fds, 1, *len), 0);
            }
            (Step::Honest(number, names, fds), Some(_)) => {
                let fds = (0..fds % 4).filter_map(|_| null.try_clone().ok());
                let fds = fds.map(|file| Fd(file.into())).collect();
                let _ = honest.try_send(&(*number, names.clone(), Some(fds)));
            }
            (Step::Recv, _) => drop(end.try_recv()),
            (Step::RecvTimed, _) => drop(end.recv_timeout(SHORT)),
            (Step::RecvBytes, _) => drop(end.receiver().try_recv_bytes()),
            (Step::RecvInto(len), _) => {
                drop(
                    end.receiver()
                        .try_recv_bytes_into(&mut vec![0; (*len).into()]),
                );
            }
            (Step::Poll, _) => drop(end.poll()),
            (Step::Bound(bytes, fds), _) => {
                end.receiver().set_max_message((*bytes).into());
                end.receiver().set_max_fds((*fds).into());
            }
            (Step::HangUp, _) => {
                hostile = None;
                let _ = honest.close();
            }
            _ => {}
        }
    }
    // It ends: whatever is under way, and then the end of file.
    drop((hostile, honest));
    let mut rest = 0;
    loop {
        rest += 1;
        assert!(rest < 100_000, "it does not end");
        match end.recv() {
            Err(RecvError::Disconnected) => return,
            Err(RecvError::Broken(error)) => panic!("{error}"),
            _ => {}
        }
    }
}
