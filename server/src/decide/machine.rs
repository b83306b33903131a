//! The state machine. It owns the lobby's numbers, the roster and the rooms, and only entries change them. What
//! follows from a text is in `say`, and what follows from an act of an operator is in `act`.
//!
//! A server that keeps its order itself has to store what was decided before it is true, and storing can fail.
//! Therefore the numbers of the newest batch are *staged*: [`commit`](Machine::commit) says that they are stored, and
//! [`withdraw`](Machine::withdraw) takes them back, for which it needs only the staged messages. Only one batch may be
//! staged at a time. Names and presence are not taken back: a newcomer is let in although the disk is full, and its
//! name is stored with a later batch. There were two alternatives to staging. A copy of the state would cost more than
//! the batch. Deciding after storing is impossible, because it is the decision that is stored. A server whose order is
//! stored elsewhere never withdraws anything, because what is in the order stands.

mod act;
mod say;

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::Refused;
use hobnob_protocol::room::RoomName;

use super::acts::{self, StagedRules};
use super::binding::NameBinding;
use super::decision_hashes::DecisionHashes;
use super::effect::Effect;
use super::entry::{ConnectionId, Entry, Join, Proposals, Vouch};
use super::lives::Lives;
use super::milestones::Milestones;
use super::numbering::Numbering;
use super::posts::Posts;
use super::rooms::{InRoom, RoomId, Rooms};
use super::roster::Roster;
use super::rules::{Rules, Visitor};
use super::times::said_at;
use crate::network::Network;

/// How many rooms there may be, unless [`Machine::with_rooms`] sets another limit.
const MAX_ROOMS: usize = 1000;

/// The state of a lobby that follows from the entries so far.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(super) roster: Roster,
    pub(super) lobby: Numbering,
    pub(super) rooms: Rooms,
    pub(super) rules: StagedRules,
    /// The time of what is said now, in milliseconds since 1970-01-01 UTC.
    pub(super) last_at: u64,
    pub(super) lives: Lives,
    pub(super) milestones: Milestones,
    /// The hashes of what was decided so far; `None` where no other server shares the order.
    pub(super) decision_hashes: Option<DecisionHashes>,
}

impl Machine {
    /// Makes a machine that goes on from what a log holds: its newest message, the time of that message, the names, and
    /// the posts that are remembered.
    #[must_use]
    pub fn new(
        head: Position,
        last_at: u64,
        names: impl IntoIterator<Item = NameBinding>,
        posts: Posts,
    ) -> Self {
        let (roster, lobby) = (Roster::new(names), Numbering::new(head, posts));
        let (rooms, rules) = (Rooms::new(MAX_ROOMS, []), StagedRules::default());
        let (lives, milestones) = (Lives::default(), Milestones::default());
        Self { roster, lobby, rooms, rules, last_at, lives, milestones, decision_hashes: None }
    }

    /// Makes a machine at the beginning of an order that several servers share. The log of the lobby begins after
    /// `start`.
    #[must_use]
    pub fn shared(start: Position) -> Self {
        let hashes = DecisionHashes::new(Vouch { place: Place(0), hash: start.hash }, 0);
        Self { decision_hashes: Some(hashes), ..Self::new(start, 0, [], Posts::default()) }
    }

    /// Returns the same machine with these rooms.
    #[must_use]
    pub fn with_rooms(self, rooms: Rooms) -> Self {
        Self { rooms, ..self }
    }

    /// Returns the same machine with what operators decided before.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules: StagedRules::new(rules), ..self }
    }

    /// Takes the next batch and appends what follows from it to `out`. A batch that comes a second time has no effects.
    pub fn apply(&mut self, ordered: &Ordered<Proposals>, out: &mut Vec<Effect>) {
        debug_assert_eq!(self.lobby.head(), self.lobby.stored(), "one batch is staged at a time");
        debug_assert!(self.rooms.is_settled(), "one batch is staged at a time");
        let before = out.len();
        let Proposals { server, number, vouch, entries } = &*ordered.batch;
        if self.lives.count(*server, *number) {
            self.apply_all(*server, ordered.at, entries, out);
        }
        if let Some(hashes) = &mut self.decision_hashes {
            self.milestones.note(ordered.place, ordered.at);
            hashes.note(ordered.place, ordered.at, &out[before..]);
            out.extend(
                vouch
                    .filter(|vouch| hashes.contradicts(*vouch))
                    .map(|vouch| Effect::Contradicted(vouch.place)),
            );
        }
    }

    fn apply_all(&mut self, proposer: ServerId, at: u64, entries: &[Entry], out: &mut Vec<Effect>) {
        self.last_at = said_at(at, self.last_at);
        self.rules.is_now(self.last_at);
        out.reserve(entries.len());
        for entry in entries {
            match entry {
                Entry::Say { from, id, room, content } => self.say(*from, *id, room.as_ref(), content, out),
                Entry::Act(act) => self.act(act, out),
                Entry::Operators(listed) => self.rules.set_listed(listed),
                Entry::JoinRoom { from, room, log } => self.join_room(*from, room, *log, out),
                Entry::Part { from, room } => self.part(*from, room, out),
                Entry::Join(join) => self.join(join, out),
                Entry::Leave(id) => self.remove(*id, out),
                Entry::Away { from, away } => self.roster.set_away(*from, away.clone()),
                Entry::Expire { now, before, unspoken_before, rooms_before } => {
                    let seen = self.roster.is_now(*now).into_iter();
                    out.extend(seen.map(|binding| Effect::Bound { binding, is_new: false }));
                    let expired = self.roster.expire(*before, *unspoken_before);
                    out.extend(expired.into_iter().map(Effect::Freed));
                    out.extend(self.rooms.is_now(*now).into_iter().map(Effect::RoomSeen));
                    let gone = self.rooms.expire(*rooms_before, self.last_at);
                    out.extend(gone.into_iter().map(Effect::RoomGone));
                }
                Entry::Kept(message) => self.keep(message, out),
                Entry::KeptName(binding) => {
                    let bound =
                        self.roster.keep(binding).map(|binding| Effect::Bound { binding, is_new: true });
                    out.extend(bound);
                }
                Entry::KeptRules(rules) => self.rules.keep(rules),
                Entry::Serves(at) => self.lives.serves(proposer, at),
                Entry::Gone { server, last } => self.end(*server, *last, out),
            }
        }
        out.extend(self.rules.take_changed().map(Effect::Rules));
        self.lobby.sweep();
    }

    /// The staged batch is stored.
    pub fn commit(&mut self) {
        self.lobby.commit();
        self.rooms.commit();
        self.rules.commit();
    }

    /// The staged messages were not stored. Their numbers, and those in their authors' runs, are free again, and topics
    /// are as they were before. `of_room` gives the staged messages of a room.
    pub fn withdraw<'a>(
        &mut self,
        staged: &[LobbyMessage],
        of_room: impl Fn(&RoomId) -> Option<&'a [LobbyMessage]>,
    ) {
        self.lobby.withdraw(staged);
        self.rules.withdraw();
        self.rooms.withdraw(of_room);
    }

    /// Returns the newest message of the lobby that is stored.
    #[must_use]
    pub fn stored(&self) -> Position {
        self.lobby.stored()
    }

    /// Returns the newest message of the lobby, stored or staged.
    #[must_use]
    pub fn head(&self) -> Position {
        self.lobby.head()
    }

    /// Returns the rooms, for questions.
    #[must_use]
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Returns the rooms, for questions that keep a list for everybody who asks later.
    pub(crate) fn rooms_mut(&mut self) -> &mut Rooms {
        &mut self.rooms
    }

    /// Returns why the rules of operators would keep a newcomer out, as they are now.
    pub(crate) fn keeps_out(&self, key: &PublicKey, network: Network) -> Option<Refused> {
        let (network, named_since) = (Some(network), self.roster.named_since(key));
        self.rules.rules().admits(&Visitor { key, network, named_since }).err().map(acts::not_admitted)
    }

    /// Whether a text or act has a number already, or can get none any more. `room` is `None` for the lobby.
    pub(crate) fn is_known(&self, from: ConnectionId, id: u64, room: Option<&RoomName>) -> bool {
        let Some(author) = self.roster.member(from) else { return false };
        match room {
            None => self.lobby.known(author, id).is_some(),
            Some(room) => self.rooms.knows(room, author, id),
        }
    }

    /// Returns what operators decided, for questions.
    pub(crate) fn rules(&self) -> &Rules {
        self.rules.rules()
    }

    /// Returns the newest place and the hash of what was decided up to it, or `None` where no other server shares the
    /// order.
    #[must_use]
    pub fn reached(&self) -> Option<Vouch> {
        self.decision_hashes.as_ref().map(DecisionHashes::reached)
    }

    /// Returns when the batch at that place was put into the order, in milliseconds since 1970-01-01 UTC. Another batch
    /// at that place has another time.
    pub(crate) fn reached_at(&self) -> Option<u64> {
        self.decision_hashes.as_ref().map(DecisionHashes::reached_at)
    }

    /// Returns the servers that take part in the lobby and were not declared over, each with the number of its last
    /// batch.
    pub fn living(&self) -> impl Iterator<Item = (ServerId, u64)> {
        self.lives.living()
    }

    /// Returns the place up to which the order may be dropped: a server that was away for less than a week needs only
    /// what comes after that place.
    #[must_use]
    pub fn old(&self) -> Option<Place> {
        self.milestones.old()
    }

    /// Returns the addresses at which clients reach the servers of this lobby, of those servers that have published
    /// them.
    #[must_use]
    pub fn addresses(&self) -> Vec<Candidate> {
        self.lives.addresses()
    }

    /// Returns the roster, for questions.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Returns the roster, to note which members were announced, and for questions whose answers are kept for the next
    /// question.
    pub(crate) fn roster_mut(&mut self) -> &mut Roster {
        &mut self.roster
    }

    fn join_room(&mut self, from: ConnectionId, room: &RoomName, log: LogId, out: &mut Vec<Effect>) {
        let Some(member) = self.roster.member(from).filter(|_| !self.rules.is_out(from)) else { return };
        let rules = self.rules.rules();
        let counts = |key: &PublicKey| !rules.is_banned(key);
        match self.rooms.join(from, member, room, log, self.last_at, counts) {
            Ok(InRoom { view, is_new, instead_of }) => {
                out.extend(instead_of.map(Effect::RoomGone));
                out.push(Effect::InRoom { id: from, name: Arc::clone(&member.name), view, is_new });
            }
            Err(code) => out.push(Effect::NotInRoom { id: from, room: room.clone(), code }),
        }
    }

    fn part(&mut self, id: ConnectionId, room: &RoomName, out: &mut Vec<Effect>) {
        let Some(member) = self.roster.member(id) else { return };
        let Some(left) = self.rooms.part(id, member, room) else { return };
        out.push(Effect::LeftRoom { id, name: Arc::clone(&member.name), room: left.room });
        out.extend(left.seen.map(Effect::RoomSeen));
    }

    /// Lets a newcomer in. A run that comes back takes over from its old connection. A connection that gave no sign of
    /// life loses its place to the newcomer.
    fn join(&mut self, join: &Join, out: &mut Vec<Effect>) {
        let Join { id, newcomer, evict, keep, address } = join;
        if self.roster.member(*id).is_some() {
            return;
        }
        let network = address.map(Network::of);
        let named_since = self.roster.named_since(&newcomer.key);
        let visitor = Visitor { key: &newcomer.key, network, named_since };
        if let Err(why) = self.rules.rules().admits(&visitor) {
            return out.push(Effect::NotAdmitted { id: *id, why: Box::new(acts::not_admitted(why)) });
        }
        let silent = evict.filter(|&id| self.roster.member(id).is_some_and(|m| m.key == newcomer.key));
        for old in [self.roster.by_run(newcomer.key, newcomer.run), silent].into_iter().flatten() {
            if self.roster.member(old).is_some() {
                out.push(Effect::TakenOver { id: old });
                self.remove(old, out);
            }
        }
        let Ok(admitted) = self.roster.admit(*id, newcomer, *keep, self.last_at) else {
            return out.push(Effect::NoNameLeft { id: *id });
        };
        self.roster.comes_from(*id, network);
        let is_new = matches!(admitted.binding, Some((_, true)));
        out.extend(admitted.binding.map(|(binding, is_new)| Effect::Bound { binding, is_new }));
        out.push(Effect::Joined { id: *id, name: admitted.name, head: self.lobby.head(), is_new });
    }

    /// Ends the life of a server. Its clients leave in the order of their names.
    fn end(&mut self, server: ServerId, last: u64, out: &mut Vec<Effect>) {
        if !self.lives.end(server, last) {
            return;
        }
        out.push(Effect::Ended(server));
        for id in self.roster.of_server(server) {
            self.remove(id, out);
        }
    }

    /// Takes a connection out of the lobby and out of its rooms.
    fn remove(&mut self, id: ConnectionId, out: &mut Vec<Effect>) {
        self.rules.ended(id);
        for room in self.rooms.of(id) {
            self.part(id, &room, out);
        }
        let Some((member, seen)) = self.roster.remove(id) else { return };
        out.extend(seen.map(|binding| Effect::Bound { binding, is_new: false }));
        out.push(Effect::Left { id, name: member.name });
    }
}

#[cfg(test)]
mod tests;
