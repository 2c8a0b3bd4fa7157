//! Pools where the system refuses what they watch their workers by, as a container's filter may.

#![expect(unsafe_code, reason = "a filter of system calls")]

use std::io;

use outlive::{Pool, Process, Value};

use crate::child::PATIENCE;
use crate::deed::{is_gone, sleep, square, until};

/// From now on the call with this number fails with EPERM, for this thread and all that it starts.
fn refuse(call: libc::c_long) {
    let step = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k,
    };
    let end = libc::BPF_RET | libc::BPF_K;
    let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            call.try_into().unwrap(),
            0,
            1,
        ),
        step(end, eperm, 0, 0),
        step(end, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: 4,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: asks for no more than that no program started gains rights.
    let quiet = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(quiet, 0);
    // SAFETY: the program and its steps live until the kernel has copied them.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

/// A pool in a process that may not make this call, and what it does there.
fn squares_without(call: libc::c_long) -> Result<(Pool, Vec<u64>), String> {
    refuse(call);
    let pool = Pool::new(2).map_err(|e| e.to_string())?;
    let squares = pool.map(square, 0..4).map_err(|e| e.to_string())?;
    Ok((pool, squares))
}

/// Gives all workers what nothing but a signal ends, waits until they are at it, and names them.
fn occupy(pool: &Pool) -> Vec<u32> {
    let begun = Value::new(0).unwrap();
    let nap = |begun: Value<usize>| {
        begun.fetch_add(1).unwrap();
        sleep(());
    };
    let naps = vec![begun.clone(); pool.workers()];
    let _done_never = pool.map_async(nap, naps);
    until(|| begun.get().unwrap() == pool.workers());
    pool.pids()
}

#[test]
fn a_pool_whose_workers_cannot_be_watched_says_so() {
    let call = libc::SYS_pidfd_open;
    let squares = |call| squares_without(call).map(|(_, squares)| squares);
    let mut process = Process::spawn(squares, call).unwrap();
    let end = process.join_timeout(PATIENCE).unwrap();
    assert!(
        end.clone().unwrap_err().contains("not permitted"),
        "{end:?}"
    );
}

#[test]
fn a_pool_ends_where_signals_go_by_numbers_only() {
    let use_and_drop = |call| {
        let (pool, squares) = squares_without(call).unwrap();
        let workers = occupy(&pool);
        drop(pool);
        // Before this process ends: with it they would be ended once more.
        until(|| workers.iter().copied().all(is_gone));
        (workers.len(), squares)
    };
    let call = libc::SYS_pidfd_send_signal;
    let mut process = Process::spawn(use_and_drop, call).unwrap();
    assert_eq!(
        process.join_timeout(2 * PATIENCE).unwrap(),
        (2, vec![0, 1, 4, 9])
    );
}

#[test]
fn workers_go_with_their_pools_process_where_signals_go_by_numbers_only() {
    let use_and_wait = |(call, workers): (_, Value<[u32; 2]>)| {
        let (pool, _) = squares_without(call).unwrap();
        workers.set(occupy(&pool).try_into().unwrap()).unwrap();
        sleep(());
    };
    let workers = Value::new([0; 2]).unwrap();
    let call = libc::SYS_pidfd_send_signal;
    let process = Process::spawn(use_and_wait, (call, workers.clone())).unwrap();
    until(|| workers.get().unwrap() != [0; 2]);
    process.kill().unwrap();
    until(|| workers.get().unwrap().into_iter().all(is_gone));
}
