//! A plain program, in the circumstance that its argument names.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use outlive::Process;
use outlive_hosts::{check, check_nested, check_panics};

fn main() {
    match env::args().nth(1).as_deref() {
        None => check(),
        Some("panics") => check_panics(),
        Some("nested") => check_nested(),
        Some("replaced") => replaced(),
        Some("replaced-later") => replaced_later(),
        Some("no-streams") => no_streams(),
        Some("no-folder") => no_folder(),
        Some("no-text") => no_text(),
        Some("children-ignored") => children_ignored(),
        Some("children-handled") => children_handled(),
        Some("no-proc") => no_proc(),
        Some(other) => panic!("no circumstance {other}"),
    }
}

/// The file of this program is another one from now on.
fn replace() {
    let path = env::current_exe().unwrap();
    fs::remove_file(&path).unwrap();
    fs::copy("/bin/false", &path).unwrap();
}

fn replaced() {
    replace();
    check();
    check_nested();
}

fn replaced_later() {
    check();
    replace();
    check();
    check_nested();
}

/// Closed by the program itself: their numbers are those of its next descriptors.
fn no_streams() {
    let file = File::create(env::args().nth(2).unwrap()).unwrap();
    // Out of the way of what the library opens.
    // SAFETY: an open descriptor.
    let said = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 100) };
    drop(file);
    std::panic::set_hook(Box::new(move |info| {
        let line = info.to_string();
        // SAFETY: the bytes of a string.
        unsafe { libc::write(said, line.as_ptr().cast(), line.len()) };
    }));
    for stream in 0..3 {
        // SAFETY: nobody uses the streams from here on.
        unsafe { libc::close(stream) };
    }
    check();
    check_nested();
}

fn no_folder() {
    let folder = env::temp_dir().join(format!("outlive-hosts-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    env::set_current_dir(&folder).unwrap();
    fs::remove_dir(&folder).unwrap();
    check();
    check_nested();
}

/// What is no text in the environment and in the arguments arrives as it is.
fn no_text() {
    fn seen((): ()) -> (Option<OsString>, Vec<OsString>) {
        (env::var_os("NO_TEXT"), env::args_os().collect())
    }
    let no_text = OsString::from_vec(vec![b'x', 0xff, b'=', b'\n']);
    if env::args_os().nth(2).is_none() {
        let mut again = Command::new("/proc/self/exe");
        again
            .args(["no-text".into(), no_text.clone()])
            .env("NO_TEXT", &no_text);
        assert!(again.status().unwrap().success());
        return;
    }
    check();
    let process = Process::spawn(seen, ()).unwrap();
    assert_eq!(
        process.join().unwrap(),
        (Some(no_text), env::args_os().collect())
    );
}

/// The system reaps the children of whoever ignores their ends, and their fates are nobody's.
fn children_ignored() {
    // SAFETY: no handler runs.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    check();
    check_panics();
    check_nested();
}

static HEARD: AtomicU32 = AtomicU32::new(0);

extern "C" fn reap_all(_: libc::c_int) {
    let mut status = 0;
    // SAFETY: waitpid may be called in a handler.
    while unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } > 0 {
        HEARD.fetch_add(1, Ordering::Relaxed);
    }
}

/// A program that reaps whatever child of its has ended gets none of the library's.
fn children_handled() {
    let handler = reap_all as extern "C" fn(libc::c_int);
    // SAFETY: the handler does only what is safe in one.
    unsafe { libc::signal(libc::SIGCHLD, handler as libc::sighandler_t) };
    check();
    check_panics();
    check_nested();
    assert_eq!(
        HEARD.load(Ordering::Relaxed),
        0,
        "a child of the library's was heard to end"
    );
    // Its own children are as they were.
    let mut own = Command::new("/bin/true")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    own.stdout
        .take()
        .unwrap()
        .read_to_end(&mut Vec::new())
        .unwrap();
    while HEARD.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    // The handler has reaped it.
    own.wait().unwrap_err();
}

/// Without `/proc` there is an error and no hang.
fn no_proc() {
    assert!(!fs::exists("/proc/self").unwrap());
    let refused = Process::spawn(|x: u32| x, 1).unwrap_err();
    assert!(refused.to_string().contains("/proc"), "{refused}");
}
