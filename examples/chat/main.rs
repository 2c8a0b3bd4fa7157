//! A room to talk in, for any number of terminals, of which any may be killed.
//!
//! ```text
//! cargo run --example chat -- ROOM NAME
//! ```
//!
//! What one types all others see, and who comes sees the last 64 lines. The processes know of each
//! other only through the room, which is a named segment; it stays when all have gone, until
//! `rm /dev/shm/outlive.chat-ROOM`.
//!
//! # Why a kill does no harm
//!
//! The last lines and who is here are one [`outlive::Value`], and coming, saying something and leaving
//! are one update of it each: done or never begun, and who reads it never waits and never sees
//! half a line. Whoever is in the room looks from time to time who of the guests still takes part
//! in the segment; and a death is told by the update that takes the dead off the list, so once.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, which prints"
)]

mod board;
#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::process::{ExitCode, id};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytemuck::Zeroable;
use outlive::{Event, Segment, SegmentOptions, Value};

use board::{Board, Guest, Line, Name};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How long somebody may be dead, or a line be unseen, before anybody looks.
const TICK: Duration = Duration::from_millis(100);
/// Bytes that are said at once; the rest of a long line comes after.
const PIECE: usize = 200;

fn main() -> ExitCode {
    run(std::env::args().skip(1))
}

fn run(words: impl Iterator<Item = String>) -> ExitCode {
    let words: Vec<_> = words.collect();
    let [room, name] = &words[..] else {
        eprintln!("usage: chat ROOM NAME");
        return ExitCode::from(2);
    };
    match chat(room, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says what is typed, and prints what the others say, until the input ends.
fn chat(room: &str, name: &str) -> Result<()> {
    let room = Room::enter(room, name)?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let listener = scope.spawn(|| room.listen(&is_over).map_err(|error| error.to_string()));
        let spoken = room.speak(name);
        is_over.store(true, Ordering::Release);
        room.news.set()?;
        listener.join().map_err(|_| "the listener is gone")??;
        spoken
    })
}

/// The room, as one who is in it has it.
struct Room {
    segment: Segment,
    board: Value<Board>,
    /// Set when there is something new on the board.
    news: Event,
}

impl Room {
    fn enter(room: &str, name: &str) -> Result<Self> {
        if name.is_empty() || name.len() > Name::MOST {
            return Err(format!("a name has 1 to {} bytes", Name::MOST).into());
        }
        let segment = SegmentOptions::new()
            .label(name)
            .open_or_create(&format!("chat-{room}"))?;
        let room = Self {
            board: Value::open_or_create(&segment, "board", Board::zeroed())?,
            news: Event::open_or_create(&segment, "news")?,
            segment,
        };
        room.tell_deaths()?;
        if !room.board.update(|board| board.seat(name))? {
            return Err(format!("the room is full, or there is a {name} in it").into());
        }
        room.news.set()?;
        Ok(room)
    }

    /// Says what is typed, and then that this is all.
    fn speak(&self, name: &str) -> Result<()> {
        for line in std::io::stdin().lock().split(b'\n') {
            let line = String::from_utf8_lossy(&line?).replace(char::is_control, " ");
            let mut rest = line.trim();
            while !rest.is_empty() {
                let (part, later) = rest.split_at(rest.floor_char_boundary(PIECE));
                let line = Line::new(id(), &format!("{name}: {part}"));
                self.board.update(|board| board.push(line))?;
                self.news.set()?;
                rest = later;
            }
        }
        self.board
            .update(|board| board.dismiss(|guest| guest.pid == id(), "leaves"))?;
        Ok(())
    }

    fn listen(&self, is_over: &AtomicBool) -> Result<()> {
        let mut seen = 0;
        loop {
            let is_last = is_over.load(Ordering::Acquire);
            // Another listener may clear what this one has not seen. Then it looks after the tick.
            self.news.clear()?;
            self.tell_deaths()?;
            let board = self.board.get()?;
            for line in board.since(seen).filter(|line| line.by != id()) {
                println!("{}", line.text);
            }
            if is_last {
                return Ok(());
            }
            seen = board.count;
            self.news.wait_timeout(TICK)?;
        }
    }

    fn tell_deaths(&self) -> Result<()> {
        // First the guests, then who lives: by then every guest has a place in the registry.
        let guests = self.board.get()?.guests;
        let all = self.segment.participants();
        let has_died = |guest: &Guest| guest.pid != 0 && !guest.is_among(&all);
        if guests.iter().any(has_died) {
            self.board.update(|board| {
                let all = self.segment.participants();
                board.dismiss(|guest| !guest.is_among(&all), "has died");
            })?;
            self.news.set()?;
        }
        Ok(())
    }
}
