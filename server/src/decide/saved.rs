//! The machine as it stands after some place of the order. A server keeps it beside its log to go on from there, and a
//! new server is given it by another server. This file owns the form of the bytes. The reader has to trust whoever
//! wrote them; bytes that do not fit together are refused.
//!
//! Facts that follow from the rest (how many names a key has, where a search for a free name begins) are left out.

use std::sync::Arc;

use hobnob_order::Place;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{ChainHash, Position};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::acts::{SavedRules, StagedRules};
use super::binding::NameBinding;
use super::decision_hashes::DecisionHashes;
use super::encoding::ENTRIES_VERSION;
use super::entry::Vouch;
use super::lives::Lives;
use super::machine::Machine;
use super::marks::Marks;
use super::numbering::{Numbering, SavedNumbering};
use super::rooms::{KeptRoom, Rooms, SavedRooms};
use super::roster::{Roster, SavedRoster};
use super::rules::Rules;

/// A machine that was read back.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The place after which the machine was saved.
    pub place: Place,
    /// The newest message of the lobby at that place.
    pub head: Position,
    machine: Machine,
}

/// Why the bytes are no saved machine of this version.
#[derive(Debug, Error)]
pub enum NotSaved {
    /// They are of another version of the entries.
    #[error("it is of version {0} of the entries, and this program has {ENTRIES_VERSION}")]
    Version(u32),
    /// They are cut short or were changed.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct Form {
    v: u32,
    place: u64,
    /// When the batch at that place was put into the order.
    at: u64,
    #[serde(rename = "outcome")]
    decided: ChainHash,
    lobby: SavedNumbering,
    last_at: u64,
    lives: Lives,
    marks: Marks,
    roster: SavedRoster,
    rooms: SavedRooms,
    rules: SavedRules,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Machine {
    /// Returns the machine as bytes. Returns `None` if the machine shares no order with others, or if something is
    /// staged: then it stands at no place that other servers know.
    #[must_use]
    pub fn save(&self) -> Option<Vec<u8>> {
        let Vouch { place, hash } = self.reached()?;
        let at = self.reached_at()?;
        if self.lobby.head() != self.lobby.stored() || !self.rooms.is_settled() {
            return None;
        }
        let form = Form {
            v: ENTRIES_VERSION,
            place: place.0,
            at,
            decided: hash,
            lobby: self.lobby.saved(),
            last_at: self.last_at,
            lives: self.lives.clone(),
            marks: self.marks.clone(),
            roster: self.roster.saved(),
            rooms: self.rooms.saved(),
            rules: self.rules.saved(),
        };
        Some(serde_json::to_vec(&form).expect("its maps have names for keys"))
    }
}

impl Saved {
    /// Reads the bytes that [`Machine::save`] gave.
    ///
    /// # Errors
    /// Fails when the bytes are no saved machine, or one of another version.
    pub fn read(bytes: &[u8]) -> Result<Self, NotSaved> {
        let Version { v } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if v != ENTRIES_VERSION {
            return Err(NotSaved::Version(v));
        }
        let form: Form = serde_json::from_slice(bytes).map_err(unreadable)?;
        let (place, lobby) = (Place(form.place), Numbering::restored(form.lobby));
        let (head, roster) = (lobby.head(), Roster::restored(form.roster));
        let rooms = Rooms::restored(form.rooms, &roster);
        let machine = Machine {
            roster,
            lobby,
            rooms,
            rules: StagedRules::restored(form.rules),
            last_at: form.last_at,
            lives: form.lives,
            marks: form.marks,
            decision_hashes: Some(DecisionHashes::new(Vouch { place, hash: form.decided }, form.at)),
        };
        Ok(Self { place, head, machine })
    }

    /// Returns how many servers there were, and the addresses at which clients reach them.
    #[must_use]
    pub fn servers(&self) -> (usize, Vec<Candidate>) {
        (self.machine.living().count(), self.machine.addresses())
    }

    /// Returns the rooms in which something was said, each with its newest message.
    #[must_use]
    pub fn rooms(&self) -> Vec<(KeptRoom, Position)> {
        self.machine.rooms.spoken_in()
    }

    /// Returns the names that belong to a key.
    #[must_use]
    pub fn names(&self) -> Vec<NameBinding> {
        self.machine.roster.saved().names
    }

    /// Returns what operators decided.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::new(self.machine.rules().clone())
    }

    /// Returns the machine, which can go on from the place after which it was saved.
    #[must_use]
    pub fn into_machine(self) -> Machine {
        self.machine
    }
}

fn unreadable(err: serde_json::Error) -> NotSaved {
    NotSaved::Unreadable(err.to_string())
}
