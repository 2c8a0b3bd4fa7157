//! The books of a segment when their lock word is garbage.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use outlive::{Error, ErrorKind, Lock, Segment, SegmentOptions};

use super::child::{Child, PATIENCE};

/// The limit within which the books must be had.
const LIMIT: Duration = Duration::from_secs(5);

/// Offsets of `docs/segment-format.md`: the books' lock word, the registry and the size of a slot
/// in it, with the state first and the process id behind it.
const BOOKS: u64 = 64;
const REGISTRY: u64 = 2176;
const SLOT: u64 = 128;
const PID: u64 = 4;

/// Bits of a lock word above the token.
const MARKED: u32 = 1 << 30;
const WAITERS: u32 = 1 << 31;
/// Where in a token the generation begins, below it the slot, and in a slot's state, below it the
/// phase.
const TOKEN_GENERATION: u32 = 10;
const STATE_GENERATION: u32 = 2;

/// A segment's bytes, past its protocols.
struct Bytes(File);

impl Bytes {
    fn of(segment: &Segment) -> Self {
        Self(segment.try_clone_fd().unwrap().into())
    }

    fn read(&self, at: u64) -> u32 {
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, at).unwrap();
        u32::from_le_bytes(word)
    }

    fn write(&self, at: u64, word: u32) {
        self.0.write_all_at(&word.to_le_bytes(), at).unwrap();
    }

    /// The token of the living participant `pid`.
    fn token(&self, pid: u32) -> u32 {
        let slot = (0..64)
            .find(|slot| self.read(REGISTRY + u64::from(*slot) * SLOT + PID) == pid)
            .unwrap();
        let generation = self.read(REGISTRY + u64::from(slot) * SLOT) >> STATE_GENERATION;
        generation << TOKEN_GENERATION | (slot + 1)
    }
}

/// What somebody does to a segment.
type Act = fn(&Segment) -> Result<(), Error>;

/// Everything that takes the books, once each; the lock called "there" is there before and after.
const ALL: [Act; 5] = [
    |segment| segment.free().map(drop),
    |segment| segment.objects().map(drop),
    |segment| Lock::create(segment, "made").map(drop),
    |segment| Lock::open(segment, "there").map(drop),
    |segment| segment.remove("named"),
];

fn segment() -> (Segment, Bytes, Lock) {
    let segment = Segment::anonymous().unwrap();
    let bytes = Bytes::of(&segment);
    let there = Lock::create(&segment, "there").unwrap();
    Lock::create(&segment, "named").unwrap();
    (segment, bytes, there)
}

/// Does everything at once, and says when the last was done.
fn do_all(segment: &Segment, check: impl Fn(Result<(), Error>) + Sync) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for act in ALL {
            let check = &check;
            scope.spawn(move || check(act(segment)));
        }
    });
    start.elapsed()
}

/// `word` names somebody who lives: all time out, and go on when the word is free again.
fn times_out(segment: &Segment, bytes: &Bytes, word: u32) {
    bytes.write(BOOKS, word);
    let start = Instant::now();
    let all = do_all(segment, |end| {
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{word:#x}: {error}");
        assert!(start.elapsed() >= LIMIT, "{word:#x}");
    });
    assert!(all < PATIENCE, "{word:#x}: {all:?}");
    let left = bytes.read(BOOKS);
    assert_eq!(left | WAITERS, word | WAITERS, "nobody took it");
}

#[test]
fn garbage_that_names_the_living_times_out() {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (segment, bytes, _there) = segment();
            times_out(&segment, &bytes, bytes.token(std::process::id()));
            bytes.write(BOOKS, 0);
            do_all(&segment, Result::unwrap);
        });
        scope.spawn(|| {
            let (segment, bytes, _there) = segment();
            let mut child = Child::start(&segment, "stay", "");
            child.expect("here");
            let token = bytes.token(child.pid());
            times_out(&segment, &bytes, token | MARKED | WAITERS);
            child.kill();
            do_all(&segment, Result::unwrap);
            assert_eq!(bytes.read(BOOKS), 0, "its death ends it");
        });
    });
}

#[test]
fn garbage_that_names_the_dead_or_nobody_is_taken_over() {
    let (segment, bytes, _there) = segment();
    let mut child = Child::start(&segment, "stay", "");
    child.expect("here");
    let dead = bytes.token(child.pid());
    child.kill();
    let me = bytes.token(std::process::id());
    let nobody = [
        MARKED,
        WAITERS,
        MARKED | WAITERS,
        // No slot at all, one beyond the registry, and one that nobody joined.
        1 << TOKEN_GENERATION,
        u32::MAX,
        64,
        // Another generation of a slot in use.
        me + (1 << TOKEN_GENERATION),
        // The unrepaired dead; after this it is repaired.
        dead,
        dead | WAITERS,
        dead | MARKED,
    ];
    for word in nobody {
        bytes.write(BOOKS, word);
        let all = do_all(&segment, Result::unwrap);
        assert!(all < LIMIT, "{word:#x}: {all:?}");
        assert_eq!(bytes.read(BOOKS), 0, "{word:#x}");
        segment.remove("made").unwrap();
        Lock::create(&segment, "named").unwrap();
    }
    bytes.write(BOOKS, dead);
    assert_eq!(segment.reap().unwrap(), 1);
    assert_eq!(bytes.read(BOOKS), 0);
}

#[test]
fn a_repair_that_cannot_be_done_is_left_to_others() {
    let segment = SegmentOptions::new().participants(2).anonymous().unwrap();
    let bytes = Bytes::of(&segment);
    let mut child = Child::start(&segment, "stay", "");
    child.expect("here");
    child.kill();
    bytes.write(BOOKS, bytes.token(std::process::id()));
    assert_eq!(segment.reap().unwrap_err().kind(), ErrorKind::TimedOut);
    bytes.write(BOOKS, 0);
    // Room for another in the place of the dead.
    let mut child = Child::start(&segment, "stay", "");
    child.expect("here");
    assert_eq!(segment.recoveries().unwrap().len(), 1);
    child.kill();
}
