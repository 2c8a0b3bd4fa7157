//! A pipe in a segment that somebody writes over between the operations: frames of garbage, lengths
//! that nobody sent, marks in the middle of messages.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::pipe::Pipe;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

type Message = (u64, Vec<String>, Option<Vec<u16>>);

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Send(Message),
    SendTimed(u8),
    SendBytes(u8),
    /// More than the pipe holds.
    SendVast(u16),
    Recv,
    RecvTimed,
    RecvBytes,
    RecvInto(u8),
    Poll,
    NewSender,
    NewReceiver,
    Look,
    Close,
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut pipe = Pipe::<Message>::create(&segment, "pipe", 700).expect("room");
    let mut sender = pipe.sender().ok();
    let mut receiver = pipe.receiver().ok();
    for step in steps.iter().take(STEPS) {
        match (step, &mut sender, &mut receiver) {
            (Step::Strike(blow), ..) => ground.strike(blow),
            (Step::Send(message), Some(end), _) => drop(end.try_send(message)),
            (Step::SendTimed(len), Some(end), _) => {
                let message = (1, vec!["x".repeat((*len).into())], None);
                drop(end.send_timeout(&message, SHORT));
            }
            (Step::SendBytes(len), Some(end), _) => {
                drop(end.try_send_bytes(&vec![7; usize::from(*len) * 3]));
            }
            (Step::SendVast(len), Some(end), _) => {
                drop(end.send_bytes_timeout(&vec![8; (*len).into()], SHORT));
            }
            (Step::Recv, _, Some(end)) => drop(end.try_recv()),
            (Step::RecvTimed, _, Some(end)) => drop(end.recv_timeout(SHORT)),
            (Step::RecvBytes, _, Some(end)) => drop(end.try_recv_bytes()),
            (Step::RecvInto(len), _, Some(end)) => {
                drop(end.try_recv_bytes_into(&mut vec![0; usize::from(*len) * 3]));
            }
            (Step::Poll, _, Some(end)) => drop(end.poll()),
            (Step::NewSender, ..) => {
                sender = None;
                sender = pipe.sender().ok().or(sender);
            }
            (Step::NewReceiver, ..) => {
                receiver = None;
                receiver = pipe.receiver().ok().or(receiver);
            }
            (Step::Look, ..) => {
                let _ = (pipe.capacity(), pipe.is_closed());
                let _ = format!("{pipe:?} {sender:?} {receiver:?}");
            }
            (Step::Close, ..) => drop(pipe.close()),
            (Step::Reopen, ..) => pipe = Pipe::open(&segment, "pipe").unwrap_or(pipe),
            _ => {}
        }
    }
});
