//! Which rooms there are, and who is in them. A plain struct that is told the time. This module gives the numbers to
//! what is said in a room; other modules store it and tell the members. Who may make a room, and when a room goes, is
//! in `lifetime`.

pub(super) mod lifetime;
mod saved;

use std::collections::BTreeSet;
use std::sync::Arc;

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::content::{Content, ShortText};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{NotJoinedCode, RoomSummary};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

pub(super) use self::saved::SavedRooms;
use super::entry::ConnectionId;
use super::numbering::{Numbered, Numbering};
use super::posts::Posts;
use super::roster::Member;
use super::sorted_map::SortedMap;
use super::standing::Standing;

/// While somebody is in a room, the date of the room is stored again after this many milliseconds: a day, as for names.
const SEEN_AGAIN_AFTER: u64 = 24 * 3600 * 1000;

/// A room and its log. Cheap to clone, because the name is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomId {
    /// The name, as the user who made the room wrote it.
    pub name: RoomName,
    /// The id of the room's log.
    pub log: LogId,
}

/// What is stored of a room besides its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRoom {
    /// The room's name and log.
    pub id: RoomId,
    /// The topic, if the room has one.
    pub topic: Option<ShortText>,
    /// When somebody was last in the room, in milliseconds since 1970-01-01 UTC, exact to a day. It never goes back.
    pub seen: u64,
}

/// A room as a store holds it when it is opened. Something was said in each such room.
#[derive(Debug, Clone)]
pub struct OpenedRoom {
    /// What is stored of the room besides its messages.
    pub kept: KeptRoom,
    /// The number and hash of the newest message.
    pub head: Position,
    /// Which posts of the room have a number.
    pub posts: Posts,
    /// How much the room is used.
    pub standing: Standing,
}

#[derive(Debug, Clone)]
struct Room {
    id: RoomId,
    numbering: Numbering,
    topic: Option<ShortText>,
    /// The topic without the staged changes.
    stored_topic: Option<ShortText>,
    /// The members are shown in the order of their names.
    members: SortedMap<Arc<UserName>, ConnectionId>,
    seen: u64,
    standing: Standing,
    /// How much the room was used before the staged messages; `None` if none are staged.
    stored_standing: Option<Standing>,
}

impl Room {
    fn kept(&self) -> KeptRoom {
        KeptRoom { id: self.id.clone(), topic: self.topic.clone(), seen: self.seen }
    }

    /// Whether nobody is in the room and nothing was ever said there.
    fn is_nothing(&self) -> bool {
        self.members.is_empty() && self.numbering.head().seq.0 == 0
    }
}

/// What a client is told of a room that it is in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomView {
    /// The room's name and log.
    pub id: RoomId,
    /// The number and hash of the newest message.
    pub head: Position,
    /// The topic, if the room has one.
    pub topic: Option<ShortText>,
    /// How many connections are in the room.
    pub users: u32,
}

/// A client is in a room.
#[derive(Debug)]
pub(super) struct InRoom {
    pub(super) view: RoomView,
    /// Whether the client was not in the room before.
    pub(super) is_new: bool,
    /// Another room that gave way to this one.
    pub(super) instead_of: Option<RoomId>,
}

/// A client is no longer in a room.
#[derive(Debug)]
pub(super) struct LeftRoom {
    pub(super) room: RoomId,
    /// What is to be stored of the room now: its new date. `None` if nothing was ever said there or the date is the
    /// same.
    pub(super) seen: Option<KeptRoom>,
}

/// All rooms of a lobby, who is in them, and which keys made rooms lately.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// Effects that concern several rooms come in the order of their names, which is the same on every server.
    rooms: SortedMap<RoomName, Room>,
    /// The rooms in which each connection is.
    of_connection: SortedMap<ConnectionId, Vec<RoomName>>,
    /// The rooms in which each key is, each with the number of the key's connections there.
    of_key: SortedMap<PublicKey, Vec<(RoomName, u32)>>,
    /// The rooms that each key made in the last hour, and when.
    made: SortedMap<PublicKey, Vec<(RoomName, u64)>>,
    /// The rooms in which something is staged.
    staged: BTreeSet<RoomName>,
    /// The date on which users are seen now. It never goes back.
    today: u64,
    /// How many rooms there may be.
    max: usize,
    /// The list of all rooms as clients see it; `None` after a change, until the next question.
    listed: Option<Arc<[RoomSummary]>>,
}

impl Rooms {
    /// Makes the rooms of a lobby that already has the rooms `opened` and may have `max` rooms.
    #[must_use]
    pub fn new(max: usize, opened: impl IntoIterator<Item = OpenedRoom>) -> Self {
        let mut rooms = SortedMap::default();
        let mut today = 0;
        for OpenedRoom { kept: KeptRoom { id, topic, seen }, head, posts, standing } in opened {
            today = seen.max(today);
            let (numbering, members) = (Numbering::new(head, posts), SortedMap::default());
            let (stored_topic, stored_standing) = (topic.clone(), None);
            let room = Room { id, numbering, stored_topic, topic, members, seen, standing, stored_standing };
            rooms.insert(room.id.name.clone(), room);
        }
        let (of_connection, of_key, made) =
            (SortedMap::default(), SortedMap::default(), SortedMap::default());
        Self { rooms, of_connection, of_key, made, staged: BTreeSet::new(), today, max, listed: None }
    }

    /// A member of the lobby joins a room. If there is no room of that name, it is made with this log. If there are
    /// as many rooms as there may be, another room goes for it; a key that spoke there counts only if `counts` says so.
    pub(super) fn join(
        &mut self,
        id: ConnectionId,
        member: &Member,
        name: &RoomName,
        log: LogId,
        now: u64,
        counts: impl Fn(&PublicKey) -> bool,
    ) -> Result<InRoom, NotJoinedCode> {
        let key = member.key;
        if self.is_in(id, name) {
            let view = self.view(name).ok_or(NotJoinedCode::Other)?;
            return Ok(InRoom { view, is_new: false, instead_of: None });
        }
        let own = self.of_key.get(&key).map_or(&[][..], Vec::as_slice);
        if own.len() >= MAX_ROOMS_OF_A_KEY && !own.iter().any(|(room, _)| room == name) {
            return Err(NotJoinedCode::TooMany);
        }
        let instead_of = match self.rooms.contains_key(name) {
            true => None,
            false => self.make(key, name, log, now, counts)?,
        };
        self.listed = None;
        self.enter(id, member, name);
        let view = self.view(name).ok_or(NotJoinedCode::Other)?;
        Ok(InRoom { view, is_new: true, instead_of })
    }

    /// Whether there is a room of this name.
    pub(crate) fn is_there(&self, name: &RoomName) -> bool {
        self.rooms.contains_key(name)
    }

    /// Puts a member of the lobby into a room that exists.
    fn enter(&mut self, id: ConnectionId, member: &Member, name: &RoomName) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.members.insert(Arc::clone(&member.name), id);
        let name = room.id.name.clone();
        let rooms = self.of_key.or_default(member.key);
        match rooms.iter_mut().find(|(room, _)| *room == name) {
            Some((_, connections)) => *connections += 1,
            None => rooms.push((name.clone(), 1)),
        }
        self.of_connection.or_default(id).push(name);
    }

    /// Takes a member of the lobby out of a room; `None` if the member is not in it.
    pub(super) fn part(&mut self, id: ConnectionId, member: &Member, name: &RoomName) -> Option<LeftRoom> {
        let own = self.of_connection.get_mut(&id)?;
        let at = own.iter().position(|room| room == name)?;
        own.swap_remove(at);
        if own.is_empty() {
            self.of_connection.remove(&id);
        }
        self.forget_one_of_key(member.key, name);
        self.listed = None;
        let room = self.rooms.get_mut(name)?;
        room.members.remove(&member.name);
        let is_seen_later = room.seen < self.today;
        room.seen = room.seen.max(self.today);
        let was_spoken_in = room.numbering.head().seq.0 > 0;
        let left =
            LeftRoom { room: room.id.clone(), seen: (is_seen_later && was_spoken_in).then(|| room.kept()) };
        if room.is_nothing() {
            self.rooms.remove(name);
        }
        Some(left)
    }

    fn forget_one_of_key(&mut self, key: PublicKey, name: &RoomName) {
        let Some(rooms) = self.of_key.get_mut(&key) else { return };
        let Some(at) = rooms.iter().position(|(room, _)| room == name) else { return };
        rooms[at].1 -= 1;
        if rooms[at].1 == 0 {
            rooms.swap_remove(at);
        }
        if rooms.is_empty() {
            self.of_key.remove(&key);
        }
    }

    /// Returns the rooms in which a connection is, sorted.
    pub(super) fn of(&self, id: ConnectionId) -> Vec<RoomName> {
        let mut rooms = self.of_connection.get(&id).cloned().unwrap_or_default();
        rooms.sort_unstable();
        rooms
    }

    /// Whether a connection is in a room.
    pub(crate) fn is_in(&self, id: ConnectionId, name: &RoomName) -> bool {
        self.of_connection.get(&id).is_some_and(|rooms| rooms.contains(name))
    }

    /// Whether a text or act has a number in a room already, or can get none any more.
    pub(super) fn knows(&self, name: &RoomName, author: &Member, id: u64) -> bool {
        self.rooms.get(name).is_some_and(|room| room.numbering.known(author, id).is_some())
    }

    /// Gives the next number of a room to what somebody says there. The caller makes sure that the author is in the
    /// room. For how much the room is used, a key counts only if `counts` says so.
    pub(super) fn number(
        &mut self,
        name: &RoomName,
        author: &Member,
        id: u64,
        content: &Content,
        at: u64,
        counts: impl Fn(&PublicKey) -> bool,
    ) -> Option<(RoomId, Numbered)> {
        let room = self.rooms.get_mut(name)?;
        let numbered = room.numbering.number(author, id, content, at);
        if let Numbered::New(_) = numbered {
            room.seen = room.seen.max(self.today);
            room.stored_standing.get_or_insert_with(|| room.standing.clone());
            room.standing.spoke(author.key, at, counts);
            if let Some(act) = content.act() {
                room.topic = act.text.clone();
                self.listed = None;
            }
            if !self.staged.contains(name) {
                self.staged.insert(room.id.name.clone());
            }
        }
        Some((room.id.clone(), numbered))
    }

    /// From now on users are seen on this date, unless the date before was later. Returns the rooms in which somebody
    /// is and whose date is a day old.
    pub(super) fn is_now(&mut self, date: u64) -> Vec<KeptRoom> {
        self.today = self.today.max(date);
        let long_ago = self.today.saturating_sub(SEEN_AGAIN_AFTER);
        let mut due = Vec::new();
        let is_due = |room: &&Room| {
            !room.members.is_empty() && room.numbering.head().seq.0 > 0 && room.seen <= long_ago
        };
        let names: Vec<RoomName> =
            self.rooms.values().filter(is_due).map(|room| room.id.name.clone()).collect();
        for name in names {
            if let Some(room) = self.rooms.get_mut(&name) {
                room.seen = self.today;
                due.push(room.kept());
            }
        }
        due
    }

    /// The staged messages are stored.
    pub(super) fn commit(&mut self) {
        for name in std::mem::take(&mut self.staged) {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            room.numbering.commit();
            room.numbering.sweep();
            room.stored_topic.clone_from(&room.topic);
            room.stored_standing = None;
        }
    }

    /// The staged messages were not stored and are taken back. `messages` returns those of a room.
    pub(super) fn withdraw<'a>(&mut self, messages: impl Fn(&RoomId) -> Option<&'a [LobbyMessage]>) {
        for name in std::mem::take(&mut self.staged) {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            room.numbering.withdraw(messages(&room.id).unwrap_or_default());
            room.topic.clone_from(&room.stored_topic);
            room.standing = room.stored_standing.take().unwrap_or_default();
            self.listed = None;
            if room.is_nothing() {
                self.rooms.remove(&name);
            }
        }
    }

    /// Whether nothing is staged.
    pub(super) fn is_settled(&self) -> bool {
        self.staged.is_empty()
    }

    /// Returns what is stored of a room besides its messages.
    #[must_use]
    pub fn kept(&self, id: &RoomId) -> KeptRoom {
        let bare = || KeptRoom { id: id.clone(), topic: None, seen: self.today };
        self.by_id(id).map_or_else(bare, Room::kept)
    }

    /// Returns the newest message of a room that is stored.
    #[must_use]
    pub fn stored(&self, id: &RoomId) -> Option<Position> {
        self.by_id(id).map(|room| room.numbering.stored())
    }

    /// Returns the room with this name and this log, or `None` if a room of that name has another log.
    fn by_id(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.get(&id.name).filter(|room| room.id.log == id.log)
    }

    fn view(&self, name: &RoomName) -> Option<RoomView> {
        let room = self.rooms.get(name)?;
        let users = u32::try_from(room.members.len()).unwrap_or(u32::MAX);
        let (id, head, topic) = (room.id.clone(), room.numbering.head(), room.topic.clone());
        Some(RoomView { id, head, topic, users })
    }

    /// Returns the members of a room, sorted by name.
    pub(crate) fn members(&self, name: &RoomName) -> Vec<(Arc<UserName>, ConnectionId)> {
        let members = self.rooms.get(name).into_iter().flat_map(|room| room.members.iter());
        members.map(|(name, id)| (Arc::clone(name), *id)).collect()
    }

    /// Returns the list of all rooms, as clients see it.
    pub(crate) fn list(&mut self) -> Arc<[RoomSummary]> {
        let summary = |room: &Room| RoomSummary {
            name: room.id.name.clone(),
            users: u32::try_from(room.members.len()).unwrap_or(u32::MAX),
            topic: room.topic.clone(),
        };
        let rooms = &self.rooms;
        Arc::clone(self.listed.get_or_insert_with(|| rooms.values().map(summary).collect()))
    }

    /// Returns the rooms in which something was said, each with its newest message.
    pub(super) fn spoken_in(&self) -> Vec<(KeptRoom, Position)> {
        let rooms = self.rooms.values().map(|room| (room.kept(), room.numbering.head()));
        rooms.filter(|(_, head)| head.seq.0 > 0).collect()
    }

    /// Returns all rooms in which somebody is, each with its newest stored message and the connections that are in it.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = (RoomId, Position, Vec<ConnectionId>)> {
        let rooms = self.rooms.values().filter(|room| !room.members.is_empty());
        rooms.map(|room| (room.id.clone(), room.numbering.stored(), room.members.values().copied().collect()))
    }

    /// Returns how many rooms there are.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }
}
