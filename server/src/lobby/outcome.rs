//! What became of a batch in the log, and what is told when it was stored. This file tells everybody; it decides
//! nothing. What follows when the batch was not stored is in `taken_back`.

use std::time::Duration;

use hobnob_protocol::message::{NotAcceptedCode, RefusedCode, ServerMessage};
use tokio::time::Instant;

use super::batch::Storing;
use super::fault::LobbyFault;
use super::servers::without_a_word;
use super::{Admitted, Ending, Lobby, StoresHere};
use crate::decide::{ConnectionId, Effect};
use crate::log::LogError;

/// What became of a batch in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Stored,
    /// It was not stored and never will be.
    Refused,
    /// The log cannot say. Nobody is told that a text was not accepted. Its author keeps the text and sends it again on
    /// the next link, under the same number, so that it counts once.
    Unknown,
}

impl Lobby {
    /// The log has answered for a batch.
    ///
    /// # Errors
    /// Fails when the batch is in an order that other servers read as well, and cannot be stored here.
    pub(super) async fn stored(
        &mut self,
        batch: Storing,
        result: Result<(), LogError>,
    ) -> Result<(), LobbyFault> {
        let took = batch.started.map_or(Duration::ZERO, |started| started.elapsed());
        if batch.started.is_some() {
            self.metrics.commit_seconds.observe(took.as_secs_f64());
            self.stores_here.after(took);
        }
        let effects = match self.outcome(&result) {
            Outcome::Stored => self.tell_words(batch, took).await,
            // A client that is not answered here can go to another server, which has the text.
            _ if self.servers.is_some() => {
                return Err(LobbyFault::Store(result.err().unwrap_or(LogError::Closed)));
            }
            outcome => self.take_back(batch, outcome, result.err()),
        };
        let clients = self.machine.roster().len();
        for effect in effects {
            self.perform(effect);
        }
        self.metrics.clients.set(clients as i64);
        Ok(())
    }

    fn outcome(&self, result: &Result<(), LogError>) -> Outcome {
        match result {
            Ok(()) => Outcome::Stored,
            Err(err) if err.stored_nothing() => Outcome::Refused,
            // The log announces a new head before it answers, so it may know more than its answer says.
            Err(_) if self.machine.head() != self.machine.stored() && self.log_head_is_ours() => {
                Outcome::Stored
            }
            Err(_) => Outcome::Unknown,
        }
    }

    fn log_head_is_ours(&self) -> bool {
        *self.log.subscribe().borrow() == self.machine.head()
    }

    /// Tells the messages of a stored batch. Returns the effects that are still to be told.
    ///
    /// In a small lobby the next batch is stored while this one is told. If telling takes longer than storing, the next
    /// batch waits until telling is done, and then contains everything that was said meanwhile. If it began before
    /// that, it would contain only few texts, and cost as many writes as all of them.
    async fn tell_words(&mut self, batch: Storing, took: Duration) -> Vec<Effect> {
        self.machine.commit();
        self.metrics.messages.inc_by(batch.messages.len() as u64);
        self.memory.remember(&batch.chunks);
        self.remember_rooms(&batch.rooms);
        self.take_waiting();
        let has_words = !(batch.chunks.is_empty() && batch.rooms.is_empty());
        let goes_on = !has_words || self.telling_took <= took;
        if goes_on {
            // If the next batch were stored in this thread, it would hold up what is to be told.
            let here = std::mem::replace(&mut self.stores_here, StoresHere::Never);
            self.start_batch();
            self.stores_here = here;
        }
        if has_words {
            self.tell_few_changes().await;
            self.fan_out(&batch.chunks, &batch.rooms).await;
        }
        if !goes_on {
            self.take_waiting();
        }
        batch.effects
    }

    /// Does what follows from an entry, apart from what is to be stored.
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Accepted { to, id, room, seq, content } => self.said_again(to, id, room, seq, content),
            Effect::Refused { to, id, code } => self.tell(to, &not_accepted(id, code)),
            Effect::InRoom { id, name, view, .. } => self.let_into_room(id, &name, view),
            Effect::NotInRoom { id, room, code } => {
                if let Some(seat) = self.seats.get(&id) {
                    seat.outlet.not_in_room(&room, code);
                }
            }
            Effect::LeftRoom { id, name, room } => self.let_out_of_room(id, &name, &room),
            Effect::Joined { id, name, head, is_new } => {
                if !is_new {
                    self.give_back_new_name(id);
                }
                self.let_in(id, self.admitted(id, name, head));
            }
            Effect::NoNameLeft { id } => {
                self.give_back_new_name(id);
                if let Some(seat) = self.seats.remove(&id) {
                    seat.outlet.end(Ending::now(ServerMessage::refused(RefusedCode::NoNameLeft)));
                }
            }
            Effect::ActKnown { to, id, seq } => self.tell(to, &ServerMessage::Accepted { id, seq }),
            Effect::NotSaid { to, answer } => self.tell(to, &ServerMessage::NotAccepted(*answer)),
            Effect::SentOut { id, why } => self.sent_out(id, *why),
            Effect::NotAdmitted { id, why } => self.not_admitted(id, *why),
            Effect::Rules(rules) => {
                self.banned.set(rules.banned_ranges());
                self.kept_out.ban(rules.banned_keys());
            }
            Effect::TakenOver { id } => {
                if let Some(seat) = self.seats.get_mut(&id) {
                    seat.gone = true;
                    seat.outlet.end(Ending::now(ServerMessage::refused(RefusedCode::TakenOver)));
                }
            }
            Effect::Left { id, name } => {
                let seat = self.seats.remove(&id);
                // Without a seat it was the client of another server.
                if seat.as_ref().is_none_or(|seat| seat.entered) {
                    self.presence.left((*name).clone());
                }
                if let Some(seat) = seat.filter(|seat| !seat.gone) {
                    seat.outlet.end(without_a_word());
                }
                self.no_longer_awaited(id);
                self.no_longer_asked(id);
            }
            // These were given to the log already.
            Effect::Said { .. }
            | Effect::Bound { .. }
            | Effect::Freed(_)
            | Effect::RoomSeen(_)
            | Effect::RoomGone(_) => {}
            Effect::Ended(server) => self.ended(server),
            // The lobby has already ended because of this effect.
            Effect::Contradicted(_) => {}
        }
    }

    /// A newcomer is in the lobby: the newcomer and the others are told so, unless the newcomer has gone meanwhile.
    /// Without a seat it is the client of another server, and only the others are told.
    fn let_in(&mut self, id: ConnectionId, admitted: Admitted) {
        let seat = self.seats.get_mut(&id);
        if seat.as_ref().is_some_and(|seat| seat.gone) {
            return;
        }
        self.machine.roster_mut().enter(id);
        if let Some(member) = self.machine.roster().member(id) {
            self.kept_out.came_in(&member.key);
        }
        self.presence.joined((*admitted.name).clone());
        let Some(seat) = seat else { return };
        seat.entered = true;
        seat.presence_from = self.presence.mark();
        seat.outlet.let_in(admitted);
        self.metrics.joins.inc();
    }

    /// A client has given the sign of life for which it was asked.
    pub(super) fn alive(&mut self, id: ConnectionId) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.proven = Some(Instant::now());
        }
        self.tell_elsewhere(id);
        self.no_longer_awaited(id);
    }
}

/// Returns the answer to a `say` whose text was not stored.
pub(super) fn not_accepted(id: u64, code: NotAcceptedCode) -> ServerMessage {
    ServerMessage::not_accepted(id, code)
}
