//! The pinned keys of this user, in `known_keys.toml`: servers by address, and users by lobby and name. A lobby is
//! known by the key of its server. The same name in two lobbies may therefore have two different keys. Only this file
//! writes `known_keys.toml`, which several clients share: every change takes a lock, reads the whole file, changes it
//! and replaces it. What is asked and noted about the users of one lobby is in `lobby_users`. This file knows nothing
//! of links, nor of when a key is pinned.

mod lobby_users;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use hobnob_protocol::key::PublicKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use self::lobby_users::LobbyTrust;
use crate::data::whole_file::write_whole;
use crate::data::word_table;
use crate::timestamp::{Timestamp, now};

/// The result of comparing a key with the pinned one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyVerdict {
    /// No key is pinned yet.
    New,
    /// The key is the pinned one.
    Trusted(Pin),
    /// Another key is pinned.
    Changed(Pin),
}

/// Why the file could not be read or changed.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file or its lock could not be opened, read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file that could not be used.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The file is not a list of known keys.
    #[error("{} is not a list of known keys ({reason}); mend it, or move it away to begin anew", path.display())]
    Format {
        /// The file that was read.
        path: PathBuf,
        /// What is wrong with the file, in words.
        reason: String,
    },
    /// Another process has locked the file for too long.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// The file that serves as the lock.
        path: PathBuf,
    },
    /// In the meantime, another client has pinned another key for the name.
    #[error("another key is pinned for this name: {}", pinned.fingerprint())]
    Changed {
        /// The key that is pinned.
        pinned: PublicKey,
    },
}

/// The content of the file.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KnownKeys {
    servers: BTreeMap<String, Pin>,
    /// Users as earlier builds pinned them: by name alone, for all lobbies together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    users: BTreeMap<String, Pin>,
    /// Users by the key of their lobby and by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lobbies: BTreeMap<String, BTreeMap<String, Pin>>,
}

impl KnownKeys {
    /// Copies the pins of earlier builds into every lobby of the file, because it is not known to which lobby they
    /// belong. A pin that a lobby already has for a name is kept.
    fn settle_earlier(mut self) -> Self {
        if self.servers.is_empty() {
            return self;
        }
        let earlier = std::mem::take(&mut self.users);
        for server in self.servers.values() {
            let lobby = self.lobbies.entry(server.key.to_string()).or_default();
            for (name, pin) in &earlier {
                lobby.entry(name.clone()).or_insert_with(|| Pin { earlier: true, ..pin.clone() });
            }
        }
        self.lobbies.retain(|_, users| !users.is_empty());
        self
    }
}

/// A pinned key, and what this user knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The key that is pinned.
    pub key: PublicKey,
    /// The fingerprint of the key, for people who read the file.
    fingerprint: String,
    /// When the key was pinned, in the form of RFC 3339.
    first_seen: String,
    /// Whether an earlier build pinned the key by name alone, so that it may belong to another lobby.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
    /// Whether the two users compared the words of their keys and found them to be the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// Whether one of the two users said that the words differ. Nothing is sent to such a key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Pin {
    /// Returns when the key was pinned, or `None` if the file does not say so in a valid form.
    #[must_use]
    pub fn seen_first(&self) -> Option<Timestamp> {
        let at: jiff::Timestamp = self.first_seen.parse().ok()?;
        u64::try_from(at.as_millisecond()).ok().map(Timestamp)
    }
}

/// Gives access to the pinned keys in a file.
#[derive(Debug, Clone)]
pub struct Trust {
    path: PathBuf,
}

impl Trust {
    /// Opens the pinned keys in `data_dir`.
    ///
    /// # Errors
    /// Fails if the file exists but cannot be read or understood. Such a file is never overwritten.
    pub fn open(data_dir: &Path) -> Result<Self, TrustError> {
        let trust = Self { path: data_dir.join("known_keys.toml") };
        trust.read()?;
        Ok(trust)
    }

    /// Returns the path of the file, for a user who has to change a pin.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the pins for the users of the lobby whose server has this key.
    #[must_use]
    pub fn of_lobby(self, server: &PublicKey) -> LobbyTrust {
        LobbyTrust::new(self, server)
    }

    /// Compares a server's key with the key that is pinned for the server's address.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn server(&self, address: &str, key: &PublicKey) -> Result<KeyVerdict, TrustError> {
        Ok(verdict(self.read()?.servers.get(address), key))
    }

    /// Returns the key that is pinned for a server's address.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn server_key(&self, address: &str) -> Result<Option<PublicKey>, TrustError> {
        Ok(self.read()?.servers.get(address).map(|pin| pin.key))
    }

    /// Whether this key is pinned for any user in any lobby and is not refused.
    #[must_use]
    pub fn knows_user_key(&self, key: &PublicKey) -> bool {
        // If the file cannot be read, no key is trusted.
        self.read().is_ok_and(|known| {
            let users = known.lobbies.values().flat_map(BTreeMap::values).chain(known.users.values());
            users.into_iter().any(|pin| pin.key == *key && !pin.refused)
        })
    }

    /// Pins the key of a server, even if another key was pinned before.
    ///
    /// # Errors
    /// Fails if the file cannot be changed.
    pub fn pin_server(&self, address: &str, key: &PublicKey) -> Result<(), TrustError> {
        self.change(|known| {
            known.servers.insert(address.to_owned(), pin(key));
            Ok(())
        })
    }

    fn read(&self) -> Result<KnownKeys, TrustError> {
        match std::fs::read_to_string(&self.path) {
            // hobnob always writes something into the list. An empty file is what is left of one, for example after a
            // power cut, and would let another server and other users be pinned.
            Ok(text) if text.trim().is_empty() => {
                Err(TrustError::Format { path: self.path.clone(), reason: "it is empty".to_owned() })
            }
            Ok(text) => toml::from_str(&text).map(KnownKeys::settle_earlier).map_err(|err| {
                TrustError::Format { path: self.path.clone(), reason: err.message().to_owned() }
            }),
            // A symbolic link to a missing file means that the list is missing, not that this user has never met
            // anybody.
            Err(err) if err.kind() == io::ErrorKind::NotFound && !self.path.is_symlink() => {
                Ok(KnownKeys::default())
            }
            Err(err) => Err(self.io(err)),
        }
    }

    /// Changes the file completely, or not at all.
    fn change<T>(&self, edit: impl FnOnce(&mut KnownKeys) -> Result<T, TrustError>) -> Result<T, TrustError> {
        let _lock = self.lock()?;
        let mut known = self.read()?;
        let done = edit(&mut known)?;
        let text = toml::to_string(&known)
            .map_err(|err| TrustError::Format { path: self.path.clone(), reason: err.to_string() })?;
        write_whole(&self.path, text.as_bytes()).map_err(|err| self.io(err))?;
        Ok(done)
    }

    /// Locks the file. The lock is held until the returned file is dropped.
    fn lock(&self) -> Result<File, TrustError> {
        let path = self.path.with_extension("lock");
        word_table::lock(&path).map_err(|err| match err.kind() {
            io::ErrorKind::WouldBlock => TrustError::Locked { path },
            _ => self.io(err),
        })
    }

    fn io(&self, source: io::Error) -> TrustError {
        TrustError::Io { path: self.path.clone(), cause: source }
    }
}

fn pin(key: &PublicKey) -> Pin {
    Pin {
        key: *key,
        fingerprint: key.fingerprint().to_string(),
        first_seen: now().to_string(),
        earlier: false,
        verified: false,
        refused: false,
    }
}

fn verdict(pin: Option<&Pin>, key: &PublicKey) -> KeyVerdict {
    match pin {
        None => KeyVerdict::New,
        Some(pin) if pin.key == *key => KeyVerdict::Trusted(pin.clone()),
        Some(pin) => KeyVerdict::Changed(pin.clone()),
    }
}

#[cfg(test)]
mod tests;
