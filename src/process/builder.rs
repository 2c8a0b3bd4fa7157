//! How a process is to be started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::queue::socket::fd;
use crate::segment::Segment;
use crate::segment::baggage::Baggage;
use crate::sys::{family, pidfd, setting};

use super::child::{Child, Parts, Reaper};
use super::current::{current, name_of};
use super::function::{Function, encode};
use super::limit::{Limit, Resource};
use super::message::{self, Call, Environment, Life, Order, SegmentInfo};
use super::process::Process;
use super::stream::Stream;
use super::{closing, letter, logging, supervisor};

/// Where a new process comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[doc(alias = "set_start_method")]
#[doc(alias = "get_context")]
pub enum Method {
    /// Forked from the fork server: the fastest.
    #[default]
    Server,
    /// Executed anew: several times slower, with an address space laid out anew.
    Execute,
}

/// What a process is to be, in the manner of [`std::process::Command`].
///
/// # Examples
///
/// ```
/// use outlive::Process;
///
/// let process = Process::builder()
///     .name("worker")
///     .env("GREETING", "hello")
///     .spawn(|name: String| std::env::var(name).unwrap_or_default(), "GREETING".into())?;
/// assert_eq!(process.name(), "worker");
/// assert_eq!(process.join()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    name: Option<String>,
    /// Changes of this process's own; `None` takes a variable away.
    environment: BTreeMap<OsString, Option<OsString>>,
    is_clear: bool,
    folder: Option<PathBuf>,
    streams: [Stream; 3],
    is_daemon: Option<bool>,
    kills_tree: bool,
    affinity: Option<Vec<usize>>,
    limits: Vec<Limit>,
    method: Method,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A process like its parent: its environment, folder and output, and nothing to read.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: None,
            environment: BTreeMap::new(),
            is_clear: false,
            folder: None,
            streams: [Stream::Null, Stream::Inherit, Stream::Inherit],
            is_daemon: None,
            kills_tree: false,
            affinity: None,
            limits: Vec::new(),
            method: Method::default(),
        }
    }

    /// What it is called; `Process-1` and so on if nobody says.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), Some(value.into()));
        self
    }

    /// Takes a variable out of its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), None);
        self
    }

    /// Begins with an empty environment.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.is_clear = true;
        self.environment.clear();
        self
    }

    /// Its working directory; this process's if nobody says.
    #[must_use]
    #[doc(alias = "cwd")]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Its standard input; [`Stream::Null`] if nobody says.
    #[must_use]
    pub fn stdin(mut self, stream: impl Into<Stream>) -> Self {
        self.streams[0] = stream.into();
        self
    }

    /// Its standard output; [`Stream::Inherit`] if nobody says.
    #[must_use]
    pub fn stdout(mut self, stream: impl Into<Stream>) -> Self {
        self.streams[1] = stream.into();
        self
    }

    /// Its standard error; [`Stream::Inherit`] if nobody says.
    #[must_use]
    pub fn stderr(mut self, stream: impl Into<Stream>) -> Self {
        self.streams[2] = stream.into();
        self
    }

    /// A daemon is terminated when its parent's `main` returns, where others are waited for. If
    /// nobody says, it is one if its parent is.
    #[must_use]
    pub fn daemon(mut self, is_daemon: bool) -> Self {
        self.is_daemon = Some(is_daemon);
        self
    }

    /// Whether all that it has started, and what those have, is killed when it ends, however it
    /// ends; no if nobody says.
    #[must_use]
    pub fn kill_tree(mut self, kills_tree: bool) -> Self {
        self.kills_tree = kills_tree;
        self
    }

    /// The processors that it may run on, by number.
    #[must_use]
    pub fn affinity(mut self, processors: impl IntoIterator<Item = usize>) -> Self {
        self.affinity = Some(processors.into_iter().collect());
        self
    }

    /// The most that it may use of a resource.
    #[must_use]
    #[doc(alias = "rlimit")]
    pub fn limit(mut self, resource: Resource, most: u64) -> Self {
        self.limits.push(Limit { resource, most });
        self
    }

    /// Where it comes from.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Starts a process that calls `function` with `argument`.
    ///
    /// Objects whose handles travel in the argument are kept until the process has ended.
    ///
    /// # Blocking
    ///
    /// Until the process is there, not until it has begun.
    ///
    /// # If a process dies
    ///
    /// The fork server: another one does it. The new process: [`Process::join`] tells.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) where the argument cannot be written as bytes, [`ErrorKind::Os`](crate::ErrorKind::Os) where
    /// the system can start no process or the directory is not there, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// where the function lies in a shared library, or the program could not become a server.
    pub fn spawn<A, R>(self, function: fn(A) -> R, argument: A) -> Result<Process<R>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let function = Function::new(&function)?;
        let write = || fd::collect(|| encode(&argument, "an argument"));
        let ((bytes, files), baggage) = Baggage::pack(write);
        let bytes = bytes?;
        // From here on the baggage keeps what the process needs.
        drop(argument);
        self.start(function, &bytes, files.fds, baggage)
            .map(Process::of)
    }

    fn start(
        self,
        function: Function,
        argument: &[u8],
        files: Vec<OwnedFd>,
        baggage: Baggage,
    ) -> Result<Child> {
        // First: while its server forks the next, the order for this one is written.
        let worker = supervisor::worker(self.kills_tree)?;
        let current = current();
        let line = current.next_line();
        let name = self.name.clone().unwrap_or_else(|| name_of(&line));
        let os = |e| Error::os(e, format!("start process `{name}`"));
        let mut fds = Vec::new();
        let streams = self.descriptors(&mut fds).map_err(os)?;
        let folder = match &self.folder {
            Some(folder) => folder.as_path(),
            None => ".".as_ref(),
        };
        // Where this process's own was removed, the server's is as good.
        let has_folder = match setting::folder(folder) {
            Ok(fd) => {
                fds.push(fd);
                true
            }
            Err(_) if self.folder.is_none() => false,
            Err(error) => return Err(os(error)),
        };
        fds.push(pidfd::open(family::own()).map_err(os)?);
        let mut segments = Vec::new();
        let home = Segment::home()?;
        let others = baggage.segments().filter(|other| other.id() != home.id());
        for segment in std::iter::once(home.clone()).chain(others) {
            segments.push(SegmentInfo {
                id: segment.id(),
                is_home: segment.id() == home.id(),
            });
            fds.push(segment.try_clone_fd()?);
        }
        fds.extend(files);
        let is_daemon = self.is_daemon.unwrap_or(current.is_daemon());
        let environment = self.variables();
        let order = Order {
            function,
            streams,
            has_folder,
            segments,
            life: Life {
                name: name.clone(),
                line,
                parent: (current.pid(), current.name().to_owned()),
                is_daemon,
                environment: (&environment != supervisor::environment()).then_some(environment),
                affinity: self.affinity,
                limits: self.limits,
                umask: setting::mask(),
                log: logging::handle(),
            },
        };
        let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let begin = Call::Begin(Box::new(order));
        let line = &worker.line;
        let sent = match self.method {
            Method::Server => Ok(()),
            Method::Execute => letter::send(line, &Call::Execute, &[], &[]),
        }
        .and_then(|()| letter::send(line, &begin, argument, &borrowed));
        match sent {
            // It has died, and its server with it: whoever waits for it is told.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            sent => sent.map_err(os)?,
        }
        closing::register();
        Ok(Child::enter(Parts {
            reaper: Reaper::Server(worker.server),
            name,
            pid: worker.pid,
            process: worker.process,
            is_daemon,
            line: worker.line,
            baggage,
        }))
    }

    fn descriptors(&self, fds: &mut Vec<OwnedFd>) -> std::io::Result<[message::Stream; 3]> {
        let [stdin, stdout, stderr] = &self.streams;
        let streams = [
            stdin.descriptor(std::io::stdin())?,
            stdout.descriptor(std::io::stdout())?,
            stderr.descriptor(std::io::stderr())?,
        ];
        Ok(streams.map(|stream| match stream {
            Some(fd) => {
                fds.push(fd);
                message::Stream::Sent
            }
            None => message::Stream::Null,
        }))
    }

    fn variables(&self) -> Environment {
        let own = std::env::vars_os()
            .filter(|(name, _)| !self.is_clear && !self.environment.contains_key(name));
        let set = self
            .environment
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        let mut all: Environment = own.chain(set).collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_error_names_the_process_and_the_folder() {
        let spawned = Builder::new()
            .name("lost")
            .current_dir("/nowhere")
            .spawn(|(): ()| (), ());
        let error = spawned.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("lost"), "{error}");
    }
}
