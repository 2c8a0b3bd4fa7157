//! This process's line to its fork server, which is started when it is first needed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::clock::Deadline;
use crate::sys::fork::OfProcess;
use crate::sys::image::Image;
use crate::sys::readiness::{self, Ready};
use crate::sys::{descriptors, family, pidfd, socket};

use super::entry::{self, SERVER};
use super::execution::program;
use super::letter;
use super::message::{Answer, Environment, Request};

/// The server of this process. A forked child has none, whatever another thread was at.
static SERVER_OF: OfProcess<Mutex<Option<Supervisor>>> = OfProcess::new();

/// How long a server may take to say that it is there. One that never does is a program whose
/// constructors did not run.
const START: Duration = Duration::from_secs(20);

/// How many servers may be killed while one process is started.
const SERVERS: u32 = 8;

/// How long a server that has closed its line may take to end.
const END: Duration = Duration::from_secs(1);

/// What every server of this process has as its environment, and those have that it forks.
pub(super) fn environment() -> &'static Environment {
    static FIRST: OnceLock<Environment> = OnceLock::new();
    FIRST.get_or_init(|| {
        let mut all: Environment = std::env::vars_os().collect();
        all.sort_unstable();
        all
    })
}

struct Supervisor {
    line: OwnedFd,
    server: Child,
    /// For those who wait for what it says of its workers.
    process: Arc<OwnedFd>,
    /// Whether it is forking a worker, or has.
    is_asked: bool,
}

/// A worker that waits for its order.
pub(super) struct Waiting {
    pub(super) server: Arc<OwnedFd>,
    pub(super) pid: u32,
    pub(super) process: OwnedFd,
    pub(super) line: OwnedFd,
}

/// A worker of this process's server.
pub(super) fn worker(kills_tree: bool) -> Result<Waiting> {
    let own = SERVER_OF.get_or_make();
    let mut turn = own.map_err(|e| Error::os(e, "start a process"))?.lock();
    // Where a server is killed, the next does it.
    for _ in 0..SERVERS {
        let server = match &mut *turn {
            Some(server) => server,
            none => match Supervisor::begin()? {
                Some(server) => none.insert(server),
                None => continue,
            },
        };
        match server.worker(kills_tree) {
            Ok(worker) => return Ok(worker),
            Err(error) if is_end(&error) => {
                if let Some(mut dead) = turn.take() {
                    let _ = dead.server.wait();
                }
            }
            Err(error) => return Err(Error::os(error, "start a process")),
        }
    }
    Err(Error::new(ErrorKind::Os, "start a process")
        .advise("the fork server is killed whenever it starts"))
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn wait(fd: impl AsFd, limit: Duration) -> io::Result<bool> {
    readiness::wait(fd.as_fd(), Ready::ToReceive, Deadline::after(limit))
}

impl Supervisor {
    /// A server that is there; `None` where it was killed before it was.
    fn begin() -> Result<Option<Self>> {
        let doing = "start the fork server";
        let os = |e| Error::os(e, doing);
        if std::env::var_os(entry::ROLE).is_some() || !entry::is_linked() {
            return Err(Error::new(ErrorKind::Unsupported, doing)
                .advise("call outlive::process::init first thing in main"));
        }
        // The server's standard input, without which it would end and nobody would know why.
        if let Err(error) = descriptors::null() {
            return Err(Error::new(ErrorKind::Unsupported, doing)
                .advise(format!("/dev/null must be there and open to all ({error})")));
        }
        let (ours, its) = socket::pair().map_err(os)?;
        let environment = environment().iter().map(|(name, value)| (name, value));
        let mut server = program(SERVER)
            .env_clear()
            .envs(environment)
            .env(entry::ROLE, SERVER)
            .stdin(its)
            // Away from the terminal's Ctrl-C, which is for the user's own process.
            .process_group(0)
            .spawn()
            .map_err(|e| os(e).advise("/proc must be mounted and its programs executable"))?;
        let process = family::of_number(&server.id().to_string())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
            .and_then(pidfd::open)
            .map_err(|e| {
                let _ = server.kill();
                let _ = server.wait();
                os(e)
            })?;
        let mut supervisor = Self {
            line: ours,
            server,
            process: Arc::new(process),
            is_asked: false,
        };
        match supervisor.greet() {
            Ok(()) => Ok(Some(supervisor)),
            Err(_) if supervisor.was_killed() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends a server that is of no use. Says whether somebody else had, with a signal.
    fn was_killed(mut self) -> bool {
        // Its last descriptors are closed a little before its end.
        let has_ended = readiness::is_ready(&self.line).unwrap_or(false)
            && wait(&self.process, END).unwrap_or(false);
        let _ = self.server.kill();
        let status = self.server.wait();
        has_ended && status.is_ok_and(|status| status.code().is_none())
    }

    fn greet(&mut self) -> Result<()> {
        let doing = "wait for the fork server to begin";
        let os = |e| Error::os(e, doing);
        let has_begun = wait(&self.line, START).map_err(os)?;
        let advise = |kind| {
            Error::new(kind, doing).advise(
                "the program did not become one before main: call outlive::process::init first \
                 thing in main",
            )
        };
        if !has_begun {
            return Err(advise(ErrorKind::TimedOut));
        }
        match self.hear() {
            Ok((Answer::Ready(identity), _))
                if Image::own().is_some_and(|own| own.identity == identity) =>
            {
                Ok(())
            }
            Ok(_) => Err(advise(ErrorKind::WrongVersion)),
            Err(error) if is_end(&error) => Err(advise(ErrorKind::Unsupported)),
            Err(error) => Err(os(error)),
        }
    }

    /// A worker that was forked ahead; and has the next one forked, so that nobody waits for that.
    fn worker(&mut self, kills_tree: bool) -> io::Result<Waiting> {
        loop {
            if !self.is_asked {
                self.ask(Request::Fork)?;
            }
            self.is_asked = false;
            let (answer, fds) = self.hear()?;
            let mut fds = fds.into_iter();
            let worker = match (answer, fds.next(), fds.next()) {
                (Answer::Forked(pid), Some(process), Some(line)) => Waiting {
                    server: self.process.clone(),
                    pid,
                    process,
                    line,
                },
                (Answer::Refused(number), ..) => {
                    return Err(io::Error::from_raw_os_error(number));
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            self.ask(Request::Fork)?;
            self.is_asked = true;
            // Somebody may have killed it while it waited, or its server, whose death will be its own.
            let now = Deadline::after(Duration::ZERO);
            let dead = readiness::which(&[self.process.as_fd(), worker.process.as_fd()], now)?;
            match dead.first() {
                None => {
                    if kills_tree {
                        self.ask(Request::KillTree(worker.pid))?;
                    }
                    return Ok(worker);
                }
                Some(0) => return Err(io::ErrorKind::BrokenPipe.into()),
                Some(_) => {}
            }
        }
    }

    fn ask(&self, request: Request) -> io::Result<()> {
        letter::send(&self.line, &request, &[], &[])
    }

    fn hear(&self) -> io::Result<(Answer, Vec<OwnedFd>)> {
        let letter = letter::receive::<Answer>(&self.line)?;
        let letter = letter.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((letter.message, letter.fds))
    }
}
