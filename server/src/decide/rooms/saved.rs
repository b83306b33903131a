//! The rooms in the form in which they are saved: everything that does not follow from the rest. This file owns that
//! form, and does not know where it is written.

use hobnob_protocol::chain::LogId;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use super::{Room, RoomId, Rooms};
use crate::decide::entry::ConnectionId;
use crate::decide::lazy_list::LazyList;
use crate::decide::numbering::{Numbering, SavedNumbering};
use crate::decide::roster::Roster;
use crate::decide::sorted_map::SortedMap;
use crate::decide::standing::Standing;

/// All rooms as they are saved, and how many there may be. Rooms are made one by one when they are written.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::decide) struct SavedRooms<Listed = Vec<SavedRoom>> {
    rooms: Listed,
    /// The keys that made rooms lately, each with the names of these rooms and when they were made.
    made: Vec<(PublicKey, Vec<(RoomName, u64)>)>,
    today: u64,
    max: usize,
}

/// A room as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::decide) struct SavedRoom {
    name: RoomName,
    log: LogId,
    numbering: SavedNumbering,
    topic: Option<ShortText>,
    /// The connections of the members, in the order of the members' names.
    members: Vec<ConnectionId>,
    seen: u64,
    #[serde(default)]
    standing: Standing,
}

impl Rooms {
    /// Returns all rooms in the form in which they are saved. The caller makes sure that nothing is staged.
    pub(in crate::decide) fn saved(&self) -> SavedRooms<impl Serialize> {
        let room = |room: &Room| SavedRoom {
            name: room.id.name.clone(),
            log: room.id.log,
            numbering: room.numbering.saved(),
            topic: room.topic.clone(),
            members: room.members.values().copied().collect(),
            seen: room.seen,
            standing: room.standing.clone(),
        };
        let made = self.made.iter().map(|(key, made)| (*key, made.clone())).collect();
        let rooms = LazyList(move || self.rooms.values().map(room));
        SavedRooms { rooms, made, today: self.today, max: self.max }
    }

    /// Restores the rooms that were saved. A connection that is not in the lobby is in no room.
    pub(in crate::decide) fn restored(saved: SavedRooms, roster: &Roster) -> Self {
        let SavedRooms { rooms, made, today, max } = saved;
        let mut all = Self { today, ..Self::new(max, []) };
        for (key, made) in made {
            all.made.insert(key, made);
        }
        for SavedRoom { name, log, numbering, topic, members, seen, standing } in rooms {
            let id = RoomId { name: name.clone(), log };
            let numbering = Numbering::restored(numbering);
            let (stored_topic, empty) = (topic.clone(), SortedMap::default());
            let room = Room {
                id,
                numbering,
                topic,
                stored_topic,
                members: empty,
                seen,
                standing,
                stored_standing: None,
            };
            all.rooms.insert(name.clone(), room);
            for (id, member) in members.iter().filter_map(|id| Some((*id, roster.member(*id)?))) {
                all.enter(id, member, &name);
            }
        }
        all
    }
}
