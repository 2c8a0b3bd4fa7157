//! Whom we measure beside us.

pub mod boost;
pub mod futex;
pub mod iceoryx;
pub mod ipc_channel;
pub mod messages;
pub mod mq;
pub mod procspawn;
pub mod pthread;
pub mod python;
pub mod raw_sync;
pub mod threaded;
pub mod unix;
pub mod vyukov;
