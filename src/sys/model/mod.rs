//! The facade under loom: modelled atomics, a modelled death, and no kernel.

pub(crate) mod atomic;
pub(crate) mod death;
