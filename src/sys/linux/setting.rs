//! What surrounds a process: its folder, its mask, its processors, its limits.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Rlimit, fchdir, getrlimit, setrlimit, umask};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// What can be limited with [`Builder::limit`](crate::process::Builder::limit), in the units of
/// `setrlimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Resource {
    /// Bytes of address space.
    AddressSpace,
    /// Bytes of a core dump; 0 for none.
    Core,
    /// Seconds of processor time.
    Cpu,
    /// Bytes of data.
    Data,
    /// Bytes of a file that is written.
    FileSize,
    /// The number of the highest descriptor, and one.
    OpenFiles,
    /// Processes of the user.
    Processes,
    /// Bytes of the stack.
    Stack,
}

impl Resource {
    /// Lets this process use no more of it: the soft limit. The hard one stays, and bounds it.
    pub(crate) fn limit(self, most: u64) -> io::Result<()> {
        use rustix::process::Resource as System;
        let resource = match self {
            Self::AddressSpace => System::As,
            Self::Core => System::Core,
            Self::Cpu => System::Cpu,
            Self::Data => System::Data,
            Self::FileSize => System::Fsize,
            Self::OpenFiles => System::Nofile,
            Self::Processes => System::Nproc,
            Self::Stack => System::Stack,
        };
        let limit = Rlimit {
            current: Some(most),
            ..getrlimit(resource)
        };
        Ok(setrlimit(resource, limit)?)
    }
}

/// A folder, to be entered by another process.
pub(crate) fn folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// Makes it the working directory.
pub(crate) fn enter(folder: OwnedFd) -> io::Result<()> {
    Ok(fchdir(folder)?)
}

/// Says which rights new files do not get.
pub(crate) fn set_mask(mask: u32) {
    umask(Mode::from_raw_mode(mask));
}

/// The mask of this process, which the kernel shows without changing it.
pub(crate) fn mask() -> u32 {
    // It is in the second line, and each read writes all of them.
    let mut head = [0; 256];
    let status = File::open("/proc/self/status").and_then(|mut file| file.read(&mut head));
    let head = head.get(..status.unwrap_or(0)).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    let mask = lines.find_map(|line| line.strip_prefix(b"Umask:"));
    mask.and_then(|mask| u32::from_str_radix(str::from_utf8(mask).ok()?.trim(), 8).ok())
        .unwrap_or(0o022)
}

/// Keeps this process on these processors.
pub(crate) fn stay_on(processors: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for number in processors {
        if *number >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        set.set(*number);
    }
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_read_without_a_change() {
        let set = umask(Mode::from_raw_mode(0o022));
        umask(set);
        assert_eq!(mask(), set.bits());
    }
}
