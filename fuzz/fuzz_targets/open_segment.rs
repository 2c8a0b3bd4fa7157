//! Hostile bytes as a segment file: whatever is in it, opening, listing and every operation that
//! does not wait ends with a result or an error.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Lock, RLock, Segment};
use outlive_fuzz::hostile::{Blow, Ground, Place, options};
use outlive_fuzz::limits::SHORT;

#[derive(Debug, Arbitrary)]
enum Input {
    /// Not much of a segment.
    Raw(Vec<u8>),
    /// A segment that its creator left, and that somebody wrote over.
    Struck(Vec<Blow>),
}

fuzz_target!(|input: Input| {
    match input {
        Input::Raw(bytes) => {
            let place = Place::new();
            std::fs::write(place.path(), bytes).expect("a file");
            if let Ok(segment) = options().open_file(place.path()) {
                use_all(&segment);
            }
        }
        Input::Struck(blows) => {
            let (segment, ground) = Ground::new();
            let lock = Lock::create(&segment, "lock").expect("room");
            let rlock = RLock::create(&segment, "rlock").expect("room");
            drop((lock, rlock, segment));
            for blow in &blows {
                ground.strike(blow);
            }
            if let Ok(segment) = options().open_file(ground.path()) {
                use_all(&segment);
            }
        }
    }
});

fn use_all(segment: &Segment) {
    let _ = segment.free();
    let _ = segment.objects();
    let _ = segment.participants();
    let _ = segment.recoveries();
    if let Ok(lock) = Lock::open_or_create(segment, "lock") {
        let _ = lock.holder();
        drop(lock.try_lock());
        drop(lock.lock_timeout(SHORT));
        let _ = lock.release();
    }
    if let Ok(lock) = RLock::open_or_create(segment, "rlock") {
        drop(lock.try_lock());
        drop(lock.lock_timeout(SHORT));
    }
    let _ = Lock::create(segment, "new");
    let _ = segment.reap();
    let _ = segment.remove("lock");
}
