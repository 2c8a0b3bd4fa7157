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
    let core = cores()[side % cores().len()];
    // SAFETY: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `core` came out of such a set.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the set is as large as is said.
    let outcome = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    assert_eq!(outcome, 0, "core {core} was allowed at the start");
}
