//! The fork server: a small process of one thread, started from the program's own file, of which
//! every worker is a child.
//!
//! It forks workers, waits for them and reports how they ended. Workers die with it, and it ends when
//! the process that it serves does, whatever ended that.

#![expect(unsafe_code, reason = "fork, by a process of one thread")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::clock::Deadline;
use crate::sys::ends::Ends;
use crate::sys::family::{Fork, Pid, Signal};
use crate::sys::image::Image;
use crate::sys::{descriptors, family, pidfd, readiness, socket};

use super::exit::{Exit, leave};
use super::letter;
use super::message::{Answer, Report, Request};
use super::{panicked, tree, worker};

/// A child that runs.
struct Worker {
    pid: Pid,
    process: OwnedFd,
    /// The worker's end, for the last word on it.
    end: OwnedFd,
    kills_tree: bool,
}

/// A child by inheritance.
struct Orphan {
    pid: Pid,
    process: OwnedFd,
}

/// Serves until the other end of the standard input is closed, or its process has ended.
pub(super) fn serve() -> ! {
    let served = take_line().and_then(|line| Server::new(line.as_fd())?.run());
    leave(i32::from(served.is_err()))
}

/// The line, from its place as a stream: there those who are forked would have it too, and the
/// server's death not end it.
fn take_line() -> io::Result<OwnedFd> {
    let line = io::stdin().as_fd().try_clone_to_owned()?;
    descriptors::set_stream(0, descriptors::null()?)?;
    Ok(line)
}

struct Server<'a> {
    control: BorrowedFd<'a>,
    served: Option<OwnedFd>,
    /// Told of the end of any child, also of those that nobody knows.
    ends: Ends,
    workers: Vec<Worker>,
    /// What workers have left behind that lives on.
    left: Vec<Orphan>,
}

impl<'a> Server<'a> {
    fn new(control: BorrowedFd<'a>) -> io::Result<Self> {
        // What a dead worker leaves behind becomes the server's.
        family::adopt_orphans()?;
        family::keep_dead_children();
        // Once for all workers.
        panicked::watch();
        let identity = Image::own().map_or(0, |image| image.identity);
        letter::send(control, &Answer::Ready(identity), &[], &[])?;
        Ok(Self {
            control,
            served: family::parent().map(pidfd::open).transpose()?,
            ends: Ends::watch()?,
            workers: Vec::new(),
            left: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let ended = self.attend();
        while let Some(worker) = self.workers.first() {
            let _ = pidfd::signal(&worker.process, Signal::KILL);
            self.bury(0);
        }
        ended
    }

    fn attend(&mut self) -> io::Result<()> {
        loop {
            let watched: Vec<_> = std::iter::once(self.control)
                .chain(std::iter::once(self.ends.as_fd()))
                .chain(self.served.iter().map(OwnedFd::as_fd))
                .chain(self.workers.iter().map(|worker| worker.process.as_fd()))
                .chain(self.left.iter().map(|orphan| orphan.process.as_fd()))
                .collect();
            let first_worker = 2 + usize::from(self.served.is_some());
            let first_orphan = first_worker + self.workers.len();
            let ready = readiness::which(&watched, Deadline::NEVER)?;
            // First: what is said of a worker is said before it has its order, so before its end.
            if !self.hear()? {
                return Ok(());
            }
            for at in ready.into_iter().rev() {
                match at {
                    0 => {}
                    // After the workers, which are reaped by then.
                    1 => {
                        self.ends.note();
                        if family::has_dead_child() {
                            tree::reap_orphans(&self.known());
                        }
                    }
                    at if at < first_worker => return Ok(()),
                    at if at < first_orphan => {
                        // First whose tree goes with it: what it leaves is not to be adopted as
                        // that of another.
                        if let Some(at) = self.fallen_tree() {
                            self.bury(at);
                            break;
                        }
                        self.bury(at - first_worker);
                    }
                    at => {
                        let orphan = self.left.swap_remove(at - first_orphan);
                        family::reap_now(orphan.pid);
                        // It may have left some in turn.
                        self.adopt();
                    }
                }
            }
        }
    }

    /// Answers all that has been asked; `false` where nobody will ask any more.
    fn hear(&mut self) -> io::Result<bool> {
        while readiness::is_ready(self.control)? {
            match letter::receive(self.control)? {
                Some(letter) => self.answer(letter.message)?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn answer(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Fork => match self.fork() {
                Ok((worker, line)) => {
                    let pid = family::number(worker.pid);
                    let fds = [worker.process.as_fd(), line.as_fd()];
                    match letter::send(self.control, &Answer::Forked(pid), &[], &fds) {
                        Ok(()) => self.workers.push(worker),
                        // Too many are on their way: this start fails, and no other.
                        Err(error) if socket::is_refused_for_fds(&error) => {
                            family::kill(worker.pid);
                            family::reap(worker.pid);
                            return self.refuse(&error);
                        }
                        Err(error) => return Err(error),
                    }
                    Ok(())
                }
                Err(error) => self.refuse(&error),
            },
            Request::KillTree(pid) => {
                let is_it =
                    |worker: &&mut Worker| worker.pid.as_raw_nonzero().get().cast_unsigned() == pid;
                if let Some(worker) = self.workers.iter_mut().find(is_it) {
                    worker.kills_tree = true;
                }
                Ok(())
            }
        }
    }

    fn refuse(&self, error: &io::Error) -> io::Result<()> {
        let refused = Answer::Refused(error.raw_os_error().unwrap_or(family::unknown()));
        letter::send(self.control, &refused, &[], &[])
    }

    /// A worker that waits for its order, and the line on which it does.
    fn fork(&self) -> io::Result<(Worker, OwnedFd)> {
        let (line, end) = socket::pair()?;
        let server = family::own();
        // SAFETY: the server has one thread; the child never comes back from its branch.
        match unsafe { family::fork() }? {
            Fork::Child => {
                // SAFETY: nothing of the server is used or dropped in the child, which ends in there.
                let end = unsafe { descriptors::keep_only(end) };
                begin(server, end)
            }
            Fork::Parent(pid) => {
                let worker = pidfd::open(pid).map(|process| Worker {
                    pid,
                    process,
                    end,
                    kills_tree: false,
                });
                if worker.is_err() {
                    family::kill(pid);
                    family::reap(pid);
                }
                worker.map(|worker| (worker, line))
            }
        }
    }

    /// A worker that has ended, with what is left of its descendants.
    fn fallen_tree(&self) -> Option<usize> {
        let has_ended = |worker: &Worker| {
            worker.kills_tree && readiness::is_ready(&worker.process).unwrap_or(true)
        };
        self.workers.iter().position(has_ended)
    }

    /// A worker has ended: reaps it and says how.
    fn bury(&mut self, at: usize) {
        let worker = self.workers.swap_remove(at);
        if worker.kills_tree {
            // Before it is reaped: the number is still its own.
            family::kill_group(worker.pid);
        }
        let exit = family::reap(worker.pid).map_or(Exit::Unknown, Exit::from_raw);
        if worker.kills_tree {
            tree::kill_orphans(&self.known());
        }
        // Where nobody listens any more, nobody wants to know.
        let _ = letter::send(&worker.end, &Report::Ended(exit), &[], &[]);
        if !worker.kills_tree {
            self.adopt();
        }
    }

    /// Reaps orphans that have ended, and will hear of the others.
    fn adopt(&mut self) {
        let fresh = tree::reap_orphans(&self.known());
        // After the look: whose parent's tree has fallen meanwhile is among them, and goes with it.
        if self.fallen_tree().is_some() {
            return;
        }
        let orphans = fresh.into_iter().filter_map(|pid| {
            let process = pidfd::open(pid).ok()?;
            Some(Orphan { pid, process })
        });
        self.left.extend(orphans);
    }

    fn known(&self) -> Vec<Pid> {
        let workers = self.workers.iter().map(|worker| worker.pid);
        let left = self.left.iter().map(|orphan| orphan.pid);
        workers.chain(left).collect()
    }
}

/// The first steps of a forked worker.
fn begin(server: Pid, end: io::Result<OwnedFd>) -> ! {
    Ends::leave();
    let prepared = end.and_then(|end| family::die_with(server).map(|()| end));
    match prepared {
        Ok(end) => worker::live(end),
        Err(_) => {
            if family::parent() != Some(server) {
                // As all others whose server was killed.
                family::kill(family::own());
            }
            leave(worker::NOT_BEGUN)
        }
    }
}
