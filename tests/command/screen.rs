//! `top` on a terminal: it leaves it as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child as Program, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::command;
use crate::child::{Child, PATIENCE, wait_until};
use crate::folder::Folder;

/// What a terminal is told to show a screen of its own, and to show again what was there.
const SCREEN: &str = "\u{1b}[?1049h";
const BACK: &str = "\u{1b}[?1049l";

/// Control-Z.
const STOP: &[u8; 1] = b"\x1a";

const CURSOR: &str = "\u{1b}[?25h";
const NO_CURSOR: &str = "\u{1b}[?25l";

const TOP: [&str; 3] = ["top", "--interval", "0.05"];

/// `outlive top` on a terminal, and that terminal's other end.
fn on_terminal(mut top: Command, environment: &[(&str, &str)]) -> (Program, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
    };
    let program = top
        .envs(environment.iter().copied())
        .stdin(open().unwrap())
        .stdout(open().unwrap())
        // A job of its own, as a shell would have it.
        .process_group(0)
        .spawn()
        .unwrap();
    (program, File::from(terminal))
}

/// `outlive top` on a terminal of its own.
struct Top {
    program: Program,
    keyboard: File,
    shown: Arc<Mutex<String>>,
}

impl Top {
    fn start(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        Self::start_as(command(folder, &TOP), environment)
    }

    fn start_as(top: Command, environment: &[(&str, &str)]) -> Self {
        let (program, keyboard) = on_terminal(top, environment);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut bytes, all) = ([0; 4096], Arc::clone(&shown));
        // Ends when nobody has the terminal any more.
        std::thread::spawn(move || {
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                all.lock().unwrap().push_str(&text);
            }
        });
        Self {
            program,
            keyboard,
            shown,
        }
    }

    fn has_shown(&self, text: &str) -> bool {
        self.shown.lock().unwrap().contains(text)
    }

    /// Whether the cursor is there, as far as it has said last.
    fn has_cursor(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        shown.rfind(CURSOR) > shown.rfind(NO_CURSOR)
    }

    fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id())).unwrap();
        stat.contains(") T ")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program), signal).unwrap();
    }

    fn press(&mut self, key: &[u8; 1]) {
        self.keyboard.write_all(key).unwrap();
    }

    fn quit(mut self) {
        self.press(b"q");
        let status = self.program.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn top_gives_the_terminal_back() {
    let folder = Folder::new("screen");
    let signals = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT];
    for signal in signals.map(Some).into_iter().chain([None]) {
        let mut top = Top::start(&folder, &[("TERM", "xterm")]);
        wait_until(|| top.has_shown(SCREEN));
        assert!(!top.has_shown(BACK));
        match signal {
            Some(signal) => top.signal(signal),
            None => top.press(b"q"),
        }
        let status = top.program.wait().unwrap();
        assert_eq!(status.signal(), signal.map(Signal::as_raw), "{status}");
        wait_until(|| top.has_shown(BACK) && top.has_cursor());
    }
}

#[test]
fn a_shell_has_the_terminal_while_top_is_stopped() {
    let folder = Folder::new("job");
    let mut top = Top::start(&folder, &[("TERM", "xterm")]);
    for by_key in [true, false] {
        wait_until(|| top.has_shown(SCREEN) && !top.has_cursor());
        assert!(!top.has_shown(BACK));
        match by_key {
            true => top.press(STOP),
            false => top.signal(Signal::TSTP),
        }
        wait_until(|| top.is_stopped() && top.has_shown(BACK) && top.has_cursor());
        top.shown.lock().unwrap().clear();
        top.signal(Signal::CONT);
        wait_until(|| top.has_shown(SCREEN));
        // It is given back once more before it is taken.
        let mut shown = top.shown.lock().unwrap();
        let taken = shown.rfind(SCREEN).unwrap();
        *shown = shown.split_off(taken);
    }
}

/// The program, started by another one.
fn started_by(words: &[&str], top: &Command) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(top.get_program());
    command.args(top.get_args());
    command
}

/// In a container that is entered its session and its group have no number: whoever leads them is
/// outside. So it is for what an init starts, too.
#[test]
fn top_runs_where_its_session_has_no_number() {
    let apart = ["unshare", "--pid", "--fork", "--kill-child"];
    let is_permitted = started_by(&apart, &Command::new("true")).status();
    if !is_permitted.is_ok_and(|status| status.success()) {
        // Not permitted here.
        return;
    }
    let folder = Folder::new("apart");
    let mut top = Top::start_as(
        started_by(&apart, &command(&folder, &TOP)),
        &[("TERM", "xterm")],
    );
    wait_until(|| top.has_shown(SCREEN));
    // All of the job stops but `top`, which no default action stops: process 1.
    top.press(STOP);
    wait_until(|| top.is_stopped());
    top.signal(Signal::CONT);
    top.quit();
}

#[test]
fn top_does_not_stop_where_nobody_would_have_it_go_on() {
    let folder = Folder::new("leader");
    let top = started_by(&["setsid", "--wait"], &command(&folder, &TOP));
    let mut top = Top::start_as(top, &[("TERM", "xterm")]);
    wait_until(|| top.has_shown(SCREEN));
    top.shown.lock().unwrap().clear();
    top.press(STOP);
    wait_until(|| top.has_shown(SCREEN));
    top.quit();
}

#[test]
fn top_ends_with_its_terminal() {
    let folder = Folder::new("hangup");
    let (mut top, mut terminal) = on_terminal(command(&folder, &TOP), &[("TERM", "xterm")]);
    let (mut bytes, mut shown) = ([0; 4096], String::new());
    while !shown.contains(SCREEN) {
        let count = terminal.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    drop(terminal);
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match top.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            None => {
                top.kill().unwrap();
                break top.wait().unwrap();
            }
        }
    };
    assert_eq!(status.signal(), Some(Signal::HUP.as_raw()), "{status}");
}

#[test]
fn top_takes_the_terminal_again_after_a_stop() {
    let folder = Folder::new("stopped");
    let top = Top::start(&folder, &[("TERM", "xterm")]);
    wait_until(|| top.has_shown(SCREEN));
    top.shown.lock().unwrap().clear();
    top.signal(Signal::STOP);
    top.signal(Signal::CONT);
    wait_until(|| top.has_shown(SCREEN));
}

#[test]
fn a_terminal_that_knows_no_screens_gets_lines() {
    let folder = Folder::new("dumb");
    let segment = folder.options().create("jobs").unwrap();
    let top = Top::start(&folder, &[("TERM", "dumb")]);
    wait_until(|| top.has_shown("jobs"));
    assert!(!top.has_shown("\u{1b}"));
    drop(segment);
}

#[test]
fn a_crowd_does_not_hide_the_objects() {
    let folder = Folder::new("crowd");
    let segment = folder.options().create("jobs").unwrap();
    let crowd: Vec<_> = (0..12).map(|_| Child::in_segment(&segment)).collect();
    let text = super::says(&folder, &["top", "jobs", "--once", "--interval", "0.01"], 0);
    assert!(text.contains("3 more"), "{text}");
    assert_eq!(text.matches("alive").count(), 11, "{text}");
    drop(crowd);
}
