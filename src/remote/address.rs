//! [`Address`]: where somebody listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Where somebody listens. It can be sent to other processes (serde), or written and read as text.
///
/// # Examples
///
/// ```
/// use std::path::PathBuf;
///
/// use outlive::remote::Address;
///
/// assert_eq!("localhost:80".parse::<Address>()?, Address::from(("localhost", 80)));
/// assert_eq!("/run/jobs".parse::<Address>()?, Address::from(PathBuf::from("/run/jobs")));
/// assert_eq!("@jobs".parse::<Address>()?, Address::Abstract("jobs".into()));
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Address {
    /// A host, by name or number, and a port: TCP. Port 0, to listen at, is any that is free.
    Tcp(String, u16),
    /// A Unix socket at a path, for processes of this machine that may go there.
    Path(PathBuf),
    /// A Unix socket of this name in the kernel, which is gone with who listens, and which every
    /// process of this machine can reach.
    Abstract(String),
    /// To listen at only: a new Unix socket in a new directory, where only this user may go.
    Private,
}

impl From<(&str, u16)> for Address {
    fn from((host, port): (&str, u16)) -> Self {
        Self::Tcp(host.to_owned(), port)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.ip().to_string(), address.port())
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

/// A path has a slash, a name in the kernel begins with `@`; all else is a host, a colon and a port.
impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix('@') {
            return Ok(Self::Abstract(name.to_owned()));
        }
        if text.contains('/') {
            return Ok(Self::Path(text.into()));
        }
        let parts = text.rsplit_once(':');
        let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = parts else {
            let doing = format!("read `{text}` as an address");
            return Err(Error::new(ErrorKind::InvalidInput, doing)
                .advise("write host:port, /a/path, or @name"));
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        Ok(Self::Tcp(bare.unwrap_or(host).to_owned(), port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Private => f.write_str("a private socket"),
        }
    }
}
