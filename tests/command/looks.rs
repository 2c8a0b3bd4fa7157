//! What `ls`, `show`, `top` and `watch` show, and that they change nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use outlive::queue::mpmc::Mpmc;
use outlive::sync::LockError;
use outlive::{Lock, Process, Segment, Semaphore};
use serde_json::Value as Json;

use super::{command, complains, json, outlive, says};
use crate::child::{Child, PATIENCE, wait_until};
use crate::folder::Folder;

#[test]
fn ls_counts_the_living_and_the_dead() {
    let folder = Folder::new("ls");
    let segment = folder.options().create("jobs").unwrap();
    let _lock = Lock::create(&segment, "door").unwrap();
    let mut dead = Child::in_segment(&segment);
    let _alive = Child::in_segment(&segment);
    dead.kill();
    let line = &json(&folder, &["ls", "--named"])[0];
    assert_eq!(line["name"], "jobs");
    let found = &line["segment"];
    assert_eq!((&found["alive"], &found["dead"]), (&2.into(), &1.into()));
    assert_eq!(
        (&found["objects"], &found["size"]),
        (&1.into(), &(1 << 18).into())
    );
    let text = says(&folder, &["ls", "--named"], 0);
    assert!(text.contains("jobs") && text.contains("256 KiB"), "{text}");
}

#[test]
fn show_says_who_died_holding_what_and_who_took_over() {
    let folder = Folder::new("show");
    let segment = folder.options().label("heir").create("jobs").unwrap();
    let door = Lock::create(&segment, "door").unwrap();
    let permits = Semaphore::create(&segment, "seats", 3).unwrap();
    let permit = permits.acquire_many(2).unwrap();
    let mut child = Child::with_lock(&segment, "door");
    let text = says(&folder, &["show", "jobs"], 0);
    assert!(
        text.contains(&format!("held by child ({})", child.pid())),
        "{text}"
    );
    let me = format!("heir ({})", std::process::id());
    assert!(
        text.contains(&format!("1 free; taken by {me} x2")),
        "{text}"
    );

    let pid = child.pid();
    child.kill();
    let text = says(&folder, &["show", "jobs"], 0);
    let left = format!("child ({pid}) has died holding Lock `door`; nobody has repaired yet");
    assert!(text.contains(&left), "{text}");

    let Err(LockError::OwnerDied(died)) = door.lock() else {
        panic!("its holder has died");
    };
    segment.reap().unwrap();
    let text = says(&folder, &["show", "jobs"], 0);
    let taken = format!("died holding Lock `door`, taken over by {me}");
    assert!(
        text.contains(&taken) && text.contains("ago: child"),
        "{text}"
    );
    assert!(text.contains(&format!("; repaired by {me}")), "{text}");
    let shown = json(&folder, &["show", "jobs"]);
    let death = &shown["deaths"][0];
    assert_eq!(
        (&death["pid"], &death["label"]),
        (&pid.into(), &"child".into())
    );
    assert_eq!(death["held"][0]["held_now_by"]["pid"], std::process::id());
    assert!(death["at"].as_f64().unwrap() > 1e9, "{death}");
    drop(died.repaired());
    drop(permit);
}

#[test]
fn to_look_changes_not_a_byte() {
    let folder = Folder::new("look");
    let segment = folder.options().create("jobs").unwrap();
    let _door = Lock::create(&segment, "door").unwrap();
    let path = segment.path().unwrap().to_owned();
    let mut child = Child::with_lock(&segment, "door");
    child.kill();
    let facts = |path| {
        let all = fs::read_dir(folder.path()).unwrap().count();
        (fs::read(path).unwrap(), all)
    };
    let before = facts(&path);
    for arguments in [
        &["ls"] as &[&str],
        &["show", "jobs"],
        &["show", path.to_str().unwrap()],
        &["top", "--once", "--interval", "0.01"],
        &["watch", "--for", "0.05", "--interval", "0.01"],
        &["rm", "--stale", "--dry-run"],
        &["doctor"],
    ] {
        outlive(&folder, arguments);
        assert!(facts(&path) == before, "{arguments:?} left a trace");
    }
}

#[test]
fn a_process_is_shown_by_its_number() {
    let folder = Folder::new("pid");
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "by number").unwrap();
    let hold = |lock: Lock| {
        let held = lock.lock();
        std::thread::sleep(std::time::Duration::from_secs(20));
        drop(held);
    };
    let child = Process::spawn(hold, lock.clone()).unwrap();
    wait_until(|| lock.holder() == Some(child.pid()));
    let pid = child.pid().to_string();
    // Beside this one it has its home.
    let complaint = complains(&folder, &["show", &pid], 3);
    let (_, names) = complaint.split_once("say which of ").unwrap();
    let shown = names
        .trim()
        .split(", ")
        .map(|name| json(&folder, &["show", name]));
    let is_it = |shown: &Json| shown["objects"][0]["name"] == "by number";
    let shown = shown.into_iter().find(is_it).expect("it is one of them");
    let of_child = |who: &Json| who["pid"] == child.pid();
    let participants = shown["participants"].as_array().unwrap();
    assert!(participants.iter().any(of_child), "{shown}");
    // A segment that is called so comes first.
    let named = folder.options().create(&pid).unwrap();
    let shown = json(&folder, &["show", &pid]);
    assert_eq!(shown["path"], named.path().unwrap().to_str().unwrap());
    child.kill().unwrap();
}

#[test]
fn top_shows_depths_and_rates() {
    let folder = Folder::new("top");
    let segment = folder.options().create("jobs").unwrap();
    let queue = Mpmc::<u64>::create(&segment, "work", 8).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                queue.put(1).unwrap();
                queue.get().unwrap();
            }
        });
        let page = json(&folder, &["top", "jobs", "--once", "--interval", "0.2"]);
        let text = says(&folder, &["top", "--once", "--interval", "0.01"], 0);
        is_over.store(true, Ordering::Relaxed);
        let work = &page["parts"][0]["objects"][0];
        assert_eq!(work["name"], "work");
        assert_eq!(work["flow"][1], 8, "its capacity: {work}");
        assert!(work["rate"].as_f64().unwrap() > 0.0, "{work}");
        assert!(text.contains("work") && text.contains("/8"), "{text}");
    });
}

#[test]
fn watch_tells_what_happens_in_its_order() {
    let folder = Folder::new("watch");
    let segment = folder.options().label("test").create("jobs").unwrap();
    let mut watch = command(&folder, &["watch", "jobs", "--json", "--interval", "0.01"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // Who does not listen any more has heard all that it wanted.
            let _ = tell.send(line);
        }
    });
    let next = |event: &str| loop {
        let line = told.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("nothing {event} in time"));
        let line: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(line["segment"], "jobs");
        if line["event"] == event {
            return line;
        }
    };
    // Its first look is where it begins: something has to happen until it has taken that.
    let mut made = 0;
    wait_until(|| {
        made += 1;
        drop(Lock::create(&segment, &format!("try {made}")).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(30));
        told.try_recv().is_ok()
    });
    let door = Lock::create(&segment, "door").unwrap();
    let mut child = Child::with_lock(&segment, "door");
    assert_eq!(next("joined")["pid"], child.pid());
    let taken = next("taken");
    assert_eq!(
        (&taken["object"], &taken["by"]["pid"]),
        (&"door".into(), &child.pid().into())
    );
    child.kill();
    assert_eq!(next("died")["pid"], child.pid());
    let Err(LockError::OwnerDied(died)) = door.lock() else {
        panic!("its holder has died");
    };
    segment.reap().unwrap();
    let recovered = next("recovered");
    assert_eq!(recovered["pid"], child.pid());
    drop(died.repaired());
    segment.unlink().unwrap();
    next("segment_gone");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn a_deadlock_is_named() {
    let folder = Folder::new("deadlock");
    let options = folder.options().detect_deadlocks(true);
    let segment = options.create("jobs").unwrap();
    let _locks = ["left", "right"].map(|name| Lock::create(&segment, name).unwrap());
    let one = Child::with_locks(&segment, ["left", "right"]);
    let other = Child::with_locks(&segment, ["right", "left"]);
    wait_until(|| !segment.deadlocks().unwrap().is_empty());
    let output = outlive(&folder, &["doctor"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.contains("deadlock: "));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    let pids = [one.pid(), other.pid()].map(|pid| format!("process {pid} `child`"));
    for part in ["FAIL", "`left`", "`right`", &pids[0], &pids[1]] {
        assert!(line.contains(part), "{line} says nothing of {part}");
    }
    for arguments in [
        ["show", "jobs"].as_slice(),
        &["top", "--once", "--interval", "0.01"],
    ] {
        let text = says(&folder, arguments, 0);
        assert!(text.contains("DEADLOCK: "), "{text}");
    }
    let shown = json(&folder, &["show", "jobs"]);
    assert_eq!(shown["deadlocks"][0]["waits"].as_array().unwrap().len(), 2);
}

#[test]
fn others_words_do_not_steer_the_terminal() {
    let folder = Folder::new("words");
    let wild = "\u{1b}]0;hi\u{7}\u{9b}31m\u{202e}";
    let options = folder.options().detect_deadlocks(true);
    let segment = options.label(wild).create("jobs").unwrap();
    let door = Lock::create(&segment, &format!("door{wild}")).unwrap();
    let _held = door.lock().unwrap();
    // A stale one, whose name is as wild, and garbage.
    let name = |name: &str| folder.path().join(format!("outlive.{name}{wild}"));
    fs::copy(segment.path().unwrap(), name("copy")).unwrap();
    fs::write(name("garbage"), "garbage").unwrap();
    let garbage = format!("garbage{wild}");
    let looks: [&[&str]; 10] = [
        &["ls"],
        &["ls", "--json"],
        &["show", "jobs"],
        &["show", "jobs", "--json"],
        &["show", &garbage],
        &["top", "--once"],
        &["doctor"],
        &["doctor", "--json"],
        &["rm", "-n", "--stale"],
        &["rm", "--stale"],
    ];
    for look in looks {
        let output = outlive(&folder, look);
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(
            said.iter().any(|said| said.contains("31m")),
            "{look:?}: {said:?}"
        );
        let is_obeyed = |c: char| c == '\u{202e}' || c != '\n' && c.is_control();
        assert!(
            !said.iter().any(|said| said.contains(is_obeyed)),
            "{look:?}: {said:?}"
        );
    }
}
