//! Deaths on purpose. In a `--cfg crash_points` build: a real process is SIGKILLed before each
//! shared write of each operation, one after the other, and the survivors go on. In every build:
//! the storm, random kills of a busy crowd, and of processes, pools and whole programs.
//!
//! No test harness: the laws run one after the other in one thread, so that fork is safe.

#![expect(unsafe_code, reason = "fork")]
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]
#![expect(unreachable_pub, reason = "a test program has no reach")]
#![expect(clippy::disallowed_methods, reason = "tests of time may sleep")]
#![cfg_attr(
    crash_points,
    expect(clippy::mem_forget, reason = "whoever dies drops nothing")
)]
#![expect(clippy::print_stdout, reason = "a test program reports")]

mod crowd;
#[cfg(not(crash_points))]
mod family;
#[cfg(not(crash_points))]
mod kills;
#[cfg(crash_points)]
mod points;
#[cfg(not(crash_points))]
mod pools;
mod pressure;
#[cfg(not(crash_points))]
mod processes;
#[cfg(not(crash_points))]
mod random;
#[cfg(not(crash_points))]
mod size;
#[cfg(not(crash_points))]
mod storm;
#[cfg(not(crash_points))]
mod waiters;

use std::process::ExitCode;
use std::time::Instant;

/// A named law: panics where it is broken.
pub type Law = (&'static str, fn());

fn main() -> ExitCode {
    #[cfg(not(crash_points))]
    if let Ok(role) = std::env::var(processes::ROLE) {
        processes::main_program(&role);
        return ExitCode::FAILURE;
    }
    let filter: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let mut laws: Vec<Law> = Vec::new();
    #[cfg(crash_points)]
    laws.extend(points::laws());
    #[cfg(not(crash_points))]
    laws.extend([storm::LAWS, waiters::LAWS, kills::LAWS].concat());
    // After those that fork: these leave threads behind while they run, and a server.
    #[cfg(not(crash_points))]
    laws.extend([processes::LAWS, pools::LAWS].concat());
    laws.retain(|(name, _)| filter.is_empty() || filter.iter().any(|f| name.contains(f.as_str())));
    let mut failed = 0;
    for (name, law) in &laws {
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(law);
        let seconds = start.elapsed().as_secs_f32();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {verdict} ({seconds:.1} s)");
        failed += usize::from(outcome.is_err());
    }
    let passed = laws.len() - failed;
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
