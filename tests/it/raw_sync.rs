//! The traits of `raw_sync` on our events, alone in raw memory and in a segment.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use memmap2::MmapRaw;
use outlive::sync::raw_sync::{LoneEvent, limit, timeout};
use outlive::{Error, ErrorKind, Event, Segment};
use raw_sync::Timeout;
use raw_sync::events::{BusyEvent, EventImpl, EventInit, EventState};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::stopped::stop;

pub const ROLES: &[(&str, Role)] = &[
    ("wait for a lone event", |_, path| {
        let memory = Memory::of(OpenOptions::new().read(true).write(true).open(path));
        let event = memory.open().unwrap();
        loop {
            say("waiting");
            event.wait(timeout(PATIENCE)).unwrap();
            say("woken");
            pause();
        }
    }),
    ("set a lone event", |_, path| {
        let memory = Memory::of(OpenOptions::new().read(true).write(true).open(path));
        let event = memory.open().unwrap();
        pause();
        event.set(EventState::Signaled).unwrap();
        say("set");
        pause();
    }),
    ("make lone events", |_, path| {
        let memory = Memory::of(OpenOptions::new().read(true).write(true).open(path));
        say("making");
        loop {
            memory.make(true);
        }
    }),
];

/// As in `event`.
const A_WHILE: Duration = Duration::from_millis(30);
const BRIEFLY: Duration = Duration::from_millis(50);

/// Memory that processes share, and that is no segment.
struct Memory {
    bytes: MmapRaw,
    file: File,
}

impl Memory {
    fn new() -> Self {
        let file =
            File::from(rustix::fs::memfd_create("lone", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        file.set_len(4096).unwrap();
        Self::of(Ok(file))
    }

    fn of(file: std::io::Result<File>) -> Self {
        let file = file.unwrap();
        let bytes = MmapRaw::map_raw(&file).unwrap();
        Self { bytes, file }
    }

    #[expect(unsafe_code, reason = "raw memory is what this is about")]
    fn make(&self, auto_reset: bool) -> Box<dyn EventImpl> {
        // SAFETY: a page, which is mapped until after the events, and used for them only.
        unsafe { LoneEvent::new(self.bytes.as_mut_ptr(), auto_reset) }
            .unwrap()
            .0
    }

    #[expect(unsafe_code, reason = "raw memory is what this is about")]
    fn open(&self) -> Result<Box<dyn EventImpl>, ErrorKind> {
        // SAFETY: as above.
        unsafe { LoneEvent::from_existing(self.bytes.as_mut_ptr()) }
            .map(|(event, _)| event)
            .map_err(|error| error.downcast::<Error>().unwrap().kind())
    }

    /// The event's own word follows the one that says what it is.
    fn is_set(&self) -> bool {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, 4).unwrap();
        byte[0] & 1 != 0
    }

    fn start(&self, segment: &Segment, role: &str) -> Child {
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd());
        Child::start(segment, role, &path)
    }

    fn waiters(&self, segment: &Segment, count: usize) -> Vec<Child> {
        let start = |_| {
            let child = self.start(segment, "wait for a lone event");
            child.expect("waiting");
            child
        };
        (0..count).map(start).collect()
    }
}

/// What `examples/events.rs` of raw_sync asserts of its events, there with longer times.
fn behaves_as_raw_syncs_example<E: EventInit>(auto_reset: bool) {
    let mut memory = [0_u64; 16];
    let address = memory.as_mut_ptr().cast::<u8>();
    #[expect(unsafe_code, reason = "raw memory is what this is about")]
    // SAFETY: long enough, and there until both threads have ended.
    let (event, _) = unsafe { E::new(address, auto_reset) }.unwrap();
    let address = address.expose_provenance();
    let child = spawn(move || {
        let address = std::ptr::with_exposed_provenance_mut(address);
        #[expect(unsafe_code, reason = "raw memory is what this is about")]
        // SAFETY: as above.
        let (event, _) = unsafe { E::from_existing(address) }.unwrap();
        event.wait(Timeout::Infinite).unwrap();
        // The set was for one wait, or stays.
        assert_eq!(event.wait(Timeout::Val(BRIEFLY)).is_ok(), !auto_reset);
        event.set(EventState::Signaled).unwrap();
        event.set(EventState::Signaled).unwrap();
        event.set(EventState::Clear).unwrap();
    });
    event.set(EventState::Signaled).unwrap();
    child.join().unwrap();
    assert!(event.wait(Timeout::Val(BRIEFLY)).is_err());
}

#[test]
fn raw_syncs_example_runs_on_ours() {
    for auto_reset in [true, false] {
        behaves_as_raw_syncs_example::<LoneEvent>(auto_reset);
        behaves_as_raw_syncs_example::<Event>(auto_reset);
    }
}

/// So the port of the example asserts nothing that the original does not keep.
#[test]
fn raw_syncs_example_runs_on_its_own() {
    for auto_reset in [true, false] {
        behaves_as_raw_syncs_example::<raw_sync::events::Event>(auto_reset);
        behaves_as_raw_syncs_example::<BusyEvent>(auto_reset);
    }
}

fn kind(result: Result<(), Box<dyn std::error::Error>>) -> Option<ErrorKind> {
    let error = result.err()?;
    Some(error.downcast::<Error>().unwrap().kind())
}

#[test]
fn an_event_of_a_segment_stays_set_until_it_is_cleared() {
    let event = Event::new().unwrap();
    let other = event.clone();
    let same: &dyn EventImpl = &event;
    assert_eq!(kind(same.wait(timeout(BRIEFLY))), Some(ErrorKind::TimedOut));
    same.set(EventState::Signaled).unwrap();
    assert!(other.is_set());
    for limit in [timeout(None), timeout(Duration::ZERO)] {
        same.wait(limit).unwrap();
    }
    same.set(EventState::Clear).unwrap();
    assert!(!other.is_set());
}

#[test]
fn limits_come_back_as_they_were() {
    for time in [
        None,
        Some(Duration::ZERO),
        Some(BRIEFLY),
        Some(Duration::MAX),
    ] {
        assert_eq!(limit(timeout(time)), time);
    }
    assert_eq!(limit(timeout(BRIEFLY)), Some(BRIEFLY));
    // Beyond all time is no error: it waits for ever.
    let memory = Memory::new();
    let event = memory.make(false);
    event.set(EventState::Signaled).unwrap();
    event.wait(timeout(Duration::MAX)).unwrap();
}

#[test]
fn memory_without_an_event_is_none() {
    let memory = Memory::new();
    assert_eq!(memory.open().err(), Some(ErrorKind::NotFound));
    for garbage in [[0xFF; 8], [1; 8], *b"LONELONE"] {
        memory.file.write_all_at(&garbage, 0).unwrap();
        assert_eq!(
            memory.open().err(),
            Some(ErrorKind::NotFound),
            "{garbage:?}"
        );
    }
    drop(memory.make(true));
    memory.open().unwrap();
}

#[test]
#[expect(unsafe_code, reason = "raw memory is what this is about")]
fn it_lies_anywhere_but_at_address_0() {
    let mut memory = [0_u32; 8];
    let first = memory.as_mut_ptr().cast::<u8>();
    for offset in 0..8 {
        let address = first.wrapping_add(offset);
        // SAFETY: 8 bytes, and up to 3 before them, are inside, and nobody else uses them.
        let (event, used) = unsafe { LoneEvent::new(address, false) }.unwrap();
        assert_eq!(used, 8 + (4 - offset % 4) % 4);
        assert_eq!(LoneEvent::size_of(Some(address)), used);
        assert!(used <= LoneEvent::size_of(None));
        event.set(EventState::Signaled).unwrap();
        // SAFETY: as above.
        let (again, same) = unsafe { LoneEvent::from_existing(address) }.unwrap();
        assert_eq!(same, used);
        again.wait(timeout(Duration::ZERO)).unwrap();
    }
    // SAFETY: nothing is touched.
    let null = unsafe { LoneEvent::new(std::ptr::null_mut(), false) };
    assert_eq!(kind(null.map(drop)), Some(ErrorKind::InvalidInput));
}

#[test]
fn a_set_wakes_all_processes_by_hand_and_one_by_itself() {
    let segment = Segment::anonymous().unwrap();
    for auto_reset in [false, true] {
        let memory = Memory::new();
        let event = memory.make(auto_reset);
        let waiters = memory.waiters(&segment, 3);
        sleep(A_WHILE);
        // By itself each set is for another one of them, so as many are taken as there are waiters.
        for _ in 0..if auto_reset { waiters.len() } else { 1 } {
            event.set(EventState::Signaled).unwrap();
            let start = Instant::now();
            while auto_reset && memory.is_set() {
                assert!(start.elapsed() < PATIENCE, "nobody takes it");
                std::thread::yield_now();
            }
        }
        waiters.iter().for_each(|waiter| waiter.expect("woken"));
        assert_eq!(event.wait(timeout(Duration::ZERO)).is_ok(), !auto_reset);
    }
}

#[test]
fn each_set_is_taken_once() {
    const SETS: usize = 2000;
    let memory = Memory::new();
    let event = memory.make(true);
    let taken = AtomicUsize::new(0);
    let take = || {
        let event = memory.open().unwrap();
        while event.wait(timeout(PATIENCE)).is_ok() && taken.fetch_add(1, Ordering::SeqCst) < SETS {
        }
    };
    std::thread::scope(|scope| {
        let takers = [(); 3].map(|()| scope.spawn(take));
        for number in 0..SETS {
            event.set(EventState::Signaled).unwrap();
            while taken.load(Ordering::SeqCst) == number {
                std::thread::yield_now();
            }
            assert_eq!(taken.load(Ordering::SeqCst), number + 1);
        }
        assert!(event.wait(timeout(A_WHILE)).is_err(), "all were taken");
        // Each of these lets one of them go home.
        while !takers.iter().all(|taker| taker.is_finished()) {
            event.set(EventState::Signaled).unwrap();
            std::thread::yield_now();
        }
    });
}

#[test]
fn setting_goes_on_whatever_its_waiters_died_of() {
    let segment = Segment::anonymous().unwrap();
    for auto_reset in [false, true] {
        let memory = Memory::new();
        let event = memory.make(auto_reset);
        let mut all = memory.waiters(&segment, 3);
        sleep(A_WHILE);
        let stopped = all.pop().unwrap();
        stop(&stopped);
        all[0].kill();
        let start = Instant::now();
        event.set(EventState::Signaled).unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        // Of those who can take it, one is left.
        all[1].expect("woken");
        stopped.signal(Signal::CONT);
        if auto_reset {
            event.set(EventState::Signaled).unwrap();
        }
        stopped.expect("woken");
    }
}

/// The kill lands before, in and after the set.
#[test]
fn a_setter_killed_at_any_moment_strands_nobody() {
    let segment = Segment::anonymous().unwrap();
    for round in 0..10 {
        for auto_reset in [false, true] {
            let memory = Memory::new();
            let event = memory.make(auto_reset);
            let waiters = memory.waiters(&segment, 1);
            let mut child = memory.start(&segment, "set a lone event");
            child.go_on();
            sleep(Duration::from_micros(40 * round));
            child.kill();
            event.set(EventState::Signaled).unwrap();
            waiters[0].expect("woken");
        }
    }
}

#[test]
fn an_event_whose_maker_died_is_made_again() {
    let segment = Segment::anonymous().unwrap();
    let memory = Memory::new();
    for round in 0..10 {
        let mut child = memory.start(&segment, "make lone events");
        child.expect("making");
        sleep(Duration::from_micros(100 * round));
        child.kill();
        let found = memory.open().map(drop);
        assert!(matches!(found, Ok(()) | Err(ErrorKind::NotFound)));
        let event = memory.make(false);
        assert!(event.wait(timeout(Duration::ZERO)).is_err());
        event.set(EventState::Signaled).unwrap();
        event.wait(timeout(None)).unwrap();
    }
}
