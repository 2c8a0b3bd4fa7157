//! How a program becomes a server or a worker before its `main` begins.

#![expect(
    unsafe_code,
    reason = "a constructor, and the descriptors that a program is started with"
)]

use std::ffi::{c_char, c_int};
use std::os::fd::AsFd;
use std::path::Path;

use crate::sys::image::{self, Image};
use crate::sys::{descriptors, socket, thread};

use super::{server, worker};

/// Names the role in the environment.
pub(super) const ROLE: &str = "OUTLIVE_ROLE";
pub(super) const SERVER: &str = "server";
pub(super) const WORKER: &str = "worker";

/// Called by the loader, where it is in the loader's list.
#[used]
#[cfg_attr(feature = "constructor", unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: image::Constructor = construct;

/// Keeps the constructor in programs that can need it: whoever starts a process names this module.
pub(super) fn is_linked() -> bool {
    // SAFETY: a static of this module. Volatile: so that nobody finds out what it is.
    unsafe { std::ptr::read_volatile(&raw const CONSTRUCTOR) as *const () as usize != 0 }
}

extern "C" fn construct(
    count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    if let Some(role) = Role::take() {
        // Those after this one would be left out otherwise.
        let image = Image::own();
        for later in image.map_or_else(Vec::new, |image| image.constructors_after(construct)) {
            later(count, arguments, environment);
        }
        role.play();
    }
}

/// For programs without the constructor (built without the feature `constructor`, or by a linker
/// that drops it): to be called first in `main`. In a process that this crate has started it does
/// what is asked of that process, and does not return. Otherwise it does nothing.
#[doc(alias = "freeze_support")]
pub fn init() {
    if let Some(role) = Role::take() {
        role.play();
    }
}

/// What this process was started for.
#[derive(Debug, Clone, Copy)]
enum Role {
    Server,
    Worker,
}

impl Role {
    /// The role that the environment names, once: those that it starts are not to inherit it.
    fn take() -> Option<Self> {
        // The first look is all that an ordinary program pays.
        let role = std::env::var_os(ROLE)?;
        if image::is_privileged() {
            return None;
        }
        let role = match role.to_str()? {
            SERVER if socket::is_end(std::io::stdin().as_fd()).unwrap_or(false) => Self::Server,
            WORKER => Self::Worker,
            _ => return None,
        };
        // SAFETY: before `main`, or first in it, as `init` asks: there is no other thread.
        unsafe { std::env::remove_var(ROLE) };
        Some(role)
    }

    fn play(self) -> ! {
        // It was executed as `/proc/self/exe`, and is to be found by its program's name.
        let program = std::env::args_os().next().unwrap_or_default();
        if let Some(name) = Path::new(&program).file_name() {
            thread::set_name(name);
        }
        match self {
            Self::Server => server::serve(),
            // SAFETY: the program has just begun, and was started with that descriptor.
            Self::Worker => worker::live(unsafe { descriptors::given() }),
        }
    }
}
