//! The asymmetric fence: whoever is about to sleep pays for it, so that the hot path need not.

use rustix::thread::{MembarrierCommand, membarrier, membarrier_query};

/// Lets this process receive the fences of others; `false` where the kernel has none.
pub(crate) fn register() -> bool {
    membarrier_query().contains_command(MembarrierCommand::RegisterGlobalExpedited)
        && membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
}

/// A full fence on every processor that runs a registered process.
pub(crate) fn everywhere() {
    // A kernel that registered us has the command; where it fails all the same, the sleeper's
    // bounded slice heals the wake-up that could be lost.
    let _ = membarrier(MembarrierCommand::GlobalExpedited);
}
