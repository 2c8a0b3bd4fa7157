//! A bench target without a harness.

fn main() {
    outlive_hosts::check();
}
