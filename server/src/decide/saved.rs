//! The machine as it stands after some place of the order, to go on from there: what a server keeps beside its log, and
//! what one that comes new is given. Owns the form; whoever reads it has to trust who wrote it, and it is refused where
//! it does not add up.
//!
//! Whatever follows from the rest (who owns how many names, where a search for a free one begins) is not in it.

use std::sync::Arc;

use hobnob_order::Place;
use hobnob_protocol::chain::Position;
use hobnob_protocol::name::{Candidate, ChainHash};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::acts::{SavedRules, StagedRules};
use super::binding::NameBinding;
use super::encoding::ENTRIES_VERSION;
use super::entry::Vouch;
use super::lives::Lives;
use super::machine::Machine;
use super::marks::Marks;
use super::numbering::{Numbering, SavedNumbering};
use super::outcome::Outcome;
use super::rooms::{KeptRoom, Rooms, SavedRooms};
use super::roster::{Roster, SavedRoster};
use super::rules::Rules;

/// A machine that is read back.
#[derive(Debug, Clone)]
pub struct Saved {
    /// After which place.
    pub place: Place,
    /// The newest message by then.
    pub head: Position,
    machine: Machine,
}

/// The bytes are no saved machine of this version.
#[derive(Debug, Error)]
pub enum NotSaved {
    /// Another version of the entries.
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
    outcome: ChainHash,
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
    /// The machine as bytes. `None` where it shares no order with others, or something is staged: then it has no place
    /// that others know.
    #[must_use]
    pub fn save(&self) -> Option<Vec<u8>> {
        let Vouch { place, hash } = self.reached()?;
        if self.lobby.head() != self.lobby.stored() || !self.rooms.is_settled() {
            return None;
        }
        let form = Form {
            v: ENTRIES_VERSION,
            place: place.0,
            outcome: hash,
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
    /// Reads what [`Machine::save`] gave.
    ///
    /// # Errors
    /// When it is none, or of another version.
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
            outcome: Some(Outcome::new(Vouch { place, hash: form.outcome })),
        };
        Ok(Self { place, head, machine })
    }

    /// How many servers there were, and where those say that clients reach them.
    #[must_use]
    pub fn servers(&self) -> (usize, Vec<Candidate>) {
        (self.machine.living().count(), self.machine.addresses())
    }

    /// The rooms in which something was said, each with its newest message.
    #[must_use]
    pub fn rooms(&self) -> Vec<(KeptRoom, Position)> {
        self.machine.rooms.spoken_in()
    }

    /// The names that belong to somebody.
    #[must_use]
    pub fn names(&self) -> Vec<NameBinding> {
        self.machine.roster.saved().names
    }

    /// What operators decided.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::new(self.machine.rules().clone())
    }

    /// The machine itself.
    #[must_use]
    pub fn into_machine(self) -> Machine {
        self.machine
    }
}

fn unreadable(err: serde_json::Error) -> NotSaved {
    NotSaved::Unreadable(err.to_string())
}
