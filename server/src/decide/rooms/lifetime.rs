//! When a room begins and when it ends: which keys may make a room, which room gives way when there are as many as
//! there may be, and which rooms end because nobody was in them for long. This file knows nothing of what is said in
//! rooms.
//!
//! A room is made by its first member. It goes when nobody is in it and nothing was ever said there, or when nobody was
//! in it for as long as an [`Expire`](crate::decide::Entry::Expire) says. If there are as many rooms as there may be, a
//! new room takes the place of one in which nobody is and that is not established: of the room with the lowest rank
//! ([`ranks`]), and of several such rooms, of the one that was empty for longest. So somebody who fills the list loses
//! those rooms first, and others can still make one. The id of a room's log comes with the entry that makes the room,
//! because nothing here may be left to chance.

use std::collections::BTreeMap;

use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::NotJoinedCode;
use hobnob_protocol::room::RoomName;

use super::{Room, RoomId, Rooms};
use crate::decide::numbering::Numbering;
use crate::decide::posts::Posts;
use crate::decide::sorted_map::SortedMap;
use crate::decide::standing::{Standing, ranks};

/// How many rooms one key may make in an hour.
const MADE_IN_AN_HOUR: usize = 5;

const HOUR: u64 = 3600 * 1000;

/// For how many keys it is remembered that they made rooms in the last hour or two. While this limit is reached, no
/// other key can make a room.
pub(in crate::decide) const MAX_MAKERS: usize = 64 * 1024;

impl Rooms {
    /// Makes a room, and says which one gave way to it.
    pub(super) fn make(
        &mut self,
        key: PublicKey,
        name: &RoomName,
        log: LogId,
        now: u64,
        counts: impl Fn(&PublicKey) -> bool,
    ) -> Result<Option<RoomId>, NotJoinedCode> {
        let is_crowded = self.made.len() >= MAX_MAKERS && self.made.get(&key).is_none();
        if is_crowded {
            return Err(NotJoinedCode::TooSoon);
        }
        let made = self.made.or_default(key);
        made.retain(|(_, at)| at.saturating_add(HOUR) > now);
        // A user who was alone in a room and lost the link may make the same room again, which is not counted as
        // another room.
        let is_new = !made.iter().any(|(made, _)| made == name);
        if is_new && made.len() >= MADE_IN_AN_HOUR {
            return Err(NotJoinedCode::TooSoon);
        }
        let instead_of = match self.rooms.len() >= self.max {
            true => Some(self.gives_way(counts).ok_or(NotJoinedCode::Full)?),
            false => None,
        };
        if is_new {
            self.made.or_default(key).push((name.clone(), now));
        }
        if let Some(gone) = &instead_of {
            self.rooms.remove(&gone.name);
        }
        let room = Room {
            id: RoomId { name: name.clone(), log },
            numbering: Numbering::new(Position::start(&log), Posts::of_a_room()),
            topic: None,
            stored_topic: None,
            members: SortedMap::default(),
            seen: self.today,
            standing: Standing::default(),
            stored_standing: None,
        };
        self.rooms.insert(name.clone(), room);
        Ok(instead_of)
    }

    /// Returns the room that is given up for a new one, if there is such a room. A room in which something is staged is
    /// not given up, because what was said there has to be stored first.
    fn gives_way(&self, counts: impl Fn(&PublicKey) -> bool) -> Option<RoomId> {
        let standings = self.rooms.iter().map(|(name, room)| (name, &room.standing));
        let ranks = ranks(standings, counts);
        let may_go = |room: &&Room| room.members.is_empty() && !self.staged.contains(&room.id.name);
        let ranked = self.rooms.values().filter(may_go).filter_map(|room| {
            let rank = ranks.get(&room.id.name).filter(|rank| !rank.is_established)?;
            Some(((*rank, room.seen, room.numbering.head().seq), room))
        });
        ranked.min_by_key(|(order, _)| *order).map(|(_, room)| room.id.clone())
    }

    /// Returns how much each of these rooms is used, by their logs.
    pub(crate) fn standings<'a>(&self, ids: impl Iterator<Item = &'a RoomId>) -> BTreeMap<LogId, Standing> {
        ids.filter_map(|id| Some((id.log, self.by_id(id)?.standing.clone()))).collect()
    }

    /// Removes the rooms in which nobody has been since `oldest`, and gives them. Forgets which keys made rooms more
    /// than an hour before `now`.
    pub(in crate::decide) fn expire(&mut self, oldest: u64, now: u64) -> Vec<RoomId> {
        let is_past = |room: &Room| room.members.is_empty() && room.seen < oldest;
        let past: Vec<RoomId> =
            self.rooms.values().filter(|room| is_past(room)).map(|room| room.id.clone()).collect();
        for id in &past {
            self.rooms.remove(&id.name);
            self.listed = None;
        }
        self.made.retain(|made| made.iter().any(|(_, at)| at.saturating_add(HOUR) > now));
        past
    }
}
