//! Limits on what a process may use.

use serde::{Deserialize, Serialize};

/// What can be limited with [`Builder::limit`](super::Builder::limit), in the units of `setrlimit`.
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
    pub(super) fn of_system(self) -> rustix::process::Resource {
        use rustix::process::Resource as System;
        match self {
            Self::AddressSpace => System::As,
            Self::Core => System::Core,
            Self::Cpu => System::Cpu,
            Self::Data => System::Data,
            Self::FileSize => System::Fsize,
            Self::OpenFiles => System::Nofile,
            Self::Processes => System::Nproc,
            Self::Stack => System::Stack,
        }
    }
}

/// A limit: what it is on, and how much.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limit {
    pub(super) resource: Resource,
    pub(super) most: u64,
}
