//! What the threads of a server share.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::Error;
use crate::sys::bell::Bell;
use crate::sys::clock::Deadline;
use crate::sys::readiness::{self, Ready};
use crate::sys::socket;

use super::door::Door;
use super::hall::Hall;
use super::line::Line;
use super::service::Service;
use super::session::Session;

/// What a server knows of itself.
pub(super) struct Shared {
    pub(super) services: BTreeMap<String, Box<dyn Service>>,
    pub(super) most_clients: usize,
    pub(super) most_bytes: usize,
    pub(super) is_stopped: AtomicBool,
    /// Rings when it is to stop, and never ceases.
    pub(super) bell: Bell,
    pub(super) clients: Mutex<HashMap<u64, Weak<OwnedFd>>>,
}

impl Shared {
    pub(super) fn is_stopped(&self) -> bool {
        // Relaxed: nothing else is to be seen with it, and the connections end.
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Tells all threads to end.
    pub(super) fn stop(&self) {
        // Relaxed: as above; the bell is the kernel's.
        self.is_stopped.store(true, Ordering::Relaxed);
        self.bell.ring();
    }

    /// Accepts clients until it is to stop, then sees all of them off.
    pub(super) fn run(self: &Arc<Self>, door: Door, mut hall: Hall) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        let mut number = 0;
        while !self.is_stopped() {
            match hall.next(&door, Some(&self.bell), Deadline::NEVER) {
                Ok(None) => {}
                Ok(Some(line)) => {
                    threads.retain(|thread| !thread.is_finished());
                    number += 1;
                    match self.admit(line, number) {
                        Ok(thread) => threads.extend(thread),
                        Err(error) => log::warn!("cannot serve a client: {error}"),
                    }
                }
                Err(error) => {
                    log::warn!("cannot accept clients: {error}");
                    self.pause();
                }
            }
        }
        // Nobody comes any more, and the file of the socket goes.
        drop((door, hall));
        for line in self.clients.lock().values().filter_map(Weak::upgrade) {
            // It can only be gone already.
            let _ = socket::shut(line.as_fd(), true, true);
        }
        for thread in threads {
            // A panic of a service has been told of, and is not ours.
            let _ = thread.join();
        }
    }

    fn admit(self: &Arc<Self>, line: Line, number: u64) -> Result<Option<JoinHandle<()>>, Error> {
        let weak = line.weak();
        let session = Session::new(line, Arc::clone(self))?;
        if self.clients.lock().len() >= self.most_clients {
            session.refuse();
            return Ok(None);
        }
        // Only this thread adds any.
        self.clients.lock().insert(number, weak);
        let present = Present {
            server: Arc::clone(self),
            number,
        };
        let thread = std::thread::Builder::new().name("outlive-remote".to_owned());
        let thread = thread.spawn(move || {
            let _present = present;
            session.run();
        });
        thread
            .map(Some)
            .map_err(|e| Error::os(e, "start a thread for a client"))
    }

    /// Waits a little, but not when it is to stop.
    fn pause(&self) {
        const A_LITTLE: Duration = Duration::from_millis(100);
        let until = Deadline::after(A_LITTLE);
        // Where that fails, it is tried again at once.
        let _ = readiness::wait(self.bell.as_fd(), Ready::ToReceive, until);
    }
}

/// A client, as long as its thread runs.
struct Present {
    server: Arc<Shared>,
    number: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.server.clients.lock().remove(&self.number);
    }
}
