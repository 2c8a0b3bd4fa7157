//! Barriers of one party and of two whose words somebody writes over, between the operations, in the
//! action and while parties wait: each ends with its index, an error or its timeout.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Barrier;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    /// Anywhere.
    Strike(Blow),
    /// At the first barrier, or the second.
    Hit(bool, Blow),
    Timed(bool),
    /// With an action, and blows in it.
    Act(bool, Vec<Blow>),
    /// Two parties, and blows meanwhile.
    Meet(bool, Vec<Blow>),
    Abort(bool),
    Reset(bool),
    Look(bool),
    Reopen,
    Reap,
}

/// The head and two cells.
const LEN: usize = 64 + 2 * 8;

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let make = |name: &str, parties| Barrier::create(&segment, name, parties).expect("room");
    let mut all = [make("one", 1), make("two", 2)];
    let places = [0, 1].map(|at: usize| {
        let place = ground.first_change(|| all[at].abort().expect("unharmed"));
        all[at].reset().expect("unharmed");
        place & !63
    });
    let hit = |second: bool, blow| {
        ground.strike_within(places[usize::from(second)], LEN, blow);
    };
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Hit(second, blow) => hit(*second, blow),
            Step::Timed(second) => drop(all[usize::from(*second)].wait_timeout(SHORT)),
            Step::Act(second, blows) => {
                let action = || blows.iter().for_each(|blow| hit(*second, blow));
                drop(all[usize::from(*second)].wait_with_timeout(action, SHORT));
            }
            Step::Meet(second, blows) => {
                let barrier = &all[usize::from(*second)];
                std::thread::scope(|scope| {
                    let other = scope.spawn(|| drop(barrier.wait_timeout(SHORT)));
                    blows.iter().for_each(|blow| hit(*second, blow));
                    drop(barrier.wait_timeout(SHORT));
                    other.join().expect("it does not panic");
                });
            }
            Step::Abort(second) => drop(all[usize::from(*second)].abort()),
            Step::Reset(second) => drop(all[usize::from(*second)].reset()),
            Step::Look(second) => {
                let barrier = &all[usize::from(*second)];
                let _ = (barrier.is_broken(), barrier.n_waiting());
                let _ = format!("{barrier:?}");
                // The number of parties is read once, when the barrier is opened.
                assert!(barrier.n_waiting() <= barrier.parties());
            }
            Step::Reopen => {
                let [one, two] = all;
                all = [("one", one), ("two", two)]
                    .map(|(name, old)| Barrier::open(&segment, name).unwrap_or(old));
            }
            Step::Reap => drop((segment.participants(), segment.reap())),
        }
    }
});
