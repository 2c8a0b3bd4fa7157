//! Our own queues in the forms that the contests want.

pub mod mpmc;
pub mod spsc;
