//! What happens to the processes of a process whose `main` returns.

use std::sync::Once;
use std::time::Duration;

use crate::sys::family;

use super::children::active_children;
use super::logging;

/// How long daemons have to end when they are asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Sees to it that this process waits for its own when it exits, and writes what they have logged.
pub(super) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| family::at_exit(at_exit));
}

extern "C" fn at_exit() {
    close();
}

/// Waits for the processes of this one, and ends daemons.
pub(super) fn close() {
    let children = active_children();
    let (daemons, others): (Vec<_>, Vec<_>) = children.iter().partition(|child| child.is_daemon());
    for daemon in &daemons {
        let _ = daemon.terminate();
    }
    for child in others {
        let _ = child.wait();
    }
    for daemon in daemons {
        if !matches!(daemon.wait_timeout(GRACE), Ok(Some(_))) {
            let _ = daemon.kill();
        }
    }
    logging::flush();
}
