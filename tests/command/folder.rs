//! A folder of segments that is gone after the test.

use std::path::{Path, PathBuf};

use outlive::SegmentOptions;

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path = format!("/dev/shm/outlive-command-{test}-{}", std::process::id());
        std::fs::create_dir_all(&path).unwrap();
        Self(path.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn options(&self) -> SegmentOptions {
        SegmentOptions::new().folder(&self.0).size(1 << 18)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
