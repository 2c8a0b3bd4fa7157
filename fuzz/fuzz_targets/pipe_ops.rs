//! Both ends of a pipe in one process, beside a deque of messages.

#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::pipe::{Pipe, RecvError, SendError};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

/// Most steps of one input.
const STEPS: usize = 200;
/// Most waits of one input that may have to time out.
const WAITS: usize = 8;

#[derive(Debug, Arbitrary)]
enum Step {
    /// A message that postcard writes, of so many strings.
    Send(Vec<String>),
    SendBytes(u16),
    /// A message larger than the pipe: it goes in as far as there is room, and is given up.
    SendVast(u8),
    Recv,
    RecvBytes,
    RecvInto(u16),
    Poll,
    NewSender,
    NewReceiver,
    Close,
}

#[derive(Debug, Arbitrary)]
struct Input {
    capacity: u16,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let segment = options().size(256 << 10).anonymous().expect("a segment");
    let asked = usize::from(input.capacity);
    let pipe = Pipe::<Vec<String>>::create(&segment, "pipe", asked).expect("room");
    let capacity = pipe.capacity();
    assert!(capacity >= asked);
    let mut sender = Some(pipe.sender().expect("free"));
    let mut receiver = Some(pipe.receiver().expect("free"));
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    let mut is_closed = false;
    let mut waits = 0..WAITS;
    let mut fill = 0_u8;
    for step in input.steps.iter().take(STEPS) {
        let to = sender.as_mut().expect("not being exchanged");
        let from = receiver.as_mut().expect("not being exchanged");
        let mut sent = |bytes: Vec<u8>, sent: Result<(), SendError>| match sent {
            Ok(()) => {
                assert!(!is_closed && bytes.len() <= capacity);
                model.push_back(bytes);
            }
            // An empty pipe has room for all that fits, unless parts of a vast one lie in it.
            Err(SendError::Full) => assert!(!is_closed),
            Err(SendError::TooLong { longest }) => {
                assert!(longest == capacity && bytes.len() > capacity && !is_closed);
            }
            Err(SendError::Disconnected { crashed }) => assert!(is_closed && !crashed),
            Err(error) => panic!("{error}"),
        };
        match step {
            Step::Send(message) => {
                let bytes = postcard::to_stdvec(message).expect("it can be written");
                sent(bytes, to.try_send(message));
            }
            Step::SendBytes(len) => {
                fill = fill.wrapping_add(1);
                let bytes = vec![fill; (*len).into()];
                let done = to.try_send_bytes(&bytes);
                sent(bytes, done);
            }
            Step::SendVast(more) => {
                if waits.next().is_some() {
                    let bytes = vec![0xEE; capacity + 1 + usize::from(*more)];
                    let end = to.send_bytes_timeout(&bytes, SHORT);
                    assert!(end.is_err(), "nobody receives meanwhile");
                }
            }
            Step::Recv => match from.try_recv() {
                Ok(message) => {
                    let bytes = model.pop_front().expect("something was sent");
                    let (meant, rest) =
                        postcard::take_from_bytes::<Vec<String>>(&bytes).expect("it was readable");
                    assert!(message == meant && rest.is_empty());
                }
                Err(RecvError::Decode(_)) => {
                    let bytes = model.pop_front().expect("something was sent");
                    let read = postcard::take_from_bytes::<Vec<String>>(&bytes);
                    assert!(read.is_err() || read.is_ok_and(|(_, rest)| !rest.is_empty()));
                }
                Err(error) => nothing(error, &model, is_closed),
            },
            Step::RecvBytes => match from.try_recv_bytes() {
                Ok(bytes) => assert_eq!(Some(bytes), model.pop_front()),
                Err(error) => nothing(error, &model, is_closed),
            },
            Step::RecvInto(len) => {
                let mut buffer = vec![0; (*len).into()];
                match from.try_recv_bytes_into(&mut buffer) {
                    Ok(len) => assert_eq!(Some(&buffer[..len]), model.pop_front().as_deref()),
                    Err(RecvError::TooShort { needed }) => {
                        assert!(needed > buffer.len());
                        assert_eq!(Some(needed), model.front().map(Vec::len));
                    }
                    Err(error) => nothing(error, &model, is_closed),
                }
            }
            Step::Poll => {
                let is_ready = from.poll().expect("it is ours");
                assert_eq!(is_ready, !model.is_empty() || is_closed);
            }
            Step::NewSender => {
                drop(sender.take());
                sender = Some(pipe.sender().expect("it was given back"));
            }
            Step::NewReceiver => {
                drop(receiver.take());
                receiver = Some(pipe.receiver().expect("it was given back"));
            }
            Step::Close => {
                pipe.close().expect("joined");
                is_closed = true;
            }
        }
    }
});

/// Checks that nothing was there to be had.
fn nothing(why: RecvError, model: &VecDeque<Vec<u8>>, is_closed: bool) {
    assert!(model.is_empty(), "{why}");
    match why {
        RecvError::Empty => assert!(!is_closed),
        RecvError::Disconnected { crashed } => assert!(is_closed && !crashed),
        error => panic!("{error}"),
    }
}
