//! Who may moderate: the fingerprints that the server's operators' file lists, and those whom operators named. Owns both
//! lists and their ranks; knows nothing of what operators do.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::name::{Fingerprint, UserName};
use serde::{Deserialize, Serialize};

use super::moderation::{Denied, Who};

/// Operators of the file, and named ones, at the most each.
pub(crate) const MAX_OPERATORS: usize = 256;

/// What makes somebody an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The operators' file lists the key, or it is the key of whoever hosts the lobby in his own client.
    File,
    /// Another operator named it.
    Named,
}

/// One operator, as `\ops` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperatorRow {
    /// Whose key it is.
    pub(crate) fingerprint: Fingerprint,
    /// The name it had when it was named; `None` for one of the file.
    pub(crate) name: Option<UserName>,
    /// Whether the file lists it.
    pub(crate) in_file: bool,
}

/// Somebody whom an operator named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    name: Option<UserName>,
    by: UserName,
    at: u64,
}

/// Both lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Operators {
    file: BTreeSet<Fingerprint>,
    named: BTreeMap<Fingerprint, Named>,
}

impl Operators {
    /// The list of the file; true when it is another one than before.
    pub(super) fn set_file(&mut self, listed: impl IntoIterator<Item = Fingerprint>) -> bool {
        let before = std::mem::replace(&mut self.file, listed.into_iter().take(MAX_OPERATORS).collect());
        before != self.file
    }

    /// Takes over what is not here, as far as there is room. Of the file only a whole list: the one that was read last counts.
    pub(super) fn keep(&mut self, kept: &Self) {
        if self.file.is_empty() {
            self.file.clone_from(&kept.file);
        }
        for (fingerprint, named) in &kept.named {
            if self.named.len() < MAX_OPERATORS && !self.named.contains_key(fingerprint) {
                self.named.insert(fingerprint.clone(), named.clone());
            }
        }
    }

    pub(super) fn file(&self) -> Vec<Fingerprint> {
        self.file.iter().cloned().collect()
    }

    /// The key that was named under this name.
    pub(super) fn known_as(&self, name: &UserName) -> Option<Fingerprint> {
        let named = self.named.iter().find(|(_, named)| named.name.as_ref() == Some(name));
        named.map(|(fingerprint, _)| fingerprint.clone())
    }

    pub(super) fn rank(&self, fingerprint: &Fingerprint) -> Option<Rank> {
        if self.file.contains(fingerprint) {
            return Some(Rank::File);
        }
        self.named.contains_key(fingerprint).then_some(Rank::Named)
    }

    pub(super) fn is_operator(&self, fingerprint: &Fingerprint) -> bool {
        self.rank(fingerprint).is_some()
    }

    /// Somebody becomes an operator.
    pub(super) fn name(&mut self, who: &Who, by: &UserName, at: u64) -> Result<(), Denied> {
        if self.is_operator(&who.fingerprint) {
            return Err(Denied::Unchanged);
        }
        if self.named.len() >= MAX_OPERATORS {
            return Err(Denied::ListFull);
        }
        let named = Named { name: who.name.clone(), by: by.clone(), at };
        self.named.insert(who.fingerprint.clone(), named);
        Ok(())
    }

    /// Somebody who was named is an operator no longer.
    pub(super) fn take_back(&mut self, fingerprint: &Fingerprint) -> Result<(), Denied> {
        self.named.remove(fingerprint).map(drop).ok_or(Denied::Unchanged)
    }

    /// The same where it does not matter whether he was one.
    pub(super) fn remove_named(&mut self, fingerprint: &Fingerprint) {
        self.named.remove(fingerprint);
    }

    pub(super) fn list(&self) -> Vec<OperatorRow> {
        let file = self.file.iter().map(|fingerprint| OperatorRow {
            fingerprint: fingerprint.clone(),
            name: None,
            in_file: true,
        });
        let named = self.named.iter().filter(|(fingerprint, _)| !self.file.contains(*fingerprint));
        let named = named.map(|(fingerprint, named)| OperatorRow {
            fingerprint: fingerprint.clone(),
            name: named.name.clone(),
            in_file: false,
        });
        file.chain(named).collect()
    }
}
