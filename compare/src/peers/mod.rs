//! Whom we measure beside us.

pub mod futex;
pub mod iceoryx;
pub mod pthread;
pub mod threaded;
pub mod unix;
pub mod vyukov;
