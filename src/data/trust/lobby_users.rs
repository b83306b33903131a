//! The pinned keys of one lobby's users, by name: which key a name has, whether it was compared, and whether it is
//! refused. This file does not know how the keys are stored; [`Trust`] reads and changes the file.

use std::path::Path;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::{KeyVerdict, Pin, Trust, TrustError, pin, verdict};

/// Gives access to the pinned keys of one lobby's users.
#[derive(Debug, Clone)]
pub struct LobbyTrust {
    trust: Trust,
    /// The key of the lobby's server, as it is written in the file.
    lobby: String,
}

impl LobbyTrust {
    pub(super) fn new(trust: Trust, server: &PublicKey) -> Self {
        Self { trust, lobby: server.to_string() }
    }

    /// Returns the path of the file with the pins.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.trust.path()
    }

    /// Returns those of these addresses of servers at which the key of this lobby's server is pinned.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn pinned_at(&self, addresses: &[String]) -> Result<Vec<String>, TrustError> {
        let servers = self.trust.read()?.servers;
        let is_of_lobby =
            |at: &&String| servers.get(*at).is_some_and(|pin| pin.key.to_string() == self.lobby);
        Ok(addresses.iter().filter(is_of_lobby).cloned().collect())
    }

    /// Returns the pin of a name in this lobby.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn pin_of(&self, name: &UserName) -> Result<Option<Pin>, TrustError> {
        Ok(self.trust.read()?.lobbies.get(&self.lobby).and_then(|users| users.get(name.folded())).cloned())
    }

    /// Compares a user's key with the key that is pinned for the user's name.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn user(&self, name: &UserName, key: &PublicKey) -> Result<KeyVerdict, TrustError> {
        Ok(verdict(self.pin_of(name)?.as_ref(), key))
    }

    /// Whether this key is pinned for any name in this lobby and is not refused. The name is ignored because a second
    /// client of the same user has another name.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn knows(&self, key: &PublicKey) -> Result<bool, TrustError> {
        let known = self.trust.read()?;
        Ok(known
            .lobbies
            .get(&self.lobby)
            .is_some_and(|users| users.values().any(|pin| pin.key == *key && !pin.refused)))
    }

    /// Returns the names that have a pinned key, in the form in which names are compared.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn names(&self) -> Result<Vec<String>, TrustError> {
        let known = self.trust.read()?;
        Ok(known.lobbies.get(&self.lobby).map(|users| users.keys().cloned().collect()).unwrap_or_default())
    }

    /// Pins a user's key for the user's name.
    ///
    /// # Errors
    /// Fails if another key is pinned for the name, or if the file cannot be changed. The key is then not pinned.
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

    /// Whether this key was refused, under any name in this lobby.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn refuses(&self, key: &PublicKey) -> Result<bool, TrustError> {
        let known = self.trust.read()?;
        let refused = |pin: &Pin| pin.key == *key && pin.refused;
        Ok(known.lobbies.get(&self.lobby).is_some_and(|users| users.values().any(refused)))
    }

    /// Whether the users have verified this key for this name.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn has_verified(&self, name: &UserName, key: &PublicKey) -> Result<bool, TrustError> {
        Ok(self.pin_of(name)?.is_some_and(|pin| pin.key == *key && pin.verified))
    }

    /// Notes that both users have compared this key and found the same words. The key is pinned if it was not.
    ///
    /// # Errors
    /// Fails if another key is pinned for the name, or if the file cannot be changed.
    pub fn verify_user(&self, name: &UserName, key: &PublicKey) -> Result<(), TrustError> {
        self.mark(name, key, |pin| {
            // The key was compared in this lobby, so the pin certainly belongs to this lobby.
            (pin.verified, pin.refused, pin.earlier) = (true, false, false);
        })
    }

    /// Notes that the key is refused. Nothing is sent to it until the user forgets the key.
    ///
    /// # Errors
    /// Fails if another key is pinned for the name, or if the file cannot be changed.
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

    /// Removes the key that is pinned for a name, and returns its pin.
    ///
    /// # Errors
    /// Fails if the file cannot be changed. The key is then still pinned.
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
