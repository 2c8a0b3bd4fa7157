//! Messages of any length and type, from one process to another and back, over shared memory.
//!
//! [`pipe`] makes two [`Connection`]s, [`one_way`] a [`Sender`] and a [`Receiver`]. One of them stays
//! here, the other goes to another process as a few bytes, with serde, and becomes that process's
//! when it arrives. Processes that are not related meet by the name of a [`Pipe`], which is one way.
//!
//! What is sent is a type that serde can write and read, in the format of postcard, or bytes. It is
//! written straight into the ring, and decoded from a private copy.
//!
//! A pipe carries no descriptors: that is for [`socket`](super::socket).
//!
//! # Whose an end is
//!
//! The two ends that `pipe` and `one_way` give are nobody's yet. An end becomes the property of the
//! process that first uses it, or in which it first arrives, until it is dropped there or the process
//! dies. So a copy that the parent keeps of its child's end keeps nobody waiting: when the child is
//! gone, the parent is told. Whoever sends an end must keep its own copy until the other has it (an
//! end that is dropped before anybody had it is gone, and the other end is told), and must not have
//! used it.
//!
//! # Examples
//!
//! ```
//! use outlive::queue::pipe::{Connection, RecvError, pipe};
//!
//! let (mut here, there) = pipe::<String>()?;
//!
//! // To another process: on its command line, in a message of another pipe, ...
//! let bytes = postcard::to_stdvec(&there)?;
//! # std::thread::spawn(move || {
//! let mut there: Connection<String> = postcard::from_bytes(&bytes)?;
//! let question = there.recv()?;
//! there.send(&format!("{question} Fine."))?;
//! # drop(there);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//!
//! here.send(&"How are you?".to_owned())?;
//! assert_eq!(here.recv()?, "How are you? Fine.");
//!
//! // It went, or died.
//! let end = here.recv();
//! assert!(matches!(end, Err(RecvError::Disconnected { crashed: false })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrival;
mod connection;
mod error;
mod frame;
mod frames;
#[cfg(feature = "async")]
mod future;
mod inbox;
mod receiver;
mod recv_bytes;
mod sender;
mod side;
mod stream;
mod travel;

use std::fmt;
use std::marker::PhantomData;

pub use connection::Connection;
pub use error::{RecvError, SendError};
pub use receiver::Receiver;
pub use sender::Sender;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::spsc::{Geometry, Spsc};
use crate::raw::{Kind, Storage};
use crate::segment::{Bound, Object, Segment, Spec};

use frame::{frames_of, longest_of};
use frames::Frames;

/// A pipe in one direction, by its name: messages of type `T`, from one sender to one receiver.
///
/// All processes must mean the same type by `T`: its path, size and alignment are compared when the
/// pipe is opened. A handle is cheap to clone and can be sent to other processes as a few bytes
/// (serde). Two of them make a [`Connection`].
///
/// # If a process dies
///
/// Its end is free, see [`Sender`] and [`Receiver`], and whoever takes it goes on: behind the last
/// message that was sent, or at the first that was not received.
pub struct Pipe<T> {
    bound: Bound<Frames>,
    of: PhantomData<fn(T) -> T>,
}

/// Two ends that send and receive `T`, in the home segment.
///
/// # Errors
///
/// As [`Pipe::new`].
pub fn pipe<T>() -> Result<(Connection<T>, Connection<T>)> {
    duplex()
}

/// As [`pipe`], with a type for each direction.
///
/// # Errors
///
/// As [`Pipe::new`].
pub fn duplex<A, B>() -> Result<(Connection<A, B>, Connection<B, A>)> {
    let (to_there, from_here) = one_way()?;
    let (to_here, from_there) = one_way()?;
    Ok((
        Connection::new(to_there, from_there),
        Connection::new(to_here, from_here),
    ))
}

/// A pipe in one direction, in the home segment.
///
/// # Errors
///
/// As [`Pipe::new`].
pub fn one_way<T>() -> Result<(Sender<T>, Receiver<T>)> {
    let bound = Pipe::<T>::new(USUAL)?.bound;
    Ok((Sender::free(bound.clone()), Receiver::free(bound)))
}

/// Bytes of a message up to which it goes in whole, where nobody says otherwise: such that the ring
/// has 64 KiB, as a pipe of the kernel has.
const USUAL: usize = 48 << 10;

impl<T> Pipe<T> {
    /// Creates a pipe in the home segment, with room for a message of `capacity` bytes.
    ///
    /// Larger messages are no error: they go through it in parts. See [`Receiver`] for what a death
    /// does to them.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new(capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::create(
            &Segment::home()?,
            None,
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Creates the pipe called `name`, with room for a message of `capacity` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::create(
            segment,
            Some(name),
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Opens the pipe called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is no pipe for this type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the pipe called `name`, or creates it as [`Pipe::create`] does.
    ///
    /// # Errors
    ///
    /// As [`Pipe::open`] and [`Pipe::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::open_or_create(
            segment,
            name,
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Takes the sender's end; it goes on behind the last message that was sent.
    ///
    /// # If a process dies
    ///
    /// A dead sender's end is free. What it had not finished sending is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`] where a living process has it, perhaps this one.
    pub fn sender(&self) -> Result<Sender<T>> {
        Sender::taken(self.bound.clone())
    }

    /// Takes the receiver's end; it goes on at the first message that was not received.
    ///
    /// # If a process dies
    ///
    /// A dead receiver's end is free. A message larger than the pipe that it had begun to receive is
    /// gone with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`] where a living process has it, perhaps this one.
    pub fn receiver(&self) -> Result<Receiver<T>> {
        Receiver::taken(self.bound.clone())
    }

    /// Says for ever that nothing more is to come: the sender is refused, the receiver gets what is
    /// there and is then told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment:
    /// [`ErrorKind::TooManyParticipants`].
    pub fn close(&self) -> Result<()> {
        self.ring().close(&self.bound.seat()?);
        Ok(())
    }

    /// Whether the pipe was closed; it stays so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring().is_closed()
    }

    /// Bytes of the longest message that goes in whole. Longer ones go in parts.
    #[must_use]
    pub fn capacity(&self) -> usize {
        inbox::bytes(longest_of(self.ring().capacity()))
    }

    fn ring(&self) -> &Spsc<'static> {
        self.bound.view().ring()
    }

    fn spec() -> Spec {
        Spec::of::<T>(Kind::Pipe)
    }

    fn geometry(capacity: usize) -> Result<Geometry> {
        let frames = usize::try_from(frames_of(capacity as u64)).ok();
        frames
            .and_then(|frames| Geometry::new(frames, frame::layout()))
            .ok_or_else(|| {
                Error::new(ErrorKind::Full, format!("create pipe of {capacity} bytes"))
                    .advise("there is no memory so large")
            })
    }

    fn len_of(geometry: Geometry) -> usize {
        // `Geometry::new` has computed it before.
        geometry.size().unwrap_or(usize::MAX)
    }

    fn init(geometry: Geometry) -> impl Fn(Storage<'_>) {
        move |storage| {
            // The storage has the size that the geometry asked for.
            let _ = Spsc::init(storage, geometry);
        }
    }

    fn bind(object: Object) -> Result<Self> {
        Ok(Self {
            bound: object.bind(Kind::Pipe, Frames::attach)?,
            of: PhantomData,
        })
    }
}

impl<T> Clone for Pipe<T> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Pipe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("at", self.bound.object())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
