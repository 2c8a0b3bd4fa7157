//! Models of the protocols of [`crate::raw`], one file for each: all interleavings of two or three
//! modelled processes, and then all instants at which one of them can die.

mod barrier;
mod condition;
mod event;
mod journal;
mod lock;
mod messages;
mod mpmc;
mod notes;
mod pipe;
mod record;
mod registry;
mod rlock;
mod rwlock;
mod semaphore;
mod spsc;
mod waits;
mod watch;
mod world;
