//! Logging: each test runs a scene in a program of its own, whose logger nobody has set before, and
//! reads what that writes to its standard error.

mod ends;
mod forked;
mod scenes;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::child::PATIENCE;

const SCENE: &str = "OUTLIVE_TEST_SCENE";

/// Plays the scene that the environment names, as the whole of this program.
#[test]
fn plays_its_scene() {
    let Ok(wanted) = std::env::var(SCENE) else {
        return;
    };
    let all = [scenes::SCENES, ends::SCENES, forked::SCENES].concat();
    let (_, play) = all.iter().find(|(name, _)| *name == wanted).unwrap();
    play();
}

/// A program that plays a scene.
struct Stage(Child);

impl Stage {
    fn begin(scene: &str) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program
            .args(["logging::plays_its_scene", "--exact", "--nocapture"])
            .env(SCENE, scene)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(program.spawn().unwrap())
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.0)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// What it says, beside what the test runner does.
    fn output(&mut self) -> Output {
        let (tell, lines) = channel();
        let stdout = BufReader::new(self.0.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Reads on where nobody listens: the pipe is not to fill.
            stdout
                .lines()
                .map_while(Result::ok)
                .for_each(|line| drop(tell.send(line)));
        });
        Output(lines)
    }

    /// Its status, where it ends by itself, and in time.
    fn status(&mut self) -> ExitStatus {
        let patience = Instant::now() + 3 * PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < patience, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// All lines of its log, when it has ended well.
    fn log(mut self) -> Vec<String> {
        // What is said was read before, or is nothing but the test runner's.
        let said = self.0.stdout.is_some().then(|| self.output());
        let stderr = BufReader::new(self.0.stderr.take().unwrap());
        let log: Vec<_> = stderr.lines().map(Result::unwrap).collect();
        let status = self.status();
        let said: Vec<_> = said.iter().flat_map(|output| &output.0).collect();
        assert!(status.success(), "{status}: {said:?}\n{}", log.join("\n"));
        log
    }
}

/// The lines that it says.
struct Output(Receiver<String>);

impl Output {
    /// Waits until it has said this.
    fn until(&self, wanted: &str) {
        let patience = Instant::now() + 3 * PATIENCE;
        let next = || {
            let left = patience.saturating_duration_since(Instant::now());
            self.0.recv_timeout(left).expect("it goes on in time")
        };
        while next() != wanted {}
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The log of a scene.
fn log_of(scene: &str) -> Vec<String> {
    Stage::begin(scene).log()
}
