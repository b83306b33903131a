//! Small tables of words that are kept for a user in the data directory, for example the aliases and the ignored users.
//! Each table is one TOML file. Several clients share the files, so every change takes a lock, reads the whole file,
//! changes it and replaces it. This file knows nothing of what the words mean.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::data::private_file::open_lock;
use crate::data::whole_file::write_whole;

/// How long a change waits while another client has locked the file. Writing takes only milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How many entries one table may have. Nobody types more.
const MOST: usize = 1000;

/// Why a table cannot be read, or why a change cannot be stored.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file or its lock could not be opened, read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file of the table, or its lock.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is not a table of words.
    #[error("{} is not what it must be ({reason}); mend it, or move it away", path.display())]
    NotATable {
        /// The file of the table.
        path: PathBuf,
        /// What is wrong with the file, in words.
        reason: String,
    },
    /// The table already has as many entries as it may have.
    #[error("there are {MOST} already")]
    Full,
    /// The entries could not be written as TOML.
    #[error("{0}")]
    NotWritable(toml::ser::Error),
}

/// A table of words, and the file in which it is kept. A table without a file is kept only in memory.
#[derive(Debug, Default)]
pub struct Table {
    path: Option<PathBuf>,
    entries: BTreeMap<String, String>,
    changes: u64,
}

impl Table {
    /// Opens the table in the file at `path`. If there is no such file, the table is empty.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is not a table of words. Such a file is never overwritten.
    pub fn open(path: PathBuf) -> Result<Self, TableError> {
        let entries = read(&path)?;
        Ok(Self { path: Some(path), entries, changes: 0 })
    }

    /// Returns the text that this key has.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// Returns all keys with their texts, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// Returns a counter that grows whenever the entries may have changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the table has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets the text of a key, or removes the key if `text` is `None`.
    ///
    /// # Errors
    /// Fails if the change cannot be stored. The file is then unchanged.
    pub fn set(&mut self, key: &str, text: Option<&str>) -> Result<(), TableError> {
        self.changes += 1;
        let _lock = match &self.path {
            Some(path) => {
                let lock = lock(&path.with_extension("lock")).map_err(not_done(path))?;
                // Another client may have changed the file since it was last read.
                self.entries = read(path)?;
                Some(lock)
            }
            None => None,
        };
        let mut entries = self.entries.clone();
        match text {
            Some(text) => entries.insert(key.to_owned(), text.to_owned()),
            None => entries.remove(key),
        };
        if entries.len() > MOST {
            return Err(TableError::Full);
        }
        if let Some(path) = &self.path {
            let text = toml::to_string(&entries).map_err(TableError::NotWritable)?;
            write_whole(path, text.as_bytes()).map_err(not_done(path))?;
        }
        self.entries = entries;
        Ok(())
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, String>, TableError> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text)
            .map_err(|err| TableError::NotATable { path: path.to_owned(), reason: err.message().to_owned() }),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(err) => Err(not_done(path)(err)),
    }
}

/// Makes a `TableError` that names the table's file from an error of the operating system.
fn not_done(path: &Path) -> impl Fn(io::Error) -> TableError {
    |error| TableError::File { path: path.to_owned(), error }
}

/// Takes a lock that several clients share. The lock is held until the returned file is dropped.
///
/// # Errors
/// Fails with `WouldBlock` if another process holds the lock for too long.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        hobnob_protocol::identity::create_private_dir(folder)?;
    }
    let file = open_lock(path)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::Error(err)) => return Err(err),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(std::fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clients_can_change_the_same_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aliases.toml");
        let mut one = Table::open(path.clone()).unwrap();
        let mut two = Table::open(path.clone()).unwrap();
        one.set("brb", Some("be right back")).unwrap();
        two.set("日本", Some("\\fork \"x\"")).unwrap();
        one.set("gone", None).unwrap();
        assert_eq!(one.iter().collect::<Vec<_>>(), [("brb", "be right back"), ("日本", "\\fork \"x\"")]);
        two.set("brb", None).unwrap();
        assert_eq!(Table::open(path.clone()).unwrap().get("brb"), None);
        std::fs::write(&path, "x = 7").unwrap();
        assert!(Table::open(path.clone()).is_err() && one.set("a", Some("b")).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x = 7");
    }
}
