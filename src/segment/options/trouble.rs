//! What is said about files and folders that are not as a segment needs them.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::Error;
use crate::segment::layout::MAGIC;
use crate::sys::file;

/// The folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// What to do about whatever has the name `path`.
pub(super) fn occupant(path: &Path) -> String {
    let what = match path.symlink_metadata() {
        Ok(found) => obstacle(path, &found),
        Err(_) => None,
    };
    match what {
        Some(what) => format!(
            "`{}` is {what}: remove it if nothing uses it, or take another name",
            path.display()
        ),
        None => "open it instead, or use open_or_create".to_owned(),
    }
}

/// What `found` is, if not a segment that this process may open.
fn obstacle(path: &Path, found: &Metadata) -> Option<String> {
    let plain = |what: &str| Some(what.to_owned());
    let kind = found.file_type();
    if kind.is_symlink() {
        plain("a symbolic link, which is never followed")
    } else if kind.is_dir() {
        plain("a folder")
    } else if !kind.is_file() {
        plain("no ordinary file")
    } else if !file::is_trusted(found.uid()) {
        Some(format!(
            "a file of user {}, and only one's own and root's are opened by name (a segment's \
             descriptor can be passed on instead)",
            found.uid()
        ))
    } else if !begins_with_magic(path) {
        plain("a file that is no segment")
    } else {
        None
    }
}

/// In doubt, where the file cannot be read, it does.
fn begins_with_magic(path: &Path) -> bool {
    let first = File::open(path).and_then(|file| file::first_word(file.as_fd()));
    first.map_or(true, |word| word == Some(MAGIC))
}

/// A file could not be made in `folder`.
pub(super) fn in_folder(e: io::Error, doing: String, folder: &Path) -> Error {
    let shown = folder.display();
    let advice = match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge => format!(
            "the file system of `{shown}` has not so much room: take a smaller size, enlarge it, \
             or take {ANOTHER}"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not write in the folder `{shown}`: take {ANOTHER}")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("the file system of `{shown}` may only be read: take {ANOTHER}")
        }
        _ => missing(folder).unwrap_or_default(),
    };
    Error::os(e, doing).advise(advice)
}

/// The file at `path` could not be opened.
pub(super) fn in_opening(e: io::Error, doing: String, path: &Path) -> Error {
    let advice = match e.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "this user may not read and write `{}`: its owner can give it a wider mode",
            path.display()
        ),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(folder_of(path))
            .unwrap_or_else(|| {
                format!(
                    "there is no `{}`: create the segment first, or use open_or_create",
                    path.display()
                )
            }),
        _ => String::new(),
    };
    Error::os(e, doing).advise(advice)
}

/// What to do where there is no folder of that name.
fn missing(folder: &Path) -> Option<String> {
    let what = match folder.metadata() {
        Ok(found) if found.is_dir() => return None,
        Ok(_) => "is a file: make it a folder",
        Err(e) if e.kind() == io::ErrorKind::NotFound => "does not exist: make it",
        Err(_) => "cannot be reached: see to it",
    };
    Some(format!(
        "the folder `{}` {what}, or take {ANOTHER}",
        folder.display()
    ))
}

const ANOTHER: &str = "another folder (SegmentOptions::folder, OUTLIVE_DIR)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_only_be_read_has_advice() {
        let e = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        let said = in_folder(e, "create".to_owned(), Path::new("/sys")).to_string();
        assert!(said.contains("another folder"), "{said}");
    }
}
