//! The counted body of the facade: core's atomics with a crash point before each write.

use core::sync::atomic::Ordering;

use rustix::process::{Signal, getpid, kill_process};

mod core_types {
    pub(super) use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64};
}

/// Points left until the process signals itself; 0 means disarmed.
static FUSE: core_types::AtomicU64 = core_types::AtomicU64::new(0);
/// Whether the signal is SIGSTOP, and not SIGKILL.
static STOPS: core_types::AtomicBool = core_types::AtomicBool::new(false);
/// Points passed since the last `arm` or `count`.
static PASSED: core_types::AtomicU64 = core_types::AtomicU64::new(0);

/// Arms the fuse: the process is SIGKILLed before its `k`-th shared write from now (k from 1).
pub fn arm(k: u64) {
    light(k, false);
}

/// The same with SIGSTOP: when it is continued, the process goes on.
pub fn arm_stop(k: u64) {
    light(k, true);
}

fn light(k: u64, stops: bool) {
    // SeqCst: none of the points to count moves before it, whatever its own order.
    STOPS.store(stops, Ordering::SeqCst);
    PASSED.store(0, Ordering::SeqCst);
    FUSE.store(k, Ordering::SeqCst);
}

/// Disarms the fuse and returns the number of points passed since it was armed.
pub fn disarm() -> u64 {
    // SeqCst: as in `arm`.
    FUSE.store(0, Ordering::SeqCst);
    PASSED.swap(0, Ordering::SeqCst)
}

/// One crash point.
#[inline]
pub(crate) fn point() {
    // Relaxed: only the thread under test runs while the fuse is armed.
    let left = FUSE.load(Ordering::Relaxed);
    if left == 0 {
        return;
    }
    PASSED.fetch_add(1, Ordering::Relaxed);
    FUSE.store(left - 1, Ordering::Relaxed);
    if left == 1 {
        signal();
    }
}

#[cold]
fn signal() {
    if STOPS.load(Ordering::Relaxed) {
        let _ = kill_process(getpid(), Signal::STOP);
        return;
    }
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        core::hint::spin_loop();
    }
}

macro_rules! counted {
    ($($name:ident: $int:ty),*) => {$(
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub(crate) struct $name(core_types::$name);

        #[expect(dead_code, reason = "one facade for all widths; not each is used with each")]
        impl $name {
            pub(crate) const fn new(value: $int) -> Self {
                Self(core_types::$name::new(value))
            }
            #[inline]
            pub(crate) fn load(&self, order: Ordering) -> $int {
                self.0.load(order)
            }
            #[inline]
            pub(crate) fn store(&self, value: $int, order: Ordering) {
                point();
                self.0.store(value, order);
            }
            #[inline]
            pub(crate) fn swap(&self, value: $int, order: Ordering) -> $int {
                point();
                self.0.swap(value, order)
            }
            #[inline]
            pub(crate) fn compare_exchange(
                &self, current: $int, new: $int, success: Ordering, failure: Ordering,
            ) -> Result<$int, $int> {
                point();
                self.0.compare_exchange(current, new, success, failure)
            }
            #[inline]
            pub(crate) fn compare_exchange_weak(
                &self, current: $int, new: $int, success: Ordering, failure: Ordering,
            ) -> Result<$int, $int> {
                point();
                self.0.compare_exchange_weak(current, new, success, failure)
            }
            counted!(@rmw $int, fetch_add, fetch_sub, fetch_and, fetch_or, fetch_xor, fetch_max,
                fetch_min);
            pub(crate) fn as_ptr(&self) -> *mut $int {
                self.0.as_ptr()
            }
        }
    )*};
    (@rmw $int:ty, $($verb:ident),*) => {$(
        #[inline]
        pub(crate) fn $verb(&self, value: $int, order: Ordering) -> $int {
            point();
            self.0.$verb(value, order)
        }
    )*};
}
counted!(AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64);
