//! Whether open files are still where they were opened. A server that goes on writing into a folder that was deleted,
//! renamed or replaced writes for nobody, because the next start looks at the path. This file knows paths and how the
//! system identifies a file; it opens and changes nothing.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What identifies a file even after it is renamed: its device and its inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    number: u64,
}

impl FileId {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: file.dev(), number: file.ino() }
    }

    /// On other systems it can only be told that there is a file.
    #[cfg(not(unix))]
    fn of(_file: &Metadata) -> Self {
        Self {}
    }
}

/// Files that must stay where they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct InPlace {
    files: Vec<(PathBuf, FileId)>,
}

/// A file is no longer where it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} was deleted, renamed or replaced while it was in use", path.display())]
pub(crate) struct Moved {
    /// The path at which the file was.
    pub(crate) path: PathBuf,
}

impl InPlace {
    /// Watches `file` as well, which was opened at `path`.
    ///
    /// # Errors
    /// Fails when the file cannot be examined.
    pub(crate) fn and(mut self, path: PathBuf, file: &File) -> io::Result<Self> {
        self.files.push((path, FileId::of(&file.metadata()?)));
        Ok(self)
    }

    /// Watches the files of `others` as well.
    pub(crate) fn and_all(mut self, others: Self) -> Self {
        self.files.extend(others.files);
        self
    }

    /// Watches the files that are at `paths` now.
    ///
    /// # Errors
    /// Fails when one of them cannot be examined.
    pub(crate) fn of(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let with_id = |path: PathBuf| fs::metadata(&path).map(|file| (path, FileId::of(&file)));
        Ok(Self { files: paths.into_iter().map(with_id).collect::<io::Result<_>>()? })
    }

    /// Checks each file: one system call for each, a few microseconds.
    ///
    /// # Errors
    /// Fails with the first file that is gone or was replaced. When a folder cannot be examined at the moment, nothing
    /// is known, and that is no error.
    pub(crate) fn check(&self) -> Result<(), Moved> {
        let gone = self.files.iter().find(|(path, id)| !is_at(path, *id));
        gone.map_or(Ok(()), |(path, _)| Err(Moved { path: path.clone() }))
    }
}

fn is_at(path: &Path, id: FileId) -> bool {
    match fs::metadata(path) {
        Ok(found) => FileId::of(&found) == id,
        Err(err) => !matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a folder with two files in it, which are watched.
    fn watched(root: &Path) -> (PathBuf, InPlace) {
        let dir = root.join("data/server");
        fs::create_dir_all(&dir).unwrap();
        let files = ["a", "b"].map(|name| dir.join(name));
        files.iter().for_each(|file| fs::write(file, "x").unwrap());
        let watched = InPlace::of(files).unwrap();
        (dir, watched)
    }

    #[test]
    fn files_that_stay_and_grow_are_in_place() {
        let root = tempfile::tempdir().unwrap();
        let (dir, watched) = watched(root.path());
        assert_eq!(watched.check(), Ok(()));
        fs::write(dir.join("a"), "longer").unwrap();
        assert_eq!(watched.check(), Ok(()));
    }

    #[test]
    fn a_file_that_is_deleted_renamed_or_replaced_is_named() {
        type Change = fn(&Path, &Path);
        let changes: [(Change, &str); 5] = [
            (|_, dir| fs::remove_file(dir.join("b")).unwrap(), "b"),
            (|root, _| fs::remove_dir_all(root.join("data")).unwrap(), "a"),
            (|root, _| fs::rename(root.join("data"), root.join("elsewhere")).unwrap(), "a"),
            (
                |_, dir| {
                    fs::write(dir.join("new"), "x").unwrap();
                    fs::rename(dir.join("new"), dir.join("b")).unwrap();
                },
                "b",
            ),
            (
                |root, _| {
                    fs::remove_dir_all(root.join("data")).unwrap();
                    fs::write(root.join("data"), "a file where a folder was").unwrap();
                },
                "a",
            ),
        ];
        for (change, name) in changes {
            let root = tempfile::tempdir().unwrap();
            let (dir, watched) = watched(root.path());
            change(root.path(), &dir);
            assert_eq!(watched.check(), Err(Moved { path: dir.join(name) }));
        }
    }

    #[test]
    fn a_file_that_is_put_back_is_in_place_again() {
        let root = tempfile::tempdir().unwrap();
        let (dir, watched) = watched(root.path());
        fs::rename(&dir, root.path().join("elsewhere")).unwrap();
        assert!(watched.check().is_err());
        fs::rename(root.path().join("elsewhere"), &dir).unwrap();
        assert_eq!(watched.check(), Ok(()));
    }
}
