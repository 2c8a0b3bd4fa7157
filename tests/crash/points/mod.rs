//! Crash points: every operation, every shared write.

mod array;
mod barrier;
mod condition;
mod event;
mod lock;
mod mpmc;
mod pipe;
mod queue;
mod rlock;
mod rwlock;
mod segment;
mod semaphore;
mod spsc;
mod stops;
mod sweep;
mod value;

/// All laws, one list for each noun.
pub fn laws() -> Vec<super::Law> {
    [
        barrier::LAWS,
        event::LAWS,
        lock::LAWS,
        mpmc::LAWS,
        queue::LAWS,
        pipe::LAWS,
        rlock::LAWS,
        rwlock::LAWS,
        segment::LAWS,
        value::LAWS,
        array::LAWS,
        condition::LAWS,
        semaphore::LAWS,
        spsc::LAWS,
        stops::LAWS,
    ]
    .concat()
}
