//! Child processes: this test binary, re-executed to play one role of a test.

#![expect(
    clippy::print_stdout,
    reason = "children speak through their standard output"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use outlive::{Segment, SegmentOptions};

/// What a child plays: its segment, and a word from the test.
pub type Role = fn(&Segment, &str);

/// Longer than anything here takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

const ROLE: &str = "OUTLIVE_TEST_ROLE";
const SEGMENT: &str = "OUTLIVE_TEST_SEGMENT";
const WORD: &str = "OUTLIVE_TEST_WORD";

/// A child process; SIGKILLed and reaped when dropped.
pub struct Child {
    process: std::process::Child,
    /// `None` where it is something of the test's.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    _segment: OwnedFd,
}

impl Child {
    /// Starts a child in `role`, with `segment` open.
    pub fn start(segment: &Segment, role: &str, word: &str) -> Self {
        Self::start_by(Command::new(this_program()), segment, role, word)
    }

    /// The same with `input` as the child's standard input; [`Child::go_on`] is not for it.
    pub fn start_with(segment: &Segment, role: &str, word: &str, input: OwnedFd) -> Self {
        let program = Command::new(this_program());
        Self::start_fed(program, segment, role, word, input.into())
    }

    /// The same in a process-id namespace of its own, in which it is process 1; `None` where the
    /// system does not permit that.
    pub fn start_in_pid_namespace(segment: &Segment, role: &str, word: &str) -> Option<Self> {
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(["--pid", "--fork", "--kill-child"]);
            command
        };
        let may = unshare()
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
        may.then(|| {
            let mut command = unshare();
            command.arg(this_program());
            Self::start_by(command, segment, role, word)
        })
    }

    fn start_by(program: Command, segment: &Segment, role: &str, word: &str) -> Self {
        Self::start_fed(program, segment, role, word, Stdio::piped())
    }

    fn start_fed(
        mut program: Command,
        segment: &Segment,
        role: &str,
        word: &str,
        input: Stdio,
    ) -> Self {
        let fd = segment.try_clone_fd().unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd());
        let mut process = program
            .args([
                "child::plays_its_role",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ROLE, role)
            .env(SEGMENT, path)
            .env(WORD, word)
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Only what the role says, not what the test runner prints around it.
            for line in stdout.lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once("child: ")
                    && tell.send(said.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let stdin = process.stdin.take();
        let child = Self {
            process,
            stdin,
            lines,
            _segment: fd,
        };
        child.expect("started");
        child
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that the child says.
    pub fn hears(&self) -> String {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("the child says something in time")
    }

    /// All that a child still says that ends by itself.
    pub fn rest(&mut self) -> Vec<String> {
        self.process.wait().unwrap();
        self.lines.iter().collect()
    }

    pub fn expect(&self, line: &str) {
        assert_eq!(self.hears(), line);
    }

    /// Lets a child that waits in [`pause`] go on.
    pub fn go_on(&mut self) {
        let stdin = self.stdin.as_mut();
        writeln!(stdin.expect("a standard input of ours")).unwrap();
    }

    /// SIGKILLs the child and waits until it is gone.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for a child that ends by itself, and well.
    pub fn finish(mut self) {
        let status = self.process.wait().unwrap();
        assert!(status.success(), "the child ended with {status}");
    }
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: tells the test.
pub fn say(line: &str) {
    println!("child: {line}");
    std::io::stdout().flush().unwrap();
}

/// In a child: waits for [`Child::go_on`].
pub fn pause() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let all = [
        super::array::ROLES,
        super::barrier::ROLES,
        super::condition::ROLES,
        super::crowd::ROLES,
        super::deadlock::ROLES,
        super::event::ROLES,
        #[cfg(feature = "async")]
        super::futures::ROLES,
        super::joinable::ROLES,
        super::lock::ROLES,
        super::mpmc::ROLES,
        super::names::ROLES,
        super::pid_namespace::ROLES,
        super::pipe::ROLES,
        super::process::ROLES,
        super::queue::ROLES,
        #[cfg(feature = "raw_sync")]
        super::raw_sync::ROLES,
        super::rlock::ROLES,
        super::rwlock::ROLES,
        super::inspect::ROLES,
        super::segment::ROLES,
        super::semaphore::ROLES,
        super::socket::ROLES,
        super::socket::fds::ROLES,
        super::spsc::ROLES,
        super::stale::ROLES,
        super::stopped::ROLES,
        super::value::ROLES,
        super::wait::ROLES,
        super::words::ROLES,
    ]
    .concat();
    let (_, role) = all
        .iter()
        .find(|(name, _)| *name == role)
        .expect("a role of that name");
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(std::env::var(SEGMENT).unwrap())
        .unwrap();
    let segment = SegmentOptions::new()
        .label("child")
        .from_fd(file.into())
        .unwrap();
    say("started");
    role(&segment, &std::env::var(WORD).unwrap());
}
