//! Real processes through the public API. A child process is this binary again, in a role.

mod array;
mod child;
mod fork;
mod lock;
mod mpmc;
mod rlock;
mod segment;
mod semaphore;
mod tidy;
mod value;
