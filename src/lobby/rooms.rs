//! The rooms that one link carries beside the lobby: which rooms this client is in, and how far it has read in each.
//! This is plain data and knows nothing of connections.
//!
//! A room that was asked for and not joined yet is forgotten when its connection is lost. A room that this client is in
//! is named in the next hello, with its cursor, until the server says that it cannot be joined, or the user leaves it.

use std::collections::BTreeMap;

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::message::{JoinRoom, JoinedRoom, RoomCursor};
use hobnob_protocol::room::RoomName;

use super::sequence::{ReadPosition, Resumed};

/// The rooms of one link.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomName, Room>,
}

#[derive(Debug)]
struct Room {
    stay: Stay,
    read_position: ReadPosition,
}

/// The state of a room for this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// The question with this number asks for the room.
    Asked(u32),
    /// The hello of the present connection names the room, and the server has not answered for it yet.
    Resuming,
    /// This client is in the room.
    In,
}

impl Rooms {
    /// Makes the rooms that an earlier run was in, read up to these cursors.
    pub(super) fn of_earlier_run(cursors: Vec<RoomCursor>) -> Self {
        let room = |RoomCursor { room, cursor }| {
            let read_position = ReadPosition::after(Some(cursor));
            (room, Room { stay: Stay::Resuming, read_position })
        };
        Self { rooms: cursors.into_iter().take(MAX_ROOMS_OF_A_KEY).map(room).collect() }
    }

    /// Begins a new connection. Returns the rooms that its hello names.
    pub(super) fn resume(&mut self) -> Vec<RoomCursor> {
        self.rooms.retain(|_, room| !matches!(room.stay, Stay::Asked(_)));
        let cursors = self.rooms.iter_mut().filter_map(|(name, room)| {
            room.stay = Stay::Resuming;
            let cursor = room.read_position.cursor()?;
            Some(RoomCursor { room: name.clone(), cursor })
        });
        cursors.collect()
    }

    /// Notes that the server is being asked for a room.
    pub(super) fn ask(&mut self, join: &JoinRoom) {
        let read_position = ReadPosition::after(join.cursor);
        self.rooms.insert(join.room.clone(), Room { stay: Stay::Asked(join.request), read_position });
    }

    /// Notes that the user is not in a room any more.
    pub(super) fn part(&mut self, room: &RoomName) {
        self.rooms.remove(room);
    }

    /// Notes that the server says that this client is in a room. Returns `None` if nobody asked for the room, or nobody
    /// wants it any more.
    pub(super) fn joined(&mut self, joined: &JoinedRoom) -> Option<Resumed> {
        let room = self.awaited(&joined.room, joined.request)?;
        room.stay = Stay::In;
        Some(room.read_position.joined(joined))
    }

    /// Notes that the server says that this client is not in a room. Returns whether that answers a question or a
    /// hello.
    pub(super) fn not_joined(&mut self, room: &RoomName, request: Option<u32>) -> bool {
        let is_answer = self.awaited(room, request).is_some();
        if is_answer {
            self.rooms.remove(room);
        }
        is_answer
    }

    /// Returns the room if an answer for it is awaited: to the question with this number, or to the hello if there is
    /// no number.
    fn awaited(&mut self, room: &RoomName, request: Option<u32>) -> Option<&mut Room> {
        let awaited = request.map_or(Stay::Resuming, Stay::Asked);
        self.rooms.get_mut(room).filter(|room| room.stay == awaited)
    }

    /// Whether texts for a room wait until the server answers for the room. The server handles a text after the `join`
    /// that it follows, so only the rooms of the hello are waited for.
    pub(super) fn is_resuming(&self, room: &RoomName) -> bool {
        self.rooms.get(room).is_some_and(|room| room.stay == Stay::Resuming)
    }

    /// Returns how far a room was read, if this client is in it.
    pub(super) fn read_position(&mut self, room: &RoomName) -> Option<&mut ReadPosition> {
        self.rooms.get_mut(room).filter(|room| room.stay == Stay::In).map(|room| &mut room.read_position)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::{ChainHash, LogId, Position, Seq};
    use hobnob_protocol::message::Cursor;

    use super::*;

    fn name(text: &str) -> RoomName {
        text.parse().unwrap()
    }

    fn join(room: &str, request: u32) -> JoinRoom {
        JoinRoom { request, room: name(room), cursor: None, since: None, backlog: 20 }
    }

    fn at(seq: u64) -> Position {
        Position { seq: Seq(seq), hash: ChainHash::new([1; 32]) }
    }

    fn joined(room: &str, request: Option<u32>, seq: u64) -> JoinedRoom {
        JoinedRoom {
            request,
            room: name(room),
            log: LogId::new([7; 16]),
            head: at(seq),
            start: at(seq),
            missed: 0,
            resumed: true,
            topic: None,
            users: 1,
        }
    }

    #[test]
    fn a_room_is_read_once_it_is_joined_and_named_in_the_next_hello() {
        let mut rooms = Rooms::default();
        rooms.ask(&join("tea", 4));
        assert!(rooms.read_position(&name("tea")).is_none() && !rooms.is_resuming(&name("tea")));
        assert_eq!(rooms.joined(&joined("Tea", Some(4), 9)), Some(Resumed::After { missed: 0 }));
        assert!(rooms.read_position(&name("tea")).is_some());
        let cursors = rooms.resume();
        assert_eq!((cursors.len(), cursors[0].cursor.position.seq), (1, Seq(9)));
        assert!(rooms.is_resuming(&name("tea")) && rooms.read_position(&name("tea")).is_none());
        assert_eq!(rooms.joined(&joined("tea", Some(4), 9)), None, "this answer belongs to no hello");
        assert_eq!(rooms.joined(&joined("tea", None, 11)), Some(Resumed::After { missed: 2 }));
    }

    #[test]
    fn a_join_without_an_answer_is_forgotten_with_its_connection() {
        let mut rooms = Rooms::default();
        rooms.ask(&join("tea", 4));
        assert_eq!(rooms.resume(), []);
        assert_eq!(rooms.joined(&joined("tea", Some(4), 0)), None);
    }

    #[test]
    fn a_room_that_this_client_did_not_ask_for_is_not_joined() {
        let mut rooms = Rooms::default();
        assert_eq!(rooms.joined(&joined("tea", None, 0)), None);
        rooms.ask(&join("tea", 4));
        rooms.part(&name("tea"));
        assert_eq!(rooms.joined(&joined("tea", Some(4), 0)), None);
        rooms.ask(&join("tea", 5));
        assert!(!rooms.not_joined(&name("tea"), Some(4)), "this answer belongs to a join that was given up");
        assert!(!rooms.not_joined(&name("tea"), None));
        assert!(rooms.not_joined(&name("TEA"), Some(5)) && !rooms.not_joined(&name("tea"), Some(5)));
    }

    #[test]
    fn rooms_of_an_earlier_run_are_bounded() {
        let cursor = Cursor { log: LogId::new([7; 16]), position: at(1) };
        let cursors = (0..100).map(|number| RoomCursor { room: name(&format!("r{number}")), cursor });
        let mut rooms = Rooms::of_earlier_run(cursors.collect());
        assert_eq!(rooms.resume().len(), MAX_ROOMS_OF_A_KEY);
    }
}
