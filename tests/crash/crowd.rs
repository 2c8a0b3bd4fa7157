//! Processes that are forked to be killed.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A forked process; SIGKILLed and reaped when dropped.
pub struct Forked(Option<Pid>);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By SIGKILL.
    Killed,
}

impl Forked {
    /// Forks a process that lives `life` and ends with its result.
    pub fn start(life: impl FnOnce() -> u8) -> Self {
        // SAFETY: this test runs in one thread, so the child finds no lock held by another.
        match unsafe { libc::fork() } {
            0 => {
                let life = std::panic::AssertUnwindSafe(life);
                let code = std::panic::catch_unwind(life).unwrap_or(101);
                // SAFETY: ends the child without the parent's exit handlers.
                unsafe { libc::_exit(code.into()) }
            }
            pid => Self(Some(Pid::from_raw(pid).expect("fork succeeds"))),
        }
    }

    /// How the process ended, if it has.
    #[cfg_attr(crash_points, expect(dead_code, reason = "the storm's"))]
    pub fn ended(&mut self) -> Option<End> {
        let (_, status) = waitpid(self.0, WaitOptions::NOHANG).expect("the child is ours")?;
        self.0 = None;
        Some(status.exit_status().map_or(End::Killed, End::Exited))
    }

    /// Waits until the process stops itself, or ends: then how.
    #[cfg(crash_points)]
    pub fn stopped(&mut self) -> Option<End> {
        let (_, status) = waitpid(self.0, WaitOptions::UNTRACED).expect("the child is ours")?;
        if status.stopped() {
            return None;
        }
        self.0 = None;
        Some(status.exit_status().map_or(End::Killed, End::Exited))
    }

    /// Lets a stopped process go on.
    #[cfg(crash_points)]
    pub fn go_on(&self) {
        let pid = self.0.expect("it has not ended");
        kill_process(pid, Signal::CONT).expect("the child is ours");
    }

    pub fn kill(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill_process(pid, Signal::KILL);
            self.wait();
        }
    }

    #[cfg(crash_points)]
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            let _ = kill_process(pid, signal);
        }
    }

    /// Stops the process, and returns when it stands still.
    #[cfg(crash_points)]
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        let (_, status) = waitpid(self.0, WaitOptions::UNTRACED)
            .expect("the child is ours")
            .expect("it waits");
        assert!(status.stopped(), "{status:?}");
    }

    /// Waits for the process, which must end within 20 s.
    pub fn wait(&mut self) -> End {
        let pid = self.0.take().expect("waited for once");
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let ended = waitpid(Some(pid), WaitOptions::NOHANG).expect("the child is ours");
            if let Some((_, status)) = ended {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => End::Exited(code),
                    (_, Some(9)) => End::Killed,
                    _ => panic!("the child ended with {status:?}"),
                };
            }
            if Instant::now() > patience {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
                panic!("a process hangs");
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
    }
}
