//! Which core a side runs on.

/// The cores that this process may use, as it was started.
pub fn cores() -> &'static [usize] {
    static CORES: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
    CORES.get_or_init(|| {
        // SAFETY: all zero is the empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set is as large as is said.
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
        let most = 8 * size_of::<libc::cpu_set_t>();
        // SAFETY: `core` is within the set.
        let cores = (0..most).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) });
        cores.collect()
    })
}

/// Keeps the calling thread on one core; sides beyond the number of cores share them.
pub fn pin(side: usize) {
    keep(&[cores()[side % cores().len()]]);
}

/// Keeps the calling thread, and what it starts, on two cores.
pub fn pin_to_two() {
    keep(&cores()[..cores().len().min(2)]);
}

fn keep(cores: &[usize]) {
    // SAFETY: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for core in cores {
        // SAFETY: `core` came out of such a set.
        unsafe { libc::CPU_SET(*core, &mut set) };
    }
    // SAFETY: the set is as large as is said.
    let outcome = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    assert_eq!(outcome, 0, "{cores:?} were allowed at the start");
}
