//! The sweep: a victim dies before its k-th shared write, for k = 1, 2, ... until it lives.

use std::time::Duration;

use outlive::{Segment, SegmentOptions, crash_points};

use crate::crowd::{End, Forked};
use crate::pressure::Span;

/// Longest time that survivors may take to go on.
const SURVIVORS: Duration = Duration::from_secs(1);

/// Writes with which a forked victim enters itself as a holder of an object, at its first use: the
/// books, its bit, the books.
pub const ENTERING: u64 = 3;

/// A fresh segment for one death.
pub fn segment() -> Segment {
    SegmentOptions::new()
        .size(1 << 18)
        .participants(8)
        .anonymous()
        .unwrap()
}

/// Lets a forked victim do `act` in the world that `set_up` makes, and die before its k-th shared
/// write; then `survive` must find the world in order, in time. Ends with the first k at which the
/// victim lives, and returns the number of deaths.
///
/// The victim is a participant before the fuse is lit. Whatever it leaves must be gone after a
/// reap: slots, and objects without a name.
pub fn sweep<W>(
    set_up: impl Fn(&Segment) -> W,
    act: impl Fn(&Segment, &W),
    survive: impl Fn(&Segment, &W, End),
) -> u64 {
    sweep_in(segment, set_up, act, survive)
}

/// The same in segments that `make` makes.
pub fn sweep_in<W>(
    make: impl Fn() -> Segment,
    set_up: impl Fn(&Segment) -> W,
    act: impl Fn(&Segment, &W),
    survive: impl Fn(&Segment, &W, End),
) -> u64 {
    for k in 1.. {
        let segment = make();
        let world = set_up(&segment);
        let (free, objects) = (segment.free().unwrap(), segment.objects().unwrap().len());
        let end = Forked::start(|| {
            segment.free().unwrap();
            crash_points::arm(k);
            act(&segment, &world);
            crash_points::disarm();
            // What the handles do when they are dropped is a sweep of its own.
            0
        })
        .wait();
        let span = Span::start();
        survive(&segment, &world, end);
        let took = span.elapsed();
        assert!(
            took < SURVIVORS,
            "survivors took {took:?} after a death at point {k}"
        );
        segment.reap().unwrap();
        assert_eq!(segment.participants().len(), 1, "a slot leaks at point {k}");
        let now = (segment.free().unwrap(), segment.objects().unwrap().len());
        if now.1 == objects {
            assert_eq!(now.0, free, "bytes leak at point {k}");
        }
        match end {
            End::Exited(0) => return k - 1,
            End::Exited(code) => panic!("the victim failed with {code} at point {k}"),
            End::Killed => {}
        }
    }
    unreachable!("a victim that writes for ever")
}

/// A process that does `act`, all of it, and is then killed: what a reaper finds.
pub fn dead(segment: &Segment, act: impl Fn()) {
    let end = Forked::start(|| {
        segment.free().unwrap();
        act();
        0
    })
    .wait();
    assert_eq!(end, End::Exited(0));
}
