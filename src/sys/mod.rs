//! What the machine and the kernel give: the only system calls, the only target `cfg`, the only
//! `cfg(loom)`.
//!
//! [`atomic`], [`hint`] and [`crash`] are one facade with three bodies: *core* in an
//! ordinary build, *model* under `--cfg loom`, and *counted* under `--cfg crash_points`, where a
//! process can be told to SIGKILL itself before its k-th shared write.

pub(crate) mod atomic;
pub(crate) mod bytes;
pub(crate) mod clock;
pub(crate) mod crash;
#[cfg(not(loom))]
pub(crate) mod fnv;
pub(crate) mod hint;
#[cfg(not(loom))]
pub(crate) mod storage;

#[cfg(crash_points)]
mod counted;
#[cfg(not(loom))]
mod linux;
#[cfg(loom)]
pub(crate) mod model;

#[cfg(all(feature = "remote", not(loom)))]
pub(crate) use linux::stream;

#[cfg(crash_points)]
pub use counted::{arm, arm_stop, disarm};
#[cfg(not(loom))]
pub(crate) use linux::{
    bell, descriptors, ends, epoch, family, file, fork, futex, image, lease, lifeline, mapping,
    membarrier, pidfd, readiness, setting, slack, socket, thread,
};
