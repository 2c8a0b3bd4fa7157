//! Our own queues in the forms that the contests want.

pub mod mpmc;
pub mod pipe;
pub mod queue;
pub mod spsc;
