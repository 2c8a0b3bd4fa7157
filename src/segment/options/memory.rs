//! Memory that is there before it is used, for who cannot wait for it.

use crate::error::{Error, Result};
use crate::segment::inner::Inner;
use crate::sys::mapping;

use super::SegmentOptions;

impl SegmentOptions {
    /// Whether all pages of the segment are there, in memory and in this process's page tables, when it
    /// is open. Otherwise the first touch of a page is a fault, of microseconds or, where memory is
    /// short, of much longer.
    ///
    /// It holds for this process, whether it makes the segment or opens it, and for a segment that it
    /// has open already. A forked child and a [`Process`](crate::Process) begin without. Without
    /// [`SegmentOptions::lock_memory`] the kernel may take a page back, if there is swap.
    ///
    /// # Errors
    ///
    /// Where it cannot be done the segment is neither made nor opened: [`ErrorKind::Os`] where there is
    /// no memory for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use outlive::SegmentOptions;
    ///
    /// let segment = SegmentOptions::new().size(1 << 20).prefault(true).anonymous()?;
    /// # Ok::<(), outlive::Error>(())
    /// ```
    ///
    /// [`ErrorKind::Os`]: crate::ErrorKind::Os
    #[must_use]
    pub fn prefault(mut self, wanted: bool) -> Self {
        self.prefault = wanted;
        self
    }

    /// Whether all pages of the segment are there, and stay: `mlock`. They are not written to swap as
    /// long as this process has the segment open.
    ///
    /// It holds as [`SegmentOptions::prefault`] does, which it includes.
    ///
    /// # If a process dies
    ///
    /// What it has locked is locked no more, unless another has locked it too.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::prefault`]; [`ErrorKind::Os`] where this process may not lock so much. The
    /// limit is `RLIMIT_MEMLOCK` (`ulimit -l`), for all that the process locks, and none for a process
    /// with `CAP_IPC_LOCK`.
    ///
    /// [`ErrorKind::Os`]: crate::ErrorKind::Os
    #[doc(alias = "mlock")]
    #[must_use]
    pub fn lock_memory(mut self, wanted: bool) -> Self {
        self.lock_memory = wanted;
        self
    }

    /// Whether this process asks for huge pages (of 2 MiB), which need fewer entries of the processor's
    /// tables. All memory of the segment is taken at once, as with [`SegmentOptions::prefault`].
    ///
    /// It is a wish. Where it is not met, `log` is told why, at the level of warnings, and small pages do:
    /// huge ones need kernel 6.1, memory in pieces of that size, and a segment of at least one of them
    /// that is anonymous or on a tmpfs, as `/dev/shm` is. The machine's settings for transparent huge
    /// pages do not matter. They are there when the segment is open: `ShmemPmdMapped` in
    /// `/proc/PID/smaps` says how many bytes.
    ///
    /// It has to be asked for when this process first opens the segment, as the mapping begins where
    /// huge pages can.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::prefault`].
    #[must_use]
    pub fn huge_pages(mut self, wanted: bool) -> Self {
        self.huge_pages = wanted;
        self
    }

    /// Has the memory of an open segment as these options want it.
    pub(super) fn prepare(&self, inner: &Inner) -> Result<()> {
        let mapping = inner.mapping();
        let name = &inner.name;
        if self.huge_pages
            && let Err(e) = mapping.use_huge_pages()
        {
            log::warn!("segment `{name}`: no huge pages, small ones do: {e}");
        }
        if self.prefault || self.lock_memory || self.huge_pages {
            mapping.populate().map_err(|e| {
                Error::os(e, format!("prefault segment `{name}`")).advise(
                    "its file or the machine has no memory for all of it: take a smaller size",
                )
            })?;
        }
        if self.lock_memory {
            mapping.lock().map_err(|e| {
                Error::os(e, format!("lock segment `{name}` in memory")).advise(limits())
            })?;
        }
        Ok(())
    }
}

/// What to do where this process may not lock so much.
fn limits() -> String {
    let most = match mapping::most_locked() {
        Some(most) => format!("at most {most} bytes"),
        None => "any number of bytes".to_owned(),
    };
    format!(
        "this process may lock {most} in all: take a smaller size, or raise RLIMIT_MEMLOCK (`ulimit -l`, \
         LimitMEMLOCK= of systemd, --ulimit memlock= of docker), or give it CAP_IPC_LOCK"
    )
}
