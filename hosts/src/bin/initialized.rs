//! A program without the constructor, which says so in `main`.

fn main() {
    outlive::process::init();
    outlive_hosts::check();
    outlive_hosts::check_nested();
}
