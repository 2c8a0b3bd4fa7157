//! What goes wrong is told on standard error.

use std::io::Write;

use crate::failure::Failure;

/// Tells the user. Where nobody listens, nobody is told.
pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(std::io::stderr(), "outlive: {failure}");
}
