//! Events whose words somebody writes over, between the operations and while one of them waits:
//! each ends with a result, an error or its timeout.

#![no_main]

use std::sync::atomic::{AtomicBool, Ordering};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Event;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    /// Anywhere.
    Strike(Blow),
    /// At the event.
    Hit(Blow),
    /// At the event, over and over, while this side waits for it.
    Storm(Vec<Blow>),
    Set,
    Clear,
    Timed,
    Look,
    Reopen,
    Reap,
}

/// The word, and what lies before and after it.
const AROUND: usize = 8;

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut event = Event::create(&segment, "event").expect("room");
    let word = ground.first_change(|| event.set().expect("unharmed"));
    let hit = |blow| ground.strike_within(word - AROUND / 2, AROUND, blow);
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Hit(blow) => hit(blow),
            Step::Storm(blows) => {
                let is_over = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    let storm = scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            blows.iter().for_each(hit);
                        }
                    });
                    drop(event.wait_timeout(SHORT));
                    drop(event.set());
                    is_over.store(true, Ordering::Relaxed);
                    storm.join().expect("it does not panic");
                });
            }
            Step::Set => drop(event.set()),
            Step::Clear => drop(event.clear()),
            Step::Timed => drop(event.wait_timeout(SHORT)),
            Step::Look => {
                let _ = format!("{event:?} {}", event.is_set());
            }
            Step::Reopen => event = Event::open(&segment, "event").unwrap_or(event),
            Step::Reap => drop((segment.participants(), segment.reap())),
        }
    }
    // Whatever stands in the word, it is an event.
    if event.set().is_ok() {
        assert!(event.is_set());
    }
});
