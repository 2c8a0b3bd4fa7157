//! The socket that clients knock at.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::epoch;

use super::address::Address;
use super::socket_file::SocketFile;

/// A socket that listens, and does not wait.
#[derive(Debug)]
pub(super) struct Door {
    socket: Socket,
    address: Address,
    owner: u32,
    /// Removed with it.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Door {
    pub(super) fn open(address: &Address) -> Result<Self> {
        let os = |e| Error::os(e, format!("listen at {address}"));
        epoch::begin().map_err(os)?;
        Self::bind(address).map_err(os)
    }

    fn bind(address: &Address) -> io::Result<Self> {
        let (socket, file) = match address {
            Address::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port))?;
                (Socket::Tcp(listener), None)
            }
            Address::Path(path) => {
                let (listener, file) = SocketFile::bind(path)?;
                (Socket::Unix(listener), Some(file))
            }
            Address::Abstract(name) => {
                let name = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                (Socket::Unix(UnixListener::bind_addr(&name)?), None)
            }
            Address::Private => {
                let (listener, file) = SocketFile::bind_private()?;
                (Socket::Unix(listener), Some(file))
            }
        };
        let address = match (&socket, address, &file) {
            (Socket::Tcp(listener), Address::Tcp(host, _), _) => {
                Address::Tcp(host.clone(), listener.local_addr()?.port())
            }
            (_, Address::Private, Some(file)) => Address::Path(file.path().to_owned()),
            (_, address, _) => address.clone(),
        };
        match &socket {
            Socket::Tcp(listener) => listener.set_nonblocking(true)?,
            Socket::Unix(listener) => listener.set_nonblocking(true)?,
        }
        Ok(Self {
            socket,
            address,
            owner: epoch::current(),
            _file: file,
        })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Who knocks, if anybody does.
    pub(super) fn next(&self) -> io::Result<Option<(OwnedFd, Option<SocketAddr>)>> {
        let came = match &self.socket {
            Socket::Tcp(listener) => listener
                .accept()
                .map(|(came, who)| (came.into(), Some(who))),
            Socket::Unix(listener) => listener.accept().map(|(came, _)| (came.into(), None)),
        };
        match came {
            Ok(came) => Ok(Some(came)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Makes sure that it is this process's.
    pub(super) fn check(&self) -> Result<()> {
        if self.owner == epoch::current() {
            return Ok(());
        }
        let doing = format!("accept at {}", self.address);
        Err(Error::new(ErrorKind::NotOwner, doing)
            .advise("it is the parent's, which listened before the fork"))
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        }
    }
}
