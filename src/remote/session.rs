//! A client of a server, as its thread there sees it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;

use super::error::{RecvError, SendError};
use super::inlet::Inlet;
use super::line::Line;
use super::outlet::Outlet;
use super::service::{Grant, Greeting, Limit, Wish};
use super::shared::Shared;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether a client that waits is still there.
const SLICE: Duration = Duration::from_millis(100);

/// A client that has the key.
pub(super) struct Session {
    outlet: Outlet,
    inlet: Inlet,
    server: Arc<Shared>,
}

impl Session {
    pub(super) fn new(line: Line, server: Arc<Shared>) -> Result<Self> {
        let mut outlet = Outlet::new(line.clone())?;
        let mut inlet = Inlet::new(line);
        (outlet.most, inlet.most) = (server.most_bytes, server.most_bytes);
        Ok(Self {
            outlet,
            inlet,
            server,
        })
    }

    /// Tells a client that there is no room for it.
    pub(super) fn refuse(mut self) {
        // What does not even read that hears that the connection has ended.
        let _ = self.outlet.send(&Greeting::Full, Patience::Not);
    }

    /// Serves the client until it goes.
    pub(super) fn run(mut self) {
        let greeted = self
            .outlet
            .send(&Greeting::Welcome, Patience::For(PATIENCE));
        let Ok(wish) = greeted.map_or(Err(RecvError::Empty), |()| {
            self.inlet.recv(Patience::For(PATIENCE))
        }) else {
            return;
        };
        let server = Arc::clone(&self.server);
        let (grant, service) = match wish {
            Wish::Names => (
                Grant::Names(server.services.keys().cloned().collect()),
                None,
            ),
            Wish::Open(name, subject) => match server.services.get(&name) {
                None => (Grant::NotFound, None),
                Some(service) if service.subject() == subject => (Grant::Opened, Some(service)),
                Some(service) => (Grant::Is(service.subject()), None),
            },
        };
        let granted = self.outlet.send(&grant, Patience::For(PATIENCE));
        if let (Ok(()), Some(service)) = (granted, service) {
            service.serve(&mut self);
        }
    }

    /// What the client asks for next, or why that cannot be read; `None` where it is gone.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, String>> {
        match self.inlet.recv(Patience::Ever) {
            Ok(ask) => Some(Ok(ask)),
            Err(RecvError::Decode(error)) => Some(Err(error.to_string())),
            Err(_) => None,
        }
    }

    /// Sends an answer that [`encode`] has made; where it is too long, `otherwise` instead of it.
    /// `None` where the client is gone, `false` where it was too long.
    pub(super) fn answer(
        &mut self,
        bytes: &[u8],
        otherwise: impl FnOnce(String) -> Vec<u8>,
    ) -> Option<bool> {
        match self.outlet.send_bytes(bytes, Patience::Ever) {
            Ok(()) => Some(true),
            Err(error @ SendError::TooLong { .. }) => {
                let why = otherwise(error.to_string());
                let told = self.outlet.send_bytes(&why, Patience::Ever);
                told.ok().map(|()| false)
            }
            Err(_) => None,
        }
    }

    /// Does `attempt` in slices, until it has a result, or `limit` has passed; `None` where the
    /// client is gone meanwhile.
    pub(super) fn wait<T>(
        &self,
        limit: Limit,
        mut attempt: impl FnMut(Duration) -> Option<T>,
    ) -> Option<Option<T>> {
        let deadline = limit.map_or(Deadline::NEVER, Deadline::after);
        loop {
            let left = deadline.left().unwrap_or(SLICE);
            if let Some(result) = attempt(left.min(SLICE)) {
                return Some(Some(result));
            }
            if self.inlet.line.is_gone() || self.server.is_stopped() {
                return None;
            }
            if deadline.is_past() {
                return Some(None);
            }
        }
    }
}

/// An answer as bytes; where it cannot be one, `otherwise` says so.
pub(super) fn encode<A: Serialize>(
    answer: &A,
    otherwise: impl FnOnce(String) -> Vec<u8>,
) -> Vec<u8> {
    postcard::to_stdvec(answer).unwrap_or_else(|error| otherwise(error.to_string()))
}
