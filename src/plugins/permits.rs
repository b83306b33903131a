//! What the user has allowed, in the file `own_commands.toml` of the data directory. For each name there is one entry,
//! with the SHA-256 of the program that was allowed and the description that it gave at that time. A program that was
//! changed counts as another program. Only this file writes `own_commands.toml`; each change is made under a lock, and
//! completely or not at all.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use hobnob_protocol::identity::create_private_dir;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::describe::Description;
use crate::data::private_file::open_lock;
use crate::data::whole_file::write_whole;

/// Why the file with the user's permissions cannot be read or changed.
#[derive(Debug, Error)]
pub enum PermitsError {
    /// The file or its lock could not be opened, read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is not a list of allowed programs.
    #[error("{} is no list of allowed commands: {reason}", path.display())]
    NotAList {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with the file, in words.
        reason: String,
    },
    /// The list could not be written as TOML.
    #[error("{0}")]
    NotWritable(toml::ser::Error),
}

/// One program that the user has allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permit {
    /// The SHA-256 of the program, in hexadecimal digits.
    pub sha256: String,
    /// The path of the program, for users who read the file.
    pub path: String,
    /// When the user allowed it, as a date and time in text.
    pub allowed: String,
    /// The description that the program gave at that time.
    #[serde(flatten)]
    pub description: PermittedDescription,
}

/// A [`Description`] in the file. It is not checked again, because hobnob itself wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermittedDescription {
    usage: String,
    about: String,
    words: Vec<String>,
    rights: Vec<super::rights::Right>,
}

impl From<Description> for PermittedDescription {
    fn from(it: Description) -> Self {
        Self { usage: it.usage, about: it.about, words: it.words, rights: it.rights }
    }
}

impl From<PermittedDescription> for Description {
    fn from(it: PermittedDescription) -> Self {
        Self { usage: it.usage, about: it.about, words: it.words, rights: it.rights }
    }
}

/// The content of the file: the allowed programs by name.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    commands: BTreeMap<String, Permit>,
}

/// Gives access to the file with the allowed programs.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    path: PathBuf,
}

impl Permits {
    /// Returns the access to the file in `data_dir`.
    #[must_use]
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("own_commands.toml") }
    }

    /// Returns the path of the file.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns all allowed programs by name.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is not such a list. Nothing is allowed then.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Permit>, PermitsError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => toml::from_str(&text).map(|known: Known| known.commands).map_err(|err| {
                PermitsError::NotAList { path: self.path.clone(), reason: err.message().to_owned() }
            }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(err) => Err(self.not_done(err)),
        }
    }

    /// Allows the program of this name.
    ///
    /// # Errors
    /// Fails if the file cannot be changed.
    pub(crate) fn allow(&self, name: &str, permit: Permit) -> Result<(), PermitsError> {
        self.change(|commands| {
            commands.insert(name.to_owned(), permit);
        })
    }

    /// Takes back the permission for the program of this name. Returns whether there was one.
    ///
    /// # Errors
    /// Fails if the file cannot be changed. The program may then still be allowed.
    pub(crate) fn disallow(&self, name: &str) -> Result<bool, PermitsError> {
        // If there is no permission to take back, no file is made.
        if !self.all()?.contains_key(name) {
            return Ok(false);
        }
        self.change(|commands| commands.remove(name).is_some())
    }

    /// Changes the list while holding a lock that other clients also take.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Permit>) -> T) -> Result<T, PermitsError> {
        let not_done = |err| self.not_done(err);
        let lock = self.path.with_extension("lock");
        if let Some(folder) = self.path.parent() {
            create_private_dir(folder).map_err(not_done)?;
        }
        let lock = open_lock(&lock).map_err(not_done)?;
        // Another client holds the lock only as long as it takes to write a small file.
        lock.lock().map_err(not_done)?;
        let mut commands = self.all()?;
        let changed = change(&mut commands);
        let text = toml::to_string(&Known { commands }).map_err(PermitsError::NotWritable)?;
        write_whole(&self.path, text.as_bytes()).map_err(not_done)?;
        Ok(changed)
    }

    /// Makes an error that names this file from an error of the operating system.
    fn not_done(&self, error: io::Error) -> PermitsError {
        PermitsError::File { path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::plugins::describe::parse;

    fn permit(hash: &str) -> Permit {
        let description = parse("roll", r#"{"rights":["say"],"words":["2d6"]}"#).unwrap();
        Permit {
            sha256: hash.to_owned(),
            path: "/x".to_owned(),
            allowed: "now".to_owned(),
            description: description.into(),
        }
    }

    #[test]
    fn permits_are_stored_privately_and_the_newest_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let permits = Permits::of(folder.path());
        assert!(permits.all().unwrap().is_empty());
        permits.allow("roll", permit("one")).unwrap();
        permits.allow("links", permit("two")).unwrap();
        permits.allow("roll", permit("three")).unwrap();
        let all = Permits::of(folder.path()).all().unwrap();
        assert_eq!((all.len(), &all["roll"]), (2, &permit("three")));
        assert_eq!(std::fs::metadata(permits.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn taking_back_a_permit_keeps_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let permits = Permits::of(folder.path());
        assert!(!permits.disallow("roll").unwrap());
        assert!(!permits.path().exists());
        permits.allow("roll", permit("one")).unwrap();
        permits.allow("links", permit("two")).unwrap();
        assert!(permits.disallow("roll").unwrap());
        assert!(!permits.disallow("roll").unwrap());
        assert_eq!(permits.all().unwrap().into_keys().collect::<Vec<_>>(), ["links"]);
    }

    #[test]
    fn a_file_that_is_not_a_list_of_permits_allows_nothing_and_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let permits = Permits::of(folder.path());
        std::fs::write(permits.path(), "commands = 7").unwrap();
        assert!(permits.all().is_err() && permits.allow("roll", permit("one")).is_err());
        assert!(permits.disallow("roll").is_err());
        assert_eq!(std::fs::read(permits.path()).unwrap(), b"commands = 7");
    }
}
