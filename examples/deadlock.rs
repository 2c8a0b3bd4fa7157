//! Two processes, each with the lock that the other one wants: `outlive doctor` names them.

#![expect(clippy::print_stdout, reason = "this is a program, which prints")]

use std::time::Duration;

use outlive::sync::LockError;
use outlive::{Lock, Process, Segment, SegmentOptions};

/// Takes one lock, and then, when the other process has had the time for its first, the other.
fn work((name, first, second): (String, String, String)) -> String {
    let both = || -> Result<String, outlive::Error> {
        let segment = SegmentOptions::new()
            .label(format!("{first} first"))
            .open(&name)?;
        let (first, second) = (
            Lock::open(&segment, &first)?,
            Lock::open(&segment, &second)?,
        );
        let _held = first.lock().map_err(outlive::Error::from)?;
        std::thread::park_timeout(Duration::from_millis(200));
        Ok(match second.lock_timeout(Duration::from_secs(60)) {
            Ok(_) => "got both".to_owned(),
            Err(LockError::OwnerDied(_)) => "got both, as the other one died".to_owned(),
            Err(e) => e.to_string(),
        })
    };
    both().unwrap_or_else(|e| e.to_string())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = format!("deadlock-{}", std::process::id());
    let options = SegmentOptions::new().detect_deadlocks(true).label("main");
    let segment: Segment = options.create(&name)?;
    let _locks = [
        Lock::create(&segment, "left")?,
        Lock::create(&segment, "right")?,
    ];
    println!("look with `outlive doctor`, and `outlive show {name}`; it ends after a minute");
    let start = |first: &str, second: &str| {
        Process::spawn(work, (name.clone(), first.to_owned(), second.to_owned()))
    };
    for process in [start("left", "right")?, start("right", "left")?] {
        println!("{}: {:?}", process.pid(), process.join());
    }
    segment.unlink()?;
    Ok(())
}
