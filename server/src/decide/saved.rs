//! The machine as it stands after some place of the order. A server keeps it beside its log to go on from there, and a
//! new server is given it by another server. This file owns the form of the bytes. The reader has to trust whoever
//! wrote them; bytes that do not fit together are refused.
//!
//! Facts that follow from the rest (how many names a key has, where a search for a free name begins) are left out.
//!
//! The bytes are made of a [`Snapshot`], which the lobby takes in no time and gives to another thread: of a million users
//! they are hundreds of megabytes and take seconds. Meanwhile the machine goes on, and the snapshot stays at its place.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use hobnob_order::Place;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{ChainHash, LogId, Position};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::acts::{SavedRules, StagedRules};
use super::binding::NameBinding;
use super::decision_hashes::DecisionHashes;
use super::encoding::ENTRIES_VERSION;
use super::entry::Vouch;
use super::lives::Lives;
use super::machine::Machine;
use super::milestones::Milestones;
use super::numbering::{Numbering, SavedNumbering};
use super::rooms::{KeptRoom, Rooms, SavedRooms};
use super::roster::{Roster, SavedRoster};
use super::rules::Rules;
use super::standing::Standing;

/// A machine that was read back.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The place after which the machine was saved.
    pub place: Place,
    /// The newest message of the lobby at that place.
    pub head: Position,
    machine: Machine,
}

/// A machine as it stood at one place of the order, while the machine itself goes on. They have in common what has not
/// changed since.
#[derive(Debug, Clone)]
pub struct Snapshot {
    reached: Vouch,
    /// When the batch at that place was put into the order.
    at: u64,
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

/// The form. What may be large is of another type when it is written.
#[derive(Serialize, Deserialize)]
struct Form<Members = SavedRoster, Listed = SavedRooms> {
    v: u32,
    place: u64,
    /// When the batch at that place was put into the order.
    at: u64,
    #[serde(rename = "outcome")]
    decided: ChainHash,
    lobby: SavedNumbering,
    last_at: u64,
    lives: Lives,
    /// Files and streams of earlier builds have this name.
    #[serde(rename = "marks")]
    milestones: Milestones,
    roster: Members,
    rooms: Listed,
    rules: SavedRules,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Machine {
    /// Returns the machine as it stands now. That takes no longer for a million users than for ten. Returns `None` if
    /// the machine shares no order with others, or if something is staged: then it stands at no place that other
    /// servers know.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (reached, at) = (self.reached()?, self.reached_at()?);
        if self.lobby.head() != self.lobby.stored() || !self.rooms.is_settled() {
            return None;
        }
        let machine = Self {
            roster: self.roster.clone(),
            lobby: self.lobby.clone(),
            rooms: self.rooms.clone(),
            rules: self.rules.clone(),
            last_at: self.last_at,
            lives: self.lives.clone(),
            milestones: self.milestones.clone(),
            // The hashes of earlier places are not saved.
            decision_hashes: Some(DecisionHashes::new(reached, at)),
        };
        Some(Snapshot { reached, at, machine })
    }

    /// Returns the bytes of a snapshot that is taken now.
    #[must_use]
    pub fn save(&self) -> Option<Vec<u8>> {
        self.snapshot().map(|snapshot| snapshot.to_bytes())
    }
}

impl Snapshot {
    /// Returns the place after which it was taken.
    #[must_use]
    pub fn place(&self) -> Place {
        self.reached.place
    }

    /// Writes the bytes, a little at a time.
    ///
    /// # Errors
    /// When `to` cannot be written to.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let (machine, Vouch { place, hash }, at) = (&self.machine, self.reached, self.at);
        let form = Form {
            v: ENTRIES_VERSION,
            place: place.0,
            at,
            decided: hash,
            lobby: machine.lobby.saved(),
            last_at: machine.last_at,
            lives: machine.lives.clone(),
            milestones: machine.milestones.clone(),
            roster: machine.roster.saved(),
            rooms: machine.rooms.saved(),
            rules: machine.rules.saved(),
        };
        serde_json::to_writer(to, &form).map_err(io::Error::from)
    }

    /// Returns what [`write`](Self::write) writes, for a caller that needs all of it at once.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("its maps have names for keys, and memory takes whatever is written");
        bytes
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
            milestones: form.milestones,
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

    /// Returns how much each room is used, by its log.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<LogId, Standing> {
        let rooms = self.rooms();
        self.machine.rooms.standings(rooms.iter().map(|(kept, _)| &kept.id))
    }

    /// Returns the names that belong to a key.
    #[must_use]
    pub fn names(&self) -> Vec<NameBinding> {
        self.machine.roster.names().collect()
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
