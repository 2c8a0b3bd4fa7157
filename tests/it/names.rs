//! The names of segments: whose they are, who has one in the way, what is said about them.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use outlive::{Error, ErrorKind, Segment, SegmentOptions};

use rustix::process::{Gid, Uid};

use super::child::{Child, Role, say};
use super::fork::in_fork;
use super::segment::Folder;

pub const ROLES: &[(&str, Role)] = &[("work elsewhere", |_, folder| {
    // A process of its own: all threads share the working folder.
    std::env::set_current_dir(folder).unwrap();
    let segment = SegmentOptions::new().folder("in").create("it").unwrap();
    let absolute = segment.path().is_some_and(Path::is_absolute);
    std::env::set_current_dir("/").unwrap();
    say(&format!(
        "{absolute} {:?}",
        segment.unlink().map_err(|e| e.kind())
    ));
})];

fn open_file(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

#[test]
fn unlink_takes_no_name_but_its_own() {
    let folder = Folder::new("unlink");
    let first = folder.options().create("it").unwrap();
    first.unlink().unwrap();
    let second = folder.options().create("it").unwrap();
    let error = first.unlink().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("another file"), "{error}");
    drop(folder.options().open("it").unwrap());
    second.unlink().unwrap();
    let path = second.path().unwrap();
    fs::create_dir(path).unwrap();
    assert_eq!(second.unlink().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_handle_knows_the_name_that_it_was_opened_by() {
    let folder = Folder::new("handle");
    let path: PathBuf = {
        let made = folder.options().create("it").unwrap();
        made.path().unwrap().to_owned()
    };
    let nameless = Segment::from_fd(open_file(&path).into()).unwrap();
    let named = folder.options().open("it").unwrap();
    assert_eq!((nameless.name(), nameless.path()), ("(descriptor)", None));
    assert_eq!((named.name(), named.path()), ("it", Some(path.as_path())));
    assert_eq!(nameless.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    named.clone().unlink().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_name_is_found_again_from_another_working_folder() {
    let folder = Folder::new("relative");
    fs::create_dir(folder.path().join("in")).unwrap();
    let segment = Segment::anonymous().unwrap();
    let child = Child::start(&segment, "work elsewhere", folder.path().to_str().unwrap());
    child.expect("true Ok(())");
    assert_eq!(fs::read_dir(folder.path().join("in")).unwrap().count(), 0);
    child.finish();
}

/// The kind of `result`'s error, whose text has each of `parts`.
fn said(result: Result<Segment, Error>, parts: &[&str]) -> ErrorKind {
    let error = result.unwrap_err();
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    error.kind()
}

#[test]
fn a_folder_that_is_none_is_named() {
    let folder = Folder::new("missing");
    let missing = folder.path().join("not/there");
    let options = SegmentOptions::new().folder(&missing);
    let parts = [missing.to_str().unwrap(), "does not exist", "OUTLIVE_DIR"];
    for result in [
        options.create("it"),
        options.open("it"),
        options.open_or_create("it"),
    ] {
        assert_eq!(said(result, &parts), ErrorKind::NotFound);
    }
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let options = SegmentOptions::new().folder(&plain);
    let parts = [plain.to_str().unwrap(), "is a file"];
    assert_eq!(said(options.create("it"), &parts), ErrorKind::Os);
    assert_eq!(said(options.open("it"), &parts), ErrorKind::Os);
    let parts = ["there is no", "outlive.it", "open_or_create"];
    assert_eq!(
        said(folder.options().open("it"), &parts),
        ErrorKind::NotFound
    );
}

#[test]
fn whatever_is_in_the_way_is_named() {
    let folder = Folder::new("way");
    let path = |name: &str| folder.path().join(format!("outlive.{name}"));
    drop(folder.options().create("segment").unwrap());
    fs::create_dir(path("folder")).unwrap();
    symlink(path("segment"), path("link")).unwrap();
    fs::write(path("garbage"), vec![0xA5; 1 << 18]).unwrap();
    fs::write(path("short"), "").unwrap();
    let mut all = vec![
        ("folder", "is a folder"),
        ("link", "is a symbolic link"),
        ("garbage", "is a file that is no segment"),
        ("short", "is a file that is no segment"),
    ];
    if rustix::process::geteuid().is_root() {
        drop(folder.options().create("theirs").unwrap());
        chown(path("theirs"), Some(12345), None).unwrap();
        all.push(("theirs", "is a file of user 12345"));
    }
    for (name, what) in all {
        let parts = [what, name, "take another name"];
        let kind = said(folder.options().create(name), &parts);
        assert_eq!(kind, ErrorKind::AlreadyExists, "{name}");
        let opened = folder.options().open_or_create(name);
        assert_eq!(said(opened, &[name]), ErrorKind::NotASegment, "{name}");
    }
    let parts = ["open it instead"];
    let kind = said(folder.options().create("segment"), &parts);
    assert_eq!(kind, ErrorKind::AlreadyExists);
}

#[test]
fn want_of_room_names_the_folder() {
    let folder = Folder::new("room");
    let parts = [folder.path().to_str().unwrap(), "room", "smaller size"];
    let result = folder.options().size(1 << 50).create("it");
    assert_eq!(said(result, &parts), ErrorKind::Full);
}

#[test]
fn modes_and_users_that_cannot_go_together_are_said() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new("mode");
    let shown = folder.path().to_str().unwrap();
    drop(folder.options().create("root").unwrap());
    drop(folder.options().mode(0o666).create("shared").unwrap());
    let open = fs::Permissions::from_mode(0o777);
    let as_nobody = |life: &dyn Fn()| {
        in_fork(|| {
            let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
            // Of the thread alone, which is all that the child has.
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            u8::from(catch_unwind(AssertUnwindSafe(life)).is_err())
        })
    };
    let code = as_nobody(&|| {
        let parts = ["may not write", shown];
        assert_eq!(said(folder.options().create("new"), &parts), ErrorKind::Os);
    });
    assert_eq!(code, 0);
    fs::set_permissions(folder.path(), open).unwrap();
    let code = as_nobody(&|| {
        let narrow = folder.options().mode(0o400).create("narrow");
        assert_eq!(
            said(narrow, &["narrow", "mode 0400", "0600"]),
            ErrorKind::Os
        );
        let parts = ["may not read and write", "outlive.root"];
        assert_eq!(said(folder.options().open("root"), &parts), ErrorKind::Os);
        drop(folder.options().open("shared").unwrap());
        drop(folder.options().mode(0o666).create("nobodys").unwrap());
    });
    assert_eq!(code, 0);
    let parts = ["user 65534", "descriptor"];
    let kind = said(folder.options().open("nobodys"), &parts);
    assert_eq!(kind, ErrorKind::NotASegment);
}
