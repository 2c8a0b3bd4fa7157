//! Hostile bytes as a segment file: whatever is in it, looking at it, opening, listing and every
//! operation that does not wait ends with a result or an error.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::inspect::Snapshot;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::Pipe;
use outlive::queue::spsc::Spsc;
use outlive::{
    Array, AtomicArray, Barrier, Condition, Event, Lock, RLock, RwLock, Segment, Semaphore, Value,
};
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
            let _ = Snapshot::at(place.path());
            if let Ok(segment) = options().open_file(place.path()) {
                use_all(&segment);
            }
        }
        Input::Struck(blows) => {
            let (segment, ground) = Ground::new();
            fill(&segment);
            drop(segment);
            for blow in &blows {
                ground.strike(blow);
            }
            let _ = Snapshot::at(ground.path());
            if let Ok(segment) = options().open_file(ground.path()) {
                use_all(&segment);
            }
        }
    }
});

/// One object of each kind, left under its name.
fn fill(segment: &Segment) {
    Lock::create(segment, "lock").expect("room");
    RLock::create(segment, "rlock").expect("room");
    Value::create(segment, "value", [7_u64; 3]).expect("room");
    Array::create_from_slice(segment, "array", &[1_u32, 2, 3]).expect("room");
    AtomicArray::<u16>::create(segment, "atomics", 10).expect("room");
    Semaphore::create(segment, "semaphore", 5).expect("room");
    Spsc::<u64>::create(segment, "spsc", 8).expect("room");
    Mpmc::<u64>::create(segment, "mpmc", 8).expect("room");
    RwLock::create(segment, "rwlock").expect("room");
    Event::create(segment, "event").expect("room");
    Barrier::create(segment, "barrier", 3).expect("room");
    Condition::create(segment, "condition").expect("room");
    Pipe::<u64>::create(segment, "pipe", 256).expect("room");
}

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
    if let Ok(value) = Value::<[u64; 3]>::open(segment, "value") {
        let _ = value.get();
        drop(value.try_lock());
    }
    if let Ok(array) = Array::<u32>::open(segment, "array") {
        drop(array.try_lock().map(|mut guard| guard.fill(9)));
        drop(
            array
                .lock_timeout(SHORT)
                .or_else(|e| e.repair(|guard| guard.fill(0))),
        );
    }
    if let Ok(atomics) = AtomicArray::<u16>::open(segment, "atomics") {
        let _ = (atomics.fetch_add(3, 1), atomics.get(11), atomics.to_vec());
    }
    if let Ok(semaphore) = Semaphore::open(segment, "semaphore") {
        let _ = semaphore.available();
        drop(semaphore.try_acquire_many(2));
        drop(semaphore.acquire_timeout(SHORT));
    }
    if let Ok(queue) = Spsc::<u64>::open(segment, "spsc") {
        if let Ok(mut producer) = queue.producer() {
            drop((producer.try_push(1), producer.push_timeout(2, SHORT)));
        }
        if let Ok(mut consumer) = queue.consumer() {
            drop((consumer.try_pop(), consumer.pop_timeout(SHORT)));
        }
        let _ = queue.close();
    }
    if let Ok(queue) = Mpmc::<u64>::open(segment, "mpmc") {
        drop((queue.try_put(1), queue.put_timeout(2, SHORT)));
        drop((queue.try_get(), queue.get_timeout(SHORT)));
        let _ = queue.close();
    }
    let _ = Lock::create(segment, "new");
    let _ = segment.reap();
    let _ = segment.remove("lock");
}
