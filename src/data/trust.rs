//! The keys this user has met: servers by address, users by name, pinned at first use, in
//! `known_keys.toml`. The one writer of that file, which several clients share: every change is
//! read, changed and replaced whole under a lock. Knows nothing of links.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use hobnob_protocol::name::{PublicKey, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::table;
use crate::data::whole_file::write_whole;

/// What a key is, compared with the one pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyVerdict {
    /// None is pinned yet.
    New,
    /// It is the pinned one.
    Trusted,
    /// Another one is pinned.
    Changed {
        /// The pinned one.
        pinned: PublicKey,
    },
}

/// Why the file could not be read or changed.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file system said no.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("{} is not a list of known keys ({reason}); mend it, or move it away to begin anew", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process holds it for too long.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KnownKeys {
    servers: BTreeMap<String, Pin>,
    users: BTreeMap<String, Pin>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pin {
    key: PublicKey,
    fingerprint: String,
    first_seen: String,
}

/// The pins, and the file they live in.
#[derive(Debug, Clone)]
pub struct Trust {
    path: PathBuf,
}

impl Trust {
    /// The pins in `data_dir`.
    ///
    /// # Errors
    /// When the file is there but cannot be understood: it is never begun anew over what it held.
    pub fn open(data_dir: &Path) -> Result<Self, TrustError> {
        let trust = Self { path: data_dir.join("known_keys.toml") };
        trust.read()?;
        Ok(trust)
    }

    /// Where the pins live, for a person who has to change one.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compares a server's key with the one pinned for its address.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn server(&self, address: &str, key: &PublicKey) -> Result<KeyVerdict, TrustError> {
        Ok(verdict(self.read()?.servers.get(address), key))
    }

    /// The key pinned for a server's address.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn server_key(&self, address: &str) -> Result<Option<PublicKey>, TrustError> {
        Ok(self.read()?.servers.get(address).map(|pin| pin.key))
    }

    /// Compares a user's key with the one pinned for the name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn user(&self, name: &UserName, key: &PublicKey) -> Result<KeyVerdict, TrustError> {
        Ok(verdict(self.read()?.users.get(name.folded()), key))
    }

    /// Whether this key is pinned for any user.
    #[must_use]
    pub fn knows_user_key(&self, key: &PublicKey) -> bool {
        // A file that cannot be read trusts nobody.
        self.read().is_ok_and(|known| known.users.values().any(|pin| pin.key == *key))
    }

    /// Pins a server's key, whatever was pinned before.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn pin_server(&self, address: &str, key: &PublicKey) -> Result<(), TrustError> {
        self.change(|known| known.servers.insert(address.to_owned(), pin(key)))
    }

    /// Pins a user's key unless the name has one.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn pin_user(&self, name: &UserName, key: &PublicKey) -> Result<(), TrustError> {
        self.change(|known| {
            known.users.entry(name.folded().to_owned()).or_insert_with(|| pin(key));
        })
    }

    fn read(&self) -> Result<KnownKeys, TrustError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => toml::from_str(&text).map_err(|err| TrustError::Format {
                path: self.path.clone(),
                reason: err.message().to_owned(),
            }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(KnownKeys::default()),
            Err(err) => Err(self.io(err)),
        }
    }

    fn change<T>(&self, edit: impl FnOnce(&mut KnownKeys) -> T) -> Result<(), TrustError> {
        let _lock = self.lock()?;
        let mut known = self.read()?;
        edit(&mut known);
        let text = toml::to_string(&known)
            .map_err(|err| TrustError::Format { path: self.path.clone(), reason: err.to_string() })?;
        write_whole(&self.path, text.as_bytes()).map_err(|err| self.io(err))
    }

    /// Held until the file returned is dropped.
    fn lock(&self) -> Result<File, TrustError> {
        let path = self.path.with_extension("lock");
        table::lock(&path).map_err(|err| match err.kind() {
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
        first_seen: crate::timestamp::now().to_string(),
    }
}

fn verdict(pin: Option<&Pin>, key: &PublicKey) -> KeyVerdict {
    match pin {
        None => KeyVerdict::New,
        Some(pin) if pin.key == *key => KeyVerdict::Trusted,
        Some(pin) => KeyVerdict::Changed { pinned: pin.key },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    #[test]
    fn a_key_is_pinned_at_first_use_and_a_changed_one_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let trust = Trust::open(folder.path()).unwrap();
        let bobby: UserName = "Bobby".parse().unwrap();
        assert_eq!(trust.user(&bobby, &key(1)).unwrap(), KeyVerdict::New);
        trust.pin_user(&bobby, &key(1)).unwrap();
        trust.pin_user(&bobby, &key(2)).unwrap();
        let again = Trust::open(folder.path()).unwrap();
        assert_eq!(again.user(&"bobby".parse().unwrap(), &key(1)).unwrap(), KeyVerdict::Trusted);
        assert_eq!(again.user(&bobby, &key(2)).unwrap(), KeyVerdict::Changed { pinned: key(1) });
        assert!(again.knows_user_key(&key(1)) && !again.knows_user_key(&key(2)));
    }

    #[test]
    fn servers_are_pinned_by_address() {
        let folder = tempfile::tempdir().unwrap();
        let trust = Trust::open(folder.path()).unwrap();
        trust.pin_server("127.0.0.1:43210", &key(1)).unwrap();
        assert_eq!(trust.server("127.0.0.1:43210", &key(1)).unwrap(), KeyVerdict::Trusted);
        assert_eq!(trust.server("127.0.0.1:43211", &key(1)).unwrap(), KeyVerdict::New);
        assert_eq!(trust.server_key("127.0.0.1:43210").unwrap(), Some(key(1)));
    }

    #[test]
    fn many_clients_pin_at_once_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..16_u8 {
                let trust = Trust::open(folder.path()).unwrap();
                scope.spawn(move || {
                    trust.pin_user(&format!("user{number}").parse().unwrap(), &key(number)).unwrap()
                });
            }
        });
        let known = Trust::open(folder.path()).unwrap().read().unwrap();
        assert_eq!(known.users.len(), 16);
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_keys.toml");
        std::fs::write(&path, "users = 7").unwrap();
        assert!(matches!(Trust::open(folder.path()), Err(TrustError::Format { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"users = 7");
    }
}
