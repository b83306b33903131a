//! The roster in the form in which it is saved: everything that does not follow from the rest. Owns that form.

use std::sync::Arc;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::{Member, Roster};
use crate::decide::binding::NameBinding;
use crate::decide::entry::ConnectionId;
use crate::decide::lazy_list::LazyList;
use crate::network::Network;

/// The roster as it is saved. Names and members are lists when it is read, and made one by one when it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::decide) struct SavedRoster<Names = Vec<NameBinding>, Members = Vec<SavedMember>> {
    today: u64,
    names: Names,
    members: Members,
}

/// A member as it is saved. The addresses of its client are left out, since only its own server knows them.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::decide) struct SavedMember {
    id: ConnectionId,
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    name: UserName,
    key: PublicKey,
    run: RunId,
    since: u64,
    away: Option<AwayText>,
    spoke: bool,
    network: Option<Network>,
}

impl Roster {
    /// Returns the names that belong to keys, in their order.
    pub(in crate::decide) fn names(&self) -> impl Iterator<Item = NameBinding> {
        self.bindings.iter().map(|(name, binding)| NameBinding {
            name: UserName::clone(name),
            key: binding.key,
            seen: binding.seen,
            spoke: self.spoke(&binding.key),
            since: binding.since,
        })
    }

    /// Returns the members as they are saved, in the order of their names.
    fn saved_members(&self) -> impl Iterator<Item = SavedMember> {
        self.in_use.iter().filter_map(|(name, id)| {
            let member = self.members.get(id)?;
            let Member { key, run, since, away, spoke, network, .. } = member;
            let (name, away) = (UserName::clone(name), away.clone());
            let (key, run, since, spoke, network) = (*key, *run, *since, *spoke, *network);
            Some(SavedMember { id: *id, name, key, run, since, away, spoke, network })
        })
    }

    /// Returns the roster as it is saved: everything that does not follow from the rest.
    pub(in crate::decide) fn saved(&self) -> SavedRoster<impl Serialize, impl Serialize> {
        let (names, members) = (LazyList(|| self.names()), LazyList(|| self.saved_members()));
        SavedRoster { today: self.today, names, members }
    }

    /// Restores the roster that was saved. All its members count as announced, because by now everybody was told of them.
    pub(in crate::decide) fn restored(saved: SavedRoster) -> Self {
        let mut roster = Self::new(saved.names);
        roster.today = roster.today.max(saved.today);
        for SavedMember { id, name, key, run, since, away, spoke, network } in saved.members {
            let name = roster.shared(name);
            roster.in_use.insert(Arc::clone(&name), id);
            roster.runs.insert((key, run), id);
            let candidates = Box::default();
            let member = Member { name, key, run, since, candidates, entered: true, network, away, spoke };
            roster.members.insert(id, member);
        }
        roster
    }
}
