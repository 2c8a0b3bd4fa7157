//! One process's use of barriers of one party and of two, beside two flags, and, where a step says
//! so, with somebody who writes over them: then each operation still ends, with a result, an error
//! or its timeout.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Barrier;
use outlive::sync::BarrierError;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Timed(bool),
    Act(bool),
    Abort(bool),
    Reset(bool),
    Look(bool),
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let make = |name: &str, parties| Barrier::create(&segment, name, parties).expect("room");
    let mut all = [make("one", 1), make("two", 2)];
    // Whether each is broken; nobody knows after a blow.
    let mut broken = [Some(false), Some(false)];
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => {
                ground.strike(blow);
                broken = [None, None];
            }
            Step::Timed(second) | Step::Act(second) => {
                let at = usize::from(*second);
                let mut ran = false;
                let end = match step {
                    Step::Timed(_) => all[at].wait_timeout(SHORT),
                    _ => all[at].wait_with_timeout(|| ran = true, SHORT),
                };
                let Some(was_broken) = &mut broken[at] else {
                    continue;
                };
                match end {
                    Ok(end) => {
                        assert!(!*was_broken && !second && end.is_leader());
                        assert_eq!((end.index(), ran), (0, matches!(step, Step::Act(_))));
                    }
                    Err(BarrierError::TimedOut) => {
                        assert!(!*was_broken && *second && !ran);
                        *was_broken = true;
                    }
                    Err(BarrierError::Broken { crashed }) => {
                        assert!(*was_broken && !crashed && !ran);
                    }
                    Err(BarrierError::Unusable(error)) => panic!("{error}"),
                }
            }
            Step::Abort(second) | Step::Reset(second) => {
                let at = usize::from(*second);
                let done = match step {
                    Step::Abort(_) => all[at].abort(),
                    _ => all[at].reset(),
                };
                if let Some(broken) = &mut broken[at] {
                    done.expect("unharmed");
                    *broken = matches!(step, Step::Abort(_));
                }
            }
            Step::Look(second) => {
                let _ = format!("{:?}", all[usize::from(*second)]);
            }
            Step::Reopen => {
                let [one, two] = all;
                all = [("one", one), ("two", two)].map(|(name, old)| {
                    let again = Barrier::open(&segment, name);
                    again.unwrap_or(old)
                });
            }
        }
        for (barrier, broken) in all.iter().zip(broken) {
            if let Some(broken) = broken {
                assert_eq!((barrier.is_broken(), barrier.n_waiting()), (broken, 0));
            }
        }
    }
});
