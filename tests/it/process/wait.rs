//! Processes among other things to wait for.

use std::time::Duration;

use outlive::process::Exit;
use outlive::queue::{self, Waitable};
use outlive::{ErrorKind, Event, Process, Queue};

use crate::child::PATIENCE;

fn until_set(gate: Event) {
    gate.wait().unwrap();
}

#[test]
fn the_end_of_a_process_is_waited_for_beside_a_queue() {
    let (gate, go) = (Event::new().unwrap(), Event::new().unwrap());
    let mut queue = Queue::<u32>::new(4).unwrap();
    let mut first = Process::spawn(until_set, gate.clone()).unwrap();
    let mut second = Process::spawn(
        |(queue, gate, go): (Queue<u32>, Event, Event)| {
            go.wait().unwrap();
            queue.put(&7).unwrap();
            gate.wait().unwrap();
        },
        (queue.clone(), gate.clone(), go.clone()),
    )
    .unwrap();
    let wait = |all: &mut [&mut dyn Waitable]| queue::wait_timeout(all, PATIENCE).unwrap();
    let short = Duration::from_millis(20);
    let none = queue::wait_timeout(&mut [&mut queue, &mut first, &mut second], short);
    assert_eq!(none.unwrap(), []);
    go.set().unwrap();
    assert_eq!(wait(&mut [&mut queue, &mut first, &mut second]), [0]);
    assert_eq!(queue.get().unwrap(), 7);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| wait(&mut [&mut queue, &mut first, &mut second]));
        std::thread::sleep(short);
        assert!(!waits.is_finished());
        gate.set().unwrap();
        assert!(!waits.join().unwrap().is_empty());
    });
    first.wait().unwrap();
    second.wait().unwrap();
    assert_eq!(
        queue::try_wait(&mut [&mut queue, &mut first, &mut second]).unwrap(),
        [1, 2]
    );
    first.join().unwrap();
    second.join().unwrap();
}

#[test]
fn each_of_many_deaths_wakes_the_sleeper() {
    let gate = Event::new().unwrap();
    let mut all: Vec<_> = (0..8)
        .map(|_| Process::spawn(until_set, gate.clone()).unwrap())
        .collect();
    let mut queue = Queue::<u32>::new(1).unwrap();
    while !all.is_empty() {
        let victim = (*all[all.len() / 2]).clone();
        let at = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(5));
                victim.kill().unwrap();
            });
            let ends = all.iter_mut().map(|one| one as &mut dyn Waitable);
            let mut ends: Vec<_> = ends.chain([&mut queue as &mut dyn Waitable]).collect();
            queue::wait_timeout(&mut ends, PATIENCE).unwrap()
        });
        assert_eq!(at, [all.len() / 2]);
        let dead = all.remove(at[0]);
        assert_eq!(dead.exit(), Some(Exit::Signal(9)));
    }
}

#[test]
fn another_processes_child_cannot_be_waited_for() {
    let alone = Process::spawn(
        |(): ()| {
            let mut child = Process::spawn(|(): ()| (), ()).unwrap();
            crate::fork::in_fork(|| {
                let refused = queue::wait(&mut [&mut child]).unwrap_err();
                u8::from(refused.kind() != ErrorKind::NotOwner)
            })
        },
        (),
    );
    assert_eq!(alone.unwrap().join().unwrap(), 0);
}
