//! [`Server`]: objects for clients who have the key.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::messages::{Codec, Queue};
use crate::sys::bell::Bell;
use crate::sys::epoch;
use crate::sys::thread::block_signals;

use super::outlet::MOST_BYTES;
use super::service::Service;
use super::shared::Shared;
use super::{Address, AuthKey, Listener, map, queue, value};

/// Serves queues, values and maps by their names to whoever has the key: see [`Remote`](super::Remote).
///
/// Each connection has a thread of its own. What is served stays the server process's too: it has
/// the [`Queue`], or the `Arc<Mutex<..>>` with a value or a map, and uses it as ever.
///
/// Dropping it ends the service, as [`Server::shutdown`] does, but does not wait for the threads. In
/// a child forked since, it does nothing.
///
/// # If a process dies
///
/// The server's: every call of a client is an error, values and maps are gone, a queue in shared
/// memory is what its own promise says. A client: what it waited for is given up within about
/// 100 ms, the message that it had taken and not acknowledged is delivered again. What it had asked
/// for before is done.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// use outlive::Queue;
/// use outlive::remote::{Address, AuthKey, Remote, Server};
///
/// let key = AuthKey::random()?;
/// let jobs = Queue::<String>::new(100)?;
/// let total = Arc::new(Mutex::new(0_u64));
/// let server = Server::builder()
///     .queue("jobs", jobs.clone())
///     .value("total", Arc::clone(&total))
///     .map("ages", Mutex::new(HashMap::<String, u32>::new()))
///     .bind(Address::Private, &key)?;
///
/// // In other processes, perhaps on other machines:
/// let remote = Remote::connect(server.address(), &key)?;
/// remote.queue::<String>("jobs")?.put(&"sweep".to_owned())?;
/// remote.value::<u64>("total")?.update(|total| total + 17)?;
/// let mut ages = remote.map::<String, u32>("ages")?;
/// ages.insert(&"Ada".to_owned(), &36)?;
/// assert_eq!(ages.get(&"Ada".to_owned())?, Some(36));
///
/// assert_eq!(jobs.get()?, "sweep");
/// assert_eq!(*total.lock().expect("not poisoned"), 17);
/// server.shutdown();
/// assert!(ages.len().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BaseManager")]
#[doc(alias = "SyncManager")]
#[doc(alias = "Manager")]
pub struct Server {
    shared: Arc<Shared>,
    address: Address,
    owner: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// What is to be served.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            services: BTreeMap::new(),
            twice: None,
            most_clients: 256,
            most_bytes: MOST_BYTES,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connections that are being served. It may change at once.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shared.clients.lock().len()
    }

    /// Ends the service: nobody is accepted any more, every connection ends, and clients get an
    /// error. Calling it again changes nothing.
    ///
    /// # Blocking
    ///
    /// Until all threads have ended: about 100 ms, and as long as somebody holds the lock of a
    /// value or a map that a client waits for. Do not call it with that lock.
    ///
    /// # If a process dies
    ///
    /// Nobody is waited for in vain.
    pub fn shutdown(&self) {
        if self.owner != epoch::current() {
            return;
        }
        self.shared.stop();
        let thread = self.thread.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(thread) = thread {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.owner == epoch::current() {
            self.shared.stop();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("clients", &self.clients())
            .finish_non_exhaustive()
    }
}

/// What a server is to serve; made by [`Server::builder`].
#[must_use = "it serves nothing before it is bound"]
pub struct ServerBuilder {
    services: BTreeMap<String, Box<dyn Service>>,
    twice: Option<String>,
    most_clients: usize,
    most_bytes: usize,
}

impl ServerBuilder {
    /// Serves a queue. Its items travel in the format of postcard, whatever its own codec is.
    pub fn queue<T, C>(self, name: &str, queue: Queue<T, C>) -> Self
    where
        T: Serialize + DeserializeOwned + 'static,
        C: Codec<T> + 'static,
    {
        self.with(name, queue::Service::new(queue))
    }

    /// Serves a value: a `Mutex` of it, or an `Arc` of one that is used here too.
    pub fn value<T>(self, name: &str, value: impl Into<Arc<Mutex<T>>>) -> Self
    where
        T: Serialize + DeserializeOwned + PartialEq + Send + 'static,
    {
        self.with(name, value::Service::new(value.into()))
    }

    /// Serves a map: a `Mutex` of it, or an `Arc` of one that is used here too.
    pub fn map<K, V>(self, name: &str, map: impl Into<Arc<Mutex<HashMap<K, V>>>>) -> Self
    where
        K: Serialize + DeserializeOwned + Eq + Hash + Send + 'static,
        V: Serialize + DeserializeOwned + PartialEq + Send + 'static,
    {
        self.with(name, map::Service::new(map.into()))
    }

    /// How many connections it serves at the same time, each with a thread; 256 if nobody says.
    /// Each [`RemoteQueue`](super::RemoteQueue) and the like is one.
    pub fn clients(mut self, most: usize) -> Self {
        self.most_clients = most;
        self
    }

    /// Bytes of the longest message, in both directions; 256 MiB if nobody says.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Begins to serve, at `address`.
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`]; [`ErrorKind::InvalidInput`] where a name was given twice.
    #[doc(alias = "serve")]
    #[doc(alias = "serve_forever")]
    #[doc(alias = "start")]
    pub fn bind(self, address: impl Into<Address>, key: &AuthKey) -> Result<Server> {
        if let Some(name) = self.twice {
            let doing = format!("serve two objects as `{name}`");
            return Err(Error::new(ErrorKind::InvalidInput, doing));
        }
        let (door, hall) = Listener::bind(address, key)?.into_parts();
        let address = door.address().clone();
        let os = |e| Error::os(e, format!("serve at {address}"));
        let shared = Arc::new(Shared {
            services: self.services,
            most_clients: self.most_clients,
            most_bytes: self.most_bytes,
            is_stopped: AtomicBool::new(false),
            bell: Bell::new().map_err(os)?,
            clients: parking_lot::Mutex::default(),
        });
        let thread = std::thread::Builder::new().name("outlive-remote".to_owned());
        let server = Arc::clone(&shared);
        let run = move || {
            // The threads of its clients have that from it.
            block_signals();
            server.run(door, hall);
        };
        let thread = thread.spawn(run).map_err(os)?;
        Ok(Server {
            shared,
            address,
            owner: epoch::current(),
            thread: Mutex::new(Some(thread)),
        })
    }

    fn with(mut self, name: &str, service: impl Service + 'static) -> Self {
        let before = self.services.insert(name.to_owned(), Box::new(service));
        if before.is_some() {
            self.twice = Some(name.to_owned());
        }
        self
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("names", &self.services.keys())
            .finish_non_exhaustive()
    }
}
