//! One hash of everything that was decided, for each place of the order. Two servers that have the same hash have
//! decided the same. This file owns what is hashed of each effect, and the hashes of the latest places. It is used
//! where several servers share an order; a server that is alone has nobody to compare with.

use std::collections::VecDeque;

use hobnob_order::Place;
use hobnob_protocol::chain;
use hobnob_protocol::name::UserName;

use super::effect::Effect;
use super::entry::Vouch;
use super::rooms::RoomId;

/// How many places keep their hashes for comparison. What another server says it has reached is seconds old, and these
/// places are minutes of the busiest lobby. Older hashes are not compared.
const MAX_KEPT: usize = 64 * 1024;

/// The hashes of what was decided so far.
#[derive(Debug, Clone)]
pub(super) struct DecisionHashes {
    reached: Vouch,
    /// When the batch at the newest place was put into the order.
    at: u64,
    kept: VecDeque<Vouch>,
    /// The buffer for the bytes of one batch, kept for the next batch.
    bytes: Vec<u8>,
}

impl DecisionHashes {
    /// Goes on from what was reached before, with a batch that was put into the order at `at`.
    pub(super) fn new(reached: Vouch, at: u64) -> Self {
        Self { reached, at, kept: VecDeque::from([reached]), bytes: Vec::new() }
    }

    /// Returns the newest place and its hash.
    pub(super) fn reached(&self) -> Vouch {
        self.reached
    }

    /// Returns when the batch at the newest place was put into the order, in milliseconds since 1970-01-01 UTC.
    pub(super) fn reached_at(&self) -> u64 {
        self.at
    }

    /// Notes what follows from the batch at `place`, which was put into the order at `at`.
    pub(super) fn note(&mut self, place: Place, at: u64, effects: &[Effect]) {
        self.at = at;
        self.bytes.clear();
        self.bytes.extend_from_slice(&place.0.to_be_bytes());
        effects.iter().for_each(|effect| write(effect, &mut self.bytes));
        self.reached = Vouch { place, hash: chain::fold(&self.reached.hash, &self.bytes) };
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(self.reached);
    }

    /// Whether another server has decided something else. A place whose hash is not known here contradicts nothing.
    pub(super) fn contradicts(&self, other: Vouch) -> bool {
        let Some(first) = self.kept.front() else { return false };
        let index = other.place.0.checked_sub(first.place.0).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.kept.get(index)).is_some_and(|own| own.hash != other.hash)
    }
}

/// Appends the bytes that distinguish this effect from every other one. A message is represented by its own hash.
fn write(effect: &Effect, bytes: &mut Vec<u8>) {
    let mut tag = |tag: u8, number: u64| {
        bytes.push(tag);
        bytes.extend_from_slice(&number.to_be_bytes());
    };
    match effect {
        Effect::Said { from, room, message } => {
            tag(1, from.0);
            write_room(room.as_ref(), bytes);
            bytes.extend_from_slice(message.hash.as_bytes());
        }
        Effect::Accepted { to, id, room, seq, .. } => {
            tag(2, to.0);
            write_room(room.as_ref(), bytes);
            bytes.extend_from_slice(&id.to_be_bytes());
            bytes.extend_from_slice(&seq.0.to_be_bytes());
        }
        Effect::Refused { to, id, .. } => {
            tag(3, to.0);
            bytes.extend_from_slice(&id.to_be_bytes());
        }
        Effect::InRoom { id, view, is_new, .. } => {
            tag(11, id.0);
            write_room(Some(&view.id), bytes);
            bytes.extend_from_slice(view.head.hash.as_bytes());
            bytes.push(u8::from(*is_new));
        }
        Effect::NotInRoom { id, .. } => tag(12, id.0),
        Effect::LeftRoom { id, room, .. } => {
            tag(13, id.0);
            write_room(Some(room), bytes);
        }
        Effect::RoomSeen(kept) => {
            tag(14, kept.seen);
            write_room(Some(&kept.id), bytes);
        }
        Effect::RoomGone(room) => {
            tag(15, 0);
            write_room(Some(room), bytes);
        }
        Effect::Joined { id, name, head, is_new } => {
            tag(4, id.0);
            write_name(name, bytes);
            bytes.extend_from_slice(head.hash.as_bytes());
            bytes.push(u8::from(*is_new));
        }
        Effect::NoNameLeft { id } => tag(5, id.0),
        Effect::TakenOver { id } => tag(6, id.0),
        Effect::Left { id, name } => {
            tag(7, id.0);
            write_name(name, bytes);
        }
        Effect::Bound { binding, is_new } => {
            tag(8, binding.seen);
            bytes.extend_from_slice(&binding.since.to_be_bytes());
            write_name(&binding.name, bytes);
            bytes.extend_from_slice(binding.key.as_bytes());
            bytes.extend_from_slice(&[u8::from(binding.spoke), u8::from(*is_new)]);
        }
        Effect::Freed(name) => {
            tag(9, 0);
            write_name(name, bytes);
        }
        Effect::Ended(server) => tag(10, server.0),
        Effect::ActKnown { to, id, seq } => {
            tag(16, to.0);
            bytes.extend_from_slice(&id.to_be_bytes());
            bytes.extend_from_slice(&seq.0.to_be_bytes());
        }
        Effect::NotSaid { to, answer } => {
            tag(17, to.0);
            bytes.extend_from_slice(&answer.id.to_be_bytes());
        }
        Effect::SentOut { id, .. } => tag(18, id.0),
        Effect::NotAdmitted { id, .. } => tag(19, id.0),
        Effect::Rules(rules) => {
            // All rules are hashed: their maps are sorted, so equal rules give the same bytes.
            let rules = serde_json::to_vec(&**rules).expect("its maps have texts for keys");
            tag(20, rules.len() as u64);
            bytes.extend_from_slice(&rules);
        }
        // This is a conclusion of this server alone, and other servers come to another one.
        Effect::Contradicted(_) => {}
    }
}

/// A room is represented by the id of its log, which never changes while the room exists.
fn write_room(room: Option<&RoomId>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(room.is_some()));
    if let Some(room) = room {
        bytes.extend_from_slice(room.log.as_bytes());
    }
}

fn write_name(name: &UserName, bytes: &mut Vec<u8>) {
    let name = name.as_str().as_bytes();
    // Names are bounded far below 4 GiB by their type.
    bytes.extend_from_slice(&(name.len() as u32).to_be_bytes());
    bytes.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::ChainHash;

    use super::*;
    use crate::decide::ConnectionId;

    fn hashes() -> DecisionHashes {
        DecisionHashes::new(Vouch { place: Place(0), hash: ChainHash::new([0; 32]) }, 0)
    }

    fn left(name: &str) -> Effect {
        Effect::Left { id: ConnectionId(1), name: std::sync::Arc::new(name.parse().unwrap()) }
    }

    #[test]
    fn equal_decisions_never_contradict_each_other_and_a_different_one_does_from_then_on() {
        let (mut one, mut other) = (hashes(), hashes());
        for place in 1..4 {
            one.note(Place(place), place, &[left("anna")]);
            other.note(Place(place), place, &[left(if place == 2 { "bobby" } else { "anna" })]);
            assert_eq!(one.contradicts(other.reached()), place >= 2, "at place {place}");
        }
        assert!(
            !one.contradicts(Vouch { place: Place(99), hash: ChainHash::new([7; 32]) }),
            "not reached yet"
        );
    }

    #[test]
    fn the_place_of_a_decision_is_in_its_hash_and_the_number_of_kept_hashes_is_bounded() {
        let (mut one, mut other) = (hashes(), hashes());
        one.note(Place(1), 1, &[]);
        other.note(Place(2), 1, &[]);
        assert_ne!(one.reached().hash, other.reached().hash);
        for place in 2..=MAX_KEPT as u64 + 5 {
            one.note(Place(place), place, &[]);
        }
        assert_eq!(one.kept.len(), MAX_KEPT);
        assert!(
            !one.contradicts(Vouch { place: Place(1), hash: ChainHash::new([7; 32]) }),
            "too old to compare"
        );
    }
}
