//! A program with constructors of its own, before and after those of the library: each has run when
//! a function is called in a worker.

use std::sync::atomic::{AtomicU32, Ordering};

use outlive::Process;
use outlive::process::Method;

struct Part(u32);
inventory::collect!(Part);
inventory::submit!(Part(1));
inventory::submit!(Part(20));

static RUNS: AtomicU32 = AtomicU32::new(0);

#[used]
#[unsafe(link_section = ".init_array.00200")]
static EARLY: extern "C" fn() = count;
#[used]
#[unsafe(link_section = ".init_array")]
static USUAL: extern "C" fn() = count;

extern "C" fn count() {
    RUNS.fetch_add(1, Ordering::Relaxed);
}

/// The parts, and the runs of the constructors.
fn seen((): ()) -> (u32, u32) {
    let parts = inventory::iter::<Part>().map(|part| part.0).sum();
    (parts, RUNS.load(Ordering::Relaxed))
}

fn main() {
    outlive_hosts::check();
    assert_eq!(seen(()), (21, 2));
    for method in [Method::Server, Method::Execute] {
        let process = Process::builder().method(method).spawn(seen, ());
        assert_eq!(process.unwrap().join().unwrap(), (21, 2), "{method:?}");
    }
}
