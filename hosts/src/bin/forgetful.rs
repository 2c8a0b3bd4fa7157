//! A program without the constructor that does not say so in `main`: it is told, and does not hang.

use std::time::{Duration, Instant};

use outlive::{ErrorKind, Process};

fn main() {
    let begun = Instant::now();
    let refused = Process::spawn(|x: u32| x, 1).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("process::init"), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(15), "it hangs");
}
