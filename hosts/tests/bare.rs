//! A test without a harness.

fn main() {
    outlive_hosts::check();
}
