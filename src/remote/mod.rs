//! Messages and objects for processes that have a key: over TCP and Unix sockets, on this machine or
//! another.
//!
//! A [`Listener`] and a [`Connection`] carry typed messages to and fro, as a
//! [`pipe`](crate::queue::pipe) does between processes that share memory. A [`Server`] has queues, values and maps,
//! which a [`Remote`] uses from elsewhere. Both sides prove to have the same [`AuthKey`] before a
//! byte of theirs is looked at.
//!
//! # Whom the key keeps out
//!
//! Whoever does not have it, and whatever it sends: silence, garbage, one byte a second, any number
//! of connections. It costs that client an error, and nobody else any waiting, but for a flood that
//! is faster than a client's answer (see [`Listener`]); lengths and numbers are
//! bounded before and after, and no memory is taken because of a length that a stranger names. Both sides draw a new challenge for each connection and answer it
//! with an HMAC-SHA-256 that is bound to the role and to both challenges, so neither can be sent
//! back or used again.
//!
//! **The key does not hide anything.** What goes over a connection is neither encrypted nor signed:
//! whoever is on the way, a router or a root of one of the machines, can read it, change it, and
//! take over a connection after its handshake. On a network that is not trusted, lead it through a tunnel (`ssh -L`,
//! WireGuard), and listen at `localhost` only. Nor does it protect from who has it: one who does
//! may use whatever is served, and as much memory as the bounds permit: for each connection of a server
//! [`ServerBuilder::max_message`], and as much stack as so many bytes of a type need that contains itself.
//!
//! # In Python
//!
//! | `multiprocessing` | here | |
//! |---|---|---|
//! | `Listener(address, authkey=key)` | [`Listener::bind`] | a client that does not answer the challenge holds nobody up; no empty keys |
//! | `Listener(None)` | [`Address::Private`] | what killed processes left is removed |
//! | `Client(address, authkey=key)` | [`Connection::connect`] | [`Connection::connect_timeout`] |
//! | `conn.send(x)`, `conn.recv()` | [`Connection::send`], [`Connection::recv`] | typed, with limits of time and size; nothing that came is executed |
//! | `BaseManager(address, key)`, `register` | [`Server::builder`] | the objects, with their types, instead of a registry |
//! | `manager.connect()`, `manager.get_queue()` | [`Remote::connect`], [`Remote::queue`] | what a killed client had taken is delivered again |
//! | `manager.dict()`, `manager.Value()` | [`Remote::map`], [`Remote::value`] | `update` by compare and exchange, where Python needs a lock |
//! | `manager.shutdown()` | [`Server::shutdown`] | |
//!
//! # Examples
//!
//! Workers on several machines, which take jobs from one queue. [`RemoteQueue::receive`] gives a job to
//! another worker where one is killed:
//!
//! ```
//! use outlive::Queue;
//! use outlive::remote::{AuthKey, Remote, Server};
//!
//! let key = AuthKey::new(b"32 random bytes, from a file, say")?;
//! let (jobs, results) = (Queue::<u64>::new(100)?, Queue::<(u64, u64)>::new(100)?);
//! let server = Server::builder()
//!     .queue("jobs", jobs.clone())
//!     .queue("results", results.clone())
//!     .bind(("localhost", 0), &key)?;
//!
//! let address = server.address().clone();
//! # let worker = std::thread::spawn(move || {
//! // There:
//! let remote = Remote::connect(address, &key)?;
//! let (mut jobs, mut results) = (remote.queue::<u64>("jobs")?, remote.queue("results")?);
//! while let Ok(job) = jobs.receive() {
//!     results.put(&(*job, *job * *job))?;
//!     job.ack()?;
//! }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//!
//! // Here:
//! jobs.put(&12)?;
//! assert_eq!(results.get()?, (12, 144));
//! jobs.close()?;
//! # worker.join().expect("no panic").expect("no error");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod client;
mod connection;
mod door;
mod error;
mod hall;
mod handshake;
mod inlet;
mod key;
mod line;
mod link;
mod listener;
mod map;
mod outlet;
mod packet;
mod queue;
mod receiver;
#[expect(
    clippy::module_inception,
    reason = "the noun of the module is what its clients have"
)]
mod remote;
mod sender;
mod server;
mod service;
mod session;
mod shared;
mod socket_file;
mod value;

pub use address::Address;
pub use connection::Connection;
pub use error::{RecvError, SendError};
pub use key::AuthKey;
pub use listener::Listener;
pub use map::RemoteMap;
pub use queue::{RemoteDelivery, RemoteQueue};
pub use receiver::Receiver;
pub use remote::Remote;
pub use sender::Sender;
pub use server::{Server, ServerBuilder};
pub use value::RemoteValue;
