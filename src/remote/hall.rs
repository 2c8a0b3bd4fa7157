//! Where those who knocked prove that they have the key, side by side.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sys::bell::Bell;
use crate::sys::clock::Deadline;
use crate::sys::readiness::{self, Ready};
use crate::sys::stream;

use super::door::Door;
use super::handshake::{Failure, Handshake};
use super::key::AuthKey;
use super::line::Line;

/// The handshakes that are under way, the oldest first.
pub(super) struct Hall {
    key: AuthKey,
    guests: VecDeque<Guest>,
    pub(super) most: usize,
    pub(super) limit: Duration,
    pub(super) refused: u64,
}

struct Guest {
    line: Line,
    handshake: Handshake,
    deadline: Deadline,
    awaits: Ready,
}

impl Hall {
    pub(super) fn new(key: AuthKey) -> Self {
        Self {
            key,
            guests: VecDeque::new(),
            most: 64,
            limit: Duration::from_secs(10),
            refused: 0,
        }
    }

    /// Waits for a line to somebody who has the key; `None` when the time has come, or the bell
    /// rings.
    pub(super) fn next(
        &mut self,
        door: &Door,
        bell: Option<&Bell>,
        deadline: Deadline,
    ) -> Result<Option<Line>> {
        door.check()?;
        loop {
            self.let_in(door)?;
            if let Some(line) = self.go_on() {
                return Ok(Some(line));
            }
            if deadline.is_past() {
                return Ok(None);
            }
            let soonest = self.guests.iter().map(|guest| guest.deadline).min();
            let guests = self.guests.iter();
            let guests = guests.map(|guest| (guest.line.as_fd(), guest.awaits));
            let bells = bell.iter().map(|bell| (bell.as_fd(), Ready::ToReceive));
            let knocks = [(door.as_fd(), Ready::ToReceive)];
            let all: Vec<_> = guests.chain(bells).chain(knocks).collect();
            let until = soonest.map_or(deadline, |soonest| soonest.min(deadline));
            readiness::wait_for_any(&all, until)
                .map_err(|e| Error::os(e, format!("accept at {}", door.address())))?;
            if bell.is_some_and(Bell::rings) {
                return Ok(None);
            }
        }
    }

    /// Lets in who knocks; where there is no room, in place of who has been here longest.
    fn let_in(&mut self, door: &Door) -> Result<()> {
        // Not without end: others are here already.
        for _ in 0..self.most {
            match door.next() {
                Ok(None) => break,
                Ok(Some((fd, peer))) => {
                    let line = Line::new(fd, peer);
                    let handshake = Handshake::of_listener(self.key.clone());
                    let (Ok(line), Ok(handshake)) = (line, handshake) else {
                        self.refuse("the system refused");
                        continue;
                    };
                    if self.guests.len() >= self.most {
                        self.guests.pop_front();
                        self.refuse("too many are silent, and it has been so for the longest time");
                    }
                    self.guests.push_back(Guest {
                        line,
                        handshake,
                        deadline: Deadline::after(self.limit),
                        awaits: Ready::ToReceive,
                    });
                }
                Err(error) if stream::is_exhausted(&error) => {
                    if self.guests.pop_front().is_none() {
                        let doing = format!("accept at {}", door.address());
                        return Err(Error::os(error, doing)
                            .advise("close some descriptors, or raise their limit"));
                    }
                    self.refuse("descriptors ran out");
                }
                // It was gone before it was let in.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Goes on with all handshakes; a line where one has come to a good end.
    fn go_on(&mut self) -> Option<Line> {
        let mut at = 0;
        while let Some(guest) = self.guests.get_mut(at) {
            let went_on = guest.handshake.go_on(guest.line.as_fd());
            if let Ok(Some(ready)) = went_on
                && !guest.deadline.is_past()
            {
                guest.awaits = ready;
                at += 1;
                continue;
            }
            let guest = self.guests.remove(at)?;
            match went_on {
                Ok(None) => return Some(guest.line),
                Ok(Some(_)) => self.refuse("it took too long"),
                Err(Failure::Unauthorized) => {
                    self.refused += 1;
                    log::warn!("refused {}: it has another key", who(&guest.line));
                }
                Err(Failure::Stranger) => self.refuse("it is no outlive::remote of this version"),
                Err(Failure::Gone) => self.refuse("it went"),
                Err(Failure::Os(_)) => self.refuse("the system refused"),
            }
        }
        None
    }

    fn refuse(&mut self, why: &str) {
        self.refused += 1;
        log::debug!("refused a client: {why}");
    }
}

fn who(line: &Line) -> String {
    line.peer()
        .map_or_else(|| "a process here".to_owned(), |peer| peer.to_string())
}
