//! `boost::interprocess`: mutexes and a message queue. It is C++, so a few functions around it are
//! compiled when they are wanted, and loaded.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong, c_void};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::mapping::{Resident, Shared};
use crate::measure::now;

const SOURCE: &str = include_str!("boost.cpp");

type Call = unsafe extern "C" fn(*mut c_void);
type Free = unsafe extern "C" fn(*mut c_void, *const c_char);
type NewQueue = unsafe extern "C" fn(*const c_char, c_ulong, c_ulong) -> *mut c_void;
type Receive = unsafe extern "C" fn(*mut c_void, *mut c_void, c_ulong) -> c_long;

struct Library {
    mutex_size: unsafe extern "C" fn() -> c_ulong,
    mutex_new: Call,
    mutex_lock: Call,
    mutex_unlock: Call,
    named_new: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    named_lock: Call,
    named_unlock: Call,
    named_free: Free,
    queue_new: NewQueue,
    queue_send: unsafe extern "C" fn(*mut c_void, *const c_void, c_ulong) -> c_int,
    queue_receive: Receive,
    queue_free: Free,
}

/// The library, or what is to be installed.
fn library() -> Result<&'static Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| load(&build()?))
        .as_ref()
        .map_err(String::clone)
}

/// Compiles the functions, into a folder beside this program.
fn build() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let made = program.with_file_name("outlive-compare-boost.so");
    let source = program.with_file_name("outlive-compare-boost.cpp");
    if made.exists() && std::fs::read_to_string(&source).is_ok_and(|text| text == SOURCE) {
        return Ok(made);
    }
    std::fs::write(&source, SOURCE).map_err(|error| error.to_string())?;
    let output = Command::new("g++")
        .args(["-O2", "-shared", "-fPIC", "-pthread", "-o"])
        .args([&made, &source])
        .arg("-lrt")
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(made),
        _ => {
            // The next run is to try again.
            let _ = std::fs::remove_file(source);
            Err("not here: apt-get install g++ libboost-dev".into())
        }
    }
}

fn load(path: &std::path::Path) -> Result<Library, String> {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: the path is a C string, and loading runs no code but C++'s own beginnings.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if library.is_null() {
        return Err("the library about boost does not load".into());
    }
    macro_rules! named {
        ($name:literal) => {{
            let name = concat!("outlive_boost_", $name, "\0");
            // SAFETY: a library that is never closed, and a C string.
            let found = unsafe { libc::dlsym(library, name.as_ptr().cast()) };
            if found.is_null() {
                return Err(concat!("no ", $name, " in the library about boost").into());
            }
            // SAFETY: `boost.cpp` defines it with the type of the field.
            unsafe { std::mem::transmute_copy(&found) }
        }};
    }
    Ok(Library {
        mutex_size: named!("mutex_size"),
        mutex_new: named!("mutex_new"),
        mutex_lock: named!("mutex_lock"),
        mutex_unlock: named!("mutex_unlock"),
        named_new: named!("named_new"),
        named_lock: named!("named_lock"),
        named_unlock: named!("named_unlock"),
        named_free: named!("named_free"),
        queue_new: named!("queue_new"),
        queue_send: named!("queue_send"),
        queue_receive: named!("queue_receive"),
        queue_free: named!("queue_free"),
    })
}

/// A name that no earlier object has.
fn fresh() -> CString {
    let name = format!("outlive-compare-{}-{}", std::process::id(), now());
    CString::new(name).expect("no zero in a name")
}

/// Removes an object that this process made; its children go without.
struct Made {
    at: *mut c_void,
    name: CString,
    by: u32,
    free: Free,
}

impl Made {
    fn by(make: impl FnOnce(&CStr) -> *mut c_void, free: Free) -> Result<Self, String> {
        let name = fresh();
        let at = make(&name);
        if at.is_null() {
            return Err("boost: not made".into());
        }
        Ok(Self {
            at,
            name,
            by: std::process::id(),
            free,
        })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.by == std::process::id() {
            // SAFETY: made by the matching function, and nobody uses it any more.
            unsafe { (self.free)(self.at, self.name.as_ptr()) };
        }
    }
}

/// `interprocess_mutex`, in shared memory.
pub struct Mutex {
    place: Shared<Place>,
    library: &'static Library,
}

#[repr(C, align(64))]
struct Place([u8; 256]);

// SAFETY: plain bytes, which nobody but the library looks at.
unsafe impl Resident for Place {}

impl Mutex {
    pub fn new() -> Result<Self, String> {
        let library = library()?;
        // SAFETY: it only gives a number.
        let size = unsafe { (library.mutex_size)() };
        assert!(size as usize <= size_of::<Place>());
        let place = Shared::<Place>::new();
        // SAFETY: the place is large enough, aligned, and nobody's yet.
        unsafe { (library.mutex_new)(place.at().cast()) };
        Ok(Self { place, library })
    }

    #[inline]
    pub fn lock(&self) {
        // SAFETY: made in `new`, mapped as long as `self`.
        unsafe { (self.library.mutex_lock)(self.place.at().cast()) };
    }

    #[inline]
    pub fn unlock(&self) {
        // SAFETY: made in `new`, mapped as long as `self`.
        unsafe { (self.library.mutex_unlock)(self.place.at().cast()) };
    }
}

/// `named_mutex`.
pub struct NamedMutex {
    made: Made,
    library: &'static Library,
}

impl NamedMutex {
    pub fn new() -> Result<Self, String> {
        let library = library()?;
        // SAFETY: the name is a C string.
        let make = |name: &CStr| unsafe { (library.named_new)(name.as_ptr()) };
        let made = Made::by(make, library.named_free)?;
        Ok(Self { made, library })
    }

    #[inline]
    pub fn lock(&self) {
        // SAFETY: made in `new`, and not freed before `self` is dropped.
        unsafe { (self.library.named_lock)(self.made.at) };
    }

    #[inline]
    pub fn unlock(&self) {
        // SAFETY: made in `new`, and not freed before `self` is dropped.
        unsafe { (self.library.named_unlock)(self.made.at) };
    }
}

// SAFETY: the mutex is made to be used by many at a time.
unsafe impl Sync for NamedMutex {}

/// `message_queue`.
pub struct Queue {
    made: Made,
    library: &'static Library,
}

// SAFETY: the queue is made to be used by many at a time.
unsafe impl Sync for Queue {}

impl Queue {
    pub fn new(capacity: usize, length: usize) -> Result<Self, String> {
        let library = library()?;
        let (capacity, length) = (capacity as c_ulong, length as c_ulong);
        // SAFETY: the name is a C string.
        let make = |name: &CStr| unsafe { (library.queue_new)(name.as_ptr(), capacity, length) };
        let made = Made::by(make, library.queue_free)?;
        Ok(Self { made, library })
    }

    #[inline]
    pub fn send(&self, message: &[u8]) -> Result<(), String> {
        let (at, len) = (message.as_ptr().cast(), message.len() as c_ulong);
        // SAFETY: made in `new`; the bytes are read during the call.
        match unsafe { (self.library.queue_send)(self.made.at, at, len) } {
            0 => Ok(()),
            _ => Err("boost: not sent".into()),
        }
    }

    #[inline]
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, String> {
        let (at, room) = (buffer.as_mut_ptr().cast(), buffer.len() as c_ulong);
        // SAFETY: made in `new`; the bytes are written during the call.
        let length = unsafe { (self.library.queue_receive)(self.made.at, at, room) };
        usize::try_from(length).map_err(|_| "boost: not received".into())
    }
}
