//! Processes of two process-id namespaces, in which both are process 1: where a process id is
//! taken for an owner, exclusion breaks.

use std::time::Duration;

use outlive::sync::LockError;
use outlive::{Lock, Segment};

use super::child::{Child, PATIENCE, Role, pause, say};

pub const ROLES: &[(&str, Role)] = &[
    ("hold in a namespace", |segment, name| {
        assert_eq!(std::process::id(), 1);
        let lock = Lock::open(segment, name).unwrap();
        let _guard = lock.lock().unwrap();
        say("held");
        pause();
    }),
    ("wait in a namespace", |segment, name| {
        assert_eq!(std::process::id(), 1);
        let lock = Lock::open(segment, name).unwrap();
        let end = lock.lock_timeout(Duration::from_millis(100));
        say(if matches!(end, Err(LockError::TimedOut)) {
            "excluded"
        } else {
            "not excluded"
        });
        match lock.lock_timeout(PATIENCE) {
            Err(LockError::OwnerDied(died)) => say(&format!("inherited from {}", died.pid())),
            other => panic!("{other:?}"),
        }
    }),
];

#[test]
fn two_processes_with_one_number_exclude_and_inherit_each_other() {
    let segment = Segment::anonymous().unwrap();
    let _lock = Lock::create(&segment, "lock").unwrap();
    let start = |role| Child::start_in_pid_namespace(&segment, role, "lock");
    let Some(mut holder) = start("hold in a namespace") else {
        return;
    };
    holder.expect("held");
    let waiter = start("wait in a namespace").unwrap();
    waiter.expect("excluded");
    let people = segment.participants();
    let ones: Vec<_> = people.iter().filter(|p| p.pid == 1).collect();
    assert_eq!(ones.len(), 2);
    assert_ne!(ones[0].pid_namespace, ones[1].pid_namespace);
    assert!(ones.iter().all(|p| p.is_alive));
    holder.kill();
    waiter.expect("inherited from 1");
}
