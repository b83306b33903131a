//! Who is an operator: the keys whose fingerprints the operators' file of the server lists, and those that operators
//! named. This file owns both lists and the ranks; it knows nothing of what operators do.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::moderation::{Denied, Who};

/// The limit of each of the two lists: operators of the file, and named operators.
pub(crate) const MAX_OPERATORS: usize = 256;

/// What makes a key an operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The operators' file lists the key, or it is the key of the user who hosts the lobby in his own client.
    File,
    /// Another operator named it.
    Named,
}

/// One operator, as `\ops` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperatorRow {
    /// The fingerprint of the operator's key.
    pub(crate) fingerprint: Fingerprint,
    /// The name that the operator had when he was named; `None` for an operator of the file.
    pub(crate) name: Option<UserName>,
    /// Whether the operators' file lists the fingerprint.
    pub(crate) in_file: bool,
}

/// An operator whom another operator named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    name: Option<UserName>,
    by: UserName,
    at: u64,
}

/// Both lists of operators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Operators {
    file: BTreeSet<Fingerprint>,
    named: BTreeMap<Fingerprint, Named>,
}

impl Operators {
    /// Sets the list of the file. Returns true when it differs from the list before.
    pub(super) fn set_listed(&mut self, listed: impl IntoIterator<Item = Fingerprint>) -> bool {
        let before = std::mem::replace(&mut self.file, listed.into_iter().take(MAX_OPERATORS).collect());
        before != self.file
    }

    /// Takes over named operators that are not here, as long as there is room. The list of the file is taken over only
    /// as a whole, and only if there is none here, because the list that was read last counts.
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

    /// Returns the key that was named an operator under this name.
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

    /// Makes somebody an operator.
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

    /// Takes back that somebody was named an operator.
    pub(super) fn take_back(&mut self, fingerprint: &Fingerprint) -> Result<(), Denied> {
        self.named.remove(fingerprint).map(drop).ok_or(Denied::Unchanged)
    }

    /// Takes back that somebody was named an operator, if that was so.
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
