//! What follows from an order that is being read up to its end, until it is stored. What the log has already is compared
//! with the order and not stored again. This file does not read the order.
//!
//! The log was stored up to a place that it does not note, and which is usually past the one from which the order is
//! read: the machine is saved once a minute. So a room that is not in the log may be new, or it may have ended before
//! that place. What was said in a room that ends is not stored at all, unless the log has the room: it would be removed
//! again, and its name may belong to another room in the log by now. Which rooms end is asked when a message comes that
//! is of a room that the log does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};

use super::unsaved::{Changes, Unsaved};
use crate::decide::{Effect, Machine, RoomId, Rules};
use crate::log::{Batch, LobbyLog, LogError, RoomBatch};

/// How many messages are stored together.
const STORED_AT_ONCE: usize = 4096;

/// What follows from the order and is not stored yet.
pub(super) struct Catching {
    log: Arc<dyn LobbyLog>,
    /// The newest message that the log of the lobby had before.
    stored: Position,
    /// The newest message that the log of each room had before.
    stored_in_rooms: BTreeMap<LogId, Position>,
    /// The logs of the rooms that end before the end of the order; `None` until that was asked.
    ended: Option<BTreeSet<LogId>>,
    messages: Vec<LobbyMessage>,
    rooms: BTreeMap<LogId, (RoomId, Vec<LobbyMessage>)>,
    unsaved: Unsaved,
    rules: Option<Arc<Rules>>,
    /// How many messages wait to be stored.
    count: usize,
}

impl Catching {
    pub(super) fn new(log: Arc<dyn LobbyLog>, stored: Position) -> Self {
        let rooms = log.rooms().into_iter();
        Self {
            stored,
            stored_in_rooms: rooms.map(|room| (room.kept.id.log, room.head)).collect(),
            ended: None,
            messages: Vec::new(),
            rooms: BTreeMap::new(),
            unsaved: Unsaved::default(),
            rules: None,
            count: 0,
            log,
        }
    }

    /// Whether it has to be known which rooms end before these effects are taken.
    pub(super) fn asks_which_rooms_end(&self, decided: &[Effect]) -> bool {
        let is_unknown = |effect: &Effect| match effect {
            Effect::Said { room: Some(room), .. } => !self.stored_in_rooms.contains_key(&room.log),
            _ => false,
        };
        self.ended.is_none() && decided.iter().any(is_unknown)
    }

    /// These are the logs of the rooms that end before the end of the order.
    pub(super) fn rooms_end(&mut self, ended: BTreeSet<LogId>) {
        self.ended = Some(ended);
    }

    /// Whether enough has gathered to be stored.
    pub(super) fn has_many(&self) -> bool {
        self.count >= STORED_AT_ONCE
    }

    /// Takes the next effect. It is an error if the log has another message under the same number, which is given.
    pub(super) fn take(&mut self, effect: Effect) -> Result<(), Seq> {
        match effect {
            Effect::Said { room, message, .. } => self.said(room, message)?,
            Effect::Bound { binding, .. } => self.unsaved.bind(binding),
            Effect::Freed(name) => self.unsaved.free(name),
            Effect::Rules(rules) => self.rules = Some(rules),
            Effect::RoomSeen(room) => self.unsaved.room_seen(room),
            Effect::RoomGone(room) => {
                self.rooms.remove(&room.log);
                self.stored_in_rooms.remove(&room.log);
                self.unsaved.room_gone(room.log);
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, room: Option<RoomId>, message: LobbyMessage) -> Result<(), Seq> {
        let stored = match &room {
            None => Some(self.stored),
            Some(room) => self.stored_in_rooms.get(&room.log).copied(),
        };
        let ends = |room: &RoomId| self.ended.as_ref().is_some_and(|ended| ended.contains(&room.log));
        let is_of_no_use = stored.is_none() && room.as_ref().is_some_and(ends);
        if is_of_no_use || !is_new(stored, &message)? {
            return Ok(());
        }
        self.count += 1;
        match room {
            None => self.messages.push(message),
            Some(room) => self.rooms.entry(room.log).or_insert_with(|| (room, Vec::new())).1.push(message),
        }
        Ok(())
    }

    /// Whether more names were freed than are stored at once.
    pub(super) fn has_more(&self) -> bool {
        self.unsaved.has_freed()
    }

    /// Stores what was taken. `machine` is as it is after the last effect.
    pub(super) async fn store(&mut self, machine: &Machine) -> Result<(), LogError> {
        let Changes { names, freed, rooms: seen, gone_rooms } = self.unsaved.take();
        let messages = Arc::new(std::mem::take(&mut self.messages));
        self.count = 0;
        let mut rooms: BTreeMap<LogId, RoomBatch> = BTreeMap::new();
        for kept in seen {
            rooms.insert(kept.id.log, RoomBatch { kept, messages: Arc::default() });
        }
        for (log, (id, messages)) in std::mem::take(&mut self.rooms) {
            let kept = machine.rooms().kept(&id);
            rooms.insert(log, RoomBatch { kept, messages: Arc::new(messages) });
        }
        let rooms: Vec<RoomBatch> = rooms.into_values().collect();
        let standings = machine.rooms().standings(rooms.iter().map(|room| &room.kept.id));
        let rules = self.rules.take();
        let batch = Batch { messages, names, freed, rooms, gone_rooms, rules, standings, ..Batch::default() };
        match batch == Batch::default() {
            true => Ok(()),
            false => self.log.append(batch).await,
        }
    }
}

/// Whether a log that goes up to `stored` does not have this message yet. It is an error if the message has the number
/// of `stored` and another hash.
fn is_new(stored: Option<Position>, message: &LobbyMessage) -> Result<bool, Seq> {
    match stored {
        Some(stored) if message.seq < stored.seq => Ok(false),
        Some(stored) if message.seq == stored.seq && message.hash == stored.hash => Ok(false),
        Some(stored) if message.seq == stored.seq => Err(message.seq),
        _ => Ok(true),
    }
}
