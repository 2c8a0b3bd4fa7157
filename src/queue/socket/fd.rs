//! [`Fd`]: a descriptor as part of a message.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind};
use crate::segment::refusal;

/// A descriptor in a message: a file, a socket, an end of a pipe, a whole segment.
///
/// What is sent is a copy of the descriptor, as `dup` makes it: both processes then have the same
/// open file, with one position. What arrives is closed when a child process executes another
/// program. What arrives and is not taken, because the message is received as bytes or is an error,
/// is closed.
///
/// It is part of messages of [`Connection`](super::Connection) and [`Sender`](super::Sender) of this
/// module, and of the argument and the result of a [`Process`](crate::Process), only. Everywhere else, in a [`Queue`](crate::Queue) or a pipe in shared memory, in a file,
/// to write it is an error of whoever writes.
///
/// # If a process dies
///
/// Descriptors of a message that is under way are closed with it, by the kernel.
///
/// # Examples
///
/// ```
/// use std::fs::File;
/// use std::io::{Read, Seek, Write};
/// use outlive::queue::socket::{Fd, pair};
///
/// let (mut here, mut there) = pair::<(String, Fd<File>), ()>()?;
/// # let path = std::env::temp_dir().join(format!("outlive-fd-{}", std::process::id()));
/// # let mut log = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
/// # std::fs::remove_file(&path)?;
/// log.write_all(b"from here")?;
/// here.send(&("log".to_owned(), Fd(log)))?;
///
/// let (name, Fd(mut log)) = there.recv()?;
/// log.rewind()?;
/// let mut text = String::new();
/// log.read_to_string(&mut text)?;
/// assert_eq!((name.as_str(), text.as_str()), ("log", "from here"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fd<T>(pub T);

thread_local! {
    /// Descriptors of the message that this thread is writing to a socket.
    static OUT: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
    /// Descriptors of the message that this thread is reading from a socket.
    static IN: RefCell<Option<Incoming>> = const { RefCell::new(None) };
}

/// Descriptors of a message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) fds: Vec<OwnedFd>,
    /// Why one could not be copied.
    pub(super) refused: Option<io::Error>,
}

/// Descriptors of a message that is being read.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// Each can be taken once.
    fds: Vec<Option<OwnedFd>>,
    /// One was named that is not there, or not any more.
    pub(super) is_missing: bool,
}

/// Lets `write` write descriptors, and collects them.
pub(crate) fn collect<R>(write: impl FnOnce() -> R) -> (R, Outgoing) {
    // A message may be written in the middle of another: each has its own.
    let scope = Scope(OUT.replace(Some(Outgoing::default())), &OUT);
    let done = write();
    let collected = OUT.take().unwrap_or_default();
    drop(scope);
    (done, collected)
}

/// Lets `read` take `fds`; closes those that it does not take.
pub(crate) fn hand_out<R>(fds: Vec<OwnedFd>, read: impl FnOnce() -> R) -> (R, Incoming) {
    let fds = fds.into_iter().map(Some).collect();
    let here = Incoming {
        fds,
        is_missing: false,
    };
    let scope = Scope(IN.replace(Some(here)), &IN);
    let done = read();
    let rest = IN.take().unwrap_or_default();
    drop(scope);
    (done, rest)
}

/// Puts back what was there before, also after a panic.
struct Scope<T: 'static>(
    Option<T>,
    &'static std::thread::LocalKey<RefCell<Option<T>>>,
);

impl<T> Drop for Scope<T> {
    fn drop(&mut self) {
        self.1.set(self.0.take());
    }
}

const ELSEWHERE: &str =
    "a descriptor travels only through outlive::queue::socket, and to and from a new process";

/// The words for the codec, which forgets them.
#[cold]
fn refused(kind: ErrorKind, why: &'static str) -> String {
    refusal::note(Error::new(kind, "send or receive a descriptor").advise(why))
}

impl<T: AsFd> Serialize for Fd<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let index = OUT.with_borrow_mut(|outgoing| {
            let Some(outgoing) = outgoing else {
                return Err(S::Error::custom(refused(ErrorKind::Encode, ELSEWHERE)));
            };
            // A copy: what is borrowed here may be closed before the message is sent.
            match self.0.as_fd().try_clone_to_owned() {
                Ok(fd) => {
                    outgoing.fds.push(fd);
                    Ok(outgoing.fds.len() - 1)
                }
                Err(error) => {
                    let reason = S::Error::custom(&error);
                    outgoing.refused = Some(error);
                    Err(reason)
                }
            }
        })?;
        let index = u32::try_from(index).map_err(S::Error::custom)?;
        to.serialize_newtype_struct("Fd", &index)
    }
}

impl<'de, T: From<OwnedFd>> Deserialize<'de> for Fd<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Fd")]
        struct Index(u32);

        let Index(index) = Index::deserialize(from)?;
        let fd = IN.with_borrow_mut(|incoming| {
            let Some(incoming) = incoming else {
                return Err(ELSEWHERE);
            };
            let place = usize::try_from(index)
                .ok()
                .and_then(|at| incoming.fds.get_mut(at));
            let fd = place.and_then(Option::take);
            incoming.is_missing |= fd.is_none();
            fd.ok_or("no such descriptor came with the message")
        });
        // Outside: a conversion may do anything, even receive.
        let fd = fd.map_err(|why| D::Error::custom(refused(ErrorKind::Decode, why)))?;
        Ok(Self(fd.into()))
    }
}
