//! The keys this user has met, in `known_keys.toml`: servers by address, users by lobby and name. A
//! lobby is known by its server's key, so that whoever is called bobby in one lobby is nobody's
//! business in another. The one writer of that file, which several clients share: every change is
//! read, changed and replaced whole under a lock. Knows nothing of links, nor of when a key is pinned.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use hobnob_protocol::name::{PublicKey, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::table;
use crate::data::whole_file::write_whole;
use crate::timestamp::{Timestamp, now};

/// What a key is, compared with the one pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyVerdict {
    /// None is pinned yet.
    New,
    /// It is the pinned one.
    Trusted(Pin),
    /// Another one is pinned.
    Changed(Pin),
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
    /// Another key was pinned for the name meanwhile, by another client.
    #[error("another key is pinned for this name: {}", pinned.fingerprint())]
    Changed {
        /// The pinned one.
        pinned: PublicKey,
    },
}

/// The file, as it is written.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KnownKeys {
    servers: BTreeMap<String, Pin>,
    /// Users as earlier builds pinned them: by name alone, whatever the lobby.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    users: BTreeMap<String, Pin>,
    /// Users by their lobby's key and their name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lobbies: BTreeMap<String, BTreeMap<String, Pin>>,
}

impl KnownKeys {
    /// The pins of earlier builds belong to every lobby that is in the file beside them: it is not
    /// known to which. What a lobby has pinned itself stays.
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

/// A key that was pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Which.
    pub key: PublicKey,
    /// The same for people who read the file.
    fingerprint: String,
    /// When it was pinned, as RFC 3339.
    first_seen: String,
    /// An earlier build pinned it by name alone, perhaps in another lobby.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
    /// Both users have compared the words of this key, and they were the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// They were not: nothing is said to this key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Pin {
    /// When it was pinned, where the file says so in a form that is understood.
    #[must_use]
    pub fn seen_first(&self) -> Option<Timestamp> {
        let at: jiff::Timestamp = self.first_seen.parse().ok()?;
        u64::try_from(at.as_millisecond()).ok().map(Timestamp)
    }
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

    /// The pins of the users of the lobby whose server has this key.
    #[must_use]
    pub fn of_lobby(self, server: &PublicKey) -> LobbyTrust {
        LobbyTrust { trust: self, lobby: server.to_string() }
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

    /// Whether this key is pinned for any user of any lobby, and not refused.
    #[must_use]
    pub fn knows_user_key(&self, key: &PublicKey) -> bool {
        // A file that cannot be read trusts nobody.
        self.read().is_ok_and(|known| {
            let users = known.lobbies.values().flat_map(BTreeMap::values).chain(known.users.values());
            users.into_iter().any(|pin| pin.key == *key && !pin.refused)
        })
    }

    /// Pins a server's key, whatever was pinned before.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn pin_server(&self, address: &str, key: &PublicKey) -> Result<(), TrustError> {
        self.change(|known| {
            known.servers.insert(address.to_owned(), pin(key));
            Ok(())
        })
    }

    fn read(&self) -> Result<KnownKeys, TrustError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => toml::from_str(&text).map(KnownKeys::settle_earlier).map_err(|err| {
                TrustError::Format { path: self.path.clone(), reason: err.message().to_owned() }
            }),
            // A link that leads nowhere is a file that is missing, not a user who never met anybody.
            Err(err) if err.kind() == io::ErrorKind::NotFound && !self.path.is_symlink() => {
                Ok(KnownKeys::default())
            }
            Err(err) => Err(self.io(err)),
        }
    }

    /// Changes the file as a whole, or not at all.
    fn change<T>(&self, edit: impl FnOnce(&mut KnownKeys) -> Result<T, TrustError>) -> Result<T, TrustError> {
        let _lock = self.lock()?;
        let mut known = self.read()?;
        let done = edit(&mut known)?;
        let text = toml::to_string(&known)
            .map_err(|err| TrustError::Format { path: self.path.clone(), reason: err.to_string() })?;
        write_whole(&self.path, text.as_bytes()).map_err(|err| self.io(err))?;
        Ok(done)
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

/// The pins of one lobby's users.
#[derive(Debug, Clone)]
pub struct LobbyTrust {
    trust: Trust,
    /// The lobby's key, as it stands in the file.
    lobby: String,
}

impl LobbyTrust {
    /// Where the pins live.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.trust.path()
    }

    /// The key pinned for a name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pin_of(&self, name: &UserName) -> Result<Option<Pin>, TrustError> {
        Ok(self.trust.read()?.lobbies.get(&self.lobby).and_then(|users| users.get(name.folded())).cloned())
    }

    /// Compares a user's key with the one pinned for the name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn user(&self, name: &UserName, key: &PublicKey) -> Result<KeyVerdict, TrustError> {
        Ok(verdict(self.pin_of(name)?.as_ref(), key))
    }

    /// Whether this key is pinned for any name of this lobby: a second client of a user has another name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn knows(&self, key: &PublicKey) -> Result<bool, TrustError> {
        let known = self.trust.read()?;
        Ok(known
            .lobbies
            .get(&self.lobby)
            .is_some_and(|users| users.values().any(|pin| pin.key == *key && !pin.refused)))
    }

    /// The names that have a pinned key, in the form that is compared.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn names(&self) -> Result<Vec<String>, TrustError> {
        let known = self.trust.read()?;
        Ok(known.lobbies.get(&self.lobby).map(|users| users.keys().cloned().collect()).unwrap_or_default())
    }

    /// Pins a user's key for the name.
    ///
    /// # Errors
    /// When another key is pinned for it, or the file cannot be changed. It is not pinned then.
    pub fn pin_user(&self, name: &UserName, key: &PublicKey) -> Result<(), TrustError> {
        if let KeyVerdict::Trusted(_) = self.user(name, key)? {
            return Ok(());
        }
        self.trust.change(|known| {
            let users = known.lobbies.entry(self.lobby.clone()).or_default();
            match users.get(name.folded()) {
                Some(other) if other.key != *key => Err(TrustError::Changed { pinned: other.key }),
                Some(_) => Ok(()),
                None => {
                    users.insert(name.folded().to_owned(), pin(key));
                    Ok(())
                }
            }
        })
    }

    /// Whether this key was refused, under whatever name of this lobby.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn refuses(&self, key: &PublicKey) -> Result<bool, TrustError> {
        let known = self.trust.read()?;
        let refused = |pin: &Pin| pin.key == *key && pin.refused;
        Ok(known.lobbies.get(&self.lobby).is_some_and(|users| users.values().any(refused)))
    }

    /// Whether this key was verified for this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_verified(&self, name: &UserName, key: &PublicKey) -> Result<bool, TrustError> {
        Ok(self.pin_of(name)?.is_some_and(|pin| pin.key == *key && pin.verified))
    }

    /// Notes that both users have compared this key. It is pinned, if it was not.
    ///
    /// # Errors
    /// When another key is pinned for the name, or the file cannot be changed.
    pub fn verify_user(&self, name: &UserName, key: &PublicKey) -> Result<(), TrustError> {
        self.mark(name, key, |pin| {
            // Compared in this lobby, it is no pin of another one.
            (pin.verified, pin.refused, pin.earlier) = (true, false, false);
        })
    }

    /// Notes that nothing more is said to this key, until it is forgotten.
    ///
    /// # Errors
    /// When another key is pinned for the name, or the file cannot be changed.
    pub fn refuse_user(&self, name: &UserName, key: &PublicKey) -> Result<(), TrustError> {
        self.mark(name, key, |pin| (pin.verified, pin.refused) = (false, true))
    }

    fn mark(&self, name: &UserName, key: &PublicKey, mark: impl FnOnce(&mut Pin)) -> Result<(), TrustError> {
        self.trust.change(|known| {
            let users = known.lobbies.entry(self.lobby.clone()).or_default();
            let pin = users.entry(name.folded().to_owned()).or_insert_with(|| pin(key));
            if pin.key != *key {
                return Err(TrustError::Changed { pinned: pin.key });
            }
            mark(pin);
            Ok(())
        })
    }

    /// Takes out the key pinned for a name; gives it back.
    ///
    /// # Errors
    /// When the file cannot be changed. It is pinned still then.
    pub fn forget(&self, name: &UserName) -> Result<Option<Pin>, TrustError> {
        if self.pin_of(name)?.is_none() {
            return Ok(None);
        }
        self.trust.change(|known| {
            let Some(users) = known.lobbies.get_mut(&self.lobby) else { return Ok(None) };
            let forgotten = users.remove(name.folded());
            known.lobbies.retain(|_, users| !users.is_empty());
            Ok(forgotten)
        })
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
