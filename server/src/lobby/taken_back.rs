//! What follows when a batch was not stored, or when nobody knows whether it was. The texts and acts of the batch have no
//! number then, and their authors are told so; who came and went stays. If an operator's act is in the batch, everything
//! else is decided again without it: nobody is sent out, silenced or kept out by an act that does not hold. This file
//! knows neither the rules nor the log.

use std::sync::Arc;

use hobnob_order::Ordered;
use hobnob_protocol::message::NotAcceptedCode;
use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use super::batch::{Again, STORE_AGAIN, Storing};
use super::outcome::{Outcome, not_accepted};
use super::{Ending, Lobby};
use crate::decide::{ConnectionId, Effect, Entry, Proposals, RoomId};
use crate::log::LogError;

impl Lobby {
    /// Returns what it takes to decide the staged batch again, if one of its entries may have changed what becomes of the
    /// others.
    pub(super) fn to_decide_again(&self, ordered: Option<Ordered<Proposals>>) -> Option<Again> {
        let ordered = ordered.filter(|_| self.machine.undoes_all())?;
        Some(Again { ordered, unsaved: self.unsaved.clone(), unsaved_rules: self.unsaved_rules.clone() })
    }

    /// Takes back the messages of a batch that was not stored, or of which that is unknown, and tells their authors.
    /// Returns the effects that are to be told nevertheless. The batch's names are stored with a later batch.
    pub(super) fn take_back(
        &mut self,
        mut batch: Storing,
        outcome: Outcome,
        err: Option<LogError>,
    ) -> Vec<Effect> {
        let err = err.map(|err| err.to_string()).unwrap_or_default();
        let in_rooms: usize = batch.rooms.iter().map(|room| room.messages.len()).sum();
        let count = batch.messages.len() + in_rooms;
        tracing::error!(%err, ?outcome, messages = count, "a batch could not be stored");
        self.metrics.store_errors.inc();
        self.stores_again = Instant::now() + STORE_AGAIN;
        let rooms = &batch.rooms;
        let of_room = |id: &RoomId| rooms.iter().find(|room| room.id == *id).map(|room| &room.messages[..]);
        self.machine.withdraw(&batch.messages, of_room);
        match batch.again.take() {
            Some(again) => self.decide_again(*again, outcome),
            None => self.keep_all_but_texts(batch, outcome),
        }
    }

    /// The machine is as it was before the batch. Whatever was said in it gets no number, in the order in which it was
    /// said; everything else is decided now. What was said before and has its number gets the answer that it has one.
    fn decide_again(&mut self, again: Again, outcome: Outcome) -> Vec<Effect> {
        let Again { ordered, unsaved, unsaved_rules } = again;
        self.unsaved.go_back(unsaved);
        self.unsaved_rules = unsaved_rules;
        self.note_entered();
        let Proposals { server, number, vouch, ref entries } = *ordered.batch;
        let mut others = Vec::new();
        for entry in entries {
            match said_in(entry) {
                Some((from, id, room)) if !self.machine.is_known(from, id, room) => {
                    self.not_stored(outcome, from, id);
                }
                _ => others.push(entry.clone()),
            }
        }
        let batch = Arc::new(Proposals { server, number, vouch, entries: others });
        let mut effects = Vec::new();
        self.machine.apply(&Ordered { batch, ..ordered }, &mut effects);
        // No message was decided, so there is nothing that could be taken back.
        self.machine.commit();
        self.users_changed();
        effects.into_iter().filter_map(|effect| self.gather_change(effect)).collect()
    }

    /// Notes in the machine whom everybody was told of while the batch was being stored.
    fn note_entered(&mut self) {
        for (id, _) in self.seats.iter().filter(|(_, seat)| seat.entered) {
            self.machine.roster_mut().enter(*id);
        }
    }

    /// Tells the authors of the messages, and returns everything else: it stands.
    fn keep_all_but_texts(&mut self, batch: Storing, outcome: Outcome) -> Vec<Effect> {
        let Storing { messages, authors, mut effects, changes, rooms, rules, .. } = batch;
        self.unsaved.put_back(changes);
        self.unsaved_rules = self.unsaved_rules.take().or(rules);
        for (&from, message) in authors.iter().zip(&*messages) {
            self.not_stored(outcome, from, message.id);
        }
        for room in &rooms {
            for (&from, message) in room.authors.iter().zip(&*room.messages) {
                self.not_stored(outcome, from, message.id);
            }
        }
        effects.retain_mut(|effect| self.stands(effect, outcome));
        effects
    }

    /// Whether an effect still holds although the messages of its batch are not stored. It is changed so that it names
    /// none of these.
    fn stands(&mut self, effect: &mut Effect, outcome: Outcome) -> bool {
        let stored = self.machine.stored();
        match effect {
            // The text was said twice in this batch, or was said before.
            Effect::Accepted { to, id, room, seq, .. } => {
                let stored = match room {
                    None => Some(stored),
                    Some(room) => self.machine.rooms().stored(room),
                };
                let is_stored = stored.is_some_and(|stored| *seq <= stored.seq);
                if !is_stored {
                    self.not_stored(outcome, *to, *id);
                }
                return is_stored;
            }
            Effect::InRoom { view, .. } => {
                if let Some(stored) = self.machine.rooms().stored(&view.id) {
                    view.head = if stored.seq < view.head.seq { stored } else { view.head };
                    view.topic = self.machine.rooms().kept(&view.id).topic;
                }
            }
            Effect::Joined { head, .. } if head.seq > stored.seq => *head = stored,
            _ => {}
        }
        true
    }

    fn not_stored(&mut self, outcome: Outcome, from: ConnectionId, id: u64) {
        match outcome {
            Outcome::Unknown => {
                // Nothing is said about the text: the client has to make a new link first, and sends the text again on
                // it, and with it the texts after it.
                self.gathered.leave_out_texts_of(from);
                if let Some(seat) = self.seats.get_mut(&from) {
                    seat.in_doubt = true;
                    seat.outlet.end(Ending { last: None, after_all: true });
                }
            }
            _ => self.not_accepted(from, id),
        }
    }

    /// Whether a text of this connection may be stored or not.
    pub(super) fn is_in_doubt(&self, id: ConnectionId) -> bool {
        self.seats.get(&id).is_some_and(|seat| seat.in_doubt)
    }

    /// Tells an author that his text was not stored and will not be.
    pub(super) fn not_accepted(&self, from: ConnectionId, id: u64) {
        self.tell(from, &not_accepted(id, NotAcceptedCode::Store));
    }
}

/// Returns who said a text or did an act, under which number in his run, and in which room.
fn said_in(entry: &Entry) -> Option<(ConnectionId, u64, Option<&RoomName>)> {
    match entry {
        Entry::Say { from, id, room, .. } => Some((*from, *id, room.as_ref())),
        Entry::Act(act) => Some((act.from, act.id, None)),
        _ => None,
    }
}
