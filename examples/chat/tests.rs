//! The program as a whole: real processes, and real kills.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use outlive::Segment;

/// What the program is called with, a word in each line; absent where only a test is meant.
const WORDS: &str = "CHAT_TEST_WORDS";
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn is_the_program() {
    if let Ok(words) = std::env::var(WORDS) {
        let words = words.lines().map(str::to_owned);
        println!("ended well: {}", super::run(words) == ExitCode::SUCCESS);
    }
}

/// A room that goes away.
struct Room(String);

impl Room {
    fn new(name: &str) -> Self {
        Self(format!("{name}-{}", std::process::id()))
    }

    /// Somebody who comes in: this program of tests, called again.
    fn enter(&self, name: &str) -> Guest {
        let mut process = Command::new("/proc/self/exe")
            .args(["tests::is_the_program", "--exact", "--nocapture"])
            .env(WORDS, format!("{}\n{name}", self.0))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Guest {
            stdin: process.stdin.take(),
            process,
            lines,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = Segment::open(&format!("chat-{}", self.0)).and_then(|segment| segment.unlink());
    }
}

struct Guest {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Guest {
    fn says(&mut self, text: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{text}").unwrap();
    }

    /// Waits until the guest reads a line that ends so; what it reads before is returned.
    fn reads(&self, end: &str) -> Vec<String> {
        // The test runner may have begun the line.
        self.reads_until(|line| line.ends_with(end))
    }

    fn reads_until(&self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("only {before:?}");
            };
            if is_it(&line) {
                return before;
            }
            before.push(line);
        }
    }

    fn leaves(mut self) {
        self.stdin = None;
        self.reads("ended well: true");
    }

    fn dies(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn all_hear_what_one_says_and_who_comes_and_goes_and_dies() {
    let room = Room::new("all");
    let mut anna = room.enter("anna");
    anna.says("first");
    let mut bert = room.enter("bert");
    bert.reads("anna: first");
    anna.reads("* bert comes in");
    bert.says("hello");
    anna.reads("bert: hello");
    anna.says(&format!("{}end", "x".repeat(500)));
    bert.reads("xend");
    bert.dies();
    anna.reads("* bert has died");
    anna.says("he did");

    // His name is free again, and what was said since is still there.
    let mut bert = room.enter("bert");
    let before = bert.reads("anna: he did");
    let deaths = before
        .iter()
        .filter(|line| line.ends_with("* bert has died"));
    assert_eq!(deaths.count(), 1, "{before:?}");
    bert.says("again");
    anna.reads("bert: again");
    bert.leaves();
    anna.reads("* bert leaves");

    // All at once, and still it is a room.
    anna.dies();
    let mut carl = room.enter("carl");
    carl.reads("* anna has died");
    let dora = room.enter("dora");
    carl.says("peace");
    dora.reads("carl: peace");
}

#[test]
fn two_of_one_name_are_not_in_one_room() {
    let room = Room::new("name");
    let mut anna = room.enter("anna");
    anna.says("me");
    let bert = room.enter("bert");
    bert.reads("anna: me");
    room.enter("anna").reads("ended well: false");
}

/// Talkers are killed in the middle of talking. What is heard of each goes up, whole, and in the end
/// there is still a room.
#[test]
fn talkers_killed_at_any_moment_leave_no_half_line_and_hold_up_nobody() {
    let room = Room::new("storm");
    let listener = room.enter("listener");
    for round in 0..10 {
        let names = [0, 1].map(|at| format!("t{round}.{at}"));
        let mut talkers = names.clone().map(|name| room.enter(&name));
        for number in 1..800 {
            let text = said(number);
            talkers.iter_mut().for_each(|talker| talker.says(&text));
        }
        // Not each line: they talk faster than the room remembers.
        let talk = format!("{}: ", names[0]);
        let mut heard = listener.reads_until(|line| line.starts_with(&talk));
        #[expect(clippy::disallowed_methods, reason = "until some moment")]
        std::thread::sleep(Duration::from_millis(round));
        talkers.into_iter().for_each(Guest::dies);
        let mut last = room.enter(&format!("last{round}"));
        last.says("peace");
        heard.extend(listener.reads(&format!("last{round}: peace")));
        for name in names {
            let talk = heard
                .iter()
                .filter_map(|line| line.strip_prefix(&format!("{name}: ")));
            let numbers: Vec<usize> = talk
                .map(|text| {
                    let number = text.split(' ').next().unwrap().parse().unwrap();
                    assert_eq!(text, said(number), "half a line");
                    number
                })
                .collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        }
        last.leaves();
    }
}

fn said(number: usize) -> String {
    format!("{number} {}.", "x".repeat(number % 90))
}
