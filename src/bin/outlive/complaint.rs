//! What goes wrong is told on standard error.

use std::io::Write;

use crate::failure::Failure;
use crate::harmless::harmless;

/// Tells the user. Where nobody listens, nobody is told.
pub(crate) fn complain(failure: &Failure) {
    let text = harmless(&failure.to_string());
    let _ = writeln!(std::io::stderr(), "outlive: {text}");
}
