//! A terminal that goes away: then nothing is left to show, nor to be given back.

use std::io::{IsTerminal, stdin, stdout};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::SIGHUP;
use signal_hook::low_level::emulate_default_handler;

/// A terminal need not say at once that it has gone.
const SLICE: Duration = Duration::from_secs(1);

/// From now on the process ends as by SIGHUP when its terminal goes away.
///
/// On a thread of its own: crossterm reads a terminal that is gone without an end, and heeds neither
/// a limit nor a signal then (its issue 793).
pub(super) fn watch() {
    std::thread::spawn(|| {
        while !is_gone() {}
        let _ = emulate_default_handler(SIGHUP);
    });
}

/// Whether the terminal is gone, which is waited for a while.
fn is_gone() -> bool {
    let (input, output) = (stdin(), stdout());
    let end = PollFlags::HUP | PollFlags::ERR;
    let mut terminals = vec![PollFd::new(&output, PollFlags::empty())];
    // Another input than a terminal may end; crossterm reads the terminal then.
    if input.is_terminal() {
        terminals.push(PollFd::new(&input, PollFlags::empty()));
    }
    let slice = Timespec::try_from(SLICE).ok();
    // Interrupted, it is looked at again.
    let _ = poll(&mut terminals, slice.as_ref());
    terminals
        .iter()
        .any(|terminal| terminal.revents().intersects(end))
}
