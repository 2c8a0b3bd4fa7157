//! `top` on a terminal: it leaves it as it was.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Child as Program;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::command;
use crate::child::{Child, wait_until};
use crate::folder::Folder;

/// What a terminal is told to show a screen of its own, and to show again what was there.
const SCREEN: &str = "\u{1b}[?1049h";
const BACK: &str = "\u{1b}[?1049l";

/// `outlive top` on a terminal of its own.
struct Top {
    program: Program,
    keyboard: File,
    shown: Arc<Mutex<String>>,
}

impl Top {
    fn start(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(name.to_str().unwrap())
        };
        let program = command(folder, &["top", "--interval", "0.05"])
            .envs(environment.iter().copied())
            .stdin(open().unwrap())
            .stdout(open().unwrap())
            .spawn()
            .unwrap();
        let keyboard = File::from(terminal);
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

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program), signal).unwrap();
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
    for signal in [Some(Signal::TERM), Some(Signal::HUP), None] {
        let mut top = Top::start(&folder, &[("TERM", "xterm")]);
        wait_until(|| top.has_shown(SCREEN));
        assert!(!top.has_shown(BACK));
        match signal {
            Some(signal) => top.signal(signal),
            None => top.keyboard.write_all(b"q").unwrap(),
        }
        let status = top.program.wait().unwrap();
        assert_eq!(status.signal(), signal.map(Signal::as_raw), "{status}");
        wait_until(|| top.has_shown(BACK));
    }
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
