//! The names of segments: whose they are, who has one in the way, what is said about them.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use outlive::{ErrorKind, Segment, SegmentOptions};

use super::child::{Child, Role, say};
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
