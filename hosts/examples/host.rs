//! An example.

fn main() {
    outlive_hosts::check();
}
