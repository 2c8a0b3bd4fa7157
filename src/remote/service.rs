//! What a server serves, and how a client asks for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::session::Session;

/// Something that a server serves to its clients, one thread for each.
pub(super) trait Service: Send + Sync {
    fn subject(&self) -> Subject;

    /// Answers one client until it goes, or the server stops.
    fn serve(&self, session: &mut Session);
}

/// What a service is, to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    kind: Kind,
    types: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Queue,
    Value,
    Map,
}

impl Subject {
    pub(super) fn of<T>(kind: Kind) -> Self {
        Self {
            kind,
            types: std::any::type_name::<T>().to_owned(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Queue => "queue",
            Kind::Value => "value",
            Kind::Map => "map",
        };
        write!(f, "{kind} of {}", self.types)
    }
}

/// The server's first word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Greeting {
    Welcome,
    /// It has as many clients as it takes.
    Full,
}

/// The client's first word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Wish {
    /// The names of all there is.
    Names,
    /// One of them.
    Open(String, Subject),
}

/// The server's answer to that.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Grant {
    Names(Vec<String>),
    Opened,
    NotFound,
    /// It is something else.
    Is(Subject),
}

/// How long somebody waits: for ever, if it does not say.
pub(super) type Limit = Option<std::time::Duration>;
