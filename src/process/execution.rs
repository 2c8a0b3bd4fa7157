//! Workers that are executed anew, with an address space of their own.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys::descriptors;

use super::entry::{ROLE, WORKER};
use super::exit::leave;
use super::worker::NOT_BEGUN;

/// The program's own file, whatever has become of its name.
const PROGRAM: &str = "/proc/self/exe";

/// A command that runs this program in a role.
pub(super) fn program(role: &str) -> Command {
    let mut arguments = std::env::args_os();
    let mut command = Command::new(PROGRAM);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(ROLE, role);
    command
}

/// Executes the program as a worker, whose end of the line is the descriptor 3.
pub(super) fn execute(end: OwnedFd) -> ! {
    // The program takes it over by its number.
    if descriptors::keep_on_exec(&end).is_ok() {
        let _ = program(WORKER).exec();
    }
    leave(NOT_BEGUN)
}
