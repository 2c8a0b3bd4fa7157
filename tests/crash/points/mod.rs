//! Crash points: every operation, every shared write.

mod array;
mod barrier;
mod condition;
mod deadlock;
mod event;
mod joinable;
mod lock;
mod mpmc;
mod pipe;
mod pool;
mod queue;
mod rlock;
mod rwlock;
mod segment;
mod semaphore;
mod socket;
mod spsc;
mod stops;
mod sweep;
mod value;
mod wait;

/// All laws, one list for each noun.
pub fn laws() -> Vec<super::Law> {
    [
        array::LAWS,
        barrier::LAWS,
        condition::LAWS,
        deadlock::LAWS,
        event::LAWS,
        joinable::LAWS,
        lock::LAWS,
        mpmc::LAWS,
        pipe::LAWS,
        queue::LAWS,
        rlock::LAWS,
        rwlock::LAWS,
        segment::LAWS,
        semaphore::LAWS,
        socket::LAWS,
        spsc::LAWS,
        stops::LAWS,
        value::LAWS,
        wait::LAWS,
        // Last: it leaves a server behind.
        pool::LAWS,
    ]
    .concat()
}
