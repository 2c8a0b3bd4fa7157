//! `Event`: killed at every shared write of setting, clearing and waiting.

use std::time::Duration;

use outlive::{Event, Segment};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::Forked;

const SOON: Duration = Duration::from_millis(900);

pub const LAWS: &[Law] = &[
    (
        "event::a_death_in_set_or_clear_leaves_one_or_the_other",
        || {
            let deaths = sweep(
                event,
                |_, event| {
                    event.set().unwrap();
                    event.clear().unwrap();
                    event.set().unwrap();
                },
                |_, event, _| works(event),
            );
            assert!(deaths >= 3, "{deaths} deaths");
        },
    ),
    ("event::a_death_between_set_and_wake_strands_nobody", || {
        let deaths = sweep(
            |segment| {
                let event = event(segment);
                let waiter = {
                    let event = event.clone();
                    Forked::start(move || u8::from(!event.wait_timeout(SOON).unwrap()))
                };
                // It is asleep by then; if not, this sweep tries a little less.
                std::thread::sleep(Duration::from_millis(10));
                (event, std::cell::RefCell::new(waiter))
            },
            |_, (event, _)| event.set().unwrap(),
            |_, (event, waiter), _| {
                if !event.is_set() {
                    event.set().unwrap();
                }
                assert_eq!(waiter.borrow_mut().wait(), crate::crowd::End::Exited(0));
                works(event);
            },
        );
        assert!(
            deaths >= 2,
            "{deaths} deaths: with a sleeper there is a wake"
        );
    }),
    ("event::a_death_in_a_timed_wait_strands_nobody", || {
        let deaths = sweep(
            event,
            |_, event| assert!(!event.wait_timeout(Duration::from_millis(5)).unwrap()),
            |_, event, _| works(event),
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
];

fn event(segment: &Segment) -> Event {
    Event::create(segment, "event").unwrap()
}

/// Whatever it is now, it can be set and cleared, and says so.
fn works(event: &Event) {
    for _ in 0..2 {
        event.set().unwrap();
        assert!(event.wait_timeout(SOON).unwrap());
        assert!(event.is_set());
        event.clear().unwrap();
        assert!(!event.is_set());
        assert!(!event.wait_timeout(Duration::from_millis(1)).unwrap());
    }
}
