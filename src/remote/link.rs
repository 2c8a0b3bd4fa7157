//! A connection to one object of a server, as the client has it.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;

use super::error::{RecvError, SendError};
use super::inlet::Inlet;
use super::line::Line;
use super::outlet::Outlet;
use super::service::{Grant, Greeting, Limit, Subject, Wish};

/// A connection that questions go out by, and answers come in, one after the other.
#[derive(Debug)]
pub(super) struct Link {
    /// `None` where an answer was not had: the next one would not be to the next question.
    ends: Option<(Outlet, Inlet)>,
    /// How long the server may take for what needs no waiting.
    patience: Duration,
}

impl Link {
    /// What the server grants first; `None` of what is opened.
    pub(super) fn open(line: Line, patience: Duration, wish: &Wish) -> Result<(Self, Grant)> {
        let ends = (Outlet::new(line.clone())?, Inlet::new(line));
        let mut link = Self {
            ends: Some(ends),
            patience,
        };
        match link.hear(Some(Duration::ZERO))? {
            Greeting::Welcome => {}
            Greeting::Full => {
                return Err(Error::new(ErrorKind::Full, "connect to a server")
                    .advise("it has as many clients as it takes"));
            }
        }
        let grant = link.ask(wish, Some(Duration::ZERO))?;
        Ok((link, grant))
    }

    /// Opens an object.
    pub(super) fn of(line: Line, patience: Duration, name: &str, subject: Subject) -> Result<Self> {
        let doing = || format!("open {subject} called `{name}`");
        let wish = Wish::Open(name.to_owned(), subject.clone());
        let (link, grant) = Self::open(line, patience, &wish)?;
        match grant {
            Grant::Opened => Ok(link),
            Grant::NotFound => Err(Error::new(ErrorKind::NotFound, doing())
                .advise("ask Remote::names what the server has")),
            Grant::Is(other) => {
                Err(Error::new(ErrorKind::WrongType, doing())
                    .advise(format!("there it is a {other}")))
            }
            Grant::Names(_) => Err(nonsense()),
        }
    }

    /// Asks, and waits for the answer: as long as the question makes the server wait, and the
    /// server's own time.
    pub(super) fn ask<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        question: &Q,
        limit: Limit,
    ) -> Result<A> {
        self.say(question, Patience::For(self.patience))?;
        self.hear(limit)
    }

    /// Says what has no answer.
    pub(super) fn say<Q: Serialize>(&mut self, question: &Q, patience: Patience) -> Result<()> {
        let (outlet, _) = self.ends.as_mut().ok_or_else(lost)?;
        let error = match outlet.send(question, patience) {
            Ok(()) => return Ok(()),
            // Nothing has gone out.
            Err(SendError::Encode(error)) => return Err(error),
            Err(SendError::TooLong { longest }) => {
                let doing = format!("send more than {longest} bytes to a server");
                return Err(Error::new(ErrorKind::Full, doing));
            }
            Err(SendError::Full) => unheard(),
            Err(SendError::Disconnected) => lost(),
            Err(SendError::Broken(error)) => error,
        };
        self.end();
        Err(error)
    }

    fn hear<A: DeserializeOwned>(&mut self, limit: Limit) -> Result<A> {
        let (_, inlet) = self.ends.as_mut().ok_or_else(lost)?;
        let patience = match limit {
            None => Patience::Ever,
            Some(limit) => Patience::Fixed(Deadline::after(limit.saturating_add(self.patience))),
        };
        let error = match inlet.recv(patience) {
            Ok(answer) => return Ok(answer),
            Err(RecvError::Empty) => unheard(),
            Err(RecvError::Disconnected) => lost(),
            Err(RecvError::Decode(error) | RecvError::Broken(error)) => error,
        };
        self.end();
        Err(error)
    }

    /// Ends the connection: the server takes back what it gave, and every call is an error.
    pub(super) fn end(&mut self) {
        self.ends = None;
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Disconnected, "call a server")
        .advise("what the last call asked for may be done or not; open the object anew")
}

fn unheard() -> Error {
    Error::new(ErrorKind::TimedOut, "call a server")
        .advise("it does not answer, and the connection is given up; open the object anew")
}

/// The server answers something else than it was asked for.
pub(super) fn nonsense() -> Error {
    Error::new(ErrorKind::Decode, "call a server").advise("it is of another version")
}

/// The server says why it cannot do what it was asked for.
pub(super) fn failed(why: String) -> Error {
    Error::new(ErrorKind::Broken, "call a server").advise(why)
}
