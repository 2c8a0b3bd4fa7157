//! What tests of many things have processes do, and what they wait for.

use std::path::Path;
use std::time::{Duration, Instant};

use outlive::Event;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::child::PATIENCE;

pub fn square(x: u64) -> u64 {
    x * x
}

/// Runs until it is killed.
pub fn sleep((): ()) {
    std::thread::sleep(Duration::from_secs(600));
}

pub fn die((): ()) {
    kill_process(getpid(), Signal::KILL).unwrap();
}

pub fn wait_for(gate: Event) -> bool {
    gate.wait_timeout(PATIENCE).unwrap()
}

pub fn kill(pid: u32) {
    // It may be gone.
    let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
}

/// Whether nothing of this number is left, not even a zombie.
pub fn is_gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

/// Polls until `is_so`: for what others do in their own time.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < patience, "it never is so");
        std::thread::sleep(Duration::from_micros(200));
    }
}
