//! One process's use of an event beside a flag, and, where a step says so, with somebody who writes
//! over it: then each operation still ends, with a result, an error or its timeout.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Event;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Set,
    Clear,
    Timed,
    Look,
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut event = Event::create(&segment, "event").expect("room");
    // What the event must be; nobody knows after a blow.
    let mut model = Some(false);
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => {
                ground.strike(blow);
                model = None;
            }
            Step::Set => model = event.set().is_ok().then_some(true),
            Step::Clear => model = event.clear().is_ok().then_some(false),
            Step::Timed => {
                let set = event.wait_timeout(SHORT);
                if let Some(expected) = model {
                    assert_eq!(set.expect("unharmed"), expected);
                }
            }
            Step::Look => {
                let _ = format!("{event:?}");
            }
            Step::Reopen => {
                let again = Event::open(&segment, "event");
                event = again.unwrap_or(event);
            }
        }
        assert!(model.is_none_or(|expected| event.is_set() == expected));
    }
});
