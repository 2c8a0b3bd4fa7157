//! Both ends of an spsc queue in one process, beside a deque.

#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::ErrorKind;
use outlive::queue::spsc::Spsc;
use outlive::queue::{PopError, PushError};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

/// An odd size, so that strides are rounded.
type Item = [u8; 5];

#[derive(Debug, Arbitrary)]
enum Step {
    Push(Item),
    PushTimed(Item),
    Pop,
    PopTimed,
    Write { wanted: u8, written: u8, first: u8 },
    Read { wanted: u8, consumed: u8 },
    NewProducer,
    NewConsumer,
    Close,
}

#[derive(Debug, Arbitrary)]
struct Input {
    capacity: u8,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let segment = options().size(64 << 10).anonymous().expect("a segment");
    let queue =
        Spsc::<Item>::create(&segment, "queue", usize::from(input.capacity).max(1)).expect("room");
    let capacity = queue.capacity();
    assert!(capacity.is_power_of_two() && capacity >= usize::from(input.capacity));
    let mut model = VecDeque::new();
    let mut closed = false;
    let mut producer = Some(queue.producer().expect("free"));
    let mut consumer = Some(queue.consumer().expect("free"));
    let mut timed = 8;
    for step in input.steps.iter().take(400) {
        let (Some(push), Some(pop)) = (&mut producer, &mut consumer) else {
            unreachable!()
        };
        let is_full = model.len() == capacity;
        match step {
            Step::Push(item) | Step::PushTimed(item) => {
                let pushed = match step {
                    Step::PushTimed(_) if timed > 0 => {
                        timed -= 1;
                        push.push_timeout(*item, SHORT)
                    }
                    _ => push.try_push(*item),
                };
                match pushed {
                    Ok(()) => {
                        assert!(!is_full && !closed);
                        model.push_back(*item);
                    }
                    Err(PushError::Full) => assert!(is_full && !closed),
                    Err(PushError::Disconnected { crashed }) => assert!(closed && !crashed),
                    Err(PushError::Broken(error)) => panic!("{error}"),
                }
            }
            Step::Pop | Step::PopTimed => {
                let popped = match step {
                    Step::PopTimed if timed > 0 => {
                        timed -= 1;
                        pop.pop_timeout(SHORT)
                    }
                    _ => pop.try_pop(),
                };
                match popped {
                    Ok(item) => assert_eq!(Some(item), model.pop_front()),
                    Err(PopError::Empty) => assert!(model.is_empty() && !closed),
                    Err(PopError::Disconnected { crashed }) => {
                        assert!(model.is_empty() && closed && !crashed);
                    }
                    Err(PopError::Broken(error)) => panic!("{error}"),
                }
            }
            Step::Write {
                wanted,
                written,
                first,
            } => match push.try_write_chunk((*wanted).into()) {
                Ok(mut chunk) => {
                    assert!((1..=usize::from(*wanted).max(1)).contains(&chunk.len()));
                    let count = usize::from(*written) % (chunk.len() + 1);
                    for at in 0..count {
                        let item = [first.wrapping_add(at as u8); 5];
                        chunk.set(at, item);
                        model.push_back(item);
                    }
                    chunk.commit(count);
                }
                Err(PushError::Full) => assert!(is_full && !closed),
                Err(PushError::Disconnected { .. }) => assert!(closed),
                Err(PushError::Broken(error)) => panic!("{error}"),
            },
            Step::Read { wanted, consumed } => match pop.try_read_chunk((*wanted).into()) {
                Ok(chunk) => {
                    assert!(chunk.iter().eq(model.iter().copied().take(chunk.len())));
                    let count = usize::from(*consumed) % (chunk.len() + 1);
                    chunk.consume(count);
                    model.drain(..count);
                }
                Err(PopError::Empty) => assert!(model.is_empty() && !closed),
                Err(PopError::Disconnected { .. }) => assert!(model.is_empty() && closed),
                Err(PopError::Broken(error)) => panic!("{error}"),
            },
            Step::NewProducer => {
                assert_eq!(
                    queue.producer().err().map(|e| e.kind()),
                    Some(ErrorKind::InUse)
                );
                producer = None;
                producer = Some(queue.producer().expect("it was given back"));
            }
            Step::NewConsumer => {
                assert_eq!(
                    queue.consumer().err().map(|e| e.kind()),
                    Some(ErrorKind::InUse)
                );
                consumer = None;
                consumer = Some(queue.consumer().expect("it was given back"));
            }
            Step::Close => {
                queue.close().expect("joined");
                closed = true;
            }
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_closed(), closed);
    }
});
