//! `queue::wait`: killed at every shared write of waiting for several queues at once.

use std::time::Duration;

use outlive::queue::mpmc::Mpmc;
use outlive::queue::spsc::{Consumer, Producer, Spsc};
use outlive::{Queue, Segment, queue};

use super::sweep::{ENTERING, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(5);

pub const LAWS: &[Law] = &[
    ("wait::a_death_in_a_vain_wait_strands_nobody", || {
        let deaths = sweep(
            Several::of,
            |segment, _| assert_eq!(Several::open(segment).wait(BRIEFLY), []),
            |_, all, _| all.go_on(),
        );
        assert!(deaths > 3 * ENTERING, "{deaths} deaths");
    }),
    (
        "wait::a_death_with_something_to_hand_on_strands_nobody",
        || {
            let deaths = sweep(
                |segment| {
                    let all = Several::of(segment);
                    all.mpmc.put(1).unwrap();
                    all.messages.put(&"one".to_owned()).unwrap();
                    all
                },
                |segment, _| assert_eq!(Several::open(segment).wait(LIMIT), [0, 1]),
                |_, all, _| {
                    // Those who sleep are woken all the same.
                    let mut taker = Forked::start(|| {
                        let number = all.mpmc.get_timeout(LIMIT).unwrap();
                        let word = all.messages.get_timeout(LIMIT).unwrap();
                        u8::from((number, word.as_str()) != (1, "one"))
                    });
                    assert_eq!(taker.wait(), End::Exited(0));
                    all.go_on();
                },
            );
            assert!(deaths > 3 * ENTERING, "{deaths} deaths");
        },
    ),
];

/// One queue of each kind that can be waited for.
struct Several {
    mpmc: Mpmc<u64>,
    messages: Queue<String>,
    ring: Spsc<u64>,
}

impl Several {
    fn of(segment: &Segment) -> Self {
        Self {
            mpmc: Mpmc::create(segment, "mpmc", 4).unwrap(),
            messages: Queue::create(segment, "messages", 4).unwrap(),
            ring: Spsc::create(segment, "ring", 4).unwrap(),
        }
    }

    fn open(segment: &Segment) -> Self {
        Self {
            mpmc: Mpmc::open(segment, "mpmc").unwrap(),
            messages: Queue::open(segment, "messages").unwrap(),
            ring: Spsc::open(segment, "ring").unwrap(),
        }
    }

    fn wait(&self, limit: Duration) -> Vec<usize> {
        let mut consumer: Consumer<u64> = self.ring.consumer().unwrap();
        let (mut mpmc, mut messages) = (self.mpmc.clone(), self.messages.clone());
        let ends: &mut [&mut dyn queue::Waitable] = &mut [&mut mpmc, &mut messages, &mut consumer];
        queue::wait_timeout(ends, limit).unwrap()
    }

    /// Everything still works, for those who sleep and those who do not.
    fn go_on(&self) {
        assert_eq!(self.wait(BRIEFLY), []);
        self.mpmc.put(7).unwrap();
        assert_eq!(self.wait(LIMIT), [0]);
        assert_eq!(self.mpmc.get_timeout(LIMIT).unwrap(), 7);
        self.messages.put(&"seven".to_owned()).unwrap();
        assert_eq!(self.wait(LIMIT), [1]);
        assert_eq!(self.messages.get_timeout(LIMIT).unwrap(), "seven");
        let mut producer: Producer<u64> = self.ring.producer().unwrap();
        producer.push(7).unwrap();
        assert_eq!(self.wait(LIMIT), [2]);
        let mut consumer = self.ring.consumer().unwrap();
        assert_eq!(consumer.pop().unwrap(), 7);
    }
}
