//! The timer slack of a thread: how late the kernel may end its sleeps.

use std::num::NonZeroU64;

/// While it lives, the kernel ends the sleeps of this thread on time; by default it adds up to
/// 50 us to each.
#[derive(Debug)]
pub(crate) struct ExactSleep {
    /// What it was before; `None` where the kernel would not say.
    slack: Option<NonZeroU64>,
}

impl ExactSleep {
    pub(crate) fn begin() -> Self {
        let slack = rustix::thread::current_timer_slack()
            .ok()
            .and_then(NonZeroU64::new);
        if slack.is_some() {
            // Only an accelerator.
            let _ = rustix::thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        }
        Self { slack }
    }
}

impl Drop for ExactSleep {
    fn drop(&mut self) {
        if self.slack.is_some() {
            let _ = rustix::thread::set_current_timer_slack(self.slack);
        }
    }
}
