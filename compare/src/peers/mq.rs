//! POSIX message queues: `mq_send(3)` and `mq_receive(3)`.

use std::ffi::CString;
use std::io;

use crate::measure::now;

/// What an ordinary user's queue may hold at most, unless the system was told otherwise.
pub const CAPACITY: usize = 10;
/// And how long a message may be.
pub const LONGEST: usize = 8 << 10;

/// A queue without a name, which forked processes share.
pub struct Queue(libc::mqd_t);

impl Queue {
    pub fn new(length: usize) -> Result<Self, String> {
        let name = format!("/outlive-compare-{}-{}", std::process::id(), now());
        let name = CString::new(name).expect("no zero in a name");
        // SAFETY: all zero is a value of it.
        let mut shape: libc::mq_attr = unsafe { std::mem::zeroed() };
        shape.mq_maxmsg = CAPACITY as libc::c_long;
        shape.mq_msgsize = length as libc::c_long;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
        // SAFETY: a C string, and the two arguments that `O_CREAT` wants.
        let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut shape) };
        if queue < 0 {
            return Err(format!("mq_open: {}", io::Error::last_os_error()));
        }
        // SAFETY: a C string.
        unsafe { libc::mq_unlink(name.as_ptr()) };
        Ok(Self(queue))
    }

    #[inline]
    pub fn send(&self, message: &[u8]) -> Result<(), String> {
        // SAFETY: the bytes are read during the call.
        match unsafe { libc::mq_send(self.0, message.as_ptr().cast(), message.len(), 0) } {
            0 => Ok(()),
            _ => Err(format!("mq_send: {}", io::Error::last_os_error())),
        }
    }

    /// The buffer has room for the longest message.
    #[inline]
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, String> {
        let no_priority = std::ptr::null_mut();
        let (at, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the bytes are written during the call.
        let length = unsafe { libc::mq_receive(self.0, at, room, no_priority) };
        usize::try_from(length).map_err(|_| format!("mq_receive: {}", io::Error::last_os_error()))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, and nobody else's.
        unsafe { libc::mq_close(self.0) };
    }
}
