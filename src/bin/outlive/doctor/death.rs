//! A process is killed while it holds a lock: do the others notice?

use std::time::{Duration, Instant};

use outlive::sync::LockError;
use outlive::{Error, Event, Lock, Process};

use super::Check;

/// A kernel without the means to tell needs 20 ms, and the machine may be busy.
const SLOW: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn check() -> Check {
    let name = "death of a process";
    let advice = "processes, leases or the kernel's word on deaths do not work here: look at the \
                  checks above, and at what a sandbox forbids";
    match try_one() {
        Ok(Some(took)) if took < SLOW => {
            let took = took.as_secs_f64() * 1e3;
            Check::ok(
                name,
                format!("its lock came over {took:.1} ms after the SIGKILL"),
            )
        }
        Ok(Some(took)) => Check::warn(
            name,
            format!(
                "its lock came over {} ms after the SIGKILL",
                took.as_millis()
            ),
            "the machine is busy, or deaths are found by polling here",
        ),
        Ok(None) => Check::fail(name, "its lock did not come over as after a death", advice),
        Err(e) => Check::fail(name, e.to_string(), advice),
    }
}

/// How long it took from the kill until the lock was ours; `None` where that went wrong.
fn try_one() -> Result<Option<Duration>, Error> {
    let (lock, has_it) = (Lock::new()?, Event::new()?);
    let mut victim = Process::spawn(
        |(lock, has_it): (Lock, Event)| {
            let held = lock.lock();
            // Where it cannot be told, the other side's patience ends.
            let _ = has_it.set();
            std::thread::park_timeout(PATIENCE);
            drop(held);
        },
        (lock.clone(), has_it.clone()),
    )?;
    if !has_it.wait_timeout(PATIENCE)? {
        return Ok(None);
    }
    victim.kill()?;
    let begin = Instant::now();
    let after = match lock.lock_timeout(PATIENCE) {
        Err(LockError::OwnerDied(died)) => {
            drop(died.repaired());
            Some(begin.elapsed())
        }
        _ => None,
    };
    // It ended by a signal, as it was meant to.
    let _ = victim.join_timeout(PATIENCE);
    Ok(after)
}
