//! Pools: a worker killed in the middle of a task, and one that has nothing to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use procspawn::SpawnError;

use super::Limits;
use super::outcome::Outcome;
use crate::measure::now;
use crate::table::Table;

const BUSY: &str = "worker killed in a task";
const IDLE: &str = "idle worker killed";

pub fn measure(limits: &Limits, table: &mut Table) {
    peer::<procspawn::Pool>(limits, table, "procspawn Pool");
    peer::<outlive::Pool>(limits, table, "outlive Pool");
}

fn peer<P: Pool>(limits: &Limits, table: &mut Table, name: &'static str) {
    eprintln!("killing workers of {name}");
    crate::pinning::pin_to_two();
    for (situation, idle) in [(BUSY, false), (IDLE, true)] {
        let outcome = workers::<P>(limits, idle).map(|outcome| outcome.text());
        table.outcome(situation, name, outcome);
    }
}

/// Why a task gave nothing.
enum Nothing {
    TimedOut,
    Told,
    /// The pool took the caller with it.
    Panicked,
}

/// A pool of two workers.
trait Pool: Sized {
    fn new() -> Result<Self, String>;

    fn apply(&self, function: fn(u64) -> u64, x: u64, limit: Duration) -> Result<u64, Nothing>;
}

impl Pool for outlive::Pool {
    fn new() -> Result<Self, String> {
        outlive::Pool::new(2).map_err(|error| error.to_string())
    }

    fn apply(&self, function: fn(u64) -> u64, x: u64, limit: Duration) -> Result<u64, Nothing> {
        let mut task = self.submit(function, x);
        task.get_timeout(limit).map_err(|error| match error {
            outlive::process::pool::TaskError::TimedOut => Nothing::TimedOut,
            _ => Nothing::Told,
        })
    }
}

impl Pool for procspawn::Pool {
    fn new() -> Result<Self, String> {
        procspawn::Pool::new(2).map_err(|error| error.to_string())
    }

    fn apply(&self, function: fn(u64) -> u64, x: u64, limit: Duration) -> Result<u64, Nothing> {
        let spawn = AssertUnwindSafe(|| self.spawn(x, function));
        let mut task = catch_unwind(spawn).map_err(|_| Nothing::Panicked)?;
        task.join_timeout(limit).map_err(|error: SpawnError| {
            if error.is_timeout() {
                Nothing::TimedOut
            } else {
                Nothing::Told
            }
        })
    }
}

fn kill(pid: u64) {
    // SAFETY: sends a signal to a worker, which its pool does not reap before its death.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
}

fn die(_: u64) -> u64 {
    kill(own(0));
    0
}

fn own(_: u64) -> u64 {
    u64::from(std::process::id())
}

fn square(x: u64) -> u64 {
    x * x
}

/// After each kill the task must end, one way or the other, and the pool must do four more.
fn workers<P: Pool>(limits: &Limits, idle: bool) -> Result<Outcome, String> {
    let limit = Duration::from_nanos(limits.hang);
    // A new worker may take its time.
    let patience = 4 * limit;
    let mut outcome = Outcome::default();
    while outcome.kills < limits.chosen && outcome.hangs + outcome.failures < limits.hangs {
        let pool = P::new()?;
        loop {
            let begin = now();
            let four_more = || {
                (1..5).try_for_each(|x| {
                    let y = pool.apply(square, x, patience)?;
                    assert_eq!(y, square(x));
                    Ok(())
                })
            };
            let after = if idle {
                let Ok(pid) = pool.apply(own, 0, patience) else {
                    return Err("the pool does not begin".into());
                };
                std::thread::sleep(Duration::from_millis(1));
                kill(pid);
                four_more()
            } else {
                match pool.apply(die, 0, limit) {
                    Err(Nothing::Told) => {
                        outcome.told += 1;
                        four_more()
                    }
                    Err(nothing) => Err(nothing),
                    Ok(_) => return Err("a dead worker gave a result".into()),
                }
            };
            let why = match after {
                Ok(()) => {
                    outcome.note(Some(now() - begin));
                    if outcome.kills < limits.chosen {
                        continue;
                    }
                    break;
                }
                Err(Nothing::TimedOut) => {
                    outcome.note(None);
                    break;
                }
                Err(Nothing::Told) => "a later task fails",
                Err(Nothing::Panicked) => "the caller of a later task panics",
            };
            outcome.kills += 1;
            outcome.failures += 1;
            outcome.why = why.into();
            break;
        }
    }
    Ok(outcome)
}
