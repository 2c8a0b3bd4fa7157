//! Two or more sides that act at the same time, as processes or as threads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mapping::{Line, Resident, Shared};
use crate::measure::now;
use crate::pinning;
use crate::stream;

/// Most sides of one race.
const MOST: usize = 8;
/// Seconds after which a side counts as hanging and is ended by the kernel.
const PATIENCE: u32 = 120;

/// What a side does; its result is for the check.
pub type Body<'a> = Box<dyn FnOnce(&Gate<'_>) -> u64 + Send + 'a>;

#[repr(C)]
struct Page {
    arrived: Line<AtomicU32>,
    laps: [Line<Lap>; MOST],
}

#[repr(C)]
struct Lap {
    begin: AtomicU64,
    end: AtomicU64,
    result: AtomicU64,
}

// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// Where the sides of a race meet.
pub struct Gate<'a> {
    page: &'a Page,
    side: usize,
    sides: usize,
}

impl Gate<'_> {
    /// Waits for the other sides, then starts the clock.
    pub fn start(&self) {
        self.meet(self.sides);
        self.page.laps[self.side]
            .begin
            .store(now(), Ordering::Release);
    }

    /// Stops the clock, then waits until the other sides have too: nobody's ends close early.
    pub fn finish(&self) {
        self.page.laps[self.side]
            .end
            .store(now(), Ordering::Release);
        self.meet(2 * self.sides);
    }

    fn meet(&self, arrivals: usize) {
        self.page.arrived.fetch_add(1, Ordering::AcqRel);
        while (self.page.arrived.load(Ordering::Acquire) as usize) < arrivals {
            std::thread::yield_now();
        }
    }

    fn run(&self, body: Body<'_>) -> bool {
        pinning::pin(self.side);
        let outcome = catch_unwind(AssertUnwindSafe(|| body(self)));
        match outcome {
            Ok(result) => self.page.laps[self.side]
                .result
                .store(result, Ordering::Release),
            // Nobody waits at the gate for a side that failed.
            Err(_) => self.page.arrived.store(1 << 16, Ordering::Release),
        }
        outcome.is_ok()
    }
}

/// How a race went.
pub struct Race {
    /// From the first start to the last end.
    pub nanos: f64,
    pub results: Vec<u64>,
}

/// Runs every side in a forked process of its own.
pub fn processes(bodies: Vec<Body<'_>>) -> Result<Race, String> {
    let page = Shared::<Page>::new();
    let sides = bodies.len();
    stream::share_cores(sides);
    let mut children = Vec::new();
    for (side, body) in bodies.into_iter().enumerate() {
        let gate = Gate {
            page: &page,
            side,
            sides,
        };
        children.push(fork(move || gate.run(body)).map_err(|error| error.to_string())?);
    }
    let mut failure = None;
    for at in 0..children.len() {
        if let Err(why) = children[at].wait() {
            // The others would wait for it at the gate, or for its items.
            children.iter().for_each(Child::kill);
            failure.get_or_insert(why);
        }
    }
    match failure {
        Some(why) => Err(why),
        None => Ok(finish(&page, sides)),
    }
}

/// Runs every side in a thread of this process.
pub fn threads(bodies: Vec<Body<'_>>) -> Result<Race, String> {
    let page = Shared::<Page>::new();
    let sides = bodies.len();
    stream::share_cores(sides);
    let whole = std::thread::scope(|scope| {
        let running: Vec<_> = bodies
            .into_iter()
            .enumerate()
            .map(|(side, body)| {
                let gate = Gate {
                    page: &page,
                    side,
                    sides,
                };
                scope.spawn(move || gate.run(body))
            })
            .collect();
        running.into_iter().all(|side| side.join().unwrap_or(false))
    });
    if whole {
        Ok(finish(&page, sides))
    } else {
        Err("a side panicked".into())
    }
}

fn finish(page: &Page, sides: usize) -> Race {
    let laps = &page.laps[..sides];
    let begin = laps
        .iter()
        .map(|lap| lap.begin.load(Ordering::Acquire))
        .min()
        .unwrap_or(0);
    let end = laps
        .iter()
        .map(|lap| lap.end.load(Ordering::Acquire))
        .max()
        .unwrap_or(0);
    let results = laps
        .iter()
        .map(|lap| lap.result.load(Ordering::Acquire))
        .collect();
    Race {
        nanos: end.saturating_sub(begin) as f64,
        results,
    }
}

/// A forked process; killed and reaped when dropped.
pub struct Child {
    pub pid: i32,
    reaped: bool,
}

/// Runs `body` in a child process, which ends with it.
pub fn fork(body: impl FnOnce() -> bool) -> io::Result<Child> {
    // SAFETY: the child runs `body` and ends; the only other threads of this program are parked
    // ones that hold no lock, since threads of a race are joined before the next fork.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: asks for a signal to this process when its parent ends.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            // SAFETY: asks for a signal to this process.
            unsafe { libc::alarm(PATIENCE) };
            let whole = catch_unwind(AssertUnwindSafe(body)).unwrap_or(false);
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(if whole { 0 } else { 101 }) }
        }
        pid => Ok(Child { pid, reaped: false }),
    }
}

impl Child {
    pub fn kill(&self) {
        if !self.reaped {
            // SAFETY: our own child, not reaped yet, so the number is still its own.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
        }
    }

    /// Waits for the end of the process; an error says how it failed.
    pub fn wait(&mut self) -> Result<(), String> {
        if self.reaped {
            return Ok(());
        }
        let mut status = 0;
        // SAFETY: `status` is ours to write to.
        while unsafe { libc::waitpid(self.pid, &mut status, 0) } < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error.to_string());
            }
        }
        self.reaped = true;
        match status {
            0 => Ok(()),
            _ if libc::WIFSIGNALED(status) => Err(format!(
                "a side was ended by signal {}",
                libc::WTERMSIG(status)
            )),
            _ => Err(format!(
                "a side failed with status {}",
                libc::WEXITSTATUS(status)
            )),
        }
    }

    /// Waits until the process sleeps in the kernel; `false` if it does not within a second.
    pub fn is_asleep_soon(&self) -> bool {
        let path = format!("/proc/{}/stat", self.pid);
        let end = now() + 1_000_000_000;
        while now() < end {
            let stat = std::fs::read_to_string(&path).unwrap_or_default();
            // The state follows the name, which is in brackets.
            if stat
                .rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('S'))
            {
                return true;
            }
            // It may need this very core to get there.
            std::thread::sleep(std::time::Duration::from_micros(10));
        }
        false
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.wait();
    }
}
