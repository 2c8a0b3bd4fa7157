//! Logging: each test runs a scene in a program of its own, whose logger nobody has set before, and
//! reads what that writes to its standard error.

mod ends;
mod forked;
mod scenes;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
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
    fn output(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.0.stdout.take().unwrap())
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
        let mut stdout = self.0.stdout.take();
        let drain = std::thread::spawn(move || {
            let mut said = String::new();
            if let Some(stdout) = &mut stdout {
                stdout.read_to_string(&mut said).unwrap();
            }
            said
        });
        let stderr = BufReader::new(self.0.stderr.take().unwrap());
        let log: Vec<_> = stderr.lines().map(Result::unwrap).collect();
        let status = self.status();
        let said = drain.join().unwrap();
        assert!(status.success(), "{status}: {said}\n{}", log.join("\n"));
        log
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
