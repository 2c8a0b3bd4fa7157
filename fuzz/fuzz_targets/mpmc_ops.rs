//! One process's use of an mpmc queue, beside a deque.

#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::{GetError, PutError};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

/// An odd size, so that strides are rounded.
type Item = [u8; 5];

#[derive(Debug, Arbitrary)]
enum Step {
    Put(Item),
    PutTimed(Item),
    Get,
    GetTimed,
    Close,
    Reopen,
}

#[derive(Debug, Arbitrary)]
struct Input {
    capacity: u8,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let segment = options().size(64 << 10).anonymous().expect("a segment");
    let mut queue =
        Mpmc::<Item>::create(&segment, "queue", usize::from(input.capacity).max(1)).expect("room");
    let capacity = queue.capacity();
    assert!(capacity >= usize::from(input.capacity).max(1));
    let mut model = VecDeque::new();
    let mut closed = false;
    let mut timed = 8;
    for step in input.steps.iter().take(400) {
        match step {
            Step::Put(item) | Step::PutTimed(item) => {
                let put = match step {
                    Step::PutTimed(_) if timed > 0 => {
                        timed -= 1;
                        queue.put_timeout(*item, SHORT)
                    }
                    _ => queue.try_put(*item),
                };
                match put {
                    Ok(()) => {
                        assert!(model.len() < capacity && !closed);
                        model.push_back(*item);
                    }
                    Err(PutError::Full) => assert!(model.len() == capacity && !closed),
                    Err(PutError::Closed) => assert!(closed),
                    Err(PutError::Broken(error)) => panic!("{error}"),
                }
            }
            Step::Get | Step::GetTimed => {
                let got = match step {
                    Step::GetTimed if timed > 0 => {
                        timed -= 1;
                        queue.get_timeout(SHORT)
                    }
                    _ => queue.try_get(),
                };
                match got {
                    Ok(item) => assert_eq!(Some(item), model.pop_front()),
                    Err(GetError::Empty) => assert!(model.is_empty() && !closed),
                    Err(GetError::Closed) => assert!(model.is_empty() && closed),
                    Err(GetError::Broken(error)) => panic!("{error}"),
                }
            }
            Step::Close => {
                queue.close().expect("joined");
                closed = true;
            }
            Step::Reopen => queue = Mpmc::open(&segment, "queue").expect("it has a name"),
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_full(), model.len() == capacity);
        assert_eq!(queue.is_closed(), closed);
    }
});
