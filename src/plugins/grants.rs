//! What the user allowed: `own_commands.toml` in the data directory, one entry for each name with the
//! SHA-256 of the program that was allowed and what it said of itself then. A program that was changed is
//! another one. The one writer of that file; changes are made whole, under a lock.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use hobnob_protocol::identity::create_private_dir;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::describe::Description;
use crate::data::private_file::open_lock;
use crate::data::whole_file::write_whole;

/// Why what was allowed cannot be read or changed.
#[derive(Debug, Error)]
pub enum GrantsError {
    /// The file or its lock cannot be opened, read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file of the grants.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("{} is no list of allowed commands: {reason}", path.display())]
    NotAList {
        /// The file of the grants.
        path: PathBuf,
        /// Where it departs from such a list, in words.
        reason: String,
    },
    /// The grants cannot be written as TOML.
    #[error("{0}")]
    NotWritable(toml::ser::Error),
}

/// One program that was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The program's SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Where it lay, for the user.
    pub path: String,
    /// When it was allowed.
    pub allowed: String,
    /// What it said of itself.
    #[serde(flatten)]
    pub description: GrantedDescription,
}

/// [`Description`], read leniently: hobnob wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedDescription {
    usage: String,
    about: String,
    words: Vec<String>,
    rights: Vec<super::rights::Right>,
}

impl From<Description> for GrantedDescription {
    fn from(it: Description) -> Self {
        Self { usage: it.usage, about: it.about, words: it.words, rights: it.rights }
    }
}

impl From<GrantedDescription> for Description {
    fn from(it: GrantedDescription) -> Self {
        Self { usage: it.usage, about: it.about, words: it.words, rights: it.rights }
    }
}

/// The grants, by name.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    commands: BTreeMap<String, Grant>,
}

/// The grants and the file they live in.
#[derive(Debug, Clone)]
pub(crate) struct Grants {
    path: PathBuf,
}

impl Grants {
    /// Those in `data_dir`.
    #[must_use]
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("own_commands.toml") }
    }

    /// Where they live.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All of them.
    ///
    /// # Errors
    /// When the file cannot be read or is something else: then nothing is allowed.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Grant>, GrantsError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => toml::from_str(&text).map(|known: Known| known.commands).map_err(|err| {
                GrantsError::NotAList { path: self.path.clone(), reason: err.message().to_owned() }
            }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(err) => Err(self.not_done(err)),
        }
    }

    /// Allows the program of this name.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub(crate) fn allow(&self, name: &str, grant: Grant) -> Result<(), GrantsError> {
        self.change(|commands| {
            commands.insert(name.to_owned(), grant);
        })
    }

    /// Takes back what the program of this name was allowed, and tells whether it was allowed anything.
    ///
    /// # Errors
    /// When the file cannot be changed: then it may be allowed still.
    pub(crate) fn disallow(&self, name: &str) -> Result<bool, GrantsError> {
        // Where there is nothing to take back, no file is made.
        if !self.all()?.contains_key(name) {
            return Ok(false);
        }
        self.change(|commands| commands.remove(name).is_some())
    }

    /// Changes the grants under the lock that other clients respect, too.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Grant>) -> T) -> Result<T, GrantsError> {
        let not_done = |err| self.not_done(err);
        let lock = self.path.with_extension("lock");
        if let Some(folder) = self.path.parent() {
            create_private_dir(folder).map_err(not_done)?;
        }
        let lock = open_lock(&lock).map_err(not_done)?;
        // Held by another client for as long as it writes a small file.
        lock.lock().map_err(not_done)?;
        let mut commands = self.all()?;
        let changed = change(&mut commands);
        let text = toml::to_string(&Known { commands }).map_err(GrantsError::NotWritable)?;
        write_whole(&self.path, text.as_bytes()).map_err(not_done)?;
        Ok(changed)
    }

    /// An error of the system's, with the file it is about.
    fn not_done(&self, error: io::Error) -> GrantsError {
        GrantsError::File { path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::plugins::describe::parse;

    fn grant(hash: &str) -> Grant {
        let description = parse("roll", r#"{"rights":["say"],"words":["2d6"]}"#).unwrap();
        Grant {
            sha256: hash.to_owned(),
            path: "/x".to_owned(),
            allowed: "now".to_owned(),
            description: description.into(),
        }
    }

    #[test]
    fn grants_are_kept_privately_and_the_newest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let grants = Grants::of(folder.path());
        assert!(grants.all().unwrap().is_empty());
        grants.allow("roll", grant("one")).unwrap();
        grants.allow("links", grant("two")).unwrap();
        grants.allow("roll", grant("three")).unwrap();
        let all = Grants::of(folder.path()).all().unwrap();
        assert_eq!((all.len(), &all["roll"]), (2, &grant("three")));
        assert_eq!(std::fs::metadata(grants.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_grant_is_taken_back_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let grants = Grants::of(folder.path());
        assert!(!grants.disallow("roll").unwrap());
        assert!(!grants.path().exists());
        grants.allow("roll", grant("one")).unwrap();
        grants.allow("links", grant("two")).unwrap();
        assert!(grants.disallow("roll").unwrap());
        assert!(!grants.disallow("roll").unwrap());
        assert_eq!(grants.all().unwrap().into_keys().collect::<Vec<_>>(), ["links"]);
    }

    #[test]
    fn a_file_that_is_something_else_allows_nothing_and_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let grants = Grants::of(folder.path());
        std::fs::write(grants.path(), "commands = 7").unwrap();
        assert!(grants.all().is_err() && grants.allow("roll", grant("one")).is_err());
        assert!(grants.disallow("roll").is_err());
        assert_eq!(std::fs::read(grants.path()).unwrap(), b"commands = 7");
    }
}
